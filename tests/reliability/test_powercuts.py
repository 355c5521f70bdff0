"""The power is cut: what was acknowledged is there, the repository is whole, and the next step goes on."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.loop.bench import Bench
from tests.reliability import powercuts
from tests.reliability.kills import kill_all_in, tell
from tests.reliability.kills_scenes import AGENTS, SCENES, dirty
from tests.reliability.powercuts import Disk
from tests.reliability.soundness import Seen, assert_sound, look
from tests.sandbox import GITORCH, run

SEED: Final = int(os.environ.get("GITORCH_SEED", "1"))
CUTS: Final = int(os.environ.get("GITORCH_ROUNDS", "300"))
SHORT: Final = ("update", "execute", "execute, failing")
# begin leaves an invocation open, and what is done inside it is not compared here
ACKNOWLEDGED: Final = [name for name in SCENES if name not in ("begin", "fork -w")]
GOOD: Final = (0, 10, 20, 75)
TASKS: Final = ("v", "w", "x")
MANY: Final = ("t", "u", *TASKS)
AGENT: Final = (
    "echo $GITORCH_TASK >> done.txt; echo by $GITORCH_TASK > $GITORCH_TASK.txt;"
    # git syncs a branch and not its commit: what it does for the second puts the branch at the first, on the disk
    " git add $GITORCH_TASK.txt; git commit -qm 'my own'; git commit -q --allow-empty -m 'and on'; sleep 0.1;"
    " echo $GITORCH_TASK >> b.txt"
)
OTHERS: Final = ("done.txt", "b.txt", *(f"{name}.txt" for name in MANY))

pytestmark = pytest.mark.skipif(powercuts.missing() is not None, reason=powercuts.missing() or "")


@pytest.fixture(autouse=True)
def _unset(sealed: Path) -> None:
    """Have git's settings as users have them, who set nothing of this kind."""
    settings = sealed / ".gitconfig"
    settings.write_text(settings.read_text().replace("[core]\n\tfsync = none\n", ""))
    assert "fsync" not in settings.read_text()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    made = Disk(tmp_path / "power")
    try:
        yield made
    finally:
        kill_all_in(made.root)
        made.close()


def _scene(name: str, disk: Disk) -> tuple[Bench, Seen]:
    """Set a scene on the disk, the user's own work in it being synced."""
    scene = SCENES[name]
    bench = Bench.make(disk.root / "repo", disk.root / "pattern")
    if not scene.under_way:
        scene.prepare(bench)
    dirty(bench, staged=scene.staged)
    before = look(bench.root, without=AGENTS)
    if scene.under_way:
        scene.prepare(bench)
    disk.sync()
    return bench, before


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in SHORT else pytest.mark.heavy) for name in ACKNOWLEDGED]
)
def test_what_was_acknowledged_is_there_after_a_power_cut(name: str, disk: Disk) -> None:
    bench, before = _scene(name, disk)
    done = bench.program(*SCENES[name].command)
    assert done.code in GOOD, done
    commits = bench.git("rev-list", "--branches").split()
    copy = disk.cut("after")
    states, seen = bench.states(), bench.photo()
    disk.wake(copy)
    assert bench.git("rev-list", "--branches").split() == commits
    assert bench.states() == states
    assert bench.photo() == seen
    assert not list(bench.root.rglob("*index.lock")), "plain git would refuse to work"
    assert bench.program("step", "--agent-command", "echo on > work.txt").code in GOOD
    assert_sound(bench.root, before)


NEIGHBOUR: Final = """
import os, time
while True:
    with open("neighbour", "wb") as file:
        file.write(os.urandom(8))
        os.fsync(file.fileno())
    time.sleep(0.01)
"""


class Night:
    """A run of a whole workflow, and the cuts made in the midst of it."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.bench = Bench.make(disk.root / "repo", disk.root / "pattern")
        for name in TASKS:
            self.bench("create", name, "-d", f"Do {name}.")
        dirty(self.bench, staged=True)
        self.before = look(self.bench.root, without=OTHERS)
        self.torn = 0
        disk.sync()

    def run(self, moments: list[float]) -> list[tuple[Path, int]]:
        """Run it to its end; at each moment all stands still, and the disk is copied beside the steps told so far.

        Another program syncs a file of its own all the time: so names reach the disk long before what they name.
        """
        neighbour = subprocess.Popen((sys.executable, "-c", NEIGHBOUR), cwd=self.disk.root)
        cuts: list[tuple[Path, int]] = []
        said = self.disk.image.with_name("said")
        with said.open("wb") as out:
            process = subprocess.Popen(
                (*GITORCH, "run", "--agent-command", AGENT), cwd=self.bench.root, stdout=out, start_new_session=True
            )
        began = time.monotonic()
        for number, moment in enumerate(moments):
            time.sleep(max(0.0, began + moment - time.monotonic()))
            told = said.read_text().count("✓")  # read first: what is told after this need not be in the copy
            cuts.append((self.disk.cut(f"cut-{number}"), told))
            if process.poll() is not None:
                break
        assert process.wait() == 0
        neighbour.kill()
        neighbour.wait()
        return cuts

    def _ended(self) -> list[str]:
        """List the steps that the branch's log has, oldest first; the branch itself may be torn just now."""
        log = (self.bench.root / ".git/logs/HEAD").read_text(errors="replace").splitlines()
        return [line.split()[1] for line in log if ": complete " in line]

    def goes_on(self, copy: Path, told: int) -> None:
        """Start again after a cut, and see that all is there and runs to its end."""
        self.disk.wake(copy)
        self.torn += run("git", "rev-list", "--objects", "--quiet", "HEAD", cwd=self.bench.root).code != 0
        ends = self._ended()[:told]
        assert len(ends) == told, f"{told} steps were told, {len(ends)} are there"
        done = run(*GITORCH, "run", "--agent-command", AGENT, cwd=self.bench.root)
        assert done.code == 0, done.err
        assert_sound(self.bench.root, self.before, acknowledged=ends)
        for path in ("done.txt", "b.txt"):
            lines = self.bench.committed(path).splitlines()
            assert sorted(line for line in lines if not line.startswith("line")) == sorted(MANY), path
        copy.unlink()


def _night(disk: Disk, cuts: int, chance: random.Random) -> int:
    """Go through a night with some cuts; gives how many of them tore the branch."""
    night = Night(disk)
    for copy, told in night.run(sorted(chance.uniform(0.1, 2.0) for _ in range(cuts))):
        night.goes_on(copy, told)
    return night.torn


@pytest.mark.thorough
def test_cut_at_a_few_moments_of_a_run(disk: Disk) -> None:
    _night(disk, 3, random.Random(SEED))  # noqa: S311 - to be repeated


@pytest.mark.heavy
def test_cut_at_many_moments_of_a_run(tmp_path: Path) -> None:
    began, each, torn = time.monotonic(), 10, 0
    for number in range(CUTS // each):
        apart = Disk(tmp_path / f"night-{number}")
        try:
            torn += _night(apart, each, random.Random(SEED + number))  # noqa: S311 - to be repeated
        finally:
            apart.close()
            apart.image.unlink()
    cuts, seconds = CUTS // each * each, time.monotonic() - began
    tell(f"FIGURES power, seed {SEED}: {cuts} cuts, {torn} tore the branch, 0 failures, {seconds:.0f} s")


def test_what_is_not_synced_is_lost(disk: Disk) -> None:
    """See that the disk tells the difference: who switches syncing off has a power cut take the record."""
    bench, _ = _scene("update", disk)
    bench.git("config", "core.fsync", "none")
    disk.sync()
    before = bench.head()
    bench("update", "continue", "Execute u first", "--task", "u")
    disk.wake(disk.cut("after"))
    assert bench.head() == before
