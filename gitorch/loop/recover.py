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
from gitorch.ledger.history import recent, record_of
from gitorch.ledger.outlines import read_outlines
from gitorch.ledger.state import WorkflowState
from gitorch.loop import invocation as invocations
from gitorch.loop import settle
from gitorch.loop.invocation import Invocation


def recover(repository: Repository) -> list[str]:
    """Close an invocation that was cut off, if there is one; tells what was done, for people. Hold the step lock.

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
    told: list[str] = []
    cut = _noted_and_open(repository, noted) if noted is not None else None
    if cut is None and noted is not None:
        told += _let_go(repository, noted)
    cut = cut or _open_without_snapshot(repository)
    if cut is not None:
        told.append(f"recovered an invocation that was cut off: {cut.task or cut.action}")
        told += _close(repository, cut)
    return told


def _close(repository: Repository, cut: Invocation) -> list[str]:
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

    notes = settle.put_back(repository, cut, record_for).notes
    invocations.clear(repository, cut)
    return notes


def _noted_and_open(repository: Repository, noted: Invocation) -> Invocation | None:
    """Give the invocation that was noted if it is to be closed here; None if it has ended, or is not here any more.

    Raises:
        GitorchError: it is open on another branch, to which a person has not gone back.
    """
    latest = recent(repository.objects)
    if latest.begin is not None and latest.fold.open[0].invocation == noted.id:
        return noted._replace(begin=latest.begin)  # which a rebase or an amend may have made anew
    if noted.before is None:
        return None
    astray = commits.is_moved_by_agent(repository, noted.begin, noted.id)
    if repository.descends("HEAD", noted.begin):
        forged = astray and repository.objects.commit(restore.anchor_ref(noted.id)) is not None
        return noted if forged else None  # the end of it is no record of ours: that lets go of the anchor
    there = None if noted.branch is None else repository.objects.commit(noted.branch)
    if noted.branch is not None and there is not None and repository.descends(there.oid, noted.begin):
        if recent(repository.objects, there.oid).begin != noted.begin:
            return None  # somebody has closed it on its branch
        if not astray:
            name = noted.branch.removeprefix("refs/heads/")
            raise GitorchError(
                f"an invocation was cut off on branch {name}: {noted.task or noted.action}",
                hint=f"git switch {name}, then run this again: it is closed there",
            )
    return noted if astray else None


def _let_go(repository: Repository, noted: Invocation) -> list[str]:
    """Forget an invocation that has ended, or that is not here any more; its snapshot stays if it did not end here."""
    told: list[str] = []
    anchored = repository.objects.commit(restore.anchor_ref(noted.id))  # who ends one lets go of that
    kept = None if anchored is None or anchored.oid == noted.begin else anchored.oid  # there was uncommitted work
    if noted.before is not None and kept is not None and not _has_just_ended(repository, noted):
        ref = restore.rescue(repository, noted.id, tree=noted.before.tree, before=kept, tip=noted.begin)
        told = [f"an invocation that was cut off is not open here any more; your files before it are under {ref}"]
    refs.drop(repository, restore.anchor_ref(noted.id))
    invocations.clear(repository, noted)
    return told


def _has_just_ended(repository: Repository, noted: Invocation) -> bool:
    """Tell whether the last commit ended it: git was killed between that and the anchor."""
    head = repository.objects.commit("HEAD")
    record = None if head is None else record_of(head.message)
    return record is not None and record.event in ("end", "recover") and record.invocation == noted.id


def _open_without_snapshot(repository: Repository) -> Invocation | None:
    """Give an invocation that is open here, and of which the history alone tells."""
    latest = recent(repository.objects)
    return None if latest.begin is None else _without_snapshot(repository, latest.fold.open[0], latest.begin)


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
