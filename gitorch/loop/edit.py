"""What people do to a workflow by hand: each is one record, one commit."""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

from gitorch.core import main_task as main_tasks
from gitorch.core import message, moves, waiting
from gitorch.core import plan as planner
from gitorch.core import task as task_files
from gitorch.core.main_task import MainTask
from gitorch.core.moves import Change
from gitorch.core.names import check_name, check_state, task_dir, task_path
from gitorch.core.record import Record
from gitorch.core.task import AUTO, Parameters, Task
from gitorch.core.text import one_line
from gitorch.errors import GitorchError
from gitorch.git.repository import Repository
from gitorch.guard.edits import changes_in
from gitorch.ledger.append import Appended, Draft, append, append_if
from gitorch.ledger.outlines import read_outlines
from gitorch.ledger.state import WorkflowState, read_state
from gitorch.loop import catalog, invocation, proposal, put_away, trust
from gitorch.loop.put_away import PutAway
from gitorch.loop.watch import Watch


class NewTask(NamedTuple):
    """A task to be created by hand: what its file is to say, see `Task`. An `order` of None puts it last."""

    name: str
    description: str | None = None
    parent: str | None = None
    needs: tuple[str, ...] = ()
    kind: str | None = None
    order: int | None = None
    focus: str | None = None
    outputs: tuple[str, ...] = ()
    check: tuple[str, ...] = ()
    agent: str | None = None
    model: str | None = None
    touches: tuple[str, ...] = ()


class Started(NamedTuple):
    """A workflow that has begun; `archived` is the finished one that was put away for it."""

    commit: str
    record: Record
    archived: PutAway | None


def start(
    repository: Repository,
    name: str,
    *,
    description: str | None = None,
    template: str | None = None,
    focus: str | None = None,
    parameters: Parameters | None = None,
    watch: Watch | None = None,
) -> Started:
    """Begin a workflow: its main task and MAIN_TASK in one commit. A finished workflow is archived first.

    Raises:
        GitorchError: another workflow is open, the name is taken, or the template or a parameter is unknown.
    """
    proposal.refuse_inside("start")
    check_name(name)
    task = Task(
        name=name,
        template=template or AUTO,
        parameters=parameters or {},
        focus=focus,
        description=f"# {name}\n\n{description or name}",
    )
    # refused now rather than in the first step
    _, made = catalog.subtasks(None, task, parameters or {}, catalog.templates(repository))
    trust.allow_own_words(made, parameters or {})
    sentence = f"Decompose {name} task"

    def draft_for(state: WorkflowState) -> Draft:
        if state.main_task is not None:
            put_away.check_finished(state)
        _check_free(state, name)
        record = Record(
            event="start",
            subject=message.subject(name, "start workflow"),
            body=description or "",
            main_task=main_tasks.make("continue", sentence, name, focus),
            changes=(Change(name, None, "pending"),),
        )
        return Draft(record=record, contents={task_path(name, "pending"): task_files.format(task).encode()})

    with put_away.undisturbed(repository, watch):
        archived = _archive_finished(repository)
        return Started(*append(repository, draft_for), archived)


def _archive_finished(repository: Repository) -> PutAway | None:
    """Put a workflow away that has ended and left no task open; None where there is none."""
    state = read_state(repository.objects)
    if state.main_task is None or not state.states:
        return None
    put_away.check_finished(state)
    return put_away.archive_finished(repository)


def create(repository: Repository, new: NewTask) -> Appended:
    """Create a task. Its checks are the user's own, so they are allowed to run on this machine.

    Raises:
        GitorchError: a value is not valid, the name is taken, or the task could never run. Nothing is created then.
    """
    proposal.refuse_inside("create")
    for name in (new.name, *((new.parent,) if new.parent else ()), *new.needs):
        check_name(name)
    base = _task_of(new)
    if trust.untrusted(base):
        trust.allow(trust.digest(line, base.env) for line in base.check)

    def draft_for(state: WorkflowState) -> Draft:
        _check_free(state, new.name)
        for other in (*((new.parent,) if new.parent else ()), *new.needs):
            state.state_of(other)
        if new.parent is not None and state.states[new.parent] == "completed":
            raise GitorchError(
                f"parent {new.parent} is completed", hint=f"reopen it: gitorch move {new.parent} pending"
            )
        if new.parent is not None:
            invocation.check_not_worked_on(repository, new.parent)
        tasks = read_outlines(repository, state)
        siblings = [each for each in tasks.values() if each.parent == new.parent]
        last = max((each.order for each in siblings), default=0)
        task = base if new.order is not None else base._replace(order=last + 1)
        problem = planner.task_problem(new.name, {**state.states, new.name: "pending"}, {**tasks, new.name: task})
        if problem is not None:
            raise GitorchError(
                f"task {new.name} could never run: {problem}", hint="choose other needs or another parent"
            )
        record = Record(
            event="create",
            subject=message.subject(new.name, "create task"),
            body=new.description or "",
            main_task=state.main_task,
            changes=(Change(new.name, None, "pending"),),
        )
        return Draft(record=record, contents={task_path(new.name, "pending"): task_files.format(task).encode()})

    return append(repository, draft_for)


def _task_of(new: NewTask) -> Task:
    """Return the task, each value of it read as front matter is."""
    values = {
        **new._asdict(),
        "needs": tuple(dict.fromkeys(new.needs)),
        "order": None if new.order is None else str(new.order),
    }
    del values["name"], values["description"]
    return task_files.from_options(new.name, values, f"# {new.name}\n\n{new.description or new.name}")


def _check_free(state: WorkflowState, name: str) -> None:
    if name in state.states:
        raise GitorchError(
            f"there is a task {name} already; it is {state.states[name]}",
            hint="names are unique, whatever a task's state",
        )


def move(repository: Repository, name: str, to: str, reason: str | None = None) -> Appended | None:
    """Change a task's state, its folder and file committed along; None where it is there already.

    Inside an invocation nothing is committed: the state is proposed, and recorded once it has been checked.
    """
    after = check_state(to)
    check_name(name)
    if proposal.inside():
        proposal.propose_move(name, to, reason)
        return None

    def draft_for(state: WorkflowState) -> Draft | None:
        before = state.state_of(name)
        if before == after:
            return None
        invocation.check_not_worked_on(repository, name)
        moves.check_move(name, before, after)
        family = planner.family_of(read_outlines(repository, state))
        still_open = [child for child in family.children(name) if state.states.get(child) != "completed"]
        if after == "completed" and still_open:
            raise GitorchError(
                f"task {name} has open subtasks: {', '.join(still_open[:5])}",
                hint="complete or drop them: it closes with the last one by itself",
            )
        changes = moves.with_parents(state.states, family, Change(name, before, after))
        record = Record(
            event="move",
            subject=message.subject(name, f"move {before} -> {after}"),
            main_task=state.main_task,
            changes=tuple(changes),
            reason=one_line(reason) or None if reason else None,
        )
        paths = (task_dir(name), state.path_of(name))
        return Draft(record=record, work=changes_in(repository, paths))

    appended = append_if(repository, draft_for)
    if after == "running":  # whoever works on it by hand wants to put something there
        (repository.root / task_dir(name)).mkdir(exist_ok=True)
    return appended


class Updated(NamedTuple):
    """The result of an update: a record, or inside an invocation a proposal.

    `waits` says why its task cannot run yet, None where it can or where there is none; `left_open` what the open tasks
    of a workflow mean that it ends.
    """

    main_task: MainTask
    appended: Appended | None
    waits: str | None = None
    left_open: str | None = None


def update(
    repository: Repository, status: str, next_: str, *, task: str | None = None, focus: str | None = None
) -> Updated:
    """Replace MAIN_TASK whole. It is always a commit, also where nothing changes."""
    main_task = main_tasks.make(status, next_, task, focus)
    if proposal.inside():
        state = read_state(repository.objects)
        if task is not None:
            state.state_of(task)
        own = proposal.own_task()
        above = planner.family_of(read_outlines(repository, state)).ancestors(own or "")
        closing = {own, *above}
        others = {name: each for name, each in state.states.items() if name not in closing}
        proposal.propose_update(main_task, others_open=planner.is_open(others))
        return Updated(main_task, None)

    waits: str | None = None
    left_open: str | None = None

    def draft_for(state: WorkflowState) -> Draft:
        nonlocal waits, left_open
        left_open = waiting.left_open(state.states) if status == "completed" else None
        if task is not None:
            state.state_of(task)
            with suppress(GitorchError):  # MAIN_TASK can be replaced while a task file is not valid
                if main_task.status == "continue":
                    waits = waiting.reason(task, state.states, read_outlines(repository, state))
        what = f"update: {status}, {next_}"
        return Draft(record=Record(event="update", subject=message.subject(task, what), main_task=main_task))

    appended = append(repository, draft_for)
    return Updated(main_task, appended, waits, left_open)
