"""The state of a workflow at a revision, and how the work tree compares with it."""

from __future__ import annotations

import os
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from typing import Final, NamedTuple

from gitorch.core import main_task as main_tasks
from gitorch.core.main_task import MainTask
from gitorch.core.names import (
    MAIN_TASK_FILE,
    MAIN_TASK_PATH,
    TASK_FILE,
    TASKS_DIR,
    TaskState,
    misnamed,
    nearest,
    nearest_state,
    pick_task_files,
    quote,
    task_file,
    task_path,
)
from gitorch.errors import GitorchError
from gitorch.git.objects import LINK_MODE, SUBMODULE_MODE, TREE_MODE, Entry, Objects
from gitorch.git.process import GitError
from gitorch.git.repository import Repository

_PUT_BACK: Final = "put MAIN_TASK back as the last commit holds it"
# an entry of a tree object: its mode, a task file's state and name or else another name, and so many bytes of id
_TREE_ENTRY: Final = rf"([0-7]+) (?:{TASK_FILE}|([^\0]+))\0(.{{%d}})|."
_FOLDER_MODES: Final = (TREE_MODE, TREE_MODE.lstrip("0"))
_NO_FOLDER: Final = "make it a folder of this repository"


class WorkflowState(NamedTuple):
    """What one commit holds of a workflow.

    Attributes:
        commit: the commit's id, None on an unborn branch.
        tree: the id of its whole tree, None on an unborn branch.
        states: each task's state.
        files: each task's file, as the tree holds it.
        main_task_entry: MAIN_TASK as the tree holds it, None where there is none.
    """

    commit: str | None
    tree: str | None
    states: Mapping[str, TaskState]
    files: Files
    main_task_entry: Entry | None
    main_task_bytes: bytes | None = None

    @property
    def main_task(self) -> MainTask | None:
        """MAIN_TASK; None where there is none. Raises GitorchError where the file breaks a rule."""
        return None if self.main_task_bytes is None else main_tasks.parse(self.main_task_bytes)

    def workflow(self) -> MainTask:
        """Return MAIN_TASK, or raise an error that says how to begin."""
        if self.main_task is None:
            raise GitorchError(
                "nothing to do: there is no task yet" if not self.states else "there is no MAIN_TASK yet",
                hint="gitorch start NAME -d TEXT, or gitorch create NAME" if not self.states else "gitorch run",
            )
        return self.main_task

    def state_of(self, name: str) -> TaskState:
        """Give a task's state, or raise an error that names tasks like it."""
        state = self.states.get(name)
        if state is None:
            raise GitorchError(
                f"there is no task {quote(name)}{nearest(name, self.states)}", hint="list the tasks: gitorch list"
            )
        return state

    def path_of(self, name: str) -> str:
        """Give the path of a task's file."""
        return task_path(name, self.state_of(name))


def read_state(objects: Objects, rev: str = "HEAD") -> WorkflowState:
    """Read the state that a revision holds.

    Raises:
        GitorchError: two files stand for one task, or `.tasks` is no folder.
    """
    commit = objects.commit(rev)
    if commit is None:
        if rev != "HEAD":
            raise GitorchError(f"{quote(rev)} is not a commit", hint="name a commit, branch or tag")
        return WorkflowState(None, None, {}, Files({}, {}), None)
    return state_of_tree(objects, commit.tree, commit.oid)


def state_of_tree(objects: Objects, tree: str, commit: str | None = None) -> WorkflowState:
    """Read the state that a tree holds; `commit` is the one it belongs to, if any.

    Raises:
        GitorchError: two files stand for one task.
    """
    folder = _folder(objects, tree)
    return WorkflowState(commit, tree, folder.states, folder.files, folder.main_task_entry, folder.main_task_bytes)


class _Folder(NamedTuple):
    """What `.tasks` holds of the state."""

    states: Mapping[str, TaskState]
    files: Files
    main_task_entry: Entry | None
    main_task_bytes: bytes | None


def _check_is_directory(objects: Objects, tree: str) -> None:
    entry = objects.tree(tree).get(TASKS_DIR)
    if entry is not None and entry.mode != TREE_MODE:
        what = {SUBMODULE_MODE: "a submodule", LINK_MODE: "a symbolic link"}.get(entry.mode, "a file")
        raise GitorchError(
            f"{TASKS_DIR} is {what} in this repository, not a directory",
            hint=f"gitorch keeps its tasks in {TASKS_DIR}: move that elsewhere, or use another branch",
        )


@lru_cache(maxsize=8)
def _folder(objects: Objects, tree: str) -> _Folder:
    """Read `.tasks` of a tree once in a process: a step looks at the same two or three trees again and again."""
    found = objects.tree_object(f"{tree}:{TASKS_DIR}")
    if found is None:
        _check_is_directory(objects, tree)
        return _Folder({}, Files({}, {}), None, None)
    text = found.data.decode("latin-1")  # each byte a character: names of task files are ASCII, ids are no text
    states: dict[str, TaskState] = {}
    stored: dict[str, tuple[str, str]] = {}
    main: Entry | None = None
    for mode, state, name, other, oid in re.findall(_TREE_ENTRY % (len(found.oid) // 2), text, re.DOTALL):
        if name and mode not in _FOLDER_MODES:
            if name in states:
                raise _two_files(name, task_file(name, states[name]), task_file(name, state))
            states[name] = state
            stored[name] = mode, oid
        elif other == MAIN_TASK_FILE:
            main = _entry(mode, oid)
        elif not mode:
            raise GitError(f"tree {found.oid} is out of form", hint="see: git fsck")
    main_bytes = None if main is None or main.mode == TREE_MODE else objects.blob(main.oid)
    return _Folder(states, Files(states, stored), main, main_bytes)


class Files(Mapping[str, Entry]):
    """Task files as a tree holds them; of many thousand, most commands ask for none or few."""

    def __init__(self, states: Mapping[str, TaskState], stored: Mapping[str, tuple[str, str]]) -> None:
        self._states = states
        self._stored = stored

    def __getitem__(self, name: str) -> Entry:
        return _entry(*self._stored[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored)

    def __len__(self) -> int:
        return len(self._stored)

    @cached_property
    def filenames(self) -> frozenset[str]:
        """What they are called inside `.tasks`."""
        return frozenset(task_file(name, state) for name, state in self._states.items())

    @cached_property
    def oids(self) -> Mapping[str, str]:
        """The blob of each."""
        return {name: oid.encode("latin-1").hex() for name, (_, oid) in self._stored.items()}


def _entry(mode: str, oid: str) -> Entry:
    return Entry(mode.zfill(6), oid.encode("latin-1").hex())


def parse_names(filenames: Iterable[str]) -> Iterator[tuple[str, str, TaskState]]:
    """Pick the task files among the names in `.tasks`, in order: each with the task's name and state.

    Raises:
        GitorchError: two files stand for one task.
    """
    seen: dict[str, str] = {}
    for filename, name, state in pick_task_files(sorted(filenames)):
        if name in seen:
            raise _two_files(name, seen[name], filename)
        seen[name] = filename
        yield filename, name, state


def _two_files(name: str, one: str, other: str) -> GitorchError:
    return GitorchError(
        f"{TASKS_DIR}: task {name} has two files, {one} and {other}",
        hint="keep the one with the task's state, and remove the other",
    )


def check_names(filenames: Iterable[str], names: Container[str]) -> None:
    """Check that no file of a known task has an invalid state in its name: a typo is not a removed task.

    Raises:
        GitorchError: one has; the hint renames it.
    """
    wrong = misnamed(filenames, names)
    if wrong is not None:
        filename, name, word = wrong
        right = task_path(name, nearest_state(word))
        raise GitorchError(
            f"{TASKS_DIR}/{filename}: {quote(word)} is not a valid state",
            hint=f"rename it: mv '{TASKS_DIR}/{filename}' '{right}'",
        )


def worktree_difference(repository: Repository, state: WorkflowState) -> str | None:
    """Say where the work tree's MAIN_TASK or task names differ from a state, None where they agree.

    Raises:
        GitorchError: what stands in the work tree breaks the format.
    """
    folder = repository.root / TASKS_DIR
    if folder.is_symlink():
        raise GitorchError(f"{TASKS_DIR} is a symbolic link", hint=_NO_FOLDER)
    try:
        filenames = os.listdir(folder)  # noqa: PTH208 - names are all that is wanted, of maybe 10,000
    except FileNotFoundError:
        filenames = []
    except OSError as error:
        raise GitorchError(f"{folder} cannot be read: {error.strerror}", hint=_NO_FOLDER) from None
    if {name for name in filenames if name.startswith("[")} != state.files.filenames:
        difference = _names_difference(repository, state, filenames)
        if difference is not None:
            return difference
    return _main_task_difference(repository, state, present=MAIN_TASK_FILE in filenames)


def _names_difference(repository: Repository, state: WorkflowState, filenames: Iterable[str]) -> str | None:
    absent = left_out(repository)
    filenames = [*filenames]
    check_names(filenames, state.states)
    there = {name: each for _, name, each in parse_names(filenames)}
    for name in sorted(there.keys() | state.states.keys()):
        if there.get(name) != state.states.get(name) and not (
            name not in there and task_path(name, state.states[name]) in absent
        ):
            return (
                f"in the work tree task {name} is {there.get(name, 'missing')}, "
                f"in the last commit {state.states.get(name, 'missing')}"
            )
    return None


def _main_task_difference(repository: Repository, state: WorkflowState, *, present: bool) -> str | None:
    if not present:
        if state.main_task_bytes is None or MAIN_TASK_PATH in left_out(repository):
            return None
        return f"{MAIN_TASK_PATH} is missing in the work tree"
    path = repository.root / MAIN_TASK_PATH
    if path.is_symlink() or not path.is_file():
        raise GitorchError(f"{MAIN_TASK_PATH} is no plain file", hint=_PUT_BACK)
    try:
        with path.open("rb") as file:
            data = file.read(max(main_tasks.MAX_FILE, len(state.main_task_bytes or b"")) + 100)
    except OSError as error:
        raise GitorchError(f"{MAIN_TASK_PATH} cannot be read: {error.strerror}", hint=_PUT_BACK) from None
    if data == state.main_task_bytes or (b"\r" in data and _is_committed_so(repository, data, state.main_task_entry)):
        return None
    try:
        main_tasks.parse(data)
    except GitorchError as error:
        raise GitorchError(error.message, hint=_PUT_BACK) from None
    return f"{MAIN_TASK_PATH} in the work tree differs from the last commit"


def _is_committed_so(repository: Repository, data: bytes, entry: Entry | None) -> bool:
    """Tell whether git made these line ends itself on checkout, as its settings or attributes may ask."""
    done = repository.git.attempt("hash-object", "--stdin", f"--path={MAIN_TASK_PATH}", stdin=data)
    return entry is not None and done.out.decode().strip() == entry.oid


def left_out(repository: Repository) -> frozenset[str]:
    """List the paths under `.tasks` that a sparse checkout leaves out of the work tree."""
    if not repository.flag("core.sparsecheckout"):
        return frozenset()
    out = repository.git.run("ls-files", "-t", "-z", "--", TASKS_DIR)
    return frozenset(os.fsdecode(line[2:]) for line in out.split(b"\0") if line.startswith(b"S "))


def check_worktree(repository: Repository, state: WorkflowState) -> None:
    """Refuse to write while the work tree tells another state than the last commit.

    Raises:
        GitorchError: it does.
    """
    difference = worktree_difference(repository, state)
    if difference is not None:
        raise GitorchError(
            difference, hint="record it with gitorch adopt, or put it back; gitorch move and update leave records"
        )
