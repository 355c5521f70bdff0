"""Limits, judged by the sums alone."""

from __future__ import annotations

from decimal import Decimal

import pytest

from gitorch.core.record import Totals
from gitorch.loop.limits import Limits, reached

SPENT = Totals(steps=3, cost_usd=Decimal("2.5"), seconds=Decimal("90.5"), idle=4)


@pytest.mark.parametrize(
    ("limits", "reason", "hint"),
    [
        (Limits(max_steps=3), "--max-steps 3 is reached: 3 steps since start, 2.5 USD", "--max-steps 5 runs two more"),
        (
            Limits(max_cost_usd=Decimal(2)),
            "--max-cost 2 is reached: 3 steps since start, 2.5 USD",
            "--max-cost 4.5 goes on",
        ),
        (
            Limits(max_seconds=90),
            "--max-time 90s is reached: agents ran 90.5 s; 3 steps since start, 2.5 USD",
            "--max-time 181s goes on",
        ),
        (
            Limits(max_idle=4),
            "--max-idle 4 is reached: 4 steps in a row changed nothing",
            "read what they report: gitorch log; --max-idle 9 goes on",
        ),
    ],
    ids=["steps", "cost", "time", "idle"],
)
def test_a_limit_that_is_reached_names_the_option_that_allows_more(limits: Limits, reason: str, hint: str) -> None:
    assert reached(limits, SPENT) == (reason, hint)


def test_room_for_another_step() -> None:
    assert reached(Limits(max_steps=4, max_cost_usd=Decimal(3), max_seconds=91), SPENT) is None
