"""Look ahead: whether there is something to do now, and what.

What belongs to agents and templates is imported where one is asked for: `gitorch prompt` mostly needs neither.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NamedTuple

from gitorch.core import plan as planner
from gitorch.core import waiting
from gitorch.core.fold import COMMAND
from gitorch.core.main_task import MainTask
from gitorch.core.plan import Plan
from gitorch.core.record import Record, Totals
from gitorch.core.task import Task
from gitorch.core.waiting import Waiting
from gitorch.errors import Exit, GitorchError
from gitorch.git.repository import Repository
from gitorch.ledger import elsewhere
from gitorch.ledger.history import recent
from gitorch.ledger.outlines import read_outlines
from gitorch.ledger.state import WorkflowState
from gitorch.ledger.tasks import read_task
from gitorch.loop import limits
from gitorch.loop.limits import Limits
from gitorch.loop.result import Step
from gitorch.loop.watch import Watch

FUNCTION: Final = "function"  # the agent in records, where a function has done the work

if TYPE_CHECKING:
    from gitorch.agents.spec import Agent
    from gitorch.loop.work import Function


class Options(NamedTuple):
    """How steps are to be done.

    Attributes:
        agent: the agent or its name, where the task names none.
        agent_command: a shell command line in its place.
        function: a function in its place, for users of the library.
        model: the model to ask for, where the task names none.
        limits: the bounds of the workflow.
    """

    agent: str | Agent | None = None
    agent_command: str | None = None
    function: Function | None = None
    model: str | None = None
    limits: Limits = Limits()


class Ahead(NamedTuple):
    """What comes next.

    Attributes:
        state: the state that it was chosen from.
        task: the task's file, None for a check of the whole workflow.
        plan: what is to be done.
        totals: the sums so far.
        by_template: whether it is a decomposition that needs no agent.
        main_task: MAIN_TASK, or the one that the step is to write where there is none.
        assignment: NEXT and FOCUS as the agent gets them.
        waiting: why the tasks cannot run, where none can.
    """

    state: WorkflowState
    task: Task | None
    plan: Plan
    totals: Totals
    by_template: bool
    main_task: MainTask
    assignment: MainTask
    waiting: tuple[Waiting, ...] = ()

    @property
    def needs_agent(self) -> bool:
        """Whether an agent has to do it: neither a template nor the task's own command does."""
        own_command = self.task is not None and self.task.run is not None and not self.plan.aside
        return not self.by_template and not own_command


def look(repository: Repository, options: Options, watch: Watch) -> Ahead | Step:
    """Read the state and choose what comes next; a Step where nothing can be done now.

    Raises:
        GitorchError: there is no task, or a file is not valid.
    """
    from gitorch.ledger.append import read_settled  # noqa: PLC0415 - see above

    state = read_settled(repository)
    main_task = current(repository, state)
    latest = recent(repository.objects, state.commit or "HEAD")
    if not latest.fold.known:
        raise GitorchError(
            "this clone is so shallow that the sums since start are out of sight",
            hint="get more of the history: git fetch --unshallow",
        )
    totals = latest.fold.totals if state.main_task is not None else Totals()
    idle = _nothing_to_do(main_task, totals, options.limits)
    if idle is not None:
        return idle
    ahead = choose(repository, state, options, totals)
    if ahead.waiting:
        watch.note("\n  ".join(("nothing can run:", *waiting.lines(ahead.waiting))))
    put_off = None if latest.by_hand else _put_off(ahead, options, latest.last)
    if put_off is not None:
        return put_off
    if options.limits.max_cost_usd is not None and not ahead.by_template:
        warning = limits.unknown_cost(options.limits, totals, priced=_priced(repository, ahead, options))
        watch.note(warning) if warning is not None else None
    return ahead


def current(repository: Repository, state: WorkflowState) -> MainTask:
    """Return MAIN_TASK, or the one that the first step is to write where there are tasks and no MAIN_TASK.

    Raises:
        GitorchError: there is no task either, or a file is not valid.
    """
    if state.main_task is None and not state.states:
        raise GitorchError(
            "nothing to do: there is no task yet",
            hint=elsewhere.hint(repository) or "gitorch start NAME -d TEXT, or gitorch create NAME",
        )
    if state.main_task is not None:
        return state.main_task
    return planner.first_main_task(state.states, read_outlines(repository, state))


def choose(repository: Repository, state: WorkflowState, options: Options, totals: Totals) -> Ahead:
    """Choose what comes next in a state.

    Raises:
        GitorchError: there is no task, or a file is not valid.
    """
    main_task = current(repository, state)
    tasks = read_outlines(repository, state)
    plan = planner.plan(main_task, state.states, tasks)
    task = None
    if plan.task is not None:
        task = read_task(repository.objects, state, plan.task)
        problem = planner.task_problem(plan.task, state.states, tasks)
        if problem is not None:
            raise GitorchError(f"{state.path_of(plan.task)}: {problem}", hint=f"fix it: gitorch edit {plan.task}")
    ahead = Ahead(
        state=state,
        task=task,
        plan=plan,
        totals=totals,
        by_template=False,
        main_task=main_task,
        assignment=planner.assignment(main_task, plan, tasks),
        waiting=_waiting(repository, state, tasks) if plan.task is None else (),
    )
    return ahead._replace(by_template=_by_template(repository, ahead, options))


def _waiting(repository: Repository, state: WorkflowState, tasks: planner.Tasks) -> tuple[Waiting, ...]:
    """Return why the open tasks cannot run; nothing where one can, so that the check was asked for."""
    if planner.first_ready(state.states, tasks, planner.family_of(tasks)) is not None:
        return ()
    from gitorch.loop import stuck  # noqa: PLC0415 - needed only where nothing can run

    return tuple(stuck.reasons(repository.objects, state.states, tasks))


def _nothing_to_do(main_task: MainTask, totals: Totals, bounds: Limits) -> Step | None:
    """Return a step that says why there is nothing to do now, None where there is something."""
    if main_task.status == "completed":
        return Step(Exit.COMPLETED, main_task, reason="the workflow is completed", totals=totals)
    if main_task.status == "blocked":
        return Step(Exit.BLOCKED, main_task, reason=f"the workflow is blocked: {main_task.next}", totals=totals)
    reached = limits.reached(bounds, totals)
    if reached is not None:
        return Step(Exit.LIMIT, main_task, reason=reached.reason, hint=reached.hint, totals=totals)
    return None


def _put_off(ahead: Ahead, options: Options, last: Record | None) -> Step | None:
    """Return a step that waits for the limit of the last agent, None where it is over or another agent is asked for."""
    if last is None or last.retry_at is None or not ahead.needs_agent:
        return None
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    if last.retry_at <= now or _asked_for(ahead, options) not in (None, last.agent):
        return None
    reason = f"{last.agent} is {last.outcome} until {last.retry_at} (--agent NAME uses another agent now)"
    return Step(Exit.TRY_AGAIN, ahead.main_task, reason=reason, retry_at=last.retry_at, totals=ahead.totals)


def _asked_for(ahead: Ahead, options: Options) -> str | None:
    """Return the agent that the task or the options name, None where the configuration decides."""
    if ahead.task is not None and ahead.task.agent is not None:
        return ahead.task.agent
    if options.function is not None:
        return FUNCTION
    if options.agent_command is not None:
        return "command"
    return options.agent if isinstance(options.agent, str) or options.agent is None else options.agent.name


def _by_template(repository: Repository, ahead: Ahead, options: Options) -> bool:
    """Tell whether a template does it: always, unless none fits and the agent can cut tasks itself."""
    if ahead.plan.action != "decompose" or ahead.task is None:
        return False
    from gitorch.loop import cut  # noqa: PLC0415 - see above

    if not cut.wanted(repository, ahead.task):
        return True
    agent = choose_agent(repository, ahead.task, ahead.plan, options)
    return callable(agent) or not agent.decomposes


def _priced(repository: Repository, ahead: Ahead, options: Options) -> bool:
    from gitorch.loop import roster  # noqa: PLC0415 - see above

    agent = choose_agent(repository, ahead.task, ahead.plan, options)
    return not callable(agent) and (agent.name in (COMMAND, roster.LOCAL) or "cost_usd" in agent.figures)


def choose_agent(repository: Repository, task: Task | None, plan: Plan, options: Options) -> Agent | Function:
    """Return who does the work: the task's own command or agent, that of the options, or the configured one.

    Raises:
        GitorchError: nobody has chosen an agent, or the chosen one is unknown, not allowed or not valid.
    """
    from gitorch.agents import spec  # noqa: PLC0415 - see above
    from gitorch.loop import roster  # noqa: PLC0415 - likewise

    if task is not None and task.run is not None and not plan.aside:
        return spec.Agent(name=COMMAND, description="the task's own command", command=())
    if task is not None and task.agent is not None:
        return roster.load(repository, task.agent)
    if options.function is not None:
        return options.function
    if options.agent_command is not None:
        return spec.shell(options.agent_command)
    if isinstance(options.agent, spec.Agent):
        return options.agent
    return roster.chosen(repository, options.agent)
