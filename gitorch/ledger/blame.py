"""Whose work each line of a file is: git's blame, and the invocation that each of its commits belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from gitorch.core.names import MAIN_TASK_PATH, name_problem, quote
from gitorch.core.record import Record, task_of
from gitorch.core.trailers import PREFIX
from gitorch.errors import Exit, GitorchError
from gitorch.git.commit import Commit
from gitorch.git.process import GitError, complaint
from gitorch.git.repository import Repository
from gitorch.ledger.history import record_of
from gitorch.ledger.log import messages

_SOUGHT: Final = 4  # invocations that git is asked for by name; among more of them a search of our own is faster
_KEY: Final = f"{PREFIX}Invocation: "
_INVOCATION: Final = re.compile(rf"^{_KEY}([0-9a-f]{{32}})$", re.MULTILINE)


class Origin(NamedTuple):
    """What a commit belongs to. `invocation` is None for a record by hand, `agent` where its end is not known."""

    invocation: str | None
    task: str | None
    agent: str | None = None
    model: str | None = None


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a file, and the commit that made it. `origin` is None where that is somebody's ordinary commit."""

    number: int
    original: int
    commit: str
    author: str
    time: int
    path: str
    text: str
    origin: Origin | None

    @property
    def committed(self) -> bool:
        """Whether the line is in any commit yet."""
        return self.commit.strip("0") != ""


class Blame(NamedTuple):
    """A file's lines, and where its commits come from; `raw` is what `git blame --porcelain` printed."""

    lines: list[Line]
    origins: dict[str, Origin]
    raw: bytes

    def porcelain(self) -> Iterator[bytes]:
        """Give git's porcelain form with a few more header lines for each commit that belongs to an invocation."""
        commit, first = "", False
        for line in _lines(self.raw):
            if not commit:
                commit, first = line.split(b" ", 1)[0].decode(), False
            elif line.startswith(b"author "):
                first = True
            elif line.startswith(b"filename ") and first and commit in self.origins:
                yield _header(self.origins[commit])
            elif line.startswith(b"\t"):
                commit = ""
            yield line


def _lines(raw: bytes) -> Iterator[bytes]:
    """Divide at LF alone: a line of the file may hold CR and other ends of lines."""
    yield from (line + b"\n" for line in raw.split(b"\n")[:-1])


def _header(origin: Origin) -> bytes:
    pairs = zip(("task", "invocation", "agent", "model"), (origin.task, *origin[:1], *origin[2:]), strict=True)
    return "".join(f"gitorch-{key} {value}\n" for key, value in pairs if value is not None).encode()


def blame(repository: Repository, path: str, rev: str | None = None, ranges: Sequence[str] = ()) -> Blame:
    """Tell of each line of a file where it comes from.

    Args:
        repository: where the file is.
        path: the file, from the repository's top folder.
        rev: the revision to look at; the work tree where it is None.
        ranges: what `git blame -L` takes.

    Raises:
        GitorchError: there is no such file, revision or line.
    """
    if rev is not None and rev.startswith("-"):
        raise GitorchError(f"{quote(rev)} is not a revision", hint="name a commit, branch or tag", code=Exit.USAGE)
    if rev is None and repository.bare:
        rev = "HEAD"
    limits = [f"-L{each}" for each in ranges]
    revs = [rev] if rev is not None else []
    command = ("blame", "--porcelain", "--no-textconv", "--encoding=UTF-8", *limits, *revs, "--", path)
    done = repository.git.attempt(*command)
    if done.code != 0:
        raise GitError(f"{quote(path)} cannot be blamed: {complaint(done.err)}", hint="name a file that git tracks")
    found = list(_parse(done.out))
    origins = Origins(repository).of({each.commit for each in found}, rev or "HEAD")
    made = [_line(each, origins.get(each.commit)) for each in found]
    return Blame(made, origins, done.out)


@dataclass
class _Found:
    commit: str
    original: int
    number: int
    about: dict[str, str]  # shared by all lines of the commit
    path: str
    text: str = ""


def _parse(raw: bytes) -> Iterator[_Found]:
    commits: dict[str, dict[str, str]] = {}
    paths: dict[str, str] = {}
    now: _Found | None = None
    for data in _lines(raw):
        text = data.decode(errors="replace").removesuffix("\n")
        if now is None:
            commit, original, number = text.split(" ")[:3]
            now = _Found(commit, int(original), int(number), commits.setdefault(commit, {}), paths.get(commit, ""))
        elif data.startswith(b"\t"):
            now.text = text[1:]
            yield now
            now = None
        else:
            key, _, value = text.partition(" ")
            if key == "filename":
                now.path = paths[now.commit] = value
            else:
                now.about.setdefault(key, value)


def _line(found: _Found, origin: Origin | None) -> Line:
    return Line(
        number=found.number,
        original=found.original,
        commit=found.commit,
        author=found.about.get("author", ""),
        time=int(found.about.get("author-time", "0")),
        path=found.path,
        text=found.text,
        origin=origin,
    )


class _Begin(NamedTuple):
    commit: str
    record: Record


class Origins:
    """Finds the invocations that commits belong to, looking from each commit back to the last begin or end."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._objects = repository.objects
        self._open: dict[str, _Begin | None] = {}

    def of(self, commits: Iterable[str], rev: str) -> dict[str, Origin]:
        """Give the origin of each commit that has one; ends are looked for in a revision's history."""
        found: dict[str, Origin] = {}
        unknown: dict[str, str] = {}  # commits whose invocation has ended after them
        for oid in sorted(commits):
            commit = self._objects.commit(oid, named=True)
            if commit is None:
                continue
            record = record_of(commit.message)
            begin = self.begin_of(commit, record)
            if begin is None and record is None:
                continue
            task = task_of(begin.record) if begin is not None else _task(record)
            if record is not None and record.event in ("end", "recover"):
                found[oid] = Origin(record.invocation, task, record.agent, record.model)
            elif begin is not None and (record is None or record.event == "begin"):
                unknown[oid] = begin.record.invocation or ""
                found[oid] = Origin(begin.record.invocation, task)
            else:
                found[oid] = Origin(None, task)
        ends = self._ends(set(unknown.values()), rev)
        for oid, invocation in unknown.items():
            end = ends.get(invocation)
            if end is not None:
                found[oid] = found[oid]._replace(agent=end.agent, model=end.model)
        return found

    def begin_of(self, commit: Commit, record: Record | None) -> _Begin | None:
        """Give the begin of the invocation that a commit belongs to; None where it belongs to none."""
        if record is None or record.event == "begin":
            return self._open_at(commit.oid)
        if record.event not in ("end", "recover") or not commit.parents:
            return None
        begin = self._open_at(commit.parents[0])
        return begin if begin is not None and begin.record.invocation == record.invocation else None

    def _open_at(self, oid: str) -> _Begin | None:
        """Give the begin of the invocation that is open at a commit, as the audit sees it."""
        if not self._in_workflow(oid):
            return None
        stack = [oid]
        parents: dict[str, tuple[str, ...]] = {}
        while stack:
            here = stack[-1]
            if here not in self._open and here not in parents:
                self._look(here, parents)
            if here in self._open:
                stack.pop()
                continue
            missing = [parent for parent in parents[here] if parent not in self._open]
            if missing:
                stack += missing
                continue
            begins = (self._open[parent] for parent in parents[here])
            self._open[here] = next((begin for begin in begins if begin is not None), None)
            stack.pop()
        return self._open[oid]

    def _look(self, oid: str, parents: dict[str, tuple[str, ...]]) -> None:
        """Note what a commit itself says of what is open there, or the parents that have to say it."""
        commit = self._objects.commit(oid, named=True)
        record = None if commit is None else record_of(commit.message)
        if commit is None:  # a shallow clone ends here
            self._open[oid] = None
        elif record is None:
            several = len(commit.parents) > 1
            parents[oid] = tuple(each for each in commit.parents if not several or self._in_workflow(each))
        elif record.event == "begin":
            self._open[oid] = _Begin(oid, record)
        elif record.event in ("end", "recover") or (record.event == "decompose" and record.totals is not None):
            self._open[oid] = None
        else:
            parents[oid] = commit.parents[:1]

    def _in_workflow(self, oid: str) -> bool:
        return self._objects.read(f"{oid}:{MAIN_TASK_PATH}") is not None

    def _ends(self, invocations: set[str], rev: str) -> dict[str, Record]:
        """Find the records that ended invocations, in one pass over the log that stops at the last of them."""
        wanted = set(invocations)
        found: dict[str, Record] = {}
        if not wanted:
            return found
        for _, record in records_of(self._repository, wanted, rev):
            if record.event in ("end", "recover") and record.invocation in wanted:
                found[record.invocation] = record
                wanted.discard(record.invocation)
            if not wanted:
                break
        return found


def _task(record: Record | None) -> str | None:
    """Tell which task a record is about that belongs to no invocation known here."""
    if record is None:
        return None
    if record.event == "decompose":
        name = record.subject.partition("(")[2].partition(")")[0]
        return name if name_problem(name) is None else None  # a long one is cut there
    return task_of(record) or (record.main_task.task if record.main_task is not None else None)


def records_of(repository: Repository, invocations: set[str], *revs: str) -> Iterator[tuple[str, Record]]:
    """Go through the records of invocations, newest first, each with its commit; a single id may be cut short."""
    few = len(invocations) <= _SOUGHT
    needles = [f"{_KEY}{each}" for each in sorted(invocations)] if few else [_KEY]
    for commit, _, text in messages(repository, "-F", *(f"--grep={needle}" for needle in needles), *revs):
        match = _INVOCATION.search(text)
        if match is None or not (few or match[1] in invocations):
            continue
        record = record_of(text)
        if record is not None and record.invocation is not None and record.invocation.startswith(tuple(invocations)):
            yield commit, record
