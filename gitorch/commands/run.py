"""`gitorch run`."""

from __future__ import annotations

import datetime as dt
from typing import Any

import gitorch
from gitorch import output
from gitorch.api import Workflow
from gitorch.commands.options import read_options
from gitorch.commands.outcome import explain, note_hint, tell
from gitorch.commands.watching import Interrupts, Live
from gitorch.core.text import counted
from gitorch.errors import Exit
from gitorch.loop.ahead import Options
from gitorch.loop.limits import show_cost
from gitorch.loop.result import Step


def run(*, folder: str, no_wait: bool, **options: Any) -> int:
    """Do steps until the workflow is completed, blocked, or a limit is reached."""
    chosen = read_options(**options)
    interrupts = Interrupts()
    live = Live(interrupts, stop_at=2)
    with gitorch.open(folder) as workflow, interrupts.caught():
        return _loop(workflow, chosen, live, interrupts, no_wait=no_wait)


def _loop(workflow: Workflow, chosen: Options, live: Live, interrupts: Interrupts, *, no_wait: bool) -> int:
    live.progress = lambda: _progress(workflow)
    while True:
        step = workflow.step(chosen, live)
        live.wipe()
        if step.commit is not None:
            output.say(tell(step))
        if step.exit == Exit.TRY_AGAIN and not no_wait and not interrupts.count:
            live.countdown(_seconds_until(step.retry_at), step.reason or "the agent asks to try again later")
        elif step.exit == Exit.ERROR:
            note_hint(step)
            return step.exit
        elif step.exit != Exit.OK:
            return _finish(workflow, step)
        if interrupts.count:
            output.note("stopped; continue with: gitorch run")
            return Exit.INTERRUPTED


def _finish(workflow: Workflow, step: Step) -> int:
    if step.exit == Exit.LIMIT:
        output.say(f"stopped: {step.reason}")
        note_hint(step)
        return step.exit
    if step.exit == Exit.TRY_AGAIN:
        output.say(f"stopped: {step.reason if step.commit is None else f'try again at {step.retry_at}'}")
        return step.exit
    sums = f"[{counted(step.totals.steps, 'step')}, {show_cost(step.totals)}]"
    output.say(f"{step.main_task.status}: {step.main_task.next}  {sums}")
    if not explain(workflow, step) and step.exit == Exit.BLOCKED:
        output.note("answer it: gitorch answer 'TEXT'")
    return Exit.OK if step.exit == Exit.COMPLETED else step.exit


def _progress(workflow: Workflow) -> str:
    states = workflow.state().states
    done = sum(state == "completed" for state in states.values())
    return f"{done}/{len(states)} tasks done"


def _seconds_until(moment: str | None) -> float:
    if moment is None:
        return 60.0
    at = dt.datetime.fromisoformat(moment.replace("Z", "+00:00"))
    return max(1.0, (at - dt.datetime.now(dt.timezone.utc)).total_seconds() + 1)
