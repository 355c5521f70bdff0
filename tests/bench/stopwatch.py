"""Measuring whole processes from outside, in turns, so that whatever else the machine does hits all alike."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

TIMER = Path(__file__).with_name("timer.py")


class Sample(NamedTuple):
    """What one run of a program took: seconds, seconds of processor time, megabytes at most."""

    wall: float
    cpu: float
    peak: float


class Way(NamedTuple):
    """Something to measure.

    Attributes:
        name: how the figures call it.
        command: the program and its arguments.
        cwd: where it works.
        before: what has to be done before each run, unmeasured.
        every: it takes part in one round of so many.
        codes: the exit codes that mean it did its work.
    """

    name: str
    command: Sequence[str]
    cwd: Path
    before: Callable[[], object] | None = None
    every: int = 1
    codes: tuple[int, ...] = (0,)


class Spread(NamedTuple):
    """The median of some figures, and the quartiles around it."""

    low: float
    middle: float
    high: float


Samples = dict[str, list[Sample]]


class Stopwatch:
    """Runs programs in a sealed environment and measures them."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self._log = folder / "stderr.log"
        self._env = env
        self._timer = subprocess.Popen(
            (sys.executable, "-I", "-S", str(TIMER)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def measure(self, way: Way) -> Sample:
        """Run it once.

        Raises:
            RuntimeError: it failed; figures of a program that fails mean nothing.
        """
        if way.before is not None:
            way.before()
        if self._timer.stdin is None or self._timer.stdout is None:
            raise RuntimeError("the timer has no pipes")
        asked = {"command": [*way.command], "cwd": str(way.cwd), "env": self._env, "log": str(self._log)}
        self._timer.stdin.write(json.dumps(asked) + "\n")
        self._timer.stdin.flush()
        told = json.loads(self._timer.stdout.readline())
        if told["code"] not in way.codes:
            said = self._log.read_text(errors="replace")[-1000:]
            raise RuntimeError(f"{way.name}: {' '.join(way.command)} ended with {told['code']}: {said}")
        return Sample(told["wall"], told["cpu"], told["peak"])

    def in_turns(self, rounds: int, ways: Sequence[Way]) -> Samples:
        """Measure all of them, round by round; the one that begins changes. One round before that is not counted."""
        samples: Samples = {way.name: [] for way in ways}
        for number in range(-1, rounds):
            turn = max(number, 0) % len(ways)
            for way in (*ways[turn:], *ways[:turn]):
                if number < 0 or number % way.every == 0:
                    sample = self.measure(way)
                    if number >= 0:
                        samples[way.name].append(sample)
        return samples

    def close(self) -> None:
        """End the timer."""
        if self._timer.stdin is not None:
            self._timer.stdin.close()
        self._timer.wait()
        if self._timer.stdout is not None:
            self._timer.stdout.close()


def spread(values: Sequence[float]) -> Spread:
    """Give median and quartiles."""
    if len(values) < 2:
        return Spread(values[0], values[0], values[0])
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(low, middle, high)


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Give how many times as much one took, round by round where both took part in the same rounds."""
    if len(ours) == len(theirs):
        return spread([a / b for a, b in zip(ours, theirs, strict=True)])
    middle = statistics.median(theirs)
    return spread([a / middle for a in ours])
