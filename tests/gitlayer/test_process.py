"""What git says, and what it keeps to itself."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from gitorch.git.process import Git, GitError
from gitorch.git.repository import open_repository
from gitorch.ledger.bases import bases
from tests.sandbox import Sandbox

NO_NAME = "Not a valid commit name %s"


def _translate(folder: Path, texts: dict[str, str]) -> None:
    """Write what GNU gettext reads: https://www.gnu.org/software/gettext/manual/html_node/MO-Files.html."""
    pairs = sorted({"": "Content-Type: text/plain; charset=UTF-8\n", **texts}.items())
    size, tables, data = len(pairs), b"", b""
    for column in (0, 1):
        for pair in pairs:
            text = pair[column].encode()
            tables += struct.pack("=2I", len(text), 28 + 16 * size + len(data))
            data += text + b"\0"
    folder.mkdir(parents=True)
    (folder / "git.mo").write_bytes(struct.pack("=7I", 0x950412DE, 0, size, 28, 28 + 8 * size, 0, 0) + tables + data)


def test_git_speaks_english_whatever_the_language(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LANGUAGE goes before LC_ALL, and what git says is read."""
    _translate(tmp_path / "texts/de/LC_MESSAGES", {NO_NAME: "%s ist kein Commit"})
    monkeypatch.setenv("LANGUAGE", "de")
    git = Git(sandbox.root).also({"GIT_TEXTDOMAINDIR": str(tmp_path / "texts")})
    ask = ("merge-base", "--is-ancestor", "1" * 40, "1" * 40)
    assert git.attempt(*ask).err == f"fatal: {NO_NAME % ('1' * 40)}\n"
    german = git.also({"LANGUAGE": "de"}).attempt(*ask).err
    assert german in (f"fatal: {'1' * 40} ist kein Commit\n", f"fatal: {NO_NAME % ('1' * 40)}\n")  # not every git can


def test_a_history_that_cannot_be_read_is_not_taken_for_another(sandbox: Sandbox) -> None:
    """Older gits say so, and go on as if the history ended there."""
    for number in range(4):
        sandbox.commit("more", a=f"{number}\n")
    first, between = sandbox.git("rev-parse", "HEAD~3", "HEAD~1").split()
    repository = open_repository(sandbox.root)
    assert repository.descends("HEAD", first)
    assert not repository.descends(first, "HEAD")
    path = sandbox.root / ".git/objects" / between[:2] / between[2:]
    path.rename(sandbox.root.parent / "away")
    for ask in (lambda: repository.descends("HEAD", first), lambda: bases(repository.git, first, "HEAD")):
        with pytest.raises(GitError, match=f"git merge-base: Could not read {between}"):
            ask()
    repository.close()
