"""Strict YAML: plain values only, every one with its line, and readers whose errors name file, line and key.

Aliases, tags of Python objects, doubled keys, deep nesting and oversized files are refused, so that no text can blow
up memory, run code or be read in two ways.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from typing import Final, NoReturn, TypeVar

from gitorch.core.names import quote
from gitorch.core.yamlnode import NULLS, Node, YamlError

MAX_BYTES: Final = 256 * 1024
_DURATION = re.compile(r"(\d{1,8})(s|m|h)?", re.ASCII)
_MAX_DURATION: Final = 99_999_999
_ITEM: Final = r"[A-Za-z0-9][\w./-]*"
_PLAIN_LINE: Final = re.compile(
    rf"([a-z]{{1,40}}): (?:([A-Za-z0-9](?:[\w ./,;()'-]*[\w./()-])?)|\[({_ITEM}(?:, {_ITEM})*)\])", re.ASCII
)
_T = TypeVar("_T")


def load(text: str, where: str, first_line: int = 1, hint: str | None = None) -> Node:
    """Read one YAML document.

    Raises:
        YamlError: it is not YAML, or more than plain values; the message names file and line.
    """
    if len(text.encode(errors="replace")) > MAX_BYTES:
        raise YamlError(f"{where}: the text is larger than {MAX_BYTES // 1024} KiB", hint=hint)
    plain = read_plain(text, first_line)
    if plain is not None:
        return plain
    from gitorch.core import yamlevents  # noqa: PLC0415 - its library takes long to import

    return yamlevents.load(text, where, first_line, hint)


def read_plain(text: str, first_line: int = 1) -> Node | None:
    """Read what most front matters are, a few lines `key: value`, without YAML's library; None for anything else.

    It answers only where `yamlevents.load` gives the same.
    """
    lines = text.split("\n")
    found = [_PLAIN_LINE.fullmatch(line) for line in lines[:-1]]
    values: dict[str, Node] = {}
    for line, match in enumerate(found, first_line):
        if match is None or match[1] in values:
            return None
        items = None if match[3] is None else [_scalar(item, line) for item in match[3].split(", ")]
        values[match[1]] = _scalar(match[2], line) if items is None else Node(items, line)
    return None if lines[-1] else Node(values or None, first_line)


def _scalar(text: str, line: int) -> Node:
    return Node(None if text in NULLS else text, line)


class Keys:
    """The keys of one mapping, read one by one; `done` complains about those that nobody asked for."""

    def __init__(self, node: Node, where: str, what: str, hint: str | None = None) -> None:
        self.where = where
        self.line = node.line
        self.hint = hint
        self._asked: list[str] = []
        if node.value is None:
            node = Node({}, node.line)
        if not isinstance(node.value, dict):
            raise YamlError(f"{where}:{node.line}: {what} must be keys with values", hint=hint)
        self._nodes: dict[str, Node] = node.value

    def fail(self, key: str, problem: str) -> NoReturn:
        """Raise an error about a key."""
        node = self._nodes.get(key)
        shown = key if re.fullmatch(r"[\w.-]{1,60}", key, re.ASCII) else quote(key)
        raise YamlError(f"{self.where}:{node.line if node else self.line}: {shown}: {problem}", hint=self.hint)

    def node(self, key: str) -> Node | None:
        """Give a key's node, None where the key is missing or empty."""
        self._asked.append(key)
        node = self._nodes.get(key)
        return None if node is None or node.value is None else node

    def text(self, key: str) -> str | None:
        """Read text."""
        node = self.node(key)
        if node is None:
            return None
        if not isinstance(node.value, str):
            self.fail(key, "text is wanted")
        return node.value

    def required(self, key: str) -> str:
        """Read text that must be there."""
        text = self.text(key)
        if text is None or not text.strip():
            self.fail(key, "is missing")
        return text

    def texts(self, key: str) -> tuple[str, ...]:
        """Read a list of texts; a single text counts as a list of one."""
        node = self.node(key)
        if node is None:
            return ()
        items = node.value if isinstance(node.value, list) else [node]
        for item in items:
            if not isinstance(item.value, str):
                self.fail(key, "a list of texts is wanted")
        return tuple(item.value for item in items)

    def number(self, key: str) -> int | None:
        """Read a whole number that is not negative."""
        text = self.text(key)
        if text is None:
            return None
        if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
            self.fail(key, f"a whole number is wanted, not {quote(text)}")
        return int(text)

    def duration(self, key: str) -> int | None:
        """Read a time in seconds: `90`, `90s`, `15m` or `2h`."""
        text = self.text(key)
        if text is None:
            return None
        seconds = parse_duration(text)
        if seconds is None:
            self.fail(key, f"a time like 90s, 15m or 2h is wanted, not {quote(text)}")
        return seconds

    def checked(self, key: str, problem_of: Callable[[str], str | None]) -> str | None:
        """Read text that a rule accepts."""
        text = self.text(key)
        if text is not None and (problem := problem_of(text)) is not None:
            self.fail(key, f"{quote(text)}: {problem}")
        return text

    def one_of(self, key: str, words: Collection[_T]) -> _T | None:
        """Read one of some known words."""
        text = self.text(key)
        if text is None:
            return None
        for word in words:
            if word == text:
                return word
        return self.fail(key, f"{quote(text)} is unknown{did_you_mean(text, map(str, words))}")

    def done(self) -> None:
        """Complain about the first unknown key; those that begin with `x-` are free."""
        for key in self._nodes:
            if key not in self._asked and not key.startswith("x-"):
                self.fail(key, f"unknown key{did_you_mean(key, self._asked)}")


def parse_duration(text: str) -> int | None:
    """Read `90`, `90s`, `15m` or `2h` as seconds; None where it is none of these, zero or over three years."""
    match = _DURATION.fullmatch(text)
    seconds = int(match[1]) * {"m": 60, "h": 3600}.get(match[2], 1) if match else 0
    return seconds if 0 < seconds <= _MAX_DURATION else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Say which known words there are, the nearest first if one is near."""
    words = list(known)
    import difflib  # noqa: PLC0415 - where something is wrong, and here alone

    near = difflib.get_close_matches(word, words, 1)
    return f"; did you mean {near[0]}?" if near else f"; there are: {', '.join(words)}"
