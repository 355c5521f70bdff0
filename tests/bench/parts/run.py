"""`gitorch run` over a long chain of tasks, each of which needs the one before, beside plain commits."""

from __future__ import annotations

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
    ours = repositories.make(place, "run", tasks=links, chain=True)
    floor = repositories.make(place, "run-floor", tasks=links, chain=True)
    samples: Samples = {"run": [], "floor": []}
    for number in range(1, PIECES + 1):
        limit = ("--max-steps", str(number * piece))
        command = (place.programs.gitorch, "run", *repositories.AGENT, *limit)
        ways = [
            Way("run", command, ours, codes=(0, 30)),
            Way("floor", ("sh", "-c", _FLOOR, "sh", str(piece)), floor),
        ]
        for way in ways if number % 2 else reversed(ways):
            samples[way.name].append(place.watch.measure(way))
    done = sum("[completed]" in line for line in place.gitorch(ours, "list").splitlines())
    if done != links:
        raise RuntimeError(f"of {links} tasks {done} were done")
    place.made["run"] = ours
    lines = [
        Line("floor", "the floor: twice `git add` and `git commit`"),
        Line("run", "one step of `gitorch run`: two commits", "floor", AIM),
    ]
    part = figures.timed(f"A chain of {links:,} tasks, for each step", samples, lines, share=piece)
    first, last = samples["run"][0].wall / piece * 1000, samples["run"][-1].wall / piece * 1000
    part.notes.append(f"A step among the first {piece} took {first:.1f} ms, among the last {piece} {last:.1f} ms.")
    return part
