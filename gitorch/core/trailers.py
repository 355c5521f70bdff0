"""The trailers of a record: which there are, what each may hold, and how they are written and read strictly."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from gitorch.core import main_task as main_tasks
from gitorch.core.amounts import plain
from gitorch.core.main_task import MainTask
from gitorch.core.moves import Change
from gitorch.core.names import TASK_STATES, TaskState, name_problem, quote
from gitorch.core.record import ACTIONS, EVENTS, OUTCOMES, Again, Check, Event, Record, Totals
from gitorch.core.text import one_line
from gitorch.errors import GitorchError

PREFIX: Final = "Gitorch-"


class InvalidMessage(GitorchError):
    """A message that claims to be a record and is not a proper one."""


class Field(NamedTuple):
    """A trailer that stands in a record once at most: the attribute it fills, its reader, and whose it is."""

    key: str
    attribute: str
    read: Callable[[str], Any]
    events: frozenset[Event]


def number(text: str) -> int:
    """Read a whole number."""
    if not re.fullmatch(r"0|-?[1-9]\d{0,17}", text, re.ASCII):
        raise ValueError("a whole number is wanted")
    return int(text)


def count(text: str) -> int:
    """Read a whole number that is not negative."""
    if (found := number(text)) < 0:
        raise ValueError("it cannot be negative")
    return found


def decimal(text: str) -> Decimal:
    """Read a plain decimal number that is not negative."""
    if not re.fullmatch(r"(?:0|[1-9]\d{0,11})(?:\.\d{0,5}[1-9])?", text, re.ASCII):
        raise ValueError("a plain decimal number is wanted")
    return Decimal(text)


def line_text(text: str) -> str:
    """Read one clean line."""
    if not text or one_line(text, limit=len(text)) != text:
        raise ValueError("one clean line is wanted")
    return text


def _matching(pattern: str, wanted: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not re.fullmatch(pattern, text, re.ASCII):
            raise ValueError(f"{wanted} is wanted")
        return text

    return read


def _time(text: str) -> str:
    wanted = "a time like 2026-01-31T09:30:00Z"
    _matching(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", wanted)(text)
    try:
        datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z")
    except ValueError:
        raise ValueError(f"{wanted} is wanted") from None
    return text


def _one_of(words: tuple[str, ...]) -> Callable[[str], str]:
    return _matching("|".join(map(re.escape, words)), f"one of {', '.join(words)}")


def _on(*events: Event) -> frozenset[Event]:
    return frozenset(events)


FIELDS: Final = (
    Field("Invocation", "invocation", _matching("[0-9a-f]{32}", "32 hex digits"), _on("begin", "end", "recover")),
    Field("Action", "action", _one_of(ACTIONS), _on("begin", "end")),
    Field("Outcome", "outcome", _one_of(OUTCOMES), _on("end", "recover")),
    Field("Attempt", "attempt", count, _on("begin", "end")),
    Field("Agent", "agent", line_text, _on("end", "recover")),
    Field("Model", "model", line_text, _on("end")),
    Field("Session", "session", line_text, _on("end")),
    Field("Exit", "exit", number, _on("end")),
    Field("Duration", "duration", decimal, _on("end")),
    Field("Cost-USD", "cost_usd", decimal, _on("end")),
    Field("Tokens-In", "tokens_in", count, _on("end")),
    Field("Tokens-Cached", "tokens_cached", count, _on("end")),
    Field("Tokens-Out", "tokens_out", count, _on("end")),
    Field("Reason", "reason", line_text, _on("end", "recover", "move")),
    Field("Question", "question", line_text, _on("end", "recover", "move")),
    Field("Retry-At", "retry_at", _time, _on("end", "recover", "move")),
    Field("Rescue", "rescue", _matching(r"refs/[!-~]+", "a ref"), _on("end", "recover", "move")),
)
BY_KEY: Final = {field.key: field for field in FIELDS}
TOTALS: Final[dict[str, Callable[[str], Any]]] = {
    "Total-Steps": count,
    "Total-Cost-USD": decimal,
    "Total-Unpriced": count,
    "Total-Seconds": decimal,
    "Idle": count,
}
WITH_TOTALS: Final = _on("end", "decompose", "recover", "merge")
REQUIRED: Final[dict[Event, tuple[str, ...]]] = {
    "begin": ("invocation", "action"),
    "end": ("invocation", "action", "outcome", "totals"),
    "recover": ("invocation", "outcome", "totals"),
}
MAIN_TASK_KEYS: Final = ("Status", "Next", "Task", "Focus")
_STATE = re.compile(rf"([^:]+): (none|{'|'.join(TASK_STATES)}) -> (none|{'|'.join(TASK_STATES)})")
_STATES: Final[Mapping[str, TaskState | None]] = {"none": None, **{state: state for state in TASK_STATES}}
_AGAIN = re.compile(r"([^:]+): attempt ([1-9]\d{0,17})(?:, waits ([1-9]\d{0,17}))?(, answered)?", re.ASCII)
_KEY = re.compile(rf"{PREFIX}[A-Za-z-]*")
_FOREIGN = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*:.*|\(cherry picked from commit [0-9a-f]+\)")


def pairs_of(record: Record) -> list[tuple[str, str]]:
    """List a record's trailers in the order in which they stand, their keys without the prefix."""
    pairs: list[tuple[str, str]] = [("Event", record.event)]
    if record.main_task is not None:
        pairs += [(k, v) for k, v in zip(MAIN_TASK_KEYS, record.main_task, strict=True) if v is not None]
    pairs += [("State", str(change)) for change in record.changes]
    for field in FIELDS:
        value = getattr(record, field.attribute)
        if value is not None:
            pairs.append((field.key, plain(value) if isinstance(value, Decimal) else str(value)))
        if field.key == "Tokens-Out":
            pairs += [("Check", f"{check.exit} {check.command}") for check in record.checks]
    if record.totals is not None:
        steps, cost, seconds, idle, unpriced, again = record.totals
        pairs.append(("Total-Steps", str(steps)))
        if cost is not None:
            pairs.append(("Total-Cost-USD", plain(cost)))
        if unpriced:
            pairs.append(("Total-Unpriced", str(unpriced)))
        pairs += [("Total-Seconds", plain(seconds)), ("Idle", str(idle))]
        pairs += [("Again", _again_text(each)) for each in again]
    return pairs


def is_ours(line: str) -> bool:
    """Tell whether a line claims to be a trailer of gitorch's."""
    return line[: len(PREFIX)].lower() == PREFIX.lower()


def _again_text(again: Again) -> str:
    name, attempt, waits, answered = again
    return f"{name}: attempt {attempt}" + (f", waits {waits}" if waits else "") + (", answered" if answered else "")


def own_pairs(block: list[str]) -> list[tuple[str, str]]:
    """List the keys and values of our trailers in a last paragraph, where other people's may stand too."""
    pairs: list[tuple[str, str]] = []
    ours = False
    for line in block:
        if is_ours(line):
            ours = True
            key, colon, value = line.partition(": ")
            if not colon or not _KEY.fullmatch(key):
                raise InvalidMessage(f"trailer {quote(line)} is not of the form 'Gitorch-Key: value'")
            pairs.append((key[len(PREFIX) :], value))
        elif line.startswith((" ", "\t")):
            if ours or not line.strip():
                raise InvalidMessage(f"line {quote(line)} goes on with a trailer that has one line only")
        elif _FOREIGN.fullmatch(line):
            ours = False
        else:
            raise InvalidMessage(f"line {quote(line)} among the trailers is none")
    return pairs


def read(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Read trailers; gives what a `Record` takes, but for subject and body.

    Raises:
        InvalidMessage: they are no record's.
    """
    single, repeated = _sort_out(pairs)
    event = next((event for event in EVENTS if event == single.get("Event")), None)
    if event is None:
        what = f"event {quote(single['Event'])} is unknown" if "Event" in single else f"{PREFIX}Event is missing"
        raise InvalidMessage(what)
    values, totals = _read_single(event, single)
    changes = tuple(map(read_change, repeated["State"]))
    again = tuple(map(read_again, repeated["Again"]))
    _refuse_double("State", [change.name for change in changes])
    _refuse_double("Again", [each.name for each in again])
    values.update(changes=changes, checks=tuple(map(read_check, repeated["Check"])))
    if values["checks"]:
        _check_belongs("Check", event, _on("end"))
    if again:
        _check_belongs("Again", event, WITH_TOTALS)
    if totals or again:
        values["totals"] = _read_totals(totals, again)
    for attribute in REQUIRED.get(event, ()):
        if values.get(attribute) is None:
            raise InvalidMessage(f"a record of {event} says nothing of its {attribute}")
    return values


def _read_single(event: Event, single: dict[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read the trailers that stand there once: the record's own, and the sums."""
    values: dict[str, Any] = {"event": event, "main_task": read_main_task(single)}
    totals: dict[str, Any] = {}
    for key, text in single.items():
        if key in ("Event", *MAIN_TASK_KEYS):
            continue
        field = BY_KEY.get(key)
        reader = field.read if field is not None else TOTALS.get(key)
        if reader is None:
            raise InvalidMessage(f"trailer {quote(PREFIX + key)} is unknown")
        _check_belongs(key, event, field.events if field is not None else WITH_TOTALS)
        try:
            figure = reader(text)
        except ValueError as error:
            raise InvalidMessage(f"trailer {PREFIX}{key}: {error}, not {quote(text)}") from None
        if field is not None:
            values[field.attribute] = figure
        else:
            totals[key] = figure
    return values, totals


def _sort_out(pairs: list[tuple[str, str]]) -> tuple[dict[str, str], Mapping[str, list[str]]]:
    """Part the trailers that stand there once from those that may be repeated."""
    single: dict[str, str] = {}
    repeated: dict[str, list[str]] = {"State": [], "Check": [], "Again": []}
    for key, value in pairs:
        if key in repeated:
            repeated[key].append(value)
        elif key in single:
            raise InvalidMessage(f"trailer {PREFIX}{key} stands there twice")
        else:
            single[key] = value
    return single, repeated


def _check_belongs(key: str, event: Event, events: frozenset[Event]) -> None:
    if event not in events:
        raise InvalidMessage(f"trailer {PREFIX}{key} does not belong to a record of {event}")


def _refuse_double(key: str, names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InvalidMessage(f"trailer {PREFIX}{key} stands there twice for {name}")
        seen.add(name)


def read_again(value: str) -> Again:
    """Read what an `Again` trailer says."""
    match = _AGAIN.fullmatch(value)
    if match is None or name_problem(match[1]) is not None:
        raise InvalidMessage(f"trailer {PREFIX}Again: {quote(value)} is not of the form 'NAME: attempt NUMBER'")
    return Again(match[1], int(match[2]), int(match[3] or 0), match[4] is not None)


def read_change(value: str) -> Change:
    """Read what a `State` trailer says."""
    match = _STATE.fullmatch(value)
    if match is None or name_problem(match[1]) is not None or match[2] == match[3]:
        raise InvalidMessage(f"trailer {PREFIX}State: {quote(value)} is not of the form 'NAME: FROM -> TO'")
    return Change(match[1], _STATES[match[2]], _STATES[match[3]])


def read_check(value: str) -> Check:
    """Read what a `Check` trailer says."""
    code, blank, command = value.partition(" ")
    try:
        return Check(number(code), line_text(command if blank else ""))
    except ValueError:
        raise InvalidMessage(f"trailer {PREFIX}Check: {quote(value)} is not of the form 'EXIT COMMAND'") from None


def _read_totals(values: dict[str, Any], again: tuple[Again, ...]) -> Totals:
    for key in ("Total-Steps", "Total-Seconds", "Idle"):
        if key not in values:
            raise InvalidMessage(f"{PREFIX}{key} is missing beside the other totals")
    return Totals(
        steps=values["Total-Steps"],
        cost_usd=values.get("Total-Cost-USD"),
        seconds=values["Total-Seconds"],
        idle=values["Idle"],
        unpriced=values.get("Total-Unpriced", 0),
        again=again,
    )


def read_main_task(values: dict[str, str]) -> MainTask | None:
    """Read MAIN_TASK from its four trailers."""
    status, next_, task, focus = (values.get(key) for key in MAIN_TASK_KEYS)
    if status is None and next_ is None and task is None and focus is None:
        return None
    if status is None or next_ is None:
        raise InvalidMessage(f"{PREFIX}Status and {PREFIX}Next belong together")
    try:
        return main_tasks.make(status, next_, task, focus)
    except GitorchError as error:
        raise InvalidMessage(error.message) from None
