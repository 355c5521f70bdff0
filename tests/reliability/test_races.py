"""Many writers at once, and two loops on one workflow: nothing is lost, nothing doubled, nothing mixed."""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from tests.loop.bench import Bench
from tests.probe import told_by_messages
from tests.reliability import races
from tests.reliability.kills import tell
from tests.reliability.races import Arena
from tests.reliability.soundness import leftovers

ROUNDS: Final = int(os.environ.get("GITORCH_ROUNDS", "1000"))
EACH: Final = int(os.environ.get("GITORCH_EACH", "100"))  # writes of each process
heavy: Final = pytest.mark.heavy


@pytest.mark.parametrize(
    ("processes", "each", "trees"),
    [
        (2, 8, 1),
        pytest.param(8, 2, 1, marks=pytest.mark.thorough),
        pytest.param(4, 4, 2, marks=pytest.mark.thorough),
        *(pytest.param(count, EACH, trees, marks=heavy) for count in (2, 8, 32) for trees in (1, 4) if trees <= count),
    ],
)
def test_writers_beside_plain_git_lose_and_mix_nothing(tmp_path: Path, processes: int, each: int, trees: int) -> None:
    plain = 3 if processes * each < 100 else 30
    arena = Arena.make(tmp_path, trees, plain)
    since = [tree.head() for tree in arena.trees]
    began = time.monotonic()
    acknowledged = arena.race(processes, each, plain)
    seconds = time.monotonic() - began
    events: Counter[str] = Counter()
    for number, tree in enumerate(arena.trees):
        events += races.assert_fair(tree, since[number], acknowledged[number])
        assert tree.status() == " M tracked\n?? untracked"
        assert tree.read("tracked") == "one\nthe user's\n"
        assert told_by_messages(tree)[0] == tree.states()
        assert not leftovers(tree.root) or trees > 1
    arena.trees[0].git("fsck", "--full", "--strict", "--no-dangling")
    writes = [write for tree in acknowledged.values() for write in tree]
    assert len(writes) == processes * each + plain * trees
    tell(
        f"FIGURES {processes} processes x {each} writes in {trees} worktrees, {seconds:.0f} s: "
        f"0 lost, 0 doubled, 0 mixed; {races.figures(writes)}; {dict(events)}"
    )


def _two_loops(place: Path, pattern: Path) -> int:
    """Let two loops run one workflow at once; gives how many steps were begun."""
    bench = Bench.make(place / "repo", pattern)
    ran, codes = place / "ran", place / "codes"
    agent = f'echo "$GITORCH_TASK" >> {ran}; echo done > "$GITORCH_TASK_DIR/out.txt"'
    races.end([races.start(races.loop, bench.root, agent, codes) for _ in range(2)])
    begun = bench.git("log", "--reverse", "--format=%s", "--grep=^Gitorch-Event: begin").splitlines()
    assert begun == ["gitorch(t): begin execute", "gitorch(u): begin execute"]
    assert ran.read_text() == "t\nu\n"
    assert codes.read_text() == "0\n0\n"
    assert bench.states() == {"t": "completed", "u": "completed"}
    assert bench.status() == ""
    assert bench.is_sound()
    assert not leftovers(bench.root)
    return len(begun)


@pytest.mark.parametrize("rounds", [3, pytest.param(ROUNDS, marks=heavy)])
def test_two_loops_begin_each_task_once(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, rounds: int) -> None:
    began = time.monotonic()
    steps = 0
    for number in range(rounds):
        steps += _two_loops(tmp_path / str(number), tmp_path_factory.getbasetemp() / "pattern")
    tell(f"FIGURES two loops, {rounds} times: {steps} steps, each begun once, {time.monotonic() - began:.0f} s")
