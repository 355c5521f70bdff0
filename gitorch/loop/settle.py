"""Settle an invocation in git: keep its work as one commit, or put everything back as it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final, NamedTuple

from gitorch.core import fold as folds
from gitorch.core.fold import Fold
from gitorch.core.message import Record
from gitorch.core.names import MAIN_TASK_PATH, TASKS_DIR, parse_task_file, task_dir
from gitorch.errors import GitorchError
from gitorch.git.locks import Busy
from gitorch.git.objects import Entry
from gitorch.git.repository import Repository
from gitorch.guard import commits, restore, snapshot
from gitorch.guard.commits import Made
from gitorch.guard.merge import Separation, separate
from gitorch.guard.snapshot import Diff, Snapshot
from gitorch.ledger.append import Appended, Draft, append
from gitorch.ledger.state import WorkflowState, read_state
from gitorch.loop.invocation import Invocation

_TRIES: Final = 10
RecordFor = Callable[[WorkflowState], Record]


class _Moved(GitorchError):
    """The branch went on between looking at it and appending to it."""


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
    """

    after: Snapshot
    made: Diff
    branch: Made
    parts: Separation


def look(repository: Repository, invocation: Invocation, before: Snapshot) -> Work:
    """See what the invocation did. Commits of the agent's own that hold the user's prior work are redone without it."""
    own_dir = task_dir(invocation.task) if invocation.task is not None else None
    after = snapshot.take(repository, "after", of=before.index_file, task_dir=own_dir)
    made = snapshot.diff(repository, before.tree, after.tree)
    branch = commits.inspect(repository, begin=invocation.begin, branch=invocation.branch, invocation=invocation.id)
    prior = snapshot.diff(repository, repository.objects.tree_of(invocation.begin), before.tree)
    if branch.fault is None:
        branch = _redo_without(repository, invocation, branch, prior)
    return Work(after, made, branch, _separate(repository, invocation, before, branch.tip, made=made, prior=prior))


def _redo_without(repository: Repository, invocation: Invocation, branch: Made, prior: Diff) -> Made:
    own = [commit for commit in branch.commits if commit.oid in branch.own]
    if not commits.touches(repository, own, prior):
        return branch
    tip = commits.replay(
        repository,
        invocation.begin,
        branch.commits,
        lambda commit, changes: {
            path: after for path, (_, after) in changes.items() if commit.oid not in branch.own or path not in prior
        },
    )
    restore.rescue(
        repository,
        invocation.id,
        tree=repository.objects.tree_of(branch.tip),
        before=invocation.anchor or invocation.begin,
        tip=branch.tip,
    )
    commits.put_branch(
        repository,
        branch=invocation.branch,
        to=tip,
        now=branch.tip,
        why="gitorch: commits redone without your own changes",
    )
    return commits.inspect(repository, begin=invocation.begin, branch=invocation.branch, invocation=invocation.id)


def _separate(
    repository: Repository, invocation: Invocation, before: Snapshot, tip: str, *, made: Diff, prior: Diff
) -> Separation:
    begin = repository.objects.tree_of(invocation.begin)
    return separate(
        repository,
        made=made,
        prior=prior,
        committed=snapshot.diff(repository, begin, repository.objects.tree_of(tip)),
        staged=snapshot.diff(repository, begin, before.staged),
        restaged=snapshot.diff(repository, before.staged, snapshot.staged_tree(repository, before)),
    )


def keep(repository: Repository, invocation: Invocation, work: Work, record_for: RecordFor) -> Outcome:
    """End an invocation with its work committed.

    Raises:
        GitorchError: the branch kept moving, or cannot be written.
    """
    before = _before(invocation)
    for _ in range(_TRIES):
        try:
            appended = _append(repository, work.branch, work.parts, work.made, record_for)
        except _Moved:
            work = look(repository, invocation, before)
            if work.branch.fault is not None:
                raise GitorchError(work.branch.fault, hint="run gitorch step again") from None
            continue
        return Outcome(appended, _notes(before, work))
    raise Busy("other commits kept coming between", "try again in a moment")


def put_back(
    repository: Repository, invocation: Invocation, record_for: Callable[[WorkflowState, str | None], Record]
) -> Outcome:
    """End an invocation with the branch, the work tree and the index as they were before it.

    `record_for` is given the state and the ref under which the leftovers are kept, None where nothing was left.
    """
    if invocation.before is None:
        branch = commits.inspect(repository, begin=invocation.begin, branch=invocation.branch, invocation=invocation.id)
        return Outcome(_append(repository, branch, None, {}, lambda state: record_for(state, None)), [])
    before = invocation.before
    own_dir = task_dir(invocation.task) if invocation.task is not None else None
    for _ in range(_TRIES):
        after = snapshot.take(repository, "after", of=before.index_file, task_dir=own_dir)
        made = snapshot.diff(repository, before.tree, after.tree)
        branch = commits.inspect(repository, begin=invocation.begin, branch=invocation.branch, invocation=invocation.id)
        rescued = None
        if made or branch.own or branch.fault is not None:
            rescued = restore.rescue(
                repository, invocation.id, tree=after.tree, before=invocation.anchor or invocation.begin, tip=branch.tip
            )
        branch = _undo_commits(repository, invocation, branch)
        committed = snapshot.diff(repository, repository.objects.tree_of(invocation.begin), repository.objects.tree_of(branch.tip))
        restore.put_back(repository, made, before=before, keep={path: new for path, (_, new) in committed.items()})
        parts = _separate(repository, invocation, before, branch.tip, made={}, prior={})
        ref = rescued
        try:
            return Outcome(
                _append(repository, branch, parts, {}, lambda state: record_for(state, ref)),  # noqa: B023 - used at once
                _held_notes(before, after),
            )
        except _Moved:
            continue
    raise Busy("other commits kept coming between", "try again in a moment")


def _undo_commits(repository: Repository, invocation: Invocation, branch: Made) -> Made:
    """Take the agent's own commits off the branch; those of others, made beside it, stay."""
    if not branch.own and branch.fault is None:
        return branch
    others = [commit for commit in branch.commits if commit.oid not in branch.own]
    tip = commits.replay(
        repository, invocation.begin, others, lambda _, changes: {path: after for path, (_, after) in changes.items()}
    )
    why = "gitorch: a failed attempt put back"
    commits.put_branch(repository, branch=invocation.branch, to=tip, now=branch.tip, why=why)
    left = commits.inspect(repository, begin=invocation.begin, branch=invocation.branch, invocation=invocation.id)
    if left.fault is not None:
        commits.put_branch(repository, branch=invocation.branch, to=invocation.begin, now=left.tip, why=why)
        left = commits.inspect(repository, begin=invocation.begin, branch=invocation.branch, invocation=invocation.id)
    return left


def _append(
    repository: Repository, branch: Made, parts: Separation | None, made: Diff, record_for: RecordFor
) -> Appended:
    def draft_for(state: WorkflowState) -> Draft:
        if state.commit != branch.tip:
            raise _Moved("the branch went on")
        work = {} if parts is None else {path: entry for path, entry in parts.work.items() if _is_body(path, state)}
        worked = any(
            not _is_state_file(path) and entry != _committed(repository, branch.tip, path)
            for path, entry in work.items()
        )
        record = _with_totals(record_for(state), branch.fold, worked=worked)
        staging = {} if parts is None else {path: e for path, e in parts.staging.items() if _is_body(path, state)}
        return Draft(record=record, work=work, index=staging)

    return append(repository, draft_for)


def _with_totals(record: Record, fold: Fold, *, worked: bool) -> Record:
    return replace(record, totals=folds.next_totals(fold, record, worked=worked))


def _committed(repository: Repository, tip: str, path: str) -> Entry | None:
    folder, _, name = path.rpartition("/")
    return repository.objects.tree(f"{tip}:{folder}").get(name)


def _is_state_file(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    return path == MAIN_TASK_PATH or (folder == TASKS_DIR and parse_task_file(name) is not None)


def _is_body(path: str, state: WorkflowState) -> bool:
    """Tell whether a path may be committed as work: everything but MAIN_TASK and task files of another state."""
    if not _is_state_file(path):
        return True
    parsed = parse_task_file(path.rpartition("/")[2])
    return parsed is not None and state.states.get(parsed[0]) == parsed[1]


def _notes(before: Snapshot, work: Work) -> list[str]:
    left = [f"left uncommitted: {path} ({reason})" for path, reason in sorted(work.parts.left.items())]
    return left + _held_notes(before, work.after)


def _held_notes(before: Snapshot, after: Snapshot) -> list[str]:
    return [
        f"left in place, not put into the repository: {path} ({held.reason})"
        for path, held in sorted(after.held.items())
        if path not in before.held or before.held[path].mark != held.mark
    ]


def _before(invocation: Invocation) -> Snapshot:
    if invocation.before is None:
        raise GitorchError("an invocation has no snapshot: this is a bug in gitorch")
    return invocation.before


def finished(repository: Repository, invocation: Invocation) -> None:
    """Let go what was kept for an invocation that has ended."""
    if invocation.before is not None:
        restore.drop_anchor(repository, invocation.id)


def names_fault(repository: Repository, task: str | None) -> str | None:
    """Put MAIN_TASK and the task's own file name back if the agent changed them; say if it moved another task."""
    state = read_state(repository.objects)
    folder = repository.root / TASKS_DIR
    if folder.is_symlink() or not folder.is_dir():
        return f"the agent took {TASKS_DIR} away"
    there: dict[str, list[str]] = {}
    for path in folder.iterdir():
        parsed = parse_task_file(path.name)
        if parsed is not None:
            there.setdefault(parsed[0], []).append(path.name)
    for name in sorted(there.keys() | state.states.keys()):
        due = [state.path_of(name).rpartition("/")[2]] if name in state.states else []
        if there.get(name, []) == due:
            continue
        if name != task or len(there.get(name, [])) != 1:
            return f"the agent moved task {name} by hand"
        (folder / there[name][0]).rename(folder / due[0])
    main = repository.root / MAIN_TASK_PATH
    try:
        if state.main_task_bytes is not None and (not main.is_file() or main.read_bytes() != state.main_task_bytes):
            main.unlink(missing_ok=True)
            main.write_bytes(state.main_task_bytes)
    except OSError:
        return f"the agent made something else of {MAIN_TASK_PATH}"
    return None
