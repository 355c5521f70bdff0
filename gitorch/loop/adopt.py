"""Make records of states that came about without one: by commits past the hooks, by a rebase, by edits."""

from __future__ import annotations

import os
from collections.abc import Container, Sequence
from typing import Final, NamedTuple

from gitorch.core import main_task as main_tasks
from gitorch.core import message, moves
from gitorch.core import task as task_files
from gitorch.core.main_task import MainTask
from gitorch.core.moves import Change, States
from gitorch.core.names import MAIN_TASK_FILE, MAIN_TASK_PATH, TASKS_DIR, parse_task_file, task_path
from gitorch.core.record import Record
from gitorch.errors import GitorchError
from gitorch.git.objects import Entry
from gitorch.git.repository import Repository
from gitorch.guard.edits import changes_in
from gitorch.ledger.append import Appended, Draft, append_if
from gitorch.ledger.history import records_back
from gitorch.ledger.problems import Problem
from gitorch.ledger.state import WorkflowState, check_names, parse_names, read_state
from gitorch.ledger.verify import verify
from gitorch.loop import invocation, proposal

_LISTED: Final = 20  # problems that the record's body names


class Strays(NamedTuple):
    """What the trees say otherwise than the log.

    Attributes:
        changes: the tasks' changes of state that no record tells, in commits and in the work tree together.
        main_task: whether MAIN_TASK is another than the log tells.
        problems: what `verify` finds in commits and a record would account for, oldest first.
        left: how many problems it finds that no record can account for.
    """

    changes: tuple[Change, ...]
    main_task: bool
    problems: tuple[Problem, ...]
    left: int

    def __bool__(self) -> bool:
        return bool(self.changes or self.main_task or self.problems)


def look(repository: Repository) -> Strays:
    """Compare what the trees say with what the log says."""
    state = read_state(repository.objects)
    report = verify(repository)
    states, main = _in_worktree(repository, state.states)
    edits = moves.difference(state.states, states)
    rewritten = (None if main is None else main_tasks.format(main).encode()) != state.main_task_bytes
    changes = moves.net([*report.unrecorded, *edits])
    about_main = any("MAIN_TASK" in problem.problem for problem in report.strays)
    left = len(report.problems) - len(report.strays)
    return Strays(tuple(changes), rewritten or about_main, report.strays, left)


def adopt(repository: Repository, strays: Strays) -> Appended | None:
    """Record what the trees say; None where somebody has put it right meanwhile.

    Raises:
        GitorchError: a file is out of form, or the repository cannot be written now.
    """
    proposal.refuse_inside("adopt")
    head = read_state(repository.objects).commit

    def draft_for(state: WorkflowState) -> Draft | None:
        now = strays if state.commit == head else look(repository)
        if not now:
            return None
        invocation.check_none_under_way(repository)
        _, main_task = _in_worktree(repository)
        _check_not_needed(repository, state)
        work, index = _files(repository, state, now.changes)
        name = now.changes[0].name if now.changes else main_task.task if main_task is not None else None
        listed = [f"- {problem.commit[:10]}: {problem.problem}" for problem in now.problems[:_LISTED]]
        more = [f"- and {len(now.problems) - _LISTED} more"] if len(now.problems) > _LISTED else []
        body = "\n".join(("Accounts for:\n", *listed, *more)) if listed else ""
        record = Record(
            event="adopt",
            subject=message.subject(name, "adopt what the trees say"),
            body=body,
            main_task=main_task,
            changes=now.changes,
        )
        return Draft(record=record, work=work, staging=index)

    return append_if(repository, draft_for, adopting=True)


def _check_not_needed(repository: Repository, state: WorkflowState) -> None:
    """Refuse to record that a task has just been removed which another one needs, or is part of: that could never run.

    Raises:
        GitorchError: naming both.
    """
    states, _ = _in_worktree(repository)
    gone = state.states.keys() - states.keys()
    for name, each in states.items() if gone else ():
        path = task_path(name, each)
        task = task_files.parse(name, (repository.root / path).read_bytes(), path)
        missing = next((other for other in (*task.needs, task.parent) if other in gone), None)
        if missing is not None and each != "completed":
            raise GitorchError(
                f"task {missing} is missing, and {name} needs it",
                hint=f"restore its file from the last commit; then remove both with: gitorch drop {name} {missing}",
            )


def _files(
    repository: Repository, state: WorkflowState, changes: Sequence[Change]
) -> tuple[dict[str, Entry | None], dict[str, Entry | None]]:
    """Give what the commit is to take of the task files, and which names have to leave the index.

    Raises:
        GitorchError: a file is out of form.
    """
    states, _ = _in_worktree(repository)
    edits = moves.difference(state.states, states)
    for change in edits:
        if change.after is not None:
            _check_form(repository, change.name, task_path(change.name, change.after))
    named = {
        task_path(change.name, place)
        for change in (*changes, *edits)
        for place in (change.before, change.after)
        if place is not None
    }
    work = changes_in(repository, sorted(named)) if named else {}
    staged = (os.fsdecode(path) for path in repository.git.run("ls-files", "-z", "--", TASKS_DIR).split(b"\0"))
    stale: dict[str, Entry | None] = {
        path: None
        for path in staged
        if (found := parse_task_file(path.removeprefix(f"{TASKS_DIR}/"))) is not None
        and states.get(found[0]) != found[1]
    }
    return work, stale


def _check_form(repository: Repository, name: str, path: str) -> None:
    file = repository.root / path
    if file.is_symlink() or not file.is_file():
        raise GitorchError(f"{path} is no plain file", hint="make it one, then run gitorch adopt again")
    task_files.parse(name, file.read_bytes(), path)


def adopt_unrecorded(repository: Repository) -> Appended | None:
    """Record a `.tasks` that no record has ever named, as it lies in the work tree; None where there is none."""
    state = read_state(repository.objects)
    there, main_task = _in_worktree(repository)
    if not there and not state.states and main_task is None and state.main_task_bytes is None:
        return None
    if state.commit is not None and next(records_back(repository.objects), None) is not None:
        return None

    def draft_for(_: WorkflowState) -> Draft:
        work = changes_in(repository, (TASKS_DIR,))
        record = Record(
            event="adopt",
            subject=message.subject(None, f"adopt {len(there)} tasks"),
            main_task=main_task,
            changes=tuple(moves.difference({}, there)),
        )
        return Draft(record=record, work={path: entry for path, entry in work.items() if path != MAIN_TASK_PATH})

    return append_if(repository, draft_for, adopting=True)


def _in_worktree(repository: Repository, known: Container[str] = ()) -> tuple[States, MainTask | None]:
    """Read the state that the work tree tells; what a sparse checkout leaves out is as the index has it.

    Raises:
        GitorchError: MAIN_TASK or a name is out of form, or `.tasks` is no folder of this repository.
    """
    folder = repository.root / TASKS_DIR
    if folder.is_symlink():
        raise GitorchError(f"{TASKS_DIR} is a symbolic link", hint="make it a folder of this repository")
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set[str]()
    left_out = _left_out(repository) if repository.flag("core.sparsecheckout") else {}
    check_names(names, known)
    states = {name: task_state for _, name, task_state in parse_names(names | left_out.keys())}
    main = folder / MAIN_TASK_FILE
    if main.is_symlink() or (main.exists() and not main.is_file()):
        raise GitorchError(f"{MAIN_TASK_PATH} is no plain file", hint="make it one, then run gitorch adopt again")
    if main.is_file():
        return states, main_tasks.parse(_as_committed(repository, main.read_bytes()))
    oid = left_out.get(MAIN_TASK_FILE)
    return states, None if oid is None else main_tasks.parse(repository.objects.blob(oid))


def _as_committed(repository: Repository, data: bytes) -> bytes:
    """Give MAIN_TASK with the line ends that it would be committed with."""
    if b"\r" not in data:
        return data
    oid = repository.git.run("hash-object", "-w", "--stdin", f"--path={MAIN_TASK_PATH}", stdin=data)
    return repository.objects.blob(oid.decode().strip())


def _left_out(repository: Repository) -> dict[str, str]:
    """List the files in `.tasks` that a sparse checkout leaves out of the work tree, each with its content's id."""
    listed = repository.git.run("ls-files", "-t", "-s", "-z", "--", TASKS_DIR).split(b"\0")
    found: dict[str, str] = {}
    for line in listed:
        head, _, path = os.fsdecode(line).partition("\t")
        if head.startswith("S ") and "/" not in path.removeprefix(f"{TASKS_DIR}/"):
            found[path.removeprefix(f"{TASKS_DIR}/")] = head.split(" ")[2]
    return found
