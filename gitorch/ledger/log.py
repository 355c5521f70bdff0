"""The log: records as they come from git, newest first and at once, each with the invocation that it is part of."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Final, NamedTuple

from gitorch.core.names import quote
from gitorch.core.record import Action, Outcome, Record, task_of
from gitorch.errors import Exit, GitorchError
from gitorch.git.process import GitError
from gitorch.git.repository import Repository
from gitorch.ledger.history import READ_LOG, record_of

_CHUNK: Final = 1 << 16
_HELD: Final = 1000  # records that wait for an invocation's begin, which mostly comes next

# The words of dates that git documents (git-rev-list(1), "--since"). Git takes any text for a date and guesses: HEAD~99
# is the year 1999 for it, so that a mistyped revision would show a wrong part of the history.
_DATE_WORD: Final = re.compile(
    r"\d{4}-\d{1,2}-\d{1,2}(?:T\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?"
    r"|\d{4}/\d{1,2}/\d{1,2}|\d{1,2}[/.]\d{1,2}[/.]\d{4}|@?\d{9,}|\d{1,4}|\d{1,2}:\d{2}(?::\d{2})?|[+-]\d{4}|\d{1,2}(?:am|pm)"
    r"|(?:second|minute|hour|day|week|month|year)s?|ago|last|an?|one|two|three|four|five|six|seven|eight|nine|ten"
    r"|(?:jan|febr)(?:uary)?|feb|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t(?:ember)?)?|oct(?:ober)?"
    r"|(?:nov|dec)(?:ember)?|(?:mon|tues|wednes|thurs|fri|satur|sun)day|mon|tue|wed|thu|fri|sat|sun"
    r"|yesterday|today|now|noon|midnight|tea|never|am|pm|utc|gmt|z",
    re.IGNORECASE,
)
_SEPARATORS: Final = re.compile(r"[\s,]+|(?<!\d)\.|\.(?!\d)")


class Line(NamedTuple):
    """A record of a history."""

    commit: str
    time: int
    record: Record


@dataclass(frozen=True)
class Part:
    """A record, and what it is about: the invocation's task, action and outcome where it is part of one."""

    line: Line
    task: str | None
    action: Action | None
    outcome: Outcome | None
    attempt: int | None

    @property
    def names(self) -> set[str]:
        """The tasks that it is about, or moves."""
        return {change.name for change in self.line.record.changes} | ({self.task} if self.task is not None else set())


def lines(repository: Repository, *revs: str, since: str | None = None) -> Iterator[Line]:
    """Go through the records reachable from revisions, newest first, as soon as git finds them.

    Args:
        repository: where to read.
        revs: commits, branches, tags or ranges; HEAD where none is given.
        since: a commit whose history is left out, or a date as `git log` takes it.

    Raises:
        GitorchError: a revision does not exist.
    """
    for rev in revs:
        if rev.startswith("-"):
            raise GitorchError(f"{quote(rev)} is not a revision", hint="name a commit, branch or tag", code=Exit.USAGE)
    limits = [] if since is None else _limits(repository, since)
    for commit, time, text in messages(repository, *limits, *(revs or ("HEAD",))):
        record = record_of(text)
        if record is not None:
            yield Line(commit, time, record)


def messages(repository: Repository, *args: str) -> Iterator[tuple[str, int, str]]:
    """Go through commits as `git log ARGS` gives them, as soon as it does: id, time, message.

    Raises:
        GitorchError: a revision does not exist.
    """
    # no --topo-order: it would read the whole history before the first line
    process = repository.git.start(*READ_LOG, "-z", "-s", "--format=%H%n%ct%n%B", *args, "--")
    with process:
        if process.stdout is None:
            raise GitError("git log was started without a pipe: this is a bug in gitorch")
        try:
            for token in _tokens(process.stdout):
                commit, time, text = token.decode(errors="replace").lstrip("\n").split("\n", 2)
                yield commit, int(time or 0), text
        except GeneratorExit:
            process.kill()
            raise
    if process.returncode != 0:
        what = " ".join(quote(arg) for arg in args if not arg.startswith("-"))
        raise GitError(
            f"{repository.root}: the history of {what} cannot be read",
            hint="name a commit, branch, tag or range that exists",
        )


def _limits(repository: Repository, since: str) -> list[str]:
    commit = None if since.startswith("-") else repository.objects.commit(since)
    if commit is not None:
        return [f"^{commit.oid}"]
    if not is_date(since):
        hint = "for example HEAD~20, 2026-01-31, 2.days or yesterday"
        raise GitorchError(f"{quote(since)} is not a commit or a date", hint=hint, code=Exit.USAGE)
    return [f"--since={since}"]


def is_date(text: str) -> bool:
    """Return whether a text is a date in one of the forms that git documents, rather than one that it guesses at."""
    words = [word for word in _SEPARATORS.split(text) if word]
    alone = len(words) == 1 and words[0].isdigit() and len(words[0]) < 9  # noqa: PLR2004 - seconds since 1970 have more
    return bool(words) and not alone and all(_DATE_WORD.fullmatch(word) for word in words)


def _tokens(out: IO[bytes]) -> Iterator[bytes]:
    rest = b""
    read = getattr(out, "read1", out.read)  # what is there now: the first line need not wait for a full chunk
    while chunk := read(_CHUNK):
        *whole, rest = (rest + chunk).split(b"\0")
        yield from whole
    if rest:
        yield rest


def parts(found: Iterable[Line]) -> Iterator[Part]:
    """Tell of each record what it is about. An end waits for its begin, for at most 1000 records."""
    waiting: deque[Line] = deque()
    ends: dict[str, Record] = {}
    begins: dict[str, Record] = {}
    for line in found:
        waiting.append(line)
        _note(line.record, ends, begins)
        while waiting and (len(waiting) > _HELD or ends.keys() <= begins.keys()):
            yield _part(waiting.popleft(), ends, begins)
        if not waiting:
            ends.clear()
            begins.clear()
    for line in waiting:
        yield _part(line, ends, begins)


def _note(record: Record, ends: dict[str, Record], begins: dict[str, Record]) -> None:
    if record.invocation is None:
        return
    if record.event == "begin":
        begins[record.invocation] = record
    else:
        ends.setdefault(record.invocation, record)


def _part(line: Line, ends: dict[str, Record], begins: dict[str, Record]) -> Part:
    record = line.record
    end = ends.get(record.invocation or "")
    begin = begins.get(record.invocation or "")
    if record.event != "begin" and record.invocation is not None and begin is None:
        begins[record.invocation] = record  # its begin is far away, or cut off: nobody waits for it any longer
    of = [each for each in (record, begin, end) if each is not None]
    own = begin if begin is not None else record
    action = next((each.action for each in of if each.action is not None), None)
    return Part(
        line,
        task_of(own),
        "decompose" if action is None and record.event == "decompose" else action,
        next((each.outcome for each in of if each.outcome is not None), None),
        next((each.attempt for each in of if each.attempt is not None), None),
    )


@dataclass(frozen=True, kw_only=True)
class Filter:
    """What is wanted; an invocation that fits is wanted whole."""

    task: str | None = None
    action: str | None = None
    outcome: str | None = None

    def fits(self, part: Part) -> bool:
        """Tell whether a record is wanted."""
        return (
            (self.task is None or self.task in part.names)
            and self.action in (None, part.action)
            and self.outcome in (None, part.outcome)
        )
