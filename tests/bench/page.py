"""Writing figures down: raw ones as JSON, tables as Markdown, plots as SVG, and the tables in docs/performance.md."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any, Final

from tests.bench import plots
from tests.bench.figures import Bars, Part, Table

PAGE: Final = Path(__file__).parents[2] / "docs" / "performance.md"
PLOTS: Final = "performance"  # the folder beside the page
BEGIN: Final = "<!-- From here on this page is made by: python -m tests.bench --out DIR --docs -->\n"
END: Final = "<!-- To here. -->\n"
JSON: Final = "figures.json"
LOAD: Final = "load at the beginning"


def write(out: Path, machine: dict[str, str], parts: dict[str, Part]) -> str:
    """Write everything into a folder; parts that were measured into it before, and not now, are kept."""
    before = read(out)
    kept = {name: Part.from_json(told) for name, told in before.get("parts", {}).items()}
    machines: dict[str, dict[str, str]] = {**before.get("machines", {}), **dict.fromkeys(parts, machine)}
    together = {**kept, **parts}
    told = {"machines": machines, "parts": {name: part.as_json() for name, part in together.items()}}
    (out / JSON).write_text(json.dumps(told, indent=1) + "\n")
    for name, part in together.items():
        for file, plot in _files(name, part):
            (out / file).write_text(plots.svg(plot))
    text = markdown(machines, together)
    (out / "figures.md").write_text(text)
    return text


def _files(name: str, part: Part) -> list[tuple[str, Bars]]:
    return [(f"{name}{number or ''}.svg", plot) for number, plot in enumerate(part.plots)]


def read(out: Path) -> dict[str, Any]:
    """Read what was measured into a folder before."""
    path = out / JSON
    told: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return told


def markdown(machines: dict[str, dict[str, str]], parts: dict[str, Part], folder: str = "") -> str:
    """Give all tables and plots, these as they lie in a folder."""
    same = {json.dumps({key: value for key, value in each.items() if key != LOAD}) for each in machines.values()}
    sections = [_machine(json.loads(same.pop()))] if len(same) == 1 else []
    for name, part in parts.items():
        sections.append(f"### {part.title}")
        if not sections[0].startswith("Measured"):
            sections.append(_machine(machines[name]))
        elif LOAD in machines[name]:
            sections.append(f"The machine's load at the beginning was {machines[name][LOAD]}.")
        sections += [_table(table) for table in part.tables]
        sections += [f"![{plot.title}]({folder}{file})" for file, plot in _files(name, part)]
        sections += part.notes
    return "\n\n".join(sections) + "\n"


def _machine(machine: dict[str, str]) -> str:
    return textwrap.fill(f"Measured with {', '.join(f'{key} {value}' for key, value in machine.items())}.", 118)


def _table(table: Table) -> str:
    lines = [table.head, ["---"] * len(table.head), *table.rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def document(out: Path) -> None:
    """Put the tables of a folder into the page between its marks, and the plots beside it."""
    told = read(out)
    parts = {name: Part.from_json(part) for name, part in told["parts"].items()}
    place = PAGE.with_name(PLOTS)
    place.mkdir(exist_ok=True)
    for name, part in parts.items():
        for file, plot in _files(name, part):
            (place / file).write_text(plots.svg(plot))
    now = PAGE.read_text(encoding="utf-8")
    written, _, rest = now.partition(BEGIN)
    after = rest.partition(END)[2]
    text = markdown(told["machines"], parts, f"{PLOTS}/")
    PAGE.write_text(f"{written}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")
