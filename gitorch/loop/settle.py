"""Settle an invocation in git: keep its work as one commit, or put everything back as it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from gitorch.core import fold as folds
from gitorch.core.fold import Fold
from gitorch.core.names import (
    MAIN_TASK_PATH,
    task_dir,
    task_path,
)
from gitorch.core.record import Record
from gitorch.errors import GitorchError
from gitorch.git import trees
from gitorch.git.locks import Busy
from gitorch.git.objects import TREE_MODE, Entry
from gitorch.git.repository import Repository
from gitorch.git.trees import Diff
from gitorch.guard import branch as branches
from gitorch.guard import commits, held, index, mend, restore, snapshot
from gitorch.guard import yours as own_work
from gitorch.guard.branch import BranchMoved
from gitorch.guard.commits import Made
from gitorch.guard.merge import Separation, separate
from gitorch.guard.snapshot import Snapshot
from gitorch.guard.yours import Yours
from gitorch.ledger.append import Appended, Draft, append, writing
from gitorch.ledger.state import WorkflowState
from gitorch.loop.invocation import Invocation
from gitorch.loop.statefiles import is_body, is_state_file

_TRIES: Final = 10
_TOLD: Final = 20  # files, one by one
_RULES: Final = frozenset({".gitattributes", ".gitignore"})  # what git makes of other files depends on them
_PATIENCE: Final = 300.0  # seconds: an agent's work is worth waiting for an editor with an open commit message
RecordFor = Callable[[WorkflowState, "str | None"], Record]


class Outcome(NamedTuple):
    """An invocation that has been settled."""

    appended: Appended
    notes: list[str]


class Work(NamedTuple):
    """What an invocation did to the work tree and the branch.

    Attributes:
        after: the work tree now.
        made: what changed since the invocation began.
        branch: what happened to the branch.
        parts: what of it is to be committed, and what stays.
        prior: how the work tree before it differed from the last commit: the user's uncommitted work.
        aside: what of it had to be moved aside to see the user's own.
    """

    after: Snapshot
    made: Diff
    branch: Made
    parts: Separation
    prior: Diff
    aside: Sequence[str] = ()


def look(repository: Repository, invocation: Invocation, before: Snapshot) -> Work:
    """See what the invocation did. Commits of the agent's own that hold the user's prior work are redone without it."""
    begin = repository.objects.tree_of(invocation.begin)
    free = task_dir(invocation.task) if invocation.task is not None else None
    yours = own_work.of(repository, before, begin=begin, free=free)
    aside = _free(repository, invocation, yours)
    after, made = _taken(repository, invocation, before)
    spared = yours.spared(made)
    out = spared.keys() | index.skipped(repository, made)
    made = {path: change for path, change in made.items() if path not in out}
    branch = commits.inspect(repository, begin=invocation.begin, branch=invocation.branch, invocation=invocation.id)
    if branch.fault is None:
        branch = _redo_without(repository, invocation, branch, yours, made, after)
    parts = _separate(repository, invocation, branch.tip, made=made, yours=yours)
    overwritten = {path for path in after.held if path in yours.prior and path not in before.held}
    parts = parts._replace(left={**parts.left, **spared}, lost=parts.lost | overwritten)
    return Work(after, made, branch, parts, yours.prior, aside)


def _free(repository: Repository, invocation: Invocation, yours: Yours) -> list[str]:
    aside = _aside(repository, invocation)
    return restore.move_repositories_aside(repository.root, yours.before, yours.prior, aside)


def _taken(repository: Repository, invocation: Invocation, before: Snapshot) -> tuple[Snapshot, Diff]:
    """Take the snapshot afterwards, and list what has changed."""
    own_dir = task_dir(invocation.task) if invocation.task is not None else None
    after = snapshot.take(
        repository,
        "after",
        of=before.index_file,
        task_dir=own_dir,
        whatever_lies_there=True,
        held_before=before.held,
    )
    return after, trees.diff(repository, before.tree, after.tree)


def _redo_without(
    repository: Repository, invocation: Invocation, branch: Made, yours: Yours, made: Diff, after: Snapshot
) -> Made:
    """Make commits of the agent's own anew without the user's work, and without what is held back now."""
    moved = yours.moved_away(made)

    def is_yours(path: str, entry: Entry | None) -> bool:
        return path in after.held or yours.holds(path, entry, moved)

    own = [commit for commit in branch.commits if commit.oid in branch.own]
    if not commits.touches(repository, own, is_yours):
        return branch
    tip = commits.replay(
        repository,
        invocation.begin,
        branch.commits,
        lambda commit, changes: {
            path: after
            for path, (_, after) in changes.items()
            if commit.oid not in branch.own or not is_yours(path, after)
        },
    )
    return commits.made_anew(repository, invocation.begin, branch, tip)


def _separate(repository: Repository, invocation: Invocation, tip: str, *, made: Diff, yours: Yours) -> Separation:
    begin = repository.objects.tree_of(invocation.begin)
    return separate(
        repository,
        made=made,
        prior=yours.prior,
        committed=trees.diff(repository, begin, repository.objects.tree_of(tip)),
        staged=yours.staged,
        restaged=index.restaged(repository, yours.before),
        renamed=own_work.under_other_names(made, yours),
    )


def keep(
    repository: Repository,
    invocation: Invocation,
    work: Work,
    record_for: RecordFor,
    contents: Mapping[str, bytes],
) -> Outcome:
    """End an invocation with its work committed, and with new files of gitorch's own.

    What the agent undid of the user's own work is put back, and what it wrote over is kept under a rescue ref.

    Raises:
        GitorchError: the branch kept moving, or cannot be written.
    """
    before = _before(invocation)
    aside: list[str] = []
    for _ in range(_TRIES):
        aside += work.aside
        undone = {path: work.made[path] for path in work.parts.back}
        aside += restore.put_back(repository, undone, before=before, keep={}, aside=_aside(repository, invocation))
        anew = work.branch.tip != work.branch.head
        rescued = _rescue(repository, invocation, work.after, work.branch) if work.parts.lost or anew else None
        try:
            if anew:
                to, now = work.branch.tip, work.branch.head
                branches.put_branch(repository, branch=invocation.branch, to=to, now=now, why=branches.MADE_ANEW)
            touched = index.put_marks_back(repository, before)
            appended = _append(repository, invocation, work.branch, work.parts, record_for, rescued, contents)
        except BranchMoved:
            work = look(repository, invocation, before)
            if work.branch.fault is not None:
                raise GitorchError(work.branch.fault, hint="run gitorch step again") from None
            continue
        if touched:
            index.put_flags_back(repository, of_files_here=True)
        index.intend_again(repository, before)
        moved = [f"moved aside: {path}, to {_aside(repository, invocation)}" for path in aside]
        return Outcome(appended, _notes(before, work) + moved)
    raise Busy("other commits kept coming between", "try again in a moment")


def _rescue(repository: Repository, invocation: Invocation, after: Snapshot, branch: Made) -> str:
    before = invocation.anchor or invocation.begin
    return restore.rescue(repository, invocation.id, tree=after.tree, before=before, tip=branch.head)


def put_back(repository: Repository, invocation: Invocation, record_for: RecordFor) -> Outcome:
    """End an invocation with the branch, the work tree and the index as they were before it.

    `record_for` is given the state and the ref under which the leftovers are kept, None where nothing was left.
    """
    mend.end_operation(repository)
    if invocation.before is None or not mend.can_be_put_back(repository, invocation.before):
        branch = commits.inspect(repository, begin=invocation.begin, branch=invocation.branch, invocation=invocation.id)
        return Outcome(_append(repository, invocation, branch, None, record_for, None), [])
    for _ in range(_TRIES):
        # the lock: or we would write over what another writer puts there meanwhile
        with suppress(BranchMoved), writing(repository):
            return _put_all_back(repository, invocation, invocation.before, record_for)
    raise Busy("other commits kept coming between", "try again in a moment")


def _put_all_back(repository: Repository, invocation: Invocation, before: Snapshot, record_for: RecordFor) -> Outcome:
    begin = repository.objects.tree_of(invocation.begin)
    yours = own_work.of(repository, before, begin=begin, free=None)
    branch = commits.inspect(repository, begin=invocation.begin, branch=invocation.branch, invocation=invocation.id)
    aside = _free(repository, invocation, yours)
    after, made = _to_be_undone(repository, invocation, yours)
    leaves = bool(made or branch.own or branch.fault is not None)
    rescued = _rescue(repository, invocation, after, branch) if leaves else None
    branch = _undo_commits(repository, invocation, branch)
    aside += _put_files_back(repository, invocation, yours, made, branch.tip)
    if any(path.rpartition("/")[2] in _RULES for path in made):  # now that they are as they were, look once more
        after, made = _to_be_undone(repository, invocation, yours)
        rescued = _rescue(repository, invocation, after, branch) if made else rescued
        aside += _put_files_back(repository, invocation, yours, made, branch.tip)
        if made:
            index.forget_times(repository, [*made])
    parts = _separate(repository, invocation, branch.tip, made={}, yours=yours._replace(prior={}))
    touched = index.put_marks_back(repository, before)
    appended = _append(repository, invocation, branch, parts, record_for, rescued)
    if touched:
        index.put_flags_back(repository)
    index.intend_again(repository, before)
    held.note_left(repository.scratch, {path: one for path, one in after.held.items() if path not in before.held})
    where = _aside(repository, invocation)
    return Outcome(appended, [*_held_notes(before, after), *(f"moved aside: {path}, to {where}" for path in aside)])


def _to_be_undone(repository: Repository, invocation: Invocation, yours: Yours) -> tuple[Snapshot, Diff]:
    """Take the snapshot afterwards, and list what has changed, files that are held back now among it."""
    before = yours.before
    after, made = _taken(repository, invocation, before)
    new = [path for path in after.held if path not in before.held]
    named = restore.move_back(repository, after)
    after = after._replace(held={path: one for path, one in after.held.items() if path not in named})
    made = {**made, **{path: (old, None) for path, old in trees.entries(repository, before.tree, new).items()}}
    spared = yours.spared(made)
    return after, {path: change for path, change in made.items() if path not in spared}


def _aside(repository: Repository, invocation: Invocation) -> Path:
    """Give where files go that stand in the way and are in no snapshot."""
    return repository.shared_scratch / "aside" / invocation.id


def _put_files_back(repository: Repository, invocation: Invocation, yours: Yours, made: Diff, tip: str) -> list[str]:
    """Put the work tree back as it was, but for what others have committed meanwhile: that it has as they made it."""
    begin = repository.objects.tree_of(invocation.begin)
    committed = trees.diff(repository, begin, repository.objects.tree_of(tip))
    undone = {path: change for path, change in committed.items() if path not in made and path not in yours.prior}
    keep = {path: new for path, (_, new) in committed.items()}
    aside = _aside(repository, invocation)
    return restore.put_back(repository, {**made, **undone}, before=yours.before, keep=keep, aside=aside)


def _undo_commits(repository: Repository, invocation: Invocation, branch: Made) -> Made:
    """Take the agent's own commits off the branch; those of others, made beside it, stay."""
    if not branch.own and branch.fault is None:
        return branch
    others = [commit for commit in branch.commits if commit.oid not in branch.own]
    tip = commits.replay(
        repository, invocation.begin, others, lambda _, changes: {path: after for path, (_, after) in changes.items()}
    )
    why = "a failed attempt put back"
    branches.put_branch(repository, branch=invocation.branch, to=tip, now=branch.tip, why=why)
    left = commits.inspect(repository, begin=invocation.begin, branch=invocation.branch, invocation=invocation.id)
    if left.fault is not None:
        branches.put_branch(repository, branch=invocation.branch, to=invocation.begin, now=left.tip, why=why)
        left = commits.inspect(repository, begin=invocation.begin, branch=invocation.branch, invocation=invocation.id)
    return left


def _append(
    repository: Repository,
    invocation: Invocation,
    branch: Made,
    parts: Separation | None,
    record_for: RecordFor,
    rescued: str | None,
    contents: Mapping[str, bytes] = MappingProxyType({}),
) -> Appended:
    def draft_for(state: WorkflowState) -> Draft:
        if state.commit != branch.tip:
            raise BranchMoved("the branch went on")
        work = {} if parts is None else {path: entry for path, entry in parts.work.items() if is_body(path, state)}
        worked = any(
            not is_state_file(path) and entry != _committed(repository, branch.tip, path)
            for path, entry in work.items()
        )
        record = _with_totals(record_for(state, rescued), branch.fold, worked=worked)
        staging = {} if parts is None else _staging(parts, state, record)
        # of one that was not noted here the snapshot may be another worktree's
        released = (restore.anchor_ref(invocation.id),) if invocation.is_noted else ()
        return Draft(record=record, contents=contents, work=work, staging=staging, released=released)

    return append(repository, draft_for, patience=_PATIENCE)


def _staging(parts: Separation, state: WorkflowState, record: Record) -> dict[str, Entry | None]:
    """Say what the user's index is to hold: of MAIN_TASK and task files what the commits hold, whatever was staged."""
    moved = {task_path(c.name, each) for c in record.changes for each in (c.before, c.after) if each is not None}
    due = {MAIN_TASK_PATH: state.main_task_entry}  # a task file that is no body has another name in the commits
    if record.main_task != state.main_task:
        moved.add(MAIN_TASK_PATH)
    free = {path: entry for path, entry in parts.staging.items() if path not in moved}
    return {path: entry if is_body(path, state) else due.get(path) for path, entry in free.items()}


def _with_totals(record: Record, fold: Fold, *, worked: bool) -> Record:
    return record._replace(totals=folds.next_totals(fold, record, worked=worked))


def _committed(repository: Repository, branch_tip: str, path: str) -> Entry | None:
    *folders, name = path.split("/")
    tree = repository.objects.tree_of(branch_tip)
    for folder in folders:
        entry = repository.objects.tree(tree).get(folder)
        if entry is None or entry.mode != TREE_MODE:
            return None
        tree = entry.oid
    return repository.objects.tree(tree).get(name)


def _notes(before: Snapshot, work: Work) -> list[str]:
    parts = work.parts
    left = [f"left uncommitted: {path} ({reason})" for path, reason in sorted(parts.left.items())]
    back = [f"put back: {path} (the agent had undone your own changes)" for path in sorted(parts.back)]
    lost = [f"your own version of {path} is kept as the rescue ref's first parent" for path in sorted(parts.lost)]
    if len(left) > _TOLD:
        left = [*left[:_TOLD], f"left uncommitted: {len(left) - _TOLD} more, see git status"]
    return left + back + lost + _held_notes(before, work.after)


def _held_notes(before: Snapshot, after: Snapshot) -> list[str]:
    return [
        f"left in place, not put into the repository: {path} ({one.reason})"
        for path, one in sorted(after.held.items())
        if path not in before.held or before.held[path].mark != one.mark
    ]


def _before(invocation: Invocation) -> Snapshot:
    if invocation.before is None:
        raise GitorchError("an invocation has no snapshot: this is a bug in gitorch")
    return invocation.before
