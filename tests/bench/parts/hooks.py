"""What the hooks add to a commit that leaves `.tasks` alone, and to one that moves a task."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.bench import figures, repositories
from tests.bench.figures import Line, Part, Table
from tests.bench.hooks import LIMIT_MS
from tests.bench.place import Place
from tests.bench.stopwatch import Samples, Way, spread

ROUNDS: Final = 30
MOVE_AIM: Final = 1.5  # times the start of Python with click
_HOOKS: Final = ("pre-commit", "prepare-commit-msg", "commit-msg")
_PLACES: Final = ("none", "idle", "hooks")


def measure(place: Place) -> Part:
    """Measure it."""
    roots = {name: _make(place, f"hooks-{name}") for name in _PLACES}
    moved = {name: _make(place, f"moved-{name}") for name in ("none", "hooks")}
    ways = [
        Way("click", (place.programs.python, "-c", "import click"), place.root),
        *(_commit(f"work, {name}", name, root, _working(place, root)) for name, root in roots.items()),
        *(_commit(f"move, {name}", name, root, _moving(place, root)) for name, root in moved.items()),
    ]
    samples = place.in_turns(ROUNDS, ways)
    lines = [
        Line("work, none", "a commit without hooks"),
        Line("work, idle", "with three hooks that do nothing", "work, none"),
        Line("work, hooks", "with gitorch's hooks", "work, none"),
        Line("move, none", "a commit that moves a task, without hooks"),
        Line("move, hooks", "with gitorch's hooks: they write its record", "move, none"),
    ]
    part = figures.timed("Commits with hooks", samples, lines)
    part.tables.append(_added(samples))
    return part


def _added(samples: Samples) -> Table:
    """Tell what the hooks add, beside what is aimed at."""
    work = [ours.wall - none.wall for ours, none in zip(samples["work, hooks"], samples["work, none"], strict=True)]
    move = [ours.wall - none.wall for ours, none in zip(samples["move, hooks"], samples["move, none"], strict=True)]
    click = spread([sample.wall for sample in samples["click"]]).middle
    added, moved = spread([each * 1000 for each in work]), spread([each / click for each in move])
    rows = [
        ["ms that the hooks add to a commit that leaves `.tasks` alone", figures.ms(added)],
        ["what they add to one that moves a task, in starts of Python with click", figures.times(moved)],
    ]
    aims = [figures.aim(added.middle, LIMIT_MS), figures.aim(moved.middle, MOVE_AIM)]
    return Table(["", "(quartiles)", "aim"], [[*row, each] for row, each in zip(rows, aims, strict=True)])


def _make(place: Place, name: str) -> Path:
    root = repositories.make(place, name)
    place.gitorch(root, "hooks", "install")
    for folder, names in {"none": (), "idle": _HOOKS}.items():
        (root / ".git" / folder).mkdir()
        for hook in names:
            (root / ".git" / folder / hook).write_text("#!/bin/sh\n")
            (root / ".git" / folder / hook).chmod(0o755)
    return root


def _commit(name: str, hooks: str, root: Path, before: Callable[[], None]) -> Way:
    return Way(name, ("git", "-c", f"core.hooksPath=.git/{hooks}", "commit", "-q", "-m", "by hand"), root, before)


def _working(place: Place, root: Path) -> Callable[[], None]:
    numbers = itertools.count()

    def work() -> None:
        (root / "src/0000/000000.txt").write_text(f"work {next(numbers)}\n")
        place.git(root, "add", "src")

    return work


def _moving(place: Place, root: Path) -> Callable[[], None]:
    states = itertools.cycle((("pending", "running"), ("running", "pending")))

    def move() -> None:
        old, new = (f".tasks/[{state}]_{repositories.WORKED_ON}_task.md" for state in next(states))
        place.git(root, "mv", old, new)

    return move
