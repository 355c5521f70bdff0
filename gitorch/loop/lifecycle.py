"""What people decide about tasks and about whole workflows: retry, skip, abandon and archive, each one commit."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import count
from typing import Final, NamedTuple

from gitorch.core import main_task as main_tasks
from gitorch.core import message, moves
from gitorch.core import plan as planner
from gitorch.core.main_task import MainTask
from gitorch.core.moves import Change, States
from gitorch.core.names import TASKS_DIR, check_name, quote, task_dir
from gitorch.core.record import Record
from gitorch.core.text import one_line
from gitorch.errors import Exit, GitorchError
from gitorch.git import refs
from gitorch.git.objects import Entry
from gitorch.git.repository import Repository
from gitorch.ledger.append import Appended, Draft, append
from gitorch.ledger.outlines import read_outlines
from gitorch.ledger.state import WorkflowState, read_state
from gitorch.loop import invocation, proposal
from gitorch.loop.answer import before_stop

RUNS: Final = "refs/gitorch/runs"
_AT_ONCE: Final = 200  # paths in one command line


class PutAway(NamedTuple):
    """A workflow whose tasks have left the tree.

    Attributes:
        appended: the record.
        ref: the ref that keeps the history with the tasks.
        kept: files with uncommitted changes, which stay in the work tree.
    """

    appended: Appended
    ref: str
    kept: tuple[str, ...] = ()


def retry(repository: Repository, name: str) -> Appended:
    """Make a failed, blocked or completed task pending again, and let MAIN_TASK continue.

    Raises:
        GitorchError: there is no such task, or it is pending or running.
    """
    proposal.refuse_inside("retry")
    check_name(name)

    def draft_for(state: WorkflowState) -> Draft:
        before = state.state_of(name)
        invocation.check_not_worked_on(repository, name)
        if before == "pending":
            raise GitorchError(f"task {name} is pending already", hint="run it: gitorch run")
        if before == "running":
            raise GitorchError(f"task {name} is running", hint="only a failed, blocked or completed task is retried")
        tasks = read_outlines(repository, state)
        changes = moves.with_parents(state.states, planner.family_of(tasks), Change(name, before, "pending"))
        return _moved(repository, state, name, f"retry, {before} -> pending", changes)

    return append(repository, draft_for)


def skip(repository: Repository, name: str, reason: str | None = None) -> Appended:
    """Complete a task without its work being done, on record as skipped; what needs it goes on.

    Raises:
        GitorchError: there is no such task, it is running or completed, or it has open subtasks.
    """
    proposal.refuse_inside("skip")
    check_name(name)

    def draft_for(state: WorkflowState) -> Draft:
        before = state.state_of(name)
        invocation.check_not_worked_on(repository, name)
        tasks = read_outlines(repository, state)
        family = planner.family_of(tasks)
        open_children = [child for child in family.children(name) if state.states.get(child) != "completed"]
        if open_children:
            raise GitorchError(
                f"task {name} has open subtasks: {', '.join(open_children[:5])}",
                hint="skip those: it closes with the last of them",
            )
        if before in ("running", "completed"):
            raise GitorchError(f"task {name} is {before}", hint="only a pending, failed or blocked task can be skipped")
        changes = moves.with_parents(state.states, family, Change(name, before, "completed"))
        who = f"skipped by {_identity(repository)}"
        why = one_line(f"{who}: {reason}" if reason else who, 300)
        return _moved(repository, state, name, f"skip, {before} -> completed", changes, reason=why)

    return append(repository, draft_for)


def _moved(
    repository: Repository,
    state: WorkflowState,
    name: str,
    what: str,
    changes: Sequence[Change],
    *,
    reason: str | None = None,
) -> Draft:
    """Return the draft of a move after which MAIN_TASK goes on."""
    states = moves.apply(state.states, changes)
    main_task = state.main_task
    if main_task is not None and not _goes_on(main_task, states):
        tasks = read_outlines(repository, state)
        earlier = before_stop(repository)  # what that said of another task still holds
        stays = planner.outlasts(earlier, name, states, tasks)
        prefer = name if states.get(name) == "pending" else None
        main_task = earlier if stays else planner.next_main_task(states, tasks, prefer=prefer)
    record = Record(
        event="move",
        subject=message.subject(name, what),
        main_task=main_task,
        changes=tuple(changes),
        reason=reason,
    )
    return Draft(record=record)


def _goes_on(main_task: MainTask, states: States) -> bool:
    """Return whether MAIN_TASK lets the workflow continue as it is."""
    return main_task.status == "continue" and (main_task.task is None or states.get(main_task.task) != "completed")


def abandon(repository: Repository, reason: str | None = None) -> PutAway:
    """End the workflow: its open tasks leave the tree with their directories, and never run again.

    Raises:
        GitorchError: there is nothing open, an invocation is running, or task files have uncommitted changes.
    """
    proposal.refuse_inside("abandon")
    sentence = main_tasks.shorten(f"Abandoned: {reason}" if reason else "Abandoned") or "Abandoned"

    def record_for(state: WorkflowState) -> tuple[Record, Sequence[str]]:
        gone = [name for name, each in state.states.items() if each != "completed"]
        if not gone and (state.main_task is None or state.main_task.status == "completed"):
            raise GitorchError("there is no open task and no open workflow", hint="see gitorch status")
        return Record(
            event="abandon",
            subject=message.subject(_main_name(repository, state), "abandon workflow"),
            body=reason or "",
            main_task=main_tasks.make("completed", sentence),
            changes=tuple(Change(name, state.states[name], None) for name in sorted(gone)),
        ), gone

    return _put_away(repository, record_for, ())


def archive(repository: Repository, keep: Sequence[str] = ()) -> PutAway:
    """Put a finished workflow away: its task files, their directories and MAIN_TASK leave the tree.

    Args:
        repository: where.
        keep: files or directories that stay.

    Raises:
        GitorchError: a task is open, an invocation is running, or task files have uncommitted changes.
    """
    proposal.refuse_inside("archive")

    def record_for(state: WorkflowState) -> tuple[Record, Sequence[str]]:
        check_finished(state)
        if not state.states and state.main_task is None:
            raise GitorchError("there is no finished workflow", hint="see gitorch status")
        return Record(
            event="archive",
            subject=message.subject(_main_name(repository, state), "archive workflow"),
            changes=tuple(Change(name, state.states[name], None) for name in sorted(state.states)),
        ), [*state.states]

    return _put_away(repository, record_for, keep)


def check_finished(state: WorkflowState) -> None:
    """Check that a workflow has ended and left no task open.

    Raises:
        GitorchError: it has not; the hint names the commands that end or continue it.
    """
    now = state.main_task
    still_open = sorted(name for name, each in state.states.items() if each != "completed")
    if now is not None and now.status != "completed":
        raise GitorchError(
            f"a workflow is open: {now.next}",
            hint="continue it: gitorch run; or end it: gitorch abandon; or use another branch",
        )
    if still_open:
        first = next((name for name in still_open if state.states[name] == "pending"), still_open[0])
        more = f" and {len(still_open) - 5} more" if len(still_open) > 5 else ""  # noqa: PLR2004 - shown
        raise GitorchError(
            f"tasks of the former workflow are open: {', '.join(still_open[:5])}{more}",
            hint=f"put them away: gitorch abandon; or continue them: gitorch update continue "
            f"'Execute {first} task' --task {first}",
        )


def _put_away(
    repository: Repository, record_for: Callable[[WorkflowState], tuple[Record, Sequence[str]]], keep: Sequence[str]
) -> PutAway:
    """Append a record that takes tasks away, with their directories; then keep the history before it under a ref."""
    before = read_state(repository.objects)
    left: dict[str, Entry | None] = {}

    def draft_for(state: WorkflowState) -> Draft:
        nonlocal before
        before = state
        invocation.check_none_under_way(repository)
        record, names = record_for(state)
        _check_clean_task_files(repository, [state.path_of(name) for name in names])
        paths = _below(repository, state, names, keep)
        left.clear()
        left.update(dict.fromkeys(_uncommitted(repository, paths)))
        gone: dict[str, Entry | None] = {path: None for path in paths if path not in left}
        return Draft(record=record, work=dict(left), checkout=gone)

    appended = append(repository, draft_for)
    ref = _free_ref(repository, _main_name(repository, before) or "workflow")
    if before.commit is not None:
        refs.keep(repository, ref, before.commit)
    for change in appended.record.changes:
        with suppress(OSError):  # something is in it, or it is not there
            (repository.root / task_dir(change.name)).rmdir()
    return PutAway(appended, ref, tuple(sorted(left)))


def _main_name(repository: Repository, state: WorkflowState) -> str | None:
    """Return the name of a workflow's main task: the root above MAIN_TASK's task, or the first without a parent."""
    tasks = read_outlines(repository, state)
    family = planner.family_of(tasks)
    task = state.main_task.task if state.main_task is not None else None
    if task in tasks:
        return [task, *family.ancestors(task)][-1]
    return min((name for name, each in tasks.items() if each.parent is None), default=None)


def _free_ref(repository: Repository, name: str) -> str:
    """Return the first of `refs/gitorch/runs/NAME`, `NAME-2` and so on that does not exist."""
    names = (f"{RUNS}/{name}" if number == 1 else f"{RUNS}/{name}-{number}" for number in count(1))
    return next(ref for ref in names if repository.objects.commit(ref) is None)


def _below(repository: Repository, state: WorkflowState, names: Iterable[str], keep: Sequence[str]) -> list[str]:
    """List the committed files in the directories of tasks, without those to keep.

    Raises:
        GitorchError: a path to keep is not in any of them.
    """
    wanted = {task_dir(name) for name in names}
    listed = repository.git.run("ls-tree", "-r", "-z", "--name-only", state.commit or "HEAD", "--", f"{TASKS_DIR}/")
    paths = [path for path in map(os.fsdecode, listed.split(b"\0")) if "/".join(path.split("/")[:2]) in wanted]
    kept = [os.path.normpath(path) for path in keep]
    for path, given in zip(kept, keep, strict=True):
        if not any(_is_below(each, path) for each in paths):
            raise GitorchError(
                f"{quote(given)} is not a committed file or directory of a task",
                hint=f"name it from the top of the repository, like {TASKS_DIR}/NAME/report.md",
                code=Exit.USAGE,
            )
    return [path for path in paths if not any(_is_below(path, each) for each in kept)]


def _is_below(path: str, top: str) -> bool:
    return path == top or path.startswith(f"{top}/")


def _check_clean_task_files(repository: Repository, paths: Sequence[str]) -> None:
    changed = _uncommitted(repository, paths)
    if changed:
        raise GitorchError(
            f"task files have uncommitted changes: {', '.join(map(quote, changed[:5]))}",
            hint="commit them first",
        )


def _uncommitted(repository: Repository, paths: Sequence[str]) -> list[str]:
    """List those of some paths that have uncommitted changes in the work tree or the index."""
    found: list[str] = []
    for at in range(0, len(paths), _AT_ONCE):
        options = ("--porcelain", "-z", "--no-renames", "--untracked-files=no")
        listed = repository.git.run("status", *options, "--", *paths[at : at + _AT_ONCE])
        found += [os.fsdecode(line[3:]) for line in listed.split(b"\0") if line]
    return found


def _identity(repository: Repository) -> str:
    """Return the user as git knows them: name and address."""
    done = repository.git.attempt("var", "GIT_COMMITTER_IDENT")
    return done.out.decode(errors="replace").rpartition(" ")[0].rpartition(" ")[0].strip() or "somebody"
