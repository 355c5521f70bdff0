"""Reading objects through a git that runs for long."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gitorch.git.commit import parse_commit
from gitorch.git.process import GitError
from gitorch.git.repository import open_repository
from gitorch.ledger.history import way_back
from tests.sandbox import Sandbox


@pytest.mark.thorough
def test_a_branch_that_is_packed_anew_within_a_second_is_seen(sandbox: Sandbox) -> None:
    """To git the file may be as before, by inode, size and second: a cat-file that has read it does not look again."""
    commits = []
    for number in range(7):
        sandbox.commit("more", a=f"{number}\n")
        commits.append(sandbox.head())
    sandbox.git("pack-refs", "--all")
    packed = sandbox.root / ".git/packed-refs"
    text = packed.read_text()
    assert not (sandbox.root / ".git/refs/heads/main").exists()
    repository = open_repository(sandbox.root)
    for oid in commits:
        for each in (commits[-1], oid):
            new = packed.with_name("packed-refs.new")
            new.write_text(text.replace(commits[-1], each))
            new.replace(packed)
        found = repository.objects.commit("HEAD")
        assert found is not None
        assert found.oid == oid
    repository.close()


def test_a_message_ends_where_git_log_ends_it() -> None:
    commit = parse_commit("1" * 40, b"tree 2\ncommitter T <t@example.invalid> 3 +0000\n\nshown\n\0hidden\n")
    assert commit.message == "shown\n"


@pytest.mark.parametrize("named", ["HEAD~1", "an id", "a tag"])
def test_a_commit_that_cannot_be_read_is_not_taken_for_none(sandbox: Sandbox, named: str) -> None:
    for number in range(3):
        sandbox.commit("more", a=f"{number}\n")
    oid = sandbox.git("rev-parse", "HEAD~1").strip()
    sandbox.git("tag", "away", oid)
    (sandbox.root / ".git/objects" / oid[:2] / oid[2:]).rename(sandbox.root / "away")
    repository = open_repository(sandbox.root)
    with pytest.raises(GitError, match="is missing or cannot be read"):
        repository.objects.commit({"HEAD~1": "HEAD~1", "an id": oid, "a tag": "away"}[named], named=named == "an id")
    with pytest.raises(GitError, match=f"commit {oid} is missing or cannot be read"):
        list(way_back(repository.objects))
    repository.close()


def test_what_names_no_commit_is_told_so(sandbox: Sandbox) -> None:
    sandbox.commit("one", a="a\n")
    sandbox.git("tag", "blob", "HEAD:a")
    repository = open_repository(sandbox.root)
    assert [repository.objects.commit(rev) for rev in ("HEAD~1", "blob", "no-such", "0" * 40, "-x")] == [None] * 5
    repository.close()


def test_a_shallow_clone_has_an_end(sandbox: Sandbox, tmp_path: Path) -> None:
    for number in range(3):
        sandbox.commit("more", a=f"{number}\n")
    clone = ("git", "clone", "-q", "--depth=2", sandbox.root.as_uri(), str(tmp_path / "clone"))
    subprocess.run(clone, check=True)
    repository = open_repository(tmp_path / "clone")
    found = [commit.oid for commit in way_back(repository.objects)]
    assert found == sandbox.git("rev-list", "-2", "HEAD").split()
    with pytest.raises(GitError, match="is missing or cannot be read"):
        repository.objects.commit("1" * 40, named=True)
    assert repository.objects.commit("1" * 40) is None
    (tmp_path / "clone/.git/shallow").write_text(f"{'1' * 40}\n{found[-1]}\n")
    assert [commit.oid for commit in way_back(repository.objects)] == found
    repository.close()
