"""`gitorch finish`."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Final

import gitorch
from gitorch.agents import report
from gitorch.commands.outcome import show
from gitorch.commands.watching import Interrupts, Live
from gitorch.errors import Exit, GitorchError
from gitorch.loop.limits import Limits

_PIECE: Final = 1 << 20  # bytes


def run(
    *, folder: str, code: int | None, printed: BinaryIO | None, result: str | None, max_attempts: int, as_json: bool
) -> int:
    """End the invocation that is out."""
    told = None
    if result is not None:
        told = report.read(Path(folder, result))
        if told is None:
            raise GitorchError(f"{result}: it is empty or does not exist", hint="check the path", code=Exit.USAGE)
    interrupts = Interrupts()
    live = Live(interrupts, stop_at=1, quiet=as_json)
    pieces = iter(lambda: printed.read(_PIECE), b"") if printed is not None else ()
    with gitorch.open(folder) as workflow, interrupts.caught():
        step = workflow.finish(
            code=code, output=pieces, report=told, limits=Limits(max_attempts=max_attempts), watch=live
        )
    return show(step, as_json=as_json)
