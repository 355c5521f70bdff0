"""The one place that writes for people and for programs: results on stdout, messages on stderr."""

from __future__ import annotations

import json
import os
import sys
from typing import Any, Final, TextIO

from gitorch.errors import GitorchError

SCHEMA: Final = 1
_STYLES: Final = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36"}


def setup() -> None:
    """Make both streams able to print any text: what their encoding lacks is escaped."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def say(text: str = "") -> None:
    """Print a line of a result."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def document(**values: Any) -> None:
    """Print one JSON document that tells its schema."""
    say(json.dumps({"schema": SCHEMA, **values}, ensure_ascii=False, separators=(", ", ": ")))


def note(text: str) -> None:
    """Print a message."""
    sys.stdout.flush()
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def error(problem: GitorchError) -> None:
    """Print what went wrong and what to do about it."""
    note(f"{paint('error:', 'red', sys.stderr)} {problem.message}")
    if problem.hint is not None:
        note(f"{paint('hint:', 'yellow', sys.stderr)} {problem.hint}")


def paint(text: str, style: str, stream: TextIO | None = None) -> str:
    """Colour text where the stream is a terminal and nobody asked for plain text."""
    stream = stream or sys.stdout
    if not is_terminal(stream) or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"


def is_terminal(stream: TextIO) -> bool:
    """Tell whether a stream is a terminal that understands colours and rewriting a line."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def duration(seconds: float) -> str:
    """Write a time as people read it."""
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"  # noqa: PLR2004 - one digit
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"
