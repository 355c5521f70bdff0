"""verify raises no alarm on honest histories, and messages alone tell the state at each commit."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

import gitorch
from gitorch.agents.report import Report
from gitorch.core import message, moves
from gitorch.core.main_task import MainTask
from gitorch.core.moves import States
from gitorch.git.repository import Repository
from gitorch.ledger.history import stream
from gitorch.ledger.state import read_state
from gitorch.loop.work import Call
from tests.history.sides import needs_merge_tree
from tests.ledger.tales import Tale
from tests.loop.bench import Bench

State = tuple[States, MainTask | None]


def check_replay(repository: Repository) -> int:
    """Rebuild the state at each commit from messages alone, and compare it with the tree; gives how many there were."""
    told: dict[str, State] = {}
    for logged in stream(repository, "HEAD", oldest_first=True):
        state = read_state(repository.objects, logged.commit)
        there: State = (dict(state.states), state.main_task)
        befores: list[State] = [told[parent] for parent in logged.parents] or [({}, None)]
        record = message.parse(logged.message)
        if record is not None:
            now: State = (moves.apply(befores[0][0], record.changes), record.main_task)
        else:
            now = next((before for before in befores if before == there), befores[0])
        assert now == there, logged.commit
        told[logged.commit] = now
    return len(told)


def check_tale(folder: Path, seed: int, steps: int) -> None:
    tale = Tale(folder, seed)
    tale.tell(steps)
    print(f"seed {seed}, {steps} steps: {', '.join(tale.told)}")  # noqa: T201 - pytest shows it where the test fails
    with gitorch.open(tale.sandbox.root) as workflow:
        report = workflow.verify()
        assert report.problems == []
        commits = tale.sandbox.git("rev-list", "HEAD").split()
        assert check_replay(workflow.repository) == len(commits)
        since = tale.chance.choice(commits)
        assert workflow.verify("HEAD", since=since).problems == [], f"since {since}"


@pytest.mark.parametrize("seed", range(20))
def test_an_honest_history_raises_no_alarm(seed: int, tmp_path: Path) -> None:
    check_tale(tmp_path / "repo", seed, 4)


@pytest.mark.heavy
@pytest.mark.parametrize("hundred", range(10, 20))
def test_a_thousand_honest_histories_raise_no_alarm(hundred: int, tmp_path: Path) -> None:
    for seed in range(hundred * 100, hundred * 100 + 100):
        check_tale(tmp_path / str(seed), seed, 15)


@needs_merge_tree
@pytest.mark.thorough
def test_a_merge_is_not_judged_by_what_a_shallow_clone_has_cut_off(bench: Bench, tmp_path: Path) -> None:
    def agent(call: Call) -> Report:
        (call.root / f"{call.task}.txt").write_text("done\n")
        return Report(outcome="completed", summary="Done", cost_usd=Decimal("0.5"))

    def step(task: str) -> None:
        bench("create", task, "-d", "x")
        bench("update", "continue", f"Execute {task} task", "--task", task)
        with gitorch.open(bench.root) as workflow:
            workflow.step(agent=agent)

    step("before")
    bench.git("switch", "-q", "-c", "side")
    step("theirs")
    bench.git("switch", "-q", "main")
    step("ours")
    bench("merge", "side")
    assert bench.trailers()["Gitorch-Total-Steps"] == "3"
    for depth in (2, 3, 20):
        bench.git("clone", "-q", f"--depth={depth}", f"file://{bench.root}", f"../depth-{depth}")
        with gitorch.open(tmp_path / f"depth-{depth}") as workflow:
            assert workflow.verify().problems == []
