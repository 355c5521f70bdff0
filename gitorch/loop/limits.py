"""Limits on a workflow, counted since `start` from the ledger alone."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from gitorch.core.amounts import plain
from gitorch.core.record import Totals


class Limits(NamedTuple):
    """Bounds since `start`; None is no bound.

    `max_seconds` counts the agents' time, `max_idle` invocations in a row that changed nothing, `max_attempts` the
    attempts of one task. `stop_on_failure` blocks the workflow as soon as a task has failed; else what does not need
    that task goes on.
    """

    max_steps: int | None = None
    max_cost_usd: Decimal | None = None
    max_seconds: int | None = None
    max_attempts: int = 3
    max_idle: int = 5
    stop_on_failure: bool = False


def reached(limits: Limits, totals: Totals) -> str | None:
    """Say which limit the sums have reached, None where there is room for another step."""
    if limits.max_steps is not None and totals.steps >= limits.max_steps:
        more = totals.steps + 2
        return f"--max-steps {limits.max_steps} is reached; --max-steps {more} does two more"
    spent = totals.cost_usd or Decimal(0)
    if limits.max_cost_usd is not None and spent >= limits.max_cost_usd:
        return f"--max-cost {plain(limits.max_cost_usd)} is reached: {plain(spent)} USD were spent since start"
    if limits.max_seconds is not None and totals.seconds >= limits.max_seconds:
        return f"--max-time is reached: agents have run for {plain(totals.seconds)} s since start"
    if totals.idle >= limits.max_idle:
        return f"--max-idle is reached: {totals.idle} invocations in a row changed nothing"
    return None


def money_left(limits: Limits, totals: Totals) -> Decimal | None:
    """Give what may still be spent, in USD; None where that is not limited."""
    return None if limits.max_cost_usd is None else limits.max_cost_usd - (totals.cost_usd or Decimal(0))


def time_left(limits: Limits, totals: Totals) -> float | None:
    """Give how long agents may still run, in seconds; None where that is not limited."""
    return None if limits.max_seconds is None else limits.max_seconds - float(totals.seconds)


def unknown_cost(limits: Limits, totals: Totals, *, priced: bool) -> str | None:
    """Say that a bound on money may not hold, None where it does; `priced` tells that the next agent names its cost."""
    if limits.max_cost_usd is None:
        return None
    if totals.unpriced:
        known = f"{plain(totals.cost_usd or Decimal(0))} USD are known"
        return f"--max-cost cannot be kept: the cost of {totals.unpriced} of the invocations is unknown; {known}"
    if not priced:
        return "--max-cost cannot be kept: this agent does not tell what it costs (--max-steps and --max-time can)"
    return None


def show_cost(totals: Totals) -> str:
    """Write what was spent for people; what is unknown is said to be so."""
    if totals.unpriced and totals.cost_usd is None:
        return "cost unknown"
    more = f" and {totals.unpriced} of unknown cost" if totals.unpriced else ""
    return f"{plain(totals.cost_usd or Decimal(0))} USD{more}"
