from __future__ import annotations

import csv
import json
import os
import re
import shutil
from typing import TYPE_CHECKING

import pytest

from gitorch.core.names import task_dir, task_path
from gitorch.core.task import Task
from gitorch.core.text import clean
from gitorch.local.citations import find, read_path

if TYPE_CHECKING:
    from tests.local.conftest import Repo

QUESTION = "When does the valve open, at which temperature? Who feeds the unicorn?"
GATHER = Task(name="heat-data-gathering", parent="heat", kind="gather", description=QUESTION)
ANALYSE = Task(name="heat-analysis", parent="heat", kind="execute", needs=(GATHER.name,), description=QUESTION)
REPORT = Task(
    name="heat-synthesis",
    parent="heat",
    kind="synthesize",
    needs=(GATHER.name, ANALYSE.name),
    outputs=("report.md", "gaps.md", "data/passages.json", "table.csv", "oil.md", "summary.md", "notes.md", "more.md"),
    description=QUESTION,
)
NOTE = "no model was used"
QUOTE = re.compile(r"`([^`\n]+):(\d+)(?:-(\d+))?`[^`]*?\n\n(`{3,})\w*\n(.*?)\n\4(?:\n|$)", re.DOTALL)
SENTENCE = re.compile(r"^- “(.*)” — `([^`\n]+):(\d+)(?:-(\d+))?`$", re.MULTILINE)


def file_lines(repo: Repo, path: str) -> list[str]:
    with open(os.path.join(os.fsencode(repo.path), path.encode("utf-8", "surrogateescape")), "rb") as file:  # noqa: PTH118, PTH123
        return file.read().decode("utf-8-sig", errors="replace").split("\n")


def check_citations(repo: Repo, text: str) -> int:
    """Every citation names lines that exist, and every quotation is what stands there; count the quotations."""
    for path, first, last in find(text):
        assert 1 <= first <= last <= len(file_lines(repo, path))
    quotes = QUOTE.findall(text)
    for shown, first, last, _, quoted in quotes:
        lines = file_lines(repo, read_path(shown))[int(first) - 1 : int(last or first)]
        assert len(quoted.split("\n")) == len(lines)
        for said, line in zip(quoted.split("\n"), lines, strict=True):
            cut = said.removesuffix("…") if len(said) == 400 else said
            assert clean(line.rstrip("\r")).startswith(cut)
    for said, shown, first, last in SENTENCE.findall(text):
        lines = file_lines(repo, read_path(shown))[int(first) - 1 : int(last or first)]
        assert said in " ".join(" ".join(re.sub(r"^\s*[-*>]\s", "", line) for line in lines).split())
    return len(quotes)


def test_gather_quotes_what_stands_there(repo: Repo) -> None:
    result = repo.work(GATHER)
    assert (result["outcome"], result["cost_usd"]) == ("completed", 0)
    text = repo.output(GATHER.name, "sources.md")
    assert check_citations(repo, text) >= 5
    assert NOTE in text
    odd = ("docs/new\\x0aline.txt", "docs/\\xff\\xfe.txt", "\\x60tick\\x60\\x7cpipe.md")
    for wanted in ("README.md", "src/valve.py", *odd):
        assert wanted in text
    for decoy in ("blob.bin", "package-lock", "vendor/", "big.txt", ".tasks/old", "cake"):
        assert decoy not in text
    assert "**unicorn**" in text[text.index("## Gaps") :]


@pytest.mark.thorough
def test_the_whole_chain_keeps_its_citations(repo: Repo) -> None:
    for task in (GATHER, ANALYSE, REPORT):
        repo.work(task)
    analysis = repo.output(ANALYSE.name, "analysis.md")
    check_citations(repo, analysis)
    assert "src/valve.py" in analysis
    assert "Who feeds the unicorn? — **open**" in analysis
    report = repo.output(REPORT.name, "report.md")
    assert check_citations(repo, report) >= 3
    assert "“The valve closes again after ten minutes.” — `README.md:8`" in report or "“The daemon opens" in report


@pytest.mark.thorough
def test_every_output_has_its_share(repo: Repo) -> None:
    for task in (GATHER, REPORT):
        repo.work(task)
    texts = {name: repo.output(REPORT.name, name) for name in REPORT.outputs}
    assert len(set(texts.values())) == len(texts)
    bodies = {re.sub(r"\A#.*\n", "", text) for text in texts.values()}
    assert len(bodies) == len(texts)
    assert "## Passages by topic" not in texts["gaps.md"]
    assert "unicorn" in texts["gaps.md"]
    assert json.loads(texts["data/passages.json"])["passages"]
    rows = list(csv.DictReader(texts["table.csv"].splitlines(keepends=True)))
    assert {"path", "first", "last", "text"} <= set(rows[0])
    assert "needs oil once a year" in texts["oil.md"].split("## Sources")[0]
    for text in texts.values():
        assert text.strip()


@pytest.mark.thorough
def test_the_same_content_gives_the_same_output(repo: Repo) -> None:
    texts = []
    for _ in range(2):
        for task in (GATHER, ANALYSE, REPORT):
            repo.work(task)
        names = [(GATHER, "sources.md"), (ANALYSE, "analysis.md"), *((REPORT, name) for name in REPORT.outputs)]
        texts.append([repo.output(task.name, name) for task, name in names])
        for task in (GATHER, ANALYSE, REPORT):
            shutil.rmtree(repo.path / task_dir(task.name))
    assert texts[0] == texts[1]


@pytest.mark.thorough
def test_the_focus_of_the_moment_counts_and_that_of_the_template_does_not(repo: Repo) -> None:
    task = Task(name="kitchen", kind="gather", focus="valve temperature", description="What is said of the hour?")
    repo.work(task, focus="valve temperature")
    assert "valve" not in repo.output("kitchen", "sources.md")
    repo.work(task, focus="sugar and eggs")
    text = repo.output("kitchen", "sources.md")
    assert "Focus: sugar and eggs" in text
    assert "recipes/cake.md" in text


def test_instructions_of_a_template_are_not_searched(repo: Repo) -> None:
    description = "## Question\n\nWhere is the valve?\n\n## What to do\n\nBake flour. How long does it bake?\n"
    repo.work(Task(name="place", kind="gather", description=description))
    text = repo.output("place", "sources.md")
    assert "src/valve.py" in text
    assert "cake.md" not in text


def test_notes_of_others_are_sources(repo: Repo) -> None:
    notes = repo.path / ".tasks" / "survey"
    notes.mkdir(parents=True)
    (notes / "notes.md").write_text("The valve was seen open at `src/valve.py:5-7`, `none.py:3`, `README.md:999`.\n")
    task = Task(name="look", kind="execute", needs=("survey",), description="Where was the valve seen open?")
    repo.work(task)
    text = repo.output("look", "analysis.md")
    check_citations(repo, text)
    assert {citation.path for citation in find(text)} == {".tasks/survey/notes.md", "src/valve.py"}


def test_a_needed_task_with_subtasks_is_read_through_them(bare_repo: Repo) -> None:
    repo = bare_repo
    repo.task(Task(name="survey"))
    repo.task(Task(name="survey-part", parent="survey"))
    folder = repo.path / task_dir("survey-part")
    folder.mkdir()
    (folder / "result.md").write_text("The valve is made of brass.\n")
    repo.work(Task(name="look", kind="synthesize", needs=("survey",), description="What is the valve made of?"))
    assert "made of brass" in repo.output("look", "report.md")


@pytest.mark.thorough
def test_a_task_for_which_nothing_is_found_is_not_completed(bare_repo: Repo) -> None:
    for task in (GATHER, ANALYSE, REPORT):
        result = bare_repo.work(task)
        assert result["outcome"] == "blocked"
        assert "found nothing about" in str(result["question"])
        assert "--agent NAME" in str(result["question"])


@pytest.mark.thorough
def test_an_output_that_takes_a_model_is_asked_about(repo: Repo) -> None:
    result = repo.work(Task(name="draw", description="Draw the valve.", outputs=("valve.svg",)))
    assert result["outcome"] == "blocked"
    assert "valve.svg" in result["question"]


def test_check_lists_what_cannot_go_on(repo: Repo) -> None:
    for name, state, front in (("a", "failed", ""), ("b", "pending", "needs: a\n"), ("c", "completed", "")):
        (repo.path / f".tasks/[{state}]_{name}_task.md").write_text(f"---\n{front}---\n")
    result = repo.path.parent / "result.json"
    done = repo.agent(GITORCH_ACTION="check", GITORCH_RESULT=str(result))
    assert done.returncode == 0
    loaded = json.loads(result.read_text())
    assert loaded["outcome"] == "blocked"
    assert "Nothing can run: a failed; b waits for a (failed). Which task" in loaded["question"]


@pytest.mark.parametrize(
    ("env", "code", "said"),
    [
        ({}, 2, "GITORCH_TASK"),
        ({"GITORCH_TASK": "x", "GITORCH_ACTION": "gather"}, 2, "GITORCH_TASK_FILE is not set"),
        ({"GITORCH_TASK": "x", "GITORCH_ACTION": "dance"}, 2, "GITORCH_TASK_FILE"),
        ({"GITORCH_TASK": "../x"}, 2, "no task name"),
        ({"GITORCH_TASK": "x", "GITORCH_TASK_FILE": "/etc/passwd"}, 2, "no path in .tasks/"),
        ({"GITORCH_TASK": "x", "GITORCH_TASK_FILE": ".tasks/gone"}, 1, "No such file"),
        ({"GITORCH_ACTION": "check", "GITORCH_RESULT": "/no/such/folder/x"}, 1, "No such file"),
    ],
)
@pytest.mark.thorough
def test_wrong_use_is_one_clear_line(repo: Repo, env: dict[str, str], code: int, said: str) -> None:
    done = repo.agent(**env)
    assert done.returncode == code
    assert done.stderr.startswith("error: ")
    assert said in done.stderr.splitlines()[0]
    assert "Traceback" not in done.stderr


@pytest.mark.thorough
def test_outside_a_repository_the_error_is_clear(repo: Repo) -> None:
    repo.task(GATHER)
    shutil.rmtree(repo.path / ".git")
    done = repo.agent(
        GITORCH_TASK=GATHER.name,
        GITORCH_ACTION="gather",
        GITORCH_TASK_FILE=task_path(GATHER.name, "running"),
        GITORCH_TASK_DIR=task_dir(GATHER.name),
        GIT_CEILING_DIRECTORIES=str(repo.path.parent),
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
