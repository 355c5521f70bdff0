"""What an invocation claims to have come to, read from all that its agent has said."""

from __future__ import annotations

import datetime as dt
from typing import Final, NamedTuple

from gitorch.agents import report
from gitorch.agents.denials import how_to_allow
from gitorch.agents.output import Heard
from gitorch.agents.process import Ended
from gitorch.agents.report import InvalidReport, Report
from gitorch.agents.spec import Agent
from gitorch.core.record import Check, Outcome
from gitorch.core.task import Task
from gitorch.core.text import one_line, paragraphs, tail
from gitorch.guard.held import redact
from gitorch.loop import proposal
from gitorch.loop.invocation import Invocation
from gitorch.loop.proposal import Proposal

_NOT_STARTED: Final = (126, 127)  # of the shell: not executable, not found
TRY_AGAIN: Final = 75  # EX_TEMPFAIL of sysexits.h
_FIRST_WAIT: Final = 60  # seconds, where the agent does not say when to try again; doubled each time in a row
_LONGEST_WAIT: Final = 3600
_FARTHEST: Final = dt.timedelta(days=7)  # no limit that is known lasts longer


class Claim(NamedTuple):
    """What came of an invocation: at first by the agent's own word, then as gitorch has found it.

    `limited` tells that it was a limit of the workflow's that ended it; `subtasks` is what it has cut its task into.
    """

    outcome: Outcome
    report: Report = Report()
    proposal: Proposal = Proposal()
    exit: int | None = None
    seconds: float = 0.0
    summary: str = ""
    reason: str | None = None
    question: str | None = None
    retry_at: str | None = None
    checks: tuple[Check, ...] = ()
    notes: tuple[str, ...] = ()
    limited: bool = False
    subtasks: tuple[Task, ...] = ()
    hint: str | None = None
    denied: tuple[str, ...] = ()
    allow: str | None = None

    def rejected(self, reason: str, note: str = "") -> Claim:
        """Give the claim as one that gitorch does not accept."""
        notes = (*self.notes, *([note] if note else []))
        return self._replace(outcome="rejected", reason=one_line(redact(reason)), notes=notes, subtasks=())


class Said(NamedTuple):
    """What was said outside of the result file.

    Attributes:
        agent: whose program said it, None where it is not known.
        args: the user's own words for that agent.
        code: the exit code; None where it was ended, or there is none.
        words: what was printed for people.
        complaint: where it would say why it failed.
        heard: what stands in the output by the agent's file.
    """

    code: int | None
    words: str
    complaint: str
    heard: Heard
    agent: Agent | None = None
    args: str = ""


def said_by(ended: Ended, heard: Heard, agent: Agent, args: str = "") -> Said:
    """Sort out what an agent's program has printed."""
    out, err = (redact(part.decode(errors="replace")) for part in (ended.out, ended.err))
    words = out if agent.prints_for_people else redact(heard.text or "")
    complaint = err if err.strip() else words
    code = 0 if ended.stopped == "finished" else ended.code
    return Said(code=code, words=words, complaint=complaint, heard=heard, agent=agent, args=args)


def read(invocation: Invocation, said: Said, *, seconds: float, waits: int = 0, told: Report | None = None) -> Claim:
    """Read what an agent that has ended by itself claims.

    Args:
        invocation: whose result file and proposals to read.
        said: what it has said besides.
        seconds: how long it has run.
        waits: how often in a row it has hit a rate limit just before.
        told: stands in for the result file.
    """
    heard = said.heard
    fault = None
    try:
        told = told or report.read(invocation.result_file) or Report()
    except InvalidReport as error:
        told, fault = Report(), error.message
    claim = Claim(
        outcome="completed",
        report=_merged(heard, told),
        proposal=proposal.read(proposal.file_beside(invocation.result_file)),
        exit=said.code,
        seconds=seconds,
        summary=paragraphs(tail(said.words, 40, 3000)),
    )
    if heard.outcome == "rate-limited" or (heard.outcome is None and said.code == TRY_AGAIN):
        reason = _shortened(heard.error) or _last_line(said.complaint) or "the agent asks to try again later"
        return claim._replace(outcome="rate-limited", reason=reason, retry_at=_retry_at(heard.retry_at, waits))
    claim = _with_denials(claim, said)
    if heard.outcome == "unavailable" or (heard.outcome is None and said.code in _NOT_STARTED):
        return _unavailable(claim, said, waits)
    if fault is not None:
        return claim.rejected(fault)
    return _decide(claim._replace(summary=told.summary or claim.summary, question=told.question), said)


def _unavailable(claim: Claim, said: Said, waits: int) -> Claim:
    """Return the claim of an agent that cannot work at all: for now, or until a person has done something."""
    rule, agent = said.heard.rule, said.agent
    reason = _shortened(said.heard.error) or _last_line(said.complaint) or f"exit {said.code}"
    if rule is not None and rule.temporary:
        retry_at = _retry_at(said.heard.retry_at, waits)
        return claim._replace(outcome="unavailable", reason=reason, retry_at=retry_at)
    hint = rule.hint if rule is not None and rule.hint else None
    if hint is None and agent is not None and agent.command[:2] == ("sh", "-c"):
        hint = f"fix the command: {agent.description}"
    return claim._replace(outcome="unavailable", reason=reason, hint=hint)


def _with_denials(claim: Claim, said: Said) -> Claim:
    """Add what the agent's program was not allowed to do, and the setting that allows it."""
    denied = tuple(map(redact, said.heard.denied))
    if not denied or said.agent is None:
        return claim
    allow = how_to_allow(said.agent, denied, said.args)
    lines = ["Denied tool calls:", "", *(f"- {call}" for call in denied)]
    lines += ["", f"Allow it: {allow}"] if allow is not None else []
    return claim._replace(notes=(*claim.notes, "\n".join(lines)), denied=denied, allow=allow)


def stopped(invocation: Invocation, ended: Ended, said: Said, *, limited: bool) -> Claim:
    """Make the claim of an agent that had to be ended; `limited` tells that the workflow's time was over."""
    try:
        told = report.read(invocation.result_file) or Report()
    except InvalidReport:
        told = Report()
    reasons = {
        "timeout": f"it took longer than its time limit, {ended.seconds:.0f} s",
        "stalled": "it said nothing for too long",
    }
    outcome = ended.stopped if ended.stopped in ("timeout", "stalled") else "interrupted"
    reason = reasons.get(outcome, "stopped by the user")
    if limited and outcome == "timeout":
        outcome, reason = "interrupted", "the time of --max-time was over"
    claim = Claim(
        outcome=outcome,
        report=_merged(said.heard, told),
        seconds=ended.seconds,
        summary=paragraphs(tail(said.words, 40, 3000)),
        reason=reason,
        limited=outcome == "interrupted" and limited,
    )
    return _with_denials(claim, said)


def _merged(heard: Heard, told: Report) -> Report:
    """Put what the program tells before what its model says in the result file."""
    return told._replace(
        cost_usd=told.cost_usd if heard.cost_usd is None else heard.cost_usd,
        tokens_in=told.tokens_in if heard.tokens_in is None else heard.tokens_in,
        tokens_cached=told.tokens_cached if heard.tokens_cached is None else heard.tokens_cached,
        tokens_out=told.tokens_out if heard.tokens_out is None else heard.tokens_out,
        session=heard.session or told.session,
        model=heard.model or told.model,
    )


def _decide(claim: Claim, said: Said) -> Claim:
    states: dict[str | None, Outcome] = {"completed": "completed", "failed": "failed", "blocked": "blocked"}
    told, heard = claim.report, said.heard
    outcome: Outcome = states.get(told.outcome or claim.proposal.state, "completed")
    well = heard.outcome == "completed" or (heard.outcome is None and said.code in (0, None) and not heard.lacks_result)
    if heard.outcome == "blocked":
        outcome = "blocked"
    elif not well and outcome != "blocked":
        outcome = "timeout" if heard.outcome == "timeout" else "failed"
    if outcome == "completed":
        return claim
    if outcome == "blocked":
        asked = told.question or claim.proposal.reason or told.summary or _shortened(heard.error)
        return claim._replace(outcome="blocked", question=one_line(asked or "the agent does not say what it needs"))
    words = claim.proposal.reason or heard.error or ("" if heard.lacks_result else told.summary)
    reason = _shortened(words) or _last_line(said.complaint)
    if heard.lacks_result and not words and said.code in (0, None):
        reason = "its program ended without a result"
    if said.code not in (0, None):
        reason = f"exit {said.code}" + (f": {reason}" if reason else "")
    more = said.complaint.strip() and paragraphs(tail(said.complaint)) not in claim.summary
    if more:
        claim = claim._replace(notes=(*claim.notes, f"The end of its output:\n\n{tail(said.complaint)}"))
    return claim._replace(outcome=outcome, reason=one_line(reason or "it gives no reason", 300))


def _retry_at(told: str | None, waits: int) -> str:
    now = dt.datetime.now(dt.timezone.utc)
    wait = dt.timedelta(seconds=min(_FIRST_WAIT * 2 ** min(waits, 10), _LONGEST_WAIT))
    at = now if told is None else dt.datetime.fromisoformat(told.replace("Z", "+00:00"))
    return f"{min(at, now + _FARTHEST) if at > now else now + wait:%Y-%m-%dT%H:%M:%SZ}"


def _shortened(text: str | None) -> str | None:
    return one_line(redact(text), 300) if text else None


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return one_line(redact(lines[-1]), 300) if lines else ""
