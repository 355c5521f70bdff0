"""Who commits, who signs, and operations in the middle of which nothing may be written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.probe import Quick, quickly, refused
from tests.sandbox import Sandbox

WRITES: tuple[tuple[str, ...], ...] = (
    ("start", "other"),
    ("create", "x"),
    ("move", "one", "running"),
    ("update", "continue", "Go on"),
    ("drop", "one"),
    ("decompose", "one", "--auto"),
)


@pytest.fixture
def signing(sandbox: Sandbox, sealed: Path) -> Sandbox:
    """Give a repository whose commits must be signed, by a key made for it."""
    if shutil.which("ssh-keygen") is None:
        pytest.skip("needs ssh-keygen")
    key = sealed / "key"
    subprocess.run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)), check=True)
    (sealed / "signers").write_text(f"test@example.invalid {key.with_suffix('.pub').read_text()}")
    for name, value in {
        "gpg.format": "ssh",
        "user.signingkey": str(key.with_suffix(".pub")),
        "commit.gpgsign": "true",
        "gpg.ssh.allowedSignersFile": str(sealed / "signers"),
    }.items():
        sandbox.git("config", name, value)
    return Quick(sandbox.root)


@pytest.mark.thorough
def test_every_record_is_signed_where_commits_must_be(signing: Sandbox) -> None:
    signing.commit("notes", **{"notes.md": "Notes on the main work: deep, far, signed, homeless, tide, wanted.\n"})
    signing("start", "signed-research")
    signing("run")
    signing("create", "one")
    signing("move", "one", "running")
    signing("answer", "x", code=1)
    commits = signing.git("rev-list", "HEAD").split()
    assert len(commits) == 11
    for commit in commits:
        signing.git("verify-commit", commit)
    assert signing("verify", "--json").json["ok"]


@pytest.mark.thorough
def test_signing_that_fails_changes_nothing(signing: Sandbox, sealed: Path) -> None:
    signing("create", "one")
    (sealed / "key").unlink()
    for args in WRITES[1:]:
        refused(signing, *args, says="signed")
    signing("update", "continue", "Go on", env={"GIT_CONFIG_PARAMETERS": "'commit.gpgsign=false'"})
    refused(signing, "step", says="signed")


def test_a_gpg_that_fails_changes_nothing(sandbox: Sandbox) -> None:
    sandbox("create", "one")
    sandbox.git("config", "commit.gpgsign", "true")
    sandbox.git("config", "gpg.program", "false")
    refused(sandbox, "create", "two", says="signed")


@pytest.mark.thorough
def test_no_identity_is_told_and_changes_nothing(sandbox: Sandbox, sealed: Path) -> None:
    sandbox("create", "one")
    (sealed / ".gitconfig").write_text("[user]\n\tuseConfigOnly = true\n[init]\n\tdefaultBranch = main\n")
    for args in WRITES:
        done = refused(sandbox, *args, says="git does not know who you are")
        assert "user.name" in done.err
    for reading in ("status", "list", "log", "verify"):
        sandbox(reading)
    sandbox("create", "two", env={"GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@b", **_AUTHOR})


_AUTHOR = {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@b"}


@pytest.mark.thorough
def test_the_authors_variables_are_honoured(sandbox: Sandbox) -> None:
    date = "2001-02-03T04:05:06Z"
    env = {**_AUTHOR, "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date, "GIT_COMMITTER_NAME": "Ü C"}
    sandbox("create", "one", env=env)
    assert sandbox.git("log", "-1", "--format=%an %ae %at %cn").strip() == "A a@b 981173106 Ü C"


def _conflict(sandbox: Sandbox) -> None:
    """Make two branches that cannot be joined without a person."""
    sandbox.commit("base", file="base\n")
    quickly(sandbox, "create", "one")
    sandbox.git("branch", "theirs")
    sandbox.commit("ours", file="ours\n")
    sandbox.git("checkout", "-q", "theirs")
    sandbox.commit("theirs", file="theirs\n")
    sandbox.git("checkout", "-q", "main")


BUSY = {
    "merge": (("merge", "theirs"),),
    "rebase": (("rebase", "theirs"),),
    "cherry-pick": (("cherry-pick", "theirs"),),
    "revert": (("revert", "--no-edit", "HEAD~2"), ("revert", "--no-commit", "HEAD")),
    "bisect": (("bisect", "start"), ("bisect", "bad"), ("bisect", "good", "HEAD~2")),
}


@pytest.mark.parametrize("operation", BUSY)
@pytest.mark.thorough
def test_in_the_middle_of_an_operation_nothing_is_written(sandbox: Sandbox, operation: str) -> None:
    _conflict(sandbox)
    for command in BUSY[operation]:
        sandbox.git(*command, ok=False)
    for args in (*WRITES[1:4], ("step",), ("init",)):
        done = refused(sandbox, *args, says=f"a {operation} is in progress")
        assert "finish or abort" in done.err
    for reading in ("status", "list", "log", "verify"):
        assert quickly(sandbox, reading).code == 0
    sandbox.git("bisect" if operation == "bisect" else operation, "reset" if operation == "bisect" else "--abort")
    assert quickly(sandbox, "move", "one", "running").code == 0


@pytest.mark.parametrize(
    "env",
    [
        {"TZ": "Pacific/Kiritimati"},
        {"TZ": "rubbish/zone"},
        {"LC_ALL": "C"},
        {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"},
        {"LANGUAGE": "de", "LC_ALL": "de_DE.UTF-8"},
        {"PYTHONIOENCODING": "ascii"},
    ],
    ids=lambda env: next(iter(env.values())),
)
@pytest.mark.thorough
def test_time_zones_and_locales(sandbox: Sandbox, env: dict[str, str]) -> None:
    sandbox("start", "istanbul-research", "-d", "İIi — Grüße", "--focus", "İstanbul in Q4", env=env)
    sandbox("step", env=env)
    assert "istanbul-research-analysis [pending]" in sandbox("show", "istanbul-research", env=env).out
    assert quickly(sandbox, "verify").code == 0
    assert "İstanbul" in sandbox.git("log", "--format=%B")


@pytest.mark.thorough
def test_without_a_home(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox.git("config", "user.name", "Here")
    sandbox.git("config", "user.email", "here@example.invalid")
    for key in ("HOME", "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL"):
        monkeypatch.delenv(key)
    sandbox.commit("notes", **{"notes.md": "Notes on the main work: deep, far, signed, homeless, tide, wanted.\n"})
    sandbox("start", "homeless-research")
    sandbox("step", "--agent", "local")
    sandbox("step", "--agent", "local")
    sandbox("doctor")
    sandbox("trust")
    assert sandbox("verify", "--json").json["ok"]


@pytest.mark.thorough
def test_a_repository_that_may_only_be_read(sandbox: Sandbox, tmp_path: Path) -> None:
    """Another user, who may not write, reads it and is refused clearly when writing."""
    sandbox.commit(**{"notes.md": "What was read.\n"})
    sandbox("start", "read-research")
    sandbox("step")
    sandbox("step")
    command: tuple[str, ...] = ()
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("needs setpriv")
        command = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
        for folder in (tmp_path, *tmp_path.parents):
            if folder.stat().st_uid == 0 and folder.stat().st_mode & 0o055 != 0o055:
                folder.chmod(0o755)
    inside = [path for path in sandbox.root.rglob("*") if not path.is_symlink()]
    for path in (sandbox.root, *inside):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        _read_and_be_refused(sandbox, command)
    finally:
        for path in (sandbox.root, *inside):
            path.chmod(0o755 if path.is_dir() else 0o644)


def _read_and_be_refused(sandbox: Sandbox, command: tuple[str, ...]) -> None:
    def call(*args: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "GIT_CONFIG_PARAMETERS": "'safe.directory=*' 'user.name=N' 'user.email=n@e'"}
        full = (*command, sys.executable, "-m", "gitorch", *args)
        return subprocess.run(full, cwd=sandbox.root, env=env, capture_output=True, text=True, check=False)

    first = call("status", "--json")
    if first.returncode and ("safe.directory" in first.stderr or "ermission" in first.stderr):
        pytest.skip(f"another user cannot be had here: {first.stderr}")
    assert first.returncode == 0, first.stderr
    assert '"pending": 2' in first.stdout
    for reading in ("list", "log", "verify"):
        assert call(reading).returncode == 0
    for args in (("create", "x"), ("update", "continue", "Go on"), ("step",), ("start", "y")):
        done = call(*args)
        assert done.returncode == 1, done
        assert "error: " in done.stderr
        assert "hint: " in done.stderr
        assert "Traceback" not in done.stderr
