"""Tasks as a graph for Graphviz: parents as clusters, needs as arrows, states as colours and classes."""

from __future__ import annotations

from collections.abc import Iterator

from gitorch.export.nodes import COLOURS, MISSING, Graph, numbered


def digraph(graph: Graph) -> Iterator[str]:
    """Give the lines of the graph."""
    ids = numbered([*graph.tasks, *graph.missing()])
    yield "digraph gitorch {"
    yield '  graph [charset="UTF-8", fontname="sans-serif"]'
    yield '  node [shape=box, style="rounded,filled", fontname="sans-serif"]'
    yield from _inside(graph, ids)
    for name in graph.missing():
        yield f'  {ids[name]} [label="{text(name)}", class={MISSING}, style="rounded,dashed", color="#dc2626"]'
    for need, name in graph.needs():
        yield f"  {ids[need]} -> {ids[name]}"
    yield "}"


def _inside(graph: Graph, ids: dict[str, str]) -> Iterator[str]:
    inside, drawn = graph.inside(), graph.drawn()
    stack: list[Iterator[str]] = [iter(inside.get(None, []))]
    while stack:
        blank = "  " * len(stack)
        name = next(stack[-1], None)
        if name is None:
            stack.pop()
            if stack:
                yield f"{blank[2:]}}}"
            continue
        state = graph.states[name]
        fill, border = COLOURS[state]
        if name in inside:
            yield f"{blank}subgraph cluster_{ids[name]} {{"
            blank += "  "
            yield f'{blank}graph [label="{text(name)}", style=rounded, class={state}, color="{border}"]'
            stack.append(iter(inside[name]))
        if name in drawn:
            title = graph.title(name)
            label = text(name) + (f"\\n{text(title)}" if title else "")
            yield f'{blank}{ids[name]} [label="{label}", class={state}, fillcolor="{fill}", color="{border}"]'


def text(value: str) -> str:
    """Write any text so that it is nothing but text between double quotes; Graphviz reads HTML's entities there too."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;").replace("\n", "\\n")
