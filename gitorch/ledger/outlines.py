"""The outlines of all tasks of a state: what planning needs to know of each.

Where they are many, they are kept from one call to the next in a file of our own in the git folder, by the ids of the
blobs that they were read from. That file is no store: what is missing in it is read from git, and it may vanish or be
spoiled at any time. A task file that breaks a rule is never in it, and is complained about each time.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Collection, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Final

from gitorch._version import __version__
from gitorch.core.outline import Outline, read_plain
from gitorch.git.repository import Repository
from gitorch.ledger.state import WorkflowState

_FORM: Final = 1  # to be raised when Outline or the rules of task files change
_FEW: Final = 100  # so many are sooner read from git than from a file
_Known = dict[str, Outline]  # by blob


def read_outlines(repository: Repository, state: WorkflowState) -> dict[str, Outline]:
    """Give the outlines of all tasks of a state.

    Raises:
        GitorchError: a task file breaks a rule; the message names file, line and key.
    """
    oids = state.files.oids
    known = _known(repository) if len(oids) > _FEW else {}
    lacking = [name for name, oid in oids.items() if not _fits(name, known.get(oid))]
    for name, data in zip(lacking, repository.objects.blobs(oids[name] for name in lacking), strict=True):
        outline = read_plain(name, data)
        if outline is None:
            from gitorch.core import task as task_files  # noqa: PLC0415 - YAML only where it is needed

            outline = task_files.parse(name, data, state.path_of(name)).outline
        known[oids[name]] = outline
    if len(lacking) > _FEW:
        _keep(repository, known, {*oids.values()})
    return {name: known[oid] for name, oid in oids.items()}


def _fits(name: str, outline: Outline | None) -> bool:
    """Tell whether an outline can be that of a task: another task may have the same file, and be named in it."""
    return outline is not None and name != outline.parent and name not in outline.needs


@lru_cache(maxsize=8)
def _known(repository: Repository) -> _Known:
    """Give the outlines known so far, at first those that were kept: none of them where anything is odd."""
    with suppress(OSError, ValueError, TypeError, IndexError):
        head, _, text = _file(repository).read_text(encoding="utf-8").partition("\n")
        if head == _head(text):
            rows, blobs = json.loads(text)
            outlines = [Outline(parent, tuple(needs), *rest) for parent, needs, *rest in rows]
            return {oid: outlines[at] for oid, at in blobs.items()}
    return {}


def _keep(repository: Repository, known: Mapping[str, Outline], wanted: Collection[str]) -> None:
    numbers: dict[Outline, int] = {}
    blobs = {oid: numbers.setdefault(known[oid], len(numbers)) for oid in wanted}
    text = json.dumps([[*numbers], blobs], separators=(",", ":"))
    path = _file(repository)
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    with suppress(OSError):  # whoever may only read does without
        path.parent.mkdir(exist_ok=True)
        try:
            temporary.write_text(f"{_head(text)}\n{text}", encoding="utf-8")
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def _file(repository: Repository) -> Path:
    return repository.git_dir / "gitorch" / "outlines"


def _head(text: str) -> str:
    return f"gitorch {__version__} outlines {_FORM} {zlib.crc32(text.encode()):08x}"
