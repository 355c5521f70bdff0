"""Remove tasks by hand: one record, one commit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gitorch.core import message, moves
from gitorch.core import plan as planner
from gitorch.core.moves import Change, Family
from gitorch.core.names import check_name
from gitorch.core.record import Record
from gitorch.errors import GitorchError
from gitorch.git.repository import Repository
from gitorch.ledger.append import Appended, Draft, append
from gitorch.ledger.outlines import read_outlines
from gitorch.ledger.state import WorkflowState, read_state
from gitorch.loop import invocation, proposal
from gitorch.loop.lifecycle import close_interrupted
from gitorch.loop.watch import Watch


def drop(repository: Repository, *names: str, recursive: bool = False, watch: Watch | None = None) -> Appended:
    """Remove tasks; their directories stay. Where MAIN_TASK names one of them, it goes on with another task.

    Args:
        repository: where.
        names: the tasks.
        recursive: whether to remove their subtasks too.
        watch: is notified of an interrupted invocation that is recovered first.

    Raises:
        GitorchError: a task has subtasks that are not removed, others need it, or an invocation works on it.
    """
    proposal.refuse_inside("drop")
    for name in names:
        check_name(name)
    close_interrupted(repository, _with_subtasks_now(repository, names) if recursive else names, watch)

    def draft_for(state: WorkflowState) -> Draft:
        tasks = read_outlines(repository, state)
        family = planner.family_of(tasks)
        wanted = _with_subtasks(names, state, family) if recursive else list(dict.fromkeys(names))
        _check_droppable(repository, wanted, state, tasks)
        changes: list[Change] = []
        states = dict(state.states)
        for name in sorted(wanted, key=lambda each: -len([*family.ancestors(each)])):  # subtasks first
            new = moves.with_parents(states, family, Change(name, states[name], None))
            new = [new[0], *(change for change in new[1:] if change.name not in wanted)]
            changes += new
            states = moves.apply(states, new)
        for change in changes:
            invocation.check_not_worked_on(repository, change.name)
        left = {name: task for name, task in tasks.items() if name in states}
        now = state.main_task
        if now is not None and now.task in wanted and now.status != "completed":
            now = planner.next_main_task(states, left)
        what = "drop task" if len(wanted) == 1 else f"drop {len(wanted)} tasks"
        record = Record(event="drop", subject=message.subject(names[0], what), main_task=now, changes=tuple(changes))
        return Draft(record=record)

    return append(repository, draft_for)


def _with_subtasks_now(repository: Repository, names: Sequence[str]) -> list[str]:
    state = read_state(repository.objects)
    return _with_subtasks(names, state, planner.family_of(read_outlines(repository, state)))


def _with_subtasks(names: Iterable[str], state: WorkflowState, family: Family) -> list[str]:
    found: dict[str, None] = {}
    pending = [*names]
    while pending:
        name = pending.pop()
        if name not in found:
            found[name] = None
            pending += [child for child in family.children(name) if child in state.states]
    return [*found]


def _check_droppable(repository: Repository, names: Sequence[str], state: WorkflowState, tasks: planner.Tasks) -> None:
    family = planner.family_of(tasks)
    for name in names:
        state.state_of(name)
        invocation.check_not_worked_on(repository, name)
        children = [child for child in family.children(name) if child in state.states and child not in names]
        if children:
            raise GitorchError(f"task {name} has subtasks", hint=f"remove them too: gitorch drop --recursive {name}")
        needing = sorted(other for other, task in tasks.items() if name in task.needs and other not in names)
        if needing:
            raise GitorchError(
                f"task {name} is needed by {', '.join(needing[:5])}",
                hint=f"remove those too, or change their needs: gitorch edit {needing[0]}",
            )
