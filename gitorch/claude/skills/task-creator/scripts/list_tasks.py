#!/usr/bin/env python3
"""List the tasks.

usage: list_tasks.py [--by-state] [--json]
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

# run, not imported: that leaves no compiled file in the repository
gitorch = runpy.run_path(str(Path(__file__).with_name("_gitorch.py")))

if __name__ == "__main__":
    sys.exit(gitorch["pass_on"]("list", *gitorch["arguments"](__doc__)))
