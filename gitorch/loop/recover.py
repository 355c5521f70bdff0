"""Close an invocation whose process was killed, and put back what it left half done."""

from __future__ import annotations

from gitorch.agents import descendants
from gitorch.core import message, moves
from gitorch.core import plan as planner
from gitorch.core.fold import Open
from gitorch.core.moves import Change
from gitorch.core.record import Record
from gitorch.errors import GitorchError
from gitorch.git import leftovers, refs
from gitorch.git.repository import Repository
from gitorch.guard import branch, commits, restore
from gitorch.guard.mend import mend
from gitorch.ledger.append import writing
from gitorch.ledger.history import recent
from gitorch.ledger.outlines import read_outlines
from gitorch.ledger.state import WorkflowState
from gitorch.loop import invocation as invocations
from gitorch.loop import settle
from gitorch.loop.invocation import Invocation


def recover(repository: Repository) -> str | None:
    """Close an invocation that was cut off, if there is one; tells what was done. Hold the step lock.

    Its agent, if it still lives, is ended first. What it left is kept under a rescue ref, and the work tree is put
    back as it was before it. A task that a person moved to running by hand has no open invocation and is left alone.

    Raises:
        GitorchError: it was cut off on another branch than the user is on now.
    """
    noted = invocations.load(repository)
    if noted is not None:
        descendants.end(noted.id)
        if noted.process is not None:
            descendants.end_group(*noted.process)
        leftovers.clear(repository, since=noted.started)
    with writing(repository):  # what a killed writer left half done is finished now, before anything is compared
        leftovers.clear_own_refs(repository)
        if noted is not None:
            invocations.mend_torn(repository, noted)
            branch.put_lost_branch_back(repository, begin=noted.begin, branch=noted.branch)
        restore.drop_stale_anchors(repository)
    if noted is not None and noted.before is not None:
        mend(repository, noted.before, since=noted.started)
    away = noted is not None and not repository.descends("HEAD", noted.begin)
    if noted is not None and away and not _is_astray(repository, noted):
        return _let_go(repository, noted)
    cut = noted if away else _open(repository, noted)
    if cut is None:
        if noted is not None:
            refs.drop(repository, restore.anchor_ref(noted.id))  # git may have been killed between branch and anchor
            invocations.clear(repository, noted)
        return None

    def record_for(state: WorkflowState, rescue: str | None) -> Record:
        changes: list[Change] = []
        if cut.task is not None and state.states.get(cut.task) == "running":
            family = planner.family_of(read_outlines(repository, state))
            changes = moves.with_parents(state.states, family, Change(cut.task, "running", "pending"))
        return Record(
            event="recover",
            subject=message.subject(cut.task, "recover from a cut-off invocation"),
            main_task=state.main_task,
            changes=tuple(changes),
            invocation=cut.id,
            outcome="interrupted",
            agent=cut.agent or None,
            reason="its process ended before it could",
            rescue=rescue,
        )

    settle.put_back(repository, cut, record_for)
    invocations.clear(repository, cut)
    return f"recovered an invocation that was cut off: {cut.task or cut.action}"


def _open(repository: Repository, noted: Invocation | None) -> Invocation | None:
    """Give the invocation that is open here: the one that was noted, or one of which the history alone tells."""
    latest = recent(repository.objects)
    if latest.begin is None:
        return None
    begun = latest.fold.open[0]
    if noted is not None and noted.id == begun.invocation:
        return noted
    return _without_snapshot(repository, begun, latest.begin)


def _is_astray(repository: Repository, noted: Invocation) -> bool:
    """Tell whether HEAD, which knows nothing of an invocation, was brought there by its agent.

    Raises:
        GitorchError: a person has gone to another branch, and the invocation is open on its own.
    """
    if noted.before is None:
        return False
    if commits.is_moved_by_agent(repository, noted.begin, noted.id):
        return True
    there = noted.branch is not None and repository.objects.commit(noted.branch) is not None
    if noted.branch is None or not there or not repository.descends(noted.branch, noted.begin):
        return False
    if recent(repository.objects, noted.branch).begin == noted.begin:
        name = noted.branch.removeprefix("refs/heads/")
        raise GitorchError(
            f"an invocation was cut off on branch {name}: {noted.task or noted.action}",
            hint=f"git switch {name}, then run this again: it is closed there",
        )
    return False


def _let_go(repository: Repository, noted: Invocation) -> str | None:
    """Forget an invocation that ended elsewhere, or whose commits a person has taken away; the snapshot stays then."""
    told = None
    if noted.before is not None and noted.anchor not in (None, noted.begin) and not _has_ended(repository, noted):
        anchor, tree = noted.anchor or noted.begin, noted.before.tree
        kept = restore.rescue(repository, noted.id, tree=tree, before=anchor, tip=noted.begin)
        told = f"an invocation that was cut off is not on this branch any more; your files before it are under {kept}"
    refs.drop(repository, restore.anchor_ref(noted.id))
    invocations.clear(repository, noted)
    return told


def _has_ended(repository: Repository, noted: Invocation) -> bool:
    known = noted.branch is not None and repository.objects.commit(noted.branch) is not None
    return known and repository.descends(noted.branch or "HEAD", noted.begin)


def _without_snapshot(repository: Repository, begun: Open, begin: str) -> Invocation:
    """Stand in for what was not written down: the process died before its agent started, or on another machine."""
    return Invocation(
        id=begun.invocation,
        action=begun.action or "check",
        task=begun.task,
        aside=False,
        attempt=None,
        begin=begin,
        branch=repository.branch(),
        agent="",
        folder=invocations.folder_of(begun.invocation),
        started=0.0,
    )
