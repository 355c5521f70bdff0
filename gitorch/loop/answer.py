"""The question that blocks a workflow, and its answer."""

from __future__ import annotations

from gitorch.core import message, moves
from gitorch.core import plan as planner
from gitorch.core.main_task import MainTask
from gitorch.core.moves import Change
from gitorch.core.record import Record, task_of
from gitorch.errors import Exit, GitorchError
from gitorch.git.repository import Repository
from gitorch.ledger.append import Appended, Draft, append
from gitorch.ledger.history import records_back
from gitorch.ledger.outlines import read_outlines
from gitorch.ledger.state import WorkflowState, read_state
from gitorch.loop import proposal


def answer(repository: Repository, text: str) -> Appended:
    """Answer what a blocked workflow asks: its blocked or failed task is pending again, and the workflow goes on."""
    proposal.refuse_inside("answer")
    if not text.strip():
        raise GitorchError("the answer is empty", hint="write it: gitorch answer 'TEXT'", code=Exit.USAGE)

    def draft_for(state: WorkflowState) -> Draft:
        tasks = read_outlines(repository, state)
        now = state.main_task or (planner.first_main_task(state.states, tasks) if tasks else state.workflow())
        if now.status != "blocked":
            raise GitorchError(
                f"there is no question: the workflow's status is {now.status}", hint="see gitorch status"
            )
        stuck = [name for name, each in sorted(state.states.items()) if each in ("failed", "blocked")]
        chosen = now.task if now.task in stuck else (stuck[0] if stuck else None)
        changes: list[Change] = []
        if chosen is not None:
            changes = moves.with_parents(
                state.states, planner.family_of(tasks), Change(chosen, state.states[chosen], "pending")
            )
        states = moves.apply(state.states, changes)
        earlier = before_stop(repository)
        stays = chosen is not None and planner.outlasts(earlier, chosen, states, tasks)
        record = Record(
            event="answer",
            subject=message.subject(chosen, "answer"),
            body=text,
            main_task=earlier if stays else planner.next_main_task(states, tasks, prefer=chosen),
            changes=tuple(changes),
        )
        return Draft(record=record)

    return append(repository, draft_for)


def before_stop(repository: Repository) -> MainTask | None:
    """Return the last MAIN_TASK with which the workflow went on: what it says of another task still holds."""
    for _, record in records_back(repository.objects):
        if record.main_task is None or record.main_task.status == "continue":
            return record.main_task
    return None


def question(repository: Repository) -> str | None:
    """Return the question that blocks the workflow in full, None where it is not blocked."""
    state = read_state(repository.objects)
    now = state.main_task
    if now is None or now.status != "blocked":
        return None
    asked = now.next
    if now.task is not None and state.states.get(now.task) == "blocked":
        for _, record in records_back(repository.objects):
            if record.event in ("start", "answer"):
                break
            if record.event == "end" and record.question and task_of(record) == now.task:
                return record.question
    return asked
