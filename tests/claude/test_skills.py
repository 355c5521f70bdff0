"""`gitorch init --claude`: what it writes and commits, what it leaves alone; and what the scripts print."""

from __future__ import annotations

import ast
import os
import re
import sys
from pathlib import Path

import pytest
import yaml

from gitorch.loop import skills
from tests.claude.conftest import SCRIPTS, Shell, make_shell
from tests.sandbox import Sandbox

SIX = (
    "read_main_task",
    "update_main_task",
    "decompose_task",
    "create_task",
    "change_task_state",
    "list_tasks",
)
SKILL = ".claude/skills/task-creator/SKILL.md"
AGENT = ".claude/agents/task-executor.md"


def committed(sandbox: Sandbox) -> list[str]:
    out = sandbox.git("-c", "core.quotePath=false", "show", "--name-only", "--format=", "HEAD")
    return out.splitlines()


@pytest.fixture
def plain(sandbox: Sandbox, bare: Path, tmp_path: Path) -> Shell:
    sandbox("init", "--claude")
    return make_shell(sandbox, bare, tmp_path, on_path=True)


@pytest.mark.thorough
def test_it_commits_just_its_files_in_one_commit(sandbox: Sandbox) -> None:
    sandbox.commit("one", **{"a.txt": "one\n"})
    before = sandbox.head()
    told = sandbox("init", "--claude").out
    assert sandbox.git("rev-list", "--count", f"{before}..HEAD").strip() == "1"
    files = committed(sandbox)
    assert {SKILL, AGENT, ".claude/skills/context-fetcher/SKILL.md", *(f"{SCRIPTS}/{name}.py" for name in SIX)} < set(
        files
    )
    assert ".claude/skills/task-creator/references/orchestration-pattern.md" in files
    assert all(path.startswith((".claude/skills/", ".claude/agents/")) for path in files)
    assert "settings" not in " ".join(files)
    assert sandbox.head()[:10] in told
    assert sandbox.status() == ""
    assert all(os.access(sandbox.root / SCRIPTS / f"{name}.py", os.X_OK) for name in SIX)
    assert sandbox("verify", "--json").json["ok"]


def test_a_second_time_nothing_happens(sandbox: Sandbox) -> None:
    sandbox("init", "--claude")
    head = sandbox.head()
    assert "are up to date" in sandbox("init", "--claude").out
    assert (sandbox.head(), sandbox.status()) == (head, "")


@pytest.mark.parametrize("born", [True, False])
@pytest.mark.thorough
def test_the_users_work_is_left_alone(sandbox: Sandbox, born: bool) -> None:
    if born:
        sandbox.commit("one", **{"a.txt": "one\n", "b.txt": "one\n"})
    sandbox.write("a.txt", "staged\n")
    sandbox.git("add", "a.txt")
    sandbox.write("a.txt", "and changed\n")
    sandbox.write("b.txt", "changed\n")
    sandbox.write(".claude/mine.md", "mine\n")
    sandbox.git("add", ".claude/mine.md")
    before = sandbox.status()
    sandbox("init", "--claude")
    assert sandbox.status() == before
    assert sandbox.git("show", ":a.txt") == "staged\n"
    assert ".claude/mine.md" not in committed(sandbox)
    assert SKILL in committed(sandbox)


def test_a_file_that_differs_is_left_and_named(sandbox: Sandbox) -> None:
    sandbox.commit("mine", **{SKILL: "mine\n"})
    sandbox.write(AGENT, "mine too\n")
    done = sandbox("init", "--claude")
    assert re.findall(r"^warning: (\S+) ", done.err, re.MULTILINE) == [SKILL, AGENT]
    assert "move yours away and run" in done.err
    assert (sandbox.read(SKILL), sandbox.read(AGENT)) == ("mine\n", "mine too\n")
    assert f"{SCRIPTS}/create_task.py" in committed(sandbox)
    assert not {SKILL, AGENT} & set(committed(sandbox))
    (sandbox.root / SKILL).rename(sandbox.root / "mine.md")
    done = sandbox("init", "--claude")
    assert AGENT in done.err
    assert committed(sandbox) == [SKILL]
    assert sandbox.read(SKILL).startswith("---\nname: task-creator\n")


def test_where_it_is_ignored_it_is_written_and_not_committed(sandbox: Sandbox) -> None:
    head = sandbox.commit("ignore", **{".gitignore": ".claude/\n"})
    done = sandbox("init", "--claude")
    assert "not committed" in done.err
    assert (sandbox.root / SKILL).is_file()
    assert (sandbox.head(), sandbox.status()) == (head, "")


def test_a_refusing_hook_leaves_everything_to_be_done_again(sandbox: Sandbox) -> None:
    sandbox.commit("one", **{"a.txt": "one\n"})
    sandbox.write("a.txt", "staged\n")
    sandbox.git("add", "a.txt")
    hook = sandbox.write(".git/hooks/pre-commit", "#!/bin/sh\necho 'error: not today' >&2\nexit 1\n")
    hook.chmod(0o755)
    done = sandbox("init", "--claude", code=1)
    assert "not today" in done.err
    assert sandbox.git("diff", "--cached", "--name-only") == "a.txt\n"
    hook.with_name("pre-commit.before-gitorch").unlink()
    sandbox("init", "--claude")
    assert SKILL in committed(sandbox)
    assert sandbox.git("diff", "--cached", "--name-only") == "a.txt\n"


def test_a_place_that_is_taken_is_refused_before_anything_is_written(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (sandbox.root / ".claude").symlink_to(tmp_path / "elsewhere")
    assert ".claude is no folder" in sandbox("init", "--claude", code=1).err
    assert not list((tmp_path / "elsewhere").iterdir())
    (sandbox.root / ".claude").unlink()
    sandbox.write(".claude/skills", "a file\n")
    assert ".claude/skills is no folder" in sandbox("init", "--claude", code=1).err


def test_a_sparse_checkout_and_a_linked_worktree_are_no_hindrance(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.commit("one", **{"src/a.txt": "one\n"})
    sandbox.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    side = Sandbox(tmp_path / "side")
    side.git("sparse-checkout", "set", "--cone", "src")
    side("init", "--claude")
    assert SKILL in committed(side)
    assert side.status() == ""


def test_without_the_option_there_are_no_skills(sandbox: Sandbox) -> None:
    sandbox("init")
    assert not (sandbox.root / ".claude").exists()
    assert "gitorch.program" not in sandbox.git("config", "--list")


def test_it_is_refused_inside_an_invocation(sandbox: Sandbox) -> None:
    sandbox("init", "--claude", code=1, env={"GITORCH_INVOCATION": "0" * 32})
    assert not (sandbox.root / ".claude").exists()


def test_the_program_is_named_in_this_clone_only(sandbox: Sandbox, sealed: Path) -> None:
    sandbox("init", "--claude")
    program = Path(sandbox.git("config", "--local", skills.SETTING).strip())
    assert program == Path(sys.executable).with_name("gitorch")
    assert skills.SETTING not in (sealed / ".gitconfig").read_text()


# --- the scripts ------------------------------------------------------------------------------------------------------


@pytest.mark.thorough
def test_reading_shows_what_there_is(plain: Shell) -> None:
    done = plain.script("read_main_task", code=1)
    assert (done.out, "no workflow" in done.err) == ("", True)
    done = plain.script("read_main_task", "--json", code=1)
    assert done.json == {"status": None, "next": None, "task": None, "focus": None}
    plain.script("update_main_task", "blocked", "Which market?")
    assert plain.script("read_main_task").out == "⛔ STATUS: BLOCKED\n📋 NEXT: Which market?\n"
    plain.script("update_main_task", "completed", "All done", "--focus", "Größe")
    assert plain.script("read_main_task").out == "✅ STATUS: COMPLETED\n📋 NEXT: All done\n💡 FOCUS: Größe\n"
    state = {"status": "completed", "next": "All done", "task": None, "focus": "Größe"}
    assert plain.script("read_main_task", "--json").json == state
    plain.sandbox.write(".tasks/MAIN_TASK", "STATUS: continue\nNEXT: Something else\n")
    done = plain.script("read_main_task")
    assert "COMPLETED" in done.out
    assert done.err.startswith("note: ")


@pytest.mark.thorough
def test_the_others_say_what_they_did(plain: Shell) -> None:
    assert plain.script("create_task", "a-task").out == "✅ created .tasks/[pending]_a-task_task.md\n"
    assert plain.script("create_task", "b-task", "--parent", "a-task", "--needs", "a-task", code=1).out == ""
    assert plain.script("create_task", "c-task", "--description", "x", "--needs", "a-task").err == ""
    told = plain.script("update_main_task", "continue", "Execute a-task task", "--task", "a-task").out
    assert told == "✅ .tasks/MAIN_TASK: continue, Execute a-task task\n"
    assert plain.script("change_task_state", "a-task", "running").out == "✅ a-task: pending -> running\n"
    assert plain.script("change_task_state", "a-task", "running").out == "✅ a-task is running already\n"
    plain.script("change_task_state", "a-task", "failed", "--reason", "no data")
    assert "no data" in plain.sandbox.git("log", "-1", "--format=%B")
    assert plain.script("list_tasks").out == plain.sandbox("list").out
    assert plain.script("list_tasks", "--json").json == plain.sandbox("list", "--json").json
    told = plain.script("decompose_task", "c-task", "--template", "market-research").out
    assert told.startswith("Creates:\n- [pending]_c-task-")


@pytest.mark.thorough
def test_gitorchs_errors_and_exit_codes_are_passed_on(plain: Shell) -> None:
    for words in (("change_task_state", "none", "running"), ("create_task", "Bad Name"), ("list_tasks", "--what")):
        done = plain.script(*words, code=None)
        same = plain.sandbox.program(
            *{"change_task_state": ("move",), "create_task": ("create",)}.get(words[0], ("list",)), *words[1:]
        )
        assert (done.code, done.err) == (same.code, same.err)
        assert done.code in {1, 2}
    assert "read_main_task.py [--json]" in plain.script("read_main_task", "--what", code=1).err


@pytest.mark.parametrize("name", SIX)
@pytest.mark.thorough
def test_each_script_tells_how_it_is_used(plain: Shell, name: str) -> None:
    assert f"usage: {name}.py " in plain.script(name, "-h").out


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.thorough
def test_other_locales_do_no_harm(plain: Shell, encoding: str) -> None:
    plain.script("update_main_task", "continue", "Größe → messen", PYTHONIOENCODING=encoding, LC_ALL="C")
    assert plain.sandbox.main_task() == "STATUS: continue\nNEXT: Größe → messen\n"
    assert "STATUS: CONTINUE" in plain.script("read_main_task", PYTHONIOENCODING=encoding).out
    assert plain.script("read_main_task", "--json", PYTHONIOENCODING=encoding).json["next"] == "Größe → messen"


@pytest.mark.thorough
def test_they_leave_nothing_behind_and_work_from_any_folder(plain: Shell) -> None:
    deep = plain.sandbox.write("docs/deep/a.md", "a\n").parent
    plain.sandbox.commit("docs", **{"docs/deep/a.md": "a\n"})
    script = str(plain.sandbox.root / SCRIPTS / "create_task.py")
    plain("python", script, "from-deep", folder=str(deep))
    plain("python", "create_task.py", "from-scripts", folder=SCRIPTS)
    plain(f"./{SCRIPTS}/list_tasks.py")
    assert set(plain.sandbox.states()) == {"from-deep", "from-scripts"}
    assert plain.sandbox.status() == ""
    assert not list(plain.sandbox.root.rglob("__pycache__"))


@pytest.mark.thorough
def test_without_gitorch_they_say_what_to_do(sandbox: Sandbox, bare: Path, tmp_path: Path) -> None:
    sandbox("init", "--claude")
    shell = make_shell(sandbox, bare, tmp_path, on_path=False)
    for program in ("/nowhere/gitorch", str(sandbox.root)):
        sandbox.git("config", skills.SETTING, program)
        done = shell.script("list_tasks", code=1)
        assert "install it" in done.err
        assert "git config gitorch.program" in done.err


@pytest.mark.thorough
def test_a_python_with_gitorch_needs_neither_path_nor_setting(sandbox: Sandbox, bare: Path, tmp_path: Path) -> None:
    sandbox("init", "--claude")
    shell = make_shell(sandbox, bare, tmp_path, on_path=False)
    sandbox.git("config", "--unset", skills.SETTING)
    shell(sys.executable, f"{SCRIPTS}/create_task.py", "some-task")
    assert sandbox.states() == {"some-task": "pending"}


@pytest.mark.thorough
def test_inside_an_invocation_they_propose(plain: Shell) -> None:
    plain.script("create_task", "some-task", "--description", "Say something.")
    plain.script("create_task", "other-task")
    plain.script("update_main_task", "continue", "Execute some-task task", "--task", "some-task")
    lines = (
        f"cd {SCRIPTS}",
        "python change_task_state.py some-task running",
        "python create_task.py third-task && exit 9",
        "python decompose_task.py some-task --auto && exit 9",
        "python change_task_state.py other-task running && exit 9",
        "echo done > ../../../../$GITORCH_TASK_DIR/said.md",
        "python change_task_state.py some-task completed",
        'python update_main_task.py continue "Execute other-task task" --task other-task --focus "Be quick"',
        "git rev-parse HEAD > ../../../../.git/during",
    )
    agent = plain.sandbox.write(".git/agent.sh", "\n".join(lines) + "\n")
    plain("gitorch", "step", "--agent-command", f"sh {agent}")
    assert plain.sandbox.states() == {"some-task": "completed", "other-task": "pending"}
    assert plain.sandbox.main_task() == (
        "STATUS: continue\nNEXT: Execute other-task task\nTASK: other-task\nFOCUS: Be quick\n"
    )
    assert plain.sandbox.git("rev-parse", "HEAD~1") == plain.sandbox.read(".git/during")
    assert plain.sandbox("verify", "--json").json["ok"]


# --- the texts --------------------------------------------------------------------------------------------------------


def front_matter(path: Path) -> dict[str, str]:
    _, head, body = path.read_text().split("---\n", 2)
    assert body.strip()
    values = yaml.safe_load(head)
    assert isinstance(values, dict)
    return values


@pytest.mark.parametrize(
    "path", sorted((skills.PLUGIN / "skills").glob("*/SKILL.md")), ids=lambda path: path.parent.name
)
def test_skills_are_found_and_short(path: Path) -> None:
    values = front_matter(path)
    assert values["name"] == path.parent.name
    assert re.fullmatch(r"[a-z0-9-]{1,64}", values["name"])
    assert 0 < len(values["description"]) <= 1024
    assert "Use " in values["description"]
    assert not re.search(r"[<>]", values["description"])
    assert len(path.read_text().splitlines()) < 100


def test_the_subagent_is_found() -> None:
    values = front_matter(skills.PLUGIN / "agents/task-executor.md")
    assert values["name"] == "task-executor"
    assert values["description"]
    assert {"Bash", "Read", "Edit", "Write"} <= set(values["tools"].split(", "))


def test_the_skill_names_the_six_scripts_and_its_reference() -> None:
    folder = skills.PLUGIN / "skills/task-creator"
    text = (folder / "SKILL.md").read_text()
    assert all(f"`{name}.py" in text for name in SIX)
    assert "references/orchestration-pattern.md" in text
    pattern = (folder / "references/orchestration-pattern.md").read_text()
    for heading in ("Concept", "Workflow patterns", "Example loops", "Best practices", "Common patterns"):
        assert f"\n## {heading}\n" in pattern


@pytest.mark.parametrize("path", sorted((skills.PLUGIN / "skills").rglob("*.py")), ids=lambda path: path.name)
def test_scripts_need_nothing_but_an_old_python(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 8))
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in imported} <= {*sys.stdlib_module_names, "__future__"}
    assert len(path.read_text().splitlines()) < 100
