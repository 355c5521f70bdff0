"""The log for people and for programs: filters, groups, and lines that come at once."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gitorch import cli
from gitorch.core.record import Record
from gitorch.ledger.log import Line, parts
from tests.bench.history import generate, measure
from tests.history.story import Story, copied, on_a_terminal
from tests.sandbox import GITORCH, quickly, run

EVENTS = ["end", "begin", "update", "move", "move", "create", "end", "begin", "end", "begin", "update"]


def _lines(story: Story, *args: str) -> list[str]:
    """Give the lines that people get where their terminal shows UTF-8."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with contextlib.redirect_stdout(out):
        assert cli.run(["-C", str(story.root), "log", *args]) == 0
    out.seek(0)
    return out.read().splitlines()


def _events(story: Story, *args: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in story("log", "--json", *args).out.splitlines()]


def test_each_event_has_a_line_newest_first(story: Story) -> None:
    lines = _lines(story)
    commits = [line.split()[1 if line[0] != " " else 0] for line in lines]
    assert commits == [each["commit"][:10] for each in _events(story)]
    assert [line[2:].split()[3] for line in lines] == [*EVENTS, "create", "create", "start"]
    assert all(line == line.rstrip() for line in lines)


def test_an_invocation_is_held_together_by_a_line_beside_it(story: Story) -> None:
    assert "".join(line[0] for line in _lines(story)) == "┌└    ┌└┌└    "


@pytest.mark.thorough
def test_beside_what_others_record_meanwhile_the_line_goes_on(story: Story, tmp_path: Path) -> None:
    mine = copied(story, tmp_path / "copy")
    mine("update", "continue", "Execute notes task", "--task", "notes")
    mine("move", "notes", "pending")
    quickly(mine.root, "begin", "--json")
    mine("create", "beside", "-d", "x")
    quickly(mine.root, "finish", "--exit", "0")
    assert [line[0] for line in _lines(mine, "-n", "4")] == ["┌", "│", "└", " "]


def test_one_that_is_open_has_a_line_of_its_own(story: Story) -> None:
    assert [line[0] for line in _lines(story, "HEAD~1", "-n", "2")] == ["┌", " "]


@pytest.mark.thorough
def test_where_the_output_is_not_utf8_plain_characters_hold_it(story: Story) -> None:
    shown = story.program("log", "-n", "3", env={"PYTHONIOENCODING": "ascii"}).out
    assert [line[0] for line in shown.splitlines()] == ["/", "\\", " "]


def test_a_line_tells_what_happened(story: Story) -> None:
    shown = story("log").out
    assert " end execute read-gauges completed attempt 2 0.5 USD (running -> completed)\n" in shown
    assert " end execute read-gauges failed 0.25 USD (running -> pending)\n" in shown
    assert " begin execute read-gauges (pending -> running, tide: pending -> running)\n" in shown
    assert " update continue: Execute read-gauges task\n" in shown
    assert " move notes (running -> completed)\n" in shown


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (("--task", "read-gauges"), lambda each: "read-gauges" in str(each["states"])),
        (("--task", "tide"), lambda each: "'tide'" in str(each["states"])),
        (("--action", "execute"), lambda each: each["event"] in ("begin", "end")),
        (("--action", "gather"), lambda _: False),
        (("--outcome", "rate-limited"), lambda _: False),
        (("-n", "1"), lambda each: each["event"] == "end" and each["outcome"] == "blocked"),
        (("--since", "2000-01-01"), lambda _: True),
        (("--since", "2.years.ago"), lambda _: True),
        (("--since", "yesterday"), lambda _: True),
        (("--since", "2099-01-01"), lambda _: False),
        (("--since", "HEAD"), lambda _: False),
        (("HEAD~2..HEAD",), lambda each: each.get("outcome") == "blocked" or each["subject"].endswith("begin execute")),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
@pytest.mark.thorough
def test_filters(story: Story, options: tuple[str, ...], wanted: Callable[[dict[str, Any]], bool]) -> None:
    expected = [each for each in _events(story) if wanted(each)]
    if options == ("HEAD~2..HEAD",):
        expected = expected[:2]
    assert _events(story, *options) == expected
    assert len(story("log", *options).out.splitlines()) == len(expected)


@pytest.mark.parametrize("outcome", ["completed", "failed", "blocked"])
def test_an_invocation_that_fits_is_listed_whole(story: Story, outcome: str) -> None:
    found = _events(story, "--outcome", outcome)
    assert [each["event"] for each in found] == ["end", "begin"]
    assert {each["invocation"] for each in found} == {story.invocation(outcome)}


def test_filters_come_together(story: Story) -> None:
    found = _events(
        story, "--task", "read-gauges", "--action", "execute", "--outcome", "completed", "--since", "2000-01-01"
    )
    assert [each["event"] for each in found] == ["end", "begin"]
    assert _events(story, "--task", "draw-chart", "--outcome", "completed") == []


@pytest.mark.thorough
def test_since_a_commit_leaves_that_and_all_before_it_out(story: Story) -> None:
    commits = [each["commit"] for each in _events(story)]
    for number, commit in enumerate(commits):
        assert [each["commit"] for each in _events(story, "--since", commit)] == commits[:number]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--action", "wait"), "one of: decompose, gather"),
        (("--outcome", "done"), "one of: completed, failed"),
        (("--since", "whenever"), "is not a commit or a date"),
        (("--since", "--all"), "is not a commit or a date"),
        (("--", "--all"), "not a revision"),
        (("--since", "HEAD~999"), "is not a commit or a date"),
        (("--task", "nothing"), "there is no task"),
    ],
)
def test_wrong_usage_is_told(story: Story, options: tuple[str, ...], said: str) -> None:
    done = story("log", *options, code=2)
    assert said in done.err
    assert done.out == ""


@pytest.mark.thorough
def test_colours_stand_on_terminals_only(story: Story) -> None:
    shown = on_a_terminal(story.root, "log")
    assert "\x1b[32mcompleted\x1b[0m" in shown
    assert "\x1b[31mfailed\x1b[0m" in shown
    assert "\x1b" not in story.program("log").out
    assert "\x1b" not in on_a_terminal(story.root, "log", "--json")


def test_lines_come_before_git_has_seen_the_whole_history(story: Story, tmp_path: Path) -> None:
    mine = copied(story, tmp_path / "copy")
    oldest = mine.git("rev-list", "--max-parents=0", "HEAD").strip()
    (mine.root / ".git" / "objects" / oldest[:2] / oldest[2:]).unlink()
    done = mine("log", code=1)
    assert len(done.out.splitlines()) > 5
    assert "cannot be read" in done.err
    assert mine("log", "-n", "1").out.count("\n") == 1


def test_an_end_waits_for_its_begin_not_for_ever() -> None:
    taken = 0

    def history() -> Iterator[Line]:
        nonlocal taken
        end = Record(event="end", subject="gitorch(t): x", invocation="0" * 32, action="check", outcome="failed")
        yield Line("0", 0, end)
        for number in range(1, 5000):
            taken = number
            yield Line(str(number), 0, Record(event="update", subject="gitorch(t): x"))

    found = parts(history())
    first = next(found)
    assert first.outcome == "failed"
    assert taken <= 1001
    assert [first.line.commit, *(part.line.commit for part in found)] == [str(number) for number in range(5000)]


@pytest.mark.thorough
def test_commits_of_broken_tools_that_name_no_time_are_read_all_the_same(story: Story, tmp_path: Path) -> None:
    mine = copied(story, tmp_path / "copy")
    expected = _events(mine)
    for when in ("", " ", " 1700000000", " yesterday +0000"):
        head = mine.git("rev-parse", "HEAD^{tree}", "HEAD").split()
        text = "tree {}\nparent {}\nauthor A <a@b> 0 +0000\ncommitter A <a@b>".format(*head) + f"{when}\n\nbroken\n"
        program = ("git", "hash-object", "-t", "commit", "-w", "--stdin", "--literally")
        mine.git("update-ref", "HEAD", run(*program, cwd=mine.root, stdin=text).out.strip())
    assert _events(mine) == expected
    assert mine("verify", "--json").json["checked"] == len(expected)
    for command in (("audit",), ("status",), ("show", expected[0]["commit"])):
        assert mine(*command).out
    mine("create", "later", "-d", "x")
    assert len(_events(mine)) == len(expected) + 1


def test_nothing_recorded_is_nothing_told(story: Story, tmp_path: Path) -> None:
    run("git", "init", "-q", str(tmp_path / "new"), cwd=tmp_path)
    assert quickly(tmp_path / "new", "log") == (0, "", "")
    assert story("log", "HEAD..HEAD").out == ""


@pytest.mark.heavy
def test_of_a_long_history_the_first_line_comes_at_once_and_memory_is_bounded(tmp_path: Path) -> None:
    root = tmp_path / "long.git"
    generate(root, 100_000)
    program = (*GITORCH, "log", "--json")
    first, whole = measure(root, (*program, "-n", "1"), program)
    assert first.seconds * 4 < whole.seconds
    assert whole.megabytes < 100
