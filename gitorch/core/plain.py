"""Reading plain trailers fast: those that gitorch has written, each in its place, which nearly all are."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, NamedTuple

from gitorch.core.record import ACTIONS, EVENTS, OUTCOMES, Check, Event, Totals
from gitorch.core.trailers import (
    BY_KEY,
    FIELDS,
    MAIN_TASK_KEYS,
    PREFIX,
    REQUIRED,
    WITH_TOTALS,
    InvalidMessage,
    count,
    decimal,
    line_text,
    number,
    read_again,
    read_change,
    read_check,
    read_main_task,
)


def read(block: str) -> dict[str, Any] | None:
    """Read a last paragraph with nothing but a record's own trailers, each in place; None where it is not so plain.

    It gives what a `Record` takes, but for subject and body; what is missing has its default.
    """
    event = block[len(_EVENT_KEY) :].partition("\n")[0] if block.startswith(_EVENT_KEY) else ""
    form = _plain_form(event) if event in EVENTS else None
    match = form.pattern.fullmatch(block) if form is not None else None
    if match is None or form is None:
        return None
    found = match.groups()
    status, next_, task, focus, states = found[:5]
    values: dict[str, Any] = {"event": event}
    try:
        if status is not None:
            values["main_task"] = _main_task_of(status, next_, task, focus)
        if states:
            values["changes"] = changes = tuple(map(_change_of, states.split("\n" + _STATE_KEY)[1:]))
            if len(changes) > 1 and len({change.name for change in changes}) < len(changes):
                return None
        for place, attribute, reader in form.values:
            text = found[place]
            if text:
                values[attribute] = reader(text)
        if form.totals is not None and found[form.totals] is not None:
            values["totals"] = totals = _totals_of(*found[form.totals :])
            if len({each.name for each in totals.again}) < len(totals.again):
                return None
    except (InvalidMessage, ValueError):
        return None
    return values


def _totals_of(steps: str, cost: str | None, unpriced: str | None, seconds: str, idle: str, again: str) -> Totals:
    tasks = tuple(map(read_again, again.split("\n" + _AGAIN_KEY)[1:])) if again else ()
    known = None if cost is None else Decimal(cost)
    return Totals(int(steps), known, Decimal(seconds), int(idle), int(unpriced or 0), tasks)


# a main task, a change, a short text: the same ones come again and again in one history
_main_task_of = lru_cache(maxsize=1024)(
    lambda status, next_, task, focus: read_main_task(
        dict(zip(MAIN_TASK_KEYS, (status, next_, task, focus), strict=True))
    )
)
_change_of = lru_cache(maxsize=16384)(read_change)
_short_line_of = lru_cache(maxsize=256)(line_text)


def _line_of(text: str) -> str:
    return _short_line_of(text) if len(text) <= _SHORT else line_text(text)


_SHORT: Final = 100  # longer ones are not kept for the next time
_EVENT_KEY: Final = f"{PREFIX}Event: "
_STATE_KEY: Final = f"{PREFIX}State: "
_CHECK_KEY: Final = f"{PREFIX}Check: "
_AGAIN_KEY: Final = f"{PREFIX}Again: "
_COUNT_FORM: Final = r"0|[1-9][0-9]{0,17}"
_AMOUNT_FORM: Final = r"(?:0|[1-9][0-9]{0,11})(?:\.[0-9]{0,5}[1-9])?"
# how values of a kind look, and how to read what looks so; of other kinds the reader sees to all
_FORMS: Final[Mapping[Callable[[str], Any], tuple[str, Callable[[str], Any]]]] = {
    count: (_COUNT_FORM, int),
    number: (r"0|-?[1-9][0-9]{0,17}", int),
    decimal: (_AMOUNT_FORM, Decimal),
    line_text: (".+", _line_of),
    BY_KEY["Invocation"].read: ("[0-9a-f]{32}", str),
    BY_KEY["Action"].read: ("|".join(ACTIONS), str),
    BY_KEY["Outcome"].read: ("|".join(OUTCOMES), str),
}


class _PlainForm(NamedTuple):
    """The last paragraph of an event's plain records: its pattern, and which of its groups holds what."""

    pattern: re.Pattern[str]
    values: list[tuple[int, str, Callable[[str], Any]]]
    totals: int | None


@lru_cache(maxsize=len(EVENTS))
def _plain_form(event: Event) -> _PlainForm:
    """Make the pattern of a last paragraph that has only the trailers an event may have, all in order."""
    main_task = r"(?:\nGitorch-Status: (.+)\nGitorch-Next: (.+)(?:\nGitorch-Task: (.+))?(?:\nGitorch-Focus: (.+))?)?"
    parts = [f"{_EVENT_KEY}{event}", main_task, rf"((?:\n{_STATE_KEY}.+)*)"]
    place = 5
    values: list[tuple[int, str, Callable[[str], Any]]] = []
    for field in FIELDS:
        if event in field.events:
            form, read = _FORMS.get(field.read, (".+", field.read))
            need = "" if field.attribute in REQUIRED.get(event, ()) else "?"
            parts.append(rf"(?:\n{PREFIX}{field.key}: ({form})){need}")
            values.append((place, field.attribute, read))
            place += 1
        if field.key == "Tokens-Out" and event == "end":
            parts.append(rf"((?:\n{_CHECK_KEY}.+)*)")
            values.append((place, "checks", _read_checks))
            place += 1
    if event not in WITH_TOTALS:
        return _PlainForm(re.compile("".join(parts)), values, None)
    totals = rf"\nGitorch-Total-Steps: ({_COUNT_FORM})(?:\nGitorch-Total-Cost-USD: ({_AMOUNT_FORM}))?"
    totals += r"(?:\nGitorch-Total-Unpriced: ([1-9][0-9]{0,17}))?"
    totals += rf"\nGitorch-Total-Seconds: ({_AMOUNT_FORM})\nGitorch-Idle: ({_COUNT_FORM})"
    totals += rf"((?:\n{_AGAIN_KEY}.+)*)"
    parts.append(f"(?:{totals})" + ("" if "totals" in REQUIRED.get(event, ()) else "?"))
    return _PlainForm(re.compile("".join(parts)), values, place)


def _read_checks(text: str) -> tuple[Check, ...]:
    return tuple(map(read_check, text.split("\n" + _CHECK_KEY)[1:]))
