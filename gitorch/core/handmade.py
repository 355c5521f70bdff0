"""Changes of a workflow that somebody makes by hand, by renaming and editing files: what is legal, and its record."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from gitorch.core import message, moves
from gitorch.core import plan as planner
from gitorch.core.join import Side
from gitorch.core.moves import Change, Family, States
from gitorch.core.names import task_path
from gitorch.core.plan import Tasks
from gitorch.core.record import Event, Record
from gitorch.core.text import paragraphs
from gitorch.errors import GitorchError

_MADE_BY_HAND: Final = frozenset[Event]({"create", "move", "update", "drop", "adopt"})
_OWN_SUBJECT: Final = re.compile(r"gitorch\([^()\s]*\):\s*")
_GIVEN: Final = re.compile(r"(?:create|drop) task|move [a-z]+ -> [a-z]+|update: .*|adopt a change made by hand")


def is_by_hand(record: Record) -> bool:
    """Tell whether a record is of the kinds that changes by hand get; the others are for gitorch alone to write."""
    return record.event in _MADE_BY_HAND


def record(before: Side, after: Side, tasks: Tasks, *, rewritten: bool) -> Record | None:
    """Make the record of a change, None where nothing of the state changes.

    Args:
        before: what there was.
        after: what there is to be.
        tasks: the task files of both.
        rewritten: whether the file MAIN_TASK changes.

    Raises:
        GitorchError: the change is not legal.
    """
    changes = moves.difference(before.states, after.states)
    if not changes and not rewritten:
        return None
    if after.main_task is None and not after.states:
        return _removal(before, changes)
    if before.main_task is not None or after.main_task is not None:
        _check_main_task(after)
    for change in changes:
        if change.before is None:
            _check_new(change.name, after.states, tasks)
    changes = _check_moves(before.states, after.states, changes, planner.family_of(tasks))
    _check_needs(changes, after.states, tasks)
    event, name, what = _title(changes, after, rewritten=rewritten)
    return Record(event=event, subject=message.subject(name, what), main_task=after.main_task, changes=tuple(changes))


def _removal(before: Side, changes: Sequence[Change]) -> Record:
    """Return the record of a commit that removes the whole workflow from the tree."""
    task = before.main_task.task if before.main_task is not None else None
    name = task or (changes[0].name if changes else None)
    return Record(event="adopt", subject=message.subject(name, "remove workflow"), changes=tuple(changes))


def with_text(record: Record, text: str) -> Record:
    """Let a record say what its maker wrote: its first line in the subject where it fits, the rest in the body."""
    text = paragraphs(text)
    if not text:
        return record
    first, _, rest = text.partition("\n")
    what = _OWN_SUBJECT.sub("", first, count=1).strip()
    if what != first and _GIVEN.fullmatch(what):  # nobody has said that: it comes from a record
        return record._replace(body=rest.strip("\n"))
    name = record.subject.partition("(")[2].partition(")")[0]
    subject = message.subject(name, what)
    if not what or not subject.endswith(f": {what}"):  # it does not fit whole
        return record._replace(body=text)
    return record._replace(subject=subject, body=rest.strip("\n"))


def _title(changes: Sequence[Change], after: Side, *, rewritten: bool) -> tuple[Event, str | None, str]:
    """Choose the record's event, the task in its subject and what it says there."""
    if not changes and after.main_task is not None:
        status, next_, task, _ = after.main_task
        return "update", task, f"update: {status}, {next_}"
    first = changes[0]
    kinds = {"create" if c.before is None else "drop" if c.after is None else "move" for c in changes}
    closing = first.after is None and all(c.after is None or c.before == "running" for c in changes)
    if rewritten or (len(kinds) > 1 and not closing) or (first.before is None and len(changes) > 1):
        return "adopt", first.name, "adopt a change made by hand"
    if first.before is None:
        return "create", first.name, "create task"
    if first.after is None:
        return "drop", first.name, "drop task"
    return "move", first.name, f"move {first.before} -> {first.after}"


def _check_main_task(after: Side) -> None:
    if after.main_task is None:
        raise GitorchError(
            "MAIN_TASK would be missing",
            hint="end a workflow with: gitorch abandon, or gitorch archive when it is finished",
        )
    task = after.main_task.task
    if task is not None and task not in after.states and after.main_task.status != "completed":
        raise GitorchError(f"MAIN_TASK names task {task}, which there is not", hint="name another in its TASK line")


def _check_moves(before: States, after: States, changes: Sequence[Change], family: Family) -> list[Change]:
    """Check all moves; gives them with those first that the others follow from."""
    depth = {change.name: sum(1 for _ in family.ancestors(change.name)) for change in changes}
    kind = {True: 0, False: 1}
    now = dict(before)
    leading: list[Change] = []
    for change in sorted(changes, key=lambda c: (kind[c.before is None], -depth[c.name], c.name)):
        if now.get(change.name) == change.after:
            continue  # it follows from another one
        leading.append(change)
        if change.before is None:
            now[change.name] = "pending"
            continue
        if change.after is not None:
            moves.check_move(change.name, change.before, change.after)
        _check_children(change, now, family)
        if now.get(change.name) == change.before:
            now = moves.apply(now, moves.with_parents(now, family, change))
    wrong = moves.difference(after, now)
    if wrong:
        _refuse_parent(wrong[0], leading)
    return [*leading, *(change for change in changes if change not in leading)]


def _check_children(change: Change, now: States, family: Family) -> None:
    there = [child for child in family.children(change.name) if child in now]
    if change.after is None and there:
        raise GitorchError(f"task {change.name} has subtasks: {', '.join(there[:5])}", hint="take those away first")
    left = [child for child in there if now[child] != "completed"]
    if change.after == "completed" and left:
        raise GitorchError(
            f"task {change.name} has open subtasks: {', '.join(left[:5])}",
            hint="complete or drop them: it closes with the last one",
        )


def _refuse_parent(wrong: Change, leading: Sequence[Change]) -> None:
    """Say which other task has to be moved in the same commit; `wrong` goes from what it is to what it has to be."""
    name, there, due = wrong
    cause = leading[0]
    by_gitorch = f"gitorch move {cause.name} {cause.after}" if cause.after is not None else f"gitorch drop {cause.name}"
    if there is None or due is None:
        raise GitorchError(f"task {name} cannot be {there or 'missing'} here", hint=f"let gitorch do it: {by_gitorch}")
    raise GitorchError(
        f"with {cause} task {name} has to be {due}, not {there}",
        hint=f"also rename its file to {task_path(name, due)}, and stage it; {by_gitorch} would do both",
    )


def _check_new(name: str, states: States, tasks: Tasks) -> None:
    if states[name] != "pending":
        raise GitorchError(
            f"new task {name} is {states[name]}",
            hint=f"a task begins as pending: name its file {task_path(name, 'pending')}",
        )
    parent = tasks[name].parent
    if parent is not None and states.get(parent) == "completed":
        raise GitorchError(
            f"parent {parent} of new task {name} is completed", hint="reopen it first: move it to pending"
        )


def _check_needs(changes: Sequence[Change], states: States, tasks: Tasks) -> None:
    """Refuse what could never run, and to take away what others need."""
    left = {name: tasks[name] for name in states}
    gone = {change.name for change in changes if change.after is None}
    new = {change.name for change in changes if change.before is None}
    for name, problem in planner.task_problems(states, left):
        if name in new or gone & {*left[name].needs, left[name].parent}:
            raise GitorchError(f"task {name} could never run: {problem}", hint="mend its needs or its parent")
