"""Cut files into passages and rank them for a query: SQLite's full-text search in memory, bm25, no model."""

from __future__ import annotations

import math
import re
import sqlite3
import weakref
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from gitorch.core.text import clean
from gitorch.errors import GitorchError
from gitorch.local.citations import show
from gitorch.local.words import spaced, terms, words

PER_FILE: Final = 3
_MAX_LINES: Final = 24
_MAX_CHARS: Final = 1600
_ENOUGH_LINES: Final = 5  # a passage this long ends where a new block begins
_LINE_CHARS: Final = 400
_MAX_TERMS: Final = 40
_FLOOR: Final = 0.15  # of the best score: what scores less is noise
_PATH_WEIGHT: Final = 0.5  # of a word in the path, against one in the text
_FEW_WORDS: Final = 12  # a passage with fewer is mostly a heading, which bm25 likes too well
_CONTENTS: Final = 0.3
_ALIKE: Final = 0.75
_LEAST_IDF: Final = 1e-6  # what SQLite takes for a word that stands in half of the passages or more
_MOST_REPEATS: Final = 3
# Files that repeat everybody's words without explaining them count for less, prose that explains for a little more.
_PATH_FACTORS: Final = (
    (re.compile(r"\.(md|markdown|rst|adoc|org|txt)$", re.IGNORECASE), 1.1),
    (re.compile(r"^\.(github|gitlab|circleci)/", re.IGNORECASE), 0.7),
    (re.compile(r"(^|/)(changelog|changes|history|news|licen[cs]e|copying|authors)[^/]*$", re.IGNORECASE), 0.5),
    (re.compile(r"(^|/)(samples?|examples?|demos?)/", re.IGNORECASE), 0.6),
    (re.compile(r"\.(patch|diff|po|pot|svg|csv|tsv|ipynb)$", re.IGNORECASE), 0.5),
    (re.compile(r"(^|/)(tests?|specs?|fixtures|testdata|__tests__)/|(_|\.|-)(test|spec)s?\.\w+$", re.IGNORECASE), 0.7),
)


@dataclass(frozen=True)
class Passage:
    """Lines `first` to `last` (from 1) of a file, and how well they fit a query.

    `text` is safe to show: overlong lines are cut (they end in …), control characters are replaced. `terms` are the
    words of the query that stand in it. A path that is no UTF-8 keeps its bytes as surrogates.
    """

    path: str
    first: int
    last: int
    text: str
    score: float = 0.0
    terms: tuple[str, ...] = ()


def rank(files: Iterable[tuple[str, bytes]], query: str, limit: int, *, per_file: int = PER_FILE) -> list[Passage]:
    """Find the passages of some files that fit a query best, the best first.

    The order is total and depends on nothing but the arguments' content. Near-duplicates, and more than `per_file`
    passages of one file, are left out. A word that the query repeats weighs more.

    Raises:
        GitorchError: this Python's SQLite has no full-text search.
    """
    passages = (passage for path, data in files for passage in split(path, data))
    return Index(passages).search(query, limit, per_file=per_file)


def split(path: str, data: bytes) -> Iterator[Passage]:
    """Cut a file into passages: paragraphs, sections, functions where blank lines show them, else some lines each."""
    lines = [line.rstrip("\r") for line in data.decode("utf-8-sig", errors="replace").split("\n")]
    start, size, after_blank = 0, 0, True
    for number, line in enumerate(lines):
        if not line or line.isspace():
            after_blank = True
            continue
        length = number - start
        opens = after_blank and not line[0].isspace() and (length >= _ENOUGH_LINES or line[0] == "#")
        if length and (opens or length >= _MAX_LINES or size > _MAX_CHARS):
            yield from _passage(path, lines, start, number)
            start, size = number, 0
        size += min(len(line), _LINE_CHARS)
        after_blank = False
    yield from _passage(path, lines, start, len(lines))


def passage_at(path: str, data: bytes, first: int, last: int) -> Passage | None:
    """Give the passage that a citation names, or None where the file has no such lines."""
    lines = [line.rstrip("\r") for line in data.decode("utf-8-sig", errors="replace").split("\n")]
    if not 1 <= first <= last <= len(lines):
        return None
    return next(_passage(path, lines, first - 1, min(last, first - 1 + 2 * _MAX_LINES)), None)


def _passage(path: str, lines: list[str], start: int, end: int) -> Iterator[Passage]:
    while start < end and not lines[start].strip():
        start += 1
    while end > start and not lines[end - 1].strip():
        end -= 1
    if start < end:
        yield Passage(path, start + 1, end, "\n".join(map(_cut, lines[start:end])))


def _cut(line: str) -> str:
    return line if len(line) <= _LINE_CHARS else line[: _LINE_CHARS - 1] + "…"


class Index:
    """Passages in an in-memory full-text index."""

    def __init__(self, passages: Iterable[Passage]) -> None:
        self.passages = sorted(passages, key=lambda passage: (passage.path, passage.first, passage.last))
        self._db = sqlite3.connect(":memory:")
        weakref.finalize(self, self._db.close)
        try:
            self._db.execute(
                "CREATE VIRTUAL TABLE passage USING fts5(path, text, content='', "
                "tokenize='porter unicode61 remove_diacritics 2')"
            )
        except sqlite3.OperationalError as error:
            raise GitorchError(
                f"this Python's SQLite has no full-text search ({error})",
                hint="use a Python whose sqlite3 module has FTS5, or an agent with a model",
            ) from None
        with self._db:
            self._db.executemany(
                "INSERT INTO passage(rowid, path, text) VALUES (?, ?, ?)",
                ((row, spaced(show(each.path)), spaced(each.text)) for row, each in enumerate(self.passages)),
            )

    def frequency(self, word: str) -> int:
        """Count the passages in which a word stands, in any of its forms."""
        return len(self._hits(word))

    def rarity(self, word: str) -> float:
        """Weigh a word by how few passages have it, more gently than bm25 does: a rare word must not rule alone."""
        return math.sqrt(math.log(2 + len(self.passages) / max(1, self.frequency(word))))

    def search(self, query: str, limit: int, *, per_file: int = PER_FILE) -> list[Passage]:
        """Rank the passages for a query; see `rank`."""
        wanted = dict(terms(query).most_common(_MAX_TERMS))
        hits = {term: self._hits(term) for term in wanted}
        weights = {term: min(count, _MOST_REPEATS) * self.rarity(term) for term, count in wanted.items() if hits[term]}
        total = sum(weights.values()) or 1.0
        found: dict[int, list[str]] = defaultdict(list)
        for term in weights:
            for row in hits[term]:
                found[row].append(term)
        ranked = []
        for row, held in found.items():
            passage = self.passages[row]
            points = sum(weights[term] * hits[term][row] for term in held)
            coverage = sum(weights[term] for term in held) / total
            score = points * (0.2 + coverage) * _path_factor(passage.path) * _form_factor(passage.text)
            ranked.append(replace(passage, score=round(score, 6), terms=tuple(held)))
        ranked.sort(key=lambda passage: (-passage.score, passage.path, passage.first, passage.last))
        return [replace(each, text=clean(each.text)) for each in _select(ranked, limit, per_file)]

    def _hits(self, word: str) -> dict[int, float]:
        """Give the passages that hold a word, each with bm25's share for its density there, less the word's rarity."""
        rows = self._db.execute(
            "SELECT rowid, -bm25(passage, ?, 1.0) FROM passage WHERE passage MATCH ?", (_PATH_WEIGHT, f'"{word}"')
        ).fetchall()
        idf = math.log((len(self.passages) - len(rows) + 0.5) / (len(rows) + 0.5))
        return {row: score / (idf if idf > 0 else _LEAST_IDF) for row, score in rows}


def _path_factor(path: str) -> float:
    return math.prod(factor for pattern, factor in _PATH_FACTORS if pattern.search(path))


def _form_factor(text: str) -> float:
    """Count lone headings and tables of contents for less: they name everything and say nothing."""
    lines = text.split("\n")
    links = sum("](#" in line for line in lines)
    return min(1.0, len(text.split()) / _FEW_WORDS) * (_CONTENTS if links > len(lines) / 2 else 1.0)


def _select(ranked: list[Passage], limit: int, per_file: int) -> Iterator[Passage]:
    kept: list[frozenset[str]] = []
    of_file: Counter[str] = Counter()
    for passage in ranked:
        if len(kept) >= limit or passage.score < ranked[0].score * _FLOOR:
            return
        content = frozenset(filter(str.isalpha, words(passage.text)))  # what differs in numbers only is alike
        if of_file[passage.path] < per_file and not any(_alike(content, other) for other in kept):
            kept.append(content)
            of_file[passage.path] += 1
            yield passage


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    return len(one & other) >= _ALIKE * max(1, len(one | other))
