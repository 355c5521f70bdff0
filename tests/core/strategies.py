"""Hypothesis strategies that the core's tests share, and the profile they run under."""

from __future__ import annotations

import os
import string
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from gitorch.core import names
from gitorch.core.main_task import STATUSES, MainTask, sentence_problem
from gitorch.core.message import subject
from gitorch.core.moves import Change
from gitorch.core.names import TASK_STATES, TaskState, name_problem
from gitorch.core.outline import KINDS
from gitorch.core.record import ACTIONS, EVENTS, OUTCOMES, Again, Check, Event, Record, Totals
from gitorch.core.task import Task, output_problem

settings.register_profile(
    "quick", max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
settings.register_profile(
    "thorough", max_examples=3000, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

NASTY = (
    "Gitorch-Event: end",
    "gitorch-event: end",
    " Gitorch-State: a: none -> pending",
    "Signed-off-by: A U Thor <a@example.com>",
    "(cherry picked from commit 0123456789)",
    "---",
    " ---",
    "--- ",
    "#",
    "# comment",
    "diff --git a/x b/x",
    "Index: x",
    "key=value",
    "key: value",
    "\r",
    "\r\n",
    "\x00",
    "\x1b[31m",
    "\x85",
    "\u2028",
    "\u2029",
    "\u202e",
    "\ud800",
    "\udcff",
    "\ufeff",
    "\xa0",
    "\t",
    "\n",
    "\n\n",
    "\n\n\n",
    " ",
    "",
    "日本語",
    "🧑‍🚀",
    "x" * 130,
    "word " * 20,
)

any_text = st.text(st.characters(), max_size=60)
"""Any Unicode, lone surrogates too."""

nasty_text = st.one_of(
    any_text,
    st.lists(st.one_of(st.sampled_from(NASTY), any_text), max_size=8).map("\n".join),
    st.lists(st.one_of(st.sampled_from(NASTY), any_text), max_size=8).map("".join),
)
"""Text that tries to be something else: trailers, dividers, comments, control characters."""

file_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
"""Any Unicode that a file in UTF-8 can hold."""

task_names = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True).filter(lambda name: name_problem(name) is None)
long_names = st.one_of(task_names, task_names.map(lambda name: (name + "a" * names.MAX_NAME)[: names.MAX_NAME]))
states = st.sampled_from(TASK_STATES)
sentences = st.one_of(
    st.text(st.sampled_from(string.ascii_letters + " :#-é日🧑'\""), min_size=1, max_size=100),
    st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=40),
).filter(lambda text: sentence_problem(text) is None)
main_tasks: st.SearchStrategy[MainTask] = st.builds(
    MainTask, st.sampled_from(STATUSES), sentences, st.none() | long_names, st.none() | sentences
)


@st.composite
def changes(draw: st.DrawFn) -> Change:
    before, after = draw(st.lists(st.sampled_from([None, *TASK_STATES]), min_size=2, max_size=2, unique=True))
    return Change(draw(long_names), before, after)


@st.composite
def families(draw: st.DrawFn) -> tuple[dict[str, TaskState], dict[str, str | None]]:
    """Draw states of some tasks and any parents at all: circles, missing ones and tasks that are their own."""
    known = draw(st.lists(st.sampled_from("abcdefg"), min_size=1, unique=True))
    parents = {name: draw(st.none() | st.sampled_from([*known, "missing"])) for name in known}
    return {name: draw(states) for name in known}, parents


def visible(text: str) -> bool:
    return bool(text.strip())


counts = st.integers(0, 10**18 - 1)
amounts = st.one_of(
    st.decimals(0, 10**10, allow_nan=False, allow_infinity=False, places=6),
    st.sampled_from([Decimal(0), Decimal("0.10"), Decimal("1E+3"), Decimal("0.000001"), Decimal("5.00")]),
)
_hex = st.text("0123456789abcdef", min_size=32, max_size=32)
_times = st.datetimes().map(lambda when: when.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0"))
_refs = st.text(string.ascii_letters + string.digits + "/-", min_size=1).map(lambda text: "refs/" + text)
_lines = nasty_text
_again = st.builds(Again, task_names, st.integers(1, 99), st.integers(0, 99), st.booleans())
_totals = st.builds(
    Totals,
    counts,
    st.none() | amounts,
    amounts,
    counts,
    counts,
    st.lists(_again, max_size=3, unique_by=lambda each: each.name).map(tuple),
)
_checks = st.lists(st.builds(Check, st.integers(-255, 255), nasty_text.filter(visible)), max_size=3).map(tuple)
_on: dict[str, tuple[tuple[Event, ...], st.SearchStrategy[Any]]] = {
    "invocation": (("begin", "end", "recover"), _hex),
    "action": (("begin", "end"), st.sampled_from(ACTIONS)),
    "outcome": (("end", "recover"), st.sampled_from(OUTCOMES)),
    "attempt": (("begin", "end"), counts),
    "agent": (("end", "recover"), _lines),
    "model": (("end",), _lines),
    "session": (("end",), _lines),
    "exit": (("end",), st.integers(-255, 255)),
    "duration": (("end",), amounts),
    "cost_usd": (("end",), amounts),
    "tokens_in": (("end",), counts),
    "tokens_cached": (("end",), counts),
    "tokens_out": (("end",), counts),
    "checks": (("end",), _checks),
    "reason": (("end", "recover", "move"), _lines),
    "question": (("end", "recover", "move"), _lines),
    "retry_at": (("end", "recover", "move"), _times),
    "rescue": (("end", "recover", "move"), _refs),
    "totals": (("end", "decompose", "recover", "merge"), _totals),
}
_required: dict[str, tuple[str, ...]] = {
    "begin": ("invocation", "action"),
    "end": ("invocation", "action", "outcome", "totals"),
    "recover": ("invocation", "outcome", "totals"),
}


@st.composite
def records(draw: st.DrawFn) -> Record:
    """Draw a record of any event with any of the values that belong to it."""
    event: Event = draw(st.sampled_from(EVENTS))
    values: dict[str, Any] = {}
    for attribute, (events, strategy) in _on.items():
        if event in events and (attribute in _required.get(event, ()) or draw(st.booleans())):
            values[attribute] = draw(strategy)
    what = draw(nasty_text.filter(visible))
    return Record(
        event=event,
        subject=subject(draw(st.none() | long_names), what),
        body=draw(nasty_text),
        main_task=draw(st.none() | main_tasks),
        changes=tuple(draw(st.lists(changes(), max_size=4, unique_by=lambda change: change.name))),
        **values,
    )


_words = file_text.filter(lambda text: "\0" not in text)
_parameters = st.dictionaries(
    st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True), _words | st.lists(_words, max_size=3).map(tuple), max_size=3
)
_outputs = st.one_of(_words, st.sampled_from(["a.md", "a/b.md", "ü ä.md", "[x].md"])).filter(
    lambda path: output_problem(path) is None
)


@st.composite
def tasks(draw: st.DrawFn) -> Task:
    """Draw any task that a file can hold."""
    name = draw(long_names)
    other = long_names.filter(lambda text: text != name)
    return Task(
        name=name,
        parent=draw(st.none() | other),
        needs=tuple(draw(st.lists(other, max_size=3))),
        order=draw(st.integers(0, 999_999_999)),
        kind=draw(st.sampled_from(KINDS)),
        template=draw(st.none() | task_names),
        parameters=draw(_parameters),
        focus=draw(st.none() | sentences),
        outputs=tuple(draw(st.lists(_outputs, max_size=3))),
        run=draw(st.none() | _words),
        check=tuple(draw(st.lists(_words, max_size=3))),
        agent=draw(st.none() | _words),
        model=draw(st.none() | _words),
        timeout=draw(st.none() | st.integers(1, 99_999_999)),
        retries=draw(st.none() | st.integers(0, 999)),
        env=tuple(draw(st.lists(st.sampled_from(["TOKEN", "A_1"]), max_size=2))),
        touches=tuple(draw(st.lists(st.sampled_from(["src/**", "*.md", "docs/", "ü [a].py"]), max_size=2))),
        description=draw(file_text).strip().replace("\r\n", "\n"),
    )
