"""Find the time at which a limit ends in what a program reports: a number, a date, or a sentence."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from typing import Final

_EPOCH_LIMIT: Final = 10**11  # later than this it is milliseconds
_UNITS: Final = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_UNIT: Final = r"(?:days?|hours?|hrs?|minutes?|mins?|seconds?|secs?|[dhms])(?![a-z])"
_PART: Final = re.compile(rf"(\d+(?:\.\d+)?) ?({_UNIT})", re.IGNORECASE)
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?(?:e\+?\d+)?")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?: ?Z| ?[+-]\d\d:?\d\d)?", re.IGNORECASE)
_EPOCH: Final = re.compile(r"\|(\d{10,13})\b")
# only what follows such a word is about the end of a limit
_SENTENCE: Final = re.compile(
    r"\b(?:again|retry|resets?|available|until|wait)\b[^|\d]{0,30}?"
    rf"(?:(?P<date>{_DATE.pattern})|(?P<span>\d+(?:\.\d+)? ?{_UNIT}(?:(?:,| and)? ?\d+(?:\.\d+)? ?{_UNIT})*)"
    r"|(?P<hour>\d{1,2})(?::(?P<minute>\d\d))? ?(?P<half>[ap])m\b(?: ?\((?P<zone>[\w/+-]+)\))?)",
    re.IGNORECASE,
)


def moment(text: str | None, now: dt.datetime | None = None) -> str | None:
    """Return the time that a text names, in UTC and ISO 8601; None where it names none.

    It may be seconds or milliseconds since 1970, a date in ISO 8601, or a sentence such as `try again in 2 hours`,
    `resets at 2026-05-01T12:00Z` or `resets 3pm (Europe/Berlin)`.
    """
    if text is None:
        return None
    try:
        at = _read(text.strip(), now or dt.datetime.now(dt.timezone.utc))
        return at.strftime("%Y-%m-%dT%H:%M:%SZ") if at is not None and at.year >= 1970 else None  # noqa: PLR2004
    except (ValueError, OverflowError, OSError):
        return None


def _read(text: str, now: dt.datetime) -> dt.datetime | None:
    if _NUMBER.fullmatch(text):
        return _since_1970(float(text))
    if _DATE.fullmatch(text):
        return _date(text)
    if match := _EPOCH.search(text):
        return _since_1970(float(match[1]))
    match = _SENTENCE.search(text)
    if match is None:
        return None
    if match["date"]:
        return _date(match["date"])
    if match["span"]:
        parts = _PART.findall(match["span"])
        return now + dt.timedelta(seconds=sum(float(number) * _UNITS[unit[0].lower()] for number, unit in parts))
    half = 12 if match["half"].lower() == "p" else 0
    return _time_of_day(int(match["hour"]) % 12 + half, int(match["minute"] or 0), match["zone"], now)


def _since_1970(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds / 1000 if seconds > _EPOCH_LIMIT else seconds, dt.timezone.utc)


def _date(text: str) -> dt.datetime:
    plain = re.sub(r" ?([+-]\d\d):?(\d\d)$", r"\1:\2", re.sub(r" ?Z$", "+00:00", text.upper()))
    at = dt.datetime.fromisoformat(plain)
    return (at if at.tzinfo else at.replace(tzinfo=dt.timezone.utc)).astimezone(dt.timezone.utc)


def _time_of_day(hour: int, minute: int, zone: str | None, now: dt.datetime) -> dt.datetime | None:
    """Return when a clock shows that time next; None where its time zone is unknown here."""
    try:
        known = dt.timezone.utc if zone in ("UTC", "GMT") else zoneinfo.ZoneInfo(zone) if zone else None
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return None
    there = now.astimezone(known)
    at = there.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return (at if at > there else at + dt.timedelta(days=1)).astimezone(dt.timezone.utc)
