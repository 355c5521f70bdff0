"""The plugin for Claude Code: its form, its hook as Claude Code calls it, and that it is shipped."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from gitorch import __version__
from gitorch.loop.skills import PLUGIN
from gitorch.tooluse import judge as tooluse
from tests.sandbox import Ran, Sandbox, run

ROOT = Path(__file__).parents[2]
MARKETPLACE = ROOT / ".claude-plugin/marketplace.json"
INSIDE = {"GITORCH_INVOCATION": "0" * 32}


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def hook_command() -> str:
    (entry,) = read(PLUGIN / "hooks/hooks.json")["hooks"]["PreToolUse"]
    assert set(entry["matcher"].split("|")) == set(tooluse.TOOLS)
    (hook,) = entry["hooks"]
    assert hook["type"] == "command"
    assert hook["timeout"] <= 30
    return str(hook["command"])


def ask(folder: Path, command: str, *, path: str | None = None, **env: str) -> Ran:
    """Call the hook as Claude Code does: by a shell, with the plugin's place in the environment."""
    use = {"hook_event_name": "PreToolUse", "cwd": str(folder), "tool_name": "Bash", "tool_input": {"command": command}}
    settings = {"CLAUDE_PLUGIN_ROOT": str(PLUGIN), "CLAUDE_PROJECT_DIR": str(folder), **env}
    if path is not None:
        settings["PATH"] = path
    return run("sh", "-c", hook_command(), cwd=folder, stdin=json.dumps(use), env=settings)


def decision(ran: Ran) -> str:
    assert ran.code == 0, ran.err
    return str(ran.json["hookSpecificOutput"]["permissionDecision"])


def without_gitorch() -> str:
    return os.pathsep.join(
        each for each in os.environ["PATH"].split(os.pathsep) if not (Path(each) / "gitorch").exists()
    )


def test_the_manifest_tells_name_and_version() -> None:
    manifest = read(PLUGIN / ".claude-plugin/plugin.json")
    assert (manifest["name"], manifest["version"]) == ("gitorch", __version__)
    # Claude Code looks for all else in these places; a manifest that names them would double them
    assert not {"skills", "agents", "hooks", "commands"} & set(manifest)
    assert {path.name for path in PLUGIN.iterdir()} == {".claude-plugin", "skills", "agents", "hooks"}


@pytest.mark.skipif(not MARKETPLACE.exists(), reason="the marketplace file is in a checkout only")
def test_the_marketplace_leads_to_the_plugin() -> None:
    (entry,) = read(MARKETPLACE)["plugins"]
    assert (ROOT / entry["source"]).resolve() == PLUGIN.resolve()
    assert entry["name"] == read(PLUGIN / ".claude-plugin/plugin.json")["name"]


@pytest.mark.skipif(shutil.which("claude") is None, reason="Claude Code is not installed")
@pytest.mark.parametrize("place", [PLUGIN, ROOT], ids=["plugin", "marketplace"])
def test_claude_code_finds_no_fault(place: Path) -> None:
    if not (place / ".claude-plugin").is_dir():
        pytest.skip("the marketplace file is in a checkout only")
    done = run("claude", "plugin", "validate", "--strict", str(place), cwd=ROOT)
    assert done.code == 0, done.out + done.err


@pytest.mark.thorough
def test_the_hook_answers(sandbox: Sandbox) -> None:
    sandbox("start", "some-task")
    assert decision(ask(sandbox.root, "git commit --amend")) == "ask"
    assert decision(ask(sandbox.root, "git commit --amend", **INSIDE)) == "deny"
    assert decision(ask(sandbox.root, "rm .tasks/MAIN_TASK", **INSIDE)) == "deny"
    assert ask(sandbox.root, "git commit -m x", **INSIDE) == Ran(0, "", "")


def test_the_hook_keeps_quiet_where_there_is_no_workflow(sandbox: Sandbox, tmp_path: Path) -> None:
    for folder in (sandbox.root, tmp_path):
        assert ask(folder, "git commit --amend") == Ran(0, "", "")


@pytest.mark.thorough
def test_the_hook_finds_the_program_that_init_has_named(sandbox: Sandbox) -> None:
    sandbox("init", "--claude")
    sandbox("start", "some-task")
    assert decision(ask(sandbox.root, "git commit --amend", path=without_gitorch())) == "ask"


@pytest.mark.parametrize(
    "program", ["", "#!/bin/sh\nexit 2\n", "#!/bin/sh\necho oops; echo oops >&2; exit 1\n", "#!/nowhere\n"]
)
@pytest.mark.thorough
def test_the_hook_allows_where_gitorch_is_missing_or_fails(sandbox: Sandbox, tmp_path: Path, program: str) -> None:
    sandbox("start", "some-task")
    path = without_gitorch()
    if program:
        broken = tmp_path / "bin/gitorch"
        broken.parent.mkdir()
        broken.write_text(program)
        broken.chmod(0o755)
        path = f"{broken.parent}{os.pathsep}{path}"
    assert ask(sandbox.root, "git commit --amend", path=path, **INSIDE) == Ran(0, "", "")


def test_the_hook_allows_where_the_plugin_has_moved(sandbox: Sandbox) -> None:
    sandbox("start", "some-task")
    done = ask(sandbox.root, "git commit --amend", CLAUDE_PLUGIN_ROOT="/nowhere")
    assert (done.code, done.out) == (0, "")


@pytest.mark.skipif(importlib.util.find_spec("hatchling") is None, reason="hatchling is not installed")
@pytest.mark.thorough
def test_the_wheel_carries_the_whole_plugin(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for part in ("gitorch", "templates", "hooks"):
        shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / part, source / part)
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=source, check=True, capture_output=True, timeout=120)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as archive:
        shipped = {info.filename: info.external_attr >> 16 for info in archive.infolist()}
    for file in PLUGIN.rglob("*"):
        if file.is_file() and "__pycache__" not in file.parts:
            mode = shipped[f"gitorch/claude/{file.relative_to(PLUGIN).as_posix()}"]
            assert bool(mode & stat.S_IXUSR) == os.access(file, os.X_OK), file
