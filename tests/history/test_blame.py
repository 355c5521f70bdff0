"""Whose work each line of a file is."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

import gitorch
from gitorch.ledger.blame import Origins
from tests.bench.history import generate
from tests.history.story import Story, copied
from tests.sandbox import Sandbox, quickly

FILE = "src/sea.py"


def _lines(story: Sandbox, *args: str) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = quickly(story.root, "blame", "--json", *args).json["lines"]
    return lines


def _commit(story: Story, subject: str) -> str:
    return story.git("log", "--format=%H", f"--grep={subject}").strip()


@pytest.mark.thorough
def test_each_line_tells_its_invocation_through_renames_and_the_agents_own_commits(story: Story) -> None:
    lines = _lines(story, FILE)
    own, tidy = _commit(story, "agent's own commit"), _commit(story, "tidy up")
    assert [(each["line"], each["commit"], each["path"]) for each in lines] == [
        (1, own, "src/tides.py"),
        (2, tidy, "src/tides.py"),
        (3, own, "src/tides.py"),
    ]
    first, second, _ = lines
    told = {key: first[key] for key in ("task", "invocation", "agent", "model")}
    done = story.invocation("completed")
    assert told == {"task": "read-gauges", "invocation": done, "agent": "function", "model": "claude-9"}
    assert (second["author"], second["invocation"], second["task"]) == ("Test User", None, None)
    assert [each["text"] for each in lines] == (story.root / FILE).read_text().splitlines()


@pytest.mark.thorough
def test_lines_of_the_record_itself_are_its_invocations(story: Story) -> None:
    lines = _lines(story, "src/tides.py", "HEAD~8")
    assert [each["invocation"] for each in lines] == [story.invocation("completed")] * 4
    end = next(each for each in story.records() if each.get("outcome") == "completed")
    assert lines[3]["commit"] == end["commit"]


def test_records_by_hand_tell_their_task_and_author(story: Story) -> None:
    (line,) = _lines(story, ".tasks/notes/notes.md")
    assert (line["task"], line["invocation"], line["agent"], line["author"]) == ("notes", None, None, "Test User")
    assert "notes Test User 1) noted\n" in quickly(story.root, "blame", ".tasks/notes/notes.md").out


def test_people_get_columns(story: Story) -> None:
    invocation = story.invocation("completed")[:8]
    own, tidy = _commit(story, "agent's own commit")[:8], _commit(story, "tidy up")[:8]
    assert quickly(story.root, "blame", FILE).out == (
        f"{own} {invocation} read-gauges function claude-9 1) first = 1\n"
        f"{tidy}                      Test User         2) second = 22\n"
        f"{own} {invocation} read-gauges function claude-9 3) third = '\ufffd[31m \ufffd'\n"
    )
    person = _commit(story, "Tides 0.1")[:8]
    assert quickly(story.root, "blame", "README.md", "-L", "3,3").out == f"{person} Test User 3) by a person\n"


@pytest.mark.thorough
def test_without_our_lines_the_porcelain_form_is_gits(story: Story) -> None:
    ours = subprocess.run(
        ("gitorch", "blame", "--porcelain", FILE), cwd=story.root, capture_output=True, check=True
    ).stdout
    theirs = subprocess.run(
        ("git", "blame", "--porcelain", FILE), cwd=story.root, capture_output=True, check=True
    ).stdout
    lines = ours.split(b"\n")
    assert b"\n".join(line for line in lines if not line.startswith(b"gitorch-")) == theirs
    assert [line for line in lines if line.startswith(b"gitorch-")] == [
        b"gitorch-task read-gauges",
        b"gitorch-invocation " + story.invocation("completed").encode(),
        b"gitorch-agent function",
        b"gitorch-model claude-9",
    ]


def test_lines_that_look_like_headers_stay_lines(story: Story, tmp_path: Path) -> None:
    mine = copied(story, tmp_path / "copy")
    text = "author X\nfilename y\ngitorch-task z\n\tauthor\n" + "a" * 40 + " 1 1 1\nno\x0bbreak\x85 \u2028 here\r\nend"
    mine.commit("hostile", **{"hostile.txt": text})
    assert [each["text"] for each in _lines(mine, "hostile.txt")] == text.split("\n")
    command = ("blame", "--porcelain", "hostile.txt")
    theirs = subprocess.run(("git", *command), cwd=mine.root, capture_output=True, check=True).stdout
    assert quickly(mine.root, *command).out.encode() == theirs


def test_of_the_work_tree_without_a_revision(story: Story, tmp_path: Path) -> None:
    mine = copied(story, tmp_path / "copy")
    mine.write(FILE, "new\nfirst = 1\n")
    new, first = _lines(mine, FILE)
    assert (new["commit"], new["invocation"]) == (None, None)
    assert first["invocation"] == story.invocation("completed")
    assert "not committed yet" in quickly(mine.root, "blame", FILE).out.splitlines()[0]
    assert len(_lines(mine, FILE, "HEAD")) == 3


def test_some_lines_only(story: Story) -> None:
    assert [each["line"] for each in _lines(story, FILE, "-L", "2,3")] == [2, 3]
    assert [each["line"] for each in _lines(story, FILE, "-L1,1", "-L", "/third/,+1")] == [1, 3]


def test_from_a_folder_below_by_a_whole_path_and_in_a_bare_clone(story: Story, tmp_path: Path) -> None:
    expected = _lines(story, FILE)
    assert quickly(story.root / "src", "blame", "sea.py", "--json").json["lines"] == expected
    assert quickly(story.root / "src", "blame", "../src/./sea.py", "--json").json["file"] == FILE
    assert quickly(story.root / "src", "blame", str(story.root / FILE), "--json").json["lines"] == expected
    story.git("clone", "-q", "--bare", str(story.root), str(tmp_path / "bare.git"))
    assert _lines(Sandbox(tmp_path / "bare.git"), FILE) == expected


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("nothing.py",), 1, "no such path"),
        ((FILE, "nowhere"), 1, "cannot be blamed"),
        ((FILE, "--", "--contents=x"), 2, "is not a revision"),
        (("../outside",), 2, "outside the repository"),
        ((FILE, "-L", "90,99"), 1, "has only 3 lines"),
        ((FILE, "--json", "--porcelain"), 2, "cannot be used together"),
    ],
)
def test_what_cannot_be_done_is_told(story: Story, args: tuple[str, ...], code: int, said: str) -> None:
    assert said in quickly(story.root, "blame", *args).err
    assert quickly(story.root, "blame", *args).code == code


def _agree(sandbox: Sandbox) -> int:
    """Compare all commits' origins with what folding the whole history says; give how many belong to an invocation."""
    with gitorch.open(sandbox.root) as workflow:
        folded = {
            commit: (each.id, each.task, each.agent, each.end.model if each.end is not None else None)
            for each in workflow.invocations()
            if each.id is not None
            for commit in each.commits
        }
        every = sandbox.git("rev-list", "HEAD").split()
        found = Origins(workflow.repository).of(every, "HEAD")
    for commit in every:
        origin = found.get(commit)
        if commit in folded:
            assert origin is not None
            assert (origin.invocation, origin.task, origin.agent, origin.model) == folded[commit]
        else:
            assert origin is None or origin.invocation is None
    return len(folded)


@pytest.mark.thorough
def test_all_commits_belong_where_the_audit_puts_them(story: Story, tmp_path: Path) -> None:
    assert _agree(story) == 7
    mine = copied(story, tmp_path / "copy")
    mine.git("switch", "-qc", "side")
    mine.commit("on the side", **{"side.txt": "side\n"})
    mine.git("switch", "-q", "main")
    mine("move", "notes", "pending")
    mine("update", "continue", "Execute notes task", "--task", "notes")
    quickly(mine.root, "begin")
    mine.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    mine("create", "beside", "-d", "x")
    mine.commit("meanwhile", **{"new.txt": "new\n"})
    assert _agree(mine) == 10
    quickly(mine.root, "finish", "--exit", "0")
    mine.commit("later", **{"later.txt": "later\n"})
    assert _agree(mine) == 11
    assert _lines(mine, "side.txt")[0]["invocation"] is None
    assert _lines(mine, "new.txt")[0]["task"] == "notes"


@pytest.mark.usefixtures("no_agent")
@pytest.mark.thorough
def test_an_end_by_a_clock_put_back_tells_the_agent_too(
    story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = copied(story, tmp_path / "copy")
    mine("move", "notes", "pending")
    mine("update", "continue", "Execute notes task", "--task", "notes")
    quickly(mine.root, "begin")
    mine.git("branch", "beside")
    mine.commit("its work", **{"work.txt": "x\n"})
    with monkeypatch.context() as patch:
        patch.setenv("GIT_COMMITTER_DATE", "2020-01-01T00:00:00Z")
        quickly(mine.root, "finish", "--exit", "0")
    mine.git("switch", "-q", "beside")
    mine.commit("beside", **{"beside.txt": "x\n"})
    mine.git("switch", "-q", "main")
    mine.git("merge", "-q", "--no-ff", "-m", "join", "beside")
    assert [(each["task"], each["agent"]) for each in _lines(mine, "work.txt")] == [("notes", "own")]


@pytest.mark.thorough
def test_a_decomposition_by_template_is_its_tasks_and_nobodys_invocation(tmp_path: Path) -> None:
    sandbox = Sandbox.create(tmp_path / "repo", decoys=False)
    sandbox("start", "chip-research", "-d", "Chips?")
    quickly(sandbox.root, "step")
    told = sandbox.git("log", "-1", "--format=%B")
    made = next(path for path in sandbox.git("ls-files", "-z").split("\0") if "data-gathering_task" in path)
    assert {(each["task"], each["invocation"]) for each in _lines(sandbox, made)} == {("chip-research", None)}
    quickly(sandbox.root, "begin")
    sandbox.commit("its work", file="x\n")
    assert _agree(sandbox) == 2
    sandbox.commit(told)  # the invocation's end is lost: nothing of it is open after another step
    sandbox.commit("of nobody", later="x\n")
    assert _agree(sandbox) == 2


@pytest.mark.thorough
def test_of_a_longer_history_too(tmp_path: Path) -> None:
    root = tmp_path / "long.git"
    generate(root, 600)
    assert _agree(Sandbox(root)) > 200


@pytest.mark.thorough
def test_many_merges_without_any_workflow_cost_nothing(tmp_path: Path) -> None:
    sandbox = Sandbox.create(tmp_path / "repo", decoys=False)
    sandbox("start", "first", "-d", "x")
    chance = random.Random(7)  # noqa: S311 - for variety
    start = sandbox.head()
    parts = []
    for number in range(1200):
        fork = f":{chance.randrange(number) * 2 + 2}" if number else start
        before = f":{number * 2}" if number else start
        who = f"committer A <a@b> {1700000001 + number} +0000\ndata 0"
        parts.append(f"commit refs/heads/side\nmark :{number * 2 + 1}\n{who}\nfrom {fork}\n")
        parts.append(f"commit refs/heads/main\nmark :{number * 2 + 2}\n{who}\nfrom {before}\nmerge :{number * 2 + 1}")
        parts.append(f"M 644 inline f\ndata {len(str(number))}\n{number}\n")
    program = ("git", "fast-import", "--quiet", "--force")
    subprocess.run(program, cwd=sandbox.root, input="\n".join(parts).encode(), check=True)
    (line,) = _lines(sandbox, "f", "main")
    assert (line["invocation"], line["author"], line["text"]) == (None, "A", "1199")
