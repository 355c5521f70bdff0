"""The real Claude Code with our plugin and our skills, speaking to a scripted server instead of a model."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from gitorch.loop.skills import PLUGIN
from tests.agents.protocols.messages import Messages, Turn, bash, call, say
from tests.claude.test_plugin import INSIDE
from tests.sandbox import Sandbox, run

pytestmark = pytest.mark.skipif(shutil.which("claude") is None, reason="Claude Code is not installed")


def results(sandbox: Sandbox, folder: Path, *turns: Turn, **env: str) -> list[tuple[str, bool]]:
    """Let Claude Code make these turns; gives what came of its calls of tools, and whether each was refused."""
    settings = {"ANTHROPIC_API_KEY": "sk-ant-dummy", "CLAUDE_CODE_MAX_RETRIES": "0", "CLAUDE_CODE_TMPDIR": str(folder)}
    settings["CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"] = "1"
    with Messages(*turns, say("done")) as server:
        done = run(
            *("claude", "-p", "go", "--plugin-dir", str(PLUGIN), "--allowedTools", "Bash", "Edit", "Skill"),
            cwd=sandbox.root,
            env={**settings, "ANTHROPIC_BASE_URL": server.url, **env},
        )
    assert (done.code, done.out) == (0, "done\n"), done.out + done.err
    blocks = [block for message in server.asked[-1].body["messages"] for block in content(message)]
    return [(str(block["content"]), bool(block.get("is_error"))) for block in blocks if block["type"] == "tool_result"]


def content(message: dict[str, Any]) -> list[dict[str, Any]]:
    return [] if isinstance(message["content"], str) else message["content"]


def test_it_heeds_the_hook(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox("start", "some-task")
    head = sandbox.head()
    main_task = str(sandbox.root / ".tasks/MAIN_TASK")
    turns = (
        bash("git commit --amend --no-edit"),
        bash("git log -1 --format=%s"),
        call("Read", file_path=main_task),
        call("Edit", file_path=main_task, old_string="continue", new_string="completed"),
    )
    amended, logged, _, edited = results(sandbox, tmp_path, *turns, **INSIDE)
    assert amended[1]
    assert "History only grows" in amended[0]
    assert logged == ("gitorch(some-task): start workflow", False)
    assert edited[1]
    assert "gitorch update" in edited[0]
    ((asked, refused),) = results(sandbox, tmp_path, bash("git commit --amend --no-edit"))
    assert refused  # nobody is there to be asked
    assert "a workflow's record" in asked
    assert sandbox.head() == head
    assert sandbox.main_task().startswith("STATUS: continue\n")


def test_it_finds_the_skills_of_repository_and_plugin(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox("init", "--claude")
    sandbox("start", "some-task")
    skills = ("task-creator", "context-fetcher", "gitorch:task-creator", "gitorch:context-fetcher")
    for name, (said, refused) in zip(
        skills, results(sandbox, tmp_path, *(call("Skill", skill=name) for name in skills)), strict=True
    ):
        assert (name in said, refused) == (True, False)
    script = "python3 .claude/skills/task-creator/scripts/read_main_task.py"
    ((said, refused),) = results(sandbox, tmp_path, bash(script))
    assert "STATUS: CONTINUE" in said
    assert not refused
