"""The audit as plain values, for JSON; what is unknown is null."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from gitorch.core.audit import Audit, Invocation, Moved, Sums
from gitorch.core.record import Check

Ways = Mapping[str, list[dict[str, Any]]]


def document(
    schema: int, rev: str, found: Iterable[Invocation], tasks: Callable[[Ways], list[dict[str, Any]]] | None = None
) -> Iterator[str]:
    """Give the audit as one JSON document, piece by piece: a long history need not be held in memory.

    Args:
        schema: the version of the document's form.
        rev: the revision it is about, as the user has given it.
        found: the invocations.
        tasks: makes what stands under `tasks` of the tasks' ways; else each has its name and its way.
    """
    audit = Audit()
    yield f'{{"schema": {schema}, "rev": {json.dumps(rev)}, "invocations": ['
    for invocation in found:
        number = audit.add(invocation)
        yield ("" if number == 1 else ",") + "\n" + json.dumps(as_dict(number, invocation))
    ways = {name: [_moved(each) for each in way] for name, way in sorted(audit.ways.items())}
    listed = tasks(ways) if tasks is not None else [{"name": name, "way": way} for name, way in ways.items()]
    yield f'\n], "tasks": {json.dumps(listed)}, "totals": {json.dumps(_totals(audit))}}}\n'


def as_dict(number: int, invocation: Invocation) -> dict[str, Any]:
    """Give an invocation for JSON; what is unknown is null."""
    end, before, after = invocation.end, invocation.before, invocation.after
    return {
        "number": number,
        "invocation": invocation.id,
        "by": invocation.by,
        "events": invocation.events,
        "action": invocation.action,
        "task": invocation.task,
        "attempt": invocation.attempt,
        "next": before.next if before is not None else None,
        "focus": before.focus if before is not None else None,
        "outcome": invocation.outcome,
        "agent": invocation.agent,
        "model": end.model if end is not None else None,
        "session": end.session if end is not None else None,
        "cost_usd": float(end.cost_usd) if end is not None and end.cost_usd is not None else None,
        "tokens_in": end.tokens_in if end is not None else None,
        "tokens_cached": end.tokens_cached if end is not None else None,
        "tokens_out": end.tokens_out if end is not None else None,
        "duration": float(end.duration) if end is not None and end.duration is not None else None,
        "exit": end.exit if end is not None else None,
        "reason": invocation.reason,
        "question": end.question if end is not None else None,
        "retry_at": end.retry_at if end is not None else None,
        "rescue": end.rescue if end is not None else None,
        "check": [_check(check) for check in end.checks] if end is not None else [],
        "summary": end.body or None if end is not None else None,
        "states": [{"name": c.name, "from": c.before, "to": c.after} for c in invocation.changes],
        "began": invocation.began,
        "ended": invocation.ended,
        "commits": invocation.commits,
        "files": list(invocation.files),
        "then": {
            "status": after.status if after is not None else None,
            "next": after.next if after is not None else None,
            "task": after.task if after is not None else None,
            "focus": after.focus if after is not None else None,
        },
    }


def _check(check: Check) -> dict[str, Any]:
    return {"exit": check.exit, "command": check.command}


def _moved(moved: Moved) -> dict[str, Any]:
    change = moved.change
    return {"from": change.before, "to": change.after, "number": moved.invocation, "time": moved.time}


def _sums(sums: Sums) -> dict[str, Any]:
    cost = None if sums.cost_usd is None else float(sums.cost_usd)
    return {**sums.__dict__, "cost_usd": cost, "seconds": float(sums.seconds)}


def _totals(audit: Audit) -> dict[str, Any]:
    return {
        **_sums(audit.totals),
        "by_task": {key: _sums(sums) for key, sums in sorted(audit.by_task.items())},
        "by_agent": {key: _sums(sums) for key, sums in sorted(audit.by_agent.items())},
        "by_action": {key: _sums(sums) for key, sums in sorted(audit.by_action.items())},
    }
