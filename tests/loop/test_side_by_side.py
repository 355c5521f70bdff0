"""Others work beside a step: nothing of theirs is lost, nothing is done twice."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import gitorch
from gitorch.agents.report import Report
from gitorch.git.objects import Objects
from gitorch.guard import branch
from gitorch.ledger import append, state
from gitorch.ledger.state import WorkflowState
from gitorch.loop import finish, statefiles
from gitorch.loop.ahead import Options
from gitorch.loop.work import Call
from tests.loop.bench import LINES, Bench, wait_for
from tests.sandbox import GITORCH, run


class Gate:
    """An agent that waits until it is let go."""

    def __init__(self, folder: Path, ending: str = "") -> None:
        self.here, self.go = folder / "here", folder / "go"
        self.agent = (
            f"echo half > half.txt; touch {self.here}; while [ ! -e {self.go} ]; do sleep 0.01; done; "
            f"echo work > work.txt; {ending}"
        )

    def wait(self) -> None:
        wait_for(self.here.exists)


def _end(step: subprocess.Popen[str], gate: Gate, code: int = 0) -> str:
    gate.go.touch()
    out, err = step.communicate(timeout=120)
    assert step.returncode == code, out + err
    return out + err


@pytest.mark.thorough
def test_a_second_step_waits_or_is_told_to_come_again(bench: Bench, tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    first = bench.start("step", "--agent-command", gate.agent)
    gate.wait()
    second = bench.step("echo twice >> work.txt", code=75)
    assert "another step" in second.err
    third = bench.start("step", "--agent-command", "echo other > other.txt")
    _end(first, gate)
    out, err = third.communicate(timeout=120)
    assert third.returncode in (10, 75), out + err
    assert bench.read("work.txt") == "work\n"
    assert bench.is_sound()


@pytest.mark.parametrize("ending", ["true", "git add half.txt; git commit -qm 'half of it'", "exit 1",
                                    "git add half.txt; git commit -qm 'half of it'; exit 1",
                                    "git checkout -q -b other", "git reset -q --hard HEAD~6"])  # fmt: skip
@pytest.mark.thorough
def test_what_others_record_and_commit_meanwhile_stays(bench: Bench, tmp_path: Path, ending: str) -> None:
    bench.write("a.txt", LINES + "mine\n")
    bench.write("b.txt", LINES + "mine too\n")
    gate = Gate(tmp_path, ending)
    step = bench.start("step", "--agent-command", gate.agent)
    gate.wait()
    bench("create", "v", "-d", "Made meanwhile.")
    bench.commit("a new file of mine", **{"new.txt": "new\n"})
    bench("move", "u", "running")
    bench.git("commit", "-qm", "my dirty file", "a.txt")
    bench("move", "u", "completed")
    bench("update", "blocked", "Wait for me")
    told = _end(step, gate, code=20)
    subjects = bench.git("log", "--format=%s").splitlines()
    for subject in ("gitorch(v): create task", "a new file of mine", "my dirty file"):
        assert subjects.count(subject) == 1, told
    good = ending == "true" or (ending.startswith("git add") and "exit" not in ending)
    assert bench.states() == {"t": "completed" if good else "pending", "u": "completed", "v": "pending"}
    assert bench.main_task() == "STATUS: blocked\nNEXT: Wait for me\n"
    assert bench.committed("a.txt") == LINES + "mine\n"
    assert bench.committed("new.txt") == "new\n"
    assert bench.read("b.txt") == LINES + "mine too\n"
    assert bench.status() == " M b.txt"
    assert (bench.root / "work.txt").exists() == good
    assert ("half of it" in subjects) == (good and "commit" in ending)
    assert bench.is_sound()


class Between:
    """Another writer, that comes as soon as somebody has read the state, and is done before they look at the files.

    Where they hold the write lock it has to wait for them.
    """

    def __init__(self, bench: Bench, monkeypatch: pytest.MonkeyPatch, module: ModuleType, *args: str) -> None:
        real = state.read_state
        self.bench = bench
        self.thread = threading.Thread(target=run, args=(*GITORCH, *args), kwargs={"cwd": bench.root})

        def read_and_let_in(objects: Objects, rev: str = "HEAD") -> WorkflowState:
            found = real(objects, rev)
            if self.thread.ident is None and self.is_due():
                self.thread.start()
                self.thread.join(3)
            return found

        monkeypatch.setattr(module, "read_state", read_and_let_in)

    def is_due(self) -> bool:
        return (self.bench.root / "work.txt").exists()


@pytest.mark.thorough
@pytest.mark.parametrize("outcome", ["completed", "failed"])
def test_a_writer_that_comes_between_is_not_taken_for_the_agent(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, outcome: Any
) -> None:
    module = statefiles if outcome == "completed" else finish  # a failed attempt is not judged
    other = Between(bench, monkeypatch, module, "update", "continue", "Said meanwhile", "--task", "u")

    def agent(_: Call) -> Report:
        bench.write("work.txt", "work\n")
        return Report(outcome=outcome, summary="done")

    with gitorch.open(bench.root) as workflow:
        step = workflow.step(agent=agent)
    assert step.outcome == outcome
    other.thread.join()
    assert bench.main_task() == "STATUS: continue\nNEXT: Said meanwhile\nTASK: u\n"
    assert bench.main_task() == bench.committed(".tasks/MAIN_TASK")
    assert bench.is_sound()


def test_a_step_looks_again_where_a_writer_came_between(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Between(bench, monkeypatch, append, "create", "v", "-d", "Made meanwhile.")
    monkeypatch.setattr(other, "is_due", lambda: True)
    with gitorch.open(bench.root) as workflow:
        assert append.read_settled(workflow.repository).states == {"t": "pending", "u": "pending", "v": "pending"}


@pytest.mark.parametrize("good", [True, False])
@pytest.mark.thorough
def test_a_commit_by_hand_comes_just_before_the_branch_is_put(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, *, good: bool
) -> None:
    bench.write("a.txt", LINES + "mine\n")
    before, mine = bench.photo(), bench.blobs_of_the_user()
    real = branch.put_branch
    by_hand: list[bool] = []

    def put_branch(*args: Any, **options: Any) -> None:
        if not by_hand:
            by_hand.append(True)
            bench.git("commit", "-q", "--allow-empty", "-m", "by hand")
        real(*args, **options)

    monkeypatch.setattr(branch, "put_branch", put_branch)
    agent = f"echo work > work.txt; git add -A; git commit -qm own; {'true' if good else 'exit 1'}"  # mine along
    with gitorch.open(bench.root) as workflow:
        step = workflow.step(Options(agent_command=agent))
    assert step.outcome == ("completed" if good else "failed")
    assert by_hand
    assert "by hand" in bench.git("log", "--format=%s", "-4")
    assert not mine & bench.reachable()
    assert bench.photo(without=["work.txt"]) == before
    assert bench.is_sound()
