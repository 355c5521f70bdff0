"""Reading the history: as a stream, newest or oldest first, and back along the way the state came."""

from __future__ import annotations

import fcntl
import os
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import IO, Final, NamedTuple

from gitorch.core import again, message
from gitorch.core.fold import Fold, Open
from gitorch.core.names import MAIN_TASK_FILE, TASKS_DIR, parse_task_file, quote
from gitorch.core.record import ATTEMPTS, Record, Totals, task_of
from gitorch.core.trailers import PREFIX, InvalidMessage
from gitorch.errors import Exit, GitorchError
from gitorch.git.commit import Commit
from gitorch.git.objects import TREE_MODE, Entry, Objects
from gitorch.git.process import Git, GitError
from gitorch.git.repository import Repository

_TRAILER: Final = f"\n{PREFIX}Event: "
_CHUNK: Final = 1 << 20
_SHOWN_FAILURES: Final = 3
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
    as_made: bool = False,
) -> Iterator[Logged]:
    """Go through the commits reachable from revisions, parents after children (or before, oldest first).

    `signatures` asks git to check each commit's signature, which takes its time. With `as_made` the commits are seen as
    they were made, whatever grafts say, and in a hook that judges a push those of the push too.

    Raises:
        GitorchError: a revision does not exist, or git ends with an error on the way.
    """
    for rev in revs:
        if rev.startswith("-"):
            raise GitorchError(f"{quote(rev)} is not a revision", hint="name a commit, branch or tag", code=Exit.USAGE)
    options = ["--reverse"] if oldest_first else []
    options += ["--raw", "--no-abbrev", "--no-renames", "-r"] if paths else ["-s"]
    sign = "%G?%GS" if signatures else ""
    process = _reader(repository, as_made=as_made).start(
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
        raise GitError(
            f"{repository.root}: the history of {what} cannot be read",
            hint="name a commit, branch, tag or range that exists",
        )


def _reader(repository: Repository, *, as_made: bool) -> Git:
    git = repository.git.also({"GIT_FLUSH": "0"})  # whole blocks: not one write and one wake-up for each commit
    return as_it_is(git) if as_made else git


def as_it_is(git: Git) -> Git:
    """Let git see commits as they were made, whatever grafts say; in a hook that judges a push, its commits too."""
    waiting = {key: os.environ[key] for key in _QUARANTINE if key in os.environ}
    pushed = waiting if Path(waiting.get(_QUARANTINE[0], "/dev/null")).is_dir() else {}
    return git.also({**pushed, "GIT_GRAFT_FILE": os.devnull})


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
        commit = objects.commit(onward, named=True)  # None where a shallow clone ends


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
    since: list[Record] = []  # the records after the one that tells the sums, newest first
    ended: set[str] = set()
    opened: Open | None = None
    begin: str | None = None
    started: Record | None = None  # the sums begin there; before it only an invocation that is open is looked for
    newest: Record | None = None
    newer: Record | None = None
    told: Record | None = None
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
        if started is None and record.main_task is None and newer is not None and newer.event == "begin":
            started = newer  # a step wrote the first MAIN_TASK
        newest, newer = newest or record, record
        if record.totals is not None or (record.event == "start" and started is not None):
            told = record
            break
        if started is None:
            since += [record] if record.changes else []
            started = record if record.event == "start" else None
    totals = Totals() if started is not None or told is None or told.totals is None else told.totals
    known = told is not None or started is not None or not cut_off
    bare = newest is None or newest.main_task is None
    fold = Fold(totals, (opened,) if opened else (), known=known, again=totals.again, bare=bare)
    for record in reversed(since):
        fold = fold._replace(again=again.after(fold.again, record))
    return Recent(fold, begin, started or told, by_hand)


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


def past_of(objects: Objects, name: str, rev: str = "HEAD") -> Past:
    """Read the attempts at a task that is to be tried, or is being tried, since it was last made, moved or answered."""
    known = again.of(recent(objects, rev).fold.again, name)
    tries = _Tries(name, known.attempt - 1, answered=known.answered)
    if tries.wanted:
        tries.look(objects, rev)
    return Past(known.attempt, tuple(tries.failures), tries.answer, known.waits)


def failures_of(objects: Objects, name: str, rev: str = "HEAD") -> Past:
    """Read the attempts at a task that is not to be tried any more, however far back they are."""
    tries = _Tries(name, _SHOWN_FAILURES, answered=False)
    tries.look(objects, rev)
    return Past(1, tuple(tries.failures), tries.answer)


class _Tries:
    """A search for what was tried at a task and what was answered, which ends where all of it is found.

    `left` is how many failures are still to be found, `answered` whether an answer is; what was tried before an answer
    counts too, the `end` before it tells how much that is.
    """

    def __init__(self, name: str, left: int, *, answered: bool) -> None:
        self._name = name
        self._left = left
        self._answered = answered
        self._before_answer = False
        self.failures: list[Record] = []
        self.answer: str | None = None

    @property
    def wanted(self) -> bool:
        """Whether there is more to find."""
        return (self._left > 0 and len(self.failures) < _SHOWN_FAILURES) or self._answered or self._before_answer

    def look(self, objects: Objects, rev: str) -> None:
        """Go back along the way the state came, and both ways where a record has merged two."""
        seen: set[str] = set()
        ways = deque([way_back(objects, rev)])
        while ways and self.wanted:
            way = ways.popleft()
            commit = next(way, None)
            if commit is None or commit.oid in seen:
                continue
            seen.add(commit.oid)
            record = record_of(commit.message)
            if record is not None and record.event == "merge":
                ways += [way_back(objects, parent) for parent in commit.parents[1:]]
            elif (
                record is not None
                and any(change.name == self._name for change in record.changes)
                and self._ends(record)
            ):
                continue
            ways.append(way)

    def _ends(self, record: Record) -> bool:
        """Take what a record about the task tells; says whether nothing before it counts."""
        if record.event == "answer":
            self.answer = self.answer or record.body
            self._answered, self._before_answer = False, True
        elif record.event == "end" and task_of(record) == self._name:
            failed = record.outcome in ATTEMPTS
            if self._before_answer:
                self._left, self._before_answer = (record.attempt or 1) - 1 + failed, False
            if failed:
                self.failures.append(record)
                self._left -= 1
        else:
            return record.event not in ("begin", "recover")
        return False
