"""One step: read the state, do one thing, set up the next, end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from gitorch.core.main_task import MainTask
from gitorch.core.plan import Plan
from gitorch.core.record import Totals
from gitorch.errors import Exit, GitorchError
from gitorch.git.locks import Busy, hold
from gitorch.git.repository import Repository
from gitorch.loop import ahead as looking
from gitorch.loop import begin, finish, invocation, proposal, recover
from gitorch.loop.ahead import Ahead, Options
from gitorch.loop.result import Step
from gitorch.loop.watch import Silent, Watch
from gitorch.loop.work import perform

STEP_WAIT: Final = 3.0  # seconds to wait for another step in the same worktree


@contextmanager
def stepping(repository: Repository) -> Iterator[None]:
    """Hold the lock that lets one step at a time work in a worktree."""
    busy = Busy("another step is working in this worktree", "wait until it has ended; gitorch status shows it")
    with hold(repository.scratch / "step.lock", wait=STEP_WAIT, busy=busy):
        yield


def step(repository: Repository, options: Options | None = None, watch: Watch | None = None) -> Step:
    """Do one invocation.

    Raises:
        GitorchError: there is no workflow, the repository cannot be written now, or something is out of form.
    """
    options, watch = options or Options(), watch or Silent()
    proposal.refuse_inside("step")
    repository.check_writable()
    if repository.branch() is None:
        watch.note("HEAD is detached: commits made now are on no branch; keep them with: git switch -c NAME")
    with stepping(repository):
        clear_way(repository, watch)
        ahead = looking.look(repository, options, watch)
        if isinstance(ahead, Step):
            return ahead
        return do(repository, ahead, options, watch)


def do(repository: Repository, ahead: Ahead, options: Options, watch: Watch) -> Step:
    """Do what comes next, from its beginning to its end. Hold the step lock."""
    if ahead.by_template:
        return _by_template(repository, ahead, watch)
    job, agent = begin.begin(repository, ahead, options, watch)
    try:
        claim = perform(repository, job, agent, watch)
    except GitorchError:  # its program cannot be started
        finish.abandon(repository, job.invocation)
        raise
    return finish.finish(repository, job.invocation, job.task, claim, options.limits, watch)


def clear_way(repository: Repository, watch: Watch) -> None:
    """Close what was cut off before; refuse where an invocation is out to a loop of the user's own. Hold the lock."""
    invocation.check_lease(repository)
    for note in recover.recover(repository):
        watch.note(note)


def _by_template(repository: Repository, ahead: Ahead, watch: Watch) -> Step:
    """Cut the task into subtasks by a template, all in one commit."""
    from gitorch.loop import decompose  # noqa: PLC0415 - most steps read no template

    name = ahead.plan.task or ""
    watch.began(Plan("decompose", name), "template", None, ahead.totals)
    appended, _ = decompose.decompose(repository, name, decompose.Choice(), by_step=True)
    record = appended.record
    return Step(
        Exit.OK,
        record.main_task or MainTask("continue", ""),
        action="decompose",
        task=name,
        outcome="completed",
        commit=appended.commit,
        agent="template",
        totals=record.totals or Totals(),
    )
