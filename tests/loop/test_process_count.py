"""How many git processes are started: they take most of a step's time, and would creep up unnoticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.loop.bench import Bench

RUN = ("run", "--agent-command", "date +%N > made; echo done", "--max-steps")
PER_STEP = 15  # of one that changes a file


@pytest.fixture
def calm(bench: Bench) -> Bench:
    """Give a repository with tasks enough, in which git knows the times of all files."""
    for number in range(3):
        bench("create", f"w{number}")
    bench.git("status")
    return bench


def started(bench: Bench, trace: Path, *args: str, code: int = 0) -> list[str]:
    """Run the program, and list the git processes that came of it, each with its arguments."""
    trace.unlink(missing_ok=True)
    done = bench.program(*args, env={"GIT_TRACE": str(trace)})
    assert done.code == code, done.err
    mark = "trace: built-in: "
    return [line.partition(mark)[2] for line in trace.read_text().splitlines() if mark in line]


@pytest.mark.thorough
def test_of_one_more_step_of_run(calm: Bench, tmp_path: Path) -> None:
    one = started(calm, tmp_path / "trace", *RUN, "1", code=30)
    more = started(calm, tmp_path / "trace", *RUN, "4", code=30)
    assert calm.events().count("end") == 4
    # the second call did two steps more than the first
    assert len(more) - len(one) <= 2 * PER_STEP, "\n".join(more)


def test_of_a_step_by_itself(calm: Bench, tmp_path: Path) -> None:
    found = started(calm, tmp_path / "trace", "step", "--agent-command", "date > made; echo done")
    assert len(found) <= PER_STEP + 5, "\n".join(found)


@pytest.mark.parametrize(("command", "most"), [("status", 2), ("prompt", 2), ("list", 2)])
@pytest.mark.thorough
def test_of_a_look(calm: Bench, tmp_path: Path, command: str, most: int) -> None:
    found = started(calm, tmp_path / "trace", command)
    assert len(found) <= most, "\n".join(found)
