"""End a merge that git has left in conflict: its commit becomes a record, and both histories stay."""

from __future__ import annotations

from typing import Final

from gitorch.core import main_task as main_tasks
from gitorch.core.names import MAIN_TASK_PATH, parse_task_file, task_path
from gitorch.errors import GitorchError
from gitorch.git.objects import Entry
from gitorch.git.repository import Repository
from gitorch.ledger.append import Draft, append_if, writing
from gitorch.ledger.history import record_of
from gitorch.ledger.state import WorkflowState, read_state
from gitorch.loop import invocation, merged_work, proposal
from gitorch.loop.merge import Merged, head_of, refuse_open
from gitorch.loop.merged_work import Staged
from gitorch.loop.sides import join_sides, merge_record, parting
from gitorch.loop.step import stepping

_MARKER: Final = b"<<<<<<< "


def resolve(repository: Repository) -> Merged:
    """Record a merge that `git merge` has left in conflict; the workflow's own files are joined as `merge` does.

    Raises:
        GitorchError: no merge is under way, or other files are still in conflict. Nothing has been changed then.
    """
    proposal.refuse_inside("merge")
    repository.check_writable(ending="merge")
    with stepping(repository):
        with writing(repository):
            pass  # what a killed writer left half done is finished now
        invocation.check_lease(repository)
        tip = _merge_head(repository)
        head = head_of(repository)
        for commit, where in ((head, "this branch"), (tip, f"commit {tip[:10]}")):
            refuse_open(repository, commit, where, first="abort this merge; ")
        appended = append_if(
            repository, lambda state: _resolving(repository, state, tip), adopting=True, ending_merge=True
        )
        repository.git.run("merge", "--quit")
        repository.sync()
        return Merged("contained", head) if appended is None else Merged("joined", appended.commit, appended)


def _merge_head(repository: Repository) -> str:
    """Give the commit that git is merging."""
    try:
        heads = (repository.git_dir / "MERGE_HEAD").read_text().split()
    except FileNotFoundError:
        raise GitorchError("no merge is in progress", hint=_mixed(repository) or "gitorch merge BRANCH") from None
    if len(heads) != 1:
        raise GitorchError(
            f"git is merging {len(heads)} branches at once", hint="abort that merge, and merge them one after the other"
        )
    return heads[0]


def _mixed(repository: Repository) -> str | None:
    """Say what to do where the last commit is a merge that mixes states without a record."""
    head = repository.objects.commit("HEAD")
    if head is None or len(head.parents) < 2 or record_of(head.message) is not None:  # noqa: PLR2004 - a merge
        return None
    state, *parents = (
        (each.states, each.main_task_bytes)
        for each in (read_state(repository.objects, commit) for commit in (head.oid, *head.parents))
    )
    if state in parents:
        return None
    ours, theirs = head.parents[:2]
    return (
        "the last commit merges two states without a record, which cannot be mended yet: "
        f"git switch -c NEW {ours[:10]}, then gitorch merge {theirs[:10]}"
    )


def _resolving(repository: Repository, state: WorkflowState, tip: str) -> Draft | None:
    """Draft the record of a merge of git's from what its two sides hold and what has been resolved."""
    head = state.commit or ""
    if repository.descends(head, tip):
        return None  # recorded, and cut off before git was told
    staged = merged_work.read_index(repository)
    if staged.unmerged:
        raise GitorchError(
            merged_work.in_conflict(staged.unmerged), hint="resolve and git add them, then run this again"
        )
    began = parting(repository, head, tip)
    joined, conflicts = join_sides(repository, head, tip, began, _by_hand(repository, staged))
    if conflicts:
        raise GitorchError(
            f"both sides have changed the same lines of {merged_work.listed(conflicts)}",
            hint="leave one file for each of these tasks, resolved, git add it, then run this again",
        )
    final = {task_path(name, after) for name, after in joined.states.items()}
    by_task = _by_task(staged)
    contents: dict[str, bytes] = {}
    work = merged_work.as_staged(repository, head, staged)
    for name, entry in joined.files.items():
        path, there = task_path(name, joined.states[name]), state.files.get(name)
        if [(at, stage, each.oid) for at, stage, each in by_task.get(name, [])] != [(path, "0", entry.oid)]:
            contents[path] = repository.objects.blob(entry.oid)
        elif there is None or there.oid != entry.oid:  # the work tree has it already
            work[path if there is None else state.path_of(name)] = entry
    if joined.main_task is not None:
        contents[MAIN_TASK_PATH] = main_tasks.format(joined.main_task).encode()
    theirs = read_state(repository.objects, tip)
    known = {*staged.own, *map(theirs.path_of, theirs.states)}
    handled = {*final, *map(state.path_of, state.states), MAIN_TASK_PATH}  # the record itself moves what this side has
    strays: dict[str, Entry | None] = dict.fromkeys(sorted(known - handled))
    return Draft(
        record=merge_record(state, joined, tip, f"merge {tip[:10]}"),
        contents=contents,
        work=work,
        checkout=strays,
        parents=(tip,),
    )


def _by_task(staged: Staged) -> dict[str, list[tuple[str, str, Entry]]]:
    """Give what the index holds of each task: paths, stages and files."""
    found: dict[str, list[tuple[str, str, Entry]]] = {}
    for path, stages in staged.own.items():
        parsed = parse_task_file(path.rpartition("/")[2])
        if parsed is not None:
            found.setdefault(parsed[0], []).extend((path, stage, entry) for stage, entry in stages)
    return found


def _by_hand(repository: Repository, staged: Staged) -> dict[str, Entry]:
    """Give the task files of which somebody has left one alone, without marks of a conflict."""
    return {
        name: each[0][2]
        for name, each in _by_task(staged).items()
        if len(each) == 1 and each[0][1] == "0" and _MARKER not in repository.objects.blob(each[0][2].oid)
    }
