"""Why nothing can run, with what the history says of the tasks that failed."""

from __future__ import annotations

from typing import Final

from gitorch.core import waiting
from gitorch.core.moves import States
from gitorch.core.plan import Tasks
from gitorch.core.text import one_line
from gitorch.core.waiting import Waiting
from gitorch.git.objects import Objects
from gitorch.ledger.history import failures_of

_LOOKED_UP: Final = 5  # failed tasks whose failure is looked up: it may be far back


def reasons(objects: Objects, states: States, tasks: Tasks) -> list[Waiting]:
    """Return the open tasks that cannot run, and why."""
    failed = [name for name, state in sorted(states.items()) if state == "failed"]
    said: dict[str, str] = {}
    for name in failed[:_LOOKED_UP]:
        failures = failures_of(objects, name).failures
        if failures and failures[0].reason:
            said[name] = one_line(failures[0].reason, 120)
    return waiting.reasons(states, tasks, said)
