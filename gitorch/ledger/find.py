"""Find an invocation in a history by what a person types: its id, or a commit."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from gitorch.core.message import PREFIX
from gitorch.core.names import quote
from gitorch.errors import Exit, GitorchError
from gitorch.git.repository import Repository
from gitorch.ledger.history import record_of

_ID: Final = re.compile(r"[0-9a-f]{6,32}")
_LISTED: Final = 5


class Place(NamedTuple):
    """A point in a history: a commit, and the invocation that it ends, if it ends one."""

    commit: str
    invocation: str | None

    @property
    def shown(self) -> str:
        """How to name it to people."""
        return f"invocation {self.invocation[:10]}" if self.invocation is not None else f"commit {self.commit[:10]}"


def find(repository: Repository, text: str, *, everywhere: bool = False) -> Place:
    """Find the last commit of an invocation, by its id (six digits at least) or by one of its commits.

    Args:
        repository: where.
        text: what the person has typed.
        everywhere: whether to look at all refs, and not only at the history of HEAD.

    Raises:
        GitorchError: there is none, there are several, or it has not ended yet.
    """
    if _ID.fullmatch(text):
        ended = _ends(repository, text, everywhere=everywhere)
        if len(ended) > 1:
            names = ", ".join(sorted(ended)[:_LISTED])
            raise GitorchError(f"{quote(text)} stands for several invocations: {names}", hint="give more of its id")
        if ended:
            (identity,) = ended
            return _ended(Place(ended[identity], identity), repository)
    commit = repository.objects.commit(text) if text and not text.startswith("-") else None
    if commit is None:
        raise GitorchError(
            f"{quote(text)} is no invocation and no commit", hint="see them: gitorch audit", code=Exit.USAGE
        )
    record = record_of(commit.message)
    if record is None or record.invocation is None:
        return Place(commit.oid, None)
    ended = _ends(repository, record.invocation, everywhere=everywhere)
    return _ended(Place(ended.get(record.invocation, commit.oid), record.invocation), repository)


def _ends(repository: Repository, text: str, *, everywhere: bool) -> dict[str, str]:
    """Give the newest commit of each invocation whose id begins so."""
    pattern = f"^{PREFIX}Invocation: {text}"
    out = repository.git.run("log", "--format=%H", "-E", f"--grep={pattern}", "--all" if everywhere else "HEAD", "--")
    newest: dict[str, str] = {}
    for oid in out.decode().split():
        commit = repository.objects.commit(oid)
        record = record_of(commit.message) if commit is not None else None
        if record is not None and record.invocation is not None and record.invocation.startswith(text):
            newest.setdefault(record.invocation, oid)
    return newest


def _ended(place: Place, repository: Repository) -> Place:
    commit = repository.objects.commit(place.commit)
    record = record_of(commit.message) if commit is not None else None
    if record is not None and record.event == "begin":
        raise GitorchError(f"{place.shown} has not ended", hint="give one that has: gitorch audit")
    return place
