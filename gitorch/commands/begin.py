"""`gitorch begin`."""

from __future__ import annotations

import datetime as dt
import shlex
from typing import Any

import gitorch
from gitorch import output
from gitorch.commands.options import read_options, read_time
from gitorch.commands.outcome import show
from gitorch.commands.watching import Interrupts, Live
from gitorch.errors import Exit
from gitorch.loop.lease import Handed
from gitorch.loop.result import Step


def run(*, folder: str, lease: str, as_json: bool, **options: Any) -> int:
    """Begin the next invocation, and print all that a loop needs to have it done."""
    chosen = read_options(**options)
    seconds = read_time("--lease", lease)
    live = Live(Interrupts(), stop_at=1, quiet=True)
    with gitorch.open(folder) as workflow:
        handed = workflow.begin(chosen, lease=seconds, watch=live)
        if isinstance(handed, Step):
            return show(handed, as_json=as_json)
        if as_json:
            output.document(**_values(handed))
        else:
            _say(handed)
    return Exit.OK


def _values(handed: Handed) -> dict[str, Any]:
    job = handed.job
    return {
        "invocation": job.invocation.id,
        "action": job.invocation.action,
        "task": job.invocation.task,
        "attempt": job.invocation.attempt,
        "commit": job.invocation.begin,
        "prompt": job.prompt,
        "prompt_file": str(job.invocation.prompt_file),
        "result_file": str(job.invocation.result_file),
        "env": handed.env,
        "command": handed.command,
        "seconds_left": job.seconds,
        "budget_usd": None if job.budget is None else float(job.budget),
        "lease_until": _moment(handed.until),
    }


def _say(handed: Handed) -> None:
    begun = handed.job.invocation
    output.say(f"{begun.action} {begun.task or 'MAIN_TASK'} is handed out until {_moment(handed.until)}")
    output.say(f"prompt: {begun.prompt_file}")
    output.say("set these in the agent's shell only, for gitorch move and gitorch update:")
    output.say("export " + " ".join(f"{key}={shlex.quote(value)}" for key, value in sorted(handed.env.items())))
    output.say("end it in a shell without them: gitorch finish")


def _moment(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
