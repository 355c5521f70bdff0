"""Close an invocation whose process was killed, and put back what it left half done."""

from __future__ import annotations

from gitorch.agents import descendants
from gitorch.core import message, moves
from gitorch.core import plan as planner
from gitorch.core.moves import Change
from gitorch.core.record import Record
from gitorch.git import leftovers, refs
from gitorch.git.repository import Repository
from gitorch.guard import branch, restore
from gitorch.guard.mend import mend
from gitorch.ledger.append import writing
from gitorch.ledger.history import recent
from gitorch.ledger.outlines import read_outlines
from gitorch.ledger.state import WorkflowState
from gitorch.loop import invocation as invocations
from gitorch.loop import settle
from gitorch.loop.invocation import Invocation


def recover(repository: Repository) -> str | None:
    """Close the open invocation of this branch, if there is one; gives what it was about. Hold the step lock.

    Its agent, if it still lives, is ended first. What it left is kept under a rescue ref, and the work tree is put
    back as it was before it. A task that a person moved to running by hand has no open invocation and is left alone.
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
    latest = recent(repository.objects)
    if latest.begin is None:
        if noted is not None and repository.descends("HEAD", noted.begin):
            refs.drop(repository, restore.anchor_ref(noted.id))  # git may have been killed between branch and anchor
            invocations.clear(repository, noted)
        return None
    begun = latest.fold.open[0]
    if noted is None or noted.id != begun.invocation:
        noted = _without_snapshot(repository, begun.invocation, begun.task, latest.begin)

    def record_for(state: WorkflowState, rescue: str | None) -> Record:
        changes: list[Change] = []
        if begun.task is not None and state.states.get(begun.task) == "running":
            family = planner.family_of(read_outlines(repository, state))
            changes = moves.with_parents(state.states, family, Change(begun.task, "running", "pending"))
        return Record(
            event="recover",
            subject=message.subject(begun.task, "recover from a cut-off invocation"),
            main_task=state.main_task,
            changes=tuple(changes),
            invocation=begun.invocation,
            outcome="interrupted",
            agent=noted.agent or None if noted is not None else None,
            reason="its process ended before it could",
            rescue=rescue,
        )

    settle.put_back(repository, noted, record_for)
    invocations.clear(repository, noted)
    return begun.task or begun.action


def _without_snapshot(repository: Repository, identity: str, task: str | None, begin: str) -> Invocation:
    """Stand in for what was not written down: the process died before its agent started, or on another machine."""
    return Invocation(
        id=identity,
        action="check",
        task=task,
        aside=False,
        attempt=None,
        begin=begin,
        branch=repository.branch(),
        agent="",
        folder=invocations.folder_of(identity),
        started=0.0,
    )
