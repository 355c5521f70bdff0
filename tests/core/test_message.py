from __future__ import annotations

import contextlib
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitorch.core import message
from gitorch.core.amounts import amount, plain
from gitorch.core.main_task import MainTask
from gitorch.core.message import build, canonical, parse, subject
from gitorch.core.moves import Change
from gitorch.core.names import MAX_NAME
from gitorch.core.record import Check, Record, Totals
from gitorch.core.trailers import InvalidMessage

from .strategies import NASTY, any_text, long_names, nasty_text, records, visible

INVOCATION = "4be1c09a6f0d4c0e9b7a3f52d8c1e6aa"
END = Record(
    event="end",
    subject="gitorch(chip-market-analysis): complete analysis",
    body="Compared five vendors.",
    main_task=MainTask("continue", "Execute chip-market-synthesis subtask", "chip-market-synthesis", "Q4 2024"),
    changes=(Change("chip-market-analysis", "running", "completed"),),
    invocation=INVOCATION,
    action="execute",
    outcome="completed",
    attempt=1,
    exit=0,
    cost_usd=Decimal("0.25"),
    checks=(Check(0, "make test"), Check(-9, "true")),
    totals=Totals(3, Decimal("0.5"), Decimal("12.5"), 0),
)
TEXT = """\
gitorch(chip-market-analysis): complete analysis

Compared five vendors.

Gitorch-Event: end
Gitorch-Status: continue
Gitorch-Next: Execute chip-market-synthesis subtask
Gitorch-Task: chip-market-synthesis
Gitorch-Focus: Q4 2024
Gitorch-State: chip-market-analysis: running -> completed
Gitorch-Invocation: 4be1c09a6f0d4c0e9b7a3f52d8c1e6aa
Gitorch-Action: execute
Gitorch-Outcome: completed
Gitorch-Attempt: 1
Gitorch-Exit: 0
Gitorch-Cost-USD: 0.25
Gitorch-Check: 0 make test
Gitorch-Check: -9 true
Gitorch-Total-Steps: 3
Gitorch-Total-Cost-USD: 0.5
Gitorch-Total-Seconds: 12.5
Gitorch-Idle: 0
"""


def refused(text: str) -> str:
    with pytest.raises(InvalidMessage) as caught:
        parse(text)
    assert caught.value.message.isprintable()
    return caught.value.message


def test_the_form_of_a_message() -> None:
    assert build(END) == TEXT
    assert parse(TEXT) == END


@given(records())
@pytest.mark.thorough
def test_what_is_built_is_read_back(record: Record) -> None:
    text = build(record)
    assert parse(text) == canonical(record)
    text.encode()


@given(records())
@pytest.mark.thorough
def test_canonical_records_stay_as_they_are(record: Record) -> None:
    once = canonical(record)
    assert canonical(once) == once
    assert parse(build(once)) == once


@given(records(), st.sampled_from(NASTY))
@pytest.mark.thorough
def test_a_body_of_nasty_lines_never_forms_or_ends_the_trailers(record: Record, line: str) -> None:
    for body in (line, f"{line}\n\n{line}", f"a\n{line}", f"{line}\na", f"a\n\n{line}\n{line}"):
        text = build(record._replace(body=body))
        assert parse(text) == canonical(record._replace(body=body))
        head, _, block = text.rstrip("\n").rpartition("\n\n")
        assert not any(row.lower().startswith(("gitorch-", "---", "#", "diff -")) for row in head.split("\n"))
        assert all(row.startswith("Gitorch-") for row in block.split("\n"))


@given(
    st.one_of(nasty_text, nasty_text.map(lambda text: f"{TEXT}{text}"), nasty_text.map(lambda text: f"{text}{TEXT}"))
)
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse(text)
    except InvalidMessage as error:
        assert error.message.isprintable()  # noqa: PT017 - the other way is right too


@given(st.integers(0, len(TEXT)), st.integers(0, len(TEXT)), any_text)
def test_a_damaged_record_is_refused_or_says_what_it_says(start: int, end: int, junk: str) -> None:
    text = TEXT[:start] + junk + TEXT[end:]
    try:
        record = parse(text)
    except InvalidMessage:
        return
    if record is not None:
        again = parse(build(record))
        assert again == canonical(record)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "fix a bug",
        "fix a bug\n\nIt was bad.\n\nSigned-off-by: A <a@b>\n",
        "gitorch(x): written by hand",
        "gitorch(x): written by hand\n\nwith a body\n",
        "fix\n\nThe trailer Gitorch-Event: end is read by git.\n",
        "fix\n\n Gitorch-Event: end\n",
        'Revert "gitorch(x): y"\n\nThis reverts commit 0123456.\n',
        "quote a record\n\nGitorch-Event: end\n\nas seen above.\n",
        "Squashed commit\n\n    gitorch(x): y\n\n    Gitorch-Event: end\n",
    ],
)
def test_ordinary_messages_are_no_records(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize("line", TEXT.rpartition("\n\n")[2].strip().split("\n"))
def test_a_doubled_trailer_is_refused_and_named(line: str) -> None:
    key = line.partition(":")[0]
    if key == "Gitorch-Check":
        return
    assert f"{key} stands there twice" in refused(TEXT.replace(line, f"{line}\n{line}"))


def without(key: str) -> str:
    return "".join(row for row in TEXT.splitlines(keepends=True) if not row.startswith(f"Gitorch-{key}:"))


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("Event", "Gitorch-Event is missing"),
        ("Invocation", "a record of end says nothing of its invocation"),
        ("Action", "says nothing of its action"),
        ("Outcome", "says nothing of its outcome"),
        ("Status", "Gitorch-Status and Gitorch-Next belong together"),
        ("Next", "Gitorch-Status and Gitorch-Next belong together"),
        ("Total-Steps", "Gitorch-Total-Steps is missing beside the other totals"),
        ("Total-Seconds", "Gitorch-Total-Seconds is missing"),
        ("Idle", "Gitorch-Idle is missing"),
    ],
)
def test_a_cut_record_is_refused(key: str, problem: str) -> None:
    assert problem in refused(without(key))


def swap(old: str, new: str) -> str:
    assert old in TEXT
    return TEXT.replace(old, new, 1)


BAD = {
    "unknown-trailer": (swap("Gitorch-Exit:", "Gitorch-Exitus:"), "trailer 'Gitorch-Exitus' is unknown"),
    "unknown-event": (swap("Event: end", "Event: stop"), "event 'stop' is unknown"),
    "wrong-case-key": (swap("Gitorch-Exit:", "Gitorch-exit:"), "trailer 'Gitorch-exit' is unknown"),
    "wrong-case-prefix": (swap("Gitorch-Exit:", "gitorch-Exit:"), "'gitorch-Exit: 0' is not of the form"),
    "wrong-case-event": (swap("Event: end", "Event: End"), "event 'End' is unknown"),
    "no-blank": (swap("Exit: 0", "Exit:0"), "'Gitorch-Exit:0' is not of the form"),
    "trailing-blank": (swap("Event: end", "Event: end "), "event 'end ' is unknown"),
    "empty": (swap("Exit: 0", "Exit: "), "Gitorch-Exit: a whole number is wanted, not ''"),
    "out-of-order": (
        swap("Gitorch-Attempt: 1\nGitorch-Exit: 0\n", "Gitorch-Exit: 0\nGitorch-Attempt: 1\n"),
        "the trailers are out of order",
    ),
    "event-not-first": (
        swap("Gitorch-Event: end\nGitorch-Status: continue\n", "Gitorch-Status: continue\nGitorch-Event: end\n"),
        "the trailers are out of order",
    ),
    "continuation": (swap("Exit: 0\n", "Exit: 0\n 1\n"), "goes on with a trailer that has one line only"),
    "no-trailer": (
        swap("Gitorch-Exit: 0\n", "Gitorch-Exit: 0\nplain words\n"),
        "'plain words' among the trailers is none",
    ),
    "stray": (
        swap("Compared", "Gitorch-Event: end\nCompared"),
        "'Gitorch-Event: end' stands outside the last paragraph",
    ),
    "split": (swap("Gitorch-Exit", "\nGitorch-Exit"), "stands outside the last paragraph"),
    "moved": (TEXT + "\nan afterthought\n", "'Gitorch-Event: end' stands outside the last paragraph"),
    "glued": (swap("vendors.\n\n", "vendors.\n"), "line 'Compared five vendors.' among the trailers is none"),
    "crlf": (TEXT.replace("\n", "\r\n"), "stands outside the last paragraph"),
    "glued-subject": ("gitorch(x): y\nGitorch-Event: move\n", "stands outside the last paragraph"),
    "subject-of-two-lines": (swap("analysis\n\nCom", "analysis\nCom"), "not followed by an empty line"),
    "subject-form": (
        swap("gitorch(chip-market-analysis):", "done:"),
        "subject 'done: complete analysis' is not of the form",
    ),
    "subject-long": (swap("complete", "complete" * 8), "is not of the form"),
    "subject-control": (swap("complete", "\x1b[2Jcomplete"), "is not of the form"),
    "subject-empty": (swap(": complete analysis", ": "), "is not of the form"),
    "state-form": (swap("running -> completed", "running → completed"), "is not of the form 'NAME: FROM -> TO'"),
    "state-unknown": (swap("running -> completed", "running -> done"), "is not of the form 'NAME: FROM -> TO'"),
    "state-same": (swap("running -> completed", "running -> running"), "is not of the form 'NAME: FROM -> TO'"),
    "state-none": (swap("running -> completed", "none -> none"), "is not of the form 'NAME: FROM -> TO'"),
    "state-name": (swap("State: chip", "State: Chip"), "is not of the form 'NAME: FROM -> TO'"),
    "state-twice": (
        swap("running -> completed\n", "running -> failed\nGitorch-State: chip-market-analysis: failed -> completed\n"),
        "Gitorch-State stands there twice for chip-market-analysis",
    ),
    "check-form": (swap("0 make test", "make test"), "is not of the form 'EXIT COMMAND'"),
    "check-empty": (swap("0 make test", "0 "), "is not of the form 'EXIT COMMAND'"),
    "invocation": (swap(INVOCATION, INVOCATION.upper()), "32 hex digits is wanted"),
    "invocation-short": (swap(INVOCATION, INVOCATION[1:]), "32 hex digits is wanted"),
    "action": (swap("Action: execute", "Action: run"), "one of decompose, gather"),
    "outcome": (swap("Outcome: completed", "Outcome: done"), "one of completed, failed"),
    "number": (swap("Attempt: 1", "Attempt: 01"), "a whole number is wanted, not '01'"),
    "arabic": (swap("Attempt: 1", "Attempt: \u0661"), "a whole number is wanted"),
    "negative": (swap("Attempt: 1", "Attempt: -1"), "it cannot be negative"),
    "minus-zero": (swap("Exit: 0", "Exit: -0"), "a whole number is wanted"),
    "amount": (swap("Cost-USD: 0.25", "Cost-USD: 0.250"), "a plain decimal number is wanted"),
    "exponent": (swap("Cost-USD: 0.25", "Cost-USD: 1e3"), "a plain decimal number is wanted"),
    "nan": (swap("Cost-USD: 0.25", "Cost-USD: NaN"), "a plain decimal number is wanted"),
    "status": (swap("Status: continue", "Status: done"), "'done' is not a valid STATUS"),
    "next": (swap("Next: Execute", "Next: " + "w " * 15 + "Execute"), "15 are allowed"),
    "task": (swap("Task: chip", "Task: -chip"), "is not a valid task name"),
    "foreign-event": (swap("Event: end", "Event: create"), "does not belong to a record of create"),
}


@pytest.mark.parametrize(("text", "problem"), BAD.values(), ids=BAD.keys())
def test_every_flaw_has_its_message(text: str, problem: str) -> None:
    assert problem in refused(text)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("Gitorch-Retry-At: 2026-13-31T09:30:00Z", "a time like"),
        ("Gitorch-Retry-At: 2026-02-30T09:30:00Z", "a time like"),
        ("Gitorch-Retry-At: 0000-01-01T00:00:00Z", "a time like"),
        ("Gitorch-Retry-At: 2026-01-31T09:30:00+01:00", "a time like"),
        ("Gitorch-Rescue: /etc/passwd", "a ref is wanted"),
        ("Gitorch-Rescue: refs/a b", "a ref is wanted"),
        ("Gitorch-Reason: a\tb", "one clean line is wanted"),
        ("Gitorch-Reason: a\x1bb", "one clean line is wanted"),
        ("Gitorch-Reason: a\u2028b", "one clean line is wanted"),
        ("Gitorch-Reason:  a", "one clean line is wanted"),
        ("Gitorch-Action: execute", "does not belong to a record of move"),
        ("Gitorch-Check: 0 true", "does not belong to a record of move"),
        ("Gitorch-Idle: 0", "does not belong to a record of move"),
    ],
)
def test_every_value_is_checked(line: str, problem: str) -> None:
    assert problem in refused(f"gitorch(a): x\n\nGitorch-Event: move\n{line}\n")


FOREIGN = (
    "Signed-off-by: A U Thor <a@example.com>\n",
    "Change-Id: I0123456789abcdef0123456789abcdef01234567\n",
    "Co-authored-by: B <b@example.com>\nReviewed-by: C\n",
    "(cherry picked from commit 0123456789abcdef0123456789abcdef01234567)\n",
    "Link: https://example.com/a\n  and the rest of it\n",
)


@pytest.mark.parametrize("foreign", FOREIGN)
@pytest.mark.parametrize("place", ["Gitorch-Event", "Gitorch-Exit", ""])
def test_other_peoples_trailers_may_stand_among_ours(foreign: str, place: str) -> None:
    text = swap(place, foreign + place) if place else TEXT + foreign
    assert parse(text) == END


@given(records(), records())
@pytest.mark.thorough
def test_two_records_in_one_message_are_never_one(one: Record, two: Record) -> None:
    first, second = build(one), build(two)
    indented = "".join(f"    {line}".rstrip() + "\n" for line in f"{first}\n{second}".split("\n"))
    for text in (
        f"{first}\n{second}",
        f"{first}{second}",
        f"# This is a combination of 2 commits.\n# The first:\n\n{first}\n# The second:\n\n{second}",
        f"squash\n\n* {first}\n* {second}",
        f"Squashed commit of the following:\n\n{indented}",
        first + second.rpartition("\n\n")[2],
    ):
        with contextlib.suppress(InvalidMessage):
            assert parse(text) is None


@given(long_names | st.none(), nasty_text.filter(visible))
def test_a_subject_is_short_and_keeps_its_form(name: str | None, what: str) -> None:
    line = subject(name, what)
    assert len(line) <= message.MAX_SUBJECT
    assert parse(f"{line}\n\nGitorch-Event: create\n") == Record(event="create", subject=line)


def test_a_long_name_is_cut_in_its_middle() -> None:
    line = subject("n" * (MAX_NAME - 3) + "end", "complete analysis")
    assert len(line) == message.MAX_SUBJECT
    assert line.startswith("gitorch(nnnn")
    assert line.endswith("nend): complete analysis")
    assert subject("a", "b") == "gitorch(a): b"
    assert subject(None, "b") == "gitorch(MAIN_TASK): b"


def test_subtasks_of_a_long_name_have_different_subjects() -> None:
    shown = [
        subject(f"semiconductor-research-of-the-year-2024-{name}", "begin execute, attempt 2")
        for name in ("one", "two")
    ]
    assert shown == [
        "gitorch(semiconductor-rese…-the-year-2024-one): begin execute, attempt 2",
        "gitorch(semiconductor-rese…-the-year-2024-two): begin execute, attempt 2",
    ]


def test_a_long_sentence_is_cut_at_a_word() -> None:
    what = "update: continue, Execute the analysis of the second quarter with the new figures"
    assert subject("a", what) == "gitorch(a): update: continue, Execute the analysis of the second…"
    assert (
        subject("semiconductor-research-data-gathering", what)
        == "gitorch(semiconductor-r…-data-gathering): update: continue, Execute the…"
    )
    assert subject("a", f"update: continue, {'x' * 100}") == f"gitorch(a): update: continue, {'x' * 41}…"


BROKEN = {
    "subject": END._replace(subject="done"),
    "two lines": END._replace(subject="gitorch(a): b\n\nGitorch-Event: end"),
    "nul": END._replace(subject="gitorch(a): b\0"),
    "invocation": END._replace(invocation=None),
    "not of the event": END._replace(event="create"),
    "same state": END._replace(changes=(Change("a", "running", "running"),)),
    "new and gone": END._replace(changes=(Change("a", None, None),)),
    "state twice": END._replace(changes=(Change("a", None, "pending"), Change("a", "pending", "running"))),
    "name": END._replace(changes=(Change("a: none -> pending\nx", None, "pending"),)),
    "next": END._replace(main_task=MainTask("continue", "a\nGitorch-Task: b")),
    "not a number": END._replace(cost_usd=Decimal("NaN")),
    "infinite": END._replace(duration=Decimal("Infinity")),
    "negative": END._replace(tokens_in=-1),
    "too fine": END._replace(cost_usd=Decimal("0.0000001")),
    "empty command": END._replace(checks=(Check(0, " "),)),
    "time": END._replace(retry_at="tomorrow"),
    "ref": END._replace(rescue="refs/a\nb"),
}


@pytest.mark.parametrize("record", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_record_is_never_built(record: Record) -> None:
    with pytest.raises(InvalidMessage):
        build(record)


@given(st.floats() | st.decimals() | any_text)
def test_any_amount_fits_a_trailer_or_is_refused(value: float | Decimal | str) -> None:
    try:
        rounded = amount(value)
    except ValueError:
        return
    assert parse(build(END._replace(cost_usd=rounded))) == END._replace(cost_usd=rounded)
    assert abs(Decimal(str(value)) - rounded) <= Decimal("0.0000005")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (-0.0, "0"), (0.1, "0.1"), (1e-7, "0"), (10, "10"), ("1E+3", "1000"), (0.1234567, "0.123457")],
)
def test_amounts_are_written_plainly(value: float | str, text: str) -> None:
    assert plain(amount(value)) == text


@given(records())
@pytest.mark.thorough
def test_a_record_as_json_has_lower_case_keys_and_no_unknown_figures(record: Record) -> None:
    data = json.loads(json.dumps(message.as_dict(canonical(record)), allow_nan=False))
    assert {"event", "subject", "states", "status", "next", "task", "focus"} <= data.keys()
    assert all(key == key.lower().replace("-", "_") for key in data)
    assert ("cost_usd" in data) is (record.cost_usd is not None)
    assert ("total_cost_usd" in data) is (record.totals is not None and record.totals.cost_usd is not None)
