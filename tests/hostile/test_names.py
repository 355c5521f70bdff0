"""Files, branches and revisions named like options or worse: each is a name, or refused."""

from __future__ import annotations

import os

import pytest

from tests.hostile.arena import SHORT, Arena
from tests.sandbox import quickly, short_form

NAMES = (
    *(
        "--help",
        "-x",
        "-rf",
        "--output=canary",
        "..",
        "a..b",
        "a b",
        "x\ny",
        "\ty",
        "*",
        "[x]",
        "?",
        "{a,b}",
        "~",
        "$HOME",
    ),
    *(
        "$(touch canary)",
        "`touch canary`",
        "; touch canary;",
        "| touch canary",
        "'",
        '"',
        "\\",
        "%s%n",
        "con",
        "T",
        "ü",
    ),
    *("e\u0301", "\u202egnp", "\u200b", "\U0001f4a3", "a" * 200, "u ", ":(glob)*", "!x", "#x", "@{0}", "HEAD"),
)


@pytest.mark.thorough
def test_task_files_with_names_of_all_kinds(arena: Arena) -> None:
    for name in NAMES:
        arena.write(f".tasks/[pending]_{name}_task.md", f"---\nrun: {arena.touch}\n---\n\n# x\n")
        arena.write(f".tasks/{name}-", "x\n")
        arena.write(f"{name}+/{name}.txt", "gauges\n")
    (arena.root / os.fsdecode(b".tasks/[pending]_\xff\xfe_task.md")).write_text("---\n---\n")
    arena.commit_all()
    assert {*arena.states()} == {"t", "u", "a..b"}
    arena.endures((*SHORT, ("show", "a..b"), ("update", "continue", "Go", "--task", "a..b"), ("step",)))
    arena.endures((("list",), ("log",), ("audit",), ("agents", "list"), *(("show", "--", name) for name in NAMES)))
    arena.endures(tuple(("blame", "--", f"{name}+/{name}.txt") for name in NAMES[::4]))


@pytest.mark.thorough
def test_work_on_files_with_names_of_all_kinds(arena: Arena) -> None:
    names = [name for name in NAMES if name not in ("..", "~")]
    for name in names:
        arena.write(f"d/{name}", "gauges\n")
    arena.commit_all()
    arena.write("mine.txt", "Mine.\n")
    steps = ('for each in d/*; do echo more >> "$each"; done', "rm -r d; exit 3", "rm -r d; ln -s / d", "rm d")
    for step in steps:
        quickly(arena.root, "update", "continue", "Execute u", "--task", "u")
        quickly(arena.root, "move", "u", "pending")
        arena.endures((("step", "--agent-command", step), ("show", "INVOCATION"), ("audit",)))
    arena.endures((("rewind", "--work", "HEAD~3"), ("verify",)))
    assert arena.read("mine.txt") == "Mine.\n"


WORDS = (
    "--output={}",
    "--output=canary",
    "-x",
    "--help",
    "--all",
    "--exec=touch {}",
    "-O{}",
    "--contents={}",
    "@{{u}}",
)
REVISIONS = (
    *(
        ("log", "--"),
        ("log", "--since"),
        ("audit", "--"),
        ("verify", "--"),
        ("verify", "--since"),
        ("export", "json", "--"),
    ),
    *(("export", "dot", "--"), ("export", "otlp", "--"), ("report", "-o", "-", "--"), ("blame", "--", "a.txt")),
    *(("blame", "--"), ("blame", "a.txt", "-L"), ("show", "--"), ("rewind", "--"), ("rewind", "--work", "--")),
    *(("fork", "-b", "f", "--"), ("fork", "HEAD", "-b"), ("merge", "--"), ("move", "u", "--"), ("context", "--")),
    *(("create", "--"), ("decompose", "--"), ("trust", "--"), ("templates", "check", "--"), ("agents", "show", "--")),
)


@pytest.mark.parametrize("word", short_form({word: word for word in WORDS}, 9))
def test_words_like_options_are_names(arena: Arena, word: str) -> None:
    filled = word.format(arena.canary)
    name = filled.replace(" ", "")
    assert arena.fires("git", "log", f"--output={arena.canary}")
    for ref in ("heads", "tags"):
        arena.git("update-ref", f"refs/{ref}/{name}", "HEAD", ok=False)
    before = {*os.listdir(arena.root)}  # noqa: PTH208 - names are wanted
    arena.endures(tuple((*command, filled) for command in REVISIONS))
    assert {*os.listdir(arena.root)} == before  # noqa: PTH208


@pytest.mark.thorough
def test_a_branch_named_like_an_option(arena: Arena) -> None:
    assert arena.fires("git", "log", f"--output={arena.canary}")
    branch = f"--output={arena.canary}"
    arena.git("update-ref", f"refs/heads/{branch}", "HEAD")
    arena.git("symbolic-ref", "HEAD", f"refs/heads/{branch}")
    arena.endures((("status",), ("log",), ("create", "n", "-d", "x"), ("step", "--agent", "local")))
    arena.endures((("fork", "HEAD", "-b", "f", "--agent", "local"), ("merge", "other"), ("rewind", "HEAD~1")))
