"""`gitorch adopt`."""

from __future__ import annotations

import sys
from typing import Final

import click

import gitorch
from gitorch import output
from gitorch.core.text import counted
from gitorch.errors import Exit, GitorchError
from gitorch.loop import adopt
from gitorch.loop.adopt import Strays

_SHOWN: Final = 20


def run(*, folder: str, yes: bool) -> int:
    """Show where the trees say another state than the log, and record it."""
    with gitorch.open(folder) as workflow:
        strays = adopt.look(workflow.repository)
        if not strays:
            output.say("nothing to adopt: the log and the files agree")
            return _left(strays)
        _show(strays)
        if not yes and not _confirmed():
            raise GitorchError("nothing was recorded", hint="restore the files, or run gitorch adopt again")
        appended = adopt.adopt(workflow.repository, strays)
    if appended is None:
        output.say("nothing is left to adopt")
        return Exit.OK
    output.say(f"recorded  ({appended.commit[:10]})")
    return _left(strays)


def _confirmed() -> bool:
    try:
        return click.confirm("Record this as it is?", err=True)
    except click.Abort:
        if sys.stdin.isatty():
            raise
    raise GitorchError(
        "nothing was recorded: there is no terminal to ask on", hint="gitorch adopt --yes records it without asking"
    )


def _show(strays: Strays) -> None:
    for problem in strays.problems[:_SHOWN]:
        output.say(f"{output.paint(problem.commit[:10], 'yellow')}  {problem.problem}")
    if len(strays.problems) > _SHOWN:
        output.say(f"… and {len(strays.problems) - _SHOWN} more: gitorch verify")
    width = max((len(change.name) for change in strays.changes), default=0)
    for name, before, after in strays.changes:
        output.say(f"task {name:{width}}  the log says {before or 'none'}, the files say {after or 'none'}")
    if strays.main_task:
        output.say("MAIN_TASK differs from what the log says")


def _left(strays: Strays) -> int:
    """Say what no record can put right."""
    if strays.left:
        count = counted(strays.left, "problem")
        raise GitorchError(
            f"{count} cannot be adopted: the messages of commits are wrong",
            hint="gitorch verify lists them; git reflog has the branch as it was before it was rewritten",
        )
    return Exit.OK
