"""`gitorch log`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

import gitorch
from gitorch import output
from gitorch.api import Workflow
from gitorch.commands.invocation import STYLES, when
from gitorch.core.amounts import plain
from gitorch.core.message import as_dict
from gitorch.core.names import nearest, quote
from gitorch.core.record import ACTIONS, OUTCOMES, Record
from gitorch.core.text import clean
from gitorch.errors import Exit, GitorchError
from gitorch.ledger.log import Filter, Part

_SHOWN: Final = 3  # moves of other tasks that a line tells


def run(
    *,
    folder: str,
    revs: tuple[str, ...],
    task: str | None,
    action: str | None,
    outcome: str | None,
    since: str | None,
    max_count: int | None,
    as_json: bool,
) -> int:
    """List the records."""
    _check("action", action, ACTIONS)
    _check("outcome", outcome, OUTCOMES)
    with gitorch.open(folder) as workflow:
        if task is not None:
            _check_task(workflow, task, revs)
        if not revs and workflow.repository.objects.commit("HEAD") is None:
            return Exit.OK
        wanted = Filter(task=task, action=action, outcome=outcome)
        found = islice(workflow.log(*revs, since=since, wanted=wanted), max_count)
        output.stream(_json_lines(found) if as_json else _lines(found))
    return Exit.OK


def _json_lines(found: Iterable[Part]) -> Iterator[str]:
    for part in found:
        commit, time, record = part.line
        yield json.dumps({"schema": output.SCHEMA, "commit": commit, "time": time, **as_dict(record)})


def _lines(found: Iterable[Part]) -> Iterator[str]:
    gutter = _Gutter()
    for part in found:
        yield f"{output.paint(gutter.of(part.line.record), 'dim')} {' '.join(_words(part))}"


def _check_task(workflow: Workflow, task: str, revs: tuple[str, ...]) -> None:
    """Refuse a task that neither the state nor the history has.

    Raises:
        GitorchError: there is none of that name.
    """
    if task in workflow.state().states or any(
        task in part.names for part in workflow.log(*revs, wanted=Filter(task=task))
    ):
        return
    raise GitorchError(
        f"there is no task {quote(task)} in this history{nearest(task, workflow.state().states)}",
        hint="list the tasks: gitorch list",
        code=Exit.USAGE,
    )


def _check(option: str, value: str | None, known: tuple[str, ...]) -> None:
    if value is not None and value not in known:
        hint = f"one of: {', '.join(known)}"
        raise GitorchError(f"--{option} {quote(value)} is not valid", hint=hint, code=Exit.USAGE)


class _Gutter:
    """Draws a line beside the events of an invocation, newest first: from its end down to its begin."""

    def __init__(self) -> None:
        utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
        self._top, self._side, self._bottom = ("┌", "│", "└") if utf8 else ("/", "|", "\\")
        self._open: set[str] = set()

    def of(self, record: Record) -> str:
        """Return the sign at the start of a record's line."""
        if record.invocation is None:
            return self._side if self._open else " "
        if record.event != "begin":
            self._open.add(record.invocation)
            return self._top
        if record.invocation not in self._open:
            return self._top  # it has not ended yet
        self._open.remove(record.invocation)
        return self._bottom


def _words(part: Part) -> Iterator[str]:
    """Yield the parts of a line: time, event, action, task, outcome, attempt, cost, what moved."""
    commit, time, record = part.line
    yield output.paint(commit[:10], "yellow")
    yield output.paint(when(time), "dim")
    yield record.event
    if part.action is not None and part.action != record.event:
        yield part.action
    if part.task is not None:
        yield output.paint(part.task, "bold")
    if record.outcome is not None:
        yield output.paint(record.outcome, STYLES.get(record.outcome, "red"))
    if record.event in ("begin", "end") and (part.attempt or 1) > 1:
        yield f"attempt {part.attempt}"
    if record.cost_usd is not None:
        yield f"{plain(record.cost_usd)} USD"
    moved = _moved(part)
    if moved:
        yield output.paint(f"({moved})", "dim")
    if record.event == "move" and record.reason is not None:
        yield output.paint(clean(record.reason), "dim")
    if record.event in ("update", "start", "answer") and record.main_task is not None:
        yield output.paint(f"{record.main_task.status}: {clean(record.main_task.next)}", "dim")


def _moved(part: Part) -> str:
    own = [f"{c.before or 'none'} -> {c.after or 'none'}" for c in part.line.record.changes if c.name == part.task]
    others = [str(change) for change in part.line.record.changes if change.name != part.task]
    more = [f"+{len(others) - _SHOWN}"] if len(others) > _SHOWN else []
    return ", ".join([*own, *others[:_SHOWN], *more])
