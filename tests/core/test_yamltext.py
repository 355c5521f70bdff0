from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gitorch.core import yamlevents, yamltext
from gitorch.core.yamlevents import dump
from gitorch.core.yamlnode import Node, YamlError
from gitorch.core.yamltext import Keys, did_you_mean, load, parse_duration

from .strategies import any_text, file_text, nasty_text

plain = st.recursive(
    st.none() | file_text.filter(lambda text: "\0" not in text),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(file_text.filter(lambda t: "\0" not in t), inner, max_size=3)
    ),
    max_leaves=8,
)
_PIECES = (
    "a|: |- |? |\n|  |[|]|{|}|, |&x |*x|!!str |!|'|\"|#|---\n|...\n|%YAML 1.1\n|<<: |\t|~|\\|\0|\x85|\u2028|\ufeff|@|`"
)
yaml_like = st.lists(st.sampled_from([*_PIECES.split("|"), "|", ">"]), max_size=25).map("".join)


@pytest.fixture(params=["C", "pure Python"])
def _loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "pure Python":
        monkeypatch.setattr(yamlevents, "_Loader", yaml.SafeLoader)


def values(node: Node) -> Any:
    if isinstance(node.value, list):
        return [values(item) for item in node.value]
    if isinstance(node.value, dict):
        return {key: values(item) for key, item in node.value.items()}
    return node.value


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), plain, max_size=4))
@pytest.mark.thorough
def test_what_is_dumped_is_loaded_again(data: dict[str, Any]) -> None:
    assert values(load(dump(data), "f")) == data or not data


def test_values_used_twice_are_written_twice() -> None:
    shared = ["a"]
    data = {"one": shared, "two": shared}
    assert values(load(dump(data), "f")) == data


def test_numbers_truths_and_dates_stay_text() -> None:
    assert values(load("a: 007\nb: yes\nc: 2024-01-01\nd: 1e3\ne: 0x1f\nf: ~\ng: 'null'\nh: no\n", "f")) == {
        "a": "007", "b": "yes", "c": "2024-01-01", "d": "1e3", "e": "0x1f", "f": None, "g": "null", "h": "no",
    }  # fmt: skip


def test_nodes_know_their_lines() -> None:
    root = load("a: 1\n\nb:\n  - x\n  - y\n", "f", first_line=10)
    assert root.line == 10
    assert root.value["a"].line == 10
    assert [item.line for item in root.value["b"].value] == [13, 14]


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "---\n", "~"])
def test_nothing_is_none(text: str) -> None:
    assert load(text, "f").value is None


BAD = {
    "object": ("a: 1\nb: !!python/object/apply:os.system [x]\n", "f:2: tag "),
    "object-key": ("a: 1\n!!python/name:os.system b: c\n", "f:2: tag "),
    "set": ("a: !!set {x}\n", "f:1: tag "),
    "binary": ("a: !!binary aGk=\n", "f:1: tag "),
    "local-tag": ("a: !x b\n", "f:1: tag '!x' is not allowed"),
    "anchor": ("a: 1\nb: &x 1\n", "f:2: anchors and aliases"),
    "anchor-on-key": ("a: 1\n&x b: 1\n", "f:2: anchors and aliases"),
    "anchor-on-list": ("a: &x [1]\n", "f:1: anchors and aliases"),
    "alias": ("a: 1\nb: *x\n", "f:2: "),
    "doubled": ("a: 1\nb: 2\na: 3\n", "f:3: key 'a' stands there twice"),
    "doubled-quoted": ("a: 1\n'a': 3\n", "f:2: key 'a' stands there twice"),
    "doubled-inside": ("x:\n  a: 1\n  a: 3\n", "f:3: key 'a' stands there twice"),
    "list-key": ("a: 1\n[b]: 1\n", "f:2: a key must be plain text"),
    "complex-key": ("? {a: b}\n: c\n", "f:1: a key must be plain text"),
    "tab": ("a:\n\tb: c\n", "f:2: not YAML: "),
    "nul": ("a: 1\nb: x\0y\n", "f:2: not YAML: it has the control character '\\x00'"),
    "escape": ("a: 1\nb: \x1b[31m\n", "f:2: not YAML: it has the control character '\\x1b'"),
    "surrogate": ("a: 1\nb: \ud800\n", "f:2: not YAML: it has the control character '\\ud800'"),
    "escaped-nul": ('a: 1\nb: "x\\0y"\n', "f:2: text cannot hold a NUL character"),
    "escaped-nul-key": ('a: 1\n"x\\0y": b\n', "f:2: text cannot hold a NUL character"),
    "two-documents": ("a: 1\n---\nb: 1\n", "f:2: one document is wanted"),
    "two-empty-documents": ("---\n---\n", "f:2: one document is wanted"),
    "unclosed": ("a: [1, 2\nb: 3\n", "f:2: not YAML: "),
    "unclosed-quote": ("a: 'x\n", "f:"),
    "big": ("a: " + "x" * 1_000_000, "f: the text is larger than 256 KiB"),
    "big-wide": ("a: " + "日" * 100_000, "f: the text is larger than 256 KiB"),
    "bomb": (
        "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefg", "bcdefgh", strict=True)),
        "f:1: anchors",
    ),
    "merge": ("a: {b: 1}\n<<: *a\n", "f:2: "),
    "directive": ("%TAG ! tag:yaml.org,2002:python/\n---\na: !name:os x\n", "f:3: tag "),
    "version": ("%YAML 9.9\n---\na: 1\n", "f:1: not YAML: "),
}
DEEP = {
    "flow lists": "[" * 300 + "]" * 300,
    "flow maps": "{a: " * 300 + "}" * 300,
    "lists": "- " * 300 + "x",
    "maps": "".join("  " * depth + "a:\n" for depth in range(300)),
    "keys": "? " * 300 + "x",
    "mixed": "[{a: " * 300,
    "list in key": "? - " * 300,
}


@pytest.mark.parametrize(("text", "problem"), BAD.values(), ids=BAD.keys())
@pytest.mark.usefixtures("_loader")
def test_unwanted_yaml_is_refused_with_file_and_line(text: str, problem: str) -> None:
    with pytest.raises(YamlError) as caught:
        load(text, "f")
    assert caught.value.message.startswith(problem)
    assert caught.value.message.isprintable()


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP.keys())
@pytest.mark.usefixtures("_loader")
def test_deep_nesting_is_refused(text: str) -> None:
    with pytest.raises(YamlError, match=r"nested too deeply|a key must be plain text"):
        load(text, "f")


def test_nesting_is_allowed_as_deep_as_anybody_needs() -> None:
    assert values(load("[" * 12 + "]" * 12, "f")) is not None


@given(st.one_of(yaml_like, nasty_text, any_text), st.sampled_from(["{}", "a: {}", "{}: a", "- {}\n- b", "[{}]"]))
def test_any_text_is_read_or_refused(text: str, frame: str) -> None:
    try:
        load(frame.replace("{}", text), "f")
    except YamlError as error:
        assert error.message.startswith("f:")  # noqa: PT017 - the other way is right too
        assert error.message.isprintable()  # noqa: PT017


@pytest.mark.parametrize(
    "step", ["? ", "[a,", "- ", "[", "{", "{a: ", "- - ? ", "a: ", "!x ", "&a ", "\n", "'", "a,", "a\n"]
)
def test_a_file_full_of_one_thing_is_quick(step: str) -> None:
    began = time.monotonic()
    with contextlib.suppress(YamlError):
        load((step * 262_144)[: yamltext.MAX_BYTES], "f")
    assert time.monotonic() - began < 2


def test_very_deep_nesting_does_not_crash_the_interpreter() -> None:
    program = """
from gitorch.core import task, template, yamltext
for text in ("? " * 100_000, "[a," * 50_000, "- " * 100_000, "{a: " * 50_000, "[" * 250_000, "- ? " * 50_000):
    for read in (lambda: yamltext.load(text, "f"), lambda: template.parse(text, "f"),
                 lambda: task.parse("x", f"---\\n{text}\\n---\\n".encode(), "f")):
        try:
            read()
        except yamltext.YamlError:
            continue
        raise SystemExit("taken: " + text[:9])
print("alive")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "alive\n", "")


def keys(text: str) -> Keys:
    return Keys(load(text, "f"), "f", "it", "a hint")


def test_keys_read_each_kind_of_value() -> None:
    some = keys("a: x\nb: [y, z]\nc: '7'\nd: 2m\ne:\nx-note: {free: 1}\n")
    assert some.text("a") == "x"
    assert some.texts("a") == ("x",)
    assert some.texts("b") == ("y", "z")
    assert some.number("c") == 7
    assert some.duration("d") == 120
    assert some.text("e") is None
    assert some.texts("missing") == ()
    assert some.one_of("a", ("w", "x")) == "x"
    some.done()


KEY_ERRORS: dict[str, tuple[str, str, str]] = {
    "not a mapping": ("[a]", "done", "f:1: it must be keys with values"),
    "text": ("\na: [x]", "text", "f:2: a: text is wanted"),
    "texts": ("a: {b: c}", "texts", "f:1: a: a list of texts is wanted"),
    "texts nested": ("a: [[b]]", "texts", "f:1: a: a list of texts is wanted"),
    "texts none": ("a: [~]", "texts", "f:1: a: a list of texts is wanted"),
    "required": ("b: c", "required", "f:1: a: is missing"),
    "required blank": ("a: ' '", "required", "f:1: a: is missing"),
    "number": ("a: -1", "number", "f:1: a: a whole number is wanted, not '-1'"),
    "number float": ("a: 1.5", "number", "a whole number is wanted"),
    "number arabic": ("a: ٣", "number", "a whole number is wanted"),
    "number huge": ("a: " + "9" * 5000, "number", "a whole number is wanted"),
    "duration": ("a: soon", "duration", "f:1: a: a time like 90s, 15m or 2h is wanted, not 'soon'"),
    "duration zero": ("a: 0", "duration", "a time like"),
    "unknown key": ("aa: 1", "text", "f:1: aa: unknown key; did you mean a?"),
    "unknown odd key": ('"\\e[31m\\n": 1', "text", "f:1: '\\x1b[31m\\n': unknown key; there are: a"),
    "unknown long key": ("? " + "k" * 5000 + "\n: 1", "text", ": '" + "k" * 59 + "…': unknown key"),
}


@pytest.mark.parametrize(("text", "method", "problem"), KEY_ERRORS.values(), ids=KEY_ERRORS.keys())
def test_key_errors_name_file_line_and_key(text: str, method: str, problem: str) -> None:
    with pytest.raises(YamlError) as caught:
        _read_all(text, method)
    assert problem in caught.value.message
    assert caught.value.message.isprintable()
    assert caught.value.hint == "a hint"


def _read_all(text: str, method: str) -> None:
    some = keys(text)
    if method != "done":
        getattr(some, method)("a")
    some.done()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        ("15m", 900),
        ("2h", 7200),
        ("0", None),
        ("0h", None),
        ("1d", None),
        ("", None),
        ("-1", None),
        ("1.5h", None),
        ("٣", None),
        ("9" * 20, None),
        ("99999999h", None),
        ("99999999", 99_999_999),
        (" 1", None),
    ],
)
def test_durations(text: str, seconds: int | None) -> None:
    assert parse_duration(text) == seconds


@given(st.integers(0, 10**9), st.sampled_from(["", "s", "m", "h"]))
def test_a_duration_in_seconds_is_one_again(number: int, unit: str) -> None:
    seconds = parse_duration(f"{number}{unit}")
    assert seconds is None or parse_duration(str(seconds)) == seconds


def test_did_you_mean() -> None:
    assert did_you_mean("nedes", ["needs", "name"]) == "; did you mean needs?"
    assert did_you_mean("zzz", ["needs", "name"]) == "; there are: needs, name"


_WORDS = (
    "a",
    "parent",
    "null",
    "Null",
    "yes",
    "1e3",
    "007",
    "a b",
    "a, b",
    "(a)",
    "it's",
    "a - b",
    "a:b",
    "a: b",
    "a #b",
)
_ODD = (
    " a",
    "a ",
    "'a'",
    "[a]",
    "{a: b}",
    "- a",
    "---",
    "&x a",
    "~",
    "",
    "x" * 2000,
    "a\tb",
    "ü",
    "\x85",
    "a;b.",
    "a/b.md",
)
plain_like = st.lists(
    st.tuples(
        st.sampled_from((*_WORDS[:3], "order", "A", "a-b")),
        st.sampled_from((": ", ":", ":  ")),
        st.sampled_from(_WORDS + _ODD),
    ),
    max_size=4,
).flatmap(
    lambda lines: st.sampled_from(("\n", "", "\n\n", "\r\n")).map(lambda end: "\n".join(map("".join, lines)) + end)
)


@given(st.one_of(plain_like, yaml_like, any_text))
def test_what_is_read_without_the_library_is_what_the_library_reads(text: str) -> None:
    read = yamltext.read_plain(text, 2)
    if read is not None:
        assert read == yamlevents.load(text, "f", 2, None)


@pytest.mark.parametrize(
    "text",
    ["", "kind: gather\n", "order: 3\nfocus: Weigh it; that's all.\n", "x: null\n", "needs: [a, b-1]\n", "x: [null]\n"],
)
def test_plain_lines_need_no_library(text: str) -> None:
    assert yamltext.read_plain(text) == yamlevents.load(text, "f", 1, None)
