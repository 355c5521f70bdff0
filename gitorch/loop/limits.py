"""Limits on a workflow, counted since `start` from the ledger alone."""

from __future__ import annotations

from decimal import Decimal
from math import ceil
from typing import NamedTuple

from gitorch.core.amounts import plain
from gitorch.core.record import Totals
from gitorch.core.text import counted


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


class Reached(NamedTuple):
    """A limit that is reached: how far the sums are, and the option that allows more."""

    reason: str
    hint: str


def reached(limits: Limits, totals: Totals) -> Reached | None:
    """Return the limit that the sums have reached, None where there is room for another step."""
    if limits.max_steps is not None and totals.steps >= limits.max_steps:
        return Reached(
            f"--max-steps {limits.max_steps} is reached: {_sums(totals)}",
            f"--max-steps {totals.steps + 2} runs two more",
        )
    spent = totals.cost_usd or Decimal(0)
    if limits.max_cost_usd is not None and spent >= limits.max_cost_usd:
        most = plain(limits.max_cost_usd)
        return Reached(
            f"--max-cost {most} is reached: {_sums(totals)}",
            f"--max-cost {plain(spent + max(limits.max_cost_usd, Decimal(1)))} goes on",
        )
    if limits.max_seconds is not None and totals.seconds >= limits.max_seconds:
        return Reached(
            f"--max-time {limits.max_seconds}s is reached: agents ran {plain(totals.seconds)} s; {_sums(totals)}",
            f"--max-time {ceil(totals.seconds) + max(limits.max_seconds, 60)}s goes on",
        )
    if totals.idle >= limits.max_idle:
        return Reached(
            f"--max-idle {limits.max_idle} is reached: {counted(totals.idle, 'step')} in a row changed nothing",
            f"read what they report: gitorch log; --max-idle {totals.idle + 5} goes on",
        )
    return None


def _sums(totals: Totals) -> str:
    return f"{counted(totals.steps, 'step')} since start, {show_cost(totals)}"


def money_left(limits: Limits, totals: Totals) -> Decimal | None:
    """Return what may still be spent, in USD; None where that is not limited."""
    return None if limits.max_cost_usd is None else limits.max_cost_usd - (totals.cost_usd or Decimal(0))


def time_left(limits: Limits, totals: Totals) -> float | None:
    """Return how long agents may still run, in seconds; None where that is not limited."""
    return None if limits.max_seconds is None else limits.max_seconds - float(totals.seconds)


def unknown_cost(limits: Limits, totals: Totals, *, priced: bool) -> str | None:
    """Return a warning that a bound on money may not hold, None where it does.

    `priced` is whether the next agent reports its cost.
    """
    if limits.max_cost_usd is None:
        return None
    if totals.unpriced:
        known = f"{plain(totals.cost_usd or Decimal(0))} USD are known"
        return f"--max-cost cannot be kept: {counted(totals.unpriced, 'invocation')} of unknown cost; {known}"
    if not priced:
        return "--max-cost cannot be kept: this agent does not report its cost; use --max-steps or --max-time"
    return None


def show_cost(totals: Totals) -> str:
    """Return what was spent, as people read it; an unknown cost is shown as unknown."""
    if totals.unpriced and totals.cost_usd is None:
        return "cost unknown"
    more = f" and {totals.unpriced} of unknown cost" if totals.unpriced else ""
    return f"{plain(totals.cost_usd or Decimal(0))} USD{more}"
