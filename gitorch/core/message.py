"""Commit messages of records: one builder and one strict parser, exact inverses of each other.

A message is a subject, a free body, and one last paragraph of `Gitorch-…` trailers that
`git interpret-trailers` reads. Body text is data: lines that git or this parser could take for
something else are indented by one blank, and the parser takes that blank away again.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from gitorch.core import plain, trailers
from gitorch.core.names import quote
from gitorch.core.record import Check, Record
from gitorch.core.text import clean, one_line, paragraphs, shortened
from gitorch.core.trailers import FIELDS, PREFIX, InvalidMessage, is_ours, line_text, own_pairs, pairs_of

MAX_SUBJECT: Final = 72
_LEAST_NAME: Final = 24  # characters that a name keeps beside a long sentence
NO_TASK: Final = "MAIN_TASK"  # stands for the task in the subject of a record that belongs to none
_RISKY = re.compile(
    r" *(?:---|#|gitorch-|diff -|index: |>?from .*\d:\d\d|>from |(?:from|date|subject):|\[patch\])", re.IGNORECASE
)
_SUBJECT = re.compile(r"gitorch\([^()\s]+\): \S.*")


def subject(name: str | None, what: str) -> str:
    """Return a subject line of at most 72 characters.

    A sentence that does not fit is cut at a word, a name in its middle: names of subtasks differ at their ends.
    """
    name = name or NO_TASK
    room = MAX_SUBJECT - len("gitorch(): ")
    what = _cut_at_word(one_line(what), room - min(len(name), _LEAST_NAME))
    return f"gitorch({shortened(name, room - len(what))}): {what}"


def _cut_at_word(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    words = text[:limit].rpartition(" ")[0]
    return (words if len(words) > limit // 2 else text[: limit - 1]).rstrip(" ,:;") + "…"


def canonical(record: Record) -> Record:
    """Give the record with its free texts in the form that a message can hold."""
    lines: dict[str, Any] = {
        field.attribute: one_line(value) or None
        for field in FIELDS
        if field.read is line_text and (value := getattr(record, field.attribute)) is not None
    }
    checks = tuple(Check(check.exit, one_line(check.command)) for check in record.checks)
    return record._replace(body=paragraphs(record.body), checks=checks, **lines)


def build(record: Record) -> str:
    """Write a record as a commit message. `parse(build(record))` is `canonical(record)`.

    Raises:
        InvalidMessage: the record itself breaks a rule of the format.
    """
    record = canonical(record)
    body = "\n".join(" " + line if _RISKY.match(line) else line for line in record.body.split("\n"))
    block = "".join(f"{PREFIX}{key}: {value}\n" for key, value in pairs_of(record))
    message = f"{record.subject}\n\n{body}\n\n{block}" if body else f"{record.subject}\n\n{block}"
    if parse(message) != record:
        raise InvalidMessage("a record does not survive being written and read: this is a bug in gitorch")
    return message


def parse(message: str) -> Record | None:
    """Read a commit message; None where it is somebody's ordinary message.

    Raises:
        InvalidMessage: it has gitorch's trailers, but cut, doubled, moved, unknown or out of form.
    """
    text = message.rstrip("\n")
    head, gap, last = text.rpartition("\n\n")
    if gap and (values := plain.read(last)) is not None:
        subject_line, body = _read_head(head)
        if _is_subject(subject_line):
            return Record(**values, subject=subject_line, body=body)
    block = last.split("\n")
    if not gap or not any(is_ours(line) for line in block):
        _refuse_moved(text)
        return None
    subject_line, body = _read_head(head)
    pairs = own_pairs(block)
    record = Record(subject=subject_line, body=body, **trailers.read(pairs))
    if not _is_subject(subject_line):
        raise InvalidMessage(f"subject {quote(subject_line)} is not of the form 'gitorch(NAME): what happened'")
    if pairs_of(record) != pairs:
        raise InvalidMessage("the trailers are out of order")
    return record


def _read_head(head: str) -> tuple[str, str]:
    """Read what stands before the trailers: subject and body."""
    subject_line, _, rest = head.partition("\n")
    if rest and not rest.startswith("\n"):
        raise InvalidMessage("the subject is not followed by an empty line")
    body = rest[1:]
    if PREFIX.lower() in body.lower():
        stray = next((line for line in body.split("\n") if is_ours(line)), None)
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


def _refuse_moved(text: str) -> None:
    """Refuse a record whose trailers are no last paragraph any more; a message that only quotes one is fine."""
    lines = text.split("\n")
    stray = next((line for line in lines if is_ours(line)), None)
    if stray is not None and _SUBJECT.fullmatch(lines[0]):
        raise InvalidMessage(f"trailer {quote(stray)} stands outside the last paragraph")


def as_dict(record: Record) -> dict[str, Any]:
    """Give the record for JSON: lower-case keys as in the trailers, figures as numbers, unknown ones left out."""
    result: dict[str, Any] = {"event": record.event, "subject": record.subject}
    result["states"] = [{"name": c.name, "from": c.before, "to": c.after} for c in record.changes]
    main = record.main_task
    values = main if main is not None else (None, None, None, None)
    result.update(zip(("status", "next", "task", "focus"), values, strict=True))
    for field in FIELDS:
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
        if totals.again:
            result["again"] = [each._asdict() for each in totals.again]
    if record.body:
        result["body"] = record.body
    return result
