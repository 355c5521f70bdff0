"""Tasks as a Mermaid flowchart: parents as subgraphs, needs as arrows, states as classes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gitorch.export.nodes import COLOURS, MISSING, Graph, numbered

# all but letters, digits, blanks, commas, and what joins the parts of a name
_SPECIAL = re.compile(r"(?!(?<=[A-Za-z0-9])[-._](?=[A-Za-z0-9]))[^A-Za-z0-9 ,]")


def flowchart(graph: Graph) -> Iterator[str]:
    """Give the lines of the chart."""
    ids = numbered([*graph.tasks, *graph.missing()])
    yield "flowchart TD"
    yield from _inside(graph, ids, None, 1)
    for name in graph.missing():
        yield f'  {ids[name]}["{text(name)}"]:::{MISSING}'
    for need, name in graph.needs():
        yield f"  {ids[need]} --> {ids[name]}"
    for state, (fill, border) in COLOURS.items():
        yield f"  classDef {state} fill:{fill},stroke:{border},color:#18181b"
    yield f"  classDef {MISSING} fill:none,stroke:#dc2626,stroke-dasharray:4"


def _inside(graph: Graph, ids: dict[str, str], parent: str | None, depth: int) -> Iterator[str]:
    inside, drawn = graph.inside(), graph.drawn()
    # an own stack: families made by hand may be deeper than Python's
    stack: list[tuple[Iterator[str], str | None]] = [(iter(inside.get(parent, [])), None)]
    while stack:
        blank = "  " * (len(stack) + depth - 1)
        name = next(stack[-1][0], None)
        if name is None:
            _, frame = stack.pop()
            if frame is not None:
                yield f"{blank[2:]}end"
                yield f"{blank[2:]}class s{ids[frame]} {graph.states[frame]}"
            continue
        if name in inside:
            yield f'{blank}subgraph s{ids[name]}["{text(name)}"]'
            blank += "  "
            stack.append((iter(inside[name]), name))
        if name in drawn:
            title = graph.title(name)
            label = text(name) + (f"<br>{text(title)}" if title else "")
            yield f'{blank}{ids[name]}["{label}"]:::{graph.states[name]}'


def text(value: str) -> str:
    """Write any text so that it is nothing but text to Mermaid, to Markdown and to HTML."""
    return _SPECIAL.sub(lambda match: match[0] if match[0].isalpha() else f"#{ord(match[0])};", value)
