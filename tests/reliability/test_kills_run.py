"""A `gitorch run` that is killed at random moments, its agent with it or not, and goes on each time."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.loop.bench import Bench
from tests.reliability.kills import Room, kill_all_in, tell
from tests.reliability.kills_scenes import dirty
from tests.reliability.soundness import assert_sound, look

SEED = int(os.environ.get("GITORCH_SEED", "1"))
ROUNDS = int(os.environ.get("GITORCH_ROUNDS", "1000"))
TASKS = tuple(f"task-{number}" for number in range(8))
AGENT = (
    "echo $GITORCH_TASK >> done.txt; echo by $GITORCH_TASK > $GITORCH_TASK.txt; git add $GITORCH_TASK.txt;"
    " git commit -qm 'my own'; sleep 0.1; echo $GITORCH_TASK >> b.txt"
)
RUN = ("run", "--agent-command", AGENT)
STEP = ("step", "--agent-command", AGENT)
AGENTS = ("done.txt", "b.txt", *(f"{name}.txt" for name in (*TASKS, "t", "u")))
LONGEST = 1.5  # seconds: a step or two


class Night:
    """One workflow, from its beginning to its end, with many kills on the way."""

    def __init__(self, place: Path, pattern: Path) -> None:
        self.room = Room(place)
        self.bench = Bench.make(self.room.root, pattern)
        for name in TASKS:
            self.bench("create", name, "-d", f"Do {name}.")
        dirty(self.bench, staged=True)
        self.before = look(self.bench.root, without=AGENTS)
        self.records: set[str] = set()

    def goes_on(self, after: float, *, together: bool) -> bool:
        """Kill a run, do a step with nobody's help, and look; tells whether there is more to do."""
        killed = self.room.play(*RUN, after=after, together=together)
        done = self.room.play(*STEP)
        assert done.code in (0, 10), f"killed after {after:.3f} s, together: {together}\n{killed.said}\n{done.said}"
        assert_sound(self.bench.root, self.before, acknowledged=self.records, temporary=self.room.temporary)
        self.records |= set(self.bench.git("rev-list", "--grep=^Gitorch-Event: ", "HEAD").split())
        return done.code == 0

    def is_done_once(self) -> None:
        for path in ("done.txt", "b.txt"):
            told = Counter(line for line in self.bench.committed(path).splitlines() if not line.startswith("line"))
            assert told == dict.fromkeys((*TASKS, "t", "u"), 1)


def _nights(rounds: int, tmp_path: Path, pattern: Path) -> tuple[int, list[str]]:
    rng = random.Random(SEED)  # noqa: S311 - to be repeated
    night, nights, failures = Night(tmp_path / "0", pattern), 0, []
    for number in range(rounds):
        after, together = rng.uniform(0, LONGEST), rng.random() < 0.5
        try:
            more = night.goes_on(after, together=together)
            if not more:
                night.is_done_once()
        except (AssertionError, OSError) as error:
            failures.append(f"round {number}, {after:.3f} s, together: {together}: {error}")
            tell(f"FAILED {failures[-1]}")
            kill_all_in(night.room.root)
            shutil.copytree(night.room.place, tmp_path / f"failed-{number}", symlinks=True)
            more = False
        if not more:
            nights += 1
            shutil.rmtree(night.room.place, ignore_errors=True)
            night = Night(tmp_path / str(nights), pattern)
    return nights, failures


@pytest.mark.thorough
def test_killed_at_a_few_random_moments(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    _, failures = _nights(2, tmp_path, tmp_path_factory.getbasetemp() / "pattern")
    assert not failures, "\n".join(failures)


@pytest.mark.heavy
def test_killed_at_many_random_moments(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    began = time.monotonic()
    nights, failures = _nights(ROUNDS, tmp_path, tmp_path_factory.getbasetemp() / "pattern")
    spent = time.monotonic() - began
    tell(f"FIGURES run, seed {SEED}: {ROUNDS} kills, {nights} workflows, {len(failures)} failures, {spent:.0f} s")
    assert not failures, "\n".join(failures)
