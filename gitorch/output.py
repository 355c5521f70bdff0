"""The one place that writes for people and for programs: results on stdout, messages on stderr."""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from itertools import islice
from typing import Any, Final, TextIO

from gitorch.errors import GitorchError

SCHEMA: Final = 1
_AT_ONCE: Final = 100
_STYLES: Final = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36"}
# what breaks lines, steers a terminal or turns the direction of text; and what `paint` has made
_UNSAFE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_PAINTED: Final = re.compile(rf"(\x1b\[(?:{'|'.join(_STYLES.values())})m)([^\x1b]*)(\x1b\[0m)")
_OF_PAINTED: Final = 4  # _PAINTED.split gives plain text, start, painted text, end, and so on


class ReaderGone(Exception):
    """The reader of standard output has closed it."""


def setup() -> None:
    """Make both streams able to print any text: what their encoding lacks is escaped."""
    _open_missing()
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _open_missing() -> None:
    """Point streams that the caller has closed to nowhere, as git does: no pipe of ours may take their place."""
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))


def write(text: str) -> None:
    """Print a result as it is. Where nobody reads it any more it is dropped: the exit code still counts.

    Raises:
        OSError: it cannot be written.
    """
    _write(text)


def _write(text: str) -> bool:
    """Print a text; return whether somebody reads it."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        drop(sys.stdout)
        if isinstance(error, BrokenPipeError):
            return False
        raise
    return True


def drop(stream: TextIO) -> None:
    """Send to nowhere what is written from now on, or Python tries to write it, and complains, at its end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def pieces(found: Iterable[str]) -> None:
    """Print a long result piece by piece, some at once.

    Raises:
        ReaderGone: nobody reads it any more, so that there is no point in computing the rest.
    """
    left = iter(found)
    while some := "".join(islice(left, _AT_ONCE)):
        if not _write(some):
            raise ReaderGone


def say(text: str = "") -> None:
    """Print a line of a result for people, without what could steer their terminal."""
    write(_harmless(text, sys.stdout) + "\n")


def lines(texts: Iterable[str]) -> None:
    """Print many lines like `say`, some at once."""
    pieces(_harmless(text, sys.stdout) + "\n" for text in texts)


def stream(texts: Iterable[str]) -> None:
    """Print lines of a result one by one, as soon as they are there.

    Raises:
        ReaderGone: nobody reads them any more, so that there is no point in computing the rest.
    """
    for text in texts:
        if not _write(_harmless(text, sys.stdout) + "\n"):
            raise ReaderGone


def _harmless(text: str, stream: TextIO) -> str:
    if not is_terminal(stream):
        return _UNSAFE.sub("\ufffd", text)
    parts = enumerate(_PAINTED.split(text))
    return "".join(part if at % _OF_PAINTED in (1, 3) else _UNSAFE.sub("\ufffd", part) for at, part in parts)


def harmless(text: str) -> str:
    """Return a text without what breaks lines or controls a terminal."""
    return _UNSAFE.sub("\ufffd", text)


def document(**values: Any) -> None:
    """Print one JSON document with its schema."""
    import json  # noqa: PLC0415 - most commands print none

    escaped = (sys.stdout.encoding or "ascii").lower().replace("-", "") != "utf8"
    write(json.dumps({"schema": SCHEMA, **values}, ensure_ascii=escaped, separators=(", ", ": ")) + "\n")


def note(text: str) -> None:
    """Print a message. Where it cannot be written the work goes on: no message is worth an invocation."""
    write("")  # what was printed before it comes first
    draw(_harmless(text, sys.stderr) + "\n")


def draw(text: str) -> None:
    """Write to the terminal, as it is, what is a message or a part of one."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        drop(sys.stderr)


def error(problem: GitorchError) -> None:
    """Print what went wrong and what to do about it."""
    note(f"{paint('error:', 'red', sys.stderr)} {_on_one_line(problem.message)}")
    if problem.hint is not None:
        note(f"{paint('hint:', 'yellow', sys.stderr)} {_on_one_line(problem.hint)}")


def _on_one_line(text: str) -> str:
    """Show paths and foreign words in a message without what breaks lines or steers a terminal."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def paint(text: str, style: str, stream: TextIO | None = None) -> str:
    """Colour text where the stream is a terminal and nobody asked for plain text."""
    stream = stream or sys.stdout
    if not is_terminal(stream) or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"


def is_terminal(stream: TextIO) -> bool:
    """Return whether a stream is a terminal that understands colours and rewriting a line."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def columns(stream: TextIO) -> int:
    """Return how many columns a terminal has now."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def fit(text: str, width: int) -> str:
    """Cut a line so that it takes at most so many columns; what is cut is marked by an ellipsis."""
    if _width_of(text) <= width:
        return text
    kept, used = "", 0
    for character in text:
        used += _width_of(character)
        if used > width - 1:
            break
        kept += character
    return kept + "…" if width > 0 else ""


def _width_of(text: str) -> int:
    """Return how many columns a text takes: wide characters two, combining ones none."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in ("W", "F") else 1 for c in text
    )


def moment(text: str) -> str:
    """Return a time to come, given as in records, as people read it: `05:25 (in 12 min)`, in their own time zone."""
    import datetime as dt  # noqa: PLC0415 - few commands show one

    now = dt.datetime.now(dt.timezone.utc)
    then = dt.datetime.fromisoformat(text.replace("Z", "+00:00"))
    local = then.astimezone()
    near = local.date() == now.astimezone().date()
    left = max(0.0, (then - now).total_seconds())
    return f"{local.strftime('%H:%M' if near else '%Y-%m-%d %H:%M')} (in {duration(left)})"


def duration(seconds: float) -> str:
    """Write a time as people read it."""
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"  # noqa: PLR2004 - one digit
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"
