"""The audit of histories made by the real program equals the record that the test kept while making them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import gitorch
from gitorch.agents.report import Report
from gitorch.api import Workflow
from gitorch.core import audit as folding
from gitorch.core.audit import Audit, Entry
from gitorch.loop.work import Call
from tests.loop.bench import Bench
from tests.sandbox import Sandbox


class Kept(NamedTuple):
    """What the test knows of an invocation."""

    by: str
    what: str
    task: str | None
    outcome: str | None
    focus: str | None = None
    files: tuple[str, ...] = ()
    agent: str | None = None
    cost: str | None = None


def seen(sandbox: Sandbox, *revs: str) -> list[Kept]:
    with gitorch.open(sandbox.root) as workflow:
        return [
            Kept(
                each.by,
                each.action or each.events[0],
                each.task,
                each.outcome,
                each.before.focus if each.before is not None else None,
                tuple(sorted(each.files)),
                each.agent,
                str(each.end.cost_usd) if each.end is not None and each.end.cost_usd is not None else None,
            )
            for each in workflow.invocations(*revs)
        ]


def writing(path: str, cost: str | None = None, **values: Any) -> Callable[[Call], Report]:
    def agent(call: Call) -> Report:
        file = call.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{call.task}\n")
        return Report(summary="Done.", cost_usd=None if cost is None else Decimal(cost), **values)

    return agent


def committing(path: str) -> Callable[[Call], str]:
    def agent(call: Call) -> str:
        (call.root / path).write_text("x\n")
        env = {**os.environ, **call.env}
        for args in (("add", "--", path), ("commit", "-q", "-m", "own")):
            subprocess.run(("git", *args), cwd=call.root, env=env, check=True)
        return "Committed."

    return agent


def failing(call: Call) -> None:
    (call.root / "junk.txt").write_text("x")
    raise ValueError("no idea")


@pytest.mark.thorough
def test_steps_of_every_kind(sandbox: Sandbox) -> None:
    sandbox.commit("one", **{"a.txt": "a\n"})
    kept: list[Kept] = []
    focus = "Collect evidence with citations; draw no conclusions yet"
    weigh = "Weigh the evidence; separate facts from inference"
    with gitorch.open(sandbox.root) as workflow:
        workflow.start("big-research", description="x", focus="Only chips")
        kept.append(Kept("hand", "start", "big-research", None))
        workflow.step()
        kept.append(Kept("template", "decompose", "big-research", "completed", "Only chips"))
        gather, analysis = "big-research-data-gathering", "big-research-analysis"
        own = sandbox("status", "--json").json["focus"]
        workflow.step(agent=failing)
        kept.append(Kept("step", "gather", gather, "failed", own, (), "function"))
        workflow.step(agent=writing(f".tasks/{gather}/sources.md", "0.25"))
        kept.append(
            Kept("step", "gather", gather, "completed", own, (f".tasks/{gather}/sources.md",), "function", "0.25")
        )
        own = sandbox("status", "--json").json["focus"]
        workflow.step(agent=lambda _: Report(outcome="blocked", question="Which year?"))
        kept.append(Kept("step", "execute", analysis, "blocked", own, (), "function"))
        workflow.answer("2024")
        kept.append(Kept("hand", "answer", analysis, None))
        sandbox.commit("between", **{"b.txt": "b\n"})
        own = sandbox("status", "--json").json["focus"]
        workflow.step(agent=writing(f".tasks/{analysis}/analysis.md", "0.5"))
        kept.append(
            Kept("step", "execute", analysis, "completed", own, (f".tasks/{analysis}/analysis.md",), "function", "0.5")
        )
    found = seen(sandbox)
    assert found == kept
    assert {focus, weigh} >= {own for own in (each.focus for each in found[2:]) if own not in (None, "Only chips")}


@pytest.mark.thorough
def test_the_guides_example_by_hand(sandbox: Sandbox) -> None:
    sandbox("create", "semiconductor-research", "-d", "Analyze the industry")
    sandbox("update", "continue", "Decompose semiconductor-research task", "--task", "semiconductor-research")
    sandbox("decompose", "semiconductor-research", "--auto")
    gather = "semiconductor-research-data-gathering"
    sandbox("update", "continue", "Execute data-gathering subtask", "--task", gather, "--focus", "Focus on Q4 data")
    sandbox("move", gather, "running")
    sandbox.write(f".tasks/{gather}/notes.md", "n\n")
    sandbox.commit("my own work", **{"work.txt": "w\n"})
    sandbox("move", gather, "completed")
    sandbox("update", "continue", "Check status")
    sandbox("update", "continue", "Execute analysis subtask", "--task", "semiconductor-research-analysis")
    assert seen(sandbox) == [
        Kept("hand", "create", "semiconductor-research", None),
        Kept("hand", "decompose", "semiconductor-research", "completed"),
        Kept("hand", "execute", gather, "completed", "Focus on Q4 data", (f".tasks/{gather}/notes.md", "work.txt")),
        Kept("hand", "check", None, None),
    ]


@pytest.mark.thorough
def test_an_update_alone_is_no_work_on_a_task(sandbox: Sandbox) -> None:
    sandbox("create", "one")
    sandbox("create", "two")
    sandbox("update", "continue", "Execute one", "--task", "one")
    sandbox("update", "continue", "Gather for two", "--task", "two")
    sandbox("update", "completed", "Not needed any more")
    assert seen(sandbox)[1:] == [Kept("hand", "update", "two", None), Kept("hand", "update", None, None)]


@pytest.mark.thorough
def test_commits_of_the_agents_own_and_work_by_hand_beside_a_step(bench: Bench) -> None:
    before = len(seen(bench))

    def agent(call: Call) -> str:
        bench.program("create", "beside", env={"GITORCH_INVOCATION": ""})
        return committing("own.txt")(call)

    with gitorch.open(bench.root) as workflow:
        workflow.step(agent=agent)
    assert seen(bench)[before:] == [
        Kept("step", "execute", "t", "completed", None, ("own.txt",), "function"),
        Kept("hand", "create", "beside", None),
    ]


@pytest.mark.thorough
def test_one_that_was_cut_off_and_recovered(bench: Bench) -> None:
    before = len(seen(bench))

    def stop(_: Call) -> None:
        raise KeyboardInterrupt

    with gitorch.open(bench.root) as workflow:
        with pytest.raises(KeyboardInterrupt):
            workflow.step(agent=stop)
        (cut,) = seen(bench)[before:]
        assert (cut.outcome, cut.task) == (None, "t")
        workflow.step(agent=writing("w.txt"))
    assert [(each.outcome, each.agent) for each in seen(bench)[before:]] == [
        ("interrupted", "function"),
        ("completed", "function"),
    ]


@pytest.mark.thorough
def test_a_rewind_stands_for_itself(bench: Bench) -> None:
    with gitorch.open(bench.root) as workflow:
        workflow.step(agent=writing("w.txt"))
        done = _ids(workflow)[-1]
        workflow.step(agent=writing("v.txt"))
        workflow.rewind(done, work=True)
    last = seen(bench)[-1]
    assert (last.by, last.what, last.files) == ("hand", "rewind", ("v.txt",))
    assert bench("verify").code == 0


def _ids(workflow: Workflow) -> list[str]:
    return [each.id for each in workflow.invocations() if each.id is not None]


@pytest.mark.thorough
def test_numbers_sums_and_ways(bench: Bench) -> None:
    with gitorch.open(bench.root) as workflow:
        workflow.step(agent=writing("w.txt", "0.25", tokens_in=10, tokens_cached=4, tokens_out=3, model="m"))
        workflow.step(agent=writing("v.txt"))
    told = bench("audit", "--json").json
    numbers = [each["number"] for each in told["invocations"]]
    assert numbers == list(range(1, len(numbers) + 1))
    totals = told["totals"]
    assert (totals["cost_usd"], totals["unpriced"], totals["tokens_in"], totals["tokens_out"]) == (0.25, 1, 10, 3)
    assert totals["by_task"]["t"]["completed"] == 1
    assert totals["by_agent"]["function"]["invocations"] == 2
    assert totals["by_action"]["execute"]["cost_usd"] == 0.25
    ways = {task["name"]: [(move["from"], move["to"]) for move in task["way"]] for task in told["tasks"]}
    assert ways["t"] == [(None, "pending"), ("pending", "running"), ("running", "completed")]
    people = bench("audit").out
    assert "0.25 USD and 1 unknown" in people
    assert "by agent" in people


def test_the_parts_of_a_history(bench: Bench) -> None:
    with gitorch.open(bench.root) as workflow:
        workflow.step(agent=writing("w.txt"))
    half = seen(bench, "HEAD^..HEAD")
    assert [(each.what, each.outcome, each.task) for each in half] == [("execute", "completed", "t")]
    assert bench("audit", "no-such-rev", code=1).err.startswith("error: ")


def test_an_empty_repository(tmp_path: Path) -> None:
    sandbox = Sandbox.create(tmp_path / "new", decoys=False)
    assert sandbox("audit").err.strip() == "nothing is recorded here yet"
    assert sandbox("audit", "--json").json["invocations"] == []


@pytest.mark.thorough
def test_a_long_history_is_folded_in_bounded_memory() -> None:
    """Only what is under way is held: each ordinary commit in between is let go."""
    entries = (Entry(f"{n:040x}", (f"{n - 1:040x}",) if n else (), n, None, ()) for n in range(50_000))
    folded = folding._Folding(lambda _: None)
    for entry in entries:
        assert list(folded.take(entry)) == []
    assert len(folded._places) <= folding._REMEMBERED
    assert Audit().totals.invocations == 0
