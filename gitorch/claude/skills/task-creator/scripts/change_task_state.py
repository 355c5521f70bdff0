#!/usr/bin/env python3
"""Change the state of a task: pending, running, completed, failed or blocked.

usage: change_task_state.py NAME STATE [--reason R]
"""

from __future__ import annotations

import runpy
from pathlib import Path

# run, not imported: that leaves no compiled file in the repository
gitorch = runpy.run_path(str(Path(__file__).with_name("_gitorch.py")))

if __name__ == "__main__":
    gitorch["say"](*(f"✅ {line}" for line in gitorch["call"]("move", *gitorch["arguments"](__doc__))))
