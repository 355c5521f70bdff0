"""`gitorch run`: limits, and what it does when it is told to stop."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.loop.bench import Bench, wait_for

NUMBERED = 'echo "$GITORCH_TASK" > "$GITORCH_TASK.txt"'


def test_it_goes_on_until_all_is_done(bench: Bench) -> None:
    bench("run", "--agent-command", NUMBERED)
    assert set(bench.states().values()) == {"completed"}
    assert bench.committed("u.txt") == "u\n"
    assert bench.is_sound()


@pytest.mark.thorough
def test_limits_hold_across_calls_and_raising_them_goes_on(bench: Bench) -> None:
    for number in range(3):
        bench("create", f"w{number}")
    assert bench("run", "--agent-command", NUMBERED, "--max-steps", "2", code=30).code == 30
    assert bench.events().count("end") == 2
    assert bench("step", "--agent-command", NUMBERED, "--max-steps", "2", code=30).code == 30
    bench("run", "--agent-command", f"{NUMBERED}; sleep 1.1", "--max-steps", "3", "--max-time", "1h", code=30)
    assert bench.events().count("end") == 3
    bench("run", "--agent-command", NUMBERED, "--max-time", "1s", code=30)
    assert bench.events().count("end") == 3
    bench("run", "--agent-command", NUMBERED, "--max-time", "1h")
    assert set(bench.states().values()) == {"completed"}
    assert bench.is_sound()


def test_invocations_that_change_nothing_are_bounded(bench: Bench) -> None:
    agent = "echo no use >&2; exit 1"
    bench("run", "--agent-command", agent, "--max-attempts", "9", "--max-idle", "2", code=30)
    assert bench.events().count("end") == 2
    bench("run", "--agent-command", agent, "--max-attempts", "9", "--max-idle", "3", code=30)
    assert bench.events().count("end") == 3
    bench("run", "--agent-command", NUMBERED, "--max-idle", "4")
    assert set(bench.states().values()) == {"completed"}


def _agent(folder: Path) -> str:
    return f"touch {folder}/here; while [ ! -e {folder}/go ]; do sleep 0.01; done; {NUMBERED}"


def test_the_first_interrupt_lets_the_step_end(bench: Bench, tmp_path: Path) -> None:
    run = bench.start("run", "--agent-command", _agent(tmp_path))
    wait_for((tmp_path / "here").exists)
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does: git's processes get it too
    assert run.stderr is not None
    while "this step will end" not in run.stderr.readline():
        assert run.poll() is None
    (tmp_path / "go").touch()
    out, err = run.communicate(timeout=120)
    assert run.returncode == 130, out + err
    assert bench.states() == {"t": "completed", "u": "pending"}
    bench("run", "--agent-command", NUMBERED)
    assert set(bench.states().values()) == {"completed"}
    assert bench.is_sound()


@pytest.mark.parametrize("signals", [(signal.SIGINT, signal.SIGINT), (signal.SIGTERM,), (signal.SIGHUP,)])
@pytest.mark.thorough
def test_then_the_agent_is_stopped(bench: Bench, tmp_path: Path, signals: tuple[signal.Signals, ...]) -> None:
    before, head = bench.everything(), bench.head()
    run = bench.start("run", "--agent-command", f"echo junk > junk.txt; {_agent(tmp_path)}")
    wait_for((tmp_path / "here").exists)
    assert run.stderr is not None
    for number, each in enumerate(signals):
        os.kill(run.pid, each)
        while number + 1 < len(signals) and "this step will end" not in run.stderr.readline():
            assert run.poll() is None
    out, err = run.communicate(timeout=120)
    assert run.returncode == 130, out + err
    assert bench.is_put_back(before, head)
    assert bench.trailers()["Gitorch-Outcome"] == "interrupted"
    bench.step(NUMBERED)
    assert bench.trailers()["Gitorch-Attempt"] == "1"
    assert bench.is_sound()
