"""`gitorch step`."""

from __future__ import annotations

from typing import Any

import gitorch
from gitorch.commands.options import read_options
from gitorch.commands.outcome import explain, show
from gitorch.commands.watching import Interrupts, Live


def run(*, folder: str, as_json: bool, **options: Any) -> int:
    """Do one invocation."""
    chosen = read_options(**options)
    interrupts = Interrupts()
    live = Live(interrupts, stop_at=1, quiet=as_json)
    with gitorch.open(folder) as workflow, interrupts.caught():
        step = workflow.step(chosen, live)
        live.wipe()
        code = show(step, as_json=as_json)
        explain(workflow, step)
    return code
