"""Put a workflow away: abandon its open tasks, or archive it once it is finished. Each is one commit."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from typing import Final, NamedTuple

from gitorch.core import main_task as main_tasks
from gitorch.core import message, waiting
from gitorch.core import plan as planner
from gitorch.core.moves import Change
from gitorch.core.names import TASKS_DIR, quote, task_dir
from gitorch.core.record import Record
from gitorch.errors import Exit, GitorchError
from gitorch.git.objects import SUBMODULE_MODE, Entry
from gitorch.git.repository import Repository
from gitorch.ledger.append import Appended, Draft, append
from gitorch.ledger.outlines import read_outlines
from gitorch.ledger.state import WorkflowState
from gitorch.loop import invocation, proposal
from gitorch.loop.watch import Silent, Watch

RUNS: Final = "refs/gitorch/runs"
_AT_ONCE: Final = 200  # paths in one command line
_NAMED: Final = 5  # tasks in a message


class PutAway(NamedTuple):
    """A workflow whose tasks have left the tree.

    Attributes:
        appended: the record.
        ref: the ref that keeps the history with the tasks; None where no task was removed.
        kept: files that stay in the work tree: they have uncommitted changes, or are repositories of their own.
    """

    appended: Appended
    ref: str | None
    kept: tuple[str, ...] = ()


def abandon(repository: Repository, reason: str | None = None, watch: Watch | None = None) -> PutAway:
    """End the workflow: its open tasks leave the tree with their directories, and never run again.

    Raises:
        GitorchError: there is nothing open, an invocation is running, or task files have uncommitted changes.
    """
    proposal.refuse_inside("abandon")
    sentence = main_tasks.shorten(f"Abandoned: {reason}" if reason else "Abandoned") or "Abandoned"

    def record_for(state: WorkflowState) -> Record:
        gone = sorted(name for name, each in state.states.items() if each != "completed")
        if not gone and (state.main_task is None or state.main_task.status == "completed"):
            raise GitorchError("there is no open task and no open workflow", hint="see gitorch status")
        return Record(
            event="abandon",
            subject=message.subject(_main_name(repository, state), "abandon workflow"),
            body=reason or "",
            main_task=main_tasks.make("completed", sentence),
            changes=tuple(Change(name, state.states[name], None) for name in gone),
        )

    with undisturbed(repository, watch):
        return _put_away(repository, record_for, ())


def archive(repository: Repository, keep: Sequence[str] = (), watch: Watch | None = None) -> PutAway:
    """Put a finished workflow away: its task files, their directories and MAIN_TASK leave the tree.

    Args:
        repository: where.
        keep: files or directories that stay.
        watch: is notified of an interrupted invocation that is recovered first.

    Raises:
        GitorchError: a task is open, an invocation is running, or task files have uncommitted changes.
    """
    proposal.refuse_inside("archive")
    with undisturbed(repository, watch):
        return archive_finished(repository, keep)


def archive_finished(repository: Repository, keep: Sequence[str] = ()) -> PutAway:
    """Archive, as a part of what is `undisturbed` already."""

    def record_for(state: WorkflowState) -> Record:
        check_finished(state)
        if not state.states and state.main_task is None:
            raise GitorchError("there is no finished workflow", hint="see gitorch status")
        return Record(
            event="archive",
            subject=message.subject(_main_name(repository, state), "archive workflow"),
            changes=tuple(Change(name, state.states[name], None) for name in sorted(state.states)),
        )

    return _put_away(repository, record_for, keep)


@contextmanager
def undisturbed(repository: Repository, watch: Watch | None = None) -> Iterator[None]:
    """Keep steps away, an interrupted invocation being recovered first.

    Its recovery would remove what is recorded meanwhile, and a task that a user has ended would run again.

    Raises:
        GitorchError: an invocation is running, or handed out.
    """
    from gitorch.loop.step import clear_way, stepping  # noqa: PLC0415 - create and update need none of it

    repository.check_writable()
    invocation.check_none_under_way(repository)
    with stepping(repository):
        clear_way(repository, watch or Silent())
        yield


def check_finished(state: WorkflowState) -> None:
    """Check that a workflow has ended and left no task open.

    Raises:
        GitorchError: it has not; the hint names the commands that end or continue it.
    """
    now = state.main_task
    still_open = sorted(name for name, each in state.states.items() if each != "completed")
    if now is not None and now.status != "completed":
        on = "gitorch run" if now.status == "continue" else "gitorch status shows how"
        raise GitorchError(
            f"a workflow is open: {now.next}",
            hint=f"continue it: {on}; or end it: gitorch abandon; or use another branch",
        )
    if still_open:
        more = f" and {len(still_open) - _NAMED} more" if len(still_open) > _NAMED else ""
        raise GitorchError(
            f"tasks of the former workflow are open: {', '.join(still_open[:_NAMED])}{more}",
            hint=f"remove them: gitorch abandon; or continue with them: {waiting.continuing(state.states)}",
        )


def _put_away(repository: Repository, record_for: Callable[[WorkflowState], Record], keep: Sequence[str]) -> PutAway:
    """Append a record that removes tasks with their directories; a ref keeps the history before it."""
    left: dict[str, Entry | None] = {}
    ref: str | None = None

    def draft_for(state: WorkflowState) -> Draft:
        nonlocal ref
        record = record_for(state)
        names = [change.name for change in record.changes]
        _check_clean_task_files(repository, [state.path_of(name) for name in names])
        paths, repositories = _below(repository, state, names, keep)
        left.clear()
        left.update(dict.fromkeys([*_uncommitted(repository, paths), *repositories]))
        gone: dict[str, Entry | None] = {path: None for path in paths if path not in left}
        ref = _free_ref(repository, _main_name(repository, state)) if names else None
        kept = {ref: state.commit} if ref is not None and state.commit is not None else {}
        return Draft(record=record, work=dict(left), checkout=gone, kept=kept)

    appended = append(repository, draft_for)
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


def _free_ref(repository: Repository, name: str | None) -> str:
    """Return the first of `refs/gitorch/runs/NAME`, `NAME-2` and so on that does not exist."""
    part = ref_part(name or "workflow")
    names = (f"{RUNS}/{part}" if number == 1 else f"{RUNS}/{part}-{number}" for number in count(1))
    return next(ref for ref in names if repository.objects.commit(ref) is None)


def ref_part(name: str) -> str:
    """Return a task's name as a part of a ref, where git takes neither two dots in a row nor `.lock` at the end."""
    part = name.replace("..", ".-")
    return part.removesuffix(".lock") + "-lock" if part.endswith(".lock") else part


def _below(
    repository: Repository, state: WorkflowState, names: Iterable[str], keep: Sequence[str]
) -> tuple[list[str], list[str]]:
    """List what is committed in the directories of tasks, without what is to be kept: files, and repositories.

    Raises:
        GitorchError: a path to keep is not in any of them.
    """
    wanted = {task_dir(name) for name in names}
    listed = repository.git.run("ls-tree", "-r", "-z", state.commit or "HEAD", "--", f"{TASKS_DIR}/")
    modes = {
        path: line.split(" ", 1)[0]
        for line, _, path in (os.fsdecode(each).partition("\t") for each in listed.split(b"\0"))
        if "/".join(path.split("/")[:2]) in wanted
    }
    kept = [os.path.normpath(path) for path in keep]
    for path, given in zip(kept, keep, strict=True):
        if not any(_is_below(each, path) for each in modes):
            raise GitorchError(
                f"{quote(given)} is not a committed file or directory of a task",
                hint=f"name it from the top of the repository, like {TASKS_DIR}/NAME/report.md",
                code=Exit.USAGE,
            )
    paths = [path for path in modes if not any(_is_below(path, each) for each in kept)]
    repositories = [path for path in paths if modes[path] == SUBMODULE_MODE]
    return [path for path in paths if modes[path] != SUBMODULE_MODE], repositories


def _is_below(path: str, top: str) -> bool:
    return path == top or path.startswith(f"{top}/")


def _check_clean_task_files(repository: Repository, paths: Sequence[str]) -> None:
    changed = _uncommitted(repository, paths)
    if changed:
        raise GitorchError(
            f"task files have uncommitted changes: {', '.join(map(quote, changed[:_NAMED]))}",
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
