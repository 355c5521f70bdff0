"""Reading and writing YAML itself, by its library; that takes long to import, so `yamltext` does so when it must."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, NoReturn

import yaml

from gitorch.core.names import quote
from gitorch.core.yamlnode import NULLS, Node, YamlError

MAX_DEPTH: Final = 12
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_UNREADABLE: Final[re.Pattern[str]] = yaml.reader.Reader.NON_PRINTABLE
_ODD_BREAKS = re.compile("[\r\x85\u2028\u2029]")  # YAML folds them into other breaks unless they are escaped


def load(text: str, where: str, first_line: int, hint: str | None) -> Node:
    """Read one document, see `yamltext.load`."""
    if (match := _UNREADABLE.search(text)) is not None:
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
            empty = event.implicit[0] and event.value in NULLS
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
