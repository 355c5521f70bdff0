"""The time at which a limit ends, in what programs report."""

from __future__ import annotations

import datetime as dt

import pytest

from gitorch.agents.moments import moment

NOW = dt.datetime(2026, 5, 1, 12, 0, 0, tzinfo=dt.timezone.utc)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1777640400", "2026-05-01T13:00:00Z"),
        ("1777640400000", "2026-05-01T13:00:00Z"),
        ("2026-05-01T15:00:00+02:00", "2026-05-01T13:00:00Z"),
        ("2026-05-01 13:00", "2026-05-01T13:00:00Z"),
        ("Claude AI usage limit reached|1777640400", "2026-05-01T13:00:00Z"),
        ("Rate limit reached. Please try again in 20s.", "2026-05-01T12:00:20Z"),
        ("usage limit; try again in 1 day, 2 hours and 5 minutes", "2026-05-02T14:05:00Z"),
        ("Please wait 90 seconds", "2026-05-01T12:01:30Z"),
        ("quota resets at 2026-05-01T13:00:00Z", "2026-05-01T13:00:00Z"),
        ("You've hit your session limit · resets 3:30pm (UTC)", "2026-05-01T15:30:00Z"),
        ("5-hour limit reached · resets 11am (UTC)", "2026-05-02T11:00:00Z"),
        ("limit reached · resets 3pm (Nowhere/Here)", None),
        ("the request failed after 300 s", None),
        ("built on 2026-05-01T13:00:00Z, overloaded", None),
        ("again and again 5 more", None),
        ("1e400", None),
        ("", None),
        (None, None),
    ],
)
def test_a_time_is_found_in_numbers_dates_and_sentences(text: str | None, expected: str | None) -> None:
    assert moment(text, NOW) == expected
