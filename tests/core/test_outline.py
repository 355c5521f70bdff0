"""The reader of plain task files: it says what the reader with YAML says, or nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitorch.core import task as task_files
from gitorch.core.outline import MAX_BYTES, Outline, read_plain
from gitorch.core.task import Task
from gitorch.core.yamlnode import YamlError

from .strategies import nasty_text, tasks

_KEYS = ("parent", "needs", "order", "kind", "template", "focus", "outputs", "run", "check", "agent", "model")
_KEYS_TOO = ("timeout", "retries", "env", "touches", "parameters", "x-note", "unknown")
_VALUES = (
    *("a", "b-1", "t.x", "a.", "con", "null", "NULL", "nullable", "~", "yes", "1", "007", "1e3", "0x1f", "-1", "1_0"),
    *("gather", "synthesize", "Execute", "90s", "2h", "9999h", "99999h", "0s", "2026-01-01", "a/b", "a/../b", "/a"),
    *("Weigh the evidence; separate facts", "a, b", "a: b", "a #b", "a#b", "it's", "a - b", "a  b", "a ", "'a'", '"a"'),
    *(
        "[a, b]",
        "[a,b]",
        "[]",
        "[a, null]",
        "[ a ]",
        "[a, b",
        "{a: b}",
        "&x a",
        "*x",
        "!t a",
        "|",
        ">",
        "@a",
        "%a",
        "`a",
    ),
    *(
        "\n- a\n- b",
        "\n- a: b",
        "\n  - a",
        "\n- null",
        "\n-",
        "\n- a b",
        "\n- [a]",
        "x\n- a",
        "\n- a/b.md\n- c",
        "",
        "---",
    ),
    *(
        "Ein Wörtchen",
        "a\tb",
        "a\rb",
        "a\u2028b",
        "a\x85b",
        "x" * 130,
        "a " * 20 + "a",
        "Do it.",
        "(a)",
        "a?b",
        "x" * 101,
    ),
)
_lines = st.tuples(
    st.sampled_from((*_KEYS, *_KEYS, *_KEYS_TOO)), st.sampled_from(_VALUES), st.sampled_from((": ", ":"))
)
_fronts = st.lists(
    st.one_of(_lines.map(lambda line: f"{line[0]}{line[2]}{line[1]}\n"), st.sampled_from(("\n", "# a\n", " \n"))),
    max_size=4,
).map("".join)
_ends = st.sampled_from(("---\n", "---", "--- \n", "---\r\n", "---x\n", "----\n", "...\n---\n", ""))


def _agrees(name: str, data: bytes) -> bool:
    """Tell whether the file is plain; it then is what the reader with YAML makes of it."""
    plain = read_plain(name, data)
    if plain is None:
        return False
    try:
        assert plain == task_files.parse(name, data, "f").outline
    except YamlError as error:
        pytest.fail(f"{data!r} is out of form: {error.message}")
    return True


@given(_fronts, _ends, st.one_of(st.just("# a\n\nDo it.\n"), nasty_text))
def test_whatever_is_plain_is_what_yaml_says(front: str, end: str, body: str) -> None:
    _agrees("a", f"---\n{front}{end}{body}".encode(errors="surrogatepass"))


@given(tasks())
@pytest.mark.thorough
def test_so_are_files_that_gitorch_writes(value: Task) -> None:
    _agrees(value.name, task_files.format(value).encode())


@given(st.sampled_from(_KEYS), st.sampled_from(_VALUES))
def test_each_key_with_each_value(key: str, value: str) -> None:
    _agrees("a", f"---\n{key}: {value}\n---\n".encode())
    _agrees("a", f"---\n{key}:{value}\n---\n".encode())


PLAIN = {
    "---\n---\n": Outline(),
    "---\n---": Outline(),
    "---\nkind: gather\n---\n# A\n---\nü\n": Outline(kind="gather"),
    "---\nneeds: b\n---\n": Outline(needs=("b",)),
    "---\nneeds: [b, c-1]\noutputs: [x.md]\n---\n": Outline(needs=("b", "c-1")),
    "---\nparent: p\nneeds:\n- b\n- c\norder: 3\ntemplate: auto\nfocus: Weigh it; that's all.\n---\n": Outline(
        parent="p", needs=("b", "c"), order=3, template="auto", focus="Weigh it; that's all."
    ),
    "---\noutputs:\n- a/b.md\nagent: claude\nmodel: m-1.5\ntimeout: 15m\nretries: 2\n---\n": Outline(),
}


@pytest.mark.parametrize(("text", "outline"), PLAIN.items())
def test_the_common_ones_are_plain(text: str, outline: Outline) -> None:
    assert read_plain("a", text.encode()) == outline
    assert _agrees("a", text.encode())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"---\n",
        b"---\n---\n\xff",
        b"\xef\xbb\xbf---\n---\n",
        b"---\r\n---\r\n",
        b"---\nparent: a\n---\n",
        b"---\nneeds: [b, a]\n---\n",
        b"---\norder: 1\norder: 1\n---\n",
        b"---\nrun: make\n---\n",
        b"---\n---\n" + b"x" * MAX_BYTES,
        b"---\n" + b"needs:\n" + b"- b\n" * 10_000 + b"---\n",
    ],
)
def test_the_rest_is_left_to_the_other_reader(data: bytes) -> None:
    assert read_plain("a", data) is None
