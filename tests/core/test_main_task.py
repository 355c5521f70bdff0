from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitorch.core import main_task
from gitorch.core.main_task import MainTask
from gitorch.errors import Exit, GitorchError

from .strategies import main_tasks, nasty_text

GOOD = b"STATUS: continue\nNEXT: Execute chip-market-synthesis subtask\nTASK: chip-market-synthesis\nFOCUS: Q4 2024\n"


def test_the_four_lines() -> None:
    assert main_task.parse(GOOD) == MainTask(
        "continue", "Execute chip-market-synthesis subtask", "chip-market-synthesis", "Q4 2024"
    )


@given(main_tasks)
def test_what_is_written_is_read_back(value: MainTask) -> None:
    assert main_task.make(*value) == value
    assert main_task.parse(main_task.format(value).encode()) == value


@given(
    st.one_of(st.binary(max_size=300), nasty_text.map(lambda text: text.encode(errors="replace"))),
    st.integers(0, len(GOOD)),
)
def test_any_bytes_are_read_exactly_or_refused(junk: bytes, place: int) -> None:
    read_exactly_or_refuse(junk)
    read_exactly_or_refuse(GOOD[:place] + junk)
    read_exactly_or_refuse(GOOD[:place] + junk + GOOD[place:])
    read_exactly_or_refuse(b"STATUS: blocked\nNEXT: " + junk + b"\n")


def read_exactly_or_refuse(content: bytes) -> None:
    try:
        value = main_task.parse(content)
    except GitorchError as error:
        assert error.message.isprintable()  # noqa: PT017 - the other way is right too
        assert error.message.startswith(".tasks/MAIN_TASK:")  # noqa: PT017
    else:
        assert main_task.format(value).encode() == content


NEXT = b"STATUS: continue\nNEXT: "
BAD = {
    "rubbish": (b"\x80\xff\0", "byte 1 is not UTF-8 text"),
    "binary": (b"\0\1\2\n", ":1: '\\x00\\x01\\x02' is none of STATUS"),
    "huge": (b"x" * 10_000_000, "the file has 10000000 bytes, it must stay under 400"),
    "empty": (b"", "the file is empty"),
    "blank": (b"\n", ":1: '' is none of STATUS"),
    "crlf": (GOOD.replace(b"\n", b"\r\n"), ":1: line ends are CRLF"),
    "crlf-later": (GOOD.replace(b"subtask\n", b"subtask\r\n"), ":2: line ends are CRLF"),
    "doubled": (b"STATUS: continue\nNEXT: a\nNEXT: b\n", ":3: NEXT stands there twice"),
    "order": (b"NEXT: a\nSTATUS: continue\n", ":2: STATUS stands out of order"),
    "focus-before-task": (NEXT + b"a\nFOCUS: b\nTASK: c\n", ":4: TASK stands out of order"),
    "words": (NEXT + b"w " * 15 + b"w\n", "it has 16 words, 15 are allowed"),
    "bytes": (NEXT + b"w" * 121 + b"\n", "it has 121 bytes, 120 are allowed"),
    "wide": (NEXT + "日".encode() * 41 + b"\n", "it has 123 bytes, 120 are allowed"),
    "status": (b"STATUS: done\nNEXT: a\n", ":1: STATUS 'done': one of continue, completed, blocked is wanted"),
    "no-next": (b"STATUS: continue\n", "NEXT is missing"),
    "no-status": (b"NEXT: a\n", "STATUS is missing"),
    "empty-next": (NEXT + b"\n", ":2: NEXT '': it is empty"),
    "no-line-end": (GOOD[:-1], "the last line has no line end"),
    "line-separator": (NEXT + "a\u2028b\n".encode(), "line breaks or control characters"),
    "next-line": (NEXT + "a\x85b\n".encode(), "line breaks or control characters"),
    "escape": (NEXT + b"a\x1b[31mb\n", "line breaks or control characters"),
    "bidi": (NEXT + "a\u202eb\n".encode(), "line breaks or control characters"),
    "leading-blank": (NEXT + b" a\n", "it begins or ends with a blank"),
    "trailing-blank": (NEXT + b"a \n", "it begins or ends with a blank"),
    "no-break-space": (NEXT + "a\xa0\n".encode(), "it begins or ends with a blank"),
    "indented-key": (b" STATUS: continue\nNEXT: a\n", ":1: ' STATUS: continue' is none of STATUS"),
    "no-blank": (b"STATUS:continue\nNEXT: a\n", ":1: 'STATUS:continue' is none of STATUS"),
    "lower-case": (b"status: continue\nNEXT: a\n", ":1: 'status: continue' is none of STATUS"),
    "bom": (b"\xef\xbb\xbf" + GOOD, ":1: '\\ufeffSTATUS: continue' is none of STATUS"),
    "unknown": (GOOD + b"NOTE: x\n", ":5: 'NOTE: x' is none of STATUS"),
    "empty-line": (GOOD + b"\n", ":5: '' is none of STATUS"),
    "task": (NEXT + b"a\nTASK: A b\n", ":3: TASK 'A b': use a-z"),
    "reserved-task": (NEXT + b"a\nTASK: templates\n", "the name is reserved"),
    "empty-focus": (NEXT + b"a\nFOCUS: \n", ":3: FOCUS '': it is empty"),
}


@pytest.mark.parametrize(("content", "problem"), BAD.values(), ids=BAD.keys())
def test_every_rule_has_its_message(content: bytes, problem: str) -> None:
    with pytest.raises(GitorchError) as caught:
        main_task.parse(content)
    assert problem in caught.value.message
    assert caught.value.message.startswith(".tasks/MAIN_TASK:")
    assert caught.value.message.isprintable()
    assert caught.value.hint


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (("done", "a"), "'done' is not a valid STATUS"),
        (("continue", ""), "NEXT '': it is empty"),
        (("continue", "a\nb"), "NEXT 'a\\nb': it has line breaks"),
        (("continue", "\ud800"), "line breaks or control characters"),
        (("continue", "a", "A"), "'A' is not a valid task name"),
        (("continue", "a", None, " b"), "FOCUS ' b': it begins or ends with a blank"),
        (("continue", "a", None, ""), "FOCUS '': it is empty"),
    ],
)
def test_make_refuses_as_wrong_usage(values: tuple[str, ...], problem: str) -> None:
    with pytest.raises(GitorchError) as caught:
        main_task.make(*values)
    assert problem in caught.value.message
    assert caught.value.code is Exit.USAGE


def test_the_longest_file_stays_under_400_bytes() -> None:
    longest = MainTask("completed", "n" * 120, "t" * 100, "ü" * 60)
    content = main_task.format(longest).encode()
    assert len(content) < main_task.MAX_FILE
    assert main_task.parse(content) == longest


@given(nasty_text, st.integers(1, 30))
def test_shortened_text_is_a_good_sentence_or_none(text: str, times: int) -> None:
    for long in (text, text * times):
        short = main_task.shorten(long)
        assert short is None or main_task.sentence_problem(short) is None


@given(main_tasks)
def test_a_plain_sentence_is_not_shortened(value: MainTask) -> None:
    short = main_task.shorten(value.next)
    if value.next.isascii() and "  " not in value.next:
        assert short == value.next


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("", None),
        (" \n\t\0\u2028", None),
        ("a\nb", "a b"),
        ("w " * 16, "w " * 14 + "w…"),
        ("x" * 121, "x" * 117 + "…"),
        ("日" * 41, "日" * 39 + "…"),
        ("x" * 119 + " y", "x" * 117 + "…"),
    ],
)
def test_shorten(text: str, short: str | None) -> None:
    assert main_task.shorten(text) == short
