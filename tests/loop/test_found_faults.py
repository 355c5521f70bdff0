"""Faults that a hostile tester has found once: each of these failed before it was mended."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import gitorch
from gitorch.agents.report import Report
from gitorch.git.repository import open_repository
from gitorch.loop import roster, trust
from gitorch.loop.work import Call
from tests.loop.bench import Bench, wait_for
from tests.loop.fake import fake, says

CUT = """cat > .tasks/main/subtasks.yaml <<'END'
name: main
description: cut in two
subtasks:
  - name: one
    description: First
  - name: two
    description: Second
    needs: [one]
END
"""
TOKEN = "ghp_" + "a1b2c3d4e5" * 4


def cutting(bench: Bench, home: Path, more: str = "") -> tuple[str, str]:
    """Begin a workflow whose main task no template fits, and give an agent that cuts it."""
    bench("abandon")
    bench("start", "main", "-d", "Something.")
    return fake(home, CUT + more + says(text="cut", cost=0.1))


def problems(bench: Bench) -> list[str]:
    with gitorch.open(bench.root) as workflow:
        return [each.problem for each in workflow.verify().problems]


def noted(bench: Bench) -> Path:
    return bench.root / ".git/gitorch/invocation.json"


def change(path: Path, **values: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def hook(bench: Bench, text: str) -> None:
    path = bench.write(".git/hooks/pre-commit", f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def described(home: Path, name: str, text: str) -> None:
    folder = home / ".config/gitorch/agents"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.yaml").write_text(f"name: {name}\ndescription: x\n{text}")


# --- subtasks by agents -----------------------------------------------------------------------------------------------


@pytest.mark.thorough
def test_a_cut_that_the_hook_refuses_is_a_rejected_attempt(bench: Bench, sealed: Path) -> None:
    agent = cutting(bench, sealed)
    hook(bench, "echo no; exit 1")
    bench("step", *agent, code=None)
    assert bench.trailers().get("Gitorch-Outcome") == "rejected"
    assert bench.trailers()["Gitorch-Total-Cost-USD"] == "0.1"
    assert bench.is_sound()


@pytest.mark.thorough
def test_a_cut_by_an_agent_that_rewrites_history_is_a_rejected_attempt(bench: Bench, sealed: Path) -> None:
    agent = cutting(bench, sealed, "git commit -q --amend -m x --allow-empty\n")
    bench("step", *agent, code=None)
    assert bench.trailers().get("Gitorch-Outcome") == "rejected"
    assert bench.is_sound()


@pytest.mark.thorough
def test_a_cut_whose_name_a_person_takes_meanwhile_is_a_rejected_attempt(bench: Bench, sealed: Path) -> None:
    agent = cutting(bench, sealed)
    hook(bench, "unset GIT_INDEX_FILE GIT_DIR GIT_WORK_TREE; gitorch create main-one -d 'By a person' >&2")
    bench("step", *agent, code=None)
    assert bench.trailers().get("Gitorch-Outcome") == "rejected"
    assert bench.trailers()["Gitorch-Total-Cost-USD"] == "0.1"


@pytest.mark.thorough
def test_a_secret_in_a_subtask_never_gets_into_the_repository(bench: Bench, sealed: Path) -> None:
    agent = cutting(bench, sealed, f"sed -i 's/First/Use {TOKEN}/' .tasks/main/subtasks.yaml\n")
    bench("step", *agent, code=None)
    assert bench.objects_holding(TOKEN.encode()) == []


@pytest.mark.thorough
def test_a_subtask_for_an_agent_that_is_not_there_is_refused(bench: Bench, sealed: Path) -> None:
    edit = "sed -i 's/description: First/description: First\\n    agent: no-such/' .tasks/main/subtasks.yaml\n"
    bench("step", *cutting(bench, sealed, edit), code=None)
    assert bench.trailers()["Gitorch-Outcome"] == "rejected"


@pytest.mark.thorough
def test_a_subtask_cannot_grant_itself_more_attempts(bench: Bench, sealed: Path) -> None:
    edit = "sed -i 's/description: First/description: First\\n    retries: 99999/' .tasks/main/subtasks.yaml\n"
    bench("step", *cutting(bench, sealed, edit), code=None)
    assert "main-one" not in bench.states() or "99999" not in bench.read(".tasks/[pending]_main-one_task.md")


# --- gates and trust --------------------------------------------------------------------------------------------------


@pytest.mark.thorough
def test_finish_runs_no_check_that_came_during_the_lease(bench: Bench, tmp_path: Path) -> None:
    bench("begin")
    path = ".tasks/[running]_t_task.md"
    bench.commit(
        **{path: bench.read(path).replace("---\n", f"---\ncheck: [touch {tmp_path}/ran]\n", 1), "w.txt": "w\n"}
    )
    bench("finish", "--exit", "0", code=None)
    assert not (tmp_path / "ran").exists()


@pytest.mark.thorough
def test_finish_asks_for_the_outputs_that_were_asked_for_at_the_beginning(bench: Bench) -> None:
    path = ".tasks/[pending]_t_task.md"
    plain = bench.read(path)
    bench.commit(**{path: plain.replace("---\n", "---\noutputs: [must.md]\n", 1)})
    begun = bench("begin", "--json").json
    bench.write("w.txt", "w\n")
    bench.write(".tasks/[running]_t_task.md", plain)
    bench.git("commit", "-q", "-a", "-m", "without outputs", env=begun["env"])
    bench("finish", "--exit", "0", code=None)
    assert bench.states()["t"] != "completed"


@pytest.mark.parametrize("file", ["[pending]_u", "[running]_t"], ids=["another's", "own"])
@pytest.mark.thorough
def test_an_agent_that_spoils_a_task_file_stops_no_later_step(bench: Bench, sealed: Path, file: str) -> None:
    agent = fake(sealed, f"echo spoilt > '.tasks/{file}_task.md'; echo x > x.txt\n" + says(text="ok", cost=0.1))
    bench("step", *agent, code=None)
    bench.step("echo y > y.txt", code=None)
    assert bench.events()[-2:] == ["begin", "end"]
    assert bench.events().count("end") == 2


@pytest.mark.thorough
def test_an_agent_that_commits_a_spoilt_task_file_costs_its_attempt(bench: Bench, sealed: Path) -> None:
    spoil = "echo spoilt > '.tasks/[pending]_u_task.md'; git commit -q -a -m own\n"
    bench("step", *fake(sealed, spoil + says(text="ok", cost=0.1)), code=None)
    assert bench.trailers().get("Gitorch-Outcome") == "rejected"
    assert bench.trailers()["Gitorch-Total-Cost-USD"] == "0.1"


# --- processes --------------------------------------------------------------------------------------------------------


@pytest.mark.thorough
def test_after_a_kill_the_agents_process_group_is_ended_too(bench: Bench, tmp_path: Path) -> None:
    here = tmp_path / "here"
    line = f"env -i sh -c 'echo $$ > {here}.new; mv {here}.new {here}; exec sleep 120'; echo x > x.txt"
    run = bench.start("step", "--agent-command", line)
    wait_for(here.exists)
    run.kill()
    run.communicate()
    left = int(here.read_text())
    try:
        bench.step("echo y > y.txt")
        alive = Path(f"/proc/{left}/cmdline").read_bytes() if Path(f"/proc/{left}").exists() else b""
        assert b"sleep" not in alive
    finally:
        with suppress(ProcessLookupError):
            os.kill(left, signal.SIGKILL)


# --- leases -----------------------------------------------------------------------------------------------------------


def _finished_and_killed(bench: Bench) -> None:
    """Leave what a `finish` leaves that is killed between its record and its clearing away."""
    bench("begin")
    kept = noted(bench).read_text()
    bench.write("work.txt", "work\n")
    bench("finish", "--exit", "0")
    noted(bench).write_text(kept)


@pytest.mark.thorough
def test_finish_after_a_finish_that_was_killed_undoes_nothing(bench: Bench) -> None:
    _finished_and_killed(bench)
    later = bench.commit("mine", **{"b.txt": "by me\n"})
    bench("finish", "--exit", "0", code=None)
    assert bench.states()["t"] == "completed"
    assert bench.git("merge-base", "HEAD", later).strip() == later
    assert bench.committed("work.txt") == "work\n"


@pytest.mark.thorough
def test_a_finish_that_was_killed_locks_nobody_out(bench: Bench) -> None:
    _finished_and_killed(bench)
    bench.step("echo x > y.txt", code=10)


def test_a_begin_that_was_killed_before_its_snapshot_locks_nobody_out(bench: Bench) -> None:
    bench("begin")
    change(noted(bench), before=None, anchor=None)
    bench("begin")


def test_a_begin_that_fails_hands_nothing_out(bench: Bench, sealed: Path) -> None:
    agent = fake(sealed, "")
    bench.git("config", "gitorch.fake.args", "'oh")
    bench("begin", *agent, code=1)
    bench.git("config", "--unset", "gitorch.fake.args")
    bench("begin", *agent)


@pytest.mark.parametrize("command", [("move", "t", "pending"), ("drop", "t")], ids=["moved", "dropped"])
@pytest.mark.thorough
def test_a_task_changed_by_hand_after_the_lease_makes_an_honest_history(bench: Bench, command: tuple[str, ...]) -> None:
    bench("begin")
    change(noted(bench), lease=1.0)
    bench("update", "continue", "Execute u", "--task", "u")
    bench(*command)
    bench.write("work.txt", "work\n")
    bench("finish", "--exit", "0", code=None)
    assert problems(bench) == []


@pytest.mark.thorough
def test_a_workflow_started_during_a_lease_is_refused_or_stays(bench: Bench) -> None:
    bench("begin")
    bench("abandon", code=None)
    started = bench("start", "some-research", "-d", "x", code=None).code == 0
    bench("finish", "--exit", "0", code=None)
    assert ("some-research" in bench.states()) == started


@pytest.mark.thorough
def test_a_workflow_started_during_a_step_is_refused_or_stays(bench: Bench, tmp_path: Path) -> None:
    here, go = tmp_path / "here", tmp_path / "go"
    agent = f"echo x > x.txt; touch {here}; while ! [ -e {go} ]; do sleep 0.1; done"
    run = bench.start("step", "--agent-command", agent)
    wait_for(here.exists)
    bench("abandon", code=None)
    started = bench("start", "some-research", "-d", "x", code=None).code == 0
    go.touch()
    run.communicate()
    assert ("some-research" in bench.states()) == started


@pytest.mark.thorough
def test_a_new_workflow_does_not_hide_an_invocation_that_was_cut_off(bench: Bench, tmp_path: Path) -> None:
    here = tmp_path / "here"
    run = bench.start("step", "--agent-command", f"echo junk > junk.txt; touch {here}; sleep 600")
    wait_for(here.exists)
    run.kill()
    run.communicate()
    bench("abandon")
    bench("start", "some-research", "-d", "x")
    bench("step", code=None)
    assert not (bench.root / "junk.txt").exists()
    with gitorch.open(bench.root) as workflow:
        assert workflow.verify().warnings == []


def test_the_lines_that_begin_prints_for_people_work(bench: Bench) -> None:
    said = bench("begin").out.splitlines()
    exports = next(line for line in said if line.startswith("export "))
    env = dict(word.split("=", 1) for word in shlex.split(exports)[1:])
    bench("move", "t", "blocked", "--reason", "Why?", env=env)


def test_a_clock_that_is_put_back_does_not_keep_finish_from_ending(bench: Bench) -> None:
    bench("begin")
    change(noted(bench), started=time.time() + 3600)
    bench.write("work.txt", "work\n")
    bench("finish", "--exit", "0")


@pytest.mark.parametrize("values", [{"before": {"held": []}}, {"lease": "x"}, {"started": None}])
@pytest.mark.thorough
def test_rubbish_in_the_notes_is_no_bug(bench: Bench, values: dict[str, object]) -> None:
    bench("begin")
    change(noted(bench), **values)
    bench("finish" if "lease" not in values else "step", code=None)


def test_what_the_loop_left_running_is_ended_by_finish(bench: Bench) -> None:
    begun = bench("begin", "--json").json
    left = subprocess.Popen(["sleep", "600"], env={**os.environ, **begun["env"]})
    try:
        bench.write("work.txt", "work\n")
        bench("finish", "--exit", "0")
        assert left.poll() is not None
    finally:
        left.kill()
        left.wait()


# --- money ------------------------------------------------------------------------------------------------------------


@pytest.mark.thorough
def test_costs_in_text_are_summed_however_long_it_is(bench: Bench, sealed: Path) -> None:
    script = "echo Cost: 0.25; head -c 400000 /dev/zero | tr '\\0' x; echo; echo Cost: 0.25; echo x > x.txt\n"
    (sealed / "long.sh").write_text(script)
    described(sealed, "long", f"command: [sh, {sealed}/long.sh]\nfigures: {{cost_usd: 'Cost: ([\\d.]+)'}}\n")
    bench("step", "--agent", "long")
    assert bench.trailers().get("Gitorch-Cost-USD") in (None, "0.5")  # unknown, or right


@pytest.mark.parametrize("ending", [("exit 75",), ("sleep 600", "--max-time", "1s")], ids=["put off", "timeout"])
@pytest.mark.thorough
def test_a_cost_in_the_result_file_counts_however_it_ended(bench: Bench, ending: tuple[str, ...]) -> None:
    line, *options = ending
    bench.step(f'echo \'{{"cost_usd": 0.3}}\' > "$GITORCH_RESULT"; {line}', *options, code=None)
    assert bench.trailers().get("Gitorch-Cost-USD") == "0.3"


@pytest.mark.thorough
def test_finish_reads_the_end_of_a_long_output(bench: Bench, sealed: Path, tmp_path: Path) -> None:
    bench("begin", *fake(sealed, ""))
    bench.write("work.txt", "work\n")
    with (tmp_path / "out").open("w") as file:
        for _ in range(65):
            file.write(json.dumps({"type": "x", "text": "y" * 1024 * 1024}) + "\n")
        file.write(json.dumps({"type": "end", "text": "Done.", "cost": 0.5}) + "\n")
    bench("finish", "--exit", "0", "--output", str(tmp_path / "out"))
    assert bench.trailers().get("Gitorch-Cost-USD") == "0.5"


@pytest.mark.usefixtures("no_agent")
def test_begin_says_that_it_cannot_keep_a_bound_on_money(bench: Bench) -> None:
    assert "cannot be kept" in bench("begin", "--max-cost", "1").err


@pytest.mark.parametrize("where", ["task", "config"])
def test_begin_knows_the_agent_that_task_or_config_name(bench: Bench, sealed: Path, where: str) -> None:
    fake(sealed, "")
    path = ".tasks/[pending]_t_task.md"
    if where == "task":
        bench.commit(**{path: bench.read(path).replace("---\n", "---\nagent: fake\n", 1)})
    else:
        bench.git("config", "gitorch.agent", "fake")
    assert bench("begin", "--json").json["command"] is not None


def test_an_agent_file_cannot_pass_for_a_tasks_own_command(bench: Bench, sealed: Path) -> None:
    described(sealed, "run", "command: [sh, -c, 'echo x > x.txt']\n")
    done = bench("step", "--agent", "run", "--max-cost", "1", code=None)
    assert done.code != 0 or "cannot be kept" in done.err


@pytest.mark.heavy
def test_sums_beyond_all_measure_do_not_stop_the_workflow(bench: Bench, sealed: Path) -> None:
    for number in range(12):
        bench("create", f"n{number}")
    agent = fake(sealed, 'echo x > "$GITORCH_TASK.txt"\n' + says(text="x", cost=99_999_999_999))
    for _ in range(11):
        bench("step", *agent)


def test_a_bound_beyond_all_measure_is_no_bug(bench: Bench, sealed: Path) -> None:
    bench("step", *fake(sealed, says(text="x")), "--max-cost", "1e999999999", code=None)


@pytest.mark.thorough
def test_a_tasks_own_command_that_was_cut_off_cost_nothing(bench: Bench, tmp_path: Path) -> None:
    here, path = tmp_path / "here", ".tasks/[pending]_t_task.md"
    bench.commit(**{path: bench.read(path).replace("---\n", f"---\nrun: touch {here}; sleep 600\n", 1)})
    bench("trust", "--yes")
    run = bench.start("step")
    wait_for(here.exists)
    run.kill()
    run.communicate()
    bench("step", "--max-time", "1s", code=None)
    assert "Gitorch-Total-Unpriced" not in bench.trailers()


def _gives(report: Report) -> Callable[[Call], Report]:
    def agent(call: Call) -> Report:
        (call.root / "work.txt").write_text("work\n")
        return report

    return agent


_FLOAT: Any = 0.4  # what most would write


@pytest.mark.parametrize(
    "report",
    [
        Report(cost_usd=_FLOAT),
        Report(cost_usd=Decimal("NaN")),
        Report(cost_usd=Decimal("0.1234567891")),
        Report(tokens_in=-4),
        Report(next="word " * 40),
        Report(focus="two\nlines"),
    ],
    ids=["float", "nan", "places", "negative", "long", "lines"],
)
@pytest.mark.thorough
def test_whatever_a_function_reports_the_step_ends(bench: Bench, report: Report) -> None:
    with gitorch.open(bench.root) as workflow:
        workflow.step(agent=_gives(report))
    assert bench.events()[-1] == "end"


# --- secrets ----------------------------------------------------------------------------------------------------------


def test_no_part_of_a_token_is_left_where_a_reason_is_cut(bench: Bench, sealed: Path) -> None:
    bench("step", *fake(sealed, says(error="z " * 130 + TOKEN + " and more text", cost=0.1) + "exit 1"))
    assert TOKEN[4:14] not in bench.git("log", "-1", "--format=%B")


def test_no_part_of_a_token_is_left_where_a_summary_is_cut(bench: Bench) -> None:
    bench.step(f"echo x > x.txt; printf '{TOKEN} '; printf 'y%.0s' $(seq 1 2975)")
    assert TOKEN[-10:] not in bench.git("log", "-1", "--format=%B")


# --- agent files ------------------------------------------------------------------------------------------------------


def test_an_agent_file_changed_after_it_was_checked_is_not_used(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    good = b"name: mine\ndescription: x\ncommand: [sh, -c, 'echo good']\n"
    file = bench.write(".tasks/agents/mine.yaml", good)
    trust.allow([trust.agent_digest(good)])
    real = trust.agent_digest

    def then_changed(content: bytes) -> str:
        file.write_bytes(good.replace(b"good", b"evil"))
        return real(content)

    monkeypatch.setattr(trust, "agent_digest", then_changed)
    repository = open_repository(bench.root)
    try:
        assert "evil" not in str(roster.load(repository, "mine").command)
    finally:
        repository.close()


@pytest.mark.thorough
def test_a_file_in_the_repository_that_nobody_asked_for_stops_nothing(bench: Bench) -> None:
    bench.write(".tasks/agents/big.yaml", "x" * 300_000)
    bench("agents", "list")
    bench("step", "--agent", "local", code=None)
    assert bench.events()[-1] == "end"


@pytest.mark.parametrize("text", ["command: [python, -m]\n", "command: [sh]\nenv: {'A=B': x}\n"], ids=["module", "env"])
@pytest.mark.thorough
def test_a_faulty_agent_file_is_told_and_no_bug(bench: Bench, sealed: Path, text: str) -> None:
    described(sealed, "odd", text)
    done = bench("step", "--agent", "odd", code=None)
    assert done.code == 1 or "failed" in done.out


def test_a_prompt_with_a_nul_is_no_bug(bench: Bench, sealed: Path) -> None:
    path = ".tasks/[pending]_t_task.md"
    bench.commit(**{path: bench.read(path) + "a\0b\n"})
    bench("step", *fake(sealed, says(text="x")), code=None)


def _listen(code: str, seconds: int) -> int:
    """Read output in a process of its own, with a gigabyte of memory at most."""
    begin = (
        "import json, resource\nfrom pathlib import Path\nimport gitorch.agents\n"
        "from gitorch.agents import spec\nfrom gitorch.agents.output import Listener\n"
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))\n"
        "def listener(name):\n"
        "    path = Path(gitorch.agents.__file__).with_name(name + '.yaml')\n"
        "    return Listener(spec.parse(path.read_text(), name))\n"
    )
    try:
        return subprocess.run((sys.executable, "-c", begin + code), timeout=seconds, check=False).returncode
    except subprocess.TimeoutExpired:
        return -1


@pytest.mark.thorough
def test_no_text_keeps_the_reader_of_aiders_output_for_minutes() -> None:
    assert _listen("listener('aider').end(0, b'Repo-map: \\n' * 23_000, b'')", 30) == 0


@pytest.mark.heavy
def test_an_answer_in_large_pieces_takes_bounded_memory() -> None:
    piece = "json.dumps({'type': 'message', 'role': 'assistant', 'content': 'y' * 1_000_000}).encode() + b'\\n'"
    assert _listen(f"heard = listener('gemini')\nfor _ in range(1500):\n    heard.feed({piece})\n", 120) == 0


@pytest.mark.thorough
def test_killed_between_the_branch_and_the_anchor_nothing_stays(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.write("mine.txt", "mine\n")
    with monkeypatch.context() as patch, gitorch.open(bench.root) as workflow:
        patch.setattr("gitorch.loop.invocation.clear", lambda *_: None)
        workflow.step(agent=lambda _: Report(outcome="completed", summary="done"))
    ended = bench.trailers()["Gitorch-Invocation"]
    bench.git("update-ref", f"refs/gitorch/before/{ended}", bench.git("commit-tree", "HEAD^{tree}", "-m", "x").strip())
    assert (bench.root / ".git/gitorch/invocation.json").exists()
    bench.step("echo x > x.txt", code=10)
    assert bench.is_sound()


def test_an_anchor_that_could_not_be_taken_away_goes_with_the_next_step(bench: Bench) -> None:
    bench.git(
        "update-ref", f"refs/gitorch/before/{'1' * 32}", bench.git("commit-tree", "HEAD^{tree}", "-m", "x").strip()
    )
    bench.step("echo x > x.txt")
    assert bench.is_sound()


def test_a_lock_on_a_ref_of_ours_that_a_dead_git_has_left_goes_at_once(bench: Bench) -> None:
    lock = bench.root / f".git/refs/gitorch/before/{'1' * 32}.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    bench.step("echo x > x.txt")
    assert not lock.exists()


@pytest.mark.thorough
def test_a_begin_that_cannot_be_read_for_a_moment_is_recovered_once_it_can(bench: Bench) -> None:
    """It was taken for the end of the history: nothing was open then, and the attempt stayed in the work tree."""
    bench.write("a.txt", "mine\n")
    before = bench.photo()
    bench.step("git commit -qm own --allow-empty; rm -rf doc; echo theirs > a.txt; kill -9 $PPID", code=None)
    begin = bench.git("rev-parse", "HEAD~1").strip()
    path = bench.root / ".git/objects" / begin[:2] / begin[2:]
    path.rename(bench.root.parent / begin)
    assert begin in bench("step", "--agent-command", "echo done > done.txt", code=1).err
    (bench.root.parent / begin).rename(path)
    bench.step("echo done > done.txt")
    assert bench.events()[-3:] == ["recover", "begin", "end"]
    assert bench.photo(without=["done.txt"]) == before
