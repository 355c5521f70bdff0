"""A power cut tears what an agent has committed by itself: its branch goes back to what is whole, and the run goes on.

Git by itself syncs nothing of it: the branch may then name a commit that is not on the disk, or nothing at all.
"""

from __future__ import annotations

import pytest

from tests.guard.cuts import FIRST, SECOND, cut, goes_on, needs_boot_id, tear
from tests.loop.bench import Bench

pytestmark = needs_boot_id


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
    assert not (dirty.root / "lib").exists()
    assert dirty.photo(without=["done.txt"]) == before


@pytest.mark.thorough
def test_a_record_made_beside_it_stays(dirty: Bench) -> None:
    before = dirty.photo()
    cut(dirty, FIRST, "create", "v", then=SECOND)
    assert dirty.git("log", "-1", "--format=%s") == "second\n"
    tear(dirty, "HEAD", "HEAD:lib/two.txt")
    goes_on(dirty)
    assert dirty.states()["v"] == "pending"
    assert dirty.photo(without=["done.txt"]) == before


@pytest.mark.parametrize("packed", [True, False], ids=["packed before", "never packed"])
@pytest.mark.thorough
def test_the_branch_itself_is_torn(dirty: Bench, *, packed: bool) -> None:
    if packed:
        dirty.git("pack-refs", "--all")
    before = dirty.photo()
    cut(dirty, FIRST, "create", "v", then=SECOND)
    tear(dirty, "HEAD", "HEAD:lib/two.txt")
    ref = dirty.root / ".git" / dirty.git("symbolic-ref", "HEAD").strip()
    ref.write_bytes(b"\0" * 41 if packed else b"")
    goes_on(dirty)
    assert dirty.states()["v"] == "pending"
    assert dirty.photo(without=["done.txt"]) == before


@pytest.mark.thorough
def test_what_an_agent_has_staged_is_torn_in_the_index_and_in_the_work_tree(dirty: Bench) -> None:
    before = dirty.photo()
    cut(dirty, "echo theirs > new.txt; echo more >> b.txt; git add new.txt b.txt")
    tear(dirty, ":new.txt", ":b.txt")
    for name in ("new.txt", "b.txt"):
        dirty.write(name, "")
    goes_on(dirty)
    assert dirty.photo(without=["done.txt"]) == before


@pytest.mark.parametrize("commits", [True, False], ids=["a commit", "the index"])
@pytest.mark.thorough
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
