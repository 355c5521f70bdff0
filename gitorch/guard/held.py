"""Files that gitorch never puts into the repository: likely secrets, very large files, embedded repositories."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from gitorch.git import files

DEFAULT_MAX_FILE: Final = 10 * 1024 * 1024  # bytes
_SCANNED: Final = 1024 * 1024  # bytes looked at for tokens

_SECRET_NAME = re.compile(
    r"\.env(?:\..+)?|.*\.(?:pem|key|p12|pfx|jks|keystore|ppk)|id_(?:rsa|dsa|ecdsa|ed25519)|\.netrc|_netrc|\.pypirc|\.pgpass"
    r"|\.htpasswd|credentials(?:\.json)?|client_secret.*\.json|service[-_]account.*\.json",
    re.IGNORECASE | re.DOTALL,
)
_HARMLESS_NAME = re.compile(r"\.env\.(?:example|sample|template|dist|defaults)|.*\.pub", re.IGNORECASE | re.DOTALL)
# Each form is the one its issuer documents; a match is likely a live token, not a word.
_SECRET_TEXT = re.compile(
    rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
    rb"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    rb"|\bgh[pousr]_[A-Za-z0-9]{36,}\b|\bgithub_pat_[A-Za-z0-9_]{60,}\b"
    rb"|\bglpat-[A-Za-z0-9_-]{20,}\b"
    rb"|\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{32,}\b"
    rb"|\bxox[abprs]-[A-Za-z0-9-]{20,}\b"
    rb"|\bAIza[0-9A-Za-z_-]{35}\b"
    rb"|\bnpm_[A-Za-z0-9]{36}\b|\bpypi-[A-Za-z0-9_-]{50,}\b"
)
_KEY_BLOCK = re.compile(rb"(-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY).*?(?:-----END [A-Z0-9 ]+-----|\Z)", re.DOTALL)


Mark = tuple[int, int, int]


class Held(NamedTuple):
    """A file left where it is.

    Attributes:
        reason: why.
        mark: what changes when the file does, not with its name; it is never the content.
        by_content: whether it is held for what is in it.
        oid: the id that its blob would have, where it is small enough to be read; empty where that is not known.
        was: the name under which it was held before.
        left: whether an attempt that failed has left it so.
    """

    reason: str
    mark: Mark
    by_content: bool = False
    oid: str = ""
    was: str = ""
    left: bool = False


def mark_of(info: os.stat_result) -> Mark:
    """Give what changes when a file does: its size, the time of the change, and its number in the file system."""
    return info.st_size, info.st_mtime_ns, info.st_ino


def hold_reason(path: Path, *, tracked: bool, max_file: int) -> Held | None:
    """Say why a file must not be hashed into the repository, None where it may.

    Files whose names git tracks already are judged by size and content alone.
    """
    try:
        info = path.lstat()
    except OSError:
        return None  # gone: there is nothing to hash
    mark = mark_of(info)
    if stat.S_ISDIR(info.st_mode):  # without .git it has taken the place of a file that is gone
        return Held("a repository of its own", mark) if (path / ".git").exists() else None
    if not stat.S_ISREG(info.st_mode):
        return None
    if info.st_size > max_file:
        return Held(f"larger than {max_file // (1024 * 1024)} MiB", mark)
    if not tracked and _SECRET_NAME.fullmatch(path.name) and not _HARMLESS_NAME.fullmatch(path.name):
        return Held("its name is that of a secret", mark)
    try:
        with path.open("rb") as file:
            head = file.read(_SCANNED)
    except OSError as error:
        return Held(f"it cannot be read: {error.strerror}", mark)
    return Held("it seems to hold a key or token", mark, by_content=True) if holds_token(head) else None


def holds_token(data: bytes) -> bool:
    """Tell whether something in the data has the form of a private key or an access token."""
    return _SECRET_TEXT.search(data) is not None


def redact(text: str) -> str:
    """Take private keys and access tokens out of a text that is to be recorded."""
    data = _KEY_BLOCK.sub(b"[secret]", text.encode(errors="surrogatepass"))
    return _SECRET_TEXT.sub(b"[secret]", data).decode(errors="surrogatepass")


def note_left(scratch: Path, held: Mapping[str, Held]) -> None:
    """Write down which files a failed attempt has left that are in no snapshot: the next may make them good."""
    marks = {**left_by_attempts(scratch), **{path: one.mark for path, one in held.items()}}
    if held:
        files.replace(scratch / "left.json", json.dumps(marks).encode())


def left_by_attempts(scratch: Path) -> dict[str, Mark]:
    """Read which files failed attempts have left that are in no snapshot, and their marks."""
    try:
        noted = json.loads((scratch / "left.json").read_text())
        return {path: (size, time, number) for path, (size, time, number) in noted.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
