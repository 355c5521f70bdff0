"""Options that `step` and `run` have in common."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from gitorch.core.fold import MOST
from gitorch.core.names import quote
from gitorch.core.yamltext import parse_duration
from gitorch.errors import Exit, GitorchError
from gitorch.loop.ahead import Options
from gitorch.loop.limits import Limits


def read_options(
    *,
    agent: str | None,
    agent_command: str | None = None,
    model: str | None = None,
    max_steps: int | None,
    max_cost: str | None,
    max_time: str | None,
    max_attempts: int,
    max_idle: int,
    stop_on_failure: bool,
) -> Options:
    """Put the options of a step together."""
    if agent is not None and agent_command is not None:
        raise GitorchError(
            "--agent and --agent-command cannot be used together", hint="use one of them", code=Exit.USAGE
        )
    limits = Limits(
        max_steps=max_steps,
        max_cost_usd=None if max_cost is None else _amount(max_cost),
        max_seconds=None if max_time is None else read_time("--max-time", max_time),
        max_attempts=max_attempts,
        max_idle=max_idle,
        stop_on_failure=stop_on_failure,
    )
    return Options(agent=agent, agent_command=agent_command, model=model, limits=limits)


def _amount(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal(-1)
    if not value.is_finite() or not 0 <= value <= MOST:
        raise GitorchError(
            f"--max-cost {quote(text)} is not a valid amount in USD",
            hint="for example: --max-cost 2.50",
            code=Exit.USAGE,
        )
    return value


def read_time(option: str, text: str) -> int:
    """Read a time as an option's value, in seconds."""
    seconds = parse_duration(text)
    if seconds is None:
        raise GitorchError(
            f"{option} {quote(text)} is not a valid time", hint="for example: 90s, 15m or 2h", code=Exit.USAGE
        )
    return seconds
