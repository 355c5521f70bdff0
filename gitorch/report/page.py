"""Put the page together: one file, its scripts and styles named by their hashes, all else forbidden."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from html import escape
from pathlib import Path
from typing import Final

from gitorch import output
from gitorch.core.amounts import plain
from gitorch.core.audit import Invocation, Sums
from gitorch.core.names import TASK_STATES
from gitorch.errors import GitorchError
from gitorch.git.repository import Repository
from gitorch.report.collect import History, collect
from gitorch.report.links import commit_base
from gitorch.report.safe import shown

MARK: Final = '<meta name="generator" content="gitorch report">'
WITHOUT_SCRIPT: Final = 200  # invocations in the table for readers without JavaScript
_ASSETS: Final = Path(__file__).parent / "assets"
# in this order: each uses what stands before it
_SCRIPTS: Final = (
    *("dom", "format", "model", "layout", "graph", "tree", "charts", "moment", "diff", "detail", "filters"),
    *("timeline", "sums", "theme", "print", "main"),
)
_SIGNS: Final = {"pending": "○", "running": "◐", "completed": "✓", "failed": "✕", "blocked": "■"}


def report(repository: Repository, rev: str = "HEAD", link_base: str | None = None) -> str:
    """Give the page about the history that a revision leads to; the same for the same commit.

    Raises:
        GitorchError: the revision is no commit, nothing is recorded there, or the address is none.
    """
    base = commit_base(repository.config, link_base)
    return render(collect(repository, rev), base)


def render(history: History, base: str | None) -> str:
    """Write a history as a page."""
    style = _asset("style.css")
    script = "".join(_asset(f"js/{name}.js") for name in _SCRIPTS)
    script = f'(() => {{\n"use strict";\n{script}}})();\n'
    diffs = ",".join(f'"{number}":{text}' for number, text in sorted(history.diffs.items()))
    parts = {
        "csp": _policy(style, script),
        "mark": MARK,
        "style": style,
        "script": script,
        "data": history.data,
        "link": escape(base or ""),
        "diffs": f"{{{diffs}}}",
        **_head(history, base),
        "rows": "".join(_row(number, each) for number, each in enumerate(history.invocations[:WITHOUT_SCRIPT], 1)),
        "rows_note": _rows_note(len(history.invocations)),
    }
    # one pass: what is put in is never searched for places again
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], _asset("page.html"))


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _head(history: History, base: str | None) -> Mapping[str, str]:
    state, totals = history.state, history.audit.totals
    try:
        main = state.main_task
    except GitorchError:  # somebody has spoiled it: verify tells
        main = None
    commit = state.commit or ""
    archived = main is None and "archive" in history.invocations[-1].events
    status = main.status if main is not None else "archived" if archived else "unknown"
    without = "The tasks were put away" if archived else "There is no MAIN_TASK"
    name = _name(history.invocations)
    return {
        "title": escape(f"{name} · {status} · gitorch report"),
        "name": escape(name),
        "status": escape(status),
        "status_word": escape(_STATUS_WORDS.get(status, status)),
        "next": _text(main.next if main is not None else without),
        "focus": f'<p class="focus"><span class="key">Focus</span> {_text(main.focus)}</p>'
        if main and main.focus
        else "",
        "commit": _commit(commit, base),
        "time": _time(history.time),
        "first": _time(history.invocations[0].began),
        "last": _time(max(each.ended or each.began for each in history.invocations)),
        "tiles": "".join(f"<div><dt>{label}</dt><dd>{value}</dd></div>" for label, value in _tiles(history, totals)),
        "note": "" if history.agrees else _DISAGREES,
    }


def _name(invocations: Sequence[Invocation]) -> str:
    """Name the workflow: by the task that began it last, else by the first there was."""
    begun = [each.task for each in reversed(invocations) if "start" in each.events and each.task]
    return next(iter(begun), None) or next((each.task for each in invocations if each.task), "workflow")


_STATUS_WORDS: Final = {"continue": "in progress", "completed": "completed", "blocked": "blocked"}
_DISAGREES: Final = (
    '<p class="notice" role="note"><strong>The records do not lead to what the last commit holds.</strong> '
    "States are shown as the records tell them; <code>gitorch verify</code> says more.</p>"
)


def _tiles(history: History, totals: Sums) -> list[tuple[str, str]]:
    states = list(history.state.states.values())
    counts = ((state, states.count(state)) for state in TASK_STATES)
    of_tasks = " · ".join(f"{_SIGNS[state]}\xa0{number:,}\xa0{state}" for state, number in counts if number)
    rest = f"in · {_short(totals.tokens_out)} out · {_short(totals.tokens_cached)} cached"
    tokens = _short(totals.tokens_in) + _small(rest)
    if not totals.tokens_in and not totals.tokens_out:
        tokens = "not known" + _small("no agent told its tokens")
    done = f"{totals.completed:,} completed · {totals.failed:,} failed"
    return [
        ("Invocations", f"{totals.invocations:,}" + _small(done)),
        ("Tasks", f"{len(states):,}" + _small(of_tasks)),
        ("Cost", _cost(totals)),
        ("Tokens", tokens),
        ("Agents&rsquo; time", escape(output.duration(float(totals.seconds))) + _small("sum of all invocations")),
    ]


def _cost(totals: Sums) -> str:
    unknown = f"{totals.unpriced:,} invocation{'s' if totals.unpriced != 1 else ''} of unknown cost"
    if totals.cost_usd is None and totals.unpriced:
        return "unknown" + _small(unknown)
    known = f"{_money(totals.cost_usd or Decimal(0))} USD"
    return known + _small(f"and {unknown}" if totals.unpriced else "every cost is known")


def _money(amount: Decimal) -> str:
    return f"{amount:,.2f}" if amount >= 1 else plain(round(amount, 4))


def _short(number: int) -> str:
    for size, sign, least in ((10**6, "M", 10**6), (10**3, "k", 10**4)):
        if number >= least:
            return f"{number / size:,.1f}\xa0{sign}"
    return f"{number:,}"


def _small(text: str) -> str:
    return f"<small>{text}</small>"


def _text(text: str | None) -> str:
    return f'<bdi dir="auto">{escape(shown(text or ""))}</bdi>'


def _commit(commit: str, base: str | None) -> str:
    code = f"<code>{commit[:12]}</code>"
    if base is None:
        return code
    return f'<a href="{escape(base + commit)}" rel="noopener noreferrer">{code}</a>'


def _time(seconds: int) -> str:
    moment = dt.datetime.fromtimestamp(seconds, dt.timezone.utc)
    return f'<time datetime="{moment:%Y-%m-%dT%H:%M:%SZ}">{moment:%Y-%m-%d %H:%M}</time>'


def _row(number: int, invocation: Invocation) -> str:
    end = invocation.end
    cells = (
        str(number),
        _time(invocation.began),
        escape(invocation.action or invocation.events[0]),
        _text(invocation.task),
        escape(invocation.outcome or ("open" if invocation.ended is None else "")),
        _text(invocation.agent or ("by hand" if invocation.by == "hand" else invocation.by)),
        f"{plain(end.cost_usd)} USD" if end is not None and end.cost_usd is not None else "",
        _text(end.body.partition("\n")[0][:300] if end is not None else ""),
    )
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>\n"


def _rows_note(count: int) -> str:
    return f"The first {WITHOUT_SCRIPT} of {count:,} invocations." if count > WITHOUT_SCRIPT else ""
