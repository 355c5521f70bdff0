"""The outputs: one page of Markdown (or JSON, or CSV) for each, sensible for its name."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Final

from gitorch.core.outline import Kind
from gitorch.core.text import clean, one_line
from gitorch.local.assignment import Assignment
from gitorch.local.citations import cite, show
from gitorch.local.evidence import NOTE
from gitorch.local.findings import Findings, excerpt
from gitorch.local.markdown import block_quote, bold, bullets, code, count, reference, references, table
from gitorch.local.passages import Passage
from gitorch.local.words import stem, words

_MAIN_ROLES: Final[Mapping[Kind, str]] = {"gather": "sources", "execute": "analysis", "synthesize": "report"}
_ROLE_WORDS: Final = {
    "gaps": "gap gaps missing unknown unknowns open questions question",
    "terms": "term terms glossary vocabulary keyword keywords concepts topics",
    "next": "next plan actions recommendation recommendations todo steps",
    "brief": "summary brief abstract tldr",
    "sources": "source sources citation citations references evidence bibliography data passages",
    "analysis": "analysis findings notes",
    "report": "report answer result results output review",
}
_WRITABLE: Final = frozenset(["", ".md", ".markdown", ".txt", ".text", ".rst", ".adoc", ".org", ".json", ".csv"])
_AGENTS: Final = "(`gitorch step --agent-command CMD` takes any)"
_EXCERPT_LINES: Final = 10
_QUOTED: Final = 4  # passages of a topic; the others are only named
_ASKED_LINES: Final = 30


def write(findings: Findings) -> dict[str, str]:
    """Write every output that the task names, each in a role that its name tells or else the next one free."""
    kind = findings.assignment.action
    pages: dict[str, str] = {}
    taken: set[str] = set()
    for output in _outputs(findings.assignment):
        path = PurePosixPath(output)
        role, topic = _role(path.stem, kind, taken)
        taken.add(role + topic)
        seen = findings.focused(topic) if topic else findings
        title = f"{path.stem.replace('-', ' ').replace('_', ' ').capitalize()}: {findings.assignment.task.name}"
        pages[output] = _format(path, role, title, seen)
    return pages


def cannot_write(assignment: Assignment) -> str | None:
    """Ask for another agent where an output is of a kind that cannot be had by quoting; None where all can."""
    wanted = [output for output in _outputs(assignment) if PurePosixPath(output).suffix.lower() not in _WRITABLE]
    if not wanted:
        return None
    return f"The local agent writes Markdown, JSON and CSV only: which agent should make {', '.join(wanted)}?"


def _outputs(assignment: Assignment) -> tuple[str, ...]:
    return assignment.task.outputs or (f"{_MAIN_ROLES[assignment.action]}.md",)


def _role(stem_: str, kind: Kind, taken: set[str]) -> tuple[str, str]:
    """Choose what a page is about: its role, and the words of its name that say more than the role does."""
    said = stem_.lower().replace("-", " ").replace("_", " ").split()
    named = next((role for role, known in _ROLE_WORDS.items() if set(said) & set(known.split())), None)
    generic = {stem(word) for known in _ROLE_WORDS.values() for word in known.split()}
    topic = " ".join(word for word in words(stem_) if stem(word) not in generic)
    role = named or _MAIN_ROLES[kind]
    if role + topic in taken:
        role = next((each for each in _ROLE_WORDS if each + topic not in taken), role)
    return role, topic


def _format(path: PurePosixPath, role: str, title: str, findings: Findings) -> str:
    suffix = path.suffix.lower()
    if suffix == ".json":
        return _json(role, title, findings)
    return _csv(findings) if suffix == ".csv" else _page(role, title, findings)


def _page(role: str, title: str, findings: Findings) -> str:
    head = [f"# {title}", f"> {NOTE}; nothing here was understood or judged.", _asked(findings)]
    body = _PAGES[role](findings) if findings.passages else [_nothing(findings)]
    return "\n\n".join(part for part in (*head, *body) if part) + "\n"


def _asked(findings: Findings) -> str:
    lines = clean(findings.assignment.question).split("\n")
    shown = [*lines[:_ASKED_LINES], "…"] if len(lines) > _ASKED_LINES else lines
    parts = ["## Question", block_quote("\n".join(shown))]
    if findings.assignment.focus:
        parts.append(f"Focus: {one_line(findings.assignment.focus)}")
    return "\n\n".join(parts)


def _nothing(findings: Findings) -> str:
    return "\n\n".join(
        [
            "## Nothing was found",
            f"No passage of the repository speaks of {bold(findings.main_words) or 'this'}. {findings.searched}",
            "## What to add",
            bullets(
                [
                    "Material: commit notes, documents or data as text (Markdown, CSV, code); PDF is not read.",
                    "Words: describe the task with the words that the files use.",
                    f"Or choose an agent with a model, which can look beyond this repository {_AGENTS}.",
                ]
            ),
        ]
    )


def _sources(findings: Findings) -> list[str]:
    passages = [
        f"### {number}. {reference(passage)}\n\nHolds {bold(passage.terms)}.\n\n{code(passage)}"
        for number, passage in enumerate(findings.passages, 1)
    ]
    return [
        f"Searched for {bold(findings.main_words)}. {findings.searched}",
        "## Files",
        _files(findings),
        "## Passages",
        *passages,
        "## Gaps",
        _gaps(findings),
    ]


def _analysis(findings: Findings) -> list[str]:
    return [
        "## In short",
        bullets(_short(findings)),
        "## What was asked, and where it is spoken of",
        _questions(findings),
        "## Terms",
        "Not asked for, but frequent in these passages and rare in the rest of the repository.",
        _terms(findings),
        "## Sources by weight",
        _files(findings),
        "## Gaps",
        _gaps(findings),
    ]


def _report(findings: Findings) -> list[str]:
    said = _said(findings, 6)
    topics = [f"### {one_line(name, 200)}\n\n{_topic(passages, findings)}" for name, passages in findings.topics]
    return [
        "## In short",
        bullets(_short(findings)),
        *(["## What the sources say", said] if said else []),
        "## Passages by topic",
        *topics,
        "## Sources",
        _files(findings),
        "## Gaps",
        _gaps(findings),
        "## What to do next",
        _next(findings),
    ]


def _brief(findings: Findings) -> list[str]:
    said = _said(findings, 4) or _excerpts(findings.passages[:3], findings)
    return [bullets(_short(findings)), "## What the sources say", said, "## Read first", _read_first(findings)]


def _gaps_page(findings: Findings) -> list[str]:
    return ["## Gaps", _gaps(findings), "## What was asked, and where it is spoken of", _questions(findings)]


def _terms_page(findings: Findings) -> list[str]:
    topics = bullets(f"{one_line(name, 200)}: {references(passages, 4)}" for name, passages in findings.topics)
    return ["## Terms", _terms(findings), "## Topics", topics]


def _next_page(findings: Findings) -> list[str]:
    return ["## What to do next", _next(findings)]


def _topic(passages: tuple[Passage, ...], findings: Findings) -> str:
    more = f"\n\nAlso {references(passages[_QUOTED:], 8)}." if len(passages) > _QUOTED else ""
    return _excerpts(passages[:_QUOTED], findings) + more


def _short(findings: Findings) -> list[str]:
    best = findings.weights[0]
    counted = f"{count(len(findings.passages), 'passage')} of {count(len(findings.weights), 'file')}"
    lines = [
        f"{counted} on {bold(findings.main_words)}.",
        f"Most weight: `{show(best.path)}` ({best.share:.0%}), first {reference(best.passages[0])}.",
    ]
    if findings.vocabulary:
        lines.append(f"Telling terms: {bold(term.word for term in findings.vocabulary[:6])}.")
    asked, open_ = len(findings.nearest), len(findings.open_questions)
    if asked:
        lines.append(f"{count(asked, 'question')} asked; {asked - open_} spoken of in these passages, {open_} open.")
    return lines


def _said(findings: Findings, most: int) -> str:
    return bullets(f"“{said.text}” — {cite(said.path, said.first, said.last)}" for said in findings.sentences[:most])


def _excerpts(passages: tuple[Passage, ...], findings: Findings) -> str:
    cut = (excerpt(passage, findings.main_words, _EXCERPT_LINES) for passage in passages)
    return "\n\n".join(f"{reference(passage)}\n\n{code(passage)}" for passage in cut)


def _files(findings: Findings) -> str:
    rows = (
        [f"`{show(weight.path)}`", f"{weight.share:.0%}", references(weight.passages, 3), ", ".join(weight.terms[:6])]
        for weight in findings.weights
    )
    return table(["File", "Weight", "Passages", "Words found"], rows)


def _terms(findings: Findings) -> str:
    if not findings.vocabulary:
        return "No word stands out."
    rows = ([term.word, str(term.times), references(term.passages, 3)] for term in findings.vocabulary)
    return table(["Term", "Times", "Where"], rows)


def _questions(findings: Findings) -> str:
    if not findings.nearest:
        return "The task asks no question that could be looked up."
    return bullets(
        f"{one_line(question, 300)} — {'**open**; nearest ' if question in findings.open_questions else ''}"
        f"{reference(passage)}"
        for question, passage in findings.nearest.items()
    )


def _gaps(findings: Findings) -> str:
    items = [f"Hardly any passage speaks of: {one_line(question, 300)}" for question in findings.open_questions]
    if findings.missing:
        items.append(f"Words of the question that stand in no file: {bold(findings.missing)}.")
    if len(findings.weights) == 1:
        items.append(f"Everything rests on one file, `{show(findings.weights[0].path)}`.")
    return bullets(items) or "None that counting words can show: every question has a passage that uses its words."


def _next(findings: Findings) -> str:
    steps = ["Read first:\n" + "\n".join(f"   {line}" for line in _read_first(findings).split("\n"))]
    steps.extend(f"Find material on: {one_line(question, 300)}" for question in findings.open_questions[:5])
    steps.append(f"For conclusions, give these passages to an agent with a model {_AGENTS}.")
    return "\n".join(f"{number}. {step}" for number, step in enumerate(steps, 1))


def _read_first(findings: Findings) -> str:
    return bullets(reference(weight.passages[0]) for weight in findings.weights[:5])


def _json(role: str, title: str, findings: Findings) -> str:
    passages = [
        {
            "path": show(passage.path),
            "first": passage.first,
            "last": passage.last,
            "score": passage.score,
            "words": list(passage.terms),
            "text": passage.text,
        }
        for passage in findings.passages
    ]
    terms = [
        {"term": term.word, "times": term.times, "where": list(map(reference, term.passages))}
        for term in findings.vocabulary
    ]
    gaps = {"questions": list(findings.open_questions), "words": list(findings.missing)}
    parts: dict[str, object] = {"passages": passages, "terms": terms, "gaps": gaps}
    own = "passages" if role == "sources" else role
    body = {own: parts[own]} if own in parts else parts
    question = clean(findings.assignment.question)
    document: dict[str, object] = {"title": title, "note": NOTE, "question": question, **body}
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _csv(findings: Findings) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["path", "first", "last", "score", "words", "text"])
    for passage in findings.passages:
        writer.writerow(
            [show(passage.path), passage.first, passage.last, passage.score, " ".join(passage.terms), passage.text]
        )
    return file.getvalue()


_PAGES: Final[Mapping[str, Callable[[Findings], list[str]]]] = {
    "sources": _sources,
    "analysis": _analysis,
    "report": _report,
    "brief": _brief,
    "gaps": _gaps_page,
    "terms": _terms_page,
    "next": _next_page,
}
