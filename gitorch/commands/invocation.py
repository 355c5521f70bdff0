"""What `gitorch show` prints about an invocation."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any, Final

from gitorch import output
from gitorch.api import Workflow
from gitorch.core.amounts import plain
from gitorch.core.audit import Invocation
from gitorch.core.audit_json import as_dict
from gitorch.core.record import Record
from gitorch.core.text import clean, one_line
from gitorch.errors import Exit
from gitorch.ledger.invocation import difference

_LINES: Final = 400  # of the difference; --full shows all
_LINE: Final = 500  # characters of one line
_NAMES: Final = 30
STYLES: Final[dict[str | None, str]] = {
    "completed": "green",
    "open": "blue",
    **dict.fromkeys(("blocked", "rate-limited", "unavailable"), "yellow"),
}


def when(time: int) -> str:
    """Write a commit's time as people read it, in their own time zone."""
    return dt.datetime.fromtimestamp(time).astimezone().strftime("%Y-%m-%d %H:%M")


def run(workflow: Workflow, invocation: Invocation, *, full: bool, as_json: bool) -> int:
    """Print a whole invocation, with its diff."""
    patch = difference(workflow.repository, invocation)
    if as_json:
        lines, cut = _bounded(patch, full=full)
        told = {key: value for key, value in as_dict(0, invocation).items() if key != "number"}
        output.document(**told, diff="".join(line + "\n" for line in lines), diff_cut=cut)
        return Exit.OK
    for text in _head(invocation):
        output.say(text)
    end = invocation.end
    if end is not None and end.body:
        output.say()
        for line in end.body.split("\n"):
            output.say(f"    {clean(line)}".rstrip())
    _say_patch(patch, full=full)
    return Exit.OK


def _bounded(lines: Iterator[str], *, full: bool) -> tuple[list[str], bool]:
    if full:
        return list(lines), False
    kept: list[str] = []
    for line in lines:
        if len(kept) == _LINES:
            return kept, True
        kept.append(line if len(line) <= _LINE else line[: _LINE - 1] + "…")
    return kept, any(len(line) == _LINE and line.endswith("…") for line in kept)


def _head(invocation: Invocation) -> Iterator[str]:
    """Yield the lines above the summary and the diff."""
    what = invocation.action or ", ".join(dict.fromkeys(invocation.events))
    again = f", attempt {invocation.attempt}" if (invocation.attempt or 1) > 1 else ""
    outcome = invocation.outcome or ("open" if invocation.ended is None else "")
    title = f"{what} {invocation.task}" if invocation.task is not None else what
    shown = output.paint(outcome, STYLES.get(outcome, "red"))
    yield f"{output.paint(title, 'bold')}{': ' + shown if outcome else ''}{again}"
    for key, value in _rows(invocation):
        if value:
            yield f"{key}: {value}"
    yield from _several("moved", [str(change) for change in invocation.changes])
    yield from _several("commits", invocation.commits)
    yield from _several("files", list(invocation.files))


def _rows(invocation: Invocation) -> Iterator[tuple[str, str | None]]:
    before, after, end = invocation.before, invocation.after, invocation.end
    yield "invocation", invocation.id or {"template": "none: by a template", "hand": "none: by hand"}.get(invocation.by)
    yield "next", clean(before.next) if before is not None else None
    yield "focus", clean(before.focus or "") if before is not None else None
    ended = f" to {when(invocation.ended)}" if invocation.ended is not None else ""
    yield "time", when(invocation.began) + ended
    yield "reason", one_line(invocation.reason or "")
    if end is not None:
        yield from _figures(end)
    if after is not None and invocation.ended is not None:
        yield "then", f"{after.status}: {clean(after.next)}"


def _figures(end: Record) -> Iterator[tuple[str, str | None]]:
    yield "agent", one_line(end.agent or "")
    yield "model", one_line(end.model or "")
    yield "session", one_line(end.session or "")
    yield "duration", output.duration(float(end.duration)) if end.duration is not None else None
    yield "cost", f"{plain(end.cost_usd)} USD" if end.cost_usd is not None else None
    if end.tokens_in is not None or end.tokens_out is not None:
        cached = f" ({end.tokens_cached} cached)" if end.tokens_cached is not None else ""
        known = ("?" if number is None else str(number) for number in (end.tokens_in, end.tokens_out))
        yield "tokens", f"{next(known)} in{cached}, {next(known)} out"
    yield "exit", str(end.exit) if end.exit is not None else None
    yield "question", one_line(end.question or "")
    yield "retry at", end.retry_at
    yield "rescue", end.rescue
    for check in end.checks:
        passed = output.paint("ok", "green") if check.exit == 0 else output.paint(f"exit {check.exit}", "red")
        yield "check", f"{passed}  {clean(check.command)}"


def _several(title: str, values: list[str]) -> Iterable[str]:
    if not values:
        return
    yield f"{title}:"
    for value in values[:_NAMES]:
        yield f"  {one_line(value)}"
    if len(values) > _NAMES:
        yield f"  and {len(values) - _NAMES} more"


def _say_patch(patch: Iterator[str], *, full: bool) -> None:
    """Print the difference as it comes; what could steer a terminal is taken out of it, so colours are ours."""
    for number, line in enumerate(patch):
        if number == 0:
            output.say()
        if not full and number == _LINES:
            output.say(output.paint("the diff is longer: --full shows all of it", "dim"))
            return
        shown = clean(line.replace("\r", "\ufffd"))
        output.say(_painted(shown if full or len(shown) <= _LINE else shown[: _LINE - 1] + "…"))


def _painted(line: str) -> str:
    style: dict[str, Any] = {"+": "green", "-": "red", "@": "cyan", "d": "bold"}
    found = style.get(line[:1])
    return line if found is None else output.paint(line, found)
