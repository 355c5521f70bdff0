#!/usr/bin/env python3
"""Create a task.

usage: create_task.py NAME [--description D] [--parent P] [--needs N]... [--check CMD]... [--output PATH]...

The other options are those of gitorch create -h.
"""

from __future__ import annotations

import runpy
from pathlib import Path

# run, not imported: that leaves no compiled file in the repository
gitorch = runpy.run_path(str(Path(__file__).with_name("_gitorch.py")))

if __name__ == "__main__":
    gitorch["say"](*(f"✅ {line}" for line in gitorch["call"]("create", *gitorch["arguments"](__doc__))))
