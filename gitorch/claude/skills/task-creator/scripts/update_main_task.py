#!/usr/bin/env python3
"""Say what happens next: replace MAIN_TASK. STATUS is continue, completed or blocked.

usage: update_main_task.py STATUS NEXT [--task T] [--focus F]
"""

from __future__ import annotations

import runpy
from pathlib import Path

# run, not imported: that leaves no compiled file in the repository
gitorch = runpy.run_path(str(Path(__file__).with_name("_gitorch.py")))

if __name__ == "__main__":
    written = gitorch["call"]("update", *gitorch["arguments"](__doc__))
    values = [line.partition(": ")[2] for line in written[:2]]
    if values:  # inside an invocation nothing is written yet, and gitorch has said so
        gitorch["say"](f"✅ .tasks/MAIN_TASK: {', '.join(values)}")
