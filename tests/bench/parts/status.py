"""Commands that only look, with 10,000 tasks, beside the start of Python with click."""

from __future__ import annotations

from typing import Final

from tests.bench import figures, repositories
from tests.bench.figures import Line, Part
from tests.bench.place import Place
from tests.bench.stopwatch import Way

ROUNDS: Final = 20
TASKS: Final = 10_000
AIM: Final = 1.3


def measure(place: Place) -> Part:
    """Measure it."""
    tasks = place.many(TASKS)
    root = repositories.make(place, "many-tasks", tasks=tasks)
    place.made["many-tasks"] = root
    ways = [
        Way("floor", (place.programs.python, "-c", "import click"), root),
        *(Way(name, (place.programs.gitorch, name), root) for name in ("status", "prompt", "list")),
    ]
    samples = place.in_turns(ROUNDS, ways)
    lines = [
        Line("floor", "the floor: `python -c 'import click'`"),
        Line("status", "`gitorch status`", "floor", AIM),
        Line("prompt", "`gitorch prompt`", "floor"),
        Line("list", f"`gitorch list`, all {tasks:,} of them", "floor"),
    ]
    return figures.timed(f"Looking at {tasks:,} tasks", samples, lines)
