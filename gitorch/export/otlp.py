"""Invocations as OpenTelemetry traces, in the JSON form of OTLP: a trace for each workflow, a span for each invocation.

Ids are made from commit ids, times are those of commits: the same history gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from gitorch.core.audit import Invocation, Sums
from gitorch.core.fold import COMMAND
from gitorch.core.record import ATTEMPTS, PUT_OFF, Record

_SECOND: Final = 1_000_000_000  # in nanoseconds
_INTERNAL: Final = 1  # SPAN_KIND_INTERNAL
_ERROR: Final = 2  # STATUS_CODE_ERROR
_FAILED: Final = ATTEMPTS | PUT_OFF
# what a model's name has in it, and how the conventions call who provides it
_PROVIDERS: Final[Mapping[str, str]] = {
    "claude": "anthropic",
    "gemini": "gcp.gemini",
    "gpt": "openai",
    "deepseek": "deepseek",
    "mistral": "mistral_ai",
    "grok": "x_ai",
}

_Value = str | int | float | bool | Decimal | None


def traces(version: str, found: Iterable[Invocation]) -> Iterator[str]:
    """Give an ExportTraceServiceRequest piece by piece: a long history need not be held in memory."""
    resource = {"attributes": _attributes({"service.name": "gitorch", "service.version": version})}
    scope = {"name": "gitorch", "version": version}
    yield f'{{"resourceSpans": [{{"resource": {json.dumps(resource)}, "scopeSpans": [{{"scope": {json.dumps(scope)}'
    yield ', "spans": ['
    for number, span in enumerate(spans(found)):
        yield ("," if number else "") + "\n" + json.dumps(span)
    yield "\n]}]}]}\n"


def spans(found: Iterable[Invocation]) -> Iterator[dict[str, Any]]:
    """Give the spans; that of a workflow comes after those of its invocations."""
    workflow: _Workflow | None = None
    for invocation in found:
        if workflow is None or "start" in invocation.events:
            if workflow is not None:
                yield workflow.span()
            workflow = _Workflow(invocation)
        yield workflow.add(invocation)
        if "archive" in invocation.events:  # what comes next needs no start
            yield workflow.span()
            workflow = None
    if workflow is not None:
        yield workflow.span()


class _Workflow:
    """A workflow from its start to its archiving, the next start, or the end of the history."""

    def __init__(self, first: Invocation) -> None:
        # a start ends the group of events that it stands in
        self._commit = first.commits[-1] if "start" in first.events else first.commits[0]
        self._trace = _id("trace", self._commit, 16)
        self._root = _id("workflow", self._commit, 8)
        self._began = self._ended = first.began * _SECOND
        self._name = first.changes[-1].name if "start" in first.events and first.changes else first.task
        self._status: str | None = None
        self._sums = Sums()

    def add(self, invocation: Invocation) -> dict[str, Any]:
        """Give an invocation's span."""
        self._status = invocation.after.status if invocation.after is not None else self._status
        self._sums.add(invocation.outcome, invocation.end)
        began, ended = _times(invocation)
        self._began, self._ended = min(self._began, began), max(self._ended, ended)
        end = invocation.end
        name, attributes = _about(invocation)
        span = {
            "traceId": self._trace,
            "spanId": _id("span", invocation.commits[0], 8),
            "parentSpanId": self._root,
            "name": name,
            "kind": _INTERNAL,
            "startTimeUnixNano": str(began),
            "endTimeUnixNano": str(ended),
            "attributes": _attributes(attributes),
        }
        if end is not None and end.checks:
            span["events"] = [
                {
                    "timeUnixNano": str(ended),
                    "name": "gitorch.check",
                    "attributes": _attributes(
                        {"gitorch.check.command": check.command, "gitorch.check.exit_code": check.exit}
                    ),
                }
                for check in end.checks
            ]
        if invocation.outcome in _FAILED:
            span["status"] = {"code": _ERROR, "message": invocation.reason or invocation.outcome}
        return span

    def span(self) -> dict[str, Any]:
        """Give the workflow's own span, once all its invocations are known."""
        sums = self._sums
        attributes: dict[str, _Value] = {
            "gen_ai.operation.name": "invoke_workflow",
            "gen_ai.agent.name": self._name,
            "gitorch.workflow.commit": self._commit,
            "gitorch.workflow.status": self._status,
            "gitorch.workflow.invocations": sums.invocations,
            "gitorch.workflow.failed": sums.failed,
            "gitorch.workflow.cost_usd": sums.cost_usd,
            "gitorch.workflow.unpriced": sums.unpriced,
        }
        return {
            "traceId": self._trace,
            "spanId": self._root,
            "name": " ".join(part for part in ("invoke_workflow", self._name) if part is not None),
            "kind": _INTERNAL,
            "startTimeUnixNano": str(self._began),
            "endTimeUnixNano": str(self._ended),
            "attributes": _attributes(attributes),
        }


def _times(invocation: Invocation) -> tuple[int, int]:
    """Give begin and end in nanoseconds. Commits know whole seconds only, so a run's own time may reach further."""
    began = invocation.began * _SECOND
    ended = (invocation.ended if invocation.ended is not None else invocation.began) * _SECOND
    ran = invocation.end.duration if invocation.end is not None else None
    return began, max(ended, began + int((ran or Decimal(0)) * _SECOND))


def _about(invocation: Invocation) -> tuple[str, dict[str, _Value]]:
    """Give a span's name and attributes."""
    end, before = invocation.end, invocation.before
    about: dict[str, _Value] = {
        "gitorch.invocation": invocation.id,
        "gitorch.by": invocation.by,
        "gitorch.events": ",".join(dict.fromkeys(invocation.events)),
        "gitorch.task": invocation.task,
        "gitorch.action": invocation.action,
        "gitorch.outcome": invocation.outcome,
        "gitorch.attempt": invocation.attempt,
        "gitorch.reason": invocation.reason,
        "gitorch.next": before.next if before is not None else None,
        "gitorch.focus": before.focus if before is not None else None,
        "gitorch.commit": invocation.commits[-1],
        "gitorch.files": len(invocation.files),
        "gitorch.open": True if invocation.ended is None else None,
        "error.type": invocation.outcome if invocation.outcome in _FAILED else None,
    }
    if end is not None:
        about |= {
            "gitorch.question": end.question,
            "gitorch.cost_usd": end.cost_usd,
            "gitorch.duration": end.duration,
            "gitorch.exit_code": end.exit,
        }
    what = invocation.action or invocation.events[0]
    if invocation.by != "step":
        return f"{what} {'by template' if invocation.by == 'template' else 'by hand'}", about
    if end is not None and end.agent == COMMAND:
        return f"{what} by command", about
    about |= _generative(end)
    return " ".join(part for part in ("invoke_agent", invocation.agent) if part is not None), about


def _generative(end: Record | None) -> dict[str, _Value]:
    """Give the attributes that the conventions for generative AI name."""
    about: dict[str, _Value] = {"gen_ai.operation.name": "invoke_agent"}
    if end is not None:
        about |= {
            "gen_ai.provider.name": _provider(end),
            "gen_ai.agent.name": end.agent,
            "gen_ai.conversation.id": end.session,
            "gen_ai.request.model": end.model,
            "gen_ai.response.model": end.model,
            "gen_ai.usage.input_tokens": end.tokens_in,
            "gen_ai.usage.cache_read.input_tokens": end.tokens_cached,
            "gen_ai.usage.output_tokens": end.tokens_out,
        }
    return about


def _provider(end: Record) -> str | None:
    model = (end.model or "").lower()
    return next((name for part, name in _PROVIDERS.items() if part in model), end.agent)


def _attributes(values: Mapping[str, _Value]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in values.items() if value is not None]


def _value(value: _Value) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}  # as all 64-bit numbers in protobuf's JSON
    if isinstance(value, (float, Decimal)):
        return {"doubleValue": float(value)}
    return {"stringValue": value}


def _id(kind: str, commit: str, size: int) -> str:
    """Make an id of so many bytes, in hex; commits of different repositories give different ones."""
    return hashlib.sha256(f"gitorch {kind} {commit}".encode()).hexdigest()[: 2 * size]
