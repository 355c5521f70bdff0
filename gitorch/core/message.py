"""Commit messages of records: one builder and one strict parser, exact inverses of each other.

A message is a subject, a free body, and one last paragraph of `Gitorch-…` trailers that
`git interpret-trailers` reads. Body text is data: lines that git or this parser could take for
something else are indented by one blank, and the parser takes that blank away again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple, get_args

from gitorch.core import main_task as main_tasks
from gitorch.core.main_task import MainTask
from gitorch.core.moves import Change
from gitorch.core.names import TASK_STATES, TaskState, name_problem, quote
from gitorch.core.text import clean, one_line, paragraphs
from gitorch.errors import GitorchError

Event = Literal[
    "start",
    "create",
    "decompose",
    "begin",
    "end",
    "move",
    "update",
    "drop",
    "answer",
    "recover",
    "rewind",
    "adopt",
    "merge",
]
Action = Literal["decompose", "gather", "execute", "synthesize", "check"]
Outcome = Literal["completed", "failed", "blocked", "rate-limited", "timeout", "stalled", "interrupted", "rejected"]
EVENTS: Final[tuple[Event, ...]] = get_args(Event)
ACTIONS: Final[tuple[Action, ...]] = get_args(Action)
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)

MAX_SUBJECT: Final = 72
_MAX_AMOUNT: Final = 10**11
PREFIX: Final = "Gitorch-"
NO_TASK: Final = "MAIN_TASK"  # stands for the task in the subject of a record that belongs to none


class Check(NamedTuple):
    """A gate that gitorch ran: its exit code and its command line."""

    exit: int
    command: str


class Totals(NamedTuple):
    """Running sums since the workflow's `start`; times are seconds.

    `cost_usd` is None while no cost is known, `unpriced` the number of invocations whose cost is unknown.
    """

    steps: int = 0
    cost_usd: Decimal | None = None
    seconds: Decimal = Decimal(0)
    idle: int = 0
    unpriced: int = 0


@dataclass(frozen=True, kw_only=True)
class Record:
    """What one commit of the ledger says. Unknown figures are None, never zero."""

    event: Event
    subject: str
    body: str = ""
    main_task: MainTask | None = None
    changes: tuple[Change, ...] = ()
    invocation: str | None = None
    action: Action | None = None
    outcome: Outcome | None = None
    attempt: int | None = None
    agent: str | None = None
    model: str | None = None
    session: str | None = None
    exit: int | None = None
    duration: Decimal | None = None
    cost_usd: Decimal | None = None
    tokens_in: int | None = None
    tokens_cached: int | None = None
    tokens_out: int | None = None
    checks: tuple[Check, ...] = ()
    reason: str | None = None
    question: str | None = None
    retry_at: str | None = None
    rescue: str | None = None
    totals: Totals | None = None


class InvalidMessage(GitorchError):
    """A message that claims to be a record and is not a proper one."""


class _Field(NamedTuple):
    key: str
    attribute: str
    read: Callable[[str], Any]
    events: frozenset[Event]


def _number(text: str) -> int:
    if not re.fullmatch(r"0|-?[1-9]\d{0,17}", text, re.ASCII):
        raise ValueError("a whole number is wanted")
    return int(text)


def _count(text: str) -> int:
    if (number := _number(text)) < 0:
        raise ValueError("it cannot be negative")
    return number


def _amount(text: str) -> Decimal:
    if not re.fullmatch(r"(?:0|[1-9]\d{0,11})(?:\.\d{0,5}[1-9])?", text, re.ASCII):
        raise ValueError("a plain decimal number is wanted")
    return Decimal(text)


def _line(text: str) -> str:
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


_FIELDS: Final = (
    _Field("Invocation", "invocation", _matching("[0-9a-f]{32}", "32 hex digits"), _on("begin", "end", "recover")),
    _Field("Action", "action", _one_of(ACTIONS), _on("begin", "end")),
    _Field("Outcome", "outcome", _one_of(OUTCOMES), _on("end", "recover")),
    _Field("Attempt", "attempt", _count, _on("begin", "end")),
    _Field("Agent", "agent", _line, _on("end", "recover")),
    _Field("Model", "model", _line, _on("end")),
    _Field("Session", "session", _line, _on("end")),
    _Field("Exit", "exit", _number, _on("end")),
    _Field("Duration", "duration", _amount, _on("end")),
    _Field("Cost-USD", "cost_usd", _amount, _on("end")),
    _Field("Tokens-In", "tokens_in", _count, _on("end")),
    _Field("Tokens-Cached", "tokens_cached", _count, _on("end")),
    _Field("Tokens-Out", "tokens_out", _count, _on("end")),
    _Field("Reason", "reason", _line, _on("end", "recover", "move")),
    _Field("Question", "question", _line, _on("end", "recover", "move")),
    _Field("Retry-At", "retry_at", _time, _on("end", "recover", "move")),
    _Field("Rescue", "rescue", _matching(r"refs/[!-~]+", "a ref"), _on("end", "recover", "move")),
)
_BY_KEY: Final = {field.key: field for field in _FIELDS}
_TOTALS: Final[dict[str, Callable[[str], Any]]] = {
    "Total-Steps": _count,
    "Total-Cost-USD": _amount,
    "Total-Unpriced": _count,
    "Total-Seconds": _amount,
    "Idle": _count,
}
_WITH_TOTALS: Final = _on("end", "decompose", "recover", "merge")
_REQUIRED: Final[dict[Event, tuple[str, ...]]] = {
    "begin": ("invocation", "action"),
    "end": ("invocation", "action", "outcome", "totals"),
    "recover": ("invocation", "outcome", "totals"),
}
_MAIN_TASK_KEYS: Final = ("Status", "Next", "Task", "Focus")

_RISKY = re.compile(
    r" *(?:---|#|gitorch-|diff -|index: |>?from .*\d:\d\d|>from |(?:from|date|subject):|\[patch\])", re.IGNORECASE
)
_STATE = re.compile(rf"([^:]+): (none|{'|'.join(TASK_STATES)}) -> (none|{'|'.join(TASK_STATES)})")
_FOREIGN = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*:.*|\(cherry picked from commit [0-9a-f]+\)")
_SUBJECT = re.compile(r"gitorch\([^()\s]+\): \S.*")


def subject(name: str | None, what: str) -> str:
    """Make a subject line of at most 72 characters; a long task name is elided."""
    name = name or NO_TASK
    what = one_line(what, limit=48)
    room = MAX_SUBJECT - len(f"gitorch(): {what}")
    shown = name if len(name) <= room else name[: room - 1] + "…"
    return f"gitorch({shown}): {what}"


def plain(number: Decimal) -> str:
    """Write a decimal number without exponent and without trailing zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def amount(value: float | str | Decimal, places: int = 6) -> Decimal:
    """Round a figure to what a trailer holds.

    Raises:
        ValueError: it is no number, not finite, negative, or more than a trailer holds.
    """
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        raise ValueError(f"{quote(str(value))} is no number") from None
    if not number.is_finite() or not 0 <= number < _MAX_AMOUNT:
        raise ValueError(f"{quote(str(value))} is no amount from 0 to {_MAX_AMOUNT}")
    return abs(Decimal(plain(round(number, places))))


def canonical(record: Record) -> Record:
    """Give the record with its free texts in the form that a message can hold."""
    lines: dict[str, Any] = {
        field.attribute: one_line(value) or None
        for field in _FIELDS
        if field.read is _line and (value := getattr(record, field.attribute)) is not None
    }
    checks = tuple(Check(check.exit, one_line(check.command)) for check in record.checks)
    return replace(record, body=paragraphs(record.body), checks=checks, **lines)


def build(record: Record) -> str:
    """Write a record as a commit message. `parse(build(record))` is `canonical(record)`.

    Raises:
        InvalidMessage: the record itself breaks a rule of the format.
    """
    record = canonical(record)
    body = "\n".join(" " + line if _RISKY.match(line) else line for line in record.body.split("\n"))
    trailers = "".join(f"{PREFIX}{key}: {value}\n" for key, value in _trailers(record))
    message = f"{record.subject}\n\n{body}\n\n{trailers}" if body else f"{record.subject}\n\n{trailers}"
    if parse(message) != record:
        raise InvalidMessage("a record does not survive being written and read: this is a bug in gitorch")
    return message


def _trailers(record: Record) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = [("Event", record.event)]
    if record.main_task is not None:
        pairs += [(k, v) for k, v in zip(_MAIN_TASK_KEYS, record.main_task, strict=True) if v is not None]
    pairs += [("State", str(change)) for change in record.changes]
    for field in _FIELDS:
        value = getattr(record, field.attribute)
        if value is not None:
            pairs.append((field.key, plain(value) if isinstance(value, Decimal) else str(value)))
        if field.key == "Tokens-Out":
            pairs += [("Check", f"{check.exit} {check.command}") for check in record.checks]
    if record.totals is not None:
        steps, cost, seconds, idle, unpriced = record.totals
        pairs.append(("Total-Steps", str(steps)))
        if cost is not None:
            pairs.append(("Total-Cost-USD", plain(cost)))
        if unpriced:
            pairs.append(("Total-Unpriced", str(unpriced)))
        pairs += [("Total-Seconds", plain(seconds)), ("Idle", str(idle))]
    return pairs


def parse(message: str) -> Record | None:
    """Read a commit message; None where it is somebody's ordinary message.

    Raises:
        InvalidMessage: it has gitorch's trailers, but cut, doubled, moved, unknown or out of form.
    """
    text = message.rstrip("\n")
    head, gap, last = text.rpartition("\n\n")
    if gap and (record := _read_plain(head, last)) is not None:
        return record
    block = last.split("\n")
    if not gap or not any(_is_ours(line) for line in block):
        _refuse_moved(text)
        return None
    subject_line, body = _read_head(head)
    pairs = _own_pairs(block)
    record = _read(subject_line, body, pairs)
    if not _is_subject(subject_line):
        raise InvalidMessage(f"subject {quote(subject_line)} is not of the form 'gitorch(NAME): what happened'")
    if _trailers(record) != pairs:
        raise InvalidMessage("the trailers are out of order")
    return record


def _read_head(head: str) -> tuple[str, str]:
    """Read what stands before the trailers: subject and body."""
    subject_line, _, rest = head.partition("\n")
    if rest and not rest.startswith("\n"):
        raise InvalidMessage("the subject is not followed by an empty line")
    body = rest[1:]
    if PREFIX.lower() in body.lower():
        stray = next((line for line in body.split("\n") if _is_ours(line)), None)
        if stray is not None:
            raise InvalidMessage(f"trailer {quote(stray)} stands outside the last paragraph")
    if body.startswith(" ") or "\n " in body:
        lines = body.split("\n")
        body = "\n".join(line[1:] if line.startswith(" ") and _RISKY.match(line) else line for line in lines)
    return subject_line, body


def _is_subject(line: str) -> bool:
    return len(line) <= MAX_SUBJECT and _has_subjects_form(line)


@lru_cache(maxsize=4096)
def _has_subjects_form(line: str) -> bool:
    return _SUBJECT.fullmatch(line) is not None and clean(line) == line


def _read_plain(head: str, block: str) -> Record | None:
    """Read a record with nothing but its own trailers, each in place: nearly all are. None where it is not so plain."""
    event = block[len(_EVENT_KEY) :].partition("\n")[0] if block.startswith(_EVENT_KEY) else ""
    form = _plain_form(event) if event in EVENTS else None
    match = form.pattern.fullmatch(block) if form is not None else None
    if match is None or form is None:
        return None
    found = match.groups()
    status, next_, task, focus, states = found[:5]
    try:
        subject_line, body = _read_head(head)
        values: dict[str, Any] = {"event": event, "subject": subject_line, "body": body}
        if status is not None:
            values["main_task"] = _main_task_of(status, next_, task, focus)
        if states:
            values["changes"] = changes = tuple(map(_change_of, states.split("\n" + _STATE_KEY)[1:]))
            if len(changes) > 1 and len({change.name for change in changes}) < len(changes):
                return None
        for place, attribute, read in form.values:
            text = found[place]
            if text:
                values[attribute] = read(text)
    except (InvalidMessage, ValueError):
        return None
    if form.totals is not None and found[form.totals] is not None:
        steps, cost, unpriced, seconds, idle = found[form.totals :]
        cost = None if cost is None else Decimal(cost)
        values["totals"] = Totals(int(steps), cost, Decimal(seconds), int(idle), int(unpriced or 0))
    if not _is_subject(subject_line):
        return None
    record = object.__new__(Record)  # what is not in `values` has its default from the class
    record.__dict__.update(values)
    return record


def _refuse_moved(text: str) -> None:
    """Refuse a record whose trailers are no last paragraph any more; a message that only quotes one is fine."""
    lines = text.split("\n")
    stray = next((line for line in lines if _is_ours(line)), None)
    if stray is not None and _SUBJECT.fullmatch(lines[0]):
        raise InvalidMessage(f"trailer {quote(stray)} stands outside the last paragraph")


def _is_ours(line: str) -> bool:
    return line[: len(PREFIX)].lower() == PREFIX.lower()


def _own_pairs(block: list[str]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    ours = False
    for line in block:
        if _is_ours(line):
            ours = True
            key, colon, value = line.partition(": ")
            if not colon or not key.startswith(PREFIX):
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


def _read(subject_line: str, body: str, pairs: list[tuple[str, str]]) -> Record:  # noqa: C901, PLR0912 - a flat table of cases
    single: dict[str, str] = {}
    changes: list[Change] = []
    checks: list[Check] = []
    for key, value in pairs:
        if key == "State":
            change = _read_change(value)
            if any(change.name == other.name for other in changes):
                raise InvalidMessage(f"trailer {PREFIX}State stands there twice for {change.name}")
            changes.append(change)
        elif key == "Check":
            checks.append(_read_check(value))
        elif key in single:
            raise InvalidMessage(f"trailer {PREFIX}{key} stands there twice")
        else:
            single[key] = value
    event = next((event for event in EVENTS if event == single.get("Event")), None)
    if event is None:
        what = f"event {quote(single['Event'])} is unknown" if "Event" in single else f"{PREFIX}Event is missing"
        raise InvalidMessage(what)
    values: dict[str, Any] = {}
    totals: dict[str, Any] = {}
    for key, text in single.items():
        if key in ("Event", *_MAIN_TASK_KEYS):
            continue
        field = _BY_KEY.get(key)
        read = field.read if field is not None else _TOTALS.get(key)
        if read is None:
            raise InvalidMessage(f"trailer {quote(PREFIX + key)} is unknown")
        if event not in (field.events if field is not None else _WITH_TOTALS):
            raise InvalidMessage(f"trailer {PREFIX}{key} does not belong to a record of {event}")
        try:
            figure = read(text)
        except ValueError as error:
            raise InvalidMessage(f"trailer {PREFIX}{key}: {error}, not {quote(text)}") from None
        if field is not None:
            values[field.attribute] = figure
        else:
            totals[key] = figure
    if checks and event != "end":
        raise InvalidMessage(f"trailer {PREFIX}Check does not belong to a record of {event}")
    if totals:
        values["totals"] = _read_totals(totals)
    for attribute in _REQUIRED.get(event, ()):
        if values.get(attribute) is None:
            raise InvalidMessage(f"a record of {event} says nothing of its {attribute}")
    return Record(
        event=event,
        subject=subject_line,
        body=body,
        main_task=_read_main_task(single),
        changes=tuple(changes),
        checks=tuple(checks),
        **values,
    )


def _read_change(value: str) -> Change:
    match = _STATE.fullmatch(value)
    if match is None or name_problem(match[1]) is not None or match[2] == match[3]:
        raise InvalidMessage(f"trailer {PREFIX}State: {quote(value)} is not of the form 'NAME: FROM -> TO'")
    states: dict[str, TaskState | None] = {"none": None, **{state: state for state in TASK_STATES}}
    return Change(match[1], states[match[2]], states[match[3]])


def _read_check(value: str) -> Check:
    code, blank, command = value.partition(" ")
    try:
        return Check(_number(code), _line(command if blank else ""))
    except ValueError:
        raise InvalidMessage(f"trailer {PREFIX}Check: {quote(value)} is not of the form 'EXIT COMMAND'") from None


def _read_totals(values: dict[str, Any]) -> Totals:
    for key in ("Total-Steps", "Total-Seconds", "Idle"):
        if key not in values:
            raise InvalidMessage(f"{PREFIX}{key} is missing beside the other totals")
    return Totals(
        steps=values["Total-Steps"],
        cost_usd=values.get("Total-Cost-USD"),
        seconds=values["Total-Seconds"],
        idle=values["Idle"],
        unpriced=values.get("Total-Unpriced", 0),
    )


def _read_main_task(values: dict[str, str]) -> MainTask | None:
    status, next_, task, focus = (values.get(key) for key in _MAIN_TASK_KEYS)
    if status is None and next_ is None and task is None and focus is None:
        return None
    if status is None or next_ is None:
        raise InvalidMessage(f"{PREFIX}Status and {PREFIX}Next belong together")
    try:
        return main_tasks.make(status, next_, task, focus)
    except GitorchError as error:
        raise InvalidMessage(error.message) from None


# a main task, a change, a short text: the same ones come again and again in one history
_main_task_of = lru_cache(maxsize=1024)(
    lambda status, next_, task, focus: _read_main_task(
        dict(zip(_MAIN_TASK_KEYS, (status, next_, task, focus), strict=True))
    )
)
_change_of = lru_cache(maxsize=16384)(_read_change)
_short_line_of = lru_cache(maxsize=256)(_line)


def _line_of(text: str) -> str:
    return _short_line_of(text) if len(text) <= _SHORT else _line(text)


_SHORT: Final = 100  # longer ones are not kept for the next time
_EVENT_KEY: Final = f"{PREFIX}Event: "
_STATE_KEY: Final = f"{PREFIX}State: "
_CHECK_KEY: Final = f"{PREFIX}Check: "
_COUNT_FORM: Final = r"0|[1-9][0-9]{0,17}"
_AMOUNT_FORM: Final = r"(?:0|[1-9][0-9]{0,11})(?:\.[0-9]{0,5}[1-9])?"
# how values of a kind look, and how to read what looks so; of other kinds the reader sees to all
_FORMS: Final[Mapping[Callable[[str], Any], tuple[str, Callable[[str], Any]]]] = {
    _count: (_COUNT_FORM, int),
    _number: (r"0|-?[1-9][0-9]{0,17}", int),
    _amount: (_AMOUNT_FORM, Decimal),
    _line: (".+", _line_of),
    _BY_KEY["Invocation"].read: ("[0-9a-f]{32}", str),
    _BY_KEY["Action"].read: ("|".join(ACTIONS), str),
    _BY_KEY["Outcome"].read: ("|".join(OUTCOMES), str),
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
    for field in _FIELDS:
        if event in field.events:
            form, read = _FORMS.get(field.read, (".+", field.read))
            need = "" if field.attribute in _REQUIRED.get(event, ()) else "?"
            parts.append(rf"(?:\n{PREFIX}{field.key}: ({form})){need}")
            values.append((place, field.attribute, read))
            place += 1
        if field.key == "Tokens-Out" and event == "end":
            parts.append(rf"((?:\n{_CHECK_KEY}.+)*)")
            values.append((place, "checks", _read_checks))
            place += 1
    if event not in _WITH_TOTALS:
        return _PlainForm(re.compile("".join(parts)), values, None)
    totals = rf"\nGitorch-Total-Steps: ({_COUNT_FORM})(?:\nGitorch-Total-Cost-USD: ({_AMOUNT_FORM}))?"
    totals += r"(?:\nGitorch-Total-Unpriced: ([1-9][0-9]{0,17}))?"
    totals += rf"\nGitorch-Total-Seconds: ({_AMOUNT_FORM})\nGitorch-Idle: ({_COUNT_FORM})"
    parts.append(f"(?:{totals})" + ("" if "totals" in _REQUIRED.get(event, ()) else "?"))
    return _PlainForm(re.compile("".join(parts)), values, place)


def _read_checks(text: str) -> tuple[Check, ...]:
    return tuple(map(_read_check, text.split("\n" + _CHECK_KEY)[1:]))


def as_dict(record: Record) -> dict[str, Any]:
    """Give the record for JSON: lower-case keys as in the trailers, figures as numbers, unknown ones left out."""
    result: dict[str, Any] = {"event": record.event, "subject": record.subject}
    result["states"] = [{"name": c.name, "from": c.before, "to": c.after} for c in record.changes]
    main = record.main_task
    values = main if main is not None else (None, None, None, None)
    result.update(zip(("status", "next", "task", "focus"), values, strict=True))
    for field in _FIELDS:
        value = getattr(record, field.attribute)
        if value is not None:
            result[field.attribute] = float(value) if isinstance(value, Decimal) else value
    if record.checks:
        result["check"] = [{"exit": check.exit, "command": check.command} for check in record.checks]
    if record.totals is not None:
        totals = record.totals
        result["total_steps"] = totals.steps
        if totals.cost_usd is not None:
            result["total_cost_usd"] = float(totals.cost_usd)
        result["total_unpriced"] = totals.unpriced
        result["total_seconds"] = float(totals.seconds)
        result["idle"] = totals.idle
    if record.body:
        result["body"] = record.body
    return result
