"""Strict YAML: plain values only, every one with its line, and readers whose errors name file, line and key.

Aliases, tags of Python objects, doubled keys, deep nesting and oversized files are refused, so that no text can blow
up memory, run code or be read in two ways.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, Final, NamedTuple, NoReturn, TypeVar

import yaml

from gitorch.core.names import quote
from gitorch.errors import GitorchError

MAX_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 12
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_DURATION = re.compile(r"(\d{1,8})(s|m|h)?", re.ASCII)
_MAX_DURATION: Final = 99_999_999
_UNREADABLE: Final[re.Pattern[str]] = yaml.reader.Reader.NON_PRINTABLE
_ODD_BREAKS = re.compile("[\r\x85\u2028\u2029]")  # YAML folds them into other breaks unless they are escaped
_T = TypeVar("_T")


class Node(NamedTuple):
    """A value and the line it stands on: text, a list of nodes, a mapping of nodes, or None.

    Numbers, truth values and dates stay the text that stands in the file.
    """

    value: Any
    line: int


class YamlError(GitorchError):
    """Text that is no acceptable YAML, or YAML that does not say what it should."""


def load(text: str, where: str, first_line: int = 1, hint: str | None = None) -> Node:
    """Read one YAML document.

    Raises:
        YamlError: it is not YAML, or more than plain values; the message names file and line.
    """
    if len(text.encode(errors="replace")) > MAX_BYTES:
        raise YamlError(f"{where}: the text is larger than {MAX_BYTES // 1024} KiB", hint=hint)
    plain = text.isascii() and text.replace("\n", "").isprintable()  # else a pattern is compiled, which takes its time
    if not plain and (match := _UNREADABLE.search(text)) is not None:
        line = first_line + text.count("\n", 0, match.start())
        raise YamlError(f"{where}:{line}: not YAML: it has the control character {quote(match[0])}", hint=hint)
    events = _Events(text, where, first_line, hint)
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            continue
        if isinstance(event, yaml.NodeEvent):
            root = events.node(event, 0)
            events.expect_end()
            return root
    return Node(None, first_line)


class _Events:
    """Builds nodes from libyaml's events: it keeps no stack of its own that deep nesting could overflow."""

    def __init__(self, text: str, where: str, first_line: int, hint: str | None) -> None:
        self._loader = _Loader(text)
        self._where = where
        self._first = first_line
        self._hint = hint

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            if not self._loader.check_event():
                raise StopIteration
            return self._loader.get_event()
        except (yaml.YAMLError, ValueError) as error:
            mark = getattr(error, "problem_mark", None)
            line = self._first + mark.line if mark is not None else self._first
            problem = getattr(error, "problem", None) or str(error).partition("\n")[0] or type(error).__name__
            raise YamlError(f"{self._where}:{line}: not YAML: {problem}", hint=self._hint) from None

    def _fail(self, event: Any, problem: str) -> NoReturn:
        raise YamlError(f"{self._where}:{self._first + event.start_mark.line}: {problem}", hint=self._hint)

    def expect_end(self) -> None:
        """Refuse a second document."""
        for event in self:
            if isinstance(event, yaml.DocumentStartEvent):
                self._fail(event, "one document is wanted")

    def _check(self, event: Any) -> None:
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            self._fail(event, "anchors and aliases (&name, *name) are not allowed")
        if event.tag not in (None, "!"):
            self._fail(event, f"tag {quote(event.tag)} is not allowed")
        if isinstance(event, yaml.ScalarEvent) and "\0" in event.value:
            self._fail(event, "text cannot hold a NUL character")

    def node(self, event: Any, depth: int) -> Node:
        """Build the node that begins with an event."""
        self._check(event)
        if depth > MAX_DEPTH:
            self._fail(event, "nested too deeply")
        line = self._first + event.start_mark.line
        if isinstance(event, yaml.ScalarEvent):
            empty = event.implicit[0] and event.value in _NULLS
            return Node(None if empty else event.value, line)
        if isinstance(event, yaml.SequenceStartEvent):
            items = []
            for inner in self:
                if isinstance(inner, yaml.SequenceEndEvent):
                    break
                items.append(self.node(inner, depth + 1))
            return Node(items, line)
        return Node(self._mapping(depth), line)

    def _mapping(self, depth: int) -> dict[str, Node]:
        result: dict[str, Node] = {}
        for event in self:
            if isinstance(event, yaml.MappingEndEvent):
                break
            if not isinstance(event, yaml.ScalarEvent):
                self._fail(event, "a key must be plain text")
            self._check(event)
            if event.value in result:
                self._fail(event, f"key {quote(event.value)} stands there twice")
            result[event.value] = self.node(next(self), depth + 1)
        return result


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


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - `load` takes none
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if _ODD_BREAKS.search(text) else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def dump(values: dict[str, Any]) -> str:
    """Write plain values as YAML, keys in the order given, texts of several lines as blocks."""
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=1000)
