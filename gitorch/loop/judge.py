"""Judge an agent's claim: what it says about itself completes nothing that fails one of these."""

from __future__ import annotations

from gitorch.core.names import task_dir
from gitorch.core.task import Task
from gitorch.git import trees
from gitorch.git.objects import Entry
from gitorch.git.repository import Repository
from gitorch.guard import snapshot
from gitorch.ledger.append import writing
from gitorch.loop import cut, gates, settle, statefiles
from gitorch.loop.claim import Claim
from gitorch.loop.invocation import Invocation
from gitorch.loop.settle import Work
from gitorch.loop.watch import Watch


def judge(
    repository: Repository, invocation: Invocation, task: Task | None, claim: Claim, watch: Watch
) -> tuple[Claim, Work | None]:
    """Check a claim of success; gives it as it stands then, and what to commit where it is good."""
    operation = repository.in_progress()
    if operation is None:
        with writing(repository):  # or another writer, seen half way, would pass for the agent
            fault = statefiles.names_fault(repository, invocation.task)
    else:
        fault = f"it left a {operation} unfinished"
    if fault is not None or invocation.before is None:
        return claim.rejected(fault or "there is no snapshot"), None
    if task is not None and invocation.action == "decompose" and claim.outcome == "completed":
        claim = cut.check(repository, task, claim)
        if claim.outcome != "completed":
            return claim, None
    own_work = (
        task is not None and not invocation.aside and invocation.action != "decompose" and claim.outcome == "completed"
    )
    if own_work and task is not None:
        claim = _check_task(repository, invocation, task, claim, watch)
        if claim.outcome != "completed":
            return claim, None
    done = settle.look(repository, invocation, invocation.before)
    fault = (
        done.branch.fault
        or _unread(done)
        or statefiles.bodies_fault(repository, begin=invocation.begin, tip=done.branch.tip, made=done.made)
    )
    if fault is not None:
        return claim.rejected(fault), None
    if own_work and task is not None:
        claim = _check_changes(repository, invocation, task, claim, done)
        if claim.outcome != "completed":
            return claim, None
    return _check_hook(repository, claim, done, invocation.begin, watch)


def _unread(done: Work) -> str | None:
    """Name a file that git would not add: its filter fails, or it is not in the encoding that attributes ask for."""
    return next((f"{path} cannot be committed: {said}" for path, said in done.after.refused), None)


def _check_task(repository: Repository, invocation: Invocation, task: Task, claim: Claim, watch: Watch) -> Claim:
    """Look for the outputs, then run the gates."""
    for path in task.outputs:
        file = repository.root / task_dir(task.name) / path
        if not file.exists():
            silent = "" if task.run is not None or _has_said(claim) else ", and the agent said nothing"
            return claim.rejected(f"output {path} is missing{silent}")
        if file.is_file() and file.stat().st_size == 0:
            return claim.rejected(f"output {path} is empty")
        if file.is_dir() and not any(file.iterdir()):
            return claim.rejected(f"output {path} is an empty folder")
    checks, said = gates.run_checks(repository, invocation, task, watch)
    claim = claim._replace(checks=tuple(checks))
    if checks and checks[-1].exit != 0:
        failed = checks[-1]
        note = f"What the failing check said:\n\n{said}" if said.strip() else ""
        return claim.rejected(f"check failed with exit {failed.exit}: {failed.command}", note)
    return claim


def _check_changes(repository: Repository, invocation: Invocation, task: Task, claim: Claim, done: Work) -> Claim:
    """See that outputs are new, and that an agent has changed or said something at all."""
    folder = task_dir(task.name)
    for path in task.outputs:
        full = f"{folder}/{path}"
        if full in done.after.held:
            return claim.rejected(f"output {path} cannot be committed: {done.after.held[full].reason}")
        if not any(changed == full or changed.startswith(full + "/") for changed in done.made):
            return claim.rejected(f"output {path} is the same as before")
    if task.run is not None or claim.checks or _hands_over(claim) or _has_changed(repository, invocation, done):
        return claim
    did = (
        "it changed nothing and did not hand over"
        if _has_said(claim)
        else "it ended without changing or saying anything"
    )
    return claim._replace(outcome="failed", reason=f"{did} (hand over with: gitorch move {task.name} completed)")


def _hands_over(claim: Claim) -> bool:
    """Return whether the agent has said explicitly that the task is completed: its words alone complete nothing."""
    return bool(claim.report.outcome or claim.proposal.state or claim.proposal.main_task)


def _has_changed(repository: Repository, invocation: Invocation, done: Work) -> bool:
    """Tell whether it has changed anything; what others have committed meanwhile stands in the work tree too."""
    tree_of = repository.objects.tree_of
    committed = trees.diff(repository, tree_of(invocation.begin), tree_of(done.branch.tip))
    others = {path: after for path, (_, after) in committed.items()}
    return bool(done.branch.own) or any(
        path not in others or others[path] != after for path, (_, after) in done.made.items()
    )


def _has_said(claim: Claim) -> bool:
    return bool(claim.summary or claim.report.outcome or claim.proposal.state or claim.proposal.main_task)


def _check_hook(
    repository: Repository, claim: Claim, done: Work, begin: str, watch: Watch
) -> tuple[Claim, Work | None]:
    """Run the repository's own pre-commit hook on the work; what it adds to the index is committed too.

    Where the agent has committed itself, perhaps past the hook, the hook sees all since the invocation began.
    """
    hook = gates.hook_path(repository, "pre-commit") if done.parts.work or done.branch.own else None
    if hook is None:
        return claim, done
    index = repository.scratch / "hook.index"
    snapshot.copy_index(done.after.index_file, index)
    head = repository.objects.tree_of(done.branch.tip)
    tree = repository.store.edit_tree(head, done.parts.work)
    repository.git.run("read-tree", tree, index=index)
    since = begin if done.branch.own else None
    code, said = gates.run_hook(repository, hook, index=str(index), since=since, watch=watch)
    if code != 0:
        note = f"What the hook said:\n\n{said}" if said.strip() else ""
        return claim.rejected(f"the repository's pre-commit hook failed with exit {code}", note), None
    added = trees.diff(repository, tree, repository.git.line("write-tree", index=index))
    # a hook that adds everything would add these too
    yours = done.prior.keys() | done.after.held.keys() | done.parts.left.keys()
    edits: dict[str, Entry | None] = {
        **done.parts.work,
        **{path: new for path, (_, new) in added.items() if path not in yours},
    }
    return claim, done._replace(parts=done.parts._replace(work=edits))
