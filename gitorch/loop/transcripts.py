"""What agents' programs printed, kept for a while beside the repository: compressed, bounded, secrets redacted."""

from __future__ import annotations

import gzip
from contextlib import suppress
from pathlib import Path
from typing import Final

from gitorch.agents.output import Listener
from gitorch.agents.spec import Agent
from gitorch.core.text import clean
from gitorch.errors import GitorchError
from gitorch.git.repository import Repository
from gitorch.guard.held import redact

_MOST: Final = 200  # transcripts; the oldest are deleted first
_MOST_BYTES: Final = 50 * 1024 * 1024


def _directory(repository: Repository) -> Path:
    return repository.common_dir / "gitorch" / "transcripts"


def keep(repository: Repository, invocation: str, out: bytes, err: bytes) -> None:
    """Keep the end of what a program printed. It is a convenience: where it cannot be written, nothing is kept."""
    text = redact((out + (b"\n" if out and err else b"") + err).decode(errors="replace"))
    if not text.strip():
        return
    directory = _directory(repository)
    with suppress(OSError):
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"{invocation}.gz").write_bytes(gzip.compress(text.encode(errors="replace"), 6))
        _prune(directory)


def _prune(directory: Path) -> None:
    kept = sorted(directory.glob("*.gz"), key=lambda path: path.stat().st_mtime, reverse=True)
    size = 0
    for number, path in enumerate(kept):
        size += path.stat().st_size
        if number >= _MOST or size > _MOST_BYTES:
            path.unlink(missing_ok=True)


def read(repository: Repository, invocation: str) -> str:
    """Return what the program of an invocation printed.

    Raises:
        GitorchError: it is not kept: it printed nothing, was deleted as old, or ran in another repository.
    """
    try:
        return gzip.decompress((_directory(repository) / f"{invocation}.gz").read_bytes()).decode(errors="replace")
    except (OSError, EOFError, gzip.BadGzipFile):
        raise GitorchError(
            f"there is no transcript of invocation {invocation[:10]}",
            hint=f"the last {_MOST} are kept, in the repository where they were made",
        ) from None


def readable(text: str, agent: Agent | None) -> list[str]:
    """Return a transcript as lines for people: an agent's words and tool calls where its file describes them."""
    if agent is None or agent.events is None:
        return [clean(line) for line in text.splitlines()]
    listener = Listener(agent)
    lines: list[str] = []
    for line in text.splitlines(keepends=True):
        listener.feed(line.encode())
        lines += [clean(event) for event in listener.take_events()]
    return lines
