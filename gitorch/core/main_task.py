"""MAIN_TASK: the four-line state file. `parse` and `format` are exact inverses."""

from __future__ import annotations

import unicodedata
from typing import Final, Literal, NamedTuple, get_args

from gitorch.core.names import MAIN_TASK_PATH, check_name, name_problem, quote
from gitorch.core.text import is_unsafe
from gitorch.errors import Exit, GitorchError

Status = Literal["continue", "completed", "blocked"]
STATUSES: Final[tuple[Status, ...]] = get_args(Status)

MAX_WORDS: Final = 15
MAX_BYTES: Final = 120
MAX_FILE: Final = 400
_KEYS: Final = ("STATUS", "NEXT", "TASK", "FOCUS")


class MainTask(NamedTuple):
    """What the workflow does next. Make one with `make`, which checks it."""

    status: Status
    next: str
    task: str | None = None
    focus: str | None = None


def sentence_problem(text: str) -> str | None:
    """Say what is wrong with a NEXT or FOCUS sentence, or None where it is a good one."""
    if not text:
        return "it is empty"
    if any(map(is_unsafe, text)):
        return "it has line breaks or control characters; one plain line is wanted"
    if text != text.strip():
        return "it begins or ends with a blank"
    words = len(text.split())
    if words > MAX_WORDS:
        return f"it has {words} words, {MAX_WORDS} are allowed"
    size = len(text.encode())
    if size > MAX_BYTES:
        return f"it has {size} bytes, {MAX_BYTES} are allowed"
    return None


def make(status: str, next_: str, task: str | None = None, focus: str | None = None) -> MainTask:
    """Check the four values and put them together.

    Raises:
        GitorchError: a value breaks a rule; the message says which, the exit code is that of wrong usage.
    """
    for key, text in (("NEXT", next_), ("FOCUS", focus)):
        problem = None if text is None else sentence_problem(text)
        if problem is not None:
            raise GitorchError(
                f"{key} {quote(text or '')}: {problem}", hint="keep it to one clear action", code=Exit.USAGE
            )
    if task is not None:
        check_name(task)
    for known in STATUSES:
        if status == known:
            return MainTask(known, next_, task, focus)
    raise GitorchError(f"{quote(status)} is not a valid STATUS", hint=f"one of: {', '.join(STATUSES)}", code=Exit.USAGE)


def shorten(text: str) -> str | None:
    """Cut any text to a sentence that NEXT or FOCUS can hold; None where nothing is left."""
    plain = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text)
    words = plain.split()
    kept = words[:MAX_WORDS]
    while kept and len(" ".join(kept).encode()) > MAX_BYTES - (3 if len(kept) < len(words) else 0):
        if len(kept) == 1:
            kept = [kept[0].encode()[: MAX_BYTES - 3].decode(errors="ignore")]
            break
        kept.pop()
    cut = " ".join(kept)
    return (cut + "…" if kept != words else cut) or None


def format(main_task: MainTask) -> str:  # noqa: A001 - read as main_task.format, beside main_task.parse
    """Write MAIN_TASK as the text of its file."""
    values = (main_task.status, main_task.next, main_task.task, main_task.focus)
    return "".join(f"{key}: {value}\n" for key, value in zip(_KEYS, values, strict=True) if value is not None)


def parse(data: bytes, where: str = MAIN_TASK_PATH) -> MainTask:  # noqa: C901 - a flat list of rules
    """Read MAIN_TASK from the bytes of its file.

    Raises:
        GitorchError: the bytes break a rule; the message names the line and the rule.
    """

    def bad(problem: str, line: int | None = None) -> GitorchError:
        place = where if line is None else f"{where}:{line}"
        return GitorchError(f"{place}: {problem}", hint="set it: gitorch update STATUS NEXT, or restore the file")

    if len(data) >= MAX_FILE:
        raise bad(f"the file has {len(data)} bytes, it must stay under {MAX_FILE}")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise bad(f"byte {error.start + 1} is not UTF-8 text") from None
    if "\r" in text:
        raise bad("line ends are CRLF, they must be LF", text[: text.index("\r")].count("\n") + 1)
    if not text.endswith("\n"):
        raise bad("the last line has no line end" if text else "the file is empty")
    values: dict[str, str] = {}
    for number, line in enumerate(text[:-1].split("\n"), 1):
        key, colon, value = line.partition(": ")
        if key not in _KEYS or not colon:
            raise bad(f"{quote(line)} is none of STATUS, NEXT, TASK, FOCUS as 'KEY: value'", number)
        if key in values:
            raise bad(f"{key} stands there twice", number)
        if values and _KEYS.index(key) < max(map(_KEYS.index, values)):
            raise bad(f"{key} stands out of order: {', '.join(_KEYS)}", number)
        problem = _value_problem(key, value)
        if problem is not None:
            raise bad(f"{key} {quote(value)}: {problem}", number)
        values[key] = value
    for key in ("STATUS", "NEXT"):
        if key not in values:
            raise bad(f"{key} is missing")
    return make(values["STATUS"], values["NEXT"], values.get("TASK"), values.get("FOCUS"))


def _value_problem(key: str, value: str) -> str | None:
    if key == "STATUS":
        return None if value in STATUSES else f"one of {', '.join(STATUSES)} is wanted"
    return name_problem(value) if key == "TASK" else sentence_problem(value)
