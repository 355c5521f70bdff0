"""Each outcome, told from what a program really does: its output, its exit code, its silence."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from tests.loop.bench import Bench
from tests.loop.fake import fake, says

WORK = "echo work > work.txt\n"


@pytest.mark.thorough
def test_completed_with_all_figures_as_the_program_tells_them(bench: Bench, sealed: Path) -> None:
    told = says(
        text="It is done.\nAll of it.", cost=0.1234567, model="m1", session="s1", **{"in": 12, "cached": 4, "out": 3}
    )
    forged = 'echo \'{"cost_usd": 0, "tokens_in": 1, "model": "free", "session": "x"}\' > "$GITORCH_RESULT"\n'
    bench("step", *fake(sealed, WORK + forged + told))
    trailers = bench.trailers()
    assert {key: trailers[f"Gitorch-{key}"] for key in ("Outcome", "Agent", "Model", "Session", "Cost-USD")} == {
        "Outcome": "completed",
        "Agent": "fake",
        "Model": "m1",
        "Session": "s1",
        "Cost-USD": "0.123457",
    }
    assert [trailers[f"Gitorch-Tokens-{key}"] for key in ("In", "Cached", "Out")] == ["12", "4", "3"]
    assert "It is done.\nAll of it." in bench.git("log", "-1", "--format=%b")
    assert bench.is_sound()


def test_an_error_field_fails_the_attempt_though_the_program_ends_well(bench: Bench, sealed: Path) -> None:
    before, head = bench.everything(), bench.head()
    done = bench("step", *fake(sealed, WORK + says(text="fine", error="refused by policy", cost=0.5)))
    assert "failed: refused by policy" in done.out
    assert bench.trailers()["Gitorch-Reason"] == "refused by policy"
    assert bench.trailers()["Gitorch-Cost-USD"] == "0.5"
    assert bench.is_put_back(before, head)
    assert 'Attempt 1 ended failed: "refused by policy"' in bench("prompt").out


def test_nothing_said_and_nothing_done_is_failed(bench: Bench, sealed: Path) -> None:
    bench("step", *fake(sealed, 'echo \'{"type": "begin"}\''))
    assert bench.trailers()["Gitorch-Outcome"] == "failed"
    assert bench.trailers()["Gitorch-Reason"] == (
        "it ended without changing or saying anything (hand over with: gitorch move t completed)"
    )


@pytest.mark.thorough
def test_a_question_blocks_and_the_answer_reaches_the_next_one(bench: Bench, sealed: Path) -> None:
    asking = fake(sealed, "gitorch move t blocked --reason 'Which year?'\n" + says(text="I had to ask."))
    bench("step", *asking, code=20)
    assert bench.trailers()["Gitorch-Question"] == "Which year?"
    assert bench.main_task().startswith("STATUS: blocked\nNEXT: Answer: Which year?")
    bench("answer", "The year 2024")
    bench("step", *fake(sealed, 'echo "$1" > prompt.txt\n' + says(text="ok")))
    assert "The user's answer to the question asked before: The year 2024" in bench.read("prompt.txt")


@pytest.mark.thorough
def test_a_rate_limit_lasts_as_long_as_the_program_says(bench: Bench, sealed: Path) -> None:
    at = dt.datetime.now(dt.timezone.utc).replace(microsecond=0) + dt.timedelta(hours=5)
    agent = fake(sealed, WORK + says(error="limit", again=int(at.timestamp())))
    bench("step", *agent, code=75)
    trailers = bench.trailers()
    assert (trailers["Gitorch-Outcome"], trailers["Gitorch-Retry-At"]) == ("rate-limited", f"{at:%Y-%m-%dT%H:%M:%SZ}")
    assert bench.states()["t"] == "pending"
    count = len(bench.events())
    assert "fake is rate-limited until " in bench("step", *agent, code=75).out
    assert bench("run", "--no-wait", *agent, code=75).code == 75
    assert len(bench.events()) == count  # nothing is begun before that time


@pytest.mark.thorough
def test_a_person_or_another_agent_need_not_wait(bench: Bench, sealed: Path) -> None:
    limited = fake(sealed, says(error="limit"))
    bench("step", *limited, code=75)
    bench("step", *limited, code=75)
    assert bench.events().count("end") == 1
    bench.step("echo other > other.txt")
    assert bench.states()["t"] == "completed"
    bench("step", *limited, code=75)
    assert bench.events().count("end") == 3
    bench("update", "continue", "Execute u", "--task", "u")
    bench("step", *fake(sealed, WORK + says(text="ok")), code=10)
    assert bench.is_sound()


@pytest.mark.thorough
def test_without_a_time_the_wait_doubles_and_a_limit_is_no_attempt(bench: Bench, sealed: Path) -> None:
    agent = fake(sealed, says(error="limit"))
    waits = []
    for _ in range(3):
        before = dt.datetime.now(dt.timezone.utc)
        bench("step", *agent, code=75)
        at = dt.datetime.fromisoformat(bench.trailers()["Gitorch-Retry-At"].replace("Z", "+00:00"))
        waits.append((at - before).total_seconds())
        bench.git("commit", "-q", "--amend", "-m", bench.git("log", "-1", "--format=%B").replace(f"{at:%Y-}", "2020-"))
        assert bench.trailers()["Gitorch-Attempt"] == "1"
    assert [round(wait / 60) for wait in waits] == [1, 2, 4]


def test_a_time_that_is_absurd_is_not_waited_for(bench: Bench, sealed: Path) -> None:
    bench("step", *fake(sealed, says(error="limit", again="9999-01-01T00:00:00Z")), code=75)
    at = dt.datetime.fromisoformat(bench.trailers()["Gitorch-Retry-At"].replace("Z", "+00:00"))
    assert at < dt.datetime.now(dt.timezone.utc) + dt.timedelta(days=8)


@pytest.mark.thorough
def test_silence_of_one_that_streams_is_a_stall(bench: Bench, sealed: Path) -> None:
    agent = fake(sealed, f'{WORK}echo \'{{"session": "s2"}}\'; sleep 600', more="idle: 1s")
    bench("step", *agent)
    trailers = bench.trailers()
    assert (trailers["Gitorch-Outcome"], trailers["Gitorch-Session"]) == ("stalled", "s2")
    assert not (bench.root / "work.txt").exists()


@pytest.mark.thorough
def test_one_that_understands_int_still_tells_its_cost_when_its_time_is_over(bench: Bench, sealed: Path) -> None:
    path = ".tasks/[pending]_t_task.md"
    bench.commit(**{path: bench.read(path).replace("---\n", "---\ntimeout: 1s\n", 1)})
    script = f"trap '{says(cost=0.75)}exit 1' INT\nwhile :; do sleep 0.05; done"
    bench("step", *fake(sealed, script.replace("'END'", "END").replace("'{", "{"), more="stop: INT"))
    trailers = bench.trailers()
    assert (trailers["Gitorch-Outcome"], trailers["Gitorch-Cost-USD"]) == ("timeout", "0.75")


@pytest.mark.parametrize("seconds", [1])
@pytest.mark.thorough
def test_when_the_workflows_time_is_over_it_is_no_attempt(bench: Bench, sealed: Path, seconds: int) -> None:
    before, head = bench.everything(), bench.head()
    agent = fake(sealed, f"{WORK}sleep 600")
    done = bench("step", *agent, "--max-time", f"{seconds}s", code=30)
    assert "the time of --max-time was over" in done.out
    assert bench.trailers()["Gitorch-Outcome"] == "interrupted"
    assert bench.is_put_back(before, head)
    assert "--max-time 1s is reached: agents ran 1 s" in bench("step", *agent, "--max-time", f"{seconds}s", code=30).out
    bench("step", *fake(sealed, WORK + says(text="ok")), "--max-time", "1h")
    assert bench.trailers()["Gitorch-Attempt"] == "1"
