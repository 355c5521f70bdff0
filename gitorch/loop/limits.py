"""Limits on a workflow, counted since `start` from the ledger alone."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from gitorch.core.message import Totals, plain


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds since `start`; None is no bound.

    `max_seconds` counts the agents' time, `max_idle` invocations in a row that changed nothing, `max_attempts` the
    tries of one task.
    """

    max_steps: int | None = None
    max_cost_usd: Decimal | None = None
    max_seconds: int | None = None
    max_attempts: int = 3
    max_idle: int = 5


def reached(limits: Limits, totals: Totals) -> str | None:
    """Say which limit the sums have reached, None where there is room for another step."""
    if limits.max_steps is not None and totals.steps >= limits.max_steps:
        return f"{totals.steps} steps are done, --max-steps is {limits.max_steps}"
    if limits.max_cost_usd is not None and totals.cost_usd is not None and totals.cost_usd >= limits.max_cost_usd:
        return f"{plain(totals.cost_usd)} USD are spent, --max-cost is {plain(limits.max_cost_usd)}"
    if limits.max_seconds is not None and totals.seconds >= limits.max_seconds:
        return f"agents have run for {plain(totals.seconds)} s, --max-time is {limits.max_seconds} s"
    if totals.idle >= limits.max_idle:
        return f"{totals.idle} invocations in a row changed nothing, --max-idle is {limits.max_idle}"
    return None


def unknown_cost(limits: Limits, totals: Totals) -> str | None:
    """Say that a bound on money cannot hold because no cost is known, None where it can."""
    if limits.max_cost_usd is None or totals.cost_usd is not None or totals.steps == 0:
        return None
    return "--max-cost cannot be kept: what the steps so far cost is unknown"
