"""Reading objects through a git that runs for long."""

from __future__ import annotations

from gitorch.git.commit import parse_commit
from gitorch.git.repository import open_repository
from tests.sandbox import Sandbox


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
