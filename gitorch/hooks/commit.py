"""The hooks around a commit: what it may change of the workflow, and the record that it gets."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final, NamedTuple

from gitorch.core import handmade, message, moves
from gitorch.core.join import Side
from gitorch.core.record import Record
from gitorch.core.trailers import PREFIX, InvalidMessage
from gitorch.errors import GitorchError
from gitorch.git.locks import is_held
from gitorch.git.repository import Repository
from gitorch.hooks import caller, staged, texts
from gitorch.hooks.caller import Caller
from gitorch.hooks.texts import Text
from gitorch.ledger.history import recent, record_of
from gitorch.ledger.outlines import read_outlines
from gitorch.ledger.state import Files, WorkflowState, read_state
from gitorch.ledger.verify import verify

_GITHEAD: Final = "GITHEAD_"
_EDITED: Final = ("", "template")  # where a message comes from that git lets its user write now
_SQUASHED: Final = re.compile(r"^commit ([0-9a-f]{40,64})$", re.MULTILINE)  # the newest comes first
_NOBODY: Final = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "nobody"), ("EMAIL", "nobody@localhost"), ("DATE", "@0 +0000"))
}
_AS_THEY_WERE: Final = (
    f"leave the lines that begin with {PREFIX} as they were, or take all of them away: they are written anew"
)
_MADE_THERE: Final = "a record of a step fits only where it was made; gitorch merge BRANCH joins two branches"
_APART: Final = "make it a commit of its own, without --amend"
_BY_GITORCH: Final = "change it with gitorch move and gitorch update, or leave .tasks out of this commit"


class _Making(NamedTuple):
    """The commit that is being made: what it would hold, and on which parents it would stand."""

    staged: WorkflowState
    parents: tuple[WorkflowState, ...]
    last: Record | None  # the record of the commit whose place it takes, where one is amended
    kept: bool = False  # whether the state stays as that one has it

    @property
    def before(self) -> WorkflowState:
        return self.parents[0] if self.parents else WorkflowState(None, None, {}, Files({}, {}), None)


class _Seen(NamedTuple):
    """Which git command asks, and what is staged."""

    asks: Caller
    staged: WorkflowState


def _look(repository: Repository) -> _Seen:
    return _Seen(caller.look(repository.config), staged.read(repository))


def pre_commit(repository: Repository, args: list[str]) -> None:  # noqa: ARG001 - git gives it none
    """Refuse what is staged where it is out of form, or changes the state in a way that is not legal.

    Raises:
        GitorchError: it does; what is wrong and how to mend it.
    """
    _check(repository, _look(repository))


def pre_merge_commit(repository: Repository, args: list[str]) -> None:  # noqa: ARG001 - git passes none
    """Refuse a merge whose state is that of neither side.

    Git runs this hook before it writes MERGE_HEAD; until then only the environment names what is being merged.

    Raises:
        GitorchError: both sides went on with the workflow, or the merge changes the state itself.
    """
    _check(repository, _look(repository), merging=_named_heads())


def _named_heads() -> tuple[str, ...]:
    """Return the commits that git names to a merge's strategy and hooks: GITHEAD_<id> is set for each."""
    return tuple(key.removeprefix(_GITHEAD) for key in sorted(os.environ) if key.startswith(_GITHEAD))


def prepare_commit_msg(repository: Repository, args: list[str]) -> None:
    """Write the record of a legal change by hand into the message that is being prepared.

    Raises:
        GitorchError: a commit that is picked from elsewhere does not fit here.
    """
    _fill_in(repository, args, _look(repository))


def commit_msg(repository: Repository, args: list[str]) -> None:
    """Refuse a message that tells another story than what is staged; write the record that is missing.

    Raises:
        GitorchError: message and staged files do not fit together.
    """
    _seal(repository, args, _look(repository))


def at_once(repository: Repository, args: list[str]) -> None:
    """Do the work of all three hooks of a commit whose message nobody is going to edit.

    Raises:
        GitorchError: one of them refuses.
    """
    seen = _look(repository)
    _check(repository, seen)
    if not _fill_in(repository, args, seen):
        _seal(repository, args[:1], seen)


def _check(repository: Repository, seen: _Seen, *, merging: tuple[str, ...] = ()) -> None:
    asks, now = seen
    ways = [False] if merging else [asks.amends] if asks.amends is not None else [False, True]
    first: GitorchError | None = None
    for amends in ways:
        making = _making(repository, now, amends=amends, merging=merging)
        staged.check_form(repository.objects, now, making.before)
        staged.check_whole(repository, now, making.before)
        try:
            _change(repository, making)
        except GitorchError as error:
            first = first or (_told_apart(repository, now, error) if amends else error)
        else:
            return
    if first is not None:
        raise first


def _told_apart(repository: Repository, now: WorkflowState, error: GitorchError) -> GitorchError:
    """Say of what cannot be amended whether it could be a commit of its own."""
    try:
        _change(repository, _making(repository, now, amends=False))
    except GitorchError:
        return error
    return GitorchError(error.message, hint=_APART)


def _fill_in(repository: Repository, args: list[str], seen: _Seen) -> bool:
    """Write the record that is due; tells whether one was."""
    file, source, commit = _told(args)
    asks, now = seen
    amends = asks.amends
    if amends is None:
        amends = (source, commit) == ("commit", "HEAD") or caller.squashes(repository.git_dir)
    try:
        making = _making(repository, now, amends=amends)
        text = texts.load(repository, file, edited=asks.picks or source in _EDITED or None)
        if asks.picks and not amends and texts.claims(text.own):
            _pick(repository, file, making, text)
        elif source == "commit" or asks.picks or not texts.claims(text.own):
            return _prepare(repository, file, making, text)
    except GitorchError as error:
        if asks.picks:  # no other hook is asked
            raise GitorchError(error.message, hint=_way_back(repository, asks, error)) from None
    return False


def _way_back(repository: Repository, asks: Caller, error: GitorchError) -> str:
    """Return what to do about a commit that does not fit where it is picked, reverted or rebased."""
    if repository.in_progress() == "rebase":
        return f"{error.hint}; git rebase --abort returns to where you were"
    if asks.reverts:
        return "to go back to an earlier state: gitorch rewind INVOCATION (gitorch log lists them); unstage the rest"
    return f"{error.hint}; what it would change is left staged"


def _pick(repository: Repository, file: Path, making: _Making, text: Text) -> None:
    """Judge a record that was made elsewhere; one of a change by hand is written anew where that is legal here too."""
    record = texts.parse(text.own)
    try:
        _judge(repository, making, text.own)
    except GitorchError as error:
        if record is None or not handmade.is_by_hand(record):
            raise GitorchError(error.message, hint=_MADE_THERE) from None
        _prepare(repository, file, making, text)


def _prepare(repository: Repository, file: Path, making: _Making, text: Text) -> bool:
    """Write the record that is due, in the place of one that came along with another commit's message."""
    due = _change(repository, making)
    if due is None or texts.tells(text.own, due):
        return False
    comments = "\n" + text.comments if text.comments else ""
    texts.save(repository, file, texts.join(due, text.own) + comments)
    return True


def _seal(repository: Repository, args: list[str], seen: _Seen) -> None:
    file, _, _ = _told(args)
    own = texts.load(repository, file).own
    if not own.strip():
        return  # git ends here by itself
    making = _making(repository, seen.staged, amends=bool(seen.asks.amends))
    try:
        record = texts.parse(own)
    except InvalidMessage as error:
        due = _change(repository, making)
        if due is None or not texts.has_all_of(own, due):
            raise GitorchError(f"the message is no proper record: {error.message}", hint=_AS_THEY_WERE) from None
    else:
        if record is not None:
            if _is_inside():
                raise GitorchError("a record cannot be made inside an invocation", hint=_BY_GITORCH)
            _judge(repository, making, own)
            texts.save(repository, file, own)  # git may be told to leave comments in
            return
        due = _change(repository, making)
    if due is not None:
        texts.save(repository, file, texts.join(due, own))


def _told(args: list[str]) -> tuple[Path, str, str]:
    """Give the message's file, where the message comes from, and from which commit; the framework tells some of it."""
    if not args:
        raise GitorchError("this hook wants the message's file", hint="git calls it with that")
    source = args[1] if len(args) > 1 else os.environ.get("PRE_COMMIT_COMMIT_MSG_SOURCE", "")
    commit = args[2] if len(args) > 2 else os.environ.get("PRE_COMMIT_COMMIT_OBJECT_NAME", "")  # noqa: PLR2004 - git's third
    return Path(args[0]), source, commit


def _is_inside() -> bool:
    return bool(os.environ.get("GITORCH_INVOCATION"))


def _making(repository: Repository, now: WorkflowState, *, amends: bool, merging: tuple[str, ...] = ()) -> _Making:
    objects = repository.objects
    head = objects.commit("HEAD")
    if amends and head is not None:
        parents = tuple(read_state(objects, parent) for parent in head.parents)
        return _Making(now, parents, record_of(head.message), kept=_same(now, read_state(objects)))
    merged = repository.git_dir / "MERGE_HEAD"
    others = merged.read_text().split() if merged.is_file() else merging
    heads = [head.oid] if head is not None else []
    return _Making(now, tuple(read_state(objects, oid) for oid in (*heads, *others)), None)


def _same(one: WorkflowState, other: WorkflowState) -> bool:
    return one.states == other.states and one.main_task_entry == other.main_task_entry


def _change(repository: Repository, making: _Making) -> Record | None:
    """Give the record that a commit needs which has none; None where it needs none.

    Raises:
        GitorchError: what it changes is not legal.
    """
    if making.kept:
        return making.last
    if any(_same(making.staged, parent) for parent in making.parents):
        return None
    if _is_inside():
        raise GitorchError("inside an invocation only gitorch changes the workflow's state", hint=_BY_GITORCH)
    if making.last is not None and not handmade.is_by_hand(making.last):
        raise GitorchError(
            f"this would change the state that a record of {making.last.event} tells",
            hint=_APART,
        )
    if len(making.parents) > 1:
        _refuse_merge(making.parents)
    record = _squashed(repository, making) or _by_hand(repository, making)
    busy = {begun.task for begun in recent(repository.objects).fold.open if making.parents}
    touched = [change.name for change in record.changes if change.name in busy] if record is not None else []
    if touched and is_held(repository.git_dir / "gitorch" / "step.lock"):
        raise GitorchError(
            f"task {touched[0]} is being worked on", hint="stop that step first (press ^C where it runs)"
        )
    return record


def _refuse_merge(parents: tuple[WorkflowState, ...]) -> None:
    if all(_same(parents[0], parent) for parent in parents):
        raise GitorchError(
            "a merge cannot change the workflow's state", hint="commit the merge first, and that as a commit of its own"
        )
    two = len(parents) == 2  # noqa: PLR2004 - ours and theirs
    way = "join them with: gitorch merge --resolve; or abort" if two else "abort"
    raise GitorchError(
        "both sides of this merge went on with the workflow, and git cannot join that",
        hint=f"{way} this merge (git merge --abort) and use: gitorch merge BRANCH",
    )


def _squashed(repository: Repository, making: _Making) -> Record | None:
    """Return the record of a squash merge, whose state is that of the branch it comes from; None for anything else.

    The records in between are not part of this history: the change is adopted as a whole.
    """
    try:
        text = (repository.git_dir / "SQUASH_MSG").read_text(errors="replace")
    except OSError:
        return None
    tip = _SQUASHED.search(text)
    if tip is None or making.last is not None or repository.objects.commit(tip[1]) is None:
        return None
    if not _same(making.staged, read_state(repository.objects, tip[1])):
        return None
    changes = moves.difference(making.before.states, making.staged.states)
    if not changes and making.staged.main_task == making.before.main_task:
        return None
    main_task = making.staged.main_task
    name = main_task.task if main_task is not None and main_task.task else (changes[0].name if changes else None)
    return Record(
        event="adopt",
        subject=message.subject(name, f"adopt the squashed work of {tip[1][:10]}"),
        main_task=main_task,
        changes=tuple(changes),
    )


def _by_hand(repository: Repository, making: _Making) -> Record | None:
    before, after = making.before, making.staged
    tasks = {**read_outlines(repository, before), **read_outlines(repository, after)}
    rewritten = before.main_task_entry != after.main_task_entry
    return handmade.record(
        Side(before.main_task, before.states), Side(after.main_task, after.states), tasks, rewritten=rewritten
    )


def _judge(repository: Repository, making: _Making, text: str) -> None:
    """Verify the commit as it would be.

    Raises:
        GitorchError: its message does not fit its files, or what was before.
    """
    parents = [str(parent.commit) for parent in making.parents]
    listed = [word for parent in parents for word in ("-p", parent)]
    data = text.encode("utf-8", "surrogateescape")
    args = ("-c", "i18n.commitEncoding=UTF-8", "commit-tree", *listed, str(making.staged.tree))
    commit = repository.git.run(*args, stdin=data, env=_NOBODY).decode().strip()
    report = verify(repository, commit, *(f"^{parent}" for parent in parents))
    if report.problems:
        by_gitorch = making.last is not None and not handmade.is_by_hand(making.last)
        anew = (
            f"take the lines that begin with {PREFIX} out of the message: gitorch writes those that fit; "
            "or leave .tasks out of this commit"
        )
        raise GitorchError(
            f"message and files do not fit together: {report.problems[0].problem}",
            hint=_APART if by_gitorch else anew,
        )
