"""begin and finish: the two halves of a step, for a loop of the user's own."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

import gitorch
from gitorch.agents.report import Report
from gitorch.loop.ahead import Options
from gitorch.loop.lease import Handed
from tests.loop.bench import Bench
from tests.loop.fake import fake


def begin(bench: Bench, *options: str) -> dict[str, Any]:
    begun: dict[str, Any] = bench("begin", "--json", *options).json
    return begun


@pytest.mark.usefixtures("no_agent")
@pytest.mark.thorough
def test_what_is_done_between_is_checked_and_recorded_as_after_a_step(bench: Bench) -> None:
    mine = bench.write("mine.txt", "my own work\n")
    begun = begin(bench)
    assert (begun["action"], begun["task"], begun["attempt"]) == ("execute", "t", 1)
    assert begun["prompt"] == Path(begun["prompt_file"]).read_text()
    assert "Do the thing." in begun["prompt"]
    assert bench.states()["t"] == "running"
    bench.write("work.txt", "work\n")
    bench("update", "continue", "Execute u now", "--task", "u", env=begun["env"])
    done = bench("finish", "--exit", "0", "--output", "-", "--json", stdin="I did it.").json
    assert (done["outcome"], done["task"], done["next"]) == ("completed", "t", "Execute u now")
    assert done["invocation"] == begun["invocation"]
    assert bench.committed("work.txt") == "work\n"
    assert "I did it." in bench.git("log", "-1", "--format=%b")
    assert bench.trailers()["Gitorch-Agent"] == "own"
    assert mine.read_text() == "my own work\n"
    assert "?? mine.txt" in bench.status()
    assert bench.is_sound()


@pytest.mark.thorough
def test_a_failure_is_put_back_and_tried_again(bench: Bench) -> None:
    before, head = bench.everything(), bench.head()
    begin(bench)
    bench.write("junk.txt", "junk\n")
    assert "failed: exit 3: no luck" in bench("finish", "--exit", "3", "--output", "-", stdin="no luck").out
    assert bench.is_put_back(before, head)
    assert begin(bench)["attempt"] == 2
    bench("finish", "--exit", "75", code=75)
    assert bench.trailers()["Gitorch-Outcome"] == "rate-limited"
    assert bench.is_sound()


@pytest.mark.thorough
def test_while_it_is_out_nothing_else_begins_and_after_the_lease_it_is_closed(bench: Bench) -> None:
    begun = begin(bench, "--lease", "15m")
    until = dt.datetime.fromisoformat(begun["lease_until"].replace("Z", "+00:00"))
    left = until - dt.datetime.now(dt.timezone.utc)
    assert dt.timedelta(minutes=10) < left <= dt.timedelta(minutes=15)
    for command in ("step", "begin"):
        assert "out to a loop of your own until" in bench(command, code=75).err
    bench.write("junk.txt", "junk\n")
    noted = bench.root / ".git/gitorch/invocation.json"
    noted.write_text(json.dumps({**json.loads(noted.read_text()), "lease": 1.0}))  # long ago
    bench.step("test ! -e junk.txt && echo fine > fine.txt")
    assert bench.events()[-4:] == ["begin", "recover", "begin", "end"]
    assert "no invocation is out" in bench("finish", code=1).err
    assert bench.trailers()["Gitorch-Attempt"] == "1"
    assert bench.is_sound()


@pytest.mark.thorough
def test_one_that_is_late_may_still_end_while_nobody_has_closed_it(bench: Bench) -> None:
    begin(bench, "--lease", "1s")
    noted = bench.root / ".git/gitorch/invocation.json"
    noted.write_text(json.dumps({**json.loads(noted.read_text()), "lease": 1.0}))
    bench.write("work.txt", "work\n")
    bench("finish", "--exit", "0")
    assert bench.states()["t"] == "completed"
    assert bench.is_sound()


def test_its_task_cannot_be_moved_from_outside_meanwhile(bench: Bench) -> None:
    begun = begin(bench)
    assert "out to a loop of your own" in bench("move", "t", "completed", code=1).err
    bench("move", "t", "blocked", "--reason", "Which one?", env=begun["env"])
    bench("finish", code=20)
    assert bench.trailers()["Gitorch-Question"] == "Which one?"
    assert bench.is_sound()


def test_neither_half_is_for_an_agent(bench: Bench) -> None:
    begun = begin(bench)
    assert "cannot be used inside" in bench("finish", env=begun["env"], code=1).err
    assert "cannot be used inside" in bench("begin", env=begun["env"], code=1).err
    assert bench.states()["t"] == "running"


def test_an_agents_own_output_is_read_by_its_file(bench: Bench, sealed: Path) -> None:
    begun = begin(bench, *fake(sealed, ""), "--model", "m9", "--max-cost", "2")
    assert begun["command"][0] == "sh"
    assert begun["command"][-2:] == ["--model=m9", "--budget=2"]
    bench.write("work.txt", "work\n")
    printed = json.dumps({"type": "end", "text": "Done so.", "cost": 0.5, "in": 7, "session": "s"})
    bench("finish", "--exit", "0", "--output", "-", stdin=printed + "\n")
    trailers = bench.trailers()
    assert (trailers["Gitorch-Agent"], trailers["Gitorch-Cost-USD"], trailers["Gitorch-Tokens-In"]) == (
        "fake",
        "0.5",
        "7",
    )


@pytest.mark.thorough
def test_what_needs_no_agent_is_done_on_the_way(bench: Bench) -> None:
    bench("run", "--agent-command", "echo $GITORCH_TASK > x; echo ok")
    bench.commit("notes", **{"notes.md": "Notes on the main work: deep, far, signed, homeless, tide, wanted.\n"})
    bench("start", "some-research", "-d", "What is here?")
    begun = begin(bench)
    assert (begun["action"], begun["task"]) == ("gather", "some-research-data-gathering")
    assert bench.events()[-2:] == ["decompose", "begin"]
    done = bench("finish", "--exit", "0")
    assert "output sources.md is missing" in done.out
    bench("update", "completed", "Enough")
    assert bench("begin", "--json", code=10).json["status"] == "completed"
    assert bench.is_sound()


def test_the_same_as_a_library(bench: Bench) -> None:
    with gitorch.open(bench.root) as workflow:
        handed = workflow.begin(lease=60)
        assert isinstance(handed, Handed)
        assert "Do the thing." in handed.job.prompt
        bench.write("work.txt", "work\n")
        step = workflow.finish(report=Report(summary="By hand.", tokens_out=3))
        assert (step.outcome, step.task) == ("completed", "t")
    assert bench.trailers()["Gitorch-Tokens-Out"] == "3"


@pytest.mark.thorough
def test_a_function_as_agent(bench: Bench) -> None:
    seen = []

    def work(call: Any) -> str:
        seen.append((call.action, call.task, call.env["GITORCH_TASK_FILE"]))
        (call.root / "work.txt").write_text("by a function\n")
        return "A function did it."

    with gitorch.open(bench.root) as workflow:
        step = workflow.step(agent=work)
        assert (step.outcome, step.agent) == ("completed", "function")
        assert seen == [("execute", "t", ".tasks/[running]_t_task.md")]

        def fail(call: Any) -> None:
            (call.root / "junk.txt").write_text("junk")
            raise ValueError("no idea")

        step = workflow.step(Options(function=fail))
        assert (step.outcome, step.reason) == ("failed", "ValueError: no idea")
    assert not (bench.root / "junk.txt").exists()
    assert "A function did it." in bench.git("log", "-3", "--format=%b")
    assert bench.is_sound()


@pytest.mark.thorough
def test_an_interrupt_in_a_function_is_recovered_from(bench: Bench) -> None:
    def stop(_: Any) -> None:
        raise KeyboardInterrupt

    with gitorch.open(bench.root) as workflow, pytest.raises(KeyboardInterrupt):
        workflow.step(agent=stop)
    bench.step("echo ok > ok.txt")
    assert bench.events()[-4:] == ["begin", "recover", "begin", "end"]
    assert bench.is_sound()
