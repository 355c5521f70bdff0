"""What can be said about some passages by counting alone: weights, terms, topics, telling sentences and gaps."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Final, NamedTuple

from gitorch.core.text import clean
from gitorch.local.assignment import Assignment
from gitorch.local.passages import Index, Passage
from gitorch.local.words import stem, terms, words

_SEARCHED: Final = 12  # words of the query that are named to the reader
_PER_FILE: Final = 4
_MAX_TERMS: Final = 15
_OFTEN: Final = 6  # one in so many passages
_SHORTEST: Final = 3
_MAX_TOPICS: Final = 5
_COVERED: Final = 0.5  # of a question's words, in one passage
_DIVIDES: Final = 0.67  # of all passages, at most: a word that stands in more is no topic
_PROSE = re.compile(r"(\.(md|markdown|rst|adoc|org|txt)|(^|/)(README|NOTES|DESIGN)[^./]*)$", re.IGNORECASE)
_NOT_PROSE = re.compile(r"[<>|{}]|\]\(|\]\[|^[#=~:.\s-]+$|https?://\S+$")
_SENTENCE = re.compile(r"(?:[^.!?\n]|[.!?](?!\s|$)|\n(?![ \t]*(?:\n|[-*+#>=]|\d+[.)][ \t])))+[.!?](?=\s|$)")
_MARKS = re.compile(r"^\s*(?:(?:[-*+>]|\d+[.)])\s+)+")
_FEWEST_WORDS: Final = 6
_MOST_WORDS: Final = 45


class Term(NamedTuple):
    """A word that is frequent in the passages and rare elsewhere, and where it stands most."""

    word: str
    times: int
    passages: tuple[Passage, ...]


class Weight(NamedTuple):
    """A file and its share of all passages' scores."""

    path: str
    share: float
    passages: tuple[Passage, ...]
    terms: tuple[str, ...]


class Sentence(NamedTuple):
    """A sentence as it stands in lines `first` to `last` of a file, its line breaks folded."""

    text: str
    path: str
    first: int
    last: int


@dataclass(frozen=True)
class Findings:
    """Passages for an assignment, best first; `files` indexes the repository they are compared with."""

    assignment: Assignment
    passages: tuple[Passage, ...]
    files: Index
    searched: str

    @cached_property
    def wanted(self) -> tuple[str, ...]:
        """The words that were searched, those that are asked for most first."""
        counted = terms(self.assignment.query)
        return tuple(sorted(counted, key=lambda word: -counted[word]))

    @property
    def main_words(self) -> tuple[str, ...]:
        """The words that say best what was searched."""
        return self.wanted[:_SEARCHED]

    @cached_property
    def missing(self) -> tuple[str, ...]:
        """The words of the question that stand in no file."""
        return tuple(word for word in terms(self.assignment.question) if not self.files.frequency(word))

    @cached_property
    def weights(self) -> tuple[Weight, ...]:
        """The files by the weight of their passages."""
        total = sum(passage.score for passage in self.passages) or 1.0
        by_path: dict[str, list[Passage]] = defaultdict(list)
        for passage in self.passages:
            by_path[passage.path].append(passage)
        weights = (
            Weight(
                path,
                sum(passage.score for passage in held) / total,
                tuple(held),
                tuple(dict.fromkeys(term for passage in held for term in passage.terms)),
            )
            for path, held in by_path.items()
        )
        return tuple(sorted(weights, key=lambda weight: (-weight.share, weight.path)))

    @cached_property
    def vocabulary(self) -> tuple[Term, ...]:
        """The words, other than those searched, that mark these passages out, the most telling first."""
        counted = terms("\n".join(passage.text for passage in self.passages))
        texts = {passage: frozenset(map(stem, words(passage.text))) for passage in self.passages}
        held = {
            word: tuple(passage for passage in self.passages if stem(word) in texts[passage])
            for word in counted
            if word.isalpha() and len(word) >= _SHORTEST and stem(word) not in map(stem, self.wanted)
        }
        often = [word for word in held if len(held[word]) >= max(2, len(self.passages) // _OFTEN)]
        telling = sorted(often, key=lambda word: (-self._contrast(word, len(held[word])), word))
        return tuple(Term(word, counted[word], held[word]) for word in telling[:_MAX_TERMS])

    def _contrast(self, word: str, held: int) -> float:
        """Weigh a word by its share of these passages, and by how much smaller its share of all passages is."""
        share = held / len(self.passages)
        elsewhere = (1 + self.files.frequency(word)) / (1 + len(self.files.passages))
        return share * math.log(share / elsewhere)

    @cached_property
    def nearest(self) -> Mapping[str, Passage]:
        """Each question asked, with the passage that speaks of it most, where there is any passage."""
        asked = self.assignment.questions if self.passages else ()
        return {each: max(self.passages, key=lambda passage: self._cover(each, passage)) for each in asked}

    def _cover(self, question: str, passage: Passage) -> float:
        """Tell which part of a question's words stands in a passage, rare words counting for more."""
        weights = {word: self._rarity(word) for word in terms(question)}
        held = sum(weight for word, weight in weights.items() if stem(word) in self._stems[passage])
        return held / sum(weights.values())

    @cached_property
    def _rarity(self) -> Callable[[str], float]:
        return cache(self.files.rarity)

    @cached_property
    def _stems(self) -> Mapping[Passage, frozenset[str]]:
        return {passage: frozenset(map(stem, words(f"{passage.path}\n{passage.text}"))) for passage in self.passages}

    @property
    def open_questions(self) -> tuple[str, ...]:
        """The questions of which no passage holds more than half."""
        near = self.nearest
        asked = self.assignment.questions
        return tuple(each for each in asked if each not in near or self._cover(each, near[each]) <= _COVERED)

    @cached_property
    def topics(self) -> tuple[tuple[str, tuple[Passage, ...]], ...]:
        """The passages by question where several were asked, else by the word that ties them; the rest comes last."""
        left = list(self.passages)
        topics: list[tuple[str, tuple[Passage, ...]]] = []
        for name, group in self._questions_topics() if len(self.assignment.asked) > 1 else self._words_topics():
            held = tuple(passage for passage in group if passage in left)
            if held and len(topics) < _MAX_TOPICS:
                topics.append((name, held))
                left = [passage for passage in left if passage not in held]
        rest = "Further passages" if topics else "Best passages"
        return (*topics, *([(rest, tuple(left))] if left else []))

    def _questions_topics(self) -> Iterator[tuple[str, list[Passage]]]:
        """Give each passage to the question of which it holds the greatest part."""
        groups: dict[str, list[Passage]] = {question: [] for question in self.assignment.asked}
        for passage in self.passages:
            best = max(groups, key=lambda question: self._cover(question, passage))
            if self._cover(best, passage) > _COVERED:
                groups[best].append(passage)
        yield from groups.items()

    def _words_topics(self) -> Iterator[tuple[str, list[Passage]]]:
        """Group by the words of the query, the rarest first: they divide, while the common ones stand everywhere."""
        for word in sorted(self.wanted, key=lambda word: (-self._rarity(word), word)):
            group = [passage for passage in self.passages if stem(word) in self._stems[passage]]
            if 1 < len(group) <= _DIVIDES * len(self.passages):
                yield word.capitalize(), group

    @cached_property
    def sentences(self) -> tuple[Sentence, ...]:
        """Sentences of prose that speak most of what was asked, at most two of one passage."""
        wanted = {stem(word): self.files.rarity(word) for word in self.wanted}
        found: list[tuple[float, int, Sentence]] = []
        for passage in self.passages:
            if _PROSE.search(passage.path):
                scored = [(_telling(sentence, wanted), sentence) for sentence in _sentences(passage)]
                best = sorted((each for each in scored if each[0] > 0), key=lambda each: (-each[0], each[1]))[:2]
                found.extend((score, number, sentence) for number, (score, sentence) in enumerate(best))
        found.sort(key=lambda each: (-each[0], each[1], each[2]))
        return tuple({each[2].text: each[2] for each in found}.values())

    def focused(self, words_: str) -> Findings:
        """Give the same findings seen through some more words, if any passage has them."""
        query = "\n".join([self.assignment.query, *[words_] * 3])
        ranked = Index(self.passages).search(query, len(self.passages), per_file=len(self.passages))
        stems = set(map(stem, words(words_)))
        near = [passage for passage in ranked if stems & set(map(stem, passage.terms))]
        return replace(self, passages=tuple(near)) if near else self


def look_up(index: Index, assignment: Assignment, limit: int) -> list[Passage]:
    """Find passages for the assignment as a whole and for each sentence that was asked, so that none is drowned out."""
    several = assignment.asked if len(assignment.asked) > 1 else ()
    queries = [assignment.query, *(f"{sentence}\n{assignment.focus}" for sentence in several)]
    ranked = [index.search(query, limit, per_file=_PER_FILE) for query in queries]
    best: dict[tuple[str, int], Passage] = {}
    for place in range(limit):
        for found in ranked:
            if place < len(found) and len(best) < limit:
                best.setdefault((found[place].path, found[place].first), found[place])
    return sorted(best.values(), key=lambda passage: (-passage.score, passage.path, passage.first))


def excerpt(passage: Passage, wanted: tuple[str, ...], lines: int) -> Passage:
    """Narrow a passage to the lines that hold most of the words wanted, beginning where a block begins if it can."""
    text = passage.text.split("\n")
    if len(text) <= lines:
        return passage
    stems = set(map(stem, wanted))
    hits = [len(stems & set(map(stem, words(line)))) for line in text]
    start = max(range(len(text) - lines + 1), key=lambda at: (sum(hits[at : at + lines]), -at))
    end = start + lines
    while not text[start].strip():
        start += 1
    while not text[end - 1].strip():
        end -= 1
    return replace(passage, first=passage.first + start, last=passage.first + end - 1, text="\n".join(text[start:end]))


def _sentences(passage: Passage) -> Iterator[Sentence]:
    for match in _SENTENCE.finditer(passage.text):
        text = _MARKS.sub("", match[0])
        start = match.end() - len(text.lstrip())
        first = passage.first + passage.text.count("\n", 0, start)
        last = passage.first + passage.text.count("\n", 0, match.end())
        folded = " ".join(clean(text).split())
        whole = folded.count("`") % 2 == 0 and _FEWEST_WORDS <= len(folded.split()) <= _MOST_WORDS
        if whole and not _NOT_PROSE.search(folded):
            yield Sentence(folded, passage.path, first, last)


def _telling(sentence: Sentence, wanted: Mapping[str, float]) -> float:
    held = set(map(stem, words(sentence.text))) & set(wanted)
    return sum(wanted[each] for each in held) if len(held) >= min(2, len(wanted)) else 0.0
