"""A power cut tears what an agent has committed by itself: its branch goes back to what is whole, and the run goes on.

Git by itself syncs no objects; the branch, which it does sync, may then name a commit that is not on the disk.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.loop.bench import Bench, wait_for
from tests.reliability.powercuts import start_anew

pytestmark = pytest.mark.skipif(not Path("/proc/sys/kernel/random/boot_id").exists(), reason="the boot has no id here")

FIRST = "mkdir -p lib; echo one > lib/one.txt; echo more >> b.txt; git add -A lib b.txt; git commit -qm first"
SECOND = "echo two > lib/two.txt; git add lib; git commit -qm second"


@pytest.fixture
def dirty(bench: Bench) -> Bench:
    """Give a workflow with staged and unstaged work of the user's own."""
    bench.write("a.txt", bench.read("a.txt") + "staged\n")
    bench.git("add", "a.txt")
    bench.write("a.txt", bench.read("a.txt") + "edited\n")
    bench.write("mine.txt", "new\n")
    return bench


def cut(bench: Bench, agent: str, *meanwhile: str, then: str = "true") -> None:
    """Have an agent do something, then perhaps gitorch, then the agent once more, and everything die while it waits."""
    waiting, go = bench.root.parent / "waiting", bench.root.parent / "go"
    ask = f"touch {waiting}; while [ ! -e {go} ]; do sleep 0.01; done"
    step = bench.start("step", "--agent-command", f"{agent}; {ask}; {then}; rm {waiting}; sleep 600")
    wait_for(waiting.exists)
    if meanwhile:
        bench(*meanwhile)
    go.touch()
    wait_for(lambda: not waiting.exists())
    os.killpg(step.pid, signal.SIGKILL)
    step.communicate()


def tear(bench: Bench, *revs: str) -> None:
    """Leave of objects what a power cut may leave, and have the machine have started anew."""
    for oid in bench.git("rev-parse", *revs).split():
        path = bench.root / ".git/objects" / oid[:2] / oid[2:]
        path.chmod(0o644)
        path.write_bytes(b"")
    start_anew(bench.root)


def goes_on(bench: Bench) -> None:
    bench.step("echo done > done.txt")
    assert bench.events()[-3:] == ["recover", "begin", "end"]
    assert bench.committed("done.txt") == "done\n"
    assert bench.is_sound()


@pytest.mark.parametrize(
    "torn",
    [
        pytest.param(["HEAD"], id="the commit"),
        pytest.param(["HEAD^{tree}"], id="its tree", marks=pytest.mark.thorough),
        pytest.param(["HEAD:lib"], id="a folder", marks=pytest.mark.thorough),
        pytest.param(["HEAD:lib/one.txt"], id="a file"),
        pytest.param(["HEAD", "HEAD^{tree}", "HEAD:lib", "HEAD:lib/one.txt", "HEAD:b.txt"], id="all"),
        pytest.param(["HEAD:lib/two.txt"], id="a file of the second", marks=pytest.mark.thorough),
        pytest.param(["HEAD~1"], id="the first of two"),
    ],
)
def test_a_torn_commit_goes_and_the_rungoes_on(dirty: Bench, torn: list[str]) -> None:
    before = dirty.photo()
    cut(dirty, f"{FIRST}; {SECOND}" if any("two" in rev or "~" in rev for rev in torn) else FIRST)
    tear(dirty, *torn)
    goes_on(dirty)
    assert dirty.git("log", "--format=%s", "--grep=^first", "--grep=^second") == ""
    assert not (dirty.root / "lib").exists()
    assert dirty.photo(without=["done.txt"]) == before


def test_a_record_made_beside_it_stays(dirty: Bench) -> None:
    before = dirty.photo()
    cut(dirty, FIRST, "create", "v", then=SECOND)
    assert dirty.git("log", "-1", "--format=%s") == "second\n"
    tear(dirty, "HEAD", "HEAD:lib/two.txt")
    goes_on(dirty)
    assert dirty.git("log", "--format=%s", "--grep=^first", "--grep=^second") == ""
    assert dirty.states()["v"] == "pending"
    assert dirty.photo(without=["done.txt"]) == before


@pytest.mark.parametrize("packed", [True, False], ids=["packed before", "never packed"])
def test_the_branch_itself_is_torn(dirty: Bench, *, packed: bool) -> None:
    if packed:
        dirty.git("pack-refs", "--all")
    before = dirty.photo()
    cut(dirty, FIRST, "create", "v", then=SECOND)
    tear(dirty, "HEAD", "HEAD:lib/two.txt")
    ref = dirty.root / ".git" / dirty.git("symbolic-ref", "HEAD").strip()
    ref.write_bytes(b"\0" * 41 if packed else b"")
    goes_on(dirty)
    assert dirty.git("log", "--format=%s", "--grep=^first", "--grep=^second") == ""
    assert dirty.states()["v"] == "pending"
    assert dirty.photo(without=["done.txt"]) == before


def test_what_an_agent_has_staged_is_torn_in_the_index_and_in_the_work_tree(dirty: Bench) -> None:
    before = dirty.photo()
    cut(dirty, "echo theirs > new.txt; echo more >> b.txt; git add new.txt b.txt")
    tear(dirty, ":new.txt", ":b.txt")
    for name in ("new.txt", "b.txt"):
        dirty.write(name, "")
    goes_on(dirty)
    assert dirty.photo(without=["done.txt"]) == before


@pytest.mark.parametrize("commits", [True, False], ids=["a commit", "the index"])
def test_an_invocation_that_a_loop_of_ones_own_has(dirty: Bench, *, commits: bool) -> None:
    before = dirty.photo()
    dirty("begin")
    dirty.write("done.txt", "done\n")
    dirty.git("add", "done.txt")
    if commits:
        dirty.git("commit", "-qm", "own", "done.txt")
    tear(dirty, *(["HEAD", "HEAD^{tree}"] if commits else []), ":done.txt")
    dirty("finish")
    assert dirty.events()[-2:] == ["begin", "end"]
    assert dirty.committed("done.txt") == "done\n"
    assert dirty.is_sound()
    assert dirty.photo(without=["done.txt"]) == before


def test_a_torn_commit_of_somebody_else_is_told(bench: Bench) -> None:
    bench.write("b.txt", "by hand\n")
    bench.git("commit", "-qm", "by hand", "b.txt")
    tear(bench, "HEAD")
    told = bench.step("true", code=1)
    assert "the last commit cannot be read" in told.err
    assert "git fsck, and git reflog" in told.err


@pytest.mark.parametrize("left", [b"", b"\0" * 21])
def test_an_emptied_head_is_told(bench: Bench, left: bytes) -> None:
    head = bench.root / ".git/HEAD"
    was = head.read_bytes()
    head.write_bytes(left)
    told = bench("status", code=1).err
    assert f"{head} is empty" in told
    assert "ref: refs/heads/main" in told
    head.write_bytes(was)
    bench("status")
