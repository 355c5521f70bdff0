"""Plain records are read by a way of their own, which is faster and reads nothing that the other would not."""

from __future__ import annotations

import random
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitorch.core import plain
from gitorch.core.message import build, canonical, parse
from gitorch.core.record import Record
from gitorch.core.trailers import InvalidMessage

from .strategies import any_text, records
from .test_message import BAD, TEXT


def read(text: str) -> Record | str | None:
    try:
        return parse(text)
    except InvalidMessage as error:
        return error.message


def read_slowly(text: str) -> Record | str | None:
    with mock.patch.object(plain, "read", return_value=None):
        return read(text)


@given(records())
@pytest.mark.thorough
def test_what_is_built_is_plain(record: Record) -> None:
    text = build(record)
    block = text.rstrip("\n").rpartition("\n\n")[2]
    assert plain.read(block) is not None
    assert parse(text) == canonical(record) == read_slowly(text)


@given(records(), st.data(), any_text)
@pytest.mark.thorough
def test_a_damaged_record_is_read_the_same_both_ways(record: Record, data: st.DataObject, junk: str) -> None:
    text = build(record)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 9)))
    damaged = text[:start] + junk + text[end:]
    assert read(damaged) == read_slowly(damaged)


@given(records(), st.randoms(use_true_random=False))
@pytest.mark.thorough
def test_lines_put_elsewhere_are_read_the_same_both_ways(record: Record, chance: random.Random) -> None:
    lines = build(record).split("\n")
    lines.insert(chance.randrange(len(lines)), chance.choice([*lines, *TEXT.split("\n")]))
    lines.pop(chance.randrange(len(lines)))
    text = "\n".join(lines)
    assert read(text) == read_slowly(text)


def test_every_flaw_is_told_the_same_both_ways() -> None:
    for text, _ in BAD.values():
        assert read(text) == read_slowly(text)
