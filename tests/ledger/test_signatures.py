"""verify --signatures: every record signed, and by a key that is known and good."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from tests.sandbox import Sandbox, run

needs_ssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not on PATH")
needs_gpg = pytest.mark.skipif(shutil.which("gpg") is None, reason="gpg is not on PATH")


def ssh_key(folder: Path, name: str) -> Path:
    key = folder / name
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(key), cwd=folder)
    return key


@pytest.fixture
def signed(sandbox: Sandbox, tmp_path: Path) -> Sandbox:
    """Give a repository that signs with an ssh key, which it also knows."""
    key = ssh_key(tmp_path, "known")
    (tmp_path / "allowed").write_text(f"test@example.invalid {key.with_suffix('.pub').read_text()}")
    for name, value in (
        ("gpg.format", "ssh"),
        ("user.signingkey", str(key)),
        ("commit.gpgsign", "true"),
        ("gpg.ssh.allowedSignersFile", str(tmp_path / "allowed")),
    ):
        sandbox.git("config", name, value)
    sandbox("start", "signed-research")
    sandbox("create", "other")
    return sandbox


def faults(sandbox: Sandbox, *options: str) -> list[tuple[str, str]]:
    report = sandbox("verify", "--signatures", "--json", *options, code=None).json
    return [(problem["commit"], problem["problem"]) for problem in report["problems"]]


@needs_ssh
@pytest.mark.thorough
def test_records_signed_by_a_known_ssh_key_hold_and_ordinary_commits_need_no_signature(signed: Sandbox) -> None:
    signed.git("-c", "commit.gpgsign=false", "commit", "-q", "--allow-empty", "-m", "ordinary")
    assert faults(signed) == []


@needs_ssh
@pytest.mark.thorough
def test_a_record_without_a_signature_is_named(signed: Sandbox) -> None:
    signed.git("config", "commit.gpgsign", "false")
    signed("create", "bare")
    bad = signed.head()
    signed.git("config", "commit.gpgsign", "true")
    signed("create", "again")
    assert faults(signed) == [(bad, "it is not signed")]
    assert signed("verify", "--json").json["ok"]
    assert faults(signed, "--since", bad) == []


@needs_ssh
@pytest.mark.thorough
def test_a_record_signed_by_an_unknown_ssh_key_is_named(signed: Sandbox, tmp_path: Path) -> None:
    signed.git("config", "user.signingkey", str(ssh_key(tmp_path, "unknown")))
    signed("create", "forged")
    assert faults(signed) == [(signed.head(), "its signature was made by a key that is not known here")]


@needs_ssh
@pytest.mark.thorough
def test_a_record_changed_after_it_was_signed_is_named(signed: Sandbox) -> None:
    text = signed.git("cat-file", "commit", "HEAD").replace("create task", "create tusk")
    oid = run("git", "hash-object", "-t", "commit", "-w", "--stdin", cwd=signed.root, stdin=text).out.strip()
    signed.git("update-ref", "HEAD", oid)
    assert faults(signed) == [(oid, "its signature is bad")]


@needs_ssh
@pytest.mark.thorough
def test_signatures_that_cannot_be_checked_are_problems(signed: Sandbox) -> None:
    signed.git("config", "--unset", "gpg.ssh.allowedSignersFile")
    assert all("cannot be checked" in problem for _, problem in faults(signed))
    assert len(faults(signed)) == 2


@pytest.fixture
def gpg(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    home = tmp_path / "g"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))
    sandbox.git("config", "commit.gpgsign", "true")
    return sandbox


def gpg_key(sandbox: Sandbox, name: str, expires: str = "never") -> None:
    user = f"{name} <{name}@example.invalid>"
    command = ("gpg", "--batch", "--quiet", "--passphrase", "", "--quick-gen-key", user, "ed25519", "sign", expires)
    made = run(*command, cwd=sandbox.root)
    if made.code != 0:
        pytest.skip(f"gpg makes no key here: {made.err.strip()}")
    sandbox.git("config", "user.signingkey", user)


@needs_gpg
@pytest.mark.thorough
def test_gpg_signatures_are_honoured(gpg: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gpg_key(gpg, "known")
    gpg("start", "signed-research")
    assert faults(gpg) == []
    other = tmp_path / "h"
    other.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(other))
    assert [problem for _, problem in faults(gpg)] == [
        "its signature cannot be checked: its key is not known here, or git is not set up to check it"
    ]


@needs_gpg
def test_a_known_gpg_key_that_nobody_vouches_for_is_good_enough(gpg: Sandbox, tmp_path: Path) -> None:
    gpg_key(gpg, "known")
    gpg("start", "signed-research")
    (tmp_path / "g" / "trustdb.gpg").unlink()
    assert gpg.git("log", "-1", "--format=%G?").strip() in ("U", "G")
    assert faults(gpg) == []


@pytest.mark.heavy
@needs_gpg
def test_a_key_that_has_expired_is_named(gpg: Sandbox) -> None:
    gpg_key(gpg, "short", "seconds=20")
    gpg("start", "signed-research")
    waited = time.monotonic()
    while not (found := faults(gpg)) and time.monotonic() < waited + 60:
        time.sleep(0.5)
    assert [problem for _, problem in found] == ["its signature was made by a key that has expired"]
