"""A power cut tears refs, their logs and the index: what an agent's gits, and others, have written and not synced."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import gitorch
from gitorch.agents.report import Report
from tests.guard.cuts import FIRST, SECOND, cut, goes_on, needs_boot_id, tear
from tests.loop.bench import Bench
from tests.reliability.powercuts import start_anew
from tests.sandbox import run

pytestmark = needs_boot_id

ONE = "echo one > one.txt; git add one.txt; git commit -qm first one.txt"
LOGS = (".git/logs/HEAD", ".git/logs/refs/heads/main")


@pytest.mark.parametrize(
    ("agent", "ref"),
    [
        pytest.param(f"{ONE}; git tag v1", "refs/tags/v1", id="a tag", marks=pytest.mark.thorough),
        pytest.param(f"git checkout -qb wip; {ONE}; git checkout -q main", "refs/heads/wip", id="a branch"),
        pytest.param("echo x >> b.txt; git stash -q", "refs/stash", id="a stash"),
    ],
)
@pytest.mark.parametrize("emptied", [True, pytest.param(False, marks=pytest.mark.thorough)])
def test_another_ref_is_torn(dirty: Bench, agent: str, ref: str, *, emptied: bool) -> None:
    before = dirty.photo()
    cut(dirty, agent)
    tear(dirty, ref)
    if emptied:
        (dirty.root / ".git" / ref).write_bytes(b"")
    goes_on(dirty)
    assert dirty.photo(without=["done.txt"]) == before
    stays = ref == "refs/heads/wip"  # its log tells of the commit that it was made on
    assert (ref in dirty.git("for-each-ref")) == stays


@pytest.mark.parametrize("ref", ["refs/tags/v1", "refs/heads/wip"])
@pytest.mark.thorough
def test_another_ref_is_torn_and_the_work_tree_clean(bench: Bench, ref: str) -> None:
    cut(bench, f"git update-ref {ref} HEAD; {ONE}; git update-ref {ref} HEAD")
    tear(bench, ref)
    goes_on(bench)


@pytest.mark.thorough
def test_a_branch_that_was_there_goes_back_to_what_it_was(dirty: Bench) -> None:
    dirty.git("branch", "wip")
    was = dirty.git("rev-parse", "wip")
    cut(dirty, f"git stash -q; git checkout -q wip; {ONE}; git checkout -q main; git stash pop -q")
    tear(dirty, "wip")
    goes_on(dirty)
    assert dirty.git("rev-parse", "wip") == was


@pytest.mark.parametrize(("call", "at"), [("read_bytes", "logs/refs/heads/wip"), ("iterdir", "refs/heads")])
@pytest.mark.thorough
def test_what_cannot_be_read_for_a_moment_takes_no_ref_away(
    dirty: Bench, monkeypatch: pytest.MonkeyPatch, call: str, at: str
) -> None:
    cut(dirty, f"git checkout -qb wip; {ONE}; git checkout -q main")
    tear(dirty, "wip")
    real = getattr(Path, call)

    def fails(self: Path, *args: Any) -> Any:
        if self == dirty.root / ".git" / at:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(self))
        return real(self, *args)

    with monkeypatch.context() as patch, gitorch.open(dirty.root) as workflow:
        patch.setattr(Path, call, fails)
        with pytest.raises(OSError, match=at):
            workflow.step(agent=lambda _: Report(outcome="completed", summary="done"))
    goes_on(dirty)
    assert "refs/heads/wip" in dirty.git("for-each-ref")


@pytest.mark.thorough
def test_the_branch_that_the_agent_went_to_is_torn(dirty: Bench) -> None:
    before = dirty.photo()
    cut(dirty, f"git checkout -qb wip; {ONE}")
    tear(dirty, "HEAD")
    goes_on(dirty)
    assert dirty.photo(without=["done.txt"]) == before


@pytest.mark.parametrize("torn", [True, pytest.param(False, marks=pytest.mark.thorough)])
def test_packed_refs_are_emptied(dirty: Bench, *, torn: bool) -> None:
    before = dirty.photo()
    cut(dirty, "true", "create", "v", then=f"{ONE}; git pack-refs --all")
    tear(dirty, *(["HEAD"] if torn else []))
    (dirty.root / ".git/packed-refs").write_bytes(b"")
    goes_on(dirty)
    assert dirty.states()["v"] == "pending"
    assert dirty.photo(without=["done.txt"]) == before


@pytest.mark.thorough
def test_killed_while_it_is_mended(dirty: Bench, tmp_path: Path) -> None:
    cut(dirty, FIRST, "create", "v", then=SECOND)
    tear(dirty, "HEAD")
    (dirty.root / ".git/refs/heads/main").write_bytes(b"")
    git = tmp_path / "bin" / "git"
    git.parent.mkdir()
    shim = '#!/bin/sh\ncase " $* " in *" update-ref "*) kill -9 $PPID;; esac\nexec {} "$@"\n'
    git.write_text(shim.format(shutil.which("git")))
    git.chmod(0o755)
    killed = dirty.program("step", env={"PATH": f"{git.parent}:{os.environ['PATH']}"})
    assert killed.code == -9
    goes_on(dirty)
    assert dirty.states()["v"] == "pending"


def _shorter(log: bytes) -> bytes:
    return b"".join(log.splitlines(keepends=True)[:-1])


def _zeros(log: bytes) -> bytes:
    return _shorter(log) + b"\0" * 150


def _half(log: bytes) -> bytes:
    return log[:-60]


@pytest.mark.parametrize(
    "left", [_shorter, _zeros, pytest.param(_half, marks=pytest.mark.thorough)], ids=["shorter", "zeros", "half"]
)
def test_the_logs_have_not_reached_the_disk_and_the_commit_has(dirty: Bench, left: Callable[[bytes], bytes]) -> None:
    before, mine = dirty.photo(), dirty.blobs_of_the_user()
    cut(dirty, "git commit -qam first")  # the user's own work along
    tear(dirty)
    for log in LOGS:
        (dirty.root / log).write_bytes(left((dirty.root / log).read_bytes()))
    goes_on(dirty)
    assert dirty.photo(without=["done.txt"]) == before
    assert not mine & dirty.reachable()


@pytest.mark.thorough
def test_a_commit_was_amended_and_the_first_is_torn(dirty: Bench) -> None:
    before, mine = dirty.photo(), dirty.blobs_of_the_user()
    cut(dirty, "git commit -qam first; git commit -q --amend -m second")
    tear(dirty, "HEAD@{1}")
    goes_on(dirty)
    assert dirty.photo(without=["done.txt"]) == before
    assert not mine & dirty.reachable()


@pytest.mark.parametrize("left", [0, pytest.param(2, marks=pytest.mark.thorough)], ids=["emptied", "half"])
@pytest.mark.parametrize("torn", [True, pytest.param(False, marks=pytest.mark.thorough)])
def test_the_index_is_torn(dirty: Bench, left: int, *, torn: bool) -> None:
    before = dirty.photo()
    cut(dirty, FIRST if torn else "echo x > x.txt; git add x.txt")
    tear(dirty, *(["HEAD"] if torn else []))
    index = dirty.root / ".git/index"
    index.write_bytes(index.read_bytes()[: index.stat().st_size // left] if left else b"")
    goes_on(dirty)
    assert dirty.photo(without=["done.txt"]) == before


@pytest.mark.thorough
def test_the_head_of_another_worktree_is_let_alone(bench: Bench) -> None:
    bench.git("checkout", "-qb", "other")
    bench.git("worktree", "add", "-q", str(bench.root.parent / "linked"), "main")
    linked = Bench(bench.root.parent / "linked")
    cut(linked, "true", "create", "v")
    head = bench.root / ".git/HEAD"
    head.write_bytes(b"")
    start_anew(bench.root)
    noted = next((bench.root / ".git/worktrees").glob("*/gitorch/invocation.json"))
    noted.write_text(noted.read_text().replace('"boot": "', '"boot": "another '))
    linked.step("echo done > done.txt")
    assert head.read_bytes() == b""
    assert linked.states()["v"] == "pending"


@pytest.mark.thorough
def test_cut_again_before_the_mark_of_the_boot_is_on_the_disk(dirty: Bench) -> None:
    cut(dirty, "echo done > done.txt; git add done.txt")
    tear(dirty, ":done.txt")
    (dirty.root / ".git/gitorch/write.lock").write_bytes(b"")
    goes_on(dirty)


@pytest.mark.parametrize("reachable", [True, False])
@pytest.mark.thorough
def test_killed_in_a_partial_clone_nothing_passes_for_torn_or_is_fetched(
    bench: Bench, tmp_path: Path, *, reachable: bool
) -> None:
    def git(*args: str, cwd: Path = tmp_path) -> None:
        assert run("git", *args, cwd=cwd).code == 0

    git("clone", "-q", "--bare", str(bench.root), "origin")
    git("config", "uploadpack.allowFilter", "true", cwd=tmp_path / "origin")
    git("clone", "-q", "--filter=blob:none", f"file://{tmp_path}/origin", "clone")
    git("clone", "-q", "origin", "other")
    for text in ("1\n", "2\n"):
        (tmp_path / "other" / "b.txt").write_text(text)
        git("commit", "-qam", "theirs", cwd=tmp_path / "other")
    git("push", "-q", cwd=tmp_path / "other")
    clone = Bench(tmp_path / "clone")
    cut(clone, "true; env -u GIT_REFLOG_ACTION git pull -q --no-rebase --no-edit")
    start_anew(clone.root)
    pulled = clone.head()
    if not reachable:
        (tmp_path / "origin").rename(tmp_path / "away")
    lacks = clone.git("rev-list", "--objects", "--missing=print", "HEAD").count("?")
    clone.step("echo done > done.txt")
    assert "torn" not in clone.git("reflog")
    clone.git("merge-base", "--is-ancestor", pulled, "HEAD")
    assert clone.git("rev-list", "--objects", "--missing=print", "HEAD").count("?") == lacks
