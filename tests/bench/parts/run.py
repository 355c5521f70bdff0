"""`gitorch run` over a long chain of tasks, each of which needs the one before, beside plain commits."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

from tests.bench import figures, repositories
from tests.bench.figures import Line, Part
from tests.bench.place import Place
from tests.bench.stopwatch import Samples, Way

LINKS: Final = 1023
PIECES: Final = 11  # the chain is run in so many pieces, so that the plain commits can be made in turns with them
AIM: Final = 2.0
_FLOOR: Final = """\
for number in $(seq "$1"); do
    for half in 1 2; do
        echo "$number $half" >> src/0000/000000.txt
        git add src/0000/000000.txt && git commit -q -m "work $number" || exit
    done
done
"""


def measure(place: Place) -> Part:
    """Measure it."""
    piece = max(2, round(LINKS / PIECES * min(1.0, place.portion)))
    links = piece * PIECES
    ways = repositories.with_and_without_syncing(place, "run", _run, partial(_floor, piece), tasks=links, chain=True)
    samples: Samples = {way.name: [] for way in ways}
    for number in range(1, PIECES + 1):
        for way in ways[number % len(ways) :] + ways[: number % len(ways)]:
            if "floor" not in way.name:
                way = way._replace(command=(*way.command, "--max-steps", str(number * piece)))  # noqa: PLW2901
            samples[way.name].append(place.watch.measure(way))
    ours = ways[0].cwd
    done = sum("[completed]" in line for line in place.gitorch(ours, "list").splitlines())
    if done != links:
        raise RuntimeError(f"of {links} tasks {done} were done")
    place.made["run"] = ours
    lines = [
        Line("floor", "the floor: twice `git add` and `git commit`"),
        Line("run", "one step of `gitorch run`: two commits, on the disk before it goes on", "floor", AIM),
        Line("run, not synced", "the same with `core.fsync=none`, as little on the disk as the floor", "floor", AIM),
        Line("floor, synced", "the floor with `core.fsync=committed`, as much on the disk", "floor"),
    ]
    part = figures.timed(f"A chain of {links:,} tasks, for each step", samples, lines, share=piece)
    first, last = samples["run"][0].wall / piece * 1000, samples["run"][-1].wall / piece * 1000
    part.notes.append(f"A step among the first {piece} took {first:.1f} ms, among the last {piece} {last:.1f} ms.")
    return part


def _run(place: Place, name: str, root: Path) -> Way:
    return Way(name, (place.programs.gitorch, "run", *repositories.AGENT), root, codes=(0, 30))


def _floor(steps: int, _: Place, name: str, root: Path) -> Way:
    return Way(name, ("sh", "-c", _FLOOR, "sh", str(steps)), root)
