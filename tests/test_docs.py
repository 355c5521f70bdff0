"""The documentation: links lead somewhere, commands exist, examples work, the reference is the program's."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import click
import pytest

from gitorch.cli import cli
from gitorch.core import main_task, message, record, trailers
from gitorch.errors import Exit
from tests import docs
from tests.sandbox import Sandbox

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?:(?<=\n\n)|\A)((?:    .*\n)(?:(?:    .*)?\n)*)")
LINK = re.compile(r"\[[^\]\n]+\]\(([^)\s]+)\)")
# The project speaks of itself alone, and plainly.
FORBIDDEN = re.compile(
    r"/work\b|/tmp/[a-z]|\bissues?\b|(?<![`.])\bsessions?\b(?! of|:)|\bthe contract\b|design\.md|guide\.md"
    r"|https?://(?!\w+\.invalid)|pypi|npmjs|seamless|blazing|effortless|revolutionary|\bpowerful\b",
    re.IGNORECASE,
)

pages = pytest.mark.parametrize("page", PAGES, ids=[path.name for path in PAGES])


def blocks(page: Path) -> list[tuple[str, str]]:
    """Give a page's fenced blocks: language and text."""
    return FENCED.findall(page.read_text())


def example(page: str, language: str) -> str:
    (text,) = [text for found, text in blocks(ROOT / page) if found == language]
    return text


def code(page: Path) -> Iterator[str]:
    """Give the command lines that a page shows, in blocks and in its text."""
    text = page.read_text()
    for _, block in FENCED.findall(text):
        yield from block.split("\n")
    text = FENCED.sub("", text)
    for block in INDENTED.findall(text):
        yield from dedent(block).split("\n")
    yield from re.findall(r"`([^`\n]+)`", text)


def calls(page: Path) -> Iterator[list[str]]:
    """Give the words of each call of gitorch on a page, without the program's name."""
    for line in code(page):
        for match in re.finditer(r"(?:^|\$ |&& |; |while |bin/)(?:gitorch|git orch) +((?:-C \S+ +)?-?-?[a-z].*)", line):
            call = re.split(r"; do| \|\| | \| |  +#| {3,}", match[1])[0]
            try:
                words = shlex.split(call)
            except ValueError:
                words = call.split()
            yield words[2:] if words[0] == "-C" else words


def find(words: list[str]) -> tuple[click.Command, list[str]]:
    """Find the command that some words call; gives it and the words after it."""
    command: click.Command = cli
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        assert words[0] in command.commands, f"there is no command {words[0]}"
        command, words = command.commands[words[0]], words[1:]
    return command, words


@pages
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(FENCED.sub("", page.read_text())):
        path, _, heading = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.is_file(), target
        headings = re.findall(r"^#+ (.+)$", linked.read_text(), re.MULTILINE)
        slugs = [re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings]
        assert not heading or heading in slugs, target


@pages
def test_commands_and_options_exist(page: Path) -> None:
    for words in calls(page):
        command, rest = find(words)
        known = {opt for param in command.params for opt in (*param.opts, *param.secondary_opts)} | {"-h", "--help"}
        for word in rest:
            if re.fullmatch(r"--?[a-z][a-z-]*", word):
                assert word in known, f"gitorch {' '.join(words)}: there is no {word}"


def test_the_pages_name_all_sorts_of_calls() -> None:
    seen = [" ".join(words) for page in PAGES for words in calls(page)]
    assert {"step", "verify", "trust", "demo"} <= {call.split()[0] for call in seen}
    assert any("--agent-command" in call for call in seen)


@pages
def test_words_that_do_not_belong_here(page: Path) -> None:
    found = [match[0] for match in FORBIDDEN.finditer(page.read_text())]
    assert not found


@pages
def test_lines_are_not_too_long(page: Path) -> None:
    text = FENCED.sub("", page.read_text())
    long = [line for line in text.split("\n") if len(line) > 120 and not line.startswith("|")]
    assert not long


def test_the_readme_begins_with_two_command_lines() -> None:
    (_, first), (_, second) = blocks(ROOT / "README.md")[:2]
    for block in (first, second):
        assert block.count("\n") == 1
        assert block.startswith("python3 -m venv .venv && .venv/bin/pip install ")
    assert first.endswith(".venv/bin/gitorch demo\n")
    assert "pytest -q -n auto --dist worksteal\n" in second
    assert len((ROOT / "README.md").read_text().split("\n")) <= 160


def test_ci_takes_its_test_command_from_the_readme() -> None:
    script = (ROOT / ".ci/run").read_text()
    assert "README.md" in script
    assert "pytest -q -n" not in script


def test_the_reference_is_what_the_program_says() -> None:
    now = docs.PAGE.read_text()
    assert docs.MARK in now
    assert docs.page(now) == now, "run: python -m tests.docs"
    for words, _ in docs.commands():
        assert f"\n### gitorch {' '.join(words)}\n" in now


def test_all_exit_codes_are_explained() -> None:
    for page in ("README.md", "docs/commands.md"):
        text = (ROOT / page).read_text()
        rows = re.findall(r"^\| ([0-9, ]+) \|", text, re.MULTILINE)
        assert {int(code) for row in rows for code in row.split(",")} == {int(code) for code in Exit}


def test_the_format_names_every_trailer_event_and_word() -> None:
    text = (ROOT / "docs/format.md").read_text()
    keys = [*trailers.BY_KEY, *trailers.TOTALS, "Again", "Event", "Status", "Next", "Task", "Focus", "State", "Check"]
    for word in (*keys, *record.EVENTS, *record.ACTIONS, *record.OUTCOMES):
        assert f"`{word}`" in text, word


def test_examples_of_the_format_are_well_formed() -> None:
    parts = [dedent(block).rstrip("\n") + "\n" for block in INDENTED.findall((ROOT / "docs/format.md").read_text())]
    (record,) = [part for part in parts if part.startswith("gitorch(")]
    parsed = message.parse(record)
    assert parsed is not None
    assert message.build(parsed) == record
    (state,) = [part for part in parts if part.startswith("STATUS: ")]
    assert main_task.format(main_task.parse(state.encode())) == state


def test_git_reads_records_under_settings_that_would_mislead_it(sandbox: Sandbox, sealed: Path) -> None:
    sandbox("create", "some-task")
    with (sealed / ".gitconfig").open("a") as config:
        config.write("[trailer]\n\tseparators = =\n[core]\n\tcommentChar = G\n[i18n]\n\tlogOutputEncoding = UTF-16\n")
    (line,) = [
        block for block in INDENTED.findall((ROOT / "docs/format.md").read_text()) if "log.showSignature=false" in block
    ]
    words = shlex.split(dedent(line).replace("\\\n", ""))
    assert words[0] == "git"
    assert "some-task: none -> pending" in sandbox.git(*words[1:])


@pytest.mark.thorough
def test_the_template_is_well_formed_and_runs_as_told(sandbox: Sandbox) -> None:
    path = ".tasks/templates/dependency-audit.yaml"
    sandbox.commit("template", **{path: example("docs/templates.md", "yaml"), "pyproject.toml": "[project]\n"})
    told = sandbox("templates", "check", path).out
    assert f"$ gitorch templates check {path}\n{told}```" in (ROOT / "docs/templates.md").read_text()
    sandbox("start", "dependency-audit", "-d", "What do we depend on?")
    sandbox("step")
    refused = sandbox("step", code=1)
    assert refused.err.split("\n… ")[0] in (ROOT / "docs/templates.md").read_text()
    sandbox("trust", "dependency-audit-inventory", "--yes")
    sandbox("step")
    assert sandbox.read(".tasks/dependency-audit-inventory/files.txt") == "pyproject.toml\n"


@pytest.mark.thorough
def test_the_library_example_runs(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox.commit("notes", **{"notes.md": "The program warns above 3.5 metres.\n"})
    source = example("docs/library.md", "python")
    tree = ast.parse(source.replace('"path/to/repository"', "'.'"))
    monkeypatch.chdir(sandbox.root)
    exec(compile(tree, "docs/library.md", "exec"), {})  # noqa: S102 - our own page's example
    assert sandbox.main_task().startswith("STATUS: completed\n")


@pytest.mark.thorough
def test_the_agent_example_runs(sandbox: Sandbox, tmp_path: Path) -> None:
    script = tmp_path / "agent"
    script.write_text(example("docs/agents.md", "sh").replace("ask-model --prompt-file", "cat"))
    sandbox("create", "some-task", "-d", "Say something.")
    sandbox("update", "continue", "Execute some-task task", "--task", "some-task")
    done = sandbox("step", "--json", "--agent-command", f"sh {script}", code=10)
    assert done.json["outcome"] == "completed"
    assert "Say something." in sandbox.read(".tasks/some-task/answer.md")
    assert "The answer is in answer.md." in sandbox.git("log", "-1", "--format=%b")
