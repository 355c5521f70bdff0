"""Which git command a hook runs for, as real git starts it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gitorch.hooks import caller
from tests.sandbox import Sandbox

TELL = (
    "import sys; from gitorch.git.repository import open_repository; from gitorch.hooks import caller; "
    "here = open_repository('.', in_hook=True); seen = caller.look(here.config); "
    "squashes = caller.squashes(here.git_dir); "
    "print(seen.amends, seen.picks, squashes, file=open(sys.argv[1], 'a'))"
)


@pytest.fixture
def told(sandbox: Sandbox) -> Path:
    """Give where the hook of a repository writes what it has found out."""
    sandbox.commit("first", **{"a.txt": "1\n"})
    sandbox.commit("second", **{"a.txt": "2\n"})
    sandbox.commit("third", **{"b.txt": "3\n"})
    file = sandbox.root.parent / "told"
    hook = sandbox.write(
        ".git/hooks/prepare-commit-msg", f'#!/bin/sh\nexec \'{sys.executable}\' -c "{TELL}" "{file}"\n'
    )
    hook.chmod(0o755)
    return file


EDIT = {"GIT_EDITOR": "true"}


def todo(script: str) -> dict[str, str]:
    return {**EDIT, "GIT_SEQUENCE_EDITOR": f"sed -i -e '{script}'"}


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (("commit", "--allow-empty", "-m", "x"), "False False False"),
        (("commit", "--amend", "--no-edit"), "True False False"),
        (("commit", "--am", "--no-edit"), "True False False"),
        (("-c", "x.y=commit", "-C", ".", "commit", "--amend", "--no-edit"), "True False False"),
        (("ca", "--allow-empty", "-m", "x"), "False False False"),
        (("fix", "--no-edit"), "True False False"),
        (("deep", "--no-edit"), "True False False"),
        (("outside",), "True False False"),
        (("revert", "--no-edit", "HEAD"), "None True False"),
        (("cherry-pick", "--allow-empty", "--keep-redundant-commits", "HEAD"), "None True False"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
@pytest.mark.thorough
def test_the_command_line_tells(sandbox: Sandbox, told: Path, command: tuple[str, ...], line: str) -> None:
    sandbox.git("config", "alias.ca", "commit -a")
    sandbox.git("config", "alias.fix", "commit --amend")
    sandbox.git("config", "alias.deep", "fix --date='2001-01-01 00:00'")
    sandbox.git("config", "alias.outside", "!git commit --amend --no-edit")
    sandbox.git(*command, env=EDIT)
    assert told.read_text() == line + "\n"


@pytest.mark.parametrize(
    ("script", "last"),
    [
        ("2s/pick/reword/", "True True False"),
        ("2s/pick/fixup/", "None True True"),
        ("2s/pick/squash/", "True True True"),
    ],
)
@pytest.mark.thorough
def test_a_rebase_tells_when_it_squashes(sandbox: Sandbox, told: Path, script: str, last: str) -> None:
    sandbox.git("rebase", "-q", "-i", "HEAD~2", env=todo(script))
    assert last in told.read_text().splitlines()


@pytest.mark.thorough
def test_a_commit_in_the_middle_of_a_rebase_is_an_ordinary_one(sandbox: Sandbox, told: Path) -> None:
    sandbox.git("rebase", "-q", "-i", "HEAD~1", env=todo("1s/pick/edit/"))
    told.unlink(missing_ok=True)
    sandbox.git("commit", "-q", "--amend", "--no-edit")
    assert told.read_text() == "True False False\n"


def test_without_git_above_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getppid", lambda: 1)
    assert caller.look({}) == caller.Caller(None, picks=False)
    assert not caller.squashes(tmp_path)
