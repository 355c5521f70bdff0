"""Judging what is pushed: where it goes out, and where it comes in, before any branch moves."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from typing import Final, NamedTuple

from gitorch.core import message
from gitorch.core.names import TASKS_DIR
from gitorch.core.text import clean, one_line
from gitorch.core.trailers import PREFIX, InvalidMessage
from gitorch.errors import Exit, GitorchError
from gitorch.git.objects import Objects
from gitorch.git.process import Git, GitError, complaint
from gitorch.git.repository import Repository
from gitorch.ledger.history import Logged, as_it_is, stream
from gitorch.ledger.problems import Report
from gitorch.ledger.trees import folder_at
from gitorch.ledger.verify import verify

_BRANCHES: Final = "refs/heads/"
_SHORT: Final = 10
_SHOWN: Final = 10  # of the branches that are refused
_BROKEN_HINT: Final = (
    "fetch, put the record right (gitorch verify tells all, gitorch adopt records what the trees say, "
    "gitorch merge joins what went on side by side), then push again"
)
_LOST_HINT: Final = (
    "fetch, join both with gitorch merge, and push again without force; "
    "a branch with records may go when another branch has them"
)


class Update(NamedTuple):
    """A branch that a push moves: None for `old` where it is new, for `new` where it goes."""

    ref: str
    old: str | None
    new: str | None


def told() -> list[str]:
    """Give the lines that git has written to the hook's standard input."""
    if sys.stdin.isatty():  # somebody tries the hook by hand
        return []
    return [os.fsdecode(line) for line in sys.stdin.buffer.read().split(b"\n") if line.strip()]


def judge(repository: Repository, *revs: str) -> Report:
    """Verify what is new, if any of it concerns the record: what was before is read for that alone."""
    git = as_it_is(repository.git)
    first = ("-c", "i18n.logOutputEncoding=UTF-8", "rev-list", "--max-count=1")
    about = (("--full-history", *revs, "--", TASKS_DIR), ("-F", "-i", f"--grep={PREFIX}", *revs, "--"))
    if any(git.run(*first, *asked) for asked in about):
        return verify(repository, *revs)
    return Report()


def pre_receive(repository: Repository, args: list[str]) -> None:  # noqa: ARG001 - git gives it none
    """Judge a push where it comes in: all its branches in one verdict, by how they stand after it.

    Raises:
        GitorchError: it would break the record, or take away some of it.
    """
    git = as_it_is(repository.git)
    before, others = _branches(git)
    updates = [_received(line, others) for line in told()]
    updates = [update for update in updates if update.ref.startswith(_BRANCHES)]
    if not updates:
        return
    _beyond(git, {update.new for update in updates if update.new is not None}, set(before.values()))  # is all there?
    after = {**before, **{update.ref: update.new or "" for update in updates}}
    rewritten = _rewritten(repository, updates, {oid for oid in after.values() if oid})
    left = [update for update in updates if update.ref not in rewritten]
    _refuse(rewritten, _broken(repository, left, set(before.values())))


def pre_push(repository: Repository, args: list[str]) -> None:
    """Judge what a push sends, by what the other side has as far as it is known here.

    Raises:
        GitorchError: the record does not hold in it.
    """
    lines = told()
    if lines:
        remote, updates = args[0] if args else "", [_sent(line) for line in lines]
    else:
        remote, updates = _from_framework(repository, os.environ)
    updates = [update for update in updates if update.ref.startswith(_BRANCHES) and update.new is not None]
    if not updates:
        return
    with closing(Objects(as_it_is(repository.git))) as objects:
        updates = [
            update if update.old is None or objects.read(update.old) else update._replace(old=None)
            for update in updates
        ]
    tracked = _oids(as_it_is(repository.git), f"refs/remotes/{remote}/") if remote else {}
    _refuse({}, _broken(repository, updates, set(tracked.values())))


def _received(line: str, others: Mapping[str, str]) -> Update:
    old, _, rest = line.partition(" ")
    new, _, ref = rest.partition(" ")
    if not ref:
        raise GitorchError("a line of what is pushed is not of the form OLD NEW REF", code=Exit.USAGE)
    return Update(others.get(ref, ref), _oid(old), _oid(new))


def _sent(line: str) -> Update:
    parts = line.rsplit(" ", 3)  # what stands first may be any revision, blanks and all
    if len(parts) != 4:  # noqa: PLR2004 - what, its id, where to, what is there
        raise GitorchError("a line of what is pushed is not of the form REF ID REMOTE-REF REMOTE-ID", code=Exit.USAGE)
    return Update(parts[2], _oid(parts[3]), _oid(parts[1]))


def _oid(text: str) -> str | None:
    return text if text.strip("0") else None


def _from_framework(repository: Repository, environ: Mapping[str, str]) -> tuple[str, list[Update]]:
    """Read what the pre-commit framework tells, which keeps git's words to itself.

    It names no commits where all of a branch is pushed, from its root on.
    """
    remote = environ.get("PRE_COMMIT_REMOTE_NAME", "")
    ref = environ.get("PRE_COMMIT_REMOTE_BRANCH", "")
    new = environ.get("PRE_COMMIT_TO_REF") or environ.get("PRE_COMMIT_LOCAL_BRANCH")
    if not new:
        return remote, []
    old = environ.get("PRE_COMMIT_FROM_REF", "")
    objects = repository.objects
    tip = objects.commit(new)
    base = objects.commit(old) if _oid(old) and objects.read(old) is not None else None
    if tip is None:
        raise GitorchError(f"what is pushed is no commit: {one_line(new)}", hint="push again, or run gitorch verify")
    ref = ref if ref.startswith("refs/") else f"{_BRANCHES}{ref or one_line(new)}"
    return remote, [Update(ref, base.oid if base is not None else None, tip.oid)]


def _branches(git: Git) -> tuple[dict[str, str], dict[str, str]]:
    """Give the branches and where they stand, and apart from them those that are other names of one."""
    out = os.fsdecode(git.run("for-each-ref", "--format=%(objectname) %(refname) %(symref)", _BRANCHES))
    branches, others = {}, {}
    for line in out.split("\n")[:-1]:
        oid, ref, other = line.split(" ")
        if other:
            others[ref] = other
        else:
            branches[ref] = oid
    return branches, others


def _oids(git: Git, prefix: str) -> dict[str, str]:
    out = os.fsdecode(git.run("for-each-ref", "--format=%(objectname) %(refname)", prefix))
    return {ref: oid for oid, _, ref in (line.partition(" ") for line in out.split("\n")[:-1])}


def _beyond(git: Git, tips: Iterable[str], known: Collection[str]) -> list[str] | None:
    """Find where commits that are reachable from tips, but not from what is known, begin.

    Gives what `git log` takes to leave out the rest, however much is known; None where there is nothing else.
    """
    asked = "".join(f"{each}\n" for each in (*tips, *(f"^{oid}" for oid in known)))
    done = git.attempt("rev-list", "--boundary", "--stdin", stdin=asked.encode())
    if done.code != 0:
        raise GitError(
            f"the history of what is pushed cannot be read: {complaint(done.err)}",
            hint="from a shallow clone: git fetch --unshallow, then push again",
        )
    lines = done.out.decode().split()
    edges = [f"^{line[1:]}" for line in lines if line.startswith("-")]
    return edges if len(edges) < len(lines) else None


def _rewritten(repository: Repository, updates: list[Update], kept: Collection[str]) -> dict[str, str]:
    """Say of each branch what of the record would be lost, where no branch has it after the push."""
    olds = {update.ref: update.old for update in updates if update.old is not None and update.old not in kept}
    if not olds or _lost_record(repository, set(olds.values()), kept) is None:
        return {}
    found = {ref: _lost_record(repository, (old,), kept) for ref, old in olds.items()}
    return {
        ref: f"the record would be rewritten: {lost.commit[:_SHORT]} ({_subject(lost)}) would be lost"
        for ref, lost in found.items()
        if lost is not None
    }


def _subject(logged: Logged) -> str:
    return one_line(logged.message.partition("\n")[0], limit=60)


def _lost_record(repository: Repository, tips: Collection[str], kept: Collection[str]) -> Logged | None:
    """Give the oldest commit with a part of the record that nothing leads to any more."""
    git = as_it_is(repository.git)
    edges = _beyond(git, tips, kept)
    if edges is None:
        return None
    commits = stream(repository, *tips, *edges, oldest_first=True, paths=True, as_made=True)
    with closing(Objects(git)) as objects:
        return next((each for each in commits if _has_part(objects, each)), None)


def _has_part(objects: Objects, logged: Logged) -> bool:
    """Tell whether a commit holds a record, even a spoilt one, or changes `.tasks`."""
    try:
        if message.parse(logged.message) is not None:
            return True
    except InvalidMessage:
        return True
    if len(logged.parents) < 2:  # noqa: PLR2004 - no merge
        return any(change.path.partition("/")[0] == TASKS_DIR for change in logged.paths)
    here = folder_at(objects, logged.commit)
    return all(folder_at(objects, parent) != here for parent in logged.parents)


def _broken(repository: Repository, updates: list[Update], known: Collection[str]) -> dict[str, str]:
    """Say of each branch which of its new commits does not hold."""
    found: dict[str, str] = {}
    judged: dict[tuple[str, str], Report] = {}
    created: dict[str, str] = {}
    for ref, old, new in updates:
        if new is None:
            continue
        if old is None:
            created[ref] = new
            continue
        if (new, old) not in judged:
            judged[new, old] = judge(repository, new, f"^{old}")
        _take(found, ref, judged[new, old])
    _judge_created(repository, created, known, found)
    return found


def _judge_created(
    repository: Repository, created: Mapping[str, str], known: Collection[str], found: dict[str, str]
) -> None:
    """Judge what no branch has yet: at once, and where that does not hold, branch by branch."""
    edges = _beyond(as_it_is(repository.git), created.values(), known) if created else None
    if edges is None:
        return
    tips = tuple(dict.fromkeys(created.values()))
    whole = judge(repository, *tips, *edges)
    if _holds(whole, alone=len(tips) == 1):
        return
    passed: list[str] = []
    for ref, tip in created.items():
        report = whole if len(tips) == 1 else judge(repository, tip, *edges, *passed)
        _take(found, ref, report)
        if _holds(report, alone=False):
            passed.append(f"^{tip}")


def _holds(report: Report, *, alone: bool) -> bool:
    """Tell whether what was judged holds for every branch: what one has adopted, another may not have."""
    return report.ok and (alone or not any("adopted later" in warning.problem for warning in report.warnings))


def _take(found: dict[str, str], ref: str, report: Report) -> None:
    if report.problems:
        commit, problem = report.problems[0]
        found[ref] = f"commit {commit[:_SHORT]}: {clean(problem)}"


def _refuse(rewritten: Mapping[str, str], broken: Mapping[str, str]) -> None:
    """Refuse the push where there is a reason to, with all the reasons on one line."""
    reasons = {**rewritten, **broken}
    if reasons:
        listed = [f"{one_line(ref.removeprefix(_BRANCHES))}: {said}" for ref, said in reasons.items()]
        more = f"; and {len(listed) - _SHOWN} more branches" if len(listed) > _SHOWN else ""
        hints = [hint for hint, found in ((_BROKEN_HINT, broken), (_LOST_HINT, rewritten)) if found]
        raise GitorchError(f"push refused: {'; '.join(listed[:_SHOWN])}{more}", hint="; ".join(hints))
