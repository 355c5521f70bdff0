"""One step: read the state, do one thing, set up the next, end."""

from __future__ import annotations

import datetime as dt
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from gitorch.agents import spec
from gitorch.agents.spec import Agent
from gitorch.core import message, moves
from gitorch.core import plan as planner
from gitorch.core.main_task import MainTask
from gitorch.core.message import Record, Totals
from gitorch.core.moves import Change
from gitorch.core.plan import Plan
from gitorch.core.task import Task
from gitorch.errors import Exit, GitorchError
from gitorch.git.locks import Busy, hold
from gitorch.git.repository import Repository
from gitorch.guard import restore, snapshot
from gitorch.ledger.append import Draft, append
from gitorch.ledger.history import Past, past_of, recent
from gitorch.ledger.state import WorkflowState, check_worktree, read_state
from gitorch.ledger.tasks import read_tasks
from gitorch.loop import decompose, finish, invocation, limits, prompt, proposal, recover, trust
from gitorch.loop.invocation import Invocation
from gitorch.loop.limits import Limits
from gitorch.loop.result import Step
from gitorch.loop.work import Silent, Watch, perform

STEP_WAIT: Final = 3.0  # seconds to wait for another step in the same worktree


@dataclass(frozen=True, kw_only=True)
class Options:
    """How steps are to be done. `agent` and `agent_command` choose the agent where the task does not."""

    agent: str | None = None
    agent_command: str | None = None
    limits: Limits = field(default_factory=Limits)


@contextmanager
def stepping(repository: Repository) -> Iterator[None]:
    """Hold the lock that lets one step at a time work in a worktree."""
    busy = Busy("another step is working in this worktree", "wait until it has ended; gitorch status shows it")
    with hold(repository.scratch / "step.lock", wait=STEP_WAIT, busy=busy):
        yield


def step(repository: Repository, options: Options | None = None, watch: Watch | None = None) -> Step:
    """Do one invocation.

    Raises:
        GitorchError: there is no workflow, the repository cannot be written now, or something is out of form.
    """
    options, watch = options or Options(), watch or Silent()
    proposal.refuse_inside("step")
    repository.check_writable()
    with stepping(repository):
        recovered = recover.recover(repository)
        if recovered is not None:
            watch.note(f"recovered an invocation that was cut off: {recovered}")
        return _step(repository, options, watch)


def _step(repository: Repository, options: Options, watch: Watch) -> Step:
    state = read_state(repository.objects)
    check_worktree(repository, state)
    main_task = state.workflow()
    latest = recent(repository.objects, state.commit or "HEAD")
    if not latest.fold.known:
        raise GitorchError(
            "this clone is so shallow that the sums since start are out of sight",
            hint="get more of the history: git fetch --unshallow",
        )
    totals = latest.fold.totals
    idle = _nothing_to_do(main_task, totals, latest.last, options.limits)
    if idle is not None:
        return idle
    warning = limits.unknown_cost(options.limits, totals)
    if warning is not None:
        watch.note(warning)
    tasks = read_tasks(repository.objects, state)
    plan = planner.plan(main_task, state.states, tasks)
    if plan.task is not None:
        problem = planner.task_problem(plan.task, state.states, tasks)
        if problem is not None:
            raise GitorchError(f"{state.path_of(plan.task)}: {problem}", hint="mend the task file, then commit it")
    if plan.action == "decompose" and plan.task is not None:
        return _decompose(repository, plan.task, totals, watch)
    return _invoke(repository, state, tasks, plan, options, totals, watch)


def _nothing_to_do(main_task: MainTask, totals: Totals, last: Record | None, bounds: Limits) -> Step | None:
    """Tell why there is nothing to do now, None where there is."""
    if main_task.status == "completed":
        return Step(Exit.COMPLETED, main_task, reason="the workflow is completed", totals=totals)
    if main_task.status == "blocked":
        return Step(Exit.BLOCKED, main_task, reason=f"the workflow is blocked: {main_task.next}", totals=totals)
    reached = limits.reached(bounds, totals)
    if reached is not None:
        return Step(Exit.LIMIT, main_task, reason=reached, totals=totals)
    if last is not None and last.retry_at is not None and last.retry_at > _utc(time.time()):
        reason = f"the agent asked to try again at {last.retry_at}"
        return Step(Exit.TRY_AGAIN, main_task, reason=reason, retry_at=last.retry_at, totals=totals)
    return None


def _utc(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _decompose(repository: Repository, name: str, totals: Totals, watch: Watch) -> Step:
    watch.began(Plan("decompose", name), "template", None, totals)
    appended, _ = decompose.decompose(repository, name, decompose.Choice(), by_step=True)
    record = appended.record
    return Step(
        Exit.OK,
        record.main_task or MainTask("continue", ""),
        action="decompose",
        task=name,
        outcome="completed",
        commit=appended.commit,
        agent="template",
        totals=record.totals or Totals(),
    )


def _invoke(
    repository: Repository,
    state: WorkflowState,
    tasks: dict[str, Task],
    plan: Plan,
    options: Options,
    totals: Totals,
    watch: Watch,
) -> Step:
    main_task = state.workflow()
    task = tasks[plan.task] if plan.task is not None else None
    agent = choose_agent(repository, task, plan, options)
    if task is not None:
        trust.check(task)
    past = past_of(repository.objects, task.name) if task is not None else Past(1, (), None)
    text = prompt.build(plan, main_task, task, past)
    _warn_of_edits(repository, state, task, watch)
    begun = _begin(repository, plan, past.attempt if task is not None else None, agent.name)
    watch.began(plan, agent.name, begun.attempt, totals)
    try:
        begun = _prepare(repository, begun, task)
        claim = perform(repository, begun, task, agent, text, main_task.focus, watch)
    except GitorchError:  # the work tree cannot be read, or the agent's program not be started
        finish.abandon(repository, begun)
        raise
    return finish.finish(repository, begun, task, claim, options.limits, watch)


def choose_agent(repository: Repository, task: Task | None, plan: Plan, options: Options) -> Agent:
    """Choose who does the work: the task's command or agent, the agent asked for, the configured, the default."""
    if task is not None and task.run is not None and not plan.aside:
        return Agent(name="run", description="the task's own command", command=())
    if task is not None and task.agent is not None:
        return spec.load(task.agent)
    if options.agent_command is not None:
        return spec.shell(options.agent_command)
    return spec.load(options.agent or repository.config.get("gitorch.agent") or spec.DEFAULT)


def _warn_of_edits(repository: Repository, state: WorkflowState, task: Task | None, watch: Watch) -> None:
    if task is None:
        return
    path = repository.root / state.path_of(task.name)
    if path.is_file() and path.read_bytes().replace(b"\r\n", b"\n") != repository.objects.blob(
        state.files[task.name].oid
    ):
        watch.note(
            f"{state.path_of(task.name)} has uncommitted edits: the agent sees them, "
            "but needs, outputs and checks are taken from the last commit"
        )


def _begin(repository: Repository, plan: Plan, attempt: int | None, agent: str) -> Invocation:
    identity = uuid.uuid4().hex
    branch = repository.branch()

    def draft_for(state: WorkflowState) -> Draft:
        changes: list[Change] = []
        if plan.task is not None:
            move = Change(plan.task, state.state_of(plan.task), "running")
            moves.check_move(plan.task, state.state_of(plan.task), "running")
            changes = moves.with_parents(state.states, planner.family_of(read_tasks(repository.objects, state)), move)
        what = f"begin {plan.action}" + (f", attempt {attempt}" if attempt is not None and attempt > 1 else "")
        record = Record(
            event="begin",
            subject=message.subject(plan.task, what),
            main_task=state.workflow(),
            changes=tuple(changes),
            invocation=identity,
            action=plan.action,
            attempt=attempt,
        )
        return Draft(record=record)

    appended = append(repository, draft_for)
    return Invocation(
        id=identity,
        action=plan.action,
        task=plan.task,
        aside=plan.aside,
        attempt=attempt,
        begin=appended.commit,
        branch=branch,
        agent=agent,
        folder=invocation.new_folder(),
        started=time.time(),
    )


def _prepare(repository: Repository, begun: Invocation, task: Task | None) -> Invocation:
    """Take the snapshot to which a failed attempt is put back, and write all down before the agent starts."""
    invocation.save(repository, begun)  # so that its folder is cleared away whenever we are killed
    own_dir = None
    if task is not None:
        own_dir = f".tasks/{task.name}"
        (repository.root / own_dir).mkdir(parents=True, exist_ok=True)
    before = snapshot.take(repository, "before", of=repository.index, task_dir=own_dir)
    prior = snapshot.diff(repository, repository.objects.tree_of(begun.begin), before.tree)
    before = snapshot.with_raw_bytes(repository, before, {path: new for path, (_, new) in prior.items()})
    begun = begun.with_before(before, restore.anchor(repository, begun.id, before, begun.begin))
    invocation.save(repository, begun)
    return begun
