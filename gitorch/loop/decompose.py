"""Cut a task into subtasks by a template: one commit, whoever asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from gitorch.core import fold as folds
from gitorch.core import message, moves, plan
from gitorch.core import task as task_files
from gitorch.core.fold import Fold
from gitorch.core.moves import Change
from gitorch.core.names import task_path
from gitorch.core.record import Record
from gitorch.core.task import Parameters, Task
from gitorch.core.template import Template
from gitorch.errors import GitorchError
from gitorch.git.repository import Repository
from gitorch.ledger.append import Appended, Draft, append
from gitorch.ledger.history import recent
from gitorch.ledger.outlines import read_outlines
from gitorch.ledger.state import WorkflowState
from gitorch.ledger.tasks import read_task
from gitorch.loop import catalog, invocation


class Choice(NamedTuple):
    """Which template to use: by name, or by the task's own wish where None; and values for its parameters."""

    template: str | None = None
    parameters: Parameters = MappingProxyType({})


def decompose(repository: Repository, name: str, choice: Choice, *, by_step: bool) -> tuple[Appended, list[Task]]:
    """Decompose a task. By a step it counts as one, and MAIN_TASK goes on to the first subtask.

    Raises:
        GitorchError: the task cannot be decomposed, the template has a fault, or a name is taken. Nothing is changed.
    """
    known = catalog.templates(repository)
    made: list[Task] = []

    def draft_for(state: WorkflowState) -> Draft:
        if not by_step:
            invocation.check_not_worked_on(repository, name)
        fold = recent(repository.objects, state.commit).fold if by_step and state.commit is not None else None
        draft, made[:] = _draft(repository, state, name, choice, known, fold)
        return draft

    appended = append(repository, draft_for)
    return appended, made


def _draft(
    repository: Repository,
    state: WorkflowState,
    name: str,
    choice: Choice,
    known: Mapping[str, Template],
    fold: Fold | None,
) -> tuple[Draft, list[Task]]:
    """Work out the record of a decomposition; `fold` is given where a step does it."""
    now = state.state_of(name)
    tasks = read_outlines(repository, state)
    family = plan.family_of(tasks)
    if family.children(name):
        raise GitorchError(f"task {name} has subtasks already", hint=f"see them: gitorch show {name}")
    if now not in ("pending", "running"):
        raise GitorchError(f"task {name} is {now}; only a pending or running task can be decomposed")
    task = read_task(repository.objects, state, name)
    template, made = catalog.subtasks(choice.template, task, choice.parameters, known)
    for each in made:
        if each.name in state.states:
            raise GitorchError(
                f"template {template.name} would create {each.name}, and there is such a task already",
                hint="choose another template, or drop that task",
            )
    changes = moves.with_parents(state.states, family, Change(name, now, "running")) if now == "pending" else []
    changes = [*changes, *(Change(task.name, None, "pending") for task in made)]
    main_task = state.main_task
    if fold is not None:
        after = {**tasks, **{task.name: task.outline for task in made}}
        states = moves.apply(state.states, changes)
        if not plan.outlasts(main_task, name, states, after):
            main_task = plan.next_main_task(states, after)
    record = Record(
        event="decompose",
        subject=message.subject(name, f"decompose into {len(made)} subtasks"),
        body=f"By template {template.name}: " + ", ".join(task.name for task in made),
        main_task=main_task,
        changes=tuple(changes),
    )
    if fold is not None:
        record = record._replace(totals=folds.next_totals(fold, record, worked=False))
    contents = {task_path(task.name, "pending"): task_files.format(task).encode() for task in made}
    return Draft(record=record, contents=contents), made
