r"""Citations: `path:line` or `path:first-last`, with any path, that a person can follow and a program can read back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_RANGE = r":(\d{1,7})(?:-(\d{1,7}))?"
_CITATION = re.compile(rf"`([^`\n]+?){_RANGE}`|(?<![\w./:`-])([\w./-]+?){_RANGE}(?![\w:`])")
_ESCAPE = re.compile(rb"\\(?:x([0-9a-f]{2})|(\\))")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_NEVER_PLAIN: Final = "`|"  # they would end a code span or the cell of a table


class Citation(NamedTuple):
    """Lines `first` to `last`, counted from 1, of a file."""

    path: str
    first: int
    last: int


def show(path: str) -> str:
    r"""Write a path on one printable line; whatever is not printable becomes `\xNN`, byte by byte."""
    if path.isascii() and path.isprintable() and not any(char in path for char in "`|\\"):
        return path
    return "".join(map(_shown, path))


def _shown(char: str) -> str:
    if char == "\\":
        return "\\\\"
    if char.isprintable() and char not in _NEVER_PLAIN:
        return char
    return "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogateescape"))


def read_path(shown: str) -> str:
    """Give the path that `show` wrote."""
    data = _ESCAPE.sub(lambda match: match[2] or bytes([int(match[1], 16)]), shown.encode("utf-8", "surrogateescape"))
    return data.decode("utf-8", "surrogateescape")


def cite(path: str, first: int, last: int) -> str:
    """Write a citation as a piece of Markdown code."""
    return f"`{show(path)}:{first}`" if first == last else f"`{show(path)}:{first}-{last}`"


def find(text: str) -> Iterator[Citation]:
    """Find all that looks like a citation in a Markdown text, except in fenced blocks: what is quoted cites nothing."""
    for line in _outside_fences(text):
        for match in _CITATION.finditer(line):
            path, first, last = match.groups()[:3] if match[1] is not None else match.groups()[3:]
            yield Citation(read_path(path), int(first), int(last or first))


def _outside_fences(text: str) -> Iterator[str]:
    fence = ""
    for line in text.split("\n"):
        match = _FENCE.match(line)
        if match is None:
            if not fence:
                yield line
        elif not fence:
            fence = match[1]
        elif match[1].startswith(fence) and not line.strip().strip(fence[0]):
            fence = ""
