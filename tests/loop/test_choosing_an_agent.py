"""The agent is chosen by the user, never assumed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.sandbox import Sandbox

pytestmark = pytest.mark.usefixtures("no_agent")


def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let PATH name a directory with git, sh and the programs of these agents, and nothing else."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in names:
        (programs / name).write_text("#!/bin/sh\nexit 9\n")
        (programs / name).chmod(0o755)
    for tool in ("git", "sh"):
        (programs / tool).symlink_to(shutil.which(tool) or "")
    monkeypatch.setenv("PATH", str(programs))


@pytest.mark.thorough
def test_a_step_that_needs_an_agent_ends_with_an_error_before_it_records_anything(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(tmp_path, monkeypatch, "claude", "codex")
    sandbox("create", "a", "-d", "do a")
    sandbox("update", "continue", "Execute a task", "--task", "a")
    before = sandbox.git("rev-parse", "HEAD")
    for command in ("step", "run"):
        ran = sandbox(command, code=1)
        assert "no agent is chosen" in ran.err
        assert "--agent claude" in ran.err
        assert "installed: claude, codex" in ran.err
        assert "--agent local" in ran.err
    assert sandbox.git("rev-parse", "HEAD") == before


def test_the_hint_says_so_where_no_agent_is_installed(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(tmp_path, monkeypatch)
    sandbox("create", "a", "-d", "do a")
    sandbox("update", "continue", "Execute a task", "--task", "a")
    assert "gitorch agents list" in sandbox("step", code=1).err


def test_a_decomposition_by_template_needs_no_agent(sandbox: Sandbox) -> None:
    sandbox.commit("notes", **{"notes.md": "Notes on the main work: deep, far, signed, homeless, tide, wanted.\n"})
    sandbox("start", "tide-research", "-d", "when is it high?")
    sandbox("step")
    assert len(sandbox.states()) == 4


@pytest.mark.thorough
def test_a_tasks_own_command_needs_no_agent(sandbox: Sandbox) -> None:
    sandbox.commit(**{".tasks/[pending]_a_task.md": "---\nrun: echo done > .tasks/a/done\n---\n# a\n"})
    sandbox("adopt", "--yes")
    sandbox("update", "continue", "Execute a task", "--task", "a")
    sandbox("trust", "--yes")
    sandbox("step", code=10)
    assert sandbox.states() == {"a": "completed"}


@pytest.mark.parametrize("key", ["gitorch.agent", "branch.main.gitorchagent"])
@pytest.mark.thorough
def test_git_config_chooses_the_agent(sandbox: Sandbox, key: str) -> None:
    sandbox.commit("notes", **{"notes.md": "Notes on the main work: deep, far, signed, homeless, tide, wanted.\n"})
    sandbox("start", "tide-research", "-d", "when is it high?")
    sandbox("step")
    sandbox("step", code=1)
    sandbox.git("config", key, "local")
    sandbox("step")


def test_start_names_the_command_that_runs_the_workflow_and_the_one_that_tries_the_agent(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(tmp_path, monkeypatch, "claude")
    out = sandbox("start", "tide-research", "-d", "when is it high?").out
    assert "gitorch run --agent claude" in out
    assert "gitorch agents check claude" in out
