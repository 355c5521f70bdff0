"""rewind and fork: back to an earlier state by a new commit, and on from one elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

import gitorch
from tests.history.sides import Sides, moved, needs_merge_tree, said, worked, wrote
from tests.probe import refused
from tests.sandbox import Sandbox

PENDING = {"a": "pending", "b": "pending", "c": "pending", "p": "pending", "p1": "pending", "p2": "pending"}

_MADE: dict[str, Sides] = {}


@pytest.fixture
def sides(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Sides:
    """Give a workflow in which `z` was done, then `a` and `b`, and a person has committed something between."""
    if "sides" not in _MADE:
        made = Sides.begin(tmp_path_factory.mktemp("rewound") / "repo")
        made.on("main", worked("a"), wrote("mine.txt", "a person's\n"), worked("b"))
        _MADE["sides"] = made
    return _MADE["sides"].copy(tmp_path / "repo")


def invocations(sides: Sides) -> dict[str | None, str]:
    """Give the id of each task's invocation."""
    with gitorch.open(sides.root) as workflow:
        return {each.task: each.id for each in workflow.invocations() if each.id is not None}


@pytest.mark.thorough
def test_back_to_the_state_after_an_invocation(sides: Sides) -> None:
    ids, head = invocations(sides), sides.head()
    told = sides("rewind", ids["z"]).out
    assert told.splitlines()[1:] == [
        "  a: completed -> pending",
        "  b: completed -> pending",
        "next: Execute a task",
    ]
    assert sides.states() == {**PENDING, "z": "completed"}
    assert sides.main_task() == "STATUS: continue\nNEXT: Execute a task\nTASK: a\n"
    assert sides.git("rev-parse", "HEAD~1").strip() == head
    assert sides.read("a.txt") == "a is done\n"
    assert sides.status() == ""
    assert sides("rewind", ids["z"][:10]).out == "nothing to do: this is the present state\n"
    assert sides.to_the_end()


@pytest.mark.thorough
def test_a_rewind_is_rewound(sides: Sides) -> None:
    before, states = sides.git("rev-parse", "HEAD^{tree}"), sides.states()
    sides("rewind", "--work", invocations(sides)["z"])
    assert sides.states() != states
    sides("rewind", "--work", "HEAD~1")
    assert sides.git("rev-parse", "HEAD^{tree}") == before
    assert sides.holds()


@pytest.mark.thorough
def test_with_work_the_files_of_invocations_are_restored_and_people_s_stay(sides: Sides) -> None:
    sides.write("other.txt", "staged\n")
    sides.git("add", "other.txt")
    sides.write("untracked.txt", "mine\n")
    told = sides("rewind", "--work", invocations(sides)["z"]).out
    assert "2 files as after" in told
    assert [(sides.root / f"{name}.txt").exists() for name in ("z", "a", "b", "mine")] == [True, False, False, True]
    assert sides.status() == "M  other.txt\n?? untracked.txt"
    assert sides.holds()


@pytest.mark.thorough
def test_files_with_uncommitted_changes_refuse_it(sides: Sides) -> None:
    sides.write("a.txt", "edited\n")
    refused(sides, "rewind", "--work", invocations(sides)["z"], says="'a.txt'")
    sides("rewind", invocations(sides)["z"])
    assert sides.read("a.txt") == "edited\n"


@pytest.mark.thorough
def test_tasks_that_came_and_went_since(sides: Sides) -> None:
    there = sides.head()
    for do in (said("create", "new"), said("drop", "p2"), *moved("p1", "running", "completed")):
        do(sides)
    gone = sides.git("show", f"{there}:.tasks/[pending]_p2_task.md")
    sides("rewind", there)
    assert sides.states() == {**PENDING, **dict.fromkeys("abz", "completed")}
    assert sides.read(".tasks/[pending]_p2_task.md") == gone
    assert sides.to_the_end()


@needs_merge_tree
@pytest.mark.thorough
def test_back_beyond_a_merge_and_on_the_other_branch_s_way(sides: Sides) -> None:
    sides.on("side", worked("p1"))
    there = sides.head()
    sides.on("main", said("merge", "side"))
    joined = sides.states()
    sides("rewind", there[:12])
    assert sides.states() == {**PENDING, "z": "completed", "p1": "completed", "p": "running"}
    sides("rewind", "HEAD~1")
    assert sides.states() == joined
    assert sides.to_the_end()


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("nothing", 2, "is not an invocation or a commit"),
        ("", 2, "is not an invocation or a commit"),
        ("0123456789", 2, "is not an invocation or a commit"),
        ("elsewhere", 1, "not in the history of this branch"),
    ],
)
@pytest.mark.thorough
def test_what_is_not_there(sides: Sides, text: str, code: int, says: str) -> None:
    sides.on("side", worked("c"))
    sides.git("branch", "-m", "side", "elsewhere")
    sides.on("main")
    refused(sides, "rewind", text, code=code, says=says)


@pytest.mark.thorough
def test_an_invocation_that_has_not_ended(sides: Sides) -> None:
    begun = sides("begin", "--json").json["invocation"]
    refused(sides, "fork", begun, "-b", "more", says="has not ended")
    refused(sides, "rewind", "HEAD~3", code=75, says="is out to a loop of your own")


def test_inside_an_invocation(sides: Sides) -> None:
    env = {"GITORCH_INVOCATION": "0" * 32, "GITORCH_RESULT": "/nowhere"}
    refused(sides, "rewind", "HEAD~1", says="cannot be used inside", env=env)
    refused(sides, "fork", "HEAD~1", "-b", "more", says="cannot be used inside", env=env)


@pytest.mark.thorough
def test_on_from_an_invocation_on_another_branch(sides: Sides) -> None:
    ids, head = invocations(sides), sides.head()
    sides.write("untracked.txt", "mine\n")
    told = sides("fork", ids["a"], "-b", "more").out
    assert told.splitlines()[-1] == "continue with: git switch more"
    assert (sides.head(), sides.status()) == (head, "?? untracked.txt")
    sides.on("more")
    assert sides.states()["a"] == "completed"
    assert sides.states()["b"] == "pending"
    assert sides.to_the_end()


@pytest.mark.thorough
def test_in_a_worktree_of_its_own_with_another_agent(sides: Sides, tmp_path: Path) -> None:
    ids = invocations(sides)
    sides.on("side")  # the invocation need not be on this branch
    folder = tmp_path / "with blank"
    told = sides("fork", ids["b"], "-b", "more", "-w", str(folder), "--agent", "local").out
    assert told.splitlines()[-1] == f"continue with: gitorch -C '{folder}' run"
    linked = Sides(folder)
    assert linked.states()["b"] == "completed"
    assert sides.git("config", "branch.more.gitorchAgent") == "local\n"
    linked.commit("notes", **{"notes.md": "The letter c, and more of c.\n"})
    assert "execute" in linked("step", "--json", code=None).json["action"]
    assert linked.trailer("Agent") == "local"
    assert linked("verify").code == 0


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (["HEAD", "-b", "side"], 2, "there is a branch side already"),
        (["HEAD", "-b", "no..name"], 2, "is not a valid branch name"),
        (["HEAD", "-b", "more", "-w", "."], 2, "exists"),
        (["HEAD", "-b", "more", "--agent", "nobody"], 2, "nobody"),
        (["nothing", "-b", "more"], 2, "is not an invocation or a commit"),
        (["HEAD"], 2, "--branch"),
    ],
)
@pytest.mark.thorough
def test_a_fork_that_cannot_be_made(sides: Sides, args: list[str], code: int, says: str) -> None:
    refused(sides, "fork", *args, code=code, says=says)


@pytest.mark.thorough
def test_back_to_where_there_was_no_main_task_yet(sandbox: Sandbox) -> None:
    sandbox("create", "a")
    first = sandbox.head()
    sandbox("update", "continue", "Execute a", "--task", "a")
    sandbox("rewind", first)
    assert not (sandbox.root / ".tasks/MAIN_TASK").exists()
    assert sandbox.git("ls-tree", "--name-only", "HEAD", ".tasks/").split() == [".tasks/[pending]_a_task.md"]
    assert sandbox("verify").code == 0
    assert sandbox.decoys_untouched()
