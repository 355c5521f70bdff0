"""Reading the history: as a stream, newest or oldest first, and back along the way the state came."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from typing import IO, Final, NamedTuple

from gitorch.core import message
from gitorch.core.fold import ATTEMPTS, Fold, Open, task_of
from gitorch.core.message import InvalidMessage, Record, Totals
from gitorch.core.names import MAIN_TASK_FILE, TASKS_DIR, parse_task_file, quote
from gitorch.errors import Exit, GitorchError
from gitorch.git.objects import TREE_MODE, Commit, Entry, Objects
from gitorch.git.process import Git, GitError
from gitorch.git.repository import Repository

_TRAILER: Final = f"\n{message.PREFIX}Event: "
_CHUNK: Final = 1 << 20
_NAMES: Final = sys.getfilesystemencoding()
_ODD_NAMES: Final = sys.getfilesystemencodeerrors()
# what git may keep in memory: enough for reading commit after commit, and faster than its large defaults
_SMALL: Final = (
    *("-c", "core.deltaBaseCacheLimit=4m"),
    *("-c", "core.packedGitWindowSize=1m", "-c", "core.packedGitLimit=16m"),
)
_QUARANTINE: Final = ("GIT_QUARANTINE_PATH", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES")
# `git log` whatever the user's settings are: in UTF-8, and nothing but what the format asks for
READ_LOG: Final = (
    *("-c", "log.showRoot=true", "-c", "log.showSignature=false", "-c", "i18n.logOutputEncoding=UTF-8", "log"),
    *("--no-color", "--no-decorate", "--no-notes", "--no-mailmap"),
)


class PathChange(NamedTuple):
    """One path that a commit changed against its first parent; None where it was or is missing."""

    path: str
    before: Entry | None
    after: Entry | None


class Logged(NamedTuple):
    """A commit from the stream. `paths` is empty for merges and where it was not asked for.

    `garbled` tells that its message is no proper text. `signature`, where it was asked for, is git's letter (`%G?`) and
    the signer's name.
    """

    commit: str
    parents: tuple[str, ...]
    time: int
    message: str
    paths: list[PathChange]
    garbled: bool = False
    signature: str = ""


def stream(
    repository: Repository,
    *revs: str,
    oldest_first: bool = False,
    paths: bool = False,
    signatures: bool = False,
    replaced: bool = True,
) -> Iterator[Logged]:
    """Go through the commits reachable from revisions, parents after children (or before, oldest first).

    `signatures` asks git to check each commit's signature, which takes its time. Without `replaced` the commits are
    seen as they are, whatever `git replace` puts in their place.

    Raises:
        GitorchError: a revision does not exist, or git ends with an error on the way.
    """
    for rev in revs:
        if rev.startswith("-"):
            raise GitorchError(f"{quote(rev)} is no revision", hint="give a commit, branch or tag", code=Exit.USAGE)
    options = ["--reverse"] if oldest_first else []
    options += ["--raw", "--no-abbrev", "--no-renames", "-r"] if paths else ["-s"]
    sign = "%G?%GS" if signatures else ""
    process = _reader(repository, replaced=replaced).start(
        *(*_SMALL, *READ_LOG, "--topo-order", "-z", *options),
        *(f"--format=%x01%H %P%n%ct{sign}%n%B%x02", *revs, "--"),
    )
    with process:
        if process.stdout is None:
            raise GitError("git log was started without a pipe: this is a bug in gitorch")
        try:
            yield from _parse_stream(chain.from_iterable(_tokens(process.stdout)))
        except GeneratorExit:
            process.kill()
            raise
    if process.returncode != 0:
        what = " ".join(quote(rev) for rev in revs)
        raise GitError(f"the history of {what} cannot be read", hint="give a commit, branch, tag or range that exists")


def _reader(repository: Repository, *, replaced: bool) -> Git:
    git = Git(repository.git.folder)
    git.env = {**repository.git.env, "GIT_FLUSH": "0"}  # whole blocks: not one write and one wake-up for each commit
    return git if replaced else as_it_is(git)


def as_it_is(git: Git) -> Git:
    """Let git see the objects themselves, not what replace refs or grafts put in their place.

    In a hook that judges a push, it sees the objects that wait there to be let in too.
    """
    waiting = {key: os.environ[key] for key in _QUARANTINE if key in os.environ}
    pushed = waiting if _QUARANTINE[0] in waiting else {}
    git.env = {**git.env, **pushed, "GIT_NO_REPLACE_OBJECTS": "1", "GIT_GRAFT_FILE": os.devnull}
    return git


def _tokens(out: IO[bytes]) -> Iterator[list[bytes]]:
    with suppress(OSError, AttributeError):
        fcntl.fcntl(out.fileno(), fcntl.F_SETPIPE_SZ, _CHUNK)  # Linux alone has it
    rest = b""
    while chunk := out.read(_CHUNK):
        *whole, rest = (rest + chunk).split(b"\0")
        yield whole
    yield [rest] if rest else []


def _parse_stream(tokens: Iterator[bytes]) -> Iterator[Logged]:
    current: Logged | None = None
    for token in tokens:
        if token[:1] == b"\x01":
            if current is not None:
                yield current
            current = _parse_head(token)
        elif current is not None and (raw := token.lstrip(b"\n"))[:1] == b":":
            old_mode, new_mode, old, new, _ = raw[1:].decode().split(" ")
            current.paths.append(
                PathChange(
                    next(tokens).decode(_NAMES, _ODD_NAMES),
                    None if old_mode == "000000" else Entry(old_mode, old),
                    None if new_mode == "000000" else Entry(new_mode, new),
                )
            )
    if current is not None:
        yield current


def _parse_head(token: bytes) -> Logged:
    garbled = False
    try:
        whole = token.decode()
    except UnicodeDecodeError:
        garbled, whole = True, token.decode(errors="replace")
    ids, time, text = whole.split("\n", 2)
    commit, *parents = ids[1:].split()
    signature = time.lstrip("-0123456789")
    seconds = int(time[: len(time) - len(signature)] or 0)
    return Logged(commit, tuple(parents), seconds, text[: text.rindex("\x02")], [], garbled, signature)


def record_of(text: str) -> Record | None:
    """Read a commit message as a record; None where it is none, or no proper one."""
    if _TRAILER not in text:
        return None
    try:
        return message.parse(text)
    except InvalidMessage:
        return None


def way_back(objects: Objects, rev: str = "HEAD") -> Iterator[Commit]:
    """Go from a commit back along the way its state came: at a merge, to the parent with the same state."""
    commit = objects.commit(rev)
    while commit is not None:
        yield commit
        if not commit.parents:
            return
        onward = commit.parents[0]
        if len(commit.parents) > 1:
            here = _state_of(objects, commit.oid)
            onward = next((parent for parent in commit.parents if _state_of(objects, parent) == here), onward)
        commit = objects.commit(onward)  # None where a shallow clone ends


def _state_of(objects: Objects, commit: str) -> tuple[frozenset[str], str | None]:
    """Give the task files' names and MAIN_TASK: bodies, folders and templates are merged without a record."""
    entries = objects.tree(f"{commit}:{TASKS_DIR}")
    names = (name for name, entry in entries.items() if name.startswith("[") and entry.mode != TREE_MODE)
    main = entries.get(MAIN_TASK_FILE)
    return frozenset(name for name in names if parse_task_file(name)), None if main is None else main.oid


def records_back(objects: Objects, rev: str = "HEAD") -> Iterator[tuple[Commit, Record]]:
    """Go through the records on the way back from a commit, newest first."""
    for commit in way_back(objects, rev):
        record = record_of(commit.message)
        if record is not None:
            yield commit, record


class Recent(NamedTuple):
    """What the latest records say: the running sums, and the invocation that is open, if one is."""

    fold: Fold
    begin: str | None  # the open invocation's begin commit
    last: Record | None  # the newest record that carries sums
    by_hand: bool = False  # whether somebody has said since what is to be done


def recent(objects: Objects, rev: str = "HEAD") -> Recent:
    """Read the sums since `start`, and the invocation left open, from the newest records alone."""
    ended: set[str] = set()
    opened: Open | None = None
    begin: str | None = None
    started: Record | None = None  # the sums begin there; before it only an invocation that is open is looked for
    cut_off = by_hand = False
    for commit in way_back(objects, rev):
        cut_off = bool(commit.parents)  # true after the last commit only where a shallow clone begins
        record = record_of(commit.message)
        if record is None:
            continue
        if record.event in ("end", "recover") and record.invocation is not None:
            ended.add(record.invocation)
        if record.event == "begin" and record.invocation not in ended and opened is None:
            opened = Open(record.invocation or "", record.action, record.attempt, task_of(record))
            begin = commit.oid
        by_hand = by_hand or record.event in ("update", "answer")
        if record.event == "start" and started is None:
            started = record
        elif record.totals is not None or record.event == "start":
            totals = record.totals if started is None else None
            return Recent(Fold(totals or Totals(), (opened,) if opened else ()), begin, started or record, by_hand)
    if started is not None:
        return Recent(Fold(Totals(), (opened,) if opened else ()), begin, started, by_hand)
    return Recent(Fold(Totals(), (opened,) if opened else (), known=not cut_off), begin, None)


class Past(NamedTuple):
    """What earlier invocations of a task have left for the next.

    Attributes:
        attempt: the number of the attempt to come.
        failures: what earlier attempts tried and why they failed, the latest first.
        answer: what the user answered since, if a question was asked.
        waits: how many invocations in a row have hit a rate limit, the latest being one of them.
    """

    attempt: int
    failures: tuple[Record, ...]
    answer: str | None
    waits: int = 0


def past_of(objects: Objects, name: str, rev: str = "HEAD", failures: int = 3) -> Past:
    """Read a task's attempts since it was last made, reopened or answered."""
    attempt: int | None = None
    kept: list[Record] = []
    answer: str | None = None
    waits, waiting = 0, True
    needle = f"{message.PREFIX}State: {name}: "
    for commit in way_back(objects, rev):
        record = record_of(commit.message) if needle in commit.message else None
        if record is None or all(change.name != name for change in record.changes):
            continue
        if record.event == "answer":
            attempt, answer = attempt or 1, answer or record.body
        elif record.event == "end" and task_of(record) == name:
            attempt = attempt or (record.attempt or 0) + (record.outcome in ATTEMPTS)
            waiting = waiting and record.outcome == "rate-limited"
            waits += waiting
            kept += [record] if record.outcome in ATTEMPTS else []
        elif record.event == "begin" and task_of(record) == name:
            attempt = attempt or record.attempt  # begun, never ended, recovered: not an attempt
        elif record.event != "recover":
            break
        if len(kept) == failures:
            break
    return Past(attempt or 1, tuple(kept), answer, waits)
