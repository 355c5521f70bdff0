"""`gitorch audit`."""

from __future__ import annotations

import gc
from decimal import Decimal

import gitorch
from gitorch import output
from gitorch.commands.invocation import STYLES, when
from gitorch.core.amounts import plain
from gitorch.core.audit import Audit, Invocation, Sums
from gitorch.core.audit_json import document
from gitorch.core.text import clean, counted
from gitorch.errors import Exit


def run(*, folder: str, rev: str, as_json: bool) -> int:
    """List the invocations in order, with totals."""
    gc.disable()  # nothing here makes circles, and looking for them takes a tenth of a long history's time
    try:
        return _tell(folder, rev, as_json=as_json)
    finally:
        gc.enable()


def _tell(folder: str, rev: str, *, as_json: bool) -> int:
    audit = Audit()
    with gitorch.open(folder) as workflow:
        found = workflow.invocations(*([] if rev == "HEAD" else [rev]))
        if as_json:
            output.pieces(document(output.SCHEMA, rev, found))
            return Exit.OK
        for invocation in found:
            output.say(_line(audit.add(invocation), invocation))
    if not audit.totals.invocations:
        output.note("nothing is recorded here yet")
        return Exit.OK
    for title, sums in (("task", audit.by_task), ("agent", audit.by_agent), ("action", audit.by_action)):
        output.say()
        _table(title, sums, audit.totals if title == "action" else None)
    return Exit.OK


def _line(number: int, invocation: Invocation) -> str:
    end = invocation.end
    figures = []
    if end is not None and end.duration:
        figures.append(output.duration(float(end.duration)))
    if end is not None and end.cost_usd is not None:
        figures.append(f"{plain(end.cost_usd)} USD")
    if end is not None and (end.tokens_in is not None or end.tokens_out is not None):
        figures.append(f"{end.tokens_in or 0}+{end.tokens_out or 0} tokens")
    if invocation.files:
        figures.append(counted(len(invocation.files), "file"))
    what = invocation.action or invocation.events[0]
    who = invocation.agent or {"step": "", "template": "template", "hand": "by hand"}[invocation.by]
    again = f", attempt {invocation.attempt}" if (invocation.attempt or 1) > 1 else ""
    outcome = invocation.outcome or ("open" if invocation.ended is None else "")
    style = STYLES.get(outcome, "red")
    why = invocation.reason or (end.question if end is not None else None)
    focus = invocation.before.focus if invocation.before is not None else None
    parts = [
        f"{number:>4}  {output.paint(when(invocation.began), 'dim')}  {what:<10}  {invocation.task or '-'}",
        f"{output.paint(outcome, style)}{again}" + (f" ({clean(why)})" if why else ""),
        f"[{clean(who)}]" if who else "",
        ", ".join(figures),
        output.paint(f"focus: {focus}", "dim") if focus else "",
    ]
    return "  ".join(part for part in parts if part)


def _table(title: str, by_key: dict[str, Sums], totals: Sums | None) -> None:
    rows = [(clean(key), sums) for key, sums in sorted(by_key.items())]
    if totals is not None:
        rows.append(("all", totals))
    heads = (f"by {title}", "invocations", "completed", "failed", "tokens in", "out", "time", "cost")
    cells = [heads, *((key, *_cells(sums)) for key, sums in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    for number, row in enumerate(cells):
        first, *others = (
            cell.ljust(width) if column in (0, len(heads) - 1) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        text = "  ".join((first, *others)).rstrip()
        output.say(output.paint(text, "bold") if number == 0 else text)


def _cells(sums: Sums) -> tuple[str, ...]:
    cost = "unknown" if sums.cost_usd is None and sums.unpriced else f"{plain(sums.cost_usd or Decimal(0))} USD"
    more = f" and {sums.unpriced} unknown" if sums.unpriced and sums.cost_usd is not None else ""
    counts = (sums.invocations, sums.completed, sums.failed, sums.tokens_in, sums.tokens_out)
    return (*map(str, counts), output.duration(float(sums.seconds)), cost + more)
