"""`gitorch finish`."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import gitorch
from gitorch.agents import report
from gitorch.commands.outcome import show
from gitorch.commands.watching import Interrupts, Live
from gitorch.errors import Exit, GitorchError
from gitorch.loop.limits import Limits

_MAX_OUTPUT = 64 * 1024 * 1024  # bytes


def run(
    *, folder: str, code: int | None, printed: BinaryIO | None, result: str | None, max_attempts: int, as_json: bool
) -> int:
    """End the invocation that is out."""
    told = None
    if result is not None:
        told = report.read(Path(folder, result))
        if told is None:
            raise GitorchError(f"{result}: there is nothing in it", hint="is the path right?", code=Exit.USAGE)
    data = printed.read(_MAX_OUTPUT) if printed is not None else b""
    live = Live(Interrupts(), stop_at=1, quiet=as_json)
    with gitorch.open(folder) as workflow:
        step = workflow.finish(
            code=code, output=data, report=told, limits=Limits(max_attempts=max_attempts), watch=live
        )
    return show(step, as_json=as_json)
