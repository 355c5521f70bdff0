"""Start whatever does an invocation's work, an agent or a command, and hear what it has to say."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from gitorch.agents import process, report
from gitorch.agents.process import Ended
from gitorch.agents.report import InvalidReport, Report
from gitorch.agents.spec import Agent
from gitorch.core.message import Check, Outcome, Totals
from gitorch.core.names import task_dir, task_path
from gitorch.core.plan import Plan
from gitorch.core.task import Task
from gitorch.core.text import one_line, paragraphs, tail
from gitorch.git.repository import Repository
from gitorch.loop import environment, proposal
from gitorch.loop.invocation import Invocation
from gitorch.loop.proposal import Proposal

DEFAULT_TIMEOUT: Final = 3600  # seconds
_CHECK_TIMEOUT: Final = 900  # seconds
_TRY_AGAIN: Final = 75
_RETRY_AFTER: Final = 60  # seconds, where the agent does not say


class Watch(Protocol):
    """Somebody who looks on while a step runs, and may stop it."""

    def began(self, plan: Plan, agent: str, attempt: int | None, totals: Totals) -> None:
        """Hear that an invocation has begun, and the sums before it."""

    def tick(self, seconds: float) -> bool:
        """Hear that it still runs; give True to have the agent stopped."""

    def note(self, text: str) -> None:
        """Hear something that the user should know."""


class Silent:
    """Looks on, and says nothing."""

    def began(self, plan: Plan, agent: str, attempt: int | None, totals: Totals) -> None:
        """Hear that an invocation has begun, and the sums before it."""

    def tick(self, seconds: float) -> bool:  # noqa: ARG002 - the protocol's
        """Never stop the agent."""
        return False

    def note(self, text: str) -> None:
        """Hear something that the user should know."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What came of an invocation: at first by the agent's own word, then as gitorch has found it."""

    outcome: Outcome
    report: Report = field(default_factory=Report)
    proposal: Proposal = field(default_factory=Proposal)
    exit: int | None = None
    seconds: float = 0.0
    summary: str = ""
    reason: str | None = None
    question: str | None = None
    retry_at: str | None = None
    checks: tuple[Check, ...] = ()
    notes: tuple[str, ...] = ()

    def rejected(self, reason: str, note: str = "") -> Claim:
        """Give the claim as one that gitorch does not accept."""
        return replace(
            self, outcome="rejected", reason=one_line(reason), notes=(*self.notes, *([note] if note else []))
        )


def perform(
    repository: Repository,
    invocation: Invocation,
    task: Task | None,
    agent: Agent,
    prompt: str,
    focus: str | None,
    watch: Watch,
) -> Claim:
    """Run the agent, or the task's own command, and read what it claims."""
    invocation.prompt_file.write_text(prompt, encoding="utf-8", errors="replace")
    env = environment.variables(
        invocation.plan, task, invocation=invocation.id, focus=focus, files=_files(invocation, task)
    )
    timeout = task.timeout if task is not None and task.timeout is not None else DEFAULT_TIMEOUT
    if task is not None and task.run is not None and not invocation.aside:
        base = environment.without_credentials(environment.outer(), task.env)
        ended = _start(repository, ("sh", "-c", task.run), {**base, **env}, timeout, watch)
    else:
        as_argument = agent.prompt == "argument"
        command = (*agent.command, prompt) if as_argument else agent.command
        stdin = None if as_argument else invocation.prompt_file
        base = environment.outer()
        ended = process.run(
            command, cwd=repository.root, env={**base, **env}, stdin=stdin, timeout=timeout, should_stop=watch.tick
        )
    return _read(invocation, ended)


def _start(repository: Repository, command: Sequence[str], env: dict[str, str], timeout: float, watch: Watch) -> Ended:
    return process.run(command, cwd=repository.root, env=env, timeout=timeout, should_stop=watch.tick)


def _files(invocation: Invocation, task: Task | None) -> dict[str, str]:
    files = {"GITORCH_PROMPT_FILE": str(invocation.prompt_file), "GITORCH_RESULT": str(invocation.result_file)}
    if task is not None:
        files["GITORCH_TASK_FILE"] = task_path(task.name, "running")
        files["GITORCH_TASK_DIR"] = task_dir(task.name)
        files["GITORCH_NEEDS"] = "\n".join(task_dir(need) for need in task.needs)
    return files


def _read(invocation: Invocation, ended: Ended) -> Claim:
    proposed = proposal.read(proposal.file_beside(invocation.result_file))
    said = ended.out.decode(errors="replace")
    complaint = ended.err.decode(errors="replace")
    claim = Claim(
        outcome="completed",
        proposal=proposed,
        exit=ended.code,
        seconds=ended.seconds,
        summary=paragraphs(tail(said, 40, 3000)),
    )
    if ended.stopped is not None:
        reasons = {
            "timeout": f"it took longer than its time limit, {ended.seconds:.0f} s",
            "stalled": "it said nothing for too long",
        }
        return replace(
            claim, outcome=ended.stopped, exit=None, reason=reasons.get(ended.stopped, "stopped by the user")
        )
    try:
        told = report.read(invocation.result_file) or Report()
    except InvalidReport as error:
        return claim.rejected(error.message)
    claim = replace(claim, report=told, summary=told.summary or claim.summary, question=told.question)
    if ended.code == _TRY_AGAIN:
        at = dt.datetime.now(dt.timezone.utc) + dt.timedelta(seconds=_RETRY_AFTER)
        last = _last_line(complaint or said) or "the agent asks to try again later"
        return replace(claim, outcome="rate-limited", reason=last, retry_at=at.strftime("%Y-%m-%dT%H:%M:%SZ"))
    return _decide(claim, told, proposed, complaint or said)


def _decide(claim: Claim, told: Report, proposed: Proposal, complaint: str) -> Claim:
    states: dict[str | None, Outcome] = {"completed": "completed", "failed": "failed", "blocked": "blocked"}
    outcome = states.get(told.outcome or proposed.state, "completed")
    if claim.exit != 0 and outcome != "blocked":
        outcome = "failed"
    if outcome == "completed":
        return claim
    if outcome == "blocked":
        question = told.question or proposed.reason or told.summary or "the agent does not say what it needs"
        return replace(claim, outcome="blocked", question=one_line(question))
    reason = proposed.reason or (one_line(told.summary) if told.summary else None) or _last_line(complaint)
    if claim.exit != 0:
        reason = f"exit {claim.exit}" + (f": {reason}" if reason else "")
    note = f"The end of its output:\n\n{tail(complaint)}" if complaint.strip() else ""
    return replace(
        claim, outcome="failed", reason=one_line(reason or "it gives no reason", 300), notes=(note,) if note else ()
    )


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return one_line(lines[-1], 300) if lines else ""


def run_checks(repository: Repository, invocation: Invocation, task: Task, watch: Watch) -> tuple[list[Check], str]:
    """Run a task's gates until one fails; gives what came of them, and what the failing one said."""
    base = environment.without_credentials(environment.outer(), task.env)
    env = environment.variables(
        invocation.plan, task, invocation=invocation.id, focus=None, files=_files(invocation, task)
    )
    done: list[Check] = []
    for command in task.check:
        ended = _start(repository, ("sh", "-c", command), {**base, **env}, _CHECK_TIMEOUT, watch)
        code = ended.code if ended.stopped is None else -1
        done.append(Check(code, one_line(command)))
        if code != 0:
            return done, tail((ended.out + b"\n" + ended.err).decode(errors="replace"))
    return done, ""


def run_hook(repository: Repository, hook: str, *, index: str, watch: Watch) -> tuple[int, str]:
    """Run one of the repository's own hooks on an index; gives its exit code and the end of what it said."""
    env = {**environment.outer(), "GIT_INDEX_FILE": index, "GIT_EDITOR": ":"}
    ended = process.run((hook,), cwd=repository.root, env=env, timeout=_CHECK_TIMEOUT, should_stop=watch.tick)
    return ended.code if ended.stopped is None else -1, tail((ended.out + b"\n" + ended.err).decode(errors="replace"))


def hook_path(repository: Repository, name: str) -> str | None:
    """Find a hook of the repository's, wherever its configuration puts them; None where there is none to run."""
    path = os.path.join(repository.root, repository.git.line("rev-parse", "--git-path", f"hooks/{name}"))  # noqa: PTH118
    return path if os.path.isfile(path) and os.access(path, os.X_OK) else None  # noqa: PTH113 - a string all along
