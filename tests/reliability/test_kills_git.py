"""A git that gitorch has started is killed, before or after its work: gitorch sees it fail, and goes on next time."""

from __future__ import annotations

import os
import random
import shutil
import time
from pathlib import Path

import pytest

from tests.reliability.kills import tell
from tests.reliability.kills_scenes import NEXT, SCENES
from tests.reliability.soundness import assert_sound
from tests.reliability.test_kills import SEED, Stage

# A git that ends itself by SIGKILL at its n-th call which writes something.
SHIM = """#!/bin/sh
for word in "$@"; do
  case $word in
    update-ref|commit-tree|update-index|write-tree|mktree|checkout-index|hash-object|read-tree|add|merge|branch|worktree)
      [ -n "$GITORCH_INVOCATION" ] && break
      case $word in mktree|hash-object) # they talk with gitorch: there is no moment after them
        [ -e {folder}/after ] && break ;;
      esac
      n=$(($(cat {folder}/count) + 1)); echo $n > {folder}/count
      if [ $n = "$(cat {folder}/at)" ]; then
        [ -e {folder}/after ] && {git} "$@" >/dev/null
        kill -9 $$
      fi
      break ;;
    i18n.commitEncoding=*|-*) ;;
    *) break ;;
  esac
done
exec {git} "$@"
"""


class Shim:
    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        folder.mkdir()
        git = folder / "git"
        git.write_text(SHIM.format(folder=folder, git=shutil.which("git")))
        git.chmod(0o755)
        self.set(0, after=False)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    def set(self, at: int, *, after: bool) -> None:
        (self.folder / "at").write_text(str(at))
        (self.folder / "count").write_text("0")
        (self.folder / "after").unlink(missing_ok=True)
        if after:
            (self.folder / "after").touch()

    def count(self) -> int:
        return int((self.folder / "count").read_text())


def _goes_on(stage: Stage, shim: Shim, number: int, *, after: bool) -> None:
    stage.room.again()
    stage.said = ""
    shim.set(number, after=after)
    stage.run(*stage.scene.command)
    shim.set(0, after=False)
    if stage.scene.first:
        stage.run(*stage.scene.first)
    code = stage.run(*NEXT)
    if code == 75 and "try again at" in stage.said:  # the rate limit is recorded already, and holds
        code = 0
    elif code == 75:
        assert stage.run("finish", "--exit", "0") == 0
        code = stage.run(*NEXT)
    assert code in (0, 10, 20), stage.said
    assert_sound(stage.bench.root, stage.before, temporary=stage.room.temporary)
    assert stage.events() <= stage.count + 1


def _failures(stage: Stage, shim: Shim, calls: list[tuple[int, bool]]) -> list[str]:
    found = []
    for number, after in calls:
        problem = _problem(stage, shim, number, after=after)
        if problem:
            found.append(f"{'after' if after else 'before'} {number}: {problem}\n{stage.said}")
            tell(f"FAILED {found[-1]}")
    return found


def _problem(stage: Stage, shim: Shim, number: int, *, after: bool) -> str:
    try:
        _goes_on(stage, shim, number, after=after)
    except (AssertionError, OSError) as error:
        return str(error) or "unsound"
    return ""


def _calls(stage: Stage, shim: Shim) -> list[tuple[int, bool]]:
    stage.room.again()
    shim.set(0, after=False)
    stage.room.play(*stage.scene.command)
    return [(number, after) for number in range(1, shim.count() + 1) for after in (False, True)]


@pytest.mark.parametrize("name", ["execute", "create"])
@pytest.mark.thorough
def test_killed_at_a_few_calls(
    name: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    shim = Shim(tmp_path / "shim", monkeypatch)
    stage = Stage(SCENES[name], tmp_path / "room", tmp_path_factory.getbasetemp() / "pattern", monkeypatch)
    chosen = random.Random(f"{SEED} {name}").sample(_calls(stage, shim), 2)  # noqa: S311 - to be repeated
    tell(f"{name}: seed {SEED}: {chosen}")
    assert not _failures(stage, shim, chosen)


@pytest.mark.heavy
@pytest.mark.parametrize("name", SCENES)
def test_killed_at_every_call(
    name: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = time.monotonic()
    shim = Shim(tmp_path / "shim", monkeypatch)
    stage = Stage(SCENES[name], tmp_path / "room", tmp_path_factory.getbasetemp() / "pattern", monkeypatch)
    calls = _calls(stage, shim)
    failures = _failures(stage, shim, calls)
    tell(f"FIGURES git in {name}: {len(calls)} kills, {len(failures)} failures, {time.monotonic() - began:.0f} s")
    assert not failures, "\n".join(failures)
