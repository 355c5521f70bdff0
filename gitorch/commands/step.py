"""`gitorch step`."""

from __future__ import annotations

from typing import Any

import gitorch
from gitorch import output
from gitorch.commands.options import read_options
from gitorch.commands.watching import Interrupts, Live, tell


def run(*, folder: str, as_json: bool, **options: Any) -> int:
    """Do one invocation."""
    chosen = read_options(**options)
    interrupts = Interrupts()
    live = Live(interrupts, stop_at=1, quiet=as_json)
    with gitorch.open(folder) as workflow, interrupts.caught():
        step = workflow.step(chosen, live)
    live.wipe()
    if as_json:
        main = step.main_task
        output.document(
            action=step.action,
            task=step.task,
            outcome=step.outcome,
            invocation=step.invocation,
            commit=step.commit,
            status=step.main_task.status,
            next=main.next,
            current=main.task,
            focus=main.focus,
            reason=step.reason,
            exit=int(step.exit),
        )
        return step.exit
    output.say(tell(step))
    if step.commit is not None:
        output.say(f"next: {step.main_task.next}")
    return step.exit
