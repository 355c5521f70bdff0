from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitorch.core import names
from gitorch.errors import Exit, GitorchError

from .strategies import long_names, nasty_text, states, task_names

RULES = {
    "": "it is empty",
    "a" * 101: "it has 101 characters, 100 are allowed",
    "A": "use a-z",
    "a b": "use a-z",
    "a/b": "use a-z",
    "-rf": "has to begin with",
    ".hidden": "has to begin with",
    "_x": "has to begin with",
    "ü": "use a-z",
    "a\n": "use a-z",
    "a\0": "use a-z",
    "٣": "use a-z",
    "[a]": "use a-z",
    "a.": "it ends in a dot",
    "templates": "reserved",
    "main_task": "reserved",
    "con": "device",
    "nul.txt": "device",
    "com1": "device",
    "lpt9.a.b": "device",
}


@pytest.mark.parametrize(("name", "problem"), RULES.items())
def test_every_rule_has_its_message(name: str, problem: str) -> None:
    found = names.name_problem(name)
    assert found is not None
    assert problem in found


@pytest.mark.parametrize(
    "name", ["a", "0", "a" * 100, "a.b", "a..b", "a_task.md", "com0", "console", "main_task2", "1-2_3.4"]
)
def test_good_names_have_no_problem(name: str) -> None:
    assert names.name_problem(name) is None
    assert names.check_name(name) == name


def test_the_error_offers_a_name_that_would_do() -> None:
    with pytest.raises(GitorchError) as caught:
        names.check_name("Chip Market\x1b Analysis")
    assert caught.value.code is Exit.USAGE
    assert caught.value.hint == "try chip-market-analysis"
    assert caught.value.message.isprintable()


@given(nasty_text)
def test_check_name_returns_the_name_or_raises(text: str) -> None:
    try:
        assert names.check_name(text) == text
    except GitorchError as error:
        assert error.message.isprintable()  # noqa: PT017 - the other way is right too


@given(long_names, states)
def test_task_file_is_read_back(name: str, state: names.TaskState) -> None:
    assert names.parse_task_file(names.task_file(name, state)) == (name, state)
    assert not names.resembles_task_file(names.task_file(name, state))


@given(nasty_text)
def test_whatever_is_read_as_a_task_file_is_written_the_same(text: str) -> None:
    for filename in (text, f"[pending]_{text}_task.md"):
        parsed = names.parse_task_file(filename)
        if parsed is not None:
            assert names.task_file(*parsed) == filename


@pytest.mark.parametrize(
    "decoy",
    [
        "p_x_task.md",
        "[p]_x",
        "-rf",
        "a b",
        "ü.md",
        "[done]_x_task.md",
        "[pending]_X_task.md",
        "[pending]_a_task.md\n",
        "\n[pending]_a_task.md",
        "[pending]_a\n_task.md",
        "[pending]__task.md",
        "[pending]_a_task.md.orig",
        "[pending]_a_task.MD",
        "[Pending]_a_task.md",
        "[pending]a_task.md",
        "[pending]_a.md",
        "[pending]_con_task.md",
        "[pending]_a/b_task.md",
        "[pending]_.._task.md",
        "[pending|running]_a_task.md",
        "pending]_a_task.md",
        "[pending_a_task.md",
        "x[pending]_a_task.md",
        "MAIN_TASK",
        "",
    ],
)
def test_decoys_are_no_task_files(decoy: str) -> None:
    assert names.parse_task_file(decoy) is None


@pytest.mark.parametrize(
    ("filename", "resembles"),
    [("[done]_x_task.md", True), ("[pending]_X_task.md", True), ("[p]_x", False), ("[pending]_a_task.md", False)],
)
def test_botched_task_files_are_noticed(filename: str, *, resembles: bool) -> None:
    assert names.resembles_task_file(filename) is resembles


@given(nasty_text)
def test_a_slug_is_a_good_name_or_none(text: str) -> None:
    for source in (text, text * 30):
        slug = names.slugify(source)
        assert slug is None or names.name_problem(slug) is None


@given(task_names)
def test_a_slug_of_a_slug_is_itself(name: str) -> None:
    slug = names.slugify(name)
    assert slug is not None
    assert names.slugify(slug) == slug


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("Chip Market: Analysis!", "chip-market-analysis"),
        ("  -- x -- ", "x"),
        ("日本", None),
        ("", None),
        ("CON", None),
        ("Templates", None),
        ("a" * 99 + "-b", "a" * 99),
    ],
)
def test_slugs(text: str, slug: str | None) -> None:
    assert names.slugify(text) == slug


@given(nasty_text)
def test_quoted_text_is_short_and_printable(text: str) -> None:
    assert names.quote(text).isprintable()
    assert len(names.quote(text * 100)) < 800


def test_states_are_checked() -> None:
    assert [names.check_state(state) for state in names.TASK_STATES] == list(names.TASK_STATES)
    with pytest.raises(GitorchError, match="'done' is not a task state") as caught:
        names.check_state("done")
    assert caught.value.code is Exit.USAGE


def test_paths_lie_in_the_tasks_folder() -> None:
    assert names.task_path("a", "running") == ".tasks/[running]_a_task.md"
    assert names.task_dir("a") == ".tasks/a"


@given(st.one_of(nasty_text, long_names, st.text("conaulptm1._-x", max_size=12), st.sampled_from(sorted(RULES))))
def test_file_names_follow_the_rules_of_names(name: str) -> None:
    """The rules stand twice: each with its message, and all in one expression."""
    for text in (name, name + "a" * (names.MAX_NAME - len(name)), name + "_task.md", name + "."):
        parsed = names.parse_task_file(f"[running]_{text}_task.md")
        assert parsed == ((text, "running") if names.name_problem(text) is None else None)
        assert [*names.pick_task_files(["MAIN_TASK", f"[running]_{text}_task.md"])] == (
            [(f"[running]_{text}_task.md", *parsed)] if parsed else []
        )
