"""What a task's next invocation is told of the earlier ones, and how far back that is looked for."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import pytest

import gitorch
from gitorch.ledger import history
from gitorch.ledger.history import Past
from tests.loop.bench import Bench
from tests.sandbox import run

FAIL = "echo tried; exit 3"


def read(bench: Bench, name: str) -> tuple[Past, int]:
    """Give a task's past, and how many records were read for it."""
    with (
        gitorch.open(bench.root) as workflow,
        mock.patch.object(history, "record_of", side_effect=history.record_of) as reads,
    ):
        return history.past_of(workflow.repository.objects, name), reads.call_count


def later(bench: Bench, records: int = 40) -> None:
    """Let other things happen: records enough to tell whether they are read."""
    with gitorch.open(bench.root) as workflow:
        for number in range(records):
            workflow.update("continue", "Execute u subtask", task="u", focus=f"round {number}")
    bench.step("echo done >> other.txt")


@pytest.mark.thorough
def test_a_task_not_tried_yet_has_nothing_to_look_for(bench: Bench) -> None:
    later(bench)
    past, reads = read(bench, "t")
    assert past == Past(1, (), None)
    assert reads < 5


@pytest.mark.thorough
def test_the_last_failures_are_found_and_nothing_before_them(bench: Bench) -> None:
    later(bench)
    for _ in range(2):
        bench.step(FAIL, "--max-attempts", "5", code=None)
        bench("update", "continue", "Execute t subtask", "--task", "t")
    bench.step(FAIL, "--max-attempts", "5")
    past, reads = read(bench, "t")
    failed = len(past.failures)
    assert past.attempt == failed + 1 >= 2
    assert {record.outcome for record in past.failures} == {"failed"}
    assert reads < 25


@pytest.mark.thorough
def test_the_answer_and_what_failed_before_it_are_found(bench: Bench) -> None:
    for _ in range(3):
        bench("step", "--stop-on-failure", "--agent-command", FAIL, code=None)
    assert bench.states()["t"] == "failed"
    with gitorch.open(bench.root) as workflow:
        told = history.failures_of(workflow.repository.objects, "t")
    assert (told.attempt, told.answer, [record.attempt for record in told.failures]) == (1, None, [3, 2, 1])
    bench("answer", "use the other file")
    past, _ = read(bench, "t")
    assert (past.attempt, past.answer) == (1, "use the other file")
    assert [record.attempt for record in past.failures] == [3, 2, 1]
    bench.step(FAIL)
    past, _ = read(bench, "t")
    assert (past.attempt, past.answer) == (2, "use the other file")
    assert [record.attempt for record in past.failures] == [1, 3, 2]


@pytest.mark.thorough
def test_a_move_by_hand_forgets_what_was_before(bench: Bench) -> None:
    bench.step(FAIL)
    bench("move", "t", "blocked")
    bench("move", "t", "pending")
    assert read(bench, "t")[0] == Past(1, (), None)
    bench.step("exit 75", code=75)
    assert read(bench, "t")[0] == Past(1, (), None, waits=1)


@pytest.mark.thorough
def test_an_invocation_left_open_elsewhere_is_seen_past_the_start_of_another_workflow(
    bench: Bench, tmp_path: Path
) -> None:
    bench("begin")
    begun = bench.head()
    bench.git("clone", "-q", ".", "../clone")
    clone = Bench(tmp_path / "clone")
    with gitorch.open(clone.root) as workflow:
        with mock.patch("gitorch.loop.step.clear_way"):  # which closes it; other versions did not
            workflow.abandon()
            workflow.start("another")
        found = history.recent(workflow.repository.objects)
    assert (found.begin, [each.task for each in found.fold.open], found.fold.totals.steps) == (begun, ["t"], 0)
    assert found.last is not None
    assert found.last.event == "start"


def test_on_the_way_back_commits_without_a_record_are_passed_over(bench: Bench) -> None:
    bench.commit("by hand", file="x\n")
    with gitorch.open(bench.root) as workflow:
        found = [record.event for _, record in history.records_back(workflow.repository.objects)]
    assert found == [*reversed(bench.events())]


@pytest.mark.parametrize("ours", ["main", "side"])
@pytest.mark.thorough
def test_after_a_merge_both_sides_failures_are_told(bench: Bench, ours: str) -> None:
    main = run("git", "branch", "--show-current", cwd=bench.root).out.strip()
    run("git", "branch", "side", cwd=bench.root)
    bench.step("echo here; exit 3")
    run("git", "checkout", "-q", "side", cwd=bench.root)
    bench.step("echo there; exit 3")
    bench.step("echo there too; exit 3")
    here, there = (main, "side") if ours == "main" else ("side", main)
    run("git", "checkout", "-q", here, cwd=bench.root)
    bench("merge", there)
    past, _ = read(bench, "t")
    assert past.attempt == 3
    assert sum("there" in record.body for record in past.failures) >= 1
    assert len(past.failures) == 2
    assert bench("verify").code == 0
    bench.step("echo done > done.txt; echo done")
    assert bench("verify").code == 0
