"""Join two histories that both went on with one workflow: one commit with two parents, and both histories stay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from gitorch.core import again, join, message
from gitorch.core import main_task as main_tasks
from gitorch.core import plan as planner
from gitorch.core import task as task_files
from gitorch.core.join import Side
from gitorch.core.main_task import MainTask
from gitorch.core.moves import difference
from gitorch.core.names import MAIN_TASK_PATH, TaskState, parse_task_file, quote, task_path
from gitorch.core.record import Record, Totals
from gitorch.core.task import Task
from gitorch.errors import Exit, GitorchError
from gitorch.git import leftovers, trees
from gitorch.git.objects import Entry
from gitorch.git.process import GitError
from gitorch.git.repository import Repository
from gitorch.guard import merge as three_way
from gitorch.guard.merge import Conflict
from gitorch.ledger.append import Appended, Draft, append_if, writing
from gitorch.ledger.bases import bases, common
from gitorch.ledger.following import INDEX_WAIT
from gitorch.ledger.history import recent, record_of
from gitorch.ledger.state import WorkflowState, check_worktree, read_state
from gitorch.loop import invocation, merged_work, proposal
from gitorch.loop.merged_work import Staged
from gitorch.loop.step import clear_way, stepping
from gitorch.loop.watch import Silent, Watch

_MARKER: Final = b"<<<<<<< "


class Merged(NamedTuple):
    """What a merge came to. `appended` is None where there was nothing to record."""

    how: Literal["joined", "forwarded", "contained"]
    commit: str
    appended: Appended | None = None


class _Workflow(NamedTuple):
    """What a side has, or both together; `files` holds each task's file."""

    states: Mapping[str, TaskState]
    files: Mapping[str, Entry]
    main_task: MainTask | None
    totals: Totals


_NOTHING: Final = _Workflow({}, {}, None, Totals())


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
        head = _head(repository)
        if repository.descends(head, tip):
            return Merged("contained", head)
        _refuse_open(repository, tip, branch)
        if repository.descends(tip, head):
            return _forward(repository, tip)
        appended = append_if(repository, lambda state: _draft(repository, state, tip, branch))
        return Merged("contained", head) if appended is None else Merged("joined", appended.commit, appended)


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
        head = _head(repository)
        for commit, where in ((head, "this branch"), (tip, f"commit {tip[:10]}")):
            _refuse_open(repository, commit, where, first="abort this merge; ")
        appended = append_if(
            repository, lambda state: _resolving(repository, state, tip), adopting=True, ending_merge=True
        )
        repository.git.run("merge", "--quit")
        repository.sync()
        return Merged("contained", head) if appended is None else Merged("joined", appended.commit, appended)


def _tip(repository: Repository, branch: str) -> str:
    commit = repository.objects.commit(branch) if branch and not branch.startswith("-") else None
    if commit is None:
        raise GitorchError(f"{quote(branch)} is no branch and no commit", hint="see git branch -a", code=Exit.USAGE)
    return commit.oid


def _head(repository: Repository) -> str:
    commit = repository.objects.commit("HEAD")
    if commit is None:
        raise GitorchError("this branch has no commit yet", hint="work on a branch that has one")
    return commit.oid


def _refuse_open(repository: Repository, commit: str, where: str, *, first: str = "") -> None:
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
    began = _bases(repository, head, tip)
    try:
        work = merged_work.by_git(repository, head, tip, began)
    except GitorchError as error:
        raise GitorchError(error.message, hint=error.hint or by_hand) from None
    joined, conflicts = _join_sides(repository, head, tip, began, {})
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
        record=_record(state, joined, tip, f"merge {branch}"), contents=contents, checkout=work, parents=(tip,)
    )


def _record(state: WorkflowState, joined: _Workflow, tip: str, what: str) -> Record:
    return Record(
        event="merge",
        subject=message.subject(joined.main_task.task if joined.main_task else None, what),
        body=f"Joined with commit {tip}.",
        main_task=joined.main_task,
        changes=tuple(difference(state.states, joined.states)),
        totals=joined.totals,
    )


def _join_sides(
    repository: Repository, head: str, tip: str, began: list[str], by_hand: Mapping[str, Entry]
) -> tuple[_Workflow, list[str]]:
    """Join both sides' workflows; gives the task files in conflict too.

    `by_hand` holds task files as somebody has resolved them.
    """

    def at(commit: str) -> _Workflow:
        return _read(repository, commit)

    def virtual(base: _Workflow, one: _Workflow, other: _Workflow) -> _Workflow:
        return _join(repository, base, one, other, {})[0]

    ours, theirs = at(head), at(tip)
    if not any((ours.states, theirs.states, ours.main_task, theirs.main_task)):
        raise GitorchError("neither branch has a workflow", hint="merge them with git alone")
    base = common(repository.git, began, at, virtual, _NOTHING)
    joined, conflicts = _join(repository, base, ours, theirs, by_hand)
    if not conflicts:
        _refuse_circles(repository, joined, base, (ours, theirs))
    return joined, [task_path(name, ours.states[name]) for name in conflicts]


def _read(repository: Repository, commit: str) -> _Workflow:
    state, fold = read_state(repository.objects, commit), recent(repository.objects, commit).fold
    if not fold.known:
        raise GitorchError(
            "this clone is so shallow that the sums since start are out of sight",
            hint="get more of the history: git fetch --unshallow",
        )
    return _Workflow(state.states, state.files, state.main_task, fold.totals._replace(again=fold.again))


def _join(
    repository: Repository, base: _Workflow, ours: _Workflow, theirs: _Workflow, by_hand: Mapping[str, Entry]
) -> tuple[_Workflow, list[str]]:
    files, conflicts = _join_files(repository, base, ours, theirs, by_hand)
    tasks = _tasks(repository, files, {**theirs.states, **ours.states})
    edited = [name for name, was in base.files.items() if any(_edited(name, was, side) for side in (ours, theirs))]
    states = join.states(base.states, ours.states, theirs.states, tasks, edited=edited)
    sides = (Side(ours.main_task, ours.states), Side(theirs.main_task, theirs.states))
    left = {name: tasks[name] for name in states}
    main_task = join.main_task(base.main_task, sides, states, left)
    totals = join.totals(base.totals, ours.totals, theirs.totals)
    totals = totals._replace(again=again.join(ours.totals.again, theirs.totals.again, states))
    return _Workflow(states, {name: files[name] for name in states}, main_task, totals), conflicts


def _edited(name: str, was: Entry, side: _Workflow) -> bool:
    return name in side.files and side.files[name].oid != was.oid


def _join_files(
    repository: Repository, base: _Workflow, ours: _Workflow, theirs: _Workflow, by_hand: Mapping[str, Entry]
) -> tuple[dict[str, Entry], list[str]]:
    files = {**ours.files, **theirs.files}
    conflicts: list[str] = []
    for name in sorted(ours.files.keys() & theirs.files.keys()):
        mine, other = ours.files[name], theirs.files[name]
        merged = three_way.merge(repository, base=base.files.get(name), ours=mine, theirs=other)
        if not isinstance(merged, Conflict) and merged.entry is not None:
            files[name] = merged.entry
        elif name in by_hand:
            files[name] = by_hand[name]
        elif name not in base.files and (first := _first_of_alike(repository, name, mine, other)) is not None:
            files[name] = first
        else:
            files[name] = min(mine, other)
            conflicts.append(name)
    return files, conflicts


def _first_of_alike(repository: Repository, name: str, *both: Entry) -> Entry | None:
    """Give the one of two new files that comes first, where they differ in their order alone."""
    tasks = [task_files.parse(name, repository.objects.blob(entry.oid), name) for entry in both]
    if tasks[0]._replace(order=0) != tasks[1]._replace(order=0):
        return None
    return min(zip(tasks, both, strict=True), key=lambda pair: (pair[0].order, pair[1]))[1]


def _tasks(repository: Repository, files: Mapping[str, Entry], states: Mapping[str, TaskState]) -> dict[str, Task]:
    return {
        name: task_files.parse(name, repository.objects.blob(entry.oid), task_path(name, states[name]))
        for name, entry in files.items()
    }


def _refuse_circles(
    repository: Repository, joined: _Workflow, base: _Workflow, sides: tuple[_Workflow, _Workflow]
) -> None:
    """Refuse to join what each side could do and both together never can: tasks that wait for one another."""
    new = [{name for name, entry in side.files.items() if base.files.get(name) != entry} for side in sides]
    if not all(new):
        return
    tasks = _tasks(repository, joined.files, joined.states)
    for name in sorted((new[0] | new[1]) & tasks.keys()):
        problem = planner.task_problem(name, joined.states, tasks)
        if problem is None or any(_had_problem(repository, name, side) for side in sides):
            continue
        raise GitorchError(
            f"joined, task {name} could never run: {problem}",
            hint="mend parent or needs in its file on one of the branches, commit that, and try again",
        )


def _had_problem(repository: Repository, name: str, side: _Workflow) -> bool:
    tasks = _tasks(repository, side.files, side.states)
    return name in tasks and planner.task_problem(name, side.states, tasks) is not None


def _bases(repository: Repository, ours: str, theirs: str) -> list[str]:
    found = bases(repository.git, ours, theirs)
    if not found:
        raise GitorchError(
            "the two branches have no commit in common",
            hint="in a shallow clone get more of the history: git fetch --unshallow",
        )
    return found


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
    began = _bases(repository, head, tip)
    joined, conflicts = _join_sides(repository, head, tip, began, _by_hand(repository, staged))
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
        record=_record(state, joined, tip, f"merge {tip[:10]}"),
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
