"""What comes of a step."""

from __future__ import annotations

from typing import NamedTuple

from gitorch.core.main_task import MainTask
from gitorch.core.record import Action, Outcome, Totals
from gitorch.errors import Exit


class Step(NamedTuple):
    """The result of a step. Where nothing was done, `commit` is None and `reason` says why; `hint` says what to do."""

    exit: Exit
    main_task: MainTask
    action: Action | None = None
    task: str | None = None
    outcome: Outcome | None = None
    invocation: str | None = None
    commit: str | None = None
    attempt: int | None = None
    agent: str | None = None
    reason: str | None = None
    retry_at: str | None = None
    hint: str | None = None
    notes: tuple[str, ...] = ()
    totals: Totals = Totals()
