"""What verifying finds: problems, warnings, and changes that no record names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from gitorch.core.moves import Change
from gitorch.core.record import Record


class Problem(NamedTuple):
    """What is wrong with a commit."""

    commit: str
    problem: str


@dataclass
class Report:
    """What verifying found. `checked` counts the records; problems stand oldest first.

    `since` is the commit after which it began, None for the whole history, and `tip` the one where it ended.
    `unrecorded` are the changes that lead from what the records tell to what the tree at the tip shows; `strays` are
    the problems that a record of `adopt` which names those changes would account for.
    """

    checked: int = 0
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    since: str | None = None
    tip: str | None = None
    unrecorded: tuple[Change, ...] = ()
    strays: tuple[Problem, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the whole record holds."""
        return not self.problems


class Unrecorded(NamedTuple):
    """A change from what the records tell to what a tree shows, None for one of MAIN_TASK; `place` is its problem's."""

    change: Change | None
    place: int


def still(pending: tuple[Unrecorded, ...], record: Record) -> tuple[Unrecorded, ...]:
    """Give what is unrecorded still after a record: where that says how a task stands, the log knows it again."""
    if not pending:
        return pending
    told = {change.name for change in record.changes}
    return tuple(each._replace(change=None) if each.change and each.change.name in told else each for each in pending)
