"""The result of a step, for people and for programs."""

from __future__ import annotations

import sys
from contextlib import suppress

from gitorch import output
from gitorch.agents import spec
from gitorch.api import Workflow
from gitorch.core import plan as planner
from gitorch.core import waiting
from gitorch.core.message import NO_TASK
from gitorch.errors import Exit, GitorchError
from gitorch.loop.result import Step


def show(step: Step, *, as_json: bool) -> int:
    """Print the result of a step; return the exit code."""
    if as_json:
        main = step.main_task
        output.document(
            action=step.action,
            task=step.task,
            outcome=step.outcome,
            invocation=step.invocation,
            commit=step.commit,
            status=main.status,
            next=main.next,
            current=main.task,
            focus=main.focus,
            reason=step.reason,
            hint=step.hint,
            retry_at=step.retry_at,
            exit=int(step.exit),
        )
        return step.exit
    output.say(tell(step))
    if step.exit in (Exit.ERROR, Exit.LIMIT):
        note_hint(step)
    elif step.commit is not None:
        output.say(f"next: {step.main_task.next}")
    return step.exit


def note_hint(step: Step) -> None:
    """Print what a person has to do before the workflow can go on."""
    if step.hint is not None:
        check = f"; try it with: gitorch agents check {step.agent}" if _is_checkable(step) else ""
        then = "" if step.exit == Exit.LIMIT else "; then: gitorch run"
        output.note(f"{output.paint('hint:', 'yellow', sys.stderr)} {step.hint}{check}{then}")


def _is_checkable(step: Step) -> bool:
    """Return whether `gitorch agents check` can try out what did the work."""
    return step.outcome == "unavailable" and step.agent is not None and step.agent not in spec.NOT_AGENTS


def tell(step: Step) -> str:
    """Return the result of a step as one line."""
    if step.commit is None:
        return step.reason or ""
    later = dict.fromkeys(("interrupted", "rate-limited", "unavailable"), ("-", "yellow"))
    signs = {"completed": ("✓", "green"), "blocked": ("?", "yellow"), **later}
    sign, style = signs.get(step.outcome or "", ("✗", "red"))
    why = f": {step.reason}" if step.reason else ""
    attempt = f" (attempt {step.attempt})" if step.attempt is not None and step.attempt > 1 else ""
    name = step.task or NO_TASK
    agent = f" by {step.agent}" if step.agent else ""
    return (
        f"{output.paint(sign, style)} {step.action} {name}{agent}{attempt}: {step.outcome}{why}  ({step.commit[:10]})"
    )


def explain(workflow: Workflow, step: Step) -> bool:
    """Print, as a message, why tasks cannot run, where a workflow is blocked for that reason.

    Return whether the commands named there are what is to be done, rather than an answer.
    """
    if step.exit == Exit.COMPLETED and (left := waiting.left_open(workflow.state().states)) is not None:
        output.note(f"note: {left}")
    if step.exit != Exit.BLOCKED:
        return False
    state = workflow.state().states.get(step.main_task.task or "")
    reasons: list[str] = []
    ready: list[str] = []
    with suppress(GitorchError):  # a task file is not valid: what the step did is known all the same
        ready, reasons = workflow.ready(), waiting.lines(workflow.waiting())
    if not reasons or state == "blocked" or (ready and state != "failed"):
        return False  # it waits for an answer
    output.note("\n  ".join(("these tasks cannot run:" if ready else "nothing can run:", *reasons)))
    return state == "failed" or step.main_task == planner.nothing_can_run()
