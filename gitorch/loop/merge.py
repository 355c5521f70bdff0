"""Join two histories that both went on with one workflow: one commit with two parents, and both histories stay."""

from __future__ import annotations

from typing import Literal, NamedTuple

from gitorch.core.names import quote, task_path
from gitorch.errors import Exit, GitorchError
from gitorch.git import leftovers, trees
from gitorch.git.process import GitError
from gitorch.git.repository import Repository
from gitorch.ledger.append import Appended, Draft, append_if, writing
from gitorch.ledger.following import INDEX_WAIT
from gitorch.ledger.history import recent
from gitorch.ledger.state import WorkflowState, check_worktree, read_state
from gitorch.loop import merged_work, proposal
from gitorch.loop.sides import join_sides, merge_record, parting
from gitorch.loop.step import clear_way, stepping
from gitorch.loop.watch import Silent, Watch


class Merged(NamedTuple):
    """What a merge came to. `appended` is None where there was nothing to record."""

    how: Literal["joined", "forwarded", "contained"]
    commit: str
    appended: Appended | None = None


def merge(repository: Repository, branch: str, watch: Watch | None = None) -> Merged:
    """Join another branch into this one.

    Args:
        repository: where.
        branch: the other branch, or a commit.
        watch: hears what else is done.

    Raises:
        GitorchError: files are in conflict or have uncommitted changes, or an invocation is open there. Nothing has
            been changed then.
    """
    proposal.refuse_inside("merge")
    if not repository.bare and repository.in_progress() == "merge":
        raise GitorchError("a merge is in progress already", hint="end that one with: gitorch merge --resolve")
    repository.check_writable()
    with stepping(repository):
        clear_way(repository, watch or Silent())
        tip = _tip(repository, branch)
        head = head_of(repository)
        if repository.descends(head, tip):
            return Merged("contained", head)
        refuse_open(repository, tip, branch)
        if repository.descends(tip, head):
            return _forward(repository, tip)
        appended = append_if(repository, lambda state: _draft(repository, state, tip, branch))
        return Merged("contained", head) if appended is None else Merged("joined", appended.commit, appended)


def _tip(repository: Repository, branch: str) -> str:
    commit = repository.objects.commit(branch) if branch and not branch.startswith("-") else None
    if commit is None:
        raise GitorchError(
            f"{quote(branch)} is not a branch or a commit", hint="list them: git branch -a", code=Exit.USAGE
        )
    return commit.oid


def head_of(repository: Repository) -> str:
    """Give the last commit of this branch, which has to have one."""
    commit = repository.objects.commit("HEAD")
    if commit is None:
        raise GitorchError("this branch has no commit yet", hint="work on a branch that has one")
    return commit.oid


def refuse_open(repository: Repository, commit: str, where: str, *, first: str = "") -> None:
    """Refuse to join a side that is in the midst of an invocation; `first` is what to do before all else."""
    if recent(repository.objects, commit).begin is not None:
        raise GitorchError(
            f"an invocation is open at the end of {where}",
            hint=f"{first}wait for its end; where it was cut off, gitorch step in its own worktree closes it",
        )


def _forward(repository: Repository, tip: str) -> Merged:
    """Let git move this branch on: nothing happened here that the other does not know."""
    with writing(repository):
        state = read_state(repository.objects)
        check_worktree(repository, state)
        changed = trees.diff(repository, state.tree or "", repository.objects.tree_of(tip))
        merged_work.check_room(repository, changed)
        leftovers.free(repository, wait=INDEX_WAIT, index=True)
        repository.sync()
        done = repository.git.attempt("merge", "--ff-only", "--no-autostash", "-q", tip)
        if done.code != 0:
            raise GitError(
                f"{repository.root}: git cannot move this branch on: {repository.git.why(done)}", hint="see git status"
            )
    repository.sync()
    return Merged("forwarded", tip)


def _draft(repository: Repository, state: WorkflowState, tip: str, branch: str) -> Draft | None:
    head = state.commit or ""
    if repository.descends(head, tip):
        return None
    by_hand = f"git merge {branch}, resolve and git add them, then gitorch merge --resolve"
    began = parting(repository, head, tip)
    try:
        work = merged_work.by_git(repository, head, tip, began)
    except GitorchError as error:
        raise GitorchError(error.message, hint=error.hint or by_hand) from None
    joined, conflicts = join_sides(repository, head, tip, began, {})
    if conflicts:
        raise GitorchError(
            f"both sides have changed the same lines of {merged_work.listed(conflicts)}",
            hint=f"make them alike on one of the branches; or {by_hand}",
        )
    contents = {
        task_path(name, joined.states[name]): repository.objects.blob(entry.oid)
        for name, entry in joined.files.items()
        if (there := state.files.get(name)) is None or there.oid != entry.oid
    }
    replaced = [
        task_path(name, before)
        for name, before in state.states.items()
        if name not in joined.states or task_path(name, joined.states[name]) in contents
    ]
    merged_work.check_room(repository, [*work, *replaced])
    return Draft(
        record=merge_record(state, joined, tip, f"merge {branch}"), contents=contents, checkout=work, parents=(tip,)
    )
