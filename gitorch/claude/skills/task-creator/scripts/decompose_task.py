#!/usr/bin/env python3
"""Cut a task into subtasks by a template: research, competitive-analysis, market-research, technical-deepdive.

usage: decompose_task.py NAME [--auto | --template T]
"""

from __future__ import annotations

import runpy
from pathlib import Path

# run, not imported: that leaves no compiled file in the repository
gitorch = runpy.run_path(str(Path(__file__).with_name("_gitorch.py")))

if __name__ == "__main__":
    made = gitorch["call"]("decompose", *gitorch["arguments"](__doc__))
    gitorch["say"]("Creates:", *(f"- {file}" for file in made))
