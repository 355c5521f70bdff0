"""One invocation, told whole."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

import gitorch
from gitorch.core.audit_json import as_dict
from tests.history.story import HOSTILE, Story, copied, on_a_terminal
from tests.sandbox import Sandbox, quickly


def _audit(story: Sandbox) -> list[dict[str, Any]]:
    with gitorch.open(story.root) as workflow:
        told = [as_dict(0, each) for each in workflow.invocations()]
    for each in told:
        del each["number"]
    return told


def _shown(story: Sandbox, name: str) -> dict[str, Any]:
    shown = story("show", name, "--json").json
    assert shown.pop("schema") == 1
    return {key: value for key, value in shown.items() if not key.startswith("diff")}


@pytest.mark.thorough
def test_every_commit_of_an_invocation_leads_to_it_as_the_audit_tells_it(story: Story) -> None:
    for invocation in _audit(story):
        for commit in invocation["commits"]:
            assert _shown(story, commit) == invocation


@pytest.mark.thorough
def test_a_decomposition_by_template_is_one_too(tmp_path: Path) -> None:
    sandbox = Sandbox.create(tmp_path / "repo")
    sandbox("start", "chip-research", "-d", "Chips?")
    quickly(sandbox.root, "step")
    made = _audit(sandbox)[-1]
    assert (made["by"], made["action"], made["task"]) == ("template", "decompose", "chip-research")
    assert _shown(sandbox, "HEAD") == made
    assert "invocation: none: by a template\n" in sandbox("show", "HEAD").out


@pytest.mark.thorough
def test_an_id_leads_to_it_whole_or_cut_short_in_either_case(story: Story) -> None:
    for invocation in _audit(story):
        if invocation["invocation"] is not None:
            for name in (invocation["invocation"], invocation["invocation"][:6], invocation["invocation"][:9].upper()):
                assert _shown(story, name) == invocation


def test_a_bare_clone_tells_the_same(story: Story, tmp_path: Path) -> None:
    story.git("clone", "-q", "--bare", str(story.root), str(tmp_path / "bare.git"))
    bare = Sandbox(tmp_path / "bare.git")
    name = story.invocation("completed")
    assert bare("show", name, "--json").json == story("show", name, "--json").json


def test_people_are_told_all_of_it(story: Story) -> None:
    shown = story("show", story.invocation("completed")).out
    for part in (
        "execute read-gauges: completed, attempt 2\n",
        "next: Execute read-gauges task\n",
        'focus: Facts "first" <i>\n',
        "agent: function\n",
        "model: claude-9\n",
        "session: s-2\n",
        "cost: 0.5 USD\n",
        "tokens: 1200 in (200 cached), 34 out\n",
        "then: continue: Execute draw-chart subtask\n",
        "  read-gauges: running -> completed\n",
        "files:\n  src/tides.py\n",
        "    Done.\n",
        "+fourth = 4\n",
    ):
        assert part in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "reason: In vain\n" in story("show", story.invocation("failed")).out
    assert "question: Which colour?\n" in story("show", "HEAD").out


@pytest.mark.thorough
def test_gates_are_told(tmp_path: Path) -> None:
    sandbox = Sandbox.create(tmp_path / "repo")
    sandbox("start", "gated", "-d", "x")
    path = next((sandbox.root / ".tasks").glob("*gated_task.md"))
    path.write_text("---\nrun: echo made > made.txt\ncheck:\n- grep -q made made.txt\n- 'true'\n---\n# gated\n")
    sandbox.git("commit", "-qam", "a gate")
    sandbox("trust", "--yes")
    sandbox("update", "continue", "Execute gated task", "--task", "gated")
    sandbox.program("step")
    shown = sandbox("show", "HEAD", "--json").json
    assert shown["check"] == [{"exit": 0, "command": "grep -q made made.txt"}, {"exit": 0, "command": "true"}]
    assert "check: ok  grep -q made made.txt\ncheck: ok  true\n" in sandbox("show", "HEAD").out
    assert "+made\n" in shown["diff"]


def test_the_difference_is_the_work_without_the_state_files(story: Story) -> None:
    diff = story("show", story.invocation("completed"), "--json").json["diff"]
    assert "+++ b/src/tides.py\n" in diff
    assert ".tasks/" not in diff
    by_hand = story("show", story.git("log", "--format=%H", "--grep=a note").strip(), "--json").json
    assert "+++ b/.tasks/notes/notes.md\n" in by_hand["diff"]
    assert "+++ b/NOTES.md\n" in by_hand["diff"]
    assert "_task.md" not in by_hand["diff"]
    assert story("show", "HEAD", "--json").json["diff"] == ""


def test_of_the_first_commit_of_all_too(tmp_path: Path) -> None:
    sandbox = Sandbox.create(tmp_path / "repo", decoys=False, object_format="sha256")
    sandbox("start", "first", "-d", "x")
    shown = sandbox("show", "HEAD", "--json").json
    assert (shown["events"], shown["diff"]) == (["start"], "")


@pytest.mark.thorough
def test_a_long_difference_is_cut_unless_all_is_wanted(story: Story, tmp_path: Path) -> None:
    mine = copied(story, tmp_path / "copy")
    mine("move", "notes", "pending")
    mine("move", "notes", "running")
    mine.write(".tasks/notes/notes.md", "".join(f"line {number}\n" for number in range(2000)) + "x" * 5000 + "\n")
    mine("move", "notes", "completed")
    cut, whole = mine("show", "HEAD").out, mine("show", "HEAD", "--full").out
    assert "is longer: --full" in cut
    assert "+line 1999\n" not in cut
    assert "+line 1999\n" in whole
    assert "x" * 5000 in whole
    told = mine("show", "HEAD", "--json").json
    assert told["diff_cut"]
    assert told["diff"].count("\n") == 400
    told = mine("show", "HEAD", "--json", "--full").json
    assert not told["diff_cut"]
    assert "+line 1999\n" in told["diff"]


@pytest.mark.thorough
def test_many_files_with_any_names_are_in_it(story: Story, tmp_path: Path) -> None:
    mine = copied(story, tmp_path / "copy")
    mine("move", "notes", "pending")
    mine("move", "notes", "running")
    names = [*(f"{number}.txt" for number in range(510)), ":(exclude)x", "*", "a\nb", "-p", "ü \x1b[31m"]
    for name in names:
        mine.write(f".tasks/notes/many/{name}", f"in {name!r}\n")
    mine("move", "notes", "completed")
    diff = mine("show", "HEAD", "--json", "--full").json["diff"]
    assert diff.count("\n@@ ") == len(names)
    assert "\x1b" not in mine("show", "HEAD", "--full").out


@pytest.mark.thorough
def test_no_setting_or_attribute_starts_a_program_or_changes_the_form(story: Story, tmp_path: Path) -> None:
    name = story.invocation("completed")
    before = story("show", name, "--json").json
    mine = copied(story, tmp_path / "copy")
    pwned = tmp_path / "pwned"
    mine.git("config", "diff.external", f"touch {pwned}; false")
    mine.git("config", "diff.evil.command", f"touch {pwned}; false")
    mine.git("config", "diff.evil.textconv", f"touch {pwned}; false")
    for key, value in (("noprefix", "true"), ("mnemonicPrefix", "true"), ("renames", "copies"), ("context", "0")):
        mine.git("config", f"diff.{key}", value)
    mine.git("config", "color.ui", "always")
    mine.write(".git/info/attributes", "* diff=evil\n")
    assert mine("show", name, "--json").json == before
    assert not pwned.exists()


@pytest.mark.thorough
def test_on_a_terminal_the_difference_is_coloured_and_nothing_in_it_steers(story: Story) -> None:
    shown = on_a_terminal(story.root, "show", story.invocation("completed"))
    assert "\x1b[32m+first = 1\x1b[0m" in shown
    assert "\x1b[32m+third = '\ufffd[31m \ufffd'\x1b[0m" in shown


def test_a_task_goes_first_where_both_are_so_called(story: Story, tmp_path: Path) -> None:
    mine = copied(story, tmp_path / "copy")
    name = story.invocation("completed")[:7]
    assert mine("show", name, "--json").json["action"] == "execute"
    mine("create", name, "-d", "a task with this name")
    assert mine("show", name, "--json").json["description"].endswith("a task with this name")


def test_a_task_is_shown_as_ever(story: Story) -> None:
    shown = story("show", "read-gauges", "--json").json
    assert (shown["state"], shown["parent"]) == ("completed", "tide")
    assert [each["event"] for each in shown["history"]] == ["end", "begin", "end", "begin", "create"]
    assert HOSTILE.replace("\u202e", "\ufffd").replace("\x1b", "\ufffd") in story("show", "read-gauges").out


@pytest.mark.thorough
def test_an_open_one_is_shown_up_to_now(story: Story, tmp_path: Path) -> None:
    mine = copied(story, tmp_path / "copy")
    mine("move", "notes", "pending")
    mine("update", "continue", "Execute notes task", "--task", "notes")
    begun = quickly(mine.root, "begin", "--json").json["invocation"]
    mine.commit("meanwhile", **{"new.txt": "new\n"})
    shown = mine("show", begun[:8], "--json").json
    assert (shown["ended"], shown["files"], shown["outcome"]) == (None, ["new.txt"], None)
    assert "+new\n" in shown["diff"]
    assert mine("show", begun).out.startswith("execute notes: open\n")
    quickly(mine.root, "finish", "--exit", "1")


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("ffffffffffffffffffffffffffffffff", 1, "there is no task"),
        ("HEAD~1~99", 2, "is not a valid task name"),
        ("--output=x", 2, "is not a valid task name"),
        ("", 2, "is not a valid task name"),
        ("a\nb", 2, "is not a valid task name"),
        ("HEAD:README.md", 2, "is not a valid task name"),
    ],
)
def test_what_is_not_there_is_told(story: Story, name: str, code: int, said: str) -> None:
    assert said in story("show", "--", name, code=code).err


def test_five_digits_are_too_few_and_many_must_not_fit(story: Story, tmp_path: Path) -> None:
    assert "there is no task" in story("show", story.invocation("completed")[:5], code=1).err
    mine = copied(story, tmp_path / "copy")
    shutil.rmtree(mine.root / ".git" / "gitorch", ignore_errors=True)
    name = story.invocation("completed")
    other = name[:8] + "0" * 24
    message = mine.git("log", "-1", "--format=%B").replace(story.invocation("blocked"), other)
    mine.git("commit", "-q", "--allow-empty", "-m", message)
    done = mine("show", name[:8], code=1)
    assert f"2 invocations begin with {name[:8]}" in done.err
    assert _shown(mine, name)["invocation"] == name


def test_an_ordinary_commit_belongs_to_none(story: Story) -> None:
    commit = story.git("log", "--format=%h", "--grep=Tides 0.1").strip()
    assert "belongs to no invocation" in story("show", commit, code=1).err
