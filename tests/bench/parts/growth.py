"""Whether a step, `status` and the hooks take longer as files, records and tasks become many."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Final

from tests.bench import figures, repositories
from tests.bench.figures import Bars, Part, Table
from tests.bench.hooks import LIMIT_MS
from tests.bench.place import Place
from tests.bench.stopwatch import Samples, Spread, Way, spread

ROUNDS: Final = 15
FILES: Final = 100_000
TASKS: Final = 10_000
AIM: Final = 1.2
_KINDS: Final = ("git status", "status", "step", "commit", "commit with hooks")
Seconds = dict[tuple[str, str], list[float]]


def measure(place: Place) -> Part:
    """Measure it."""
    files, tasks, records = place.many(FILES), place.many(TASKS), place.many(repositories.RECORDS)
    place.say("  making large repositories…")
    roots = {
        "small": repositories.make(place, "small"),
        f"{files:,} files": repositories.make(place, "many-files", files=files),
        f"{records:,} records": repositories.with_long_history(place, "many-records"),
        f"{tasks:,} tasks": repositories.make(place, "more-tasks", tasks=tasks),
    }
    for root in roots.values():
        place.gitorch(root, "hooks", "install")
        (root / ".git" / "none").mkdir()
    samples = place.in_turns(ROUNDS, [way for name, root in roots.items() for way in _ways(place, name, root)])
    seconds = {(kind, name): _wall(samples, kind, name) for name in roots for kind in _KINDS}
    return Part(
        "From small to large",
        [_table(seconds, [*roots])],
        [_bars(seconds, [*roots][1:])],
        [
            "Small is 20 files, 10 records and 3 tasks; the others are as small but for what their column says.",
            "A step with an agent looks through the work tree twice: two times `git status` are taken off it.",
        ],
        figures.raw(samples),
    )


def _ways(place: Place, name: str, root: Path) -> list[Way]:
    numbers = itertools.count()
    file = root / "src" / "0000" / "000000.txt"

    def back() -> None:
        repositories.back(place, root)

    def work() -> None:
        back()
        file.write_text(f"work {next(numbers)}\n")
        place.git(root, "add", str(file))

    commands: dict[str, tuple[str, ...]] = {
        "git status": ("git", "status", "--porcelain"),
        "status": (place.programs.gitorch, "status"),
        "step": (place.programs.gitorch, "step", *repositories.AGENT),
        "commit": ("git", "-c", "core.hooksPath=.git/none", "commit", "-q", "-m", "work"),
        "commit with hooks": ("git", "commit", "-q", "-m", "work"),
    }
    before = {"git status": back, "step": back, "commit": work, "commit with hooks": work}
    return [Way(f"{kind}, {name}", commands[kind], root, before.get(kind)) for kind in _KINDS]


def _wall(samples: Samples, kind: str, name: str) -> list[float]:
    return [sample.wall for sample in samples[f"{kind}, {name}"]]


def _table(seconds: Seconds, names: list[str]) -> Table:
    head = ["", *(f"{name}, ms" if name == "small" else name for name in names)]
    rows = []
    for kind in _KINDS:
        middles = [spread(seconds[kind, name]).middle * 1000 for name in names]
        rows.append([_label(kind), *(f"{each:.1f}" for each in middles)])
    rows.append(["ms that the hooks add to the commit", *(_added(seconds, name) for name in names)])
    for label, values in _compared(seconds, names[1:]).items():
        shown = [f"{each.middle:.2f} ({figures.aim(each.middle, AIM)})" for each in values]
        rows.append([f"{label}, large by small", "", *shown])
    return Table(head, rows)


def _added(seconds: Seconds, name: str) -> str:
    """Tell what the hooks add; a difference of so few milliseconds is too uncertain for a ratio."""
    pairs = zip(seconds["commit with hooks", name], seconds["commit", name], strict=True)
    added = spread([(ours - none) * 1000 for ours, none in pairs])
    return f"{added.middle:.1f} ({figures.aim(added.middle, LIMIT_MS)})"


def _compared(seconds: Seconds, names: list[str]) -> dict[str, list[Spread]]:
    """Give large by small for what shall not grow."""

    def net(name: str) -> list[float]:
        return [step - 2 * scan for step, scan in zip(seconds["step", name], seconds["git status", name], strict=True)]

    return {
        "`gitorch status`": [_by(seconds["status", name], seconds["status", "small"]) for name in names],
        "`gitorch step` without the two scans": [_by(net(name), net("small")) for name in names],
    }


def _by(large: list[float], small: list[float]) -> Spread:
    return spread([a / b for a, b in zip(large, small, strict=True)])


def _bars(seconds: Seconds, names: list[str]) -> Bars:
    compared = _compared(seconds, names)
    bars = [
        (f"{figures.plain(label)}: {name}", each.middle, each.low, each.high)
        for label, values in compared.items()
        for name, each in zip(names, values, strict=True)
    ]
    return Bars("From small to large", "large by small", bars, AIM)


def _label(kind: str) -> str:
    return {"status": "`gitorch status`", "step": "`gitorch step`", "git status": "`git status`"}.get(kind, f"a {kind}")
