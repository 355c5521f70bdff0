"""Run the local agent: `python -m gitorch.local`, its assignment in `GITORCH_*` variables."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gitorch.core.text import one_line
from gitorch.errors import Exit, GitorchError
from gitorch.local import assignment, check, evidence, pages, sources
from gitorch.local.citations import show
from gitorch.local.findings import Findings, look_up
from gitorch.local.markdown import count
from gitorch.local.passages import Index, split

_OF_AN_ASPECT: Final = 10  # passages looked for beyond what earlier tasks found
_PASSAGES: Final = {"gather": 20, "execute": 40, "synthesize": 40}


def main() -> int:
    """Do what the environment asks, and report it."""
    try:
        result = _check(Path()) if os.environ.get("GITORCH_ACTION") == "check" else _work(os.environ, Path())
        _report(os.environ, result)
    except GitorchError as error:
        hint = f"hint: {one_line(error.hint)}\n" if error.hint else ""
        sys.stderr.write(f"error: {one_line(error.message)}\n{hint}")
        return error.code
    except OSError as error:
        sys.stderr.write(f"error: {one_line(str(error))}\n")
        return Exit.ERROR
    sys.stdout.buffer.write(f"{result['summary']}\n".encode())
    return Exit.OK


def _check(root: Path) -> dict[str, object]:
    question = check.question(root)
    return {"outcome": "blocked", "summary": question, "question": question}


def _work(environ: Mapping[str, str], root: Path) -> dict[str, object]:
    work = assignment.read(environ, root)
    question = pages.cannot_write(work)
    if question is not None:
        return {"outcome": "blocked", "summary": question, "question": question}
    found = sources.read(root)
    passages_there = (passage for path, data in found.files.items() for passage in split(path, data))
    index = Index(passage for passage in passages_there if not work.is_repeated_by(passage.text))
    known = [] if work.action == "gather" else evidence.collect(work, found.files)
    if known and work.aspect:
        known = evidence.without_overlaps([*known, *index.search(work.query, _OF_AN_ASPECT)])
    passages = look_up(Index(known) if known else index, work, _PASSAGES[work.action])
    findings = Findings(work, tuple(passages), index, found.in_words())
    if not passages:
        question = (
            f"local found nothing about {work.task.name} in {count(len(found.files), 'file')}; "
            "choose an agent with a model: --agent NAME"
        )
        return {"outcome": "blocked", "summary": question, "question": question}
    written = pages.write(findings)
    for output, text in written.items():
        path = Path(work.folder, output)
        _refuse_links(root, path)
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8", errors="backslashreplace")
    return {"outcome": "completed", "summary": _summary(findings, list(written))}


def _refuse_links(root: Path, path: Path) -> None:
    """Refuse to write through a link: a repository may bring links that lead out of it."""
    for place in (path, *path.parents):
        if (root / place).is_symlink():
            raise GitorchError(f"{place} is a symbolic link, and nothing is written through one")


def _summary(findings: Findings, outputs: list[str]) -> str:
    lines = [f"Wrote {', '.join(outputs)} without a model; nothing else was changed."]
    if findings.passages:
        best = findings.weights[0]
        counted = f"{count(len(findings.passages), 'passage')} of {count(len(findings.weights), 'file')}"
        lines.append(f"{counted}; most weight: {show(best.path)}.")
        lines.extend(f"Open: {question}" for question in findings.open_questions[:3])
    else:
        lines.append("No passage of the repository speaks of what was asked.")
    return "\n".join(one_line(line, 200) for line in lines)


def _report(environ: Mapping[str, str], result: dict[str, object]) -> None:
    path = environ.get("GITORCH_RESULT")
    if path:
        Path(path).write_text(json.dumps({**result, "cost_usd": 0}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
