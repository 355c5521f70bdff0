"""The repository's files that are worth searching: tracked, text, written by people, not too large."""

from __future__ import annotations

import re
import stat
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gitorch.core.names import TASKS_DIR
from gitorch.git.process import Git

MAX_FILE: Final = 1_000_000
MAX_TOTAL: Final = 48_000_000
_OWN: Final = re.compile(r"\.claude/(skills/(task-creator|context-fetcher)/|agents/task-executor\.md$)")
_MADE_BY_TOOLS: Final = re.compile(
    r"(^|/)(node_modules|bower_components|vendor|third_party|site-packages|\.venv)/"
    r"|(^|/)(package-lock\.json|npm-shrinkwrap\.json|pnpm-lock\.yaml|go\.sum|[^/]+\.lock)$"
    r"|\.(min\.(js|css)|map|pyc)$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Sources:
    """What was read: each file's path and content, how many files are tracked, and why some were left out."""

    files: Mapping[str, bytes]
    tracked: int
    left_out: Mapping[str, int]

    def in_words(self) -> str:
        """Say in one sentence what was searched."""
        said = f"{len(self.files):,} of {self.tracked:,} tracked files were searched"
        reasons = [f"{reason} {count:,}" for reason, count in sorted(self.left_out.items())]
        return f"{said} (left out: {', '.join(reasons)})." if reasons else f"{said}."


def read(root: Path) -> Sources:
    """Read the tracked files of a repository from its work tree, the smallest first until the whole is too large."""
    paths = tracked_paths(root)
    left_out: Counter[str] = Counter()
    sizes: dict[str, int] = {}
    for path in paths:
        reason, size = _look(root, path)
        if reason is None:
            sizes[path] = size
        else:
            left_out[reason] += 1
    files: dict[str, bytes] = {}
    total = 0
    for path in sorted(sizes, key=lambda path: (sizes[path], path)):
        total += sizes[path]
        data = None if total > MAX_TOTAL else read_text(root, path)
        if data is None:
            left_out["beyond the limit of all text" if total > MAX_TOTAL else "binary or unreadable"] += 1
        else:
            files[path] = data
    return Sources({path: files[path] for path in sorted(files)}, len(paths), left_out)


def tracked_paths(root: Path) -> list[str]:
    """List the tracked files but gitorch's own, bytes that are no UTF-8 as surrogates."""
    listed = Git(root).run("ls-files", "-z").decode("utf-8", "surrogateescape").split("\0")
    return sorted({path for path in listed if path and not path.startswith(f"{TASKS_DIR}/") and not _OWN.match(path)})


def _look(root: Path, path: str) -> tuple[str | None, int]:
    if _MADE_BY_TOOLS.search(path):
        return "made by tools or vendored", 0
    try:
        status = (root / path).lstat()
    except OSError:
        return "not in the work tree", 0
    if not stat.S_ISREG(status.st_mode):
        return "link or submodule", 0
    return ("larger than 1 MB", 0) if status.st_size > MAX_FILE else (None, status.st_size)


def read_text(root: Path, path: str) -> bytes | None:
    """Read a regular file of text; None where it is none, too large or unreadable."""
    try:
        file = root / path
        status = file.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_FILE:
            return None
        data = file.read_bytes()
    except (OSError, ValueError):
        return None
    return None if b"\0" in data else data


def read_folder(root: Path, folder: str) -> Iterator[tuple[str, bytes]]:
    """Read the text files of a folder, tracked or not, in the order of their paths."""
    found = (file for file in (root / folder).rglob("*") if not file.is_symlink())
    for path in sorted(str(file.relative_to(root)) for file in found):
        data = read_text(root, path)
        if data is not None:
            yield path, data
