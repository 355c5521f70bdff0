"""The audit as one JSON document, with what the task files say of each task."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gitorch.core import audit_json
from gitorch.core.audit import Invocation
from gitorch.export.nodes import Graph


def document(schema: int, rev: str, found: Iterable[Invocation], graph: Graph) -> Iterator[str]:
    """Give the document piece by piece: a long history need not be held in memory."""
    return audit_json.document(schema, rev, found, lambda ways: _tasks(graph, ways))


def _tasks(graph: Graph, ways: Mapping[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [_task(graph, name, ways.get(name, [])) for name in sorted(ways.keys() | graph.tasks.keys())]


def _task(graph: Graph, name: str, way: list[dict[str, Any]]) -> dict[str, Any]:
    """Give a task; one that is no longer there has no state."""
    task = graph.tasks.get(name)
    return {
        "name": name,
        "state": graph.states.get(name),
        "parent": task.parent if task is not None else None,
        "needs": list(task.needs) if task is not None else [],
        "kind": task.kind if task is not None else None,
        "description": task.description if task is not None else None,
        "way": way,
    }
