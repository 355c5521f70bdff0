from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitorch.core.text import clean, is_unsafe, one_line, paragraphs, tail

from .strategies import nasty_text

long_text = st.tuples(nasty_text, st.integers(1, 400)).map(lambda pair: pair[0] * pair[1])


@given(nasty_text)
def test_clean_text_holds_only_what_a_terminal_shows(text: str) -> None:
    cleaned = clean(text)
    assert all(char in "\n\t" or not is_unsafe(char) for char in cleaned)
    assert not {unicodedata.category(char) for char in cleaned if char not in "\n\t"} & {"Cc", "Cs", "Zl", "Zp"}
    assert clean(cleaned) == cleaned
    cleaned.encode()


@given(long_text, st.integers(1, 60))
@pytest.mark.thorough
def test_one_line_is_one_bounded_line_and_stays_so(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert len(line) <= limit
    assert len(line.splitlines()) <= 1
    assert line == line.strip()
    assert one_line(line, limit) == line


@given(long_text)
@pytest.mark.thorough
def test_paragraphs_are_bounded_and_stay_so(text: str) -> None:
    body = paragraphs(text)
    assert len(body) <= 8000
    assert body.count("\n") < 120
    assert "\n\n\n" not in body
    assert body == body.strip("\n")
    assert all(line == line.rstrip() for line in body.split("\n"))
    assert paragraphs(body) == body


@pytest.mark.parametrize(
    "text",
    [
        "a" * 7996 + "\t\t\t\t" + "b" * 50,
        "a" * 7995 + "   \n" + "b" * 50,
        "a" * 7999 + "\n" * 50 + "b",
        "a" * 8000,
        "a" * 8001,
        "\n".join("a" * 120),
        "\n".join("a" * 121),
        "\n\n".join("a" * 100),
        "\n" * 500 + "a",
    ],
)
def test_cutting_a_body_twice_cuts_no_more(text: str) -> None:
    assert paragraphs(paragraphs(text)) == paragraphs(text)


def test_a_cut_body_says_so() -> None:
    assert paragraphs("a" * 9000).endswith("aaa\n[cut]")
    assert paragraphs("a\n" * 200).endswith("a\n[cut]")
    assert paragraphs("\n" * 500 + "a") == "a"


@given(long_text)
@pytest.mark.thorough
def test_the_tail_is_bounded(text: str) -> None:
    end = tail(text, lines=3, chars=50)
    assert len(end) <= 50
    assert end.count("\n") < 3
    assert clean(end) == end
