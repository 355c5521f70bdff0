"""Limits on money and steps: asked before each call, passed down, summed from the log alone."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from gitorch.core.amounts import plain
from gitorch.core.text import counted
from tests.loop.bench import Bench, wait_for
from tests.loop.fake import fake, says

WORK = 'echo "$GITORCH_TASK" > "$GITORCH_TASK.txt"\n'


@pytest.mark.thorough
def test_it_is_asked_before_each_call_and_what_is_left_is_passed_down(bench: Bench, sealed: Path) -> None:
    bench("create", "v")
    agent = fake(sealed, f'echo "$@" | grep -o -- "--budget=.*" >> budgets.txt\n{WORK}{says(text="ok", cost=0.4)}')
    stopped = bench("run", *agent, "--max-cost", "0.8", code=30)
    assert "--max-cost 0.8 is reached: 2 steps since start, 0.8 USD" in stopped.out
    assert bench.read("budgets.txt").split() == ["--budget=0.8", "--budget=0.4"]
    assert bench("step", *agent, "--max-cost", "0.8", code=30).code == 30
    bench("run", *agent, "--max-cost", "5")
    assert bench.read("budgets.txt").split()[2:] == ["--budget=4.2"]
    assert bench.trailers()["Gitorch-Total-Cost-USD"] == "1.2"
    assert "Gitorch-Total-Unpriced" not in bench.trailers()
    assert bench.is_sound()


@pytest.mark.parametrize("restarts", [3, pytest.param(10, marks=pytest.mark.heavy)])
@pytest.mark.thorough
def test_restarts_reset_nothing(bench: Bench, sealed: Path, tmp_path: Path, restarts: int) -> None:
    """A run that is killed in each of its steps, and begun anew, spends no more than it may."""
    completed = restarts + 2
    for number in range(completed):
        bench("create", f"w{number}")
    count, here = tmp_path / "count", tmp_path / "here"
    count.write_text("0")
    odd = f"n=$(cat {count}); echo $((n + 1)) > {count}; [ $n -ge {2 * restarts} ] || [ $((n % 2)) = 0 ]"
    agent = fake(sealed, f"{WORK}{odd} || {{ touch {here}; sleep 600; }}\n{says(text='ok', cost=0.25)}")
    bounds = ("--max-cost", str(0.25 * completed), "--max-steps", str(2 * restarts + 2))
    for _ in range(restarts):
        run = bench.start("run", *agent, *bounds)
        wait_for(here.exists)
        run.kill()
        run.communicate()
        here.unlink()
    done = bench("run", *agent, *bounds, code=30)
    ends = [json.loads(line) for line in bench("log", "--json").out.splitlines()]
    outcomes = [end["outcome"] for end in ends if end["event"] in ("end", "recover")]
    assert (outcomes.count("completed"), outcomes.count("interrupted")) == (completed, restarts)
    assert float(bench.trailers()["Gitorch-Total-Cost-USD"]) == 0.25 * completed
    assert bench.trailers()["Gitorch-Total-Unpriced"] == str(restarts)
    assert f"{2 * restarts + 2} steps since start" in done.out
    more = bench("step", *agent, "--max-cost", "9").err
    assert f"{counted(restarts, 'invocation')} of unknown cost; {plain(Decimal(completed) / 4)} USD are known" in more
    assert bench.is_sound()


@pytest.mark.thorough
def test_unknown_costs_are_shown_as_unknown_and_a_bound_says_that_it_cannot_hold(bench: Bench, sealed: Path) -> None:
    done = bench("step", "--agent-command", WORK, "--max-cost", "1")
    assert "--max-cost cannot be kept: this agent does not report its cost" in done.err
    trailers = bench.trailers()
    assert "Gitorch-Cost-USD" not in trailers
    assert "Gitorch-Total-Cost-USD" not in trailers
    assert trailers["Gitorch-Total-Unpriced"] == "1"
    agent = fake(sealed, WORK + says(text="ok", cost=0.4))
    done = bench("run", *agent, "--max-cost", "1")
    assert "cannot be kept: 1 invocation of unknown cost; 0 USD are known" in done.err
    assert "0.4 USD and 1 of unknown cost]" in done.out
    assert bench.is_sound()


@pytest.mark.thorough
def test_a_tasks_own_command_and_the_local_agent_cost_nothing(bench: Bench) -> None:
    path = ".tasks/[pending]_t_task.md"
    bench.commit(**{path: bench.read(path).replace("---\n", "---\nrun: echo x > x.txt\n", 1)})
    bench.commit("notes", **{"notes.md": "The letter u, and more of u: do the other thing.\n"})
    bench("trust", "--yes")
    done = bench("run", "--max-cost", "1", code=None)
    assert "cannot be kept" not in done.err
    assert "0 USD]" in done.out
    assert "Gitorch-Total-Unpriced" not in bench.trailers()


def test_no_money_at_all_begins_nothing(bench: Bench) -> None:
    bench("step", "--max-cost", "0", code=30)
    assert "begin" not in bench.events()
