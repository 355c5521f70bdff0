"""`gitorch abandon` and `gitorch archive`."""

from __future__ import annotations

import gitorch
from gitorch import output
from gitorch.commands.watching import Interrupts, Live
from gitorch.core.names import TASKS_DIR
from gitorch.core.text import counted
from gitorch.errors import Exit
from gitorch.loop.put_away import PutAway


def run(*, folder: str, what: str, reason: str | None = None, keep: tuple[str, ...] = ()) -> int:
    """End a workflow and put its open tasks away, or put a finished one away."""
    with gitorch.open(folder) as workflow:
        watch = Live(Interrupts(), stop_at=1)
        done = workflow.abandon(reason, watch) if what == "abandon" else workflow.archive(keep, watch)
    tell(done, "abandoned" if what == "abandon" else "archived")
    return Exit.OK


def tell(done: PutAway, verb: str) -> None:
    """Say which tasks were put away, and how their files can still be read."""
    names = [change.name for change in done.appended.record.changes]
    output.say(f"{verb} {counted(len(names), 'task')}  ({done.appended.commit[:10]})")
    if done.ref is not None:
        output.say(f"their files are in the history: git show '{done.ref}:{TASKS_DIR}/NAME/FILE'")
        output.say(f"all of them: git ls-tree -r --name-only {done.ref} {TASKS_DIR}/")
    for path in done.kept:
        output.note(f"note: {path} stays in the work tree (uncommitted changes, or a repository of its own)")
