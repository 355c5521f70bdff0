"""What each command says, to people and to programs."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click
import pytest

from gitorch.cli import cli
from tests.probe import Quick, quickly, unchanged
from tests.sandbox import Sandbox, run

FOUR = ("status", "next", "task", "focus")


def _commands(group: click.Group, *above: str) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = [above]
    for name, command in sorted(group.commands.items()):
        found += _commands(command, *above, name) if isinstance(command, click.Group) else [(*above, name)]
    return found


@pytest.mark.parametrize("command", _commands(cli), ids=" ".join)
def test_every_command_has_help(sandbox: Sandbox, command: tuple[str, ...]) -> None:
    for option in ("--help", "-h"):
        done = quickly(sandbox, *command, option)
        assert done.code == 0
        assert done.out.startswith(f"Usage: gitorch {' '.join(command)}" if command else "Run coding agents")
        assert len(done.out.splitlines()) > 3
        assert done.err == ""


@pytest.fixture
def research(sandbox: Sandbox) -> Sandbox:
    sandbox.commit(**{"docs/chips.md": "# Chips\n\nThe chip market grows.\n"})
    sandbox("start", "chip-research", "-d", "Analyze the chip market", "--focus", "Focus on Q4 2024 data")
    sandbox("step")
    sandbox("step")
    return Quick(sandbox.root)


@pytest.mark.thorough
def test_documents_have_the_keys_that_programs_rely_on(research: Sandbox) -> None:
    status = research("status", "--json").json
    assert status["schema"] == 1
    assert [status[key] for key in FOUR] == [
        "continue",
        "Execute chip-research-analysis subtask",
        "chip-research-analysis",
        status["focus"],
    ]
    assert status["tasks"] == {"pending": 2, "running": 1, "completed": 1, "failed": 0, "blocked": 0}
    listed = research("list", "--json").json
    assert listed["schema"] == 1
    assert listed["tasks"][1] == {
        "name": "chip-research-data-gathering",
        "state": "completed",
        "parent": "chip-research",
        "needs": [],
        "kind": "gather",
    }
    verified = research("verify", "--json").json
    assert verified.pop("range") == {"since": None, "to": research.head()}
    assert verified == {"schema": 1, "ok": True, "checked": 4, "problems": [], "warnings": []}
    shown = research("show", "chip-research-analysis", "--json").json
    assert (shown["schema"], shown["state"], shown["needs"]) == (1, "pending", ["chip-research-data-gathering"])
    assert [entry["event"] for entry in shown["history"]] == ["decompose"]
    doctor = research("doctor", "--json").json
    assert (doctor["schema"], doctor["ok"]) == (1, True)
    templates = research("templates", "list", "--json").json
    assert templates["schema"] == 1
    assert {"research", "competitive-analysis", "market-research", "technical-deepdive"} <= {
        template["name"] for template in templates["templates"]
    }
    assert research("templates", "show", "research", "--json").json["schema"] == 1
    context = research("context", "chip-research-analysis", "--json").json
    assert context["schema"] == 1
    assert "chip market" in context["context"]
    step = research("step", "--json").json
    assert step["schema"] == 1
    assert {"action", "task", "outcome", "invocation", "commit", "status", "next", "focus"} <= step.keys()
    assert (step["action"], step["task"], step["outcome"]) == ("execute", "chip-research-analysis", "completed")
    assert step["commit"] == research.head()


@pytest.mark.thorough
def test_the_log_is_one_object_per_line_newest_first(research: Sandbox) -> None:
    research.commit("a plain commit", other="x\n")
    entries = [json.loads(line) for line in research("log", "--json").out.splitlines()]
    assert [entry["event"] for entry in entries] == ["end", "begin", "decompose", "start"]
    assert [entry["commit"] for entry in entries] == research.git("rev-list", "--skip=1", "-n4", "HEAD").split()
    end = entries[0]
    assert end["schema"] == 1
    assert end["states"] == [{"name": "chip-research-data-gathering", "from": "running", "to": "completed"}]
    for key in (*FOUR, "subject", "invocation", "action", "outcome", "attempt", "agent", "duration", "total_steps"):
        assert key in end
    assert entries[3]["focus"] == "Focus on Q4 2024 data"
    assert "cost_usd" not in entries[1]  # what is unknown is left out, not zero
    assert research("log", "-n", "1").out.count("\n") == 1
    assert research("log", "HEAD~2..HEAD", "--json").out.count("\n") == 1
    assert research("log", "HEAD~4", "--json").out.splitlines() == research("log", "--json").out.splitlines()[3:]


@pytest.mark.thorough
def test_what_people_read(research: Sandbox) -> None:
    status = research("status")
    for part in (
        "STATUS: CONTINUE",
        "NEXT: Execute chip-research-analysis subtask",
        "CURRENT TASK: chip-research-analysis",
        "TASKS: 4 (2 pending, 1 completed, 1 waiting for subtasks)",
    ):
        assert part in status.out
    assert status.err == ""
    by_state = research("list", "--by-state").out.splitlines()
    assert by_state[:3] == ["pending (2)", "  chip-research-analysis", "  chip-research-synthesis"]
    assert research("list").out.splitlines()[:2] == [
        "[running] chip-research",
        "  [completed] chip-research-data-gathering",
    ]
    shown = research("show", "chip-research-synthesis").out
    assert "needs: chip-research-data-gathering [completed], chip-research-analysis [pending]" in shown
    assert research("--version").out.startswith("gitorch ")
    assert "no workflow" not in research("log").out


@pytest.mark.thorough
def test_nothing_that_reads_writes(research: Sandbox) -> None:
    research.write("mine", "untracked\n")
    with unchanged(research):
        for command in (
            *("status", "list", "log", "verify", "prompt", "doctor"),
            *("show chip-research", "context chip-research-analysis", "templates list", "templates show research"),
        ):
            assert quickly(research, *command.split()).code == 0


@pytest.mark.thorough
def test_the_prompt_is_what_the_next_agent_gets(research: Sandbox) -> None:
    prompt = research("prompt").out
    research("step", "--agent-command", "cat > prompt.txt; echo work > .tasks/$GITORCH_TASK/analysis.md")
    assert research.read("prompt.txt") == prompt
    assert "NEXT: Execute chip-research-analysis subtask" in prompt
    research("run")
    assert "there is no next invocation" in research("prompt").err


@pytest.mark.thorough
def test_context_keeps_to_its_budget(research: Sandbox) -> None:
    whole = research("context", "chip-research-analysis").out
    small = research("context", "chip-research-analysis", "--budget", "200").out
    assert "docs/chips.md" in whole
    assert len(small) <= 200 * 4 + 1
    assert small.startswith("# Task chip-research-analysis [pending]")


def test_templates_are_listed_shown_and_checked(sandbox: Sandbox) -> None:
    assert "research" in sandbox("templates", "list").out
    assert "data-gathering  (gather)" in sandbox("templates", "show", "research").out
    sandbox.write("own.yaml", "name: own\ndescription: d\nsubtasks:\n  - {name: a, description: d}\n")
    assert "it creates 1 subtask" in sandbox("templates", "check", "own.yaml").out
    sandbox.write(".tasks/templates/own.yaml", sandbox.read("own.yaml"))
    assert sandbox("templates", "show", "own", "--json").json["source"] == ".tasks/templates/own.yaml"
    nowhere = run(sys.executable, "-m", "gitorch", "templates", "list", cwd=sandbox.root.parent)
    assert nowhere.code == 0


@pytest.mark.thorough
def test_init_in_no_repository_and_twice(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path / "new")
    sandbox.root.mkdir()
    assert "created a git repository" in sandbox("init").out
    hook = sandbox.root / ".git/hooks/pre-commit"
    first = hook.read_text()
    assert os.access(hook, os.X_OK)
    assert "created a git repository" not in sandbox("init").out
    assert hook.read_text() == first
    assert sandbox("log").out == ""
    sandbox("start", "x-research")
    sandbox("step")


def test_init_keeps_the_hooks_of_others(sandbox: Sandbox) -> None:
    sandbox.write(".git/hooks/pre-commit", "#!/bin/sh\nexit 0\n")
    assert "kept as pre-commit.before-gitorch" in sandbox("init").out
    assert sandbox.read(".git/hooks/pre-commit.before-gitorch") == "#!/bin/sh\nexit 0\n"
    sandbox.git("config", "core.hooksPath", "elsewhere")
    assert "no hook was installed" in sandbox("init").err
    assert not (sandbox.root / "elsewhere").exists()


def _by_hand(sandbox: Sandbox) -> None:
    sandbox.write(".tasks/MAIN_TASK", "STATUS: continue\nNEXT: Execute one\nTASK: one\n")
    sandbox.write(".tasks/[completed]_zero_task.md", "---\n---\n\n# zero\n")
    sandbox.write(".tasks/[pending]_one_task.md", "---\nneeds: zero\n---\n\n# one\n")
    sandbox.write(".tasks/zero/result.md", "done\n")


@pytest.mark.parametrize("how", ["untracked", "staged", "committed", "ignored", "unborn"])
@pytest.mark.thorough
def test_init_adopts_tasks_that_no_record_names(sandbox: Sandbox, how: str) -> None:
    if how != "unborn":
        sandbox.commit(file="x\n")
    _by_hand(sandbox)
    if how in ("staged", "committed"):
        sandbox.git("add", ".tasks/MAIN_TASK", ".tasks/zero", ".tasks/[pending]_one_task.md")
        sandbox.git("add", ".tasks/[completed]_zero_task.md")
    if how == "committed":
        sandbox.git("commit", "-qm", "tasks of old")
    if how == "ignored":
        sandbox.commit("ignore", **{".gitignore": ".tasks/\n"})
    assert "adopted 2 tasks" in sandbox("init").out
    assert sandbox.states() == {"zero": "completed", "one": "pending"}
    assert sandbox.git("show", "HEAD:.tasks/zero/result.md") == "done\n"
    report = sandbox("verify", "--json").json
    assert report["ok"], report
    assert ("adopted later" in str(report["warnings"])) == (how == "committed")
    assert "adopted" not in sandbox("init").out
    sandbox("run", "--agent-command", "echo x > x.txt")
    assert sandbox.states() == {"zero": "completed", "one": "completed"}
    assert sandbox("verify", "--json").json["ok"]


def test_init_adopts_no_tasks_that_are_out_of_form(sandbox: Sandbox) -> None:
    _by_hand(sandbox)
    sandbox.write(".tasks/[failed]_one_task.md", "---\n---\n")
    with unchanged(sandbox):
        assert "two files" in sandbox("init", code=1).err


@pytest.mark.thorough
def test_the_hook_refuses_a_commit_that_is_not_legal(sandbox: Sandbox) -> None:
    sandbox("init")
    sandbox("create", "one")
    sandbox("update", "continue", "Go on")
    sandbox.commit("plain work", file="x\n")
    (sandbox.root / ".tasks/[pending]_one_task.md").rename(sandbox.root / ".tasks/[completed]_one_task.md")
    sandbox.git("add", "-A", ".tasks/[pending]_one_task.md", ".tasks/[completed]_one_task.md")
    done = run("git", "commit", "-qm", "by hand", cwd=sandbox.root)
    assert done.code != 0
    assert "error: task one is pending and cannot become completed" in done.err
    sandbox.git("reset", "-q", "--hard")
    (sandbox.root / ".tasks/[completed]_one_task.md").unlink(missing_ok=True)
    sandbox.write(".tasks/MAIN_TASK", "STATUS: done\nNEXT: Done\n")
    done = run("git", "commit", "-qam", "by hand", cwd=sandbox.root)
    assert done.code != 0
    assert "MAIN_TASK" in done.err
    sandbox.write(".tasks/MAIN_TASK", "STATUS: completed\nNEXT: Done\n")
    sandbox.git("commit", "-qam", "by hand")
    assert sandbox.git("log", "-1", "--format=%s").strip() == "gitorch(MAIN_TASK): by hand"
    assert sandbox("verify", "--json", code=0).json["ok"]


@pytest.mark.thorough
def test_trust_shows_asks_and_remembers(sandbox: Sandbox, sealed: Path) -> None:
    sandbox.commit(**{".tasks/[pending]_one_task.md": "---\nrun: echo made > made\n---\n\n# one\n"})
    sandbox("init")
    sandbox("update", "continue", "Execute one", "--task", "one")
    assert "gitorch trust" in sandbox("step", code=None).err
    assert not (sandbox.root / "made").exists()
    assert sandbox("trust", stdin="n\n", code=1).err.count("error: not allowed") == 1
    done = sandbox("trust", stdin="y\n")
    assert "echo made > made" in done.out
    assert str(sealed) in done.out
    assert sandbox("trust").out == "there is nothing to allow\n"
    sandbox("step", code=10)
    assert sandbox.read("made") == "made\n"


@pytest.mark.thorough
def test_git_orch_is_the_same_program(research: Sandbox) -> None:
    done = run("git", "orch", "status", "--json", cwd=research.root)
    assert done.json == research("status", "--json").json
    wrong = run("git", "orch", "nonsense", cwd=research.root)
    assert wrong.code == 2
    assert "see git orch -h" in wrong.err


@pytest.mark.thorough
def test_colours_are_for_terminals_and_never_where_unwanted(research: Sandbox) -> None:
    script = f"import pty, sys; sys.exit(pty.spawn(['{sys.executable}', '-m', 'gitorch', 'list']))"
    coloured = run(sys.executable, "-c", script, cwd=research.root, env={"TERM": "xterm"})
    assert "\x1b[" in coloured.out
    for env in ({"NO_COLOR": "1", "TERM": "xterm"}, {"TERM": "dumb"}):
        assert "\x1b[" not in run(sys.executable, "-c", script, cwd=research.root, env=env).out
    assert "\x1b[" not in research("list").out


@pytest.mark.thorough
def test_the_shell_completes_commands_tasks_and_templates(research: Sandbox) -> None:
    def complete(*words: str) -> list[str]:
        env = {
            "_GITORCH_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(("gitorch", *words)),
            "COMP_CWORD": str(len(words)),
        }
        return [line.partition(",")[2] for line in run("gitorch", cwd=research.root, env=env).out.splitlines()]

    script = run("gitorch", cwd=research.root, env={"_GITORCH_COMPLETE": "bash_source"})
    assert script.code == 0
    assert "complete -o nosort" in script.out
    assert complete("ver") == ["verify"]
    assert complete("move", "chip-research-a") == ["chip-research-analysis"]
    assert complete("move", "chip-research-analysis", "com") == ["completed"]
    assert "technical-deepdive" in complete("start", "x", "--template", "tech")
    nowhere = run(
        "gitorch",
        cwd=research.root.parent,
        env={"_GITORCH_COMPLETE": "bash_complete", "COMP_WORDS": "gitorch show x", "COMP_CWORD": "2"},
    )
    assert (nowhere.out.strip(), nowhere.err) == ("", "")


@pytest.mark.thorough
def test_a_dropped_only_subtask_leaves_a_task_that_can_run_itself(sandbox: Sandbox) -> None:
    sandbox("create", "parent")
    sandbox("create", "child", "--parent", "parent")
    sandbox("update", "continue", "Go on")
    sandbox("move", "child", "running")
    assert "parent: running -> pending" in sandbox("drop", "child").out
    sandbox("step", "--agent-command", "echo x > x; echo done", code=10)
    assert sandbox.states() == {"parent": "completed"}
    assert sandbox("verify", "--json").json["ok"]


@pytest.mark.thorough
def test_a_reopened_workflow_goes_on_and_ends(research: Sandbox) -> None:
    research("run")
    assert research("move", "chip-research", "pending").code == 0
    research("update", "continue", "Execute chip-research again", "--task", "chip-research")
    assert research("step", "--json", code=10).json["task"] == "chip-research"
    assert set(research.states().values()) == {"completed"}
    assert research("verify", "--json").json["ok"]


@pytest.mark.thorough
def test_a_broken_template_hides_no_other(sandbox: Sandbox) -> None:
    sandbox.write(".tasks/templates/bad.yaml", "name: bad\n  x: [\n")
    listed = sandbox("templates", "list")
    assert "research " in listed.out
    assert listed.err.startswith("not valid: .tasks/templates/bad.yaml:2: ")
    assert "analysis.md" in sandbox("templates", "show", "research").out
    sandbox("start", "chip-research", "-d", "Analyze it", "--template", "research")
    assert "decompose chip-research by template: completed" in sandbox("step").out
    assert ".tasks/templates/bad.yaml:2: " in sandbox("templates", "show", "bad", code=1).err
    sandbox("create", "a")
    assert "there is no template 'nope'\n" in sandbox("decompose", "a", "--template", "nope", code=1).err
    assert "nofile.yaml is not a file" in sandbox("templates", "check", "nofile.yaml", code=1).err
