"""What the two sides of a merge hold of the workflow, and both of it joined."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from gitorch.core import again, join, message
from gitorch.core import plan as planner
from gitorch.core import task as task_files
from gitorch.core.join import Side
from gitorch.core.main_task import MainTask
from gitorch.core.moves import difference
from gitorch.core.names import TaskState, task_path
from gitorch.core.record import Record, Totals
from gitorch.core.task import Task
from gitorch.errors import GitorchError
from gitorch.git.objects import Entry
from gitorch.git.repository import Repository
from gitorch.guard import merge as three_way
from gitorch.guard.merge import Conflict
from gitorch.ledger.bases import bases, common
from gitorch.ledger.history import recent
from gitorch.ledger.state import WorkflowState, read_state


class Workflow(NamedTuple):
    """What a side has, or both together; `files` holds each task's file."""

    states: Mapping[str, TaskState]
    files: Mapping[str, Entry]
    main_task: MainTask | None
    totals: Totals


_NOTHING: Final = Workflow({}, {}, None, Totals())


def parting(repository: Repository, ours: str, theirs: str) -> list[str]:
    """List the commits from which both sides went on; there has to be one."""
    found = bases(repository.git, ours, theirs)
    if not found:
        raise GitorchError(
            "the two branches have no commit in common",
            hint="in a shallow clone get more of the history: git fetch --unshallow",
        )
    return found


def join_sides(
    repository: Repository, head: str, tip: str, began: list[str], by_hand: Mapping[str, Entry]
) -> tuple[Workflow, list[str]]:
    """Join both sides' workflows; gives the task files in conflict too.

    `by_hand` holds task files as somebody has resolved them.
    """

    def at(commit: str) -> Workflow:
        return _read(repository, commit)

    def virtual(base: Workflow, one: Workflow, other: Workflow) -> Workflow:
        return _join(repository, base, one, other, {})[0]

    ours, theirs = at(head), at(tip)
    if not any((ours.states, theirs.states, ours.main_task, theirs.main_task)):
        raise GitorchError("neither branch has a workflow", hint="merge them with git alone")
    base = common(repository.git, began, at, virtual, _NOTHING)
    joined, conflicts = _join(repository, base, ours, theirs, by_hand)
    if not conflicts:
        _refuse_circles(repository, joined, base, (ours, theirs))
    return joined, [task_path(name, ours.states[name]) for name in conflicts]


def _read(repository: Repository, commit: str) -> Workflow:
    state, fold = read_state(repository.objects, commit), recent(repository.objects, commit).fold
    if not fold.known:
        raise GitorchError(
            "this clone is so shallow that the sums since start are out of sight",
            hint="get more of the history: git fetch --unshallow",
        )
    return Workflow(state.states, state.files, state.main_task, fold.totals._replace(again=fold.again))


def _join(
    repository: Repository, base: Workflow, ours: Workflow, theirs: Workflow, by_hand: Mapping[str, Entry]
) -> tuple[Workflow, list[str]]:
    files, conflicts = _join_files(repository, base, ours, theirs, by_hand)
    tasks = _tasks(repository, files, {**theirs.states, **ours.states})
    edited = [name for name, was in base.files.items() if any(_edited(name, was, side) for side in (ours, theirs))]
    states = join.states(base.states, ours.states, theirs.states, tasks, edited=edited)
    sides = (Side(ours.main_task, ours.states), Side(theirs.main_task, theirs.states))
    left = {name: tasks[name] for name in states}
    main_task = join.main_task(base.main_task, sides, states, left)
    totals = join.totals(base.totals, ours.totals, theirs.totals)
    totals = totals._replace(again=again.join(ours.totals.again, theirs.totals.again, states))
    return Workflow(states, {name: files[name] for name in states}, main_task, totals), conflicts


def _edited(name: str, was: Entry, side: Workflow) -> bool:
    return name in side.files and side.files[name].oid != was.oid


def _join_files(
    repository: Repository, base: Workflow, ours: Workflow, theirs: Workflow, by_hand: Mapping[str, Entry]
) -> tuple[dict[str, Entry], list[str]]:
    files = {**ours.files, **theirs.files}
    conflicts: list[str] = []
    for name in sorted(ours.files.keys() & theirs.files.keys()):
        mine, other = ours.files[name], theirs.files[name]
        merged = three_way.merge(repository, base=base.files.get(name), ours=mine, theirs=other)
        if not isinstance(merged, Conflict) and merged.entry is not None:
            files[name] = merged.entry
        elif name in by_hand:
            files[name] = by_hand[name]
        elif name not in base.files and (first := _first_of_alike(repository, name, mine, other)) is not None:
            files[name] = first
        else:
            files[name] = min(mine, other)
            conflicts.append(name)
    return files, conflicts


def _first_of_alike(repository: Repository, name: str, *both: Entry) -> Entry | None:
    """Give the one of two new files that comes first, where they differ in their order alone."""
    tasks = [task_files.parse(name, repository.objects.blob(entry.oid), name) for entry in both]
    if tasks[0]._replace(order=0) != tasks[1]._replace(order=0):
        return None
    return min(zip(tasks, both, strict=True), key=lambda pair: (pair[0].order, pair[1]))[1]


def _tasks(repository: Repository, files: Mapping[str, Entry], states: Mapping[str, TaskState]) -> dict[str, Task]:
    return {
        name: task_files.parse(name, repository.objects.blob(entry.oid), task_path(name, states[name]))
        for name, entry in files.items()
    }


def _refuse_circles(repository: Repository, joined: Workflow, base: Workflow, sides: tuple[Workflow, Workflow]) -> None:
    """Refuse to join what each side could do and both together never can: tasks that wait for one another."""
    new = [{name for name, entry in side.files.items() if base.files.get(name) != entry} for side in sides]
    if not all(new):
        return
    tasks = _tasks(repository, joined.files, joined.states)
    for name in sorted((new[0] | new[1]) & tasks.keys()):
        problem = planner.task_problem(name, joined.states, tasks)
        if problem is None or any(_had_problem(repository, name, side) for side in sides):
            continue
        raise GitorchError(
            f"joined, task {name} could never run: {problem}",
            hint="mend parent or needs in its file on one of the branches, commit that, and try again",
        )


def _had_problem(repository: Repository, name: str, side: Workflow) -> bool:
    tasks = _tasks(repository, side.files, side.states)
    return name in tasks and planner.task_problem(name, side.states, tasks) is not None


def merge_record(state: WorkflowState, joined: Workflow, tip: str, what: str) -> Record:
    """Make the record of a merge: what it changes against this side, and the sums of both."""
    return Record(
        event="merge",
        subject=message.subject(joined.main_task.task if joined.main_task else None, what),
        body=f"Joined with commit {tip}.",
        main_task=joined.main_task,
        changes=tuple(difference(state.states, joined.states)),
        totals=joined.totals,
    )
