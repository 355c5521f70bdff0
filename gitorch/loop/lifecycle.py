"""What people decide about a task: to retry it, or to skip it. Each is one commit."""

from __future__ import annotations

from collections.abc import Sequence

from gitorch.core import message, moves
from gitorch.core import plan as planner
from gitorch.core.main_task import MainTask
from gitorch.core.moves import Change
from gitorch.core.names import check_name
from gitorch.core.record import Record
from gitorch.core.text import one_line
from gitorch.errors import GitorchError
from gitorch.git.repository import Repository
from gitorch.ledger.append import Appended, Draft, append
from gitorch.ledger.outlines import read_outlines
from gitorch.ledger.state import WorkflowState
from gitorch.loop import invocation, proposal
from gitorch.loop.answer import before_stop
from gitorch.loop.put_away import undisturbed
from gitorch.loop.watch import Watch


def retry(repository: Repository, name: str, watch: Watch | None = None) -> Appended:
    """Make a failed, blocked or completed task pending again, and let MAIN_TASK continue.

    Raises:
        GitorchError: there is no such task, or it is pending or running.
    """
    proposal.refuse_inside("retry")
    check_name(name)
    close_interrupted(repository, (name,), watch)

    def draft_for(state: WorkflowState) -> Draft:
        before = state.state_of(name)
        invocation.check_not_worked_on(repository, name)
        if before == "pending":
            raise GitorchError(f"task {name} is pending already", hint="run it: gitorch run")
        if before == "running":
            raise GitorchError(f"task {name} is running", hint="only a failed, blocked or completed task is retried")
        tasks = read_outlines(repository, state)
        changes = moves.with_parents(state.states, planner.family_of(tasks), Change(name, before, "pending"))
        return _moved(repository, state, name, f"retry, {before} -> pending", changes)

    return append(repository, draft_for)


def skip(repository: Repository, name: str, reason: str | None = None, watch: Watch | None = None) -> Appended:
    """Complete a task without its work being done, on record as skipped; what needs it goes on.

    Raises:
        GitorchError: there is no such task, it is running or completed, or it has open subtasks.
    """
    proposal.refuse_inside("skip")
    check_name(name)
    close_interrupted(repository, (name,), watch)

    def draft_for(state: WorkflowState) -> Draft:
        before = state.state_of(name)
        invocation.check_not_worked_on(repository, name)
        tasks = read_outlines(repository, state)
        family = planner.family_of(tasks)
        open_children = [child for child in family.children(name) if state.states.get(child) != "completed"]
        if open_children:
            raise GitorchError(
                f"task {name} has open subtasks: {', '.join(open_children[:5])}",
                hint="skip those: it closes with the last of them",
            )
        if before in ("running", "completed"):
            raise GitorchError(f"task {name} is {before}", hint="only a pending, failed or blocked task can be skipped")
        changes = moves.with_parents(state.states, family, Change(name, before, "completed"))
        who = f"skipped by {_identity(repository)}"
        why = one_line(f"{who}: {reason}" if reason else who, 300)
        return _moved(repository, state, name, f"skip, {before} -> completed", changes, reason=why)

    return append(repository, draft_for)


def _moved(
    repository: Repository,
    state: WorkflowState,
    name: str,
    what: str,
    changes: Sequence[Change],
    *,
    reason: str | None = None,
) -> Draft:
    """Return the draft of a move after which MAIN_TASK goes on."""
    states = moves.apply(state.states, changes)
    main_task = state.main_task
    if main_task is not None and not _stays(main_task, changes):
        tasks = read_outlines(repository, state)
        earlier = before_stop(repository)  # what that said of another task still holds
        stays = planner.outlasts(earlier, name, states, tasks)
        prefer = name if states.get(name) == "pending" else None
        main_task = earlier if stays else planner.next_main_task(states, tasks, prefer=prefer)
    record = Record(
        event="move",
        subject=message.subject(name, what),
        main_task=main_task,
        changes=tuple(changes),
        reason=reason,
    )
    return Draft(record=record)


def _stays(main_task: MainTask, changes: Sequence[Change]) -> bool:
    """Return whether MAIN_TASK stays as it is: the workflow continues, or the user ended it and retries nothing."""
    if main_task.status == "completed":
        return changes[0].after == "completed"
    closed = {change.name for change in changes if change.after == "completed"}
    return main_task.status == "continue" and main_task.task not in closed


def close_interrupted(repository: Repository, names: Sequence[str], watch: Watch | None) -> None:
    """Recover an invocation whose process was killed while it worked on one of some tasks: it holds them no more."""
    if invocation.is_interrupted(repository, names):
        with undisturbed(repository, watch):
            pass


def _identity(repository: Repository) -> str:
    """Return the user as git knows them: name and address."""
    done = repository.git.attempt("var", "GIT_COMMITTER_IDENT")
    return done.out.decode(errors="replace").rpartition(" ")[0].rpartition(" ")[0].strip() or "somebody"
