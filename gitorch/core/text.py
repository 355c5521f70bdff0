"""Make foreign text safe to store and to show: agents and file names may hold anything."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_MAX_BODY_LINES: Final = 120
_MAX_BODY_CHARS: Final = 8000
_CUT: Final = "\n[cut]"
_ANSWER: Final = re.compile(r"^(?=\W*(?:the )?user'?s?'? answer\b)", re.IGNORECASE | re.MULTILINE)
_BIDI: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean(text: str) -> str:
    """Take out what could steer a terminal, hide text or break git: only LF, tabs and visible characters stay."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return "".join(c if c in "\n\t" or not is_unsafe(c) else "\ufffd" for c in text)


def is_unsafe(char: str) -> bool:
    """Tell whether a character breaks lines, steers a terminal or turns the direction of text."""
    return char in _BIDI or unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")


def one_line(text: str, limit: int = 500) -> str:
    """Make one clean line of any text, its blanks folded, cut at `limit` characters."""
    line = " ".join(clean(text).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def shortened(name: str, limit: int) -> str:
    """Return a name of at most `limit` characters, cut in its middle: names of subtasks differ at their ends."""
    if len(name) <= limit:
        return name
    tail = (limit - 1) // 2
    return f"{name[: limit - 1 - tail]}…{name[len(name) - tail :]}"


def counted(number: int, what: str) -> str:
    """Return a number of things: `1 step`, `2 steps`."""
    return f"{number} {what}" + ("" if number == 1 else "s")


def paragraphs(text: str) -> str:
    """Make a clean, bounded body of any text: no trailing blanks, no runs of empty lines, no empty ends."""
    whole = re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in clean(text).split("\n"))).strip("\n")
    if len(whole) <= _MAX_BODY_CHARS and whole.count("\n") < _MAX_BODY_LINES:
        return whole
    kept = "\n".join(whole.split("\n")[: _MAX_BODY_LINES - 1])[: _MAX_BODY_CHARS - len(_CUT)]
    return kept.rstrip() + _CUT


def tail(text: str, lines: int = 20, chars: int = 1500) -> str:
    """Keep the end of a program's output, where its complaint stands."""
    kept = clean(text).rstrip().split("\n")[-lines:]
    return "\n".join(kept)[-chars:]


def quotation(text: str) -> str:
    """Put a line into quotation marks that nothing in it can close."""
    return '"' + text.replace('"', "'") + '"'


def without_answers(text: str) -> str:
    """Quote the lines of a description that could pass for the user's answer: agents write descriptions too."""
    return _ANSWER.sub("> ", text)
