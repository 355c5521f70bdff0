"""Go back to an earlier state by a new commit, or go on from one on another branch: nothing is ever lost."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from gitorch.core import message
from gitorch.core.moves import difference
from gitorch.core.names import quote, task_path
from gitorch.core.record import Record
from gitorch.errors import Exit, GitorchError
from gitorch.git import trees
from gitorch.git.objects import Entry
from gitorch.git.repository import Repository
from gitorch.guard import index
from gitorch.ledger.append import Appended, Draft, append_if
from gitorch.ledger.audit import read_invocations
from gitorch.ledger.invocation import Place, find_place
from gitorch.ledger.state import WorkflowState, read_state
from gitorch.loop import proposal, roster
from gitorch.loop.step import clear_way, stepping
from gitorch.loop.watch import Silent, Watch

_LISTED = 5


def rewind(repository: Repository, text: str, *, work: bool, watch: Watch | None = None) -> Appended | None:
    """Restore the state after an invocation as a new commit; None where the state is that already.

    Args:
        repository: where.
        text: the invocation's id, or a commit.
        work: whether files that invocations have made or changed since are restored too.
        watch: hears what else is done.

    Raises:
        GitorchError: it is not in this branch's history, or files to be restored have uncommitted changes.
    """
    proposal.refuse_inside("rewind")
    repository.check_writable()
    with stepping(repository):
        clear_way(repository, watch or Silent())
        place = find_place(repository, text)
        if not repository.descends("HEAD", place.commit):
            raise GitorchError(
                f"{place.shown} is not in the history of this branch", hint="to go on from it: gitorch fork"
            )
        then = read_state(repository.objects, place.commit)

        def draft_for(state: WorkflowState) -> Draft | None:
            return _draft(repository, state, then, place, work=work)

        return append_if(repository, draft_for)


def _draft(
    repository: Repository, state: WorkflowState, then: WorkflowState, place: Place, *, work: bool
) -> Draft | None:
    changes = difference(state.states, then.states)
    contents = {
        task_path(change.name, change.after): repository.objects.blob(then.files[change.name].oid)
        for change in changes
        if change.before is None and change.after is not None
    }
    checkout = _work_since(repository, state, then, place) if work else {}
    if not changes and not checkout and then.main_task == state.main_task:
        return None
    count = len(checkout)
    files = f" and {count} file{'s' if count > 1 else ''}" if checkout else ""
    record = Record(
        event="rewind",
        subject=message.subject(then.main_task.task if then.main_task else None, f"rewind to {place.shown}"),
        body=f"The state{files} as after {place.shown}, in commit {place.commit}.",
        main_task=then.main_task,
        changes=tuple(changes),
    )
    return Draft(record=record, contents=contents, checkout=checkout)


def _work_since(
    repository: Repository, state: WorkflowState, then: WorkflowState, place: Place
) -> dict[str, Entry | None]:
    """Give the files that invocations have changed since, as they were; what people committed beside stays."""
    since = read_invocations(repository, f"{place.commit}..{state.commit}")
    touched = {path for invocation in since for path in invocation.files}
    changed = trees.diff(repository, state.tree or "", then.tree or "")
    wanted = {path: new for path, (_, new) in changed.items() if path in touched}
    check_clean(repository, list(wanted))
    return wanted


def check_clean(repository: Repository, paths: list[str]) -> None:
    """Refuse to write over files that have uncommitted changes.

    Raises:
        GitorchError: naming some of them.
    """
    if not paths:
        return
    options = ("--porcelain", "-z", "--no-renames", "--untracked-files=all", "--ignored=matching")
    unflagged = index.unflagged(repository, paths)
    out = repository.git.run("status", *options, "--", *paths, index=unflagged)
    if unflagged is not None:
        unflagged.unlink()
    dirty = [line[3:].decode(errors="replace") for line in out.split(b"\0") if line]
    if dirty:
        more = f" and {len(dirty) - _LISTED} more" if len(dirty) > _LISTED else ""
        raise GitorchError(
            f"these files have uncommitted changes: {', '.join(map(quote, dirty[:_LISTED]))}{more}",
            hint="commit them first: they would be written over",
        )


class Forked(NamedTuple):
    """A branch that goes on from an earlier state. `worktree` is None where none was made for it."""

    branch: str
    place: Place
    worktree: Path | None


def fork(
    repository: Repository, text: str, branch: str, *, worktree: Path | None = None, agent: str | None = None
) -> Forked:
    """Make a branch at the end of an invocation, and a linked worktree for it if wished.

    Args:
        repository: where.
        text: the invocation's id, or a commit.
        branch: the new branch's name.
        worktree: a folder that is not there yet.
        agent: the agent that shall work there; noted in git's configuration of the branch.

    Raises:
        GitorchError: there is no such invocation or agent, the name is taken or not allowed, or the folder is there.
    """
    proposal.refuse_inside("fork")
    if agent is not None:
        roster.load(repository, agent)
    place = find_place(repository, text)
    if repository.git.attempt("check-ref-format", "--branch", branch).code != 0:
        raise GitorchError(
            f"{quote(branch)} is not a valid branch name", hint="see git help check-ref-format", code=Exit.USAGE
        )
    if repository.git.attempt("rev-parse", "-q", "--verify", f"refs/heads/{branch}").code == 0:
        raise GitorchError(f"there is a branch {branch} already", hint="choose another name", code=Exit.USAGE)
    if worktree is not None:
        if worktree.exists():
            raise GitorchError(f"{worktree} exists", hint="name a new directory", code=Exit.USAGE)
        repository.git.run("worktree", "add", "-q", "-b", branch, str(worktree.absolute()), place.commit)
    else:
        repository.git.run("branch", "--no-track", branch, place.commit)
    if agent is not None:
        repository.git.run("config", f"branch.{branch}.{roster.BRANCH_AGENT}", agent)
    repository.sync()
    return Forked(branch, place, worktree)
