"""`gitorch run`: limits, and what it does when it is told to stop."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

import gitorch
from gitorch.loop import finish
from gitorch.loop.ahead import Options
from tests.loop.bench import Bench, wait_for

NUMBERED = 'echo "$GITORCH_TASK" > "$GITORCH_TASK.txt"'


@pytest.mark.thorough
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


@pytest.mark.thorough
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


@pytest.mark.thorough
def test_the_first_interrupt_lets_the_step_end(bench: Bench, tmp_path: Path) -> None:
    run = bench.start("run", "--agent-command", _agent(tmp_path))
    wait_for((tmp_path / "here").exists)
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does: git's processes get it too
    assert run.stderr is not None
    while "the run stops when this step has ended" not in run.stderr.readline():
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
        while number + 1 < len(signals) and "the run stops when this step has ended" not in run.stderr.readline():
            assert run.poll() is None
    out, err = run.communicate(timeout=120)
    assert run.returncode == 130, out + err
    assert bench.is_put_back(before, head)
    assert bench.trailers()["Gitorch-Outcome"] == "interrupted"
    bench.step(NUMBERED)
    assert bench.trailers()["Gitorch-Attempt"] == "1"
    assert bench.is_sound()


def test_folders_of_completed_tasks_that_nothing_was_put_in_go(bench: Bench) -> None:
    folder = bench.root / ".tasks/t"
    bench.step("exit 1")
    assert folder.is_dir()  # whoever looks into what failed may want to put something there
    bench.step("echo x > x; echo done")
    assert bench.states()["t"] == "completed"
    assert not folder.exists()


@pytest.mark.thorough
def test_folders_of_completed_tasks_stay_with_what_is_in_them(bench: Bench) -> None:
    bench.write(".gitignore", "*.log\n")
    bench.write(".tasks/t/seen.log", "seen\n")
    bench.step("echo x > x; echo done")
    assert bench.states()["t"] == "completed"
    assert (bench.root / ".tasks/t/seen.log").read_text() == "seen\n"


@pytest.mark.thorough
@pytest.mark.parametrize(("setting", "packs"), [("true", True), ("false", False)])
def test_git_packs_what_has_gathered(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, setting: str, *, packs: bool
) -> None:
    for key, value in (("gc.auto", "1"), ("gc.autoDetach", "false"), ("maintenance.auto", setting)):
        bench.git("config", key, value)
    # git counts the objects of one folder of 256
    bench.git("hash-object", "-w", *(str(bench.write(f".git/blobs/{number}", f"{number}\n")) for number in range(1500)))
    monkeypatch.setattr(finish, "MAINTAINED_EVERY", 2)
    packed = bench.root / ".git/objects/pack"
    with gitorch.open(bench.root) as workflow:
        agents = Options(agent_command="echo done")
        workflow.step(agents)
        assert not list(packed.glob("*.pack"))
        workflow.step(agents)
    assert bool(list(packed.glob("*.pack"))) == packs
