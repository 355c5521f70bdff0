"""Append one record to the ledger as one commit: the only way gitorch changes a branch.

The commit's objects are made first, beside everybody else. Then, holding git's own index.lock, the user's index is
rebuilt for just the record's paths, the branch is moved by compare-and-swap, and the new index takes the old one's
place. A journal, written before the branch moves, lets the next writer finish what a killed process left half done.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from gitorch.core import main_task as main_tasks
from gitorch.core import message
from gitorch.core.names import MAIN_TASK_PATH, TASKS_DIR, task_path
from gitorch.core.record import Record
from gitorch.errors import GitorchError
from gitorch.git import files, leftovers, refs, torn
from gitorch.git.locks import Busy, break_stale_index_lock, hold, hold_index
from gitorch.git.objects import FILE_MODE, Entry
from gitorch.git.process import Completed, GitError, complaint
from gitorch.git.repository import Repository
from gitorch.ledger.state import WorkflowState, check_worktree, read_state

LOCK_WAIT: Final = 30.0  # seconds; an append takes hundredths of one
INDEX_WAIT: Final = 10.0  # seconds for another git to let go of the index
_TRIES: Final = 20
_NO_OBJECT: Final = "is not a valid object"  # git's words
_LEFT_OUT: Final = "gnoring path"  # git's words for a path that no index may hold, as .git/config


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
    """

    record: Record
    contents: Mapping[str, bytes] = MappingProxyType({})
    work: Mapping[str, Entry | None] = MappingProxyType({})
    checkout: Mapping[str, Entry | None] = MappingProxyType({})
    parents: tuple[str, ...] = ()
    staging: Mapping[str, Entry | None] = MappingProxyType({})
    marked: tuple[str, ...] = ()
    released: tuple[str, ...] = ()


class Appended(NamedTuple):
    """A record that is in the ledger."""

    commit: str
    record: Record


class _Vanished(GitError):
    """An object that was there is gone: a git gc was at work. It is written anew."""


class _Follow(NamedTuple):
    """What index and work tree have to do after the branch has moved. It can be done twice without harm."""

    commit: str
    renames: list[tuple[str, str]]
    writes: dict[str, str]  # path to blob
    removes: list[str]
    entries: dict[str, Entry | None]  # for the index
    checkout: list[str]  # paths to be checked out from the index


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
            state = read_state(repository.objects)
            if not adopting:
                check_worktree(repository, state)
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
    """Hold the repository's write lock, what a killed writer left half done being finished first."""
    busy = Busy("another gitorch is writing to this repository", "try again in a moment")
    with hold(_write_lock(repository), wait=LOCK_WAIT, busy=busy):
        torn.put_aside(repository.common_dir / "objects", _write_lock(repository), repository.shared_scratch / "torn")
        break_stale_index_lock(repository.index)
        leftovers.free(repository, wait=INDEX_WAIT)
        _finish_interrupted(repository)
        yield


def _write_lock(repository: Repository) -> Path:
    return repository.shared_scratch / "write.lock"


def _store(repository: Repository, state: WorkflowState, draft: Draft) -> tuple[str, _Follow]:
    """Write the commit and all that it needs, and say what is to follow."""
    record = draft.record
    contents = dict(draft.contents)
    if record.main_task is not None:
        text = main_tasks.format(record.main_task).encode()
        if text != state.main_task_bytes:
            contents[MAIN_TASK_PATH] = text
    gone = record.main_task is None and state.main_task_entry is not None
    written = repository.objects.write_blobs(list(contents.values()), repository.scratch / "blobs")
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
    tree = repository.objects.edit_tree(state.tree, edits) if edits or state.tree is None else state.tree
    parents = [*([state.commit] if state.commit is not None else []), *draft.parents]
    commit = _write_commit(repository, tree, parents, message.build(record))
    removes += [path for path, entry in draft.checkout.items() if entry is None]
    present = [path for path, entry in draft.checkout.items() if entry is not None]
    return commit, _Follow(commit, renames, blobs, removes, {**edits, **draft.staging}, present)


def _write_commit(repository: Repository, tree: str, parents: list[str], text: str) -> str:
    sign = ["-S"] if repository.flag("commit.gpgsign") else []
    listed = [option for parent in parents for option in ("-p", parent)]
    args = ("-c", "i18n.commitEncoding=UTF-8", "commit-tree", *sign, *listed, tree)
    done = repository.git.attempt(*args, stdin=text.encode())
    if done.code != 0 and _NO_OBJECT in done.err:
        raise _Vanished(complaint(done.err))
    if done.code != 0:
        raise _commit_error(repository, done.err, signing=bool(sign))
    return done.out.decode().strip()


def _commit_error(repository: Repository, stderr: str, *, signing: bool) -> GitError:
    if any(word in stderr for word in ("tell me who you are", "empty ident", "auto-detect email")):
        return GitError(
            "git does not know who you are", hint="set your name and address: git config user.name and user.email"
        )
    if signing:
        return GitError(
            f"the commit cannot be signed: {complaint(stderr)}",
            hint="commit.gpgsign is on: see that your key can be used without a prompt",
        )
    return GitError(
        f"{repository.root}: the commit cannot be written: {complaint(stderr)}",
        hint="is there room and are rights there?",
    )


def _publish(repository: Repository, state: WorkflowState, follow: _Follow, draft: Draft, patience: float) -> bool:
    """Move the branch to the commit if it still is where it was, and let index and work tree follow."""
    with _indexing(repository, patience):
        index = _build_index(repository, follow)
        files.replace(_journal(repository), json.dumps(follow).encode())
        done = _move_branch(repository, draft, follow.commit, state.commit)
        if done.code != 0 and not _has_moved(repository, follow):
            _journal(repository).unlink()
            if read_state(repository.objects).commit == state.commit:
                raise GitError(
                    f"{repository.root}: the branch cannot be moved: {complaint(done.err)}", hint="is .git writable?"
                )
            return False
        _follow_files(repository, follow, index)
        _note_times(repository, follow, index)
        index.replace(repository.index)
    moment = time.time()
    repository.sync()  # branch, index and files, and that the lock is gone: what is told to be recorded stays so
    torn.note_synced(_write_lock(repository), moment)
    _journal(repository).unlink()
    return True


def _indexing(repository: Repository, patience: float) -> AbstractContextManager[None]:
    return hold_index(
        repository.index,
        repository.scratch,
        wait=patience,
        busy=leftovers.busy,
        is_gone=partial(leftovers.take_away, repository),
    )


def _move_branch(repository: Repository, draft: Draft, to: str, now: str | None) -> Completed:
    also: dict[str, str | None] = {**dict.fromkeys(draft.marked, to), **dict.fromkeys(draft.released)}

    def move() -> Completed:
        was = now or repository.null_oid
        return refs.move(repository, "HEAD", to, was=was, why=draft.record.subject, also=also)

    done = move()
    if done.code != 0 and leftovers.in_the_way(repository):
        try:
            leftovers.free(repository, wait=INDEX_WAIT)
        except Busy:
            _journal(repository).unlink()
            raise
        done = move()
    return done


def _has_moved(repository: Repository, follow: _Follow) -> bool:
    """Tell whether the branch is at the commit although git failed: it may have been killed after that."""
    head = repository.objects.commit("HEAD")
    return head is not None and head.oid == follow.commit


def _build_index(repository: Repository, follow: _Follow) -> Path:
    """Make the user's index anew in a file of ours, changed in just the record's paths."""
    mine = repository.scratch / "index"
    try:
        shutil.copy2(repository.index, mine)  # with its time: by it git knows files edited in the instant of git add
    except FileNotFoundError:
        mine.unlink(missing_ok=True)
    lines = b"".join(
        (
            b"0 %s\t%s\0" % (repository.null_oid.encode(), os.fsencode(path))
            if entry is None
            else b"%s %s 0\t%s\0" % (entry.mode.encode(), entry.oid.encode(), os.fsencode(path))
        )
        for path, entry in sorted(follow.entries.items(), key=lambda item: item[1] is not None)
    )
    done = repository.git.attempt("update-index", "-z", "--index-info", stdin=lines, index=mine)
    if done.code != 0 or _LEFT_OUT in done.err:
        raise GitError(
            f"{repository.root}: git does not take all files: {complaint(done.err)}", hint="nothing was recorded"
        )
    return mine


def _follow_files(repository: Repository, follow: _Follow, index: Path) -> None:
    """Move and write the task files and MAIN_TASK in the work tree; edits of their bodies move along."""
    root = repository.root
    for old, new in follow.renames:
        with suppress(FileNotFoundError):
            (root / old).rename(root / new)
        if not (root / new).exists():  # a sparse checkout has left it out, or somebody has just deleted it
            entry = follow.entries.get(new)
            if entry is not None:
                _write_file(root / new, repository.objects.blob(entry.oid))
    for path in follow.removes:
        with suppress(NotADirectoryError):
            (root / path).unlink(missing_ok=True)
        _prune(root, path)
    if follow.checkout:
        listed = b"".join(os.fsencode(path) + b"\0" for path in follow.checkout)
        repository.git.run("checkout-index", "-f", "-q", "-u", "-z", "--stdin", stdin=listed, index=index)
    for path, oid in follow.writes.items():
        _write_file(root / path, repository.objects.blob(oid))


def _prune(root: Path, path: str) -> None:
    """Take away the folders that a file has left empty, but not `.tasks` itself."""
    for folder in Path(path).parents[:-1]:
        if folder == Path(TASKS_DIR):
            return
        try:
            (root / folder).rmdir()
        except OSError:
            return


def _note_times(repository: Repository, follow: _Follow, index: Path) -> None:
    """Let the index know the files' times: without, `git diff-index` and sparse checkouts take them for changed."""
    there = [path for path, entry in follow.entries.items() if entry is not None and (repository.root / path).exists()]
    if there:
        listed = b"".join(os.fsencode(path) + b"\0" for path in there)
        options = ("--refresh", "--pathspec-from-file=-", "--pathspec-file-nul")
        repository.git.attempt("add", *options, stdin=listed, index=index)  # where it fails, git status finds out later


def _write_file(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    files.replace(path, data, hint="the record itself is safe")


def _journal(repository: Repository) -> Path:
    return repository.scratch / "append.json"


def _finish_interrupted(repository: Repository) -> None:
    """Finish, or forget, what a writer was doing when it was killed. Call it with the write lock held."""
    path = _journal(repository)
    try:
        commit, renames, writes, removes, entries, checkout = json.loads(path.read_text())
    except FileNotFoundError:
        return
    except (OSError, ValueError):
        path.unlink(missing_ok=True)
        return
    follow = _Follow(
        commit,
        [(old, new) for old, new in renames],
        writes,
        removes,
        {name: None if entry is None else Entry(*entry) for name, entry in entries.items()},
        checkout,
    )
    if repository.git.attempt("merge-base", "--is-ancestor", commit, "HEAD").code == 0:
        with _indexing(repository, INDEX_WAIT):
            mine = _build_index(repository, follow)
            _follow_files(repository, follow, mine)
            _note_times(repository, follow, mine)
            mine.replace(repository.index)
    path.unlink()


def files_of(repository: Repository, folder: str) -> list[str]:
    """List the paths of all plain files in a folder under `.tasks` of the work tree, ignored ones too."""
    top = repository.root / folder
    found: list[str] = []
    if top.is_symlink():
        return found
    for base, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders if not (Path(base) / name / ".git").exists())
        found += [os.path.relpath(os.path.join(base, name), repository.root) for name in sorted(names)]  # noqa: PTH118
    return [path for path in found if path.startswith(TASKS_DIR + "/")]
