"""What YAML is read as, whichever way: values with the lines that they stand on."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from gitorch.errors import GitorchError

NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})


class Node(NamedTuple):
    """A value and the line it stands on: text, a list of nodes, a mapping of nodes, or None.

    Numbers, truth values and dates stay the text that stands in the file.
    """

    value: Any
    line: int


class YamlError(GitorchError):
    """Text that is no acceptable YAML, or YAML that does not say what it should."""
