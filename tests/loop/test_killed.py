"""Killed at any moment, gitorch goes on by itself: nothing lost, nothing twice, nothing lying about."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.loop.bench import LINES, Bench, differences

# A git that kills the gitorch that started it before (or after) its n-th call which writes something.
SHIM = """#!/bin/sh
for word in "$@"; do
  case $word in
    update-ref|commit-tree|update-index|write-tree|mktree|checkout-index|hash-object|symbolic-ref|read-tree)
      [ -n "$GITORCH_INVOCATION" ] && break
      [ -e {folder}/after ] && [ $word = mktree ] && break # it talks with gitorch: there is no moment after it
      n=$(($(cat {folder}/count) + 1)); echo $n > {folder}/count
      if [ $n = "$(cat {folder}/at)" ]; then
        [ -e {folder}/after ] && {git} "$@" >/dev/null
        kill -9 $PPID; exit 1
      fi
      break ;;
    -*|*=*) ;;
    *) break ;;
  esac
done
exec {git} "$@"
"""
AGENT = (
    "echo agent >> b.txt; echo 'by the agent' > out.txt; git add out.txt; git commit -qm 'my own'; echo x >> count.txt"
)


@pytest.fixture
def killer(tmp_path: Path) -> Path:
    folder = tmp_path / "shim"
    folder.mkdir()
    git = folder / "git"
    git.write_text(SHIM.format(folder=folder, git=shutil.which("git")))
    git.chmod(0o755)
    return folder


def _kill_at(bench: Bench, killer: Path, number: int, *command: str) -> bool:
    """Run a step to be killed at a call; tell whether there was such a call."""
    (killer / "at").write_text(str(number))
    (killer / "count").write_text("0")
    code = bench(*command, code=None, env={"PATH": f"{killer}:{os.environ['PATH']}"}).code
    return code == -9


def _heavy(every: int) -> list[object]:
    """Number a step's calls; in the short form only some of them."""
    return [number if number % every == 0 else pytest.param(number, marks=pytest.mark.heavy) for number in range(1, 41)]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("failing", [False, True], ids=["good", "failing"])
@pytest.mark.parametrize("number", _heavy(13))
def test_an_executing_step(bench: Bench, killer: Path, number: int, failing: bool, after: bool) -> None:
    if after:
        (killer / "after").touch()
    bench.write("a.txt", LINES + "staged\n")
    bench.git("add", "a.txt")
    bench.write("a.txt", LINES + "mine\n")
    bench.write("mine.txt", "untracked\n")
    before = bench.photo()
    agent = f"{AGENT}; exit {int(failing)}"
    if not _kill_at(bench, killer, number, "step", "--agent-command", agent):
        pytest.skip("a step makes fewer calls")
    bench.step(f"test -e count.txt || {{ {AGENT}; }}")
    assert bench.states()["t"] == "completed"
    assert bench.committed("count.txt") == "x\n"
    assert bench.committed("b.txt") == LINES + "agent\n"
    assert bench.committed("out.txt") == "by the agent\n"
    agents = ("b.txt", "out.txt", "count.txt")
    assert differences(bench.without(before, *agents), bench.photo(without=agents)) == []
    assert bench.events().count("begin") == bench.events().count("end") + bench.events().count("recover")
    assert [path.name for path in (bench.root / ".git").glob("*.lock")] == []
    assert bench.is_sound()


@pytest.mark.parametrize("number", range(1, 9))
def test_a_decomposing_step(bench: Bench, killer: Path, number: int) -> None:
    bench("update", "completed", "Not this way")
    bench("start", "topic-research", "-d", "A topic")
    bench.write("a.txt", LINES + "mine\n")
    before = bench.photo()
    if not _kill_at(bench, killer, number, "step"):
        pytest.skip("a step makes fewer calls")
    bench.step("echo x > x.txt", "--max-steps", "1", code=None)
    assert bench.events().count("decompose") == 1
    assert len([name for name in bench.states() if name.startswith("topic-research-")]) == 3
    assert differences(before, bench.photo(without=["x.txt"])) == []
    assert bench.is_sound()
