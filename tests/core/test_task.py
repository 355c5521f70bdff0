from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitorch.core import task
from gitorch.core.task import Task
from gitorch.core.yamlnode import YamlError
from gitorch.errors import Exit, GitorchError

from .strategies import nasty_text, tasks


@given(tasks())
@pytest.mark.thorough
def test_what_is_written_is_read_back(value: Task) -> None:
    assert task.parse(value.name, task.format(value).encode(), "f") == value


def test_the_shortest_file_and_a_full_one() -> None:
    assert task.format(Task(name="a", description="Do it.")) == "---\nkind: execute\n---\n\nDo it.\n"
    assert task.parse("a", b"---\n---\n", "f") == Task(name="a")
    full = "---\nparent: p\nneeds: b\ntimeout: 2h\noutputs: [x.md]\nx-note: free\n---\n\n# A\n---\nb\n".replace(
        "\n", "\r\n"
    )
    assert task.parse("a", full.encode(), "f") == Task(
        name="a", parent="p", needs=("b",), timeout=7200, outputs=("x.md",), description="# A\n---\nb"
    )


def test_a_byte_order_mark_does_no_harm() -> None:
    assert task.parse("a", b"\xef\xbb\xbf---\norder: 3\n---\n", "f").order == 3


BAD = {
    "empty": (b"", "f:1: no front matter"),
    "no-front-matter": (b"# A task\n", "f:1: no front matter"),
    "no-end": (b"---\norder: 1\n", "f:1: the front matter has no end"),
    "not-utf-8": (b"---\n---\n\xff", "f: byte 9 is not UTF-8 text"),
    "too-big": (b"---\n---\n" + b"x" * 1_048_570, "f: the file is larger than 1024 KiB"),
    "big-front-matter": (b"---\n# " + b"x" * 300_000 + b"\n---\n", "f: the text is larger than 256 KiB"),
    "not-yaml": (b"---\norder: 1\nkind: ]\n---\n", "f:3: not YAML: "),
    "list": (b"---\n- a\n---\n", "f:2: the front matter must be keys with values"),
    "unknown": (b"---\norder: 1\noutput: x\n---\n", "f:3: output: unknown key; did you mean outputs?"),
    "doubled": (b"---\norder: 1\norder: 2\n---\n", "f:3: key 'order' stands there twice"),
    "parent": (b"---\n\nparent: A\n---\n", "f:3: parent: 'A': use a-z"),
    "own-parent": (b"---\nparent: a\n---\n", "f:2: parent: 'a': a task cannot be its own parent"),
    "needs": (b"---\nneeds: [b, B]\n---\n", "f:2: needs: 'B' is no other task's name"),
    "own-need": (b"---\nneeds: [b, a]\n---\n", "f:2: needs: 'a' is no other task's name"),
    "order": (b"---\norder: first\n---\n", "f:2: order: a whole number is wanted, not 'first'"),
    "kind": (b"---\nkind: gathre\n---\n", "f:2: kind: 'gathre' is unknown; did you mean gather?"),
    "template": (b"---\ntemplate: ../x\n---\n", "f:2: template: '../x': it has to begin"),
    "focus": (b'---\nfocus: "a\\nb"\n---\n', "f:2: focus: 'a\\nb': it has line breaks"),
    "run": (b"---\nrun: [a]\n---\n", "f:2: run: text is wanted"),
    "run-nul": (b'---\nrun: "a\\0b"\n---\n', "f:2: text cannot hold a NUL character"),
    "check": (b"---\ncheck: {a: b}\n---\n", "f:2: check: a list of texts is wanted"),
    "timeout": (b"---\ntimeout: never\n---\n", "f:2: timeout: a time like 90s, 15m or 2h is wanted"),
    "retries": (b"---\nretries: -1\n---\n", "f:2: retries: a whole number is wanted"),
    "env": (b"---\nenv: [A=B]\n---\n", "f:2: env: 'A=B' is no name of a variable"),
    "outputs": (b"---\norder: 1\noutputs:\n- ok\n- ../x\n---\n", "f:4: outputs: '../x': it leaves the task's folder"),
    "touches": (b"---\ntouches: [src/**, ../x]\n---\n", "f:2: touches: '../x': a part of the path"),
    "parameters": (b"---\nparameters: [a]\n---\n", "f:2: parameters must be keys with values"),
    "parameter": (b"---\nparameters:\n  a: {b: c}\n---\n", "f:3: a: text or a list of texts is wanted"),
    "parameter-name": (b"---\nparameters:\n  PATH: x\n---\n", "f:3: PATH: a parameter's name has"),
    "parameter-equals": (b"---\nparameters:\n  'a=b': x\n---\n", "f:3: 'a=b': a parameter's name has"),
    "tag": (b"---\nrun: !!python/object:os.system x\n---\n", "f:2: tag "),
    "document": (b"---\norder: 1\n--- x\n---\n", "f:3: one document is wanted"),
}


@pytest.mark.parametrize(("content", "problem"), BAD.values(), ids=BAD.keys())
def test_every_error_names_file_line_and_key(content: bytes, problem: str) -> None:
    with pytest.raises(YamlError) as caught:
        task.parse("a", content, "f")
    assert caught.value.message.startswith(problem)
    assert caught.value.message.isprintable()
    assert caught.value.hint


@given(st.one_of(st.binary(max_size=200), nasty_text.map(lambda text: text.encode(errors="replace"))), st.booleans())
def test_any_bytes_are_read_or_refused(content: bytes, front: bool) -> None:
    try:
        value = task.parse("a", b"---\n" + content + b"\n---\n" if front else b"---\n---\n" + content, "f")
    except YamlError as error:
        assert error.message.startswith("f:")  # noqa: PT017 - the other way is right too
        return
    assert task.parse("a", task.format(value).encode(), "f") == value


@pytest.mark.parametrize(
    "path", ["", "/etc/passwd", "//x", "..", ".", "../x", "a/../../x", "a/./b", "a//b", "a/", "./a", "a\\b", "a\0b"]
)
def test_outputs_stay_in_the_tasks_folder(path: str) -> None:
    assert task.output_problem(path) is not None


@pytest.mark.parametrize("path", ["a", "a/b.md", "..a", "...", "a..", ".hidden", "[x]", "ü ü"])
def test_plain_outputs_are_fine(path: str) -> None:
    assert task.output_problem(path) is None


@pytest.mark.parametrize("glob", ["", " ", "/etc/*", "..", "a/../b", "./a", "a//b", "a\\b", "!a", ".git/hooks", "a\nb"])
def test_a_glob_of_touched_paths_stays_in_the_repository(glob: str) -> None:
    assert task.touches_problem(glob) is not None


@pytest.mark.parametrize("glob", ["**", "src/**", "src/", "*.py", "docs/[ab]?.md", "..a", ".github/*", "src/{a,b}.py"])
def test_plain_globs_of_touched_paths_are_valid(glob: str) -> None:
    assert task.touches_problem(glob) is None


def test_options_are_read_as_front_matter_is() -> None:
    values = {"kind": "gather", "needs": ("b",), "order": "3", "outputs": ("r.md",), "check": ("make",), "model": None}
    assert task.from_options("a", values, "Do it.") == Task(
        name="a", kind="gather", needs=("b",), order=3, outputs=("r.md",), check=("make",), description="Do it."
    )


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"kind": "gathre"}, "--kind: 'gathre' is unknown; did you mean gather?"),
        ({"outputs": ("../x",)}, "--output: '../x': it leaves the task's folder"),
        ({"order": "-1"}, "--order: a whole number is wanted, not '-1'"),
        ({"touches": ("/x",)}, "--touches: '/x': use a glob"),
        ({"focus": "a " * 20}, "--focus: "),
        ({"check": ("",)}, "--check: is empty"),
        ({"agent": " "}, "--agent: is empty"),
        ({"check": ("a\udcff",)}, "--check: it has characters that are not text in UTF-8"),
        ({"model": "m\x1b[31m"}, "--model: it has characters that are not text in UTF-8"),
        ({"needs": ("a",)}, "--needs: 'a' is no other task's name"),
    ],
)
def test_an_option_that_is_not_valid_is_named(values: dict[str, str | tuple[str, ...] | None], problem: str) -> None:
    with pytest.raises(GitorchError) as caught:
        task.from_options("a", values, "Do it.")
    assert caught.value.message.startswith(problem)
    assert caught.value.code == Exit.USAGE


@given(nasty_text, nasty_text)
def test_what_options_accept_is_read_back_from_the_file(check: str, model: str) -> None:
    try:
        made = task.from_options("a", {"check": (check,), "model": model}, "Do it.")
    except GitorchError:
        return
    assert task.parse("a", task.format(made).encode(), "f") == made
