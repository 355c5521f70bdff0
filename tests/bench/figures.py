"""What a part has measured: tables for people, bars for plots, and every raw figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from tests.bench.stopwatch import Samples, Spread, ratio, spread


@dataclass(frozen=True)
class Table:
    """Figures for people."""

    head: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class Bars:
    """A plot: a bar for each label, with quartiles, and a line where the aim lies."""

    title: str
    unit: str
    bars: list[tuple[str, float, float, float]]
    aim: float | None = None


@dataclass(frozen=True)
class Part:
    """All of one part."""

    title: str
    tables: list[Table] = field(default_factory=list)
    plots: list[Bars] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    raw: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Give it as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Part:
        """Read it back."""
        tables = [Table(**each) for each in told["tables"]]
        plots = [Bars(**each) for each in told["plots"]]
        return cls(told["title"], tables, plots, told["notes"], told["raw"])


class Line(NamedTuple):
    """A row to be: which samples, what people read, beside which others, and how many times those it may take."""

    name: str
    label: str
    beside: str | None = None
    aim: float | None = None


HEAD = ["", "wall, ms (quartiles)", "times the floor (quartiles)", "aim", "processor, ms", "times", "peak, MB"]


def timed(title: str, samples: Samples, lines: Sequence[Line], *, share: int = 1, unit: str = "") -> Part:
    """Make a part of measured programs; `share` is how many of what is told were done in each run."""
    rows, bars = [], []
    for line in lines:
        taken = samples[line.name]
        wall = spread([sample.wall * 1000 / share for sample in taken])
        cpu = spread([sample.cpu * 1000 / share for sample in taken])
        peak = max(sample.peak for sample in taken)
        row = [line.label, ms(wall), "", "", f"{cpu.middle:.1f}", "", f"{peak:.0f}"]
        if line.beside is not None:
            beside = samples[line.beside]
            found = ratio([sample.wall for sample in taken], [sample.wall for sample in beside])
            busy = ratio([sample.cpu for sample in taken], [sample.cpu for sample in beside])
            row[2:4] = [times(found), aim(found.middle, line.aim)]
            row[5] = f"{busy.middle:.2f}"
            bars.append((plain(line.label), found.middle, found.low, found.high))
        rows.append(row)
    aims = {line.aim for line in lines if line.aim is not None}
    plot = Bars(title, f"times the floor{unit}", bars, aims.pop() if len(aims) == 1 else None)
    return Part(title, [Table(HEAD, rows)], [plot], raw=raw(samples))


def raw(samples: Samples) -> dict[str, Any]:
    """Give all figures by name."""
    return {name: [sample._asdict() for sample in taken] for name, taken in samples.items()}


def ms(found: Spread) -> str:
    """Write milliseconds with their quartiles."""
    return f"{found.middle:.1f} ({found.low:.1f} to {found.high:.1f})"


def times(found: Spread) -> str:
    """Write a ratio with its quartiles."""
    return f"{found.middle:.2f} ({found.low:.2f} to {found.high:.2f})"


def aim(found: float, most: float | None) -> str:
    """Write what is aimed at, and whether it is met."""
    return "" if most is None else f"{most:g}: {'met' if found <= most else 'not met'}"


def plain(label: str) -> str:
    """Take the Markdown out of a label."""
    return label.replace("`", "")
