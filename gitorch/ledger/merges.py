"""What a merge has of its sides: the state of one of them, and the sums of both."""

from __future__ import annotations

from collections.abc import Sequence

from gitorch.core import again, join
from gitorch.core import fold as folds
from gitorch.core.fold import Fold
from gitorch.core.moves import States
from gitorch.core.record import Record, Totals
from gitorch.git.objects import Objects
from gitorch.git.process import Git
from gitorch.ledger.bases import bases, common, is_shallow
from gitorch.ledger.history import Logged, recent
from gitorch.ledger.trees import folder_at, state_at


def same_state(objects: Objects, logged: Logged, merged: tuple[States, str | None]) -> str | None:
    """Give the first parent that has the merge's state, None where none has it."""
    folder = folder_at(objects, logged.commit)
    for parent in logged.parents:
        if folder_at(objects, parent) == folder or state_at(objects, parent) == merged:
            return parent
    return None


def wrong_sums(
    git: Git, objects: Objects, parents: tuple[str, ...], sides: Sequence[Fold], record: Record, joined: States
) -> list[str]:
    """Say where a merge's sums are not those of both its sides, what they began from counted once."""
    if record.totals is None or record.event != "merge":
        return []
    if len(parents) > 2:  # noqa: PLR2004 - two sides
        return [f"it has the sums of two sides, and joins {len(parents)}"]
    ours, theirs = sides
    if is_shallow(git):
        return []
    began = bases(git, *parents)
    base = common(git, began, lambda at: recent(objects, at).fold.totals, join.totals, Totals())
    due = join.totals(base, ours.totals, theirs.totals)
    return folds.wrong_totals(record.totals, due._replace(again=again.join(ours.again, theirs.again, joined)))
