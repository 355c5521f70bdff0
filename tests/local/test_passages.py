from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitorch.errors import GitorchError
from gitorch.local import citations
from gitorch.local.passages import Index, passage_at, rank, split
from gitorch.local.words import stem, terms


def lines_of(data: bytes) -> list[str]:
    return data.decode("utf-8-sig", errors="replace").split("\n")


CODE = b"".join(b"def function_%d():\n    first = %d\n\n    return first\n\n\n" % (n, n) for n in range(40))


def test_the_best_passage_comes_first_with_its_lines_and_words() -> None:
    files = [
        ("a.md", b"# Kettle\n\nNothing about heat.\n"),
        ("b.md", b"intro\n\n# Valves\n\nThe valve opens below the target temperature.\n"),
    ]
    best = rank(files, "When does the valve open?", 5)[0]
    assert (best.path, best.first, best.last) == ("b.md", 3, 5)
    assert best.text == "# Valves\n\nThe valve opens below the target temperature."
    assert best.terms == ("valve", "open")


def test_identifiers_are_taken_apart() -> None:
    files = [("a.py", b"def readMainTask(): ...\n"), ("b.py", b"def write_log(): ...\n")]
    assert [passage.path for passage in rank(files, "read main", 5)] == ["a.py"]
    assert [passage.path for passage in rank(files, "writeLog", 5)] == ["b.py"]


def test_a_word_in_the_path_counts() -> None:
    files = [("src/scheduler.c", b"int x;\n"), ("src/y.c", b"int y;\n")]
    assert [passage.path for passage in rank(files, "scheduler", 5)] == ["src/scheduler.c"]


def test_near_duplicates_and_too_many_of_one_file_are_left_out() -> None:
    same = [(f"v{n}.txt", b"install version %d of the kettle with the usual tools\n" % n) for n in range(9)]
    assert len(rank(same, "install kettle", 10)) == 1
    found = rank([("code.py", CODE)], "function first", 10, per_file=2)
    assert len(found) <= 2


def test_the_order_does_not_depend_on_the_order_of_files() -> None:
    files = [(f"f{n}.py", CODE.replace(b"first", b"first%d" % (n % 3))) for n in range(6)]
    assert rank(files, "function return first", 9) == rank(files[::-1], "function return first", 9)


def test_nothing_to_find_is_no_error() -> None:
    assert rank([], "valve", 5) == []
    assert rank([("a", b"")], "valve", 5) == []
    assert rank([("a", b"valve")], "", 5) == []
    assert rank([("a", b"valve")], 'the "of" AND ( NEAR * ^', 5) == []


def test_long_lines_are_cut_and_control_characters_replaced() -> None:
    (passage,) = rank([("a", b"valve \x1b[31m " + b"x" * 5000 + b"\n")], "valve", 5)
    assert len(passage.text) == 400
    assert passage.text.endswith("…")
    assert "\x1b" not in passage.text


def test_split_covers_every_line_that_says_something_once() -> None:
    data = CODE + b"\n" * 3 + b"x\n" * 200
    seen = [number for each in split("f", data) for number in range(each.first, each.last + 1)]
    assert sorted(set(seen)) == seen
    said = {number for number, line in enumerate(lines_of(data), 1) if line.strip()}
    assert said <= set(seen)


@given(st.binary(max_size=400) | st.text(alphabet="ab#\n\r \t\x0b\x0c\x85\u2028", max_size=400).map(str.encode))
@pytest.mark.thorough
def test_a_passage_is_what_stands_in_its_lines(data: bytes) -> None:
    lines = [line.rstrip("\r") for line in lines_of(data)]
    for each in split("f", data):
        assert each.text == "\n".join(lines[each.first - 1 : each.last])
        assert passage_at("f", data, each.first, each.last) == each
    assert passage_at("f", data, 1, len(lines) + 1) is None


@given(st.binary(min_size=1, max_size=40).filter(lambda name: b"\0" not in name), st.integers(1, 99), st.integers(0, 9))
def test_citations_can_be_read_back(name: bytes, first: int, more: int) -> None:
    path = name.decode("utf-8", "surrogateescape")
    cited = citations.cite(path, first, first + more)
    assert cited.isprintable()
    assert citations.read_path(citations.show(path)) == path
    assert list(citations.find(f"see {cited}, and more")) == [(path, first, first + more)]


def test_citations_of_others_are_found_but_not_in_fences() -> None:
    text = "As src/a.py:3-9 shows (b.md:4).\n```\nc.md:1\n```\nhttps://example.org:80/ and 12:30\n"
    assert list(citations.find(text))[:2] == [("src/a.py", 3, 9), ("b.md", 4, 4)]
    assert "c.md" not in {citation.path for citation in citations.find(text)}


def test_frequency_and_rarity() -> None:
    index = Index(each for n in range(4) for each in split(f"f{n}", b"valve common\n" if n else b"rare common\n"))
    assert index.frequency("valves") == 3
    assert index.rarity("rare") > index.rarity("common")


def test_forms_of_a_word_are_one_term() -> None:
    assert terms("Installs, installed and installing: the install of an inn") == {"installs": 4, "inn": 1}
    assert stem("class") == "class"


def test_without_full_text_search_the_error_is_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    class Old:
        def __init__(self, _: str) -> None: ...

        def execute(self, *_: Any) -> None:
            raise sqlite3.OperationalError("no such module: fts5")

        def close(self) -> None: ...

    monkeypatch.setattr(sqlite3, "connect", Old)
    with pytest.raises(GitorchError, match="no full-text search"):
        rank([("a", b"valve")], "valve", 1)
