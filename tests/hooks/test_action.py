"""The GitHub action: its steps, run as a runner would run them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.sandbox import Ran, Sandbox, run

ROOT = Path(__file__).parents[2]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"]}


def verify(sandbox: Sandbox, tmp_path: Path, rev: str, since: str = "") -> tuple[Ran, str]:
    """Run the action's second step; gives what came of it, and the job's summary."""
    summary = tmp_path / "summary.md"
    summary.unlink(missing_ok=True)
    here = tmp_path / "bin"
    here.mkdir(exist_ok=True)
    program = here / "gitorch"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m gitorch "$@"\n')
    program.chmod(0o755)
    env = {
        "REV": rev,
        "SINCE": since,
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_STEP_SUMMARY": str(summary),
        "PATH": f"{here}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    step = STEPS["Verify"]
    ran = run("bash", "-e", "-o", "pipefail", "-c", step["run"], cwd=sandbox.root, env=env)
    return ran, summary.read_text() if summary.exists() else ""


def test_each_step_tells_its_shell_and_takes_no_expression_into_a_command_line() -> None:
    assert ACTION["runs"]["using"] == "composite"
    for step in STEPS.values():
        assert step["shell"] == "bash"
        assert "${{" not in step["run"]  # what others wrote stays in variables


@pytest.mark.thorough
def test_a_record_that_holds(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.git("commit", "-q", "--allow-empty", "-m", "first")
    base = sandbox.head()
    sandbox("create", "a", "-d", "<script>alert(1)</script>")
    sandbox("move", "a", "running")
    ran, summary = verify(sandbox, tmp_path, "HEAD", base)
    assert ran.code == 0, ran.err
    assert "2 records since" in ran.out
    assert "### gitorch verify" in summary
    assert "### gitorch audit" in summary
    assert "create" in summary
    assert "<script>" not in summary


@pytest.mark.thorough
def test_one_that_does_not(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox("create", "a", "-d", "first")
    base = sandbox.head()
    sandbox.git("mv", ".tasks/[pending]_a_task.md", ".tasks/[completed]_a_task.md")
    sandbox.git("commit", "-qm", "done, trust me")
    ran, summary = verify(sandbox, tmp_path, sandbox.head(), base)
    assert ran.code == 1
    assert "::error::the record does not hold" in ran.out
    assert "task state changed without a record: a: pending -&gt; completed" in summary
    assert verify(sandbox, tmp_path, base)[0].code == 0


def test_a_history_that_is_cut_off_proves_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox("create", "a", "-d", "first")
    sandbox("move", "a", "running")
    run("git", "clone", "-q", "--depth", "1", f"file://{sandbox.root}", str(tmp_path / "shallow"), cwd=tmp_path)
    ran, _ = verify(Sandbox(tmp_path / "shallow"), tmp_path, "HEAD")
    assert ran.code == 1
    assert "fetch-depth: 0" in ran.out
