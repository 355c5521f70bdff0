"""The report of a bug: what a maintainer needs, and nothing that the user typed."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import gitorch
from gitorch import bug
from gitorch.ending import code_of


def fail() -> int:
    raise ZeroDivisionError("a ```fence``` in it")


def test_a_bug_leaves_a_report_to_paste(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of(fail, ["run", "--max-cost", "12", "--agent-command=secret"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: gitorch has a bug: ZeroDivisionError: a ```fence``` in it\nhint: please report it")
    found = re.search(r"text in (\S+\.md)$", error.rstrip())
    assert found is not None
    text = Path(found[1]).read_text()
    assert text.startswith("Command: `gitorch run --max-cost … --agent-command`\n")
    assert f"- gitorch: {gitorch.__version__}\n- git: 2." in text
    assert f"- Python: CPython {sys.version.split()[0]}" in text
    assert "- platform: " in text
    assert "\n````text\nTraceback (most recent call last):\n" in text
    assert text.endswith("ZeroDivisionError: a ```fence``` in it\n````\n")


@pytest.mark.parametrize(
    ("args", "shown"),
    [
        ([], "gitorch"),
        (["-C", "/home/me", "start", "name", "-dsecret"], "gitorch -C … start … -d"),
        (["agents", "check", "claude"], "gitorch agents check …"),
        (["move", "run", "pending"], "gitorch move … …"),
    ],
    ids=str,
)
def test_a_command_is_reported_without_its_values(args: list[str], shown: str) -> None:
    assert bug.command_line(args) == shown


def test_a_bug_is_reported_although_git_does_not_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "- git: does not run" in bug.describe(ValueError("x"), [])
