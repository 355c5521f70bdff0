"""What an agent starts ends with it, whatever session it went to."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.loop.bench import Bench, wait_for


def _alive(pid_file: Path) -> bool:
    try:
        state = Path(f"/proc/{int(pid_file.read_text())}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, ValueError):
        return False
    return state != "Z"


@pytest.fixture
def pids(tmp_path: Path) -> Iterator[Path]:
    """Give a folder for the ids of processes, which are ended with the test."""
    folder = tmp_path / "pids"
    folder.mkdir()
    yield folder
    for file in folder.iterdir():
        with contextlib.suppress(ProcessLookupError, ValueError):
            os.kill(int(file.read_text()), signal.SIGKILL)


CHILDREN = {
    "background": "sleep 600 & echo $! > {pids}/a",
    "own session": "setsid sh -c 'echo $$ > {pids}/a; exec sleep 600' & sleep 0.2",
    "deaf": "setsid sh -c 'trap \"\" TERM HUP; echo $$ > {pids}/a; while :; do sleep 0.1; done' & sleep 0.2",
    "nameless": "env -i /bin/sh -c 'setsid sh -c \"echo \\$\\$ > {pids}/a; exec sleep 600\" &'",
    "nameless daemon": "env -i /bin/sh -c '(setsid sh -c \"(exec sleep 600) & echo \\$! > {pids}/a\" &) &'",
    "daemon": "(setsid sh -c '(sleep 600 & echo $! > {pids}/a)' &) ; sleep 0.2",
}


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
@pytest.mark.parametrize(
    "child",
    [
        pytest.param(line, id=name, marks=pytest.mark.thorough if name == "deaf" else ())
        for name, line in CHILDREN.items()
    ],
)
def test_children_that_outlive_it_are_ended(bench: Bench, pids: Path, child: str) -> None:
    bench.step(f"{child.format(pids=pids)}; echo x > x.txt; while [ ! -s {pids}/a ]; do sleep 0.01; done")
    assert not _alive(pids / "a")
    assert bench.states()["t"] == "completed"


@pytest.mark.parametrize(
    "child",
    [CHILDREN["own session"], pytest.param(CHILDREN["deaf"], marks=pytest.mark.heavy)],
    ids=["own session", "deaf"],
)
@pytest.mark.thorough
def test_a_timeout_ends_them_too(bench: Bench, pids: Path, child: str) -> None:
    path = ".tasks/[pending]_t_task.md"
    bench.commit(**{path: bench.read(path).replace("---\n", "---\ntimeout: 1s\n", 1)})
    bench.step(f"{child.format(pids=pids)}; trap '' TERM; while :; do sleep 0.1; done")
    assert not _alive(pids / "a")
    assert bench.trailers()["Gitorch-Outcome"] == "timeout"


def test_one_that_slips_away_and_writes_for_ever_holds_up_nothing(bench: Bench, pids: Path) -> None:
    slipped = f"env -i /bin/sh -c 'setsid sh -c \"echo \\$\\$ > {pids}/a; exec yes\" &'"
    bench.step(f"{slipped}; while [ ! -s {pids}/a ]; do sleep 0.01; done; echo x > x.txt")
    assert bench.states()["t"] == "completed"
    assert not _alive(pids / "a")


@pytest.mark.thorough
def test_killed_with_its_agent_running_the_next_step_ends_the_agent(bench: Bench, pids: Path) -> None:
    agent = f"setsid sh -c 'echo $$ > {pids}/a; exec sleep 600' & echo junk > junk.txt; wait; sleep 600"
    step = bench.start("step", "--agent-command", agent)
    wait_for(lambda: (pids / "a").exists() and (pids / "a").read_text())
    assert bench("status", "--json").json["status"] == "continue"
    step.kill()
    step.communicate()
    assert _alive(pids / "a")
    bench.step("test ! -e junk.txt && echo fine > fine.txt")
    assert not _alive(pids / "a")
    assert bench.events()[-4:] == ["begin", "recover", "begin", "end"]
    assert bench.trailers("HEAD~2")["Gitorch-Outcome"] == "interrupted"
    assert bench.trailers()["Gitorch-Attempt"] == "1"
    assert bench.is_sound()
