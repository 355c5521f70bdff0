"""The two halves of a step, for loops of the user's own: an invocation is handed out, and taken back."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Final, NamedTuple

from gitorch.agents import descendants
from gitorch.agents.output import Listener
from gitorch.agents.process import Ended, Tail
from gitorch.agents.report import Report
from gitorch.agents.spec import Agent
from gitorch.errors import Exit, GitorchError
from gitorch.git.repository import Repository
from gitorch.guard import branch
from gitorch.ledger.append import writing
from gitorch.ledger.history import past_of
from gitorch.ledger.state import read_state
from gitorch.ledger.tasks import read_task
from gitorch.loop import ahead as looking
from gitorch.loop import begin, claim, invocation, proposal, recover, roster, trust, work
from gitorch.loop import finish as finishing
from gitorch.loop.ahead import Options
from gitorch.loop.claim import Said
from gitorch.loop.invocation import Invocation
from gitorch.loop.limits import Limits
from gitorch.loop.result import Step
from gitorch.loop.step import clear_way, do, stepping
from gitorch.loop.watch import Silent, Watch
from gitorch.loop.work import Job

DEFAULT_LEASE: Final = 3600  # seconds
OWN: Final = Agent(name="own", description="an agent that a loop of the user's own calls", command=())


class Handed(NamedTuple):
    """An invocation that is out. `command` is the agent's, where it is one that gitorch knows."""

    job: Job
    command: list[str] | None
    env: dict[str, str]
    until: float


def hand_out(
    repository: Repository, options: Options, lease: float = DEFAULT_LEASE, watch: Watch | None = None
) -> Handed | Step:
    """Begin the next invocation that needs an agent; a Step where there is nothing to do now.

    What needs no agent on the way there is done at once, decompositions by template and tasks with a command: each is
    a step of its own, and counts as one.

    Args:
        repository: where.
        options: the agent that the loop will call, if it is one that gitorch knows, and the bounds.
        lease: how many seconds the loop has before the invocation counts as cut off.
        watch: hears what is done.
    """
    watch = watch or Silent()
    proposal.refuse_inside("begin")
    repository.check_writable()
    if options.agent is None and roster.configured(repository) is None:
        options = options._replace(agent=OWN)
    with stepping(repository):
        clear_way(repository, watch)
        while True:
            ahead = looking.look(repository, options, watch)
            if isinstance(ahead, Step):
                return ahead
            if ahead.needs_agent:
                break
            done = do(repository, ahead, options, watch)
            if done.exit != Exit.OK:
                return done
        job, agent = begin.begin(repository, ahead, options, watch, lease=lease)
        try:
            work.write_prompt(job)
            known = isinstance(agent, Agent) and bool(agent.command)
            command = work.command_line(repository, job, agent) if known and isinstance(agent, Agent) else None
        except GitorchError:  # its command line is out of form
            finishing.abandon(repository, job.invocation)
            raise
        return Handed(job, command, work.variables(job), time.time() + lease)


def take_back(
    repository: Repository,
    *,
    code: int | None = None,
    output: Iterable[bytes] = (),
    report: Report | None = None,
    limits: Limits | None = None,
    watch: Watch | None = None,
) -> Step:
    """End the invocation that is out: its work is checked and recorded as after a step.

    Args:
        repository: where.
        code: the exit code of the agent's program.
        output: what it printed on standard output, piece by piece.
        report: what came of it, in place of its result file.
        limits: the bounds of the workflow.
        watch: hears what is done.

    Raises:
        GitorchError: none is out; it may have been out for too long, and been closed.
    """
    watch = watch or Silent()
    proposal.refuse_inside("finish")
    repository.check_writable()
    with stepping(repository):
        begun = _taken(repository)
        descendants.end(begun.id)
        with writing(repository):
            invocation.mend_torn(repository, begun)
            branch.put_lost_branch_back(repository, begin=begun.begin, branch=begun.branch)
        now = read_state(repository.objects)
        if begun.task is not None and now.states.get(begun.task) != "running":
            recover.recover(repository)
            raise GitorchError(
                f"task {begun.task} was moved by hand meanwhile: the invocation is closed",
                hint="what was done is kept under a rescue ref: see gitorch log",
            )
        then = read_state(repository.objects, begun.begin)  # as the loop was told, whatever was committed since
        task = None
        if begun.task is not None and begun.task in then.states:
            task = read_task(repository.objects, then, begun.task)
        if task is not None:
            trust.check(task)
        said = _said(repository, begun, code, output)
        waits = past_of(repository.objects, task.name).waits if task is not None else 0
        seconds = max(0.0, time.time() - begun.started)
        claimed = claim.read(begun, said, seconds=seconds, waits=waits, told=report)
        return finishing.finish(repository, begun, task, claimed, limits or Limits(), watch)


def _taken(repository: Repository) -> Invocation:
    begun = invocation.load(repository)
    if begun is None or not invocation.is_out(repository, begun):
        if begun is not None and begun.lease is not None:  # it has ended, but was killed before it could forget
            invocation.clear(repository, begun)
        raise GitorchError(
            "no invocation is out", hint="gitorch begin hands one out; one that was out too long has been closed"
        )
    return begun


def _said(repository: Repository, begun: Invocation, code: int | None, output: Iterable[bytes]) -> Said:
    """Read what the agent printed, by its file where the loop has named one."""
    agent = roster.load(repository, begun.agent) if begun.agent in roster.sources(repository) else OWN
    listener = Listener(agent)
    printed = Tail(listener.feed)
    for piece in output:
        printed.add(piece)
    out = printed.bytes()
    ended = Ended(code or 0, out, b"", 0.0, None)
    args = repository.config.get(work.args_key(agent), "")
    return claim.said_by(ended, listener.end(code, out, b""), agent, args)._replace(code=code)
