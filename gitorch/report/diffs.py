"""What invocations changed, as bounded diffs, read in one pass over the commits of their work."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, Final

from gitorch.git.process import GitError
from gitorch.git.repository import Repository
from gitorch.ledger.audit import is_state
from gitorch.report.safe import shown

MAX_FILE: Final = 12_000  # characters of one file's diff
MAX_LINE: Final = 2_000
MAX_INVOCATION: Final = 60_000
MAX_FILES: Final = 100

_COMMAND: Final = (
    *("-c", "core.quotePath=false", "-c", "diff.orderFile=", "-c", "core.bigFileThreshold=4m"),
    *("-c", "diff.suppressBlankEmpty=false", "diff-tree", "--stdin", "-r", "--root", "-p", "-U3", "--no-renames"),
    *("--no-color", "--no-ext-diff", "--no-textconv", "--src-prefix=a/", "--dst-prefix=b/", "--no-relative"),
    *("--diff-algorithm=myers", "--submodule=short", "--ignore-submodules=none"),
)
_COMMIT: Final = re.compile(rb"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_ESCAPED: Final = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_ESCAPES: Final = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}


@dataclass(kw_only=True)
class FileDiff:
    """What one commit did to one file. `cut` tells that there is more than `lines`."""

    path: str
    kind: str = "changed"
    binary: bool = False
    added: int = 0
    removed: int = 0
    cut: bool = False
    lines: list[str] = field(default_factory=list)
    size: int = 0
    room: int = MAX_FILE

    def add(self, line: bytes) -> None:
        """Take one more line of a hunk, while there is room."""
        self.added += line.startswith(b"+")
        self.removed += line.startswith(b"-")
        if self.cut:
            return
        text = shown(line[: 4 * MAX_LINE].decode(errors="replace").removesuffix("\r"))
        if len(text) > MAX_LINE:
            text = f"{text[:MAX_LINE]}… [line cut]"
        if self.size + len(text) > self.room:
            self.cut = True
            return
        self.size += len(text) + 1
        self.lines.append(text)

    def as_dict(self) -> dict[str, Any]:
        """Give it for JSON, without what goes without saying."""
        values = {
            "path": shown(self.path),
            "kind": self.kind if self.kind != "changed" else None,
            "binary": self.binary,
            "added": self.added,
            "removed": self.removed,
            "cut": self.cut,
            "text": "\n".join(self.lines),
        }
        return {key: value for key, value in values.items() if value}


@dataclass(kw_only=True)
class WorkDiff:
    """What one invocation changed. `more` counts the files beyond those that are listed."""

    files: list[tuple[str, FileDiff]] = field(default_factory=list)
    more: int = 0

    @property
    def size(self) -> int:
        """How many characters it holds."""
        return sum(each.size for _, each in self.files)

    def as_dict(self, commits: Mapping[str, int]) -> dict[str, Any]:
        """Give it for JSON, with numbers for commits."""
        files = [{"commit": commits[commit], **each.as_dict()} for commit, each in self.files]
        return {"files": files, **({"more": self.more} if self.more else {})}


def read_diffs(repository: Repository, works: Sequence[tuple[int, Sequence[str]]]) -> Iterator[tuple[int, WorkDiff]]:
    """Give each work's diff, in order.

    Args:
        repository: where the commits are.
        works: a number, and the commits of work that belong to it.
    """
    owner = {commit: number for number, commits in works for commit in commits}
    if not owner:
        return
    process = repository.git.start(*_COMMAND, stdin=True)
    with process:
        if process.stdin is None or process.stdout is None:
            raise GitError("git diff-tree was started without pipes: this is a bug in gitorch")
        feeder = threading.Thread(target=_feed, args=(process.stdin, list(owner)), daemon=True)
        feeder.start()
        try:
            yield from _read(process.stdout, owner)
        finally:
            process.kill()  # the reader may have enough before all is said
            feeder.join()


def _feed(pipe: IO[bytes], commits: Iterable[str]) -> None:
    try:
        with pipe:
            for commit in commits:
                pipe.write(commit.encode() + b"\n")
    except (BrokenPipeError, ValueError):
        return  # nobody reads on


def _read(out: IO[bytes], owner: dict[str, int]) -> Iterator[tuple[int, WorkDiff]]:
    number: int | None = None
    work, commit = WorkDiff(), ""
    current: FileDiff | None = None
    in_hunk = False
    for raw in out:
        line = raw.rstrip(b"\n")
        if not line.startswith((b" ", b"+", b"-", b"\\", b"@")) and _COMMIT.fullmatch(line):
            commit, current = line.decode(), None
            if number is not None and owner[commit] != number:
                yield number, work
                work = WorkDiff()
            number = owner[commit]
        elif line.startswith(b"diff --git "):
            current, in_hunk = _begin(work, commit, line), False
        elif current is None:
            continue
        elif in_hunk or line.startswith(b"@@ "):
            in_hunk = True
            current.add(line)
        else:
            _read_header(current, line)
    if number is not None:
        yield number, work


def _begin(work: WorkDiff, commit: str, line: bytes) -> FileDiff | None:
    """Open a file's part; None where it is a state's or one too many."""
    path = _path(line)
    if is_state(path):
        return None
    if len(work.files) >= MAX_FILES:
        work.more += 1
        return None
    made = FileDiff(path=path, room=min(MAX_FILE, MAX_INVOCATION - work.size))
    work.files.append((commit, made))
    return made


def _read_header(current: FileDiff, line: bytes) -> None:
    if line.startswith(b"new file mode"):
        current.kind = "added"
    elif line.startswith(b"deleted file mode"):
        current.kind = "removed"
    elif line.startswith(b"new mode "):
        current.kind = "mode " + line[9:].decode()
    elif line.startswith(b"Binary files "):
        current.binary = True


def _path(line: bytes) -> str:
    """Read the path of `diff --git a/PATH b/PATH`: without renames both halves name the same."""
    names = line[len(b"diff --git ") :]
    half = names[: (len(names) - 1) // 2]
    if half.startswith(b'"'):
        half = _ESCAPED.sub(_unescape, half[1:-1])
    return half.removeprefix(b"a/").decode(errors="surrogateescape")


def _unescape(match: re.Match[bytes]) -> bytes:
    what = match[1]
    return bytes([int(what, 8)]) if len(what) == 3 else _ESCAPES.get(what, what)  # noqa: PLR2004 - three octal digits
