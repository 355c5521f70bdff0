"""`gitorch export`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import gitorch
from gitorch import output
from gitorch.api import Workflow
from gitorch.commands.target import target_file
from gitorch.core.names import quote
from gitorch.core.task import Task
from gitorch.errors import Exit, GitorchError
from gitorch.export import document, dot, mermaid, otlp
from gitorch.export.nodes import Graph


def run(*, folder: str, form: str, rev: str, target: str | None) -> int:
    """Write the history in another program's format."""
    with gitorch.open(folder) as workflow:
        pieces = _pieces(workflow, form, rev)
        if target is None or target == "-":
            output.pieces(pieces)
            return Exit.OK
        path = target_file(workflow.repository.root, folder, target)
        _store(path, pieces)
    output.say(f"wrote {path}")
    return Exit.OK


def _pieces(workflow: Workflow, form: str, rev: str) -> Iterator[str]:
    if rev != "HEAD" and workflow.repository.objects.commit(rev) is None:
        raise GitorchError(f"{quote(rev)} is not a commit", hint="name a commit, branch or tag")
    if form == "otlp":
        return otlp.traces(gitorch.__version__, workflow.invocations(*([] if rev == "HEAD" else [rev])))
    states = workflow.state(rev).states
    graph = Graph({name: _task(workflow, name, rev) for name in states}, states)
    if form == "json":
        found = workflow.invocations(*([] if rev == "HEAD" else [rev]))
        return document.document(output.SCHEMA, rev, found, graph)
    lines = mermaid.flowchart(graph) if form == "mermaid" else dot.digraph(graph)
    return (line + "\n" for line in lines)


def _task(workflow: Workflow, name: str, rev: str) -> Task:
    """Read a task file; one that breaks a rule is there all the same, and the history tells of it."""
    try:
        return workflow.task(name, rev)
    except GitorchError as error:
        output.note(f"only its name is exported: {error.message}")
        return Task(name=name)


def _store(path: Path, pieces: Iterable[str]) -> None:
    """Write a file whole or not at all; what is no plain file, such as a pipe, is written to as it is."""
    if path.is_dir() or not path.parent.is_dir():
        what = "is a directory" if path.is_dir() else "cannot be written: there is no such directory"
        raise GitorchError(f"{path} {what}", hint="name a file: -o FILE", code=Exit.USAGE)
    if path.is_symlink() or (path.exists() and not path.is_file()):
        with path.open("w", encoding="utf-8") as file:
            file.writelines(pieces)
        return
    draft = path.with_name(f".{path.name[:200]}.{os.getpid()}")
    try:
        with draft.open("x", encoding="utf-8") as file:
            file.writelines(pieces)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
