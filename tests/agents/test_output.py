"""What is read out of a program's output."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitorch.agents import query, spec
from gitorch.agents.output import Heard, Listener

LINES = """
name: a
description: an agent
command: [a]
output: json-lines
cumulative: {cumulative}
figures:
  text: "[?type=='end'].text"
  cost_usd: "[?type=='end'].cost"
  tokens_in: "[?type=='end'].use.[plain, cached]"
  tokens_cached: "[?type=='end'].use.cached"
  tokens_out: "[?type=='end'].use.out"
  session: "[].session"
  model: "[?type=='end'].keys(models)"
  error: "[?type=='end'].[kind, why]"
  retry_at: "[?type=='limit'].at"
outcomes:
  - {{outcome: rate-limited, when: "[?type=='limit']", exit: [1, 2]}}
  - {{outcome: blocked, says: "^please answer"}}
  - {{outcome: failed, when: "[?type=='end' && bad]"}}
"""
END = {
    "type": "end",
    "text": "done",
    "cost": 0.25,
    "use": {"plain": 10, "cached": 5, "out": 3},
    "models": {"m2": 1, "m1": 2},
}


def hear(*documents: Any, code: int | None = 0, err: bytes = b"", cumulative: bool = False, chunk: int = 7) -> Heard:
    agent = spec.parse(LINES.format(cumulative=str(cumulative).lower()), "a.yaml")
    listener = Listener(agent)
    lines = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in documents]
    data = b"\n".join(lines)
    for at in range(0, len(data), chunk):
        listener.feed(data[at : at + chunk])
    return listener.end(code, data, err)


def test_all_that_is_told_is_found_however_it_is_cut_into_pieces() -> None:
    for chunk in (1, 7, 10_000):
        heard = hear({"type": "begin", "session": "s1"}, END, chunk=chunk)
        assert heard == Heard(
            text="done",
            cost_usd=Decimal("0.25"),
            tokens_in=15,
            tokens_cached=5,
            tokens_out=3,
            session="s1",
            model="m2, m1",
        )


def test_what_is_not_told_is_unknown_and_zero_is_told() -> None:
    assert hear({"type": "begin"}) == Heard()
    assert hear() == Heard()
    assert hear({"type": "end", "cost": 0, "use": {"out": 0}}).cost_usd == 0
    assert hear({"type": "end", "cost": 0, "use": {"out": 0}}).tokens_out == 0


def test_counts_of_several_documents_are_summed_unless_they_are_running_sums() -> None:
    later = {**END, "cost": 1, "text": "more"}
    assert hear(END, later).cost_usd == Decimal("1.25")
    assert hear(END, later, cumulative=True).cost_usd == 1
    assert hear(END, later, cumulative=True).tokens_in == 15
    assert hear(END, {"type": "x"}, cumulative=True).tokens_in == 15
    assert hear(END, later).text == "more"


def test_pieces_of_an_answer_are_joined_until_something_else_comes() -> None:
    text = LINES.format(cumulative="false").replace("text: \"[?type=='end'].text\"", 'text_parts: "[].piece"')
    listener = Listener(spec.parse(text, "a.yaml"))
    for document in ({"piece": "old"}, {"type": "tool"}, {"piece": "ne"}, {"piece": "w"}, {"type": "end"}):
        listener.feed(json.dumps(document).encode() + b"\n")
    assert listener.end(0, b"", b"").text == "new"


@pytest.mark.parametrize(
    "rubbish",
    [
        b"not json",
        b"{",
        b'{"type": "end", "cost": NaN}',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"\xff\xfe\0",
        b'"end"',
        b"null",
        b'{"type": "end", "cost": -1, "use": 7}',
        b'{"type": "end", "cost": true, "use": {"plain": "x"}, "models": [], "text": {"a": []}}',
        b'{"type": "end", "cost": 1e300}',
    ],
)
def test_rubbish_is_passed_over(rubbish: bytes) -> None:
    assert hear(rubbish, END, rubbish, chunk=100_000).text == "done"
    assert hear(rubbish, chunk=100_000).cost_usd is None


def test_a_line_without_end_takes_bounded_memory() -> None:
    listener = Listener(spec.parse(LINES.format(cumulative="false"), "a.yaml"))
    for _ in range(100):
        listener.feed(b"x" * (1 << 20))
    assert len(listener._rest) <= 8 * 1024 * 1024
    listener.feed(b"\n" + json.dumps(END).encode())
    assert listener.end(0, b"", b"").text == "done"


def test_the_first_rule_that_holds_tells_the_outcome() -> None:
    limit = {"type": "limit", "at": 1_800_000_000}
    assert hear(limit, code=1).outcome == "rate-limited"
    assert hear(limit, code=0).outcome is None
    assert hear(limit, {"type": "end", "bad": True}, code=0).outcome == "failed"
    assert hear(END, code=1, err=b"so\nPlease answer me").outcome == "blocked"
    assert hear(END, code=1).outcome is None


@pytest.mark.parametrize(
    ("told", "read"),
    [
        (1_800_000_000, "2027-01-15T08:00:00Z"),
        (1_800_000_000_000, "2027-01-15T08:00:00Z"),
        ("2027-01-15T09:00:00+01:00", "2027-01-15T08:00:00Z"),
        ("2027-01-15T08:00:00Z", "2027-01-15T08:00:00Z"),
        ("soon", None),
        ("nan", None),
        (1e99, None),
        ("0001-01-01T00:00:00", None),
    ],
)
def test_times_are_read_in_the_forms_that_programs_use(told: Any, read: str | None) -> None:
    assert hear({"type": "limit", "at": told}).retry_at == read


def test_one_document_among_other_lines_and_one_at_the_end_of_the_errors() -> None:
    text = LINES.format(cumulative="false").replace("json-lines", "json")
    listener = Listener(spec.parse(text, "a.yaml"))
    out = b"Loading.\n" + json.dumps(END, indent=2).encode() + b"\nbye\n"
    listener.feed(out)
    heard = listener.end(0, out, b"trace\n" + json.dumps({"type": "end", "why": "quota"}, indent=1).encode())
    assert (heard.text, heard.error) == ("done", "quota")


def test_figures_in_text() -> None:
    agent = spec.parse(
        'name: a\ndescription: d\ncommand: [a]\nfigures: {tokens_in: "Tokens: ([\\\\d.,]+[kM]?) sent",'
        ' cost_usd: "Cost: \\\\$([\\\\d.]+)"}\n',
        "a.yaml",
    )
    listener = Listener(agent)
    listener.feed(b"Tokens: 3.1k sent\nCost: $0.0")
    listener.feed(b"1\nTokens: 1,250 sent, Cost: $0.02")
    heard = listener.end(0, b"Cost: $0.02", b"")
    assert (heard.tokens_in, heard.cost_usd) == (4350, Decimal("0.03"))


@given(st.text() | st.floats() | st.integers() | st.booleans() | st.none())
def test_a_number_is_read_or_not_but_never_wrong(value: Any) -> None:
    read = query.number(value)
    assert read is None or (read.is_finite() and read >= 0)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)
    )
)
@pytest.mark.thorough
def test_documents_of_any_shape_do_no_harm(document: Any) -> None:
    hear({"type": "end", **(document if isinstance(document, dict) else {"models": document, "use": document})}, END)
