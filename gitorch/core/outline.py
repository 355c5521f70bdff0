"""What planning needs to know of a task, and a reader of plain task files that does without a YAML parser.

Most front matters are a few lines `key: value`. `read_plain` reads these and no others, many thousand in a moment; it
is tested to say what `task.parse` says, or nothing at all.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, Literal, NamedTuple, cast, get_args

from gitorch.core.main_task import sentence_problem
from gitorch.core.names import name_problem

Kind = Literal["gather", "execute", "synthesize"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
MAX_BYTES: Final = 1024 * 1024  # of a task file
_MAX_FRONT: Final = 10_000  # characters; it may be longer, but then it is not plain


class Outline(NamedTuple):
    """What planning needs to know of a task: the values that its file has, see `task.Task`."""

    parent: str | None = None
    needs: tuple[str, ...] = ()
    order: int = 0
    kind: Kind = "execute"
    template: str | None = None
    focus: str | None = None
    run: str | None = None


_NAME: Final = r"[a-z0-9][a-z0-9._-]*"
_PATH: Final = r"[A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)*"
_KEYS: Final = (
    rf"(?:parent|template|needs): {_NAME}",
    r"order: [0-9]{1,9}",
    rf"kind: (?:{'|'.join(KINDS)})",
    r"focus: [A-Za-z][\w ,;.()'-]*[\w.)]",
    rf"(?:outputs|agent|model): {_PATH}",
    r"timeout: [1-9][0-9]{0,3}[smh]?",
    r"retries: [0-9]{1,9}",
    rf"(?:needs|outputs): \[{_PATH}(?:, {_PATH})*\]",
    rf"(?:needs|outputs):(?:\n- {_PATH})+",
)
_PLAIN: Final = re.compile(rf"---\n((?:(?:{'|'.join(_KEYS)})\n)*)---(?:\n|\Z)", re.ASCII)
_VALUE: Final = re.compile(r"([a-z]+):( ?)([^\n]*(?:\n- [^\n]+)*)\n")
_ITEM: Final = re.compile(r"[^\n\[\], -][^\n\[\],]*")
_NULL: Final = "null"  # YAML's word for nothing


def read_plain(name: str, data: bytes) -> Outline | None:
    """Read a task file whose front matter is plain; None where it is not, or breaks a rule."""
    if len(data) > MAX_BYTES:
        return None
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    match = _PLAIN.match(text)
    outline = _read_front(match[1]) if match is not None and len(match[1]) <= _MAX_FRONT else None
    return None if outline is None or name == outline.parent or name in outline.needs else outline


@lru_cache(maxsize=1 << 10)
def _read_front(front: str) -> Outline | None:
    """Read the lines between the fences, which have the form of `_PLAIN`; many files have the same."""
    values: dict[str, str] = {}
    for key, _, value in _VALUE.findall(front):
        if key in values or _NULL in value.lower():
            return None
        values[key] = value
    needs = tuple(_ITEM.findall(values.get("needs", "")))
    names = (*needs, *(values[key] for key in ("parent", "template") if key in values))
    focus = values.get("focus")
    if any(name_problem(each) is not None for each in names) or (focus is not None and sentence_problem(focus)):
        return None
    return Outline(
        parent=values.get("parent"),
        needs=needs,
        order=int(values.get("order", 0)),
        kind=cast("Kind", values.get("kind", "execute")),
        template=values.get("template"),
        focus=focus,
    )
