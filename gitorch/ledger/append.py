"""Append one record to the ledger as one commit: the only way gitorch changes a branch.

The commit's objects are made first, beside everybody else. Then, holding git's own index.lock, the user's index is
rebuilt for just the record's paths, the branch is moved by compare-and-swap, and the new index takes the old one's
place. A journal, written before the branch moves, lets the next writer finish what a killed process left half done.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from gitorch.core import main_task as main_tasks
from gitorch.core import message
from gitorch.core.names import MAIN_TASK_PATH, task_path
from gitorch.core.record import Record
from gitorch.errors import GitorchError
from gitorch.git import leftovers, refs, torn
from gitorch.git.locks import Busy, break_stale_index_lock, hold
from gitorch.git.objects import FILE_MODE, Entry
from gitorch.git.process import Completed, GitError, complaint
from gitorch.git.repository import Repository
from gitorch.ledger import following
from gitorch.ledger.following import INDEX_WAIT, Follow
from gitorch.ledger.state import WorkflowState, check_worktree, read_state

LOCK_WAIT: Final = 30.0  # seconds; an append takes hundredths of one
_TRIES: Final = 20
_NO_OBJECT: Final = "is not a valid object"  # git's words


class Draft(NamedTuple):
    """A record to be, and the paths that its commit changes beside MAIN_TASK and the task files' names.

    Attributes:
        record: what the commit says; task files and MAIN_TASK are moved and written as it tells.
        contents: new contents of files under `.tasks`, written to the work tree too.
        work: paths that the work tree holds already as the commit shall hold them.
        checkout: paths that work tree and index shall come to hold as the commit does, by git's own checkout.
        parents: further parents of the commit, for a merge.
        staging: what the user's index shall hold for paths of `work` where that is not the same; None for nothing.
        marked: refs of gitorch's own that come to name the commit in the moment in which the branch does.
        released: refs of gitorch's own that are taken away in that moment.
        kept: refs of gitorch's own that come to name other commits in that moment.
    """

    record: Record
    contents: Mapping[str, bytes] = MappingProxyType({})
    work: Mapping[str, Entry | None] = MappingProxyType({})
    checkout: Mapping[str, Entry | None] = MappingProxyType({})
    parents: tuple[str, ...] = ()
    staging: Mapping[str, Entry | None] = MappingProxyType({})
    marked: tuple[str, ...] = ()
    released: tuple[str, ...] = ()
    kept: Mapping[str, str] = MappingProxyType({})


class Appended(NamedTuple):
    """A record that is in the ledger."""

    commit: str
    record: Record


class _Vanished(GitError):
    """An object that was there is gone: a git gc was at work. It is written anew."""


def append(
    repository: Repository, draft_for: Callable[[WorkflowState], Draft], *, patience: float | None = None
) -> Appended:
    """Append the record that `draft_for` makes of the present state.

    `draft_for` is called again with the new state when somebody else's commit came between. It must not change
    anything itself. `patience` is how many seconds it waits for another git to let go of the
    index.

    Raises:
        GitorchError: the repository cannot be written now, the work tree tells another state, or `draft_for` raised.
    """
    appended = append_if(repository, draft_for, patience=patience)
    if appended is None:
        raise GitorchError("nothing was recorded: this is a bug in gitorch")
    return appended


def append_if(
    repository: Repository,
    draft_for: Callable[[WorkflowState], Draft | None],
    *,
    adopting: bool = False,
    ending_merge: bool = False,
    patience: float | None = None,
) -> Appended | None:
    """Append like `append`; where `draft_for` gives None there is nothing to record, and nothing is done.

    `adopting` is for records of what the work tree tells already, whatever the last commit says; `ending_merge` for
    the record that ends a merge of git's which is in progress.
    """
    repository.check_writable(ending="merge" if ending_merge else None)
    with writing(repository):
        for _ in range(_TRIES):
            state = read_state(repository.objects) if adopting else _checked(repository)
            draft = draft_for(state)
            if draft is None:
                return None
            try:
                commit, follow = _store(repository, state, draft)
            except _Vanished:
                repository.objects.close()
                continue
            if _publish(repository, state, follow, draft, INDEX_WAIT if patience is None else patience):
                return Appended(commit, draft.record)
    raise Busy("other commits kept coming between", "try again in a moment")


@contextmanager
def writing(repository: Repository) -> Iterator[None]:
    """Hold the repository's write lock, what a killed writer left half done being finished first.

    Whoever holds it may append, or hold it once more.
    """
    if repository.being_written:
        yield
        return
    busy = Busy("another gitorch is writing to this repository", "try again in a moment")
    with hold(_write_lock(repository), wait=LOCK_WAIT, busy=busy):
        torn.put_aside(repository.common_dir / "objects", _write_lock(repository), repository.shared_scratch / "torn")
        break_stale_index_lock(repository.index)
        leftovers.free(repository, wait=INDEX_WAIT)
        following.finish_interrupted(repository)
        repository.being_written = True
        try:
            yield
        finally:
            repository.being_written = False


def read_settled(repository: Repository) -> WorkflowState:
    """Read the state, and see that the work tree tells the same; a writer that is at work just now is waited for.

    Raises:
        GitorchError: it tells another state.
    """
    state = read_state(repository.objects)
    with suppress(GitorchError):
        check_worktree(repository, state)
        return state
    with writing(repository):
        return _checked(repository)


def _checked(repository: Repository) -> WorkflowState:
    """Read the state, and see that the work tree tells the same. Call it with the write lock held."""
    state = read_state(repository.objects)
    check_worktree(repository, state)
    return state


def _write_lock(repository: Repository) -> Path:
    return repository.shared_scratch / "write.lock"


def _store(repository: Repository, state: WorkflowState, draft: Draft) -> tuple[str, Follow]:
    """Write the commit and all that it needs, and say what is to follow."""
    record = draft.record
    contents = dict(draft.contents)
    if record.main_task is not None:
        text = main_tasks.format(record.main_task).encode()
        if text != state.main_task_bytes:
            contents[MAIN_TASK_PATH] = text
    gone = record.main_task is None and state.main_task_entry is not None
    written = repository.store.write_blobs(list(contents.values()), repository.scratch / "blobs")
    blobs = dict(zip(contents, written, strict=True))
    edits: dict[str, Entry | None] = {**draft.work, **draft.checkout, **({MAIN_TASK_PATH: None} if gone else {})}
    renames: list[tuple[str, str]] = []
    removes: list[str] = [MAIN_TASK_PATH] if gone else []
    for change in record.changes:
        old = None if change.before is None else task_path(change.name, change.before)
        new = None if change.after is None else task_path(change.name, change.after)
        entry = edits.pop(old, state.files.get(change.name)) if old is not None else None
        if old is not None:
            edits[old] = None
            if new is None:
                removes.append(old)
            else:
                renames.append((old, new))
        if new is None or new in blobs:
            continue
        if entry is not None:
            edits[new] = entry
        elif edits.get(new) is None and state.states.get(change.name) != change.after:
            raise GitorchError(f"{new} cannot be committed", hint="is it there, and is nothing secret in it?")
    edits.update({path: Entry(FILE_MODE, oid) for path, oid in blobs.items()})
    tree = repository.store.edit_tree(state.tree, edits) if edits or state.tree is None else state.tree
    parents = [*([state.commit] if state.commit is not None else []), *draft.parents]
    commit = _write_commit(repository, tree, parents, message.build(record))
    removes += [path for path, entry in draft.checkout.items() if entry is None]
    present = [path for path, entry in draft.checkout.items() if entry is not None]
    return commit, Follow(commit, renames, blobs, removes, {**edits, **draft.staging}, present)


def _write_commit(repository: Repository, tree: str, parents: list[str], text: str) -> str:
    sign = ["-S"] if repository.flag("commit.gpgsign") else []
    listed = [option for parent in parents for option in ("-p", parent)]
    args = ("-c", "i18n.commitEncoding=UTF-8", "commit-tree", *sign, *listed, tree)
    done = repository.git.attempt(*args, stdin=text.encode())
    if done.code != 0 and _NO_OBJECT in done.err:
        raise _Vanished(complaint(done.err))
    if done.code != 0:
        raise _commit_error(repository, done, signing=bool(sign))
    return done.out.decode().strip()


def _commit_error(repository: Repository, done: Completed, *, signing: bool) -> GitError:
    if any(word in done.err for word in ("tell me who you are", "empty ident", "auto-detect email")):
        return GitError(
            "git does not know who you are", hint="set your name and address: git config user.name and user.email"
        )
    if signing:
        return GitError(
            f"{repository.root}: the commit cannot be signed: {repository.git.why(done)}",
            hint="commit.gpgsign is on: see that your key can be used without a prompt",
        )
    return GitError(
        f"{repository.root}: the commit cannot be written: {repository.git.why(done)}",
        hint="is there room and are rights there?",
    )


def _publish(repository: Repository, state: WorkflowState, follow: Follow, draft: Draft, patience: float) -> bool:
    """Move the branch to the commit if it still is where it was, and let index and work tree follow."""
    with following.holding_index(repository, patience):
        index = following.build_index(repository, follow)
        following.write_down(repository, follow)
        done = _move_branch(repository, draft, follow.commit, state.commit)
        if done.code != 0 and not _has_moved(repository, follow):
            following.forget(repository)
            if read_state(repository.objects).commit == state.commit:
                for ref in (*draft.marked, *draft.kept):  # git may have made them before it failed at the branch
                    refs.drop(repository, ref)
                raise GitError(
                    f"{repository.root}: the branch cannot be moved: {repository.git.why(done)}",
                    hint="is .git writable?",
                )
            return False
        for ref in draft.released if done.code != 0 else ():  # the branch has moved, and git failed after that
            refs.drop(repository, ref)
        following.follow(repository, follow, index)
    moment = time.time()
    repository.sync()  # branch, index and files, and that the lock is gone: what is told to be recorded stays so
    torn.note_synced(_write_lock(repository), moment)
    following.forget(repository)
    return True


def _move_branch(repository: Repository, draft: Draft, to: str, now: str | None) -> Completed:
    also: dict[str, str | None] = {**dict.fromkeys(draft.marked, to), **draft.kept, **dict.fromkeys(draft.released)}

    def move() -> Completed:
        was = now or repository.null_oid
        return refs.move(repository, "HEAD", to, was=was, why=draft.record.subject, also=also)

    done = move()
    if done.code != 0 and leftovers.in_the_way(repository):
        try:
            leftovers.free(repository, wait=INDEX_WAIT)
        except Busy:
            following.forget(repository)
            raise
        done = move()
    return done


def _has_moved(repository: Repository, follow: Follow) -> bool:
    """Tell whether the branch is at the commit although git failed: it may have been killed after that."""
    head = repository.objects.commit("HEAD")
    return head is not None and head.oid == follow.commit
