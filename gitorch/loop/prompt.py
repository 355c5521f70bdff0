"""The prompt: all that a fresh agent needs to do one thing, and no more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gitorch.core.main_task import MainTask
from gitorch.core.names import SUBTASKS_FILE, task_dir, task_path
from gitorch.core.plan import Plan
from gitorch.core.record import Action
from gitorch.core.task import Task
from gitorch.core.text import one_line, quotation, without_answers
from gitorch.core.waiting import Waiting
from gitorch.git.repository import Repository
from gitorch.ledger.history import Past, past_of
from gitorch.loop.ahead import Ahead

_MAX_DESCRIPTION: Final = 8000  # characters
_MAX_STUCK: Final = 20
_ABOUT: Final[dict[Action, str]] = {
    "decompose": "Cut the task into subtasks.",
    "gather": "Collect what the task needs, with sources. Do not draw conclusions yet.",
    "execute": "Do the task's work.",
    "synthesize": "Combine what the tasks before have left into the result that is asked for.",
    "check": "Look at the tasks (gitorch list --by-state) and decide what should happen next. Do no other work.",
}
_HAND_OVER: Final = (
    "When it is done, hand over with one of: gitorch move {name} completed; or failed --reason 'WHY'; "
    "or blocked --reason 'QUESTION FOR THE USER'."
)
_OTHER_NEXT: Final = (
    'If another next action is wanted than the plan has: gitorch update continue "ONE SENTENCE" [--task NAME] '
    '[--focus "ONE SENTENCE"], 15 words at most.'
)
_SUBTASKS: Final = """\
Write {file}: two to seven subtasks that together do the task, each one sitting's work. The form:

name: {name}
description: one sentence on how the task is cut
subtasks:
  - name: first-part          # it becomes {name}-first-part
    kind: execute             # gather (collect material), execute or synthesize (combine results)
    description: |
      What to do, and what to leave in its folder; whoever reads this knows nothing else.
    outputs: [result.md]      # files that must be in its folder afterwards
    needs: []                 # names of subtasks that have to be completed before

In texts write {{{{ for {{. Do none of the work itself."""
_SUMMARY: Final = "Your last words, a few sentences on what was done, go into the history."
_LEAVE_ALONE: Final = (
    "Leave files changed, not committed: they are committed for you. Do not move other tasks, edit "
    ".tasks/MAIN_TASK, rename task files, rewrite history or start gitorch step or run."
)


def of_next(repository: Repository, ahead: Ahead) -> tuple[Plan, str | None]:
    """Return what comes next and the prompt that its agent would get; None where it needs no agent."""
    if not ahead.needs_agent:
        return ahead.plan, None
    past = past_of(repository.objects, ahead.plan.task) if ahead.plan.task is not None else Past(1, (), None)
    return ahead.plan, build(ahead.plan, ahead.assignment, ahead.task, past, ahead.waiting)


def build(plan: Plan, assignment: MainTask, task: Task | None, past: Past, stuck: Sequence[Waiting] = ()) -> str:
    """Return the prompt for an invocation.

    Args:
        plan: what it is to do.
        assignment: its NEXT and FOCUS.
        task: its task.
        past: what earlier invocations of the task have left.
        stuck: why the tasks cannot run, where none can.
    """
    lines = [
        "You are one invocation of a longer workflow. Do this ONE thing, then stop; a fresh invocation does the next.",
        "",
        f"ACTION: {plan.action}. {_ABOUT[plan.action]}",
        f"NEXT: {assignment.next}",
    ]
    if assignment.focus is not None:
        lines.append(f"FOCUS: {assignment.focus}")
    if stuck:
        lines += ["No task can run:", *(f"  {each.sentence}" for each in stuck[:_MAX_STUCK])]
    if task is not None:
        lines += _about_task(plan, task, past)
    if plan.action == "decompose" and task is not None:
        lines += ["", _SUBTASKS.format(file=f"{task_dir(task.name)}/{SUBTASKS_FILE}", name=task.name), "", _LEAVE_ALONE]
    else:
        lines += ["", *_handing_over(plan, task)]
    if task is not None and task.description.strip():
        text = task.description.strip()
        kept = text if len(text) <= _MAX_DESCRIPTION else text[:_MAX_DESCRIPTION] + "\n[cut: see the task file]"
        lines += ["", "The task:", "", without_answers(kept)]
    return "\n".join(lines) + "\n"


def _about_task(plan: Plan, task: Task, past: Past) -> list[str]:
    folder = task_dir(task.name)
    lines = [
        f"TASK: {task.name}" + (f" (attempt {past.attempt})" if past.attempt > 1 else ""),
        f"Task file: {task_path(task.name, 'running')}",
        f"Its folder, for context and results: {folder}/",
    ]
    if plan.action == "decompose":
        return lines + _past(past)
    if task.outputs and not plan.aside:
        lines.append(f"Must be there when you are done: {', '.join(f'{folder}/{path}' for path in task.outputs)}")
    if task.check and not plan.aside:
        lines += ["Will be run when you are done, and must pass:", *(f"  {one_line(line, 200)}" for line in task.check)]
    if task.needs:
        lines.append(f"Builds on: {', '.join(task_dir(need) + '/' for need in task.needs[:20])}")
    if task.parent is not None:
        lines.append(f"Part of: {task.parent}")
    lines.append(f"More on it, packed for you: gitorch context {task.name}")
    return lines + _past(past)


def _past(past: Past) -> list[str]:
    lines = []
    for record in past.failures:
        said = record.reason or record.body
        told = quotation(one_line(said, 300)) if said else "no reason was given"
        lines.append(f"Attempt {record.attempt} ended {record.outcome}: {told}")
    if past.answer is not None:
        lines.append(f"The user's answer to the question asked before: {one_line(past.answer, 1000)}")
    return lines


def _handing_over(plan: Plan, task: Task | None) -> list[str]:
    lines = []
    if task is not None and not plan.aside:
        lines.append(_HAND_OVER.format(name=task.name))
    return [*lines, _OTHER_NEXT, _SUMMARY, _LEAVE_ALONE]
