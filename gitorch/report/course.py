"""The course of the states along a history: one point for each record, in the order in which they are told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gitorch.core.audit import Entry
from gitorch.core.main_task import MainTask
from gitorch.core.moves import Change, States, difference
from gitorch.core.record import Event
from gitorch.errors import GitorchError
from gitorch.git.objects import Objects
from gitorch.ledger.state import read_state


class Point(NamedTuple):
    """What stands after a record.

    Attributes:
        commit: the record's commit.
        moves: what the record says of the tasks.
        jump: what leads from the point before to where the record stands, where that is another branch.
    """

    commit: str
    time: int
    event: Event
    main_task: MainTask | None
    moves: tuple[Change, ...]
    jump: tuple[Change, ...] = ()


class Course(NamedTuple):
    """All points, and the states after the last."""

    points: list[Point]
    states: States


def follow(objects: Objects, entries: Sequence[Entry]) -> Course:
    """Follow the states through a history, parents before children."""
    last_use = {parent: number for number, entry in enumerate(entries) for parent in entry.parents}
    at: dict[str, States] = {}
    points: list[Point] = []
    told: States = {}
    for number, entry in enumerate(entries):
        before = _before(objects, entry, at)
        after = before
        if entry.record is not None:
            after = _apply(before, entry.record.changes)
            jump = () if before is told else tuple(difference(told, before))
            record = entry.record
            points.append(Point(entry.commit, entry.time, record.event, record.main_task, record.changes, jump))
            told = after
        for parent in entry.parents:
            if last_use[parent] == number:
                at.pop(parent, None)
        if entry.commit in last_use:
            at[entry.commit] = after
    return Course(points, told)


def _before(objects: Objects, entry: Entry, at: dict[str, States]) -> States:
    """Give the states on which an entry stands: its parents', or what the tree tells where that is not clear."""
    known = [at[parent] for parent in entry.parents if parent in at]
    if known and len(known) == len(entry.parents) and (entry.record is not None or _agree(known)):
        return known[0]
    try:
        states = read_state(objects, entry.commit).states
    except GitorchError:  # somebody has spoiled it: verify tells
        return known[0] if known else {}
    return _apply(states, [Change(c.name, c.after, c.before) for c in entry.record.changes]) if entry.record else states


def _agree(known: list[States]) -> bool:
    return all(states is known[0] or states == known[0] for states in known)


def _apply(states: States, changes: Sequence[Change]) -> States:
    """Give the states after changes, even where they do not begin where the tasks are."""
    if not changes:
        return states
    result = dict(states)
    for change in changes:
        if change.after is None:
            result.pop(change.name, None)
        else:
            result[change.name] = change.after
    return result
