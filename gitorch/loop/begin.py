"""Begin an invocation: its record, the snapshot to go back to, and the job for whoever does the work."""

from __future__ import annotations

import os
import time
from typing import NamedTuple

from gitorch.agents.spec import Agent
from gitorch.core import message, moves
from gitorch.core import plan as planner
from gitorch.core.moves import Change
from gitorch.core.names import task_dir
from gitorch.core.record import Record
from gitorch.core.task import Task
from gitorch.errors import GitorchError
from gitorch.git import trees
from gitorch.git.repository import Repository
from gitorch.git.torn import boot_id
from gitorch.guard import index, restore, snapshot
from gitorch.ledger.append import Draft, append
from gitorch.ledger.history import Past, past_of
from gitorch.ledger.outlines import read_outlines
from gitorch.ledger.state import WorkflowState
from gitorch.loop import ahead as looking
from gitorch.loop import finish, invocation, limits, prompt, trust, work
from gitorch.loop.ahead import Ahead, Options
from gitorch.loop.invocation import Invocation
from gitorch.loop.watch import Watch
from gitorch.loop.work import Function, Job


class Begun(NamedTuple):
    """An invocation that has begun: what is to be done, and who does it."""

    job: Job
    agent: Agent | Function


def begin(
    repository: Repository,
    ahead: Ahead,
    options: Options,
    watch: Watch,
    *,
    lease: float | None = None,
) -> Begun:
    """Begin what comes next. Hold the step lock.

    Args:
        repository: where.
        ahead: what comes next.
        options: who does the work, and the bounds.
        watch: hears that it has begun.
        lease: how many seconds it may be out to a loop of the user's own; None where this process sees it through.

    Raises:
        GitorchError: the agent is unknown, the task wants to run what is not allowed, or the work tree cannot be read.
    """
    plan, task = ahead.plan, ahead.task
    agent = looking.choose_agent(repository, task, plan, options)
    if isinstance(agent, Agent):
        work.check_available(repository, agent, starts=lease is None)
    if task is not None:
        trust.check(task)
        _check_folder(repository, task)
    past = past_of(repository.objects, task.name) if task is not None else Past(1, (), None)
    text = prompt.build(plan, ahead.assignment, task, past, ahead.waiting)
    _warn_of_edits(repository, ahead, watch)
    name = agent.name if isinstance(agent, Agent) else looking.FUNCTION
    begun = _begin(repository, ahead, past.attempt if task is not None else None, name, lease)
    watch.began(plan, name, begun.attempt, ahead.totals)
    try:
        begun = _prepare(repository, begun, task)
    except GitorchError:  # the work tree cannot be read
        finish.abandon(repository, begun)
        raise
    job = Job(
        invocation=begun,
        task=task,
        prompt=text,
        focus=ahead.assignment.focus,
        seconds=limits.time_left(options.limits, ahead.totals),
        budget=limits.money_left(options.limits, ahead.totals),
        model=task.model if task is not None and task.model is not None else options.model,
        waits=past.waits,
    )
    return Begun(job, agent)


def _check_folder(repository: Repository, task: Task) -> None:
    folder = repository.root / task_dir(task.name)
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise GitorchError(
            f"{task_dir(task.name)} is no folder of this repository", hint="the task's results are to go there: move it"
        )


def _warn_of_edits(repository: Repository, ahead: Ahead, watch: Watch) -> None:
    if ahead.task is None:
        return
    state, name = ahead.state, ahead.task.name
    path = repository.root / state.path_of(name)
    if path.is_file() and path.read_bytes().replace(b"\r\n", b"\n") != repository.objects.blob(state.files[name].oid):
        watch.note(
            f"{state.path_of(name)} has uncommitted edits: the agent sees them, "
            "but needs, outputs and checks are taken from the last commit"
        )


def _begin(repository: Repository, ahead: Ahead, attempt: int | None, agent: str, lease: float | None) -> Invocation:
    plan = ahead.plan
    identity = os.urandom(16).hex()
    branch = repository.branch()

    def draft_for(state: WorkflowState) -> Draft:
        changes: list[Change] = []
        if plan.task is not None:
            move = Change(plan.task, state.state_of(plan.task), "running")
            moves.check_move(plan.task, state.state_of(plan.task), "running")
            changes = moves.with_parents(state.states, planner.family_of(read_outlines(repository, state)), move)
        what = f"begin {plan.action}" + (f", attempt {attempt}" if attempt is not None and attempt > 1 else "")
        record = Record(
            event="begin",
            subject=message.subject(plan.task, what),
            main_task=ahead.main_task if state.main_task is None else state.main_task,
            changes=tuple(changes),
            invocation=identity,
            action=plan.action,
            attempt=attempt,
        )
        return Draft(record=record, marked=(restore.anchor_ref(identity),))

    appended = append(repository, draft_for)
    now = time.time()
    return Invocation(
        id=identity,
        action=plan.action,
        task=plan.task,
        aside=plan.aside,
        attempt=attempt,
        begin=appended.commit,
        branch=branch,
        agent=agent,
        folder=invocation.new_folder(identity),
        started=now,
        lease=None if lease is None else now + lease,
        boot=boot_id(),
    )


def _prepare(repository: Repository, begun: Invocation, task: Task | None) -> Invocation:
    """Take the snapshot to which a failed attempt is put back, and write all down before the agent starts."""
    invocation.save(repository, begun)  # so that its folder is cleared away whenever we are killed
    own_dir = None
    if task is not None:
        own_dir = f".tasks/{task.name}"
        (repository.root / own_dir).mkdir(parents=True, exist_ok=True)
    index.keep_user_index(repository)
    before = snapshot.take(repository, "before", of=repository.index, task_dir=own_dir)
    prior = trees.diff(repository, repository.objects.tree_of(begun.begin), before.tree)
    before = snapshot.with_raw_bytes(repository, before, {path: new for path, (_, new) in prior.items()})
    before = before._replace(repositories=tuple(restore.repositories(repository.root, prior)))
    begun = begun.with_before(before, restore.anchor(repository, begun.id, before, begun.begin))
    invocation.save(repository, begun)
    repository.sync()  # or after a power cut the agent's half of the work would pass for the user's own
    return begun
