"""What the tasks before this one found: the passages that their outputs cite, and their own notes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from gitorch.local import sources
from gitorch.local.assignment import Assignment
from gitorch.local.citations import find
from gitorch.local.passages import Passage, passage_at, split

NOTE: Final = "Made by gitorch's `local` agent from word statistics alone: **no model was used**"


def collect(assignment: Assignment, files: Mapping[str, bytes]) -> list[Passage]:
    """Give the passages that the outputs of needed tasks rest on, each once.

    A citation counts only where its lines exist. Outputs that this agent wrote only point at passages; those of a
    person or of another agent are passages themselves.
    """
    notes = {path: data for folder in assignment.needs for path, data in sources.read_folder(assignment.root, folder)}
    known = {**notes, **files}
    cited = (passage for data in notes.values() for passage in _cited(data, known))
    own = (passage for path, data in notes.items() if NOTE.encode() not in data for passage in split(path, data))
    return without_overlaps([*cited, *own])


def _cited(data: bytes, known: Mapping[str, bytes]) -> Iterator[Passage]:
    for path, first, last in find(data.decode(errors="replace")):
        if path in known:
            passage = passage_at(path, known[path], first, last)
            if passage is not None:
                yield passage


def without_overlaps(passages: Iterable[Passage]) -> list[Passage]:
    """Keep, of passages that share lines, the one that begins first."""
    kept: list[Passage] = []
    for passage in sorted(passages, key=lambda each: (each.path, each.first, -each.last)):
        if not kept or kept[-1].path != passage.path or passage.first > kept[-1].last:
            kept.append(passage)
    return kept
