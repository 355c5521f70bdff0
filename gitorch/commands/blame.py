"""`gitorch blame`."""

from __future__ import annotations

import os
import posixpath
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import gitorch
from gitorch import output
from gitorch.core.names import quote
from gitorch.core.text import clean, one_line
from gitorch.errors import Exit, GitorchError
from gitorch.git.process import Git
from gitorch.git.repository import Repository
from gitorch.ledger.blame import Line

_WIDE: Final = 32  # characters that a name may take


def run(*, folder: str, file: str, rev: str | None, ranges: tuple[str, ...], porcelain: bool, as_json: bool) -> int:
    """Show where each line of a file comes from."""
    if porcelain and as_json:
        raise GitorchError("--porcelain and --json cannot be used together", hint="use one of them", code=Exit.USAGE)
    with gitorch.open(folder) as workflow:
        path = path_in(workflow.repository, folder, file)
        found = workflow.blame(path, rev, ranges)
    if porcelain:
        _write(found.porcelain())
    elif as_json:
        output.document(file=path, rev=rev, lines=[_as_dict(line) for line in found.lines])
    else:
        for text in _columns(found.lines):
            output.say(text)
    return Exit.OK


def path_in(repository: Repository, folder: str, file: str) -> str:
    """Return the path, from the repository's top, of a file named from the current directory.

    Raises:
        GitorchError: it is outside.
    """
    if Path(file).is_absolute():
        path = Path(os.path.relpath(file, repository.root)).as_posix()
    else:
        prefix = "" if repository.bare else Git(Path(folder)).line("rev-parse", "--show-prefix")
        path = posixpath.normpath(prefix + file)
    if path.split("/", 1)[0] == "..":
        raise GitorchError(
            f"{quote(file)} is outside the repository", hint="name a file of the repository", code=Exit.USAGE
        )
    return path


def _write(lines: Iterable[bytes]) -> None:
    """Print bytes as they are, as git does."""
    raw = getattr(sys.stdout, "buffer", None)
    if raw is None:
        output.write(b"".join(lines).decode(errors="replace"))
        return
    sys.stdout.flush()
    try:
        raw.writelines(lines)
        raw.flush()
    except BrokenPipeError:
        raise output.ReaderGone from None


def _as_dict(line: Line) -> dict[str, Any]:
    origin = line.origin
    return {
        "line": line.number,
        "original": line.original,
        "commit": line.commit if line.committed else None,
        "path": line.path,
        "author": line.author,
        "time": line.time,
        "task": origin.task if origin is not None else None,
        "invocation": origin.invocation if origin is not None else None,
        "agent": origin.agent if origin is not None else None,
        "model": origin.model if origin is not None else None,
        "text": line.text,
    }


def _columns(lines: list[Line]) -> Iterable[str]:
    """Return the form for people: commit, invocation, task, agent or author, number and text of each line."""
    cells = [_cells(line) for line in lines]
    widths = [max((len(row[column]) for row in cells), default=0) for column in range(4)]
    number = len(str(lines[-1].number)) if lines else 0
    for line, row in zip(lines, cells, strict=True):
        shown = [cell.ljust(width) for cell, width in zip(row, widths, strict=True) if width]
        shown[0] = output.paint(shown[0], "yellow" if line.origin is not None else "dim")
        yield f"{' '.join(shown)} {line.number:>{number}}) {clean(line.text)}"


def _cells(line: Line) -> tuple[str, str, str, str]:
    origin = line.origin
    commit = line.commit[:8] if line.committed else ""
    if origin is None:
        return commit, "", "", one_line(line.author if line.committed else "not committed yet", _WIDE)
    who = " ".join(part for part in (origin.agent, origin.model) if part is not None)
    by_hand = "" if origin.invocation is not None else line.author
    return commit, (origin.invocation or "")[:8], one_line(origin.task or "", _WIDE), one_line(who or by_hand, _WIDE)
