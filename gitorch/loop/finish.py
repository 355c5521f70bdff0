"""End an invocation: judge what the agent claims, and record what came of it in one commit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from typing import Final

from gitorch.agents.report import Report
from gitorch.core import main_task as main_tasks
from gitorch.core import message, moves
from gitorch.core import plan as planner
from gitorch.core.amounts import amount
from gitorch.core.main_task import MainTask
from gitorch.core.moves import Change
from gitorch.core.names import TaskState, task_dir
from gitorch.core.plan import Tasks
from gitorch.core.record import ATTEMPTS, Outcome, Record, Totals
from gitorch.core.task import Task
from gitorch.core.text import one_line
from gitorch.errors import Exit
from gitorch.git.repository import Repository
from gitorch.guard import branch
from gitorch.guard.held import redact
from gitorch.guard.mend import mend
from gitorch.ledger.outlines import read_outlines
from gitorch.ledger.state import WorkflowState, read_state
from gitorch.loop import cut, settle
from gitorch.loop import invocation as invocations
from gitorch.loop.claim import Claim
from gitorch.loop.invocation import Invocation
from gitorch.loop.judge import judge
from gitorch.loop.limits import Limits
from gitorch.loop.result import Step
from gitorch.loop.watch import Watch

MAINTAINED_EVERY: Final = 100  # invocations
_GOOD: Final = frozenset[Outcome]({"completed", "blocked"})
_VERBS: Final[dict[Outcome, str]] = {
    "completed": "complete",
    "failed": "fail",
    "blocked": "block",
    "rate-limited": "put off",
    "timeout": "time out",
    "stalled": "stall",
    "interrupted": "interrupt",
    "rejected": "reject",
    "unavailable": "put off",
}


def finish(
    repository: Repository, begun: Invocation, task: Task | None, claim: Claim, limits: Limits, watch: Watch
) -> Step:
    """End an invocation whose agent has ended."""
    lost = branch.put_lost_branch_back(repository, begin=begun.begin, branch=begun.branch)
    if lost and claim.outcome in _GOOD:
        claim = claim.rejected("the agent took the branch away")
    if begun.before is not None:
        mend(repository, begun.before, since=begun.started)
    work = None
    if claim.outcome in _GOOD:
        claim, work = judge(repository, begun, task, claim, watch)
    main_task_then = read_state(repository.objects, begun.begin).main_task
    attempts = task.retries + 1 if task is not None and task.retries is not None else limits.max_attempts

    def record_for(state: WorkflowState, rescue: str | None) -> Record:
        tasks = read_outlines(repository, state)
        cut.check_free(state.states, claim.subtasks)
        beside = state.main_task != main_task_then
        return _record(begun, claim, state, tasks, attempts, rescue, beside=beside, stop=limits.stop_on_failure)

    outcome = None
    if work is not None:
        try:
            outcome = settle.keep(repository, begun, work, record_for, cut.files(claim))
        except cut.Taken as error:  # somebody has made such a task since
            claim = claim.rejected(error.message)
    if outcome is None:
        outcome = settle.put_back(repository, begun, record_for)
    invocations.clear(repository, begun)
    for note in (*outcome.notes, *_denied(begun, claim)):
        watch.note(note)
    record = outcome.appended.record
    _clear_up(repository, record)
    main_task = record.main_task or MainTask("continue", "")
    return Step(
        _exit(claim, main_task),
        main_task,
        action=begun.action,
        task=begun.task,
        outcome=claim.outcome,
        invocation=begun.id,
        commit=outcome.appended.commit,
        attempt=begun.attempt,
        agent=begun.agent,
        reason=record.reason or record.question,
        retry_at=record.retry_at,
        hint=claim.hint,
        notes=tuple(outcome.notes),
        totals=record.totals or Totals(),
    )


def _denied(begun: Invocation, claim: Claim) -> Iterator[str]:
    """Say which tool calls were denied, and how to allow them."""
    if claim.denied:
        allow = f"; allow it: {claim.allow}" if claim.allow is not None else ""
        yield f"{begun.agent} was denied {'; '.join(claim.denied)}{allow}"


def _clear_up(repository: Repository, record: Record) -> None:
    """Take the folders of completed tasks away that nothing was put in, and let git pack what has gathered."""
    for change in record.changes:
        if change.after == "completed":
            with suppress(OSError):
                (repository.root / task_dir(change.name)).rmdir()
    if record.totals is not None and record.totals.steps % MAINTAINED_EVERY == 0:
        repository.maintain()


def abandon(repository: Repository, begun: Invocation) -> None:
    """End an invocation whose agent could not even be started."""
    claim = Claim(outcome="interrupted", reason="it could not be started", report=Report(cost_usd=Decimal(0)))
    settle.put_back(
        repository,
        begun,
        lambda state, rescue: _record(begun, claim, state, read_outlines(repository, state), 1, rescue),
    )
    invocations.clear(repository, begun)


def _exit(claim: Claim, main_task: MainTask) -> Exit:
    if claim.outcome == "interrupted":
        return Exit.LIMIT if claim.limited else Exit.INTERRUPTED
    if claim.outcome in ("rate-limited", "unavailable"):
        return Exit.TRY_AGAIN if claim.retry_at is not None else Exit.ERROR
    return {"completed": Exit.COMPLETED, "blocked": Exit.BLOCKED}.get(main_task.status, Exit.OK)


def _record(
    begun: Invocation,
    claim: Claim,
    state: WorkflowState,
    tasks: Tasks,
    attempts: int,
    rescue: str | None,
    *,
    beside: bool = False,
    stop: bool = False,
) -> Record:
    """Make the record.

    `beside` says that somebody else has written MAIN_TASK meanwhile, `stop` that a failed task blocks the workflow.
    """
    changes = _changes(begun, claim, state, tasks, attempts)
    states = moves.apply(state.states, changes)
    tasks = {**tasks, **{task.name: task.outline for task in claim.subtasks}}
    report = claim.report
    what = (
        f"decompose into {len(claim.subtasks)} subtasks"
        if claim.subtasks
        else f"{_VERBS[claim.outcome]} {begun.action}"
    )
    body = "\n\n".join(part for part in (claim.summary, *claim.notes) if part)
    return Record(
        event="end",
        subject=message.subject(begun.task, what),
        body=redact(body),
        main_task=_without_secrets(_main_task(begun, claim, state, states, tasks, beside=beside, stop=stop)),
        changes=tuple(changes),
        invocation=begun.id,
        action=begun.action,
        outcome=claim.outcome,
        attempt=begun.attempt,
        agent=begun.agent,
        model=None if report.model is None else redact(report.model),
        session=None if report.session is None else redact(report.session),
        exit=claim.exit,
        duration=amount(claim.seconds, 1) if claim.seconds else Decimal(0),
        cost_usd=report.cost_usd,
        tokens_in=report.tokens_in,
        tokens_cached=report.tokens_cached,
        tokens_out=report.tokens_out,
        checks=claim.checks,
        reason=_reason(claim),
        question=None if claim.question is None else redact(claim.question),
        retry_at=claim.retry_at,
        rescue=rescue,
    )


def _reason(claim: Claim) -> str | None:
    """Return the reason, which is what the next attempt is told: with the tool calls that were denied to this one."""
    if claim.reason is None:
        return None
    denied = f"; denied: {'; '.join(claim.denied)}" if claim.denied and claim.outcome in ATTEMPTS else ""
    return one_line(redact(claim.reason + denied))


def _without_secrets(main_task: MainTask | None) -> MainTask | None:
    if main_task is None:
        return None
    focus = None if main_task.focus is None else redact(main_task.focus)
    return main_task._replace(next=redact(main_task.next), focus=focus)


def _changes(begun: Invocation, claim: Claim, state: WorkflowState, tasks: Tasks, attempts: int) -> list[Change]:
    if begun.task is None or state.states.get(begun.task) != "running":
        return []
    if claim.subtasks:  # the task itself stays running, and closes with the last of them
        return [Change(task.name, None, "pending") for task in claim.subtasks]
    after = _state_after(begun, claim, attempts)
    return moves.with_parents(state.states, planner.family_of(tasks), Change(begun.task, "running", after))


def _state_after(begun: Invocation, claim: Claim, attempts: int) -> TaskState:
    if claim.outcome == "completed":
        return "pending" if begun.aside else "completed"
    if claim.outcome == "blocked":
        return "blocked"
    last = claim.outcome in ATTEMPTS and (begun.attempt or 1) >= attempts
    return "failed" if last else "pending"


def _main_task(
    begun: Invocation,
    claim: Claim,
    state: WorkflowState,
    states: moves.States,
    tasks: Tasks,
    *,
    beside: bool,
    stop: bool,
) -> MainTask | None:
    now = state.main_task
    if claim.outcome == "blocked":
        asked = main_tasks.shorten(f"Answer: {claim.question}") or "Answer the question"
        return main_tasks.make("blocked", asked, begun.task)
    if claim.outcome != "completed":
        if begun.task is not None and states.get(begun.task) == "failed":
            return _after_failure(begun.task, now, states, tasks, stop=stop)
        return now  # the same again
    proposed = _accepted(claim.proposal.main_task, states)
    by_person = beside and now is not None and (now.status != "continue" or now.task not in (None, begun.task))
    stays = begun.task is not None and planner.outlasts(now, begun.task, states, tasks)
    if by_person or (stays and (proposed is None or proposed.status == "continue")):
        return now  # what a person has said meanwhile, or a sentence for another task whose turn is still to come
    if proposed is not None:
        return proposed
    due = planner.next_main_task(states, tasks, prefer=begun.task)
    if begun.task is None and due.status == "continue" and due.task is None:
        return planner.nothing_can_run()
    if due.status == "continue":
        return main_tasks.make(due.status, claim.report.next or due.next, due.task, claim.report.focus or due.focus)
    return due


def _after_failure(
    failed: str, now: MainTask | None, states: moves.States, tasks: Tasks, *, stop: bool
) -> MainTask | None:
    """Return the MAIN_TASK after a task has failed: what does not need it goes on, unless the workflow is to stop."""
    if stop:
        return planner.stuck(failed, "failed")
    if planner.outlasts(now, failed, states, tasks):
        return now
    due = planner.next_main_task(states, tasks)
    return due if due.status == "continue" and due.task is not None else planner.stuck(failed, "failed")


def _accepted(proposed: MainTask | None, states: moves.States) -> MainTask | None:
    """Return the MAIN_TASK that an agent proposes, None where it proposes none that can be."""
    if proposed is None or (proposed.task is not None and proposed.task not in states):
        return None
    return None if proposed.status == "completed" and planner.is_open(states) else proposed
