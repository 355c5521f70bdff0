"""The walk-through: every command line on the page works as it stands, and each that writes leaves one commit."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.claude.conftest import SCRIPTS, Shell

PAGE = Path(__file__).parents[2] / "docs/walkthrough.md"
PLACE = f"python {SCRIPTS}"
LEFT_OPEN = re.compile(r"note: \d+ tasks are open and do not run: .*\n  remove: .*\n  continue: .*\n")
# What people have learned by heart: no edit of the page may lose or change any of it.
COMMANDS = (
    f'{PLACE}/create_task.py semiconductor-research --description "Analyze semiconductor industry AI chip market"',
    f'{PLACE}/update_main_task.py continue "Decompose semiconductor-research task" --task semiconductor-research',
    f"{PLACE}/read_main_task.py",
    f"{PLACE}/decompose_task.py semiconductor-research --auto",
    (
        f'{PLACE}/update_main_task.py continue "Execute data-gathering subtask" '
        '--task semiconductor-research-data-gathering --focus "Focus on Q4 2024 data"'
    ),
    "python read_main_task.py",
    "python change_task_state.py semiconductor-research-data-gathering running",
    "python change_task_state.py semiconductor-research-data-gathering completed",
    'python update_main_task.py continue "Execute analysis subtask" --task semiconductor-research-analysis',
    'python update_main_task.py completed "All research completed"',
    "python decompose_task.py <task> --auto",
    'python update_main_task.py continue "Execute first subtask"',
    "python change_task_state.py <task> running",
    "python change_task_state.py <task> completed",
    'python update_main_task.py continue "Execute next subtask"',
    'python update_main_task.py continue "Execute analysis"',
    'python update_main_task.py completed "All done"',
    "python list_tasks.py --by-state",
    'python update_main_task.py continue "Next action"',
    "python create_task.py my-research",
    'python update_main_task.py continue "Decompose my-research task" --task my-research',
    f"STATUS=$({PLACE}/read_main_task.py --json | jq -r '.status')",
    'if [ "$STATUS" == "completed" ]; then',
    "sleep 5",
    f'["python", "{SCRIPTS}/read_main_task.py", "--json"],',
    "invoke_claude_code(f\"Read MAIN_TASK and execute: {state['next']}\")",
    "time.sleep(10)",
)
READS = ("read_main_task", "list_tasks")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def lines(block: str) -> list[str]:
    """Give a block's lines, those that go on in the next one put together."""
    joined = re.sub(r"\\\n\s*", "", block).split("\n")
    return [line.strip() for line in joined if line.strip()]


def is_script(block: str) -> bool:
    return block.startswith("#!")


def test_the_page_keeps_every_command_line() -> None:
    shown = {line for language in ("bash", "python") for block in blocks(language) for line in lines(block)}
    assert not set(COMMANDS) - shown
    called = {line for block in blocks("bash") if not is_script(block) for line in lines(block) if line[0] != "#"}
    assert called <= set(COMMANDS)


@pytest.mark.thorough
def test_all_command_lines_work_and_leave_their_commits(shell: Shell) -> None:
    ran = 0
    for number, block in enumerate(each for each in blocks("bash") if not is_script(each)):
        if "<task>" in block:
            shell.script("create_task", f"stand-in-{number}")
        said = ""
        for line in lines(block):
            if line.startswith("#"):
                continue
            said = check_line(shell, line.replace("<task>", f"stand-in-{number}"))
            ran += 1
        told = [
            line[2:] for line in lines(block) if line.startswith(("# Creates:", "# - ", "# ▶️", "# 📋", "# 🎯", "# 💡"))
        ]
        assert not told or told == said.splitlines()
    assert ran == 23
    assert shell.sandbox("verify", "--json").json["problems"] == []
    assert shell.sandbox.status() == ""
    assert shell.sandbox.decoys_untouched()


def check_line(shell: Shell, line: str) -> str:
    """Run one line where it is meant to be typed; gives what it printed."""
    git = shell.sandbox.git
    before = int(git("rev-list", "--count", "HEAD"))
    done = shell("bash", "-c", line, folder="." if SCRIPTS in line else SCRIPTS)
    writes = not any(name in line for name in READS)
    assert int(git("rev-list", "--count", "HEAD")) == before + writes, line
    assert not done.err or LEFT_OPEN.fullmatch(done.err)
    assert not writes or git("log", "-1", "--format=%(trailers:key=Gitorch-Event,valueonly)").strip()
    return done.out


def stand_in(shell: Shell) -> Path:
    """Make a program that does one step as an agent would: three of them, and the work is done."""
    shell.script("create_task", "chips")
    shell.script("update_main_task", "continue", "Decompose chips task", "--task", "chips")
    text = """#!/bin/sh
        set -e
        echo step >> .git/steps
        case $(wc -l < .git/steps) in
            *1) python SCRIPTS/decompose_task.py chips --auto
                python SCRIPTS/update_main_task.py continue "Gather first" --task chips-data-gathering ;;
            *2) python SCRIPTS/change_task_state.py chips-data-gathering running
                python SCRIPTS/update_main_task.py continue "Stop here" ;;
            *) python SCRIPTS/update_main_task.py completed "All done" ;;
        esac
        """
    program = shell.sandbox.write(".git/agent", text.replace("SCRIPTS", SCRIPTS))
    program.chmod(0o755)
    return program


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
@pytest.mark.parametrize("shell", ["by setting"], indirect=True)
@pytest.mark.thorough
def test_the_shell_loop_runs_to_the_end(shell: Shell, tmp_path: Path) -> None:
    (script,) = [each for each in blocks("bash") if is_script(each)]
    assert "(you provide the mechanism)" in script
    agent = stand_in(shell)
    loop = shell.sandbox.write(".git/orchestrate.sh", script.replace("# (you provide the mechanism)", str(agent)))
    (tmp_path / "tools/sleep").write_text("#!/bin/sh\n")
    (tmp_path / "tools/sleep").chmod(0o755)
    told = shell("bash", str(loop)).out
    assert told.count("▶️  STATUS: CONTINUE\n") == 3
    assert "📋 NEXT: Gather first\n🎯 CURRENT TASK: chips-data-gathering\n" in told
    assert told.endswith("✅ Workflow completed!\n")
    assert shell.sandbox.read(".git/steps") == "step\n" * 3
    assert shell.sandbox("verify", "--json").json["problems"] == []


@pytest.mark.parametrize("shell", ["on PATH"], indirect=True)
@pytest.mark.thorough
def test_the_python_loop_runs_to_the_end(shell: Shell) -> None:
    (source,) = blocks("python")
    agent = stand_in(shell)
    assert source.count("    pass\n") == 1
    source = source.replace(
        "    pass\n", f"    print(prompt, flush=True)\n    subprocess.run([{str(agent)!r}], check=True)\n"
    )
    loop = shell.sandbox.write(".git/loop.py", "import time\ntime.sleep = lambda seconds: None\n" + source)
    told = shell("python", str(loop)).out
    assert "Read MAIN_TASK and execute: Decompose chips task\nCreates:\n" in told
    assert told.endswith("✅ Completed!\n")
    assert shell.sandbox.read(".git/steps") == "step\n" * 3
