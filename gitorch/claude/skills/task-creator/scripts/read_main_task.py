#!/usr/bin/env python3
"""Show what MAIN_TASK says: status, what happens next, the current task and the focus.

usage: read_main_task.py [--json]

Exit code: 0, or 1 where there is no workflow here yet.
"""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

# run, not imported: that leaves no compiled file in the repository
gitorch = runpy.run_path(str(Path(__file__).with_name("_gitorch.py")))

SIGNS = {"continue": "▶️ ", "completed": "✅", "blocked": "⛔"}
FIELDS = ("status", "next", "task", "focus")


def lines(state: dict[str, str | None]) -> list[str]:
    """Write the state for people; what it does not have is left out."""
    status = state["status"] or ""
    shown = {
        f"{SIGNS.get(status, '•')} STATUS": status.upper(),
        "📋 NEXT": state["next"],
        "🎯 CURRENT TASK": state["task"],
        "💡 FOCUS": state["focus"],
    }
    return [f"{label}: {value}" for label, value in shown.items() if value]


def main() -> int:
    """Read the state and print it."""
    words = gitorch["arguments"](__doc__)
    if words not in ([], ["--json"]):
        sys.exit(f"error: what does {' '.join(words)} mean?\nhint: read_main_task.py [--json]")
    found = json.loads("\n".join(gitorch["call"]("status", "--json")))
    state = {field: found[field] for field in FIELDS}
    if found["difference"]:
        sys.stderr.write(f"note: {found['difference']}\n")
    if words:
        gitorch["say"](json.dumps(state))
    elif state["status"]:
        gitorch["say"](*lines(state))
    if state["status"]:
        return 0
    sys.stderr.write("there is no workflow here yet: begin with create_task.py and update_main_task.py\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
