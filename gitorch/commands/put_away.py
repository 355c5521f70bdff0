"""`gitorch put_away`."""

from __future__ import annotations

import gitorch
from gitorch import output
from gitorch.core.names import TASKS_DIR
from gitorch.core.text import counted
from gitorch.errors import Exit
from gitorch.loop.lifecycle import PutAway


def run(*, folder: str, what: str, reason: str | None = None, keep: tuple[str, ...] = ()) -> int:
    """End a workflow and put its open tasks away, or put a finished one away."""
    with gitorch.open(folder) as workflow:
        done = workflow.abandon(reason) if what == "abandon" else workflow.archive(keep)
    tell(done, "abandoned" if what == "abandon" else "archived")
    return Exit.OK


def tell(done: PutAway, verb: str) -> None:
    """Say which tasks were put away, and how their files can still be read."""
    names = [change.name for change in done.appended.record.changes]
    output.say(f"{verb} {counted(len(names), 'task')}  ({done.appended.commit[:10]})")
    output.say(f"their files are in the history: git show '{done.ref}:{TASKS_DIR}/NAME/FILE'")
    output.say(f"all of them: git ls-tree -r --name-only {done.ref} {TASKS_DIR}/")
    for path in done.kept:
        output.note(f"note: {path} has uncommitted changes, and stays in the work tree")
