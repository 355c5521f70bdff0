"""Objects that a power cut has torn are put aside, and written anew."""

from __future__ import annotations

import errno
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from gitorch.git import torn as torn_objects
from tests.sandbox import Sandbox

UPDATE = ("update", "continue", "Look at it")
pytestmark = pytest.mark.skipif(not Path("/proc/sys/kernel/random/boot_id").exists(), reason="the boot has no id here")


def _tear(sandbox: Sandbox, content: bytes, left: bytes) -> Path:
    """Leave of a loose object what a power cut may leave."""
    done = subprocess.run(
        ("git", "hash-object", "-w", "--stdin"), cwd=sandbox.root, input=content, capture_output=True, check=True
    )
    oid = done.stdout.decode().strip()
    path = sandbox.root / ".git/objects" / oid[:2] / oid[2:]
    path.chmod(0o644)
    path.write_bytes(left or path.read_bytes()[:-3])
    return path


def _start_anew(sandbox: Sandbox, *, last_sync: float) -> None:
    mark = sandbox.root / ".git/gitorch/write.lock"
    mark.write_text("another boot\n")
    os.utime(mark, (last_sync, last_sync))


@pytest.mark.parametrize("left", [b"\0" * 40, b"", b"x\x9c"], ids=["zeros", "cut", "rubbish"])
@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
@pytest.mark.thorough
def test_the_next_writer_puts_them_aside(tmp_path: Path, left: bytes, object_format: str) -> None:
    sandbox = Sandbox.create(tmp_path / "repo", object_format=object_format)
    sandbox.commit("one", a="a\n")
    sandbox("create", "t")
    torn = _tear(sandbox, b"STATUS: continue\nNEXT: Look at it\n", left)
    _start_anew(sandbox, last_sync=time.time() - 1)
    sandbox(*UPDATE)
    assert sandbox.git("show", "HEAD:.tasks/MAIN_TASK") == "STATUS: continue\nNEXT: Look at it\n"
    assert [path.name for path in (sandbox.root / ".git/gitorch/torn").iterdir()] == [torn.parent.name + torn.name]
    sandbox.git("fsck", "--full", "--strict")
    sandbox("create", "u")
    sandbox.git("fsck", "--full", "--strict")


def test_what_was_synced_or_is_whole_stays(sandbox: Sandbox) -> None:
    sandbox.commit("one", a="a\n")
    sandbox("create", "t")
    old = _tear(sandbox, b"of old", b"")
    os.utime(old, (1_700_000_000, 1_700_000_000))
    _start_anew(sandbox, last_sync=time.time() - 60)
    before = set((sandbox.root / ".git/objects").rglob("??/*"))
    sandbox(*UPDATE)
    assert before <= set((sandbox.root / ".git/objects").rglob("??/*"))
    assert not (sandbox.root / ".git/gitorch/torn").exists()


def test_while_the_machine_runs_nobody_looks(sandbox: Sandbox) -> None:
    sandbox.commit("one", a="a\n")
    sandbox("create", "t")
    torn = _tear(sandbox, b"being written", b"")
    sandbox(*UPDATE)
    assert torn.exists()


@pytest.mark.parametrize("call", ["read the mark", "list all", "list a folder", "read a file"])
@pytest.mark.thorough
def test_what_cannot_be_read_for_a_moment_is_not_taken_for_whole(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    sandbox.commit("one", a="a\n")
    sandbox("create", "t")
    torn = _tear(sandbox, b"of the agent", b"")
    _start_anew(sandbox, last_sync=time.time() - 1)
    objects, mark = sandbox.root / ".git/objects", sandbox.root / ".git/gitorch/write.lock"
    name, path = {
        "read the mark": ("read_text", mark),
        "list all": ("iterdir", objects),
        "list a folder": ("iterdir", torn.parent),
        "read a file": ("open", torn),
    }[call]
    real = getattr(Path, name)
    failed: list[Path] = []

    def once(self: Path, *args: Any, **options: Any) -> Any:
        if self == path and not failed:
            failed.append(path)
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        return real(self, *args, **options)

    monkeypatch.setattr(Path, name, once)
    with pytest.raises(OSError, match=str(path)):
        torn_objects.put_aside(objects, mark, mark.with_name("torn"))
    assert torn_objects.put_aside(objects, mark, mark.with_name("torn")) == [torn]
