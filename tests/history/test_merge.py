"""merge: two histories that went on with one workflow become one, whichever is merged into which."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

import gitorch
from tests.history.sides import COST, LINES, Do, Sides, edited, moved, needs_merge_tree, said, worked, wrote
from tests.probe import refused
from tests.sandbox import run, short_form

pytestmark = needs_merge_tree
SHIM = """#!/bin/sh
for word in "$@"; do
  case $word in
    {word}) {before} {git} "$@"; code=$?; {after} exit $code ;;
    -*|*=*) ;;
    *) break ;;
  esac
done
exec {git} "$@"
"""


@pytest.fixture(scope="session")
def patterns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of what is made once and copied for each test."""
    return tmp_path_factory.mktemp("sides")


def _begun(patterns: Path) -> Sides:
    pattern = patterns / "begun"
    return Sides(pattern) if pattern.exists() else Sides.begin(pattern)


@pytest.fixture
def sides(patterns: Path, tmp_path: Path) -> Sides:
    return _begun(patterns).copy(tmp_path / "repo")


@pytest.fixture
def parted(patterns: Path, tmp_path: Path) -> Sides:
    """Give two branches without any conflict: `a` done here, `b` there."""
    pattern = patterns / "parted"
    if not pattern.exists():
        made = _begun(patterns).copy(pattern)
        made.on("side", worked("b"), wrote("there.txt", "there\n"))
        made.on("main", worked("a"), wrote("here.txt", "here\n"))
    return Sides(pattern).copy(tmp_path / "repo")


def conflicting(sides: Sides) -> Sides:
    """Let both branches change the same line of a file, too."""
    sides.on("side", wrote("shared.txt", LINES.replace("line 5\n", "theirs\n")))
    sides.on("main", wrote("shared.txt", LINES.replace("line 5\n", "ours\n")))
    return sides


Case = tuple[list[Do], list[Do], dict[str, str], str]
DONE = ("running", "completed")
CASES: dict[str, Case] = {
    "different tasks": ([worked("a")], [worked("b")], {"a": "completed", "b": "completed"}, "c"),
    "the same task": ([worked("a")], [worked("a")], {"a": "completed", "b": "pending"}, "b"),
    "failed here, completed there": (
        [worked("a", fails=True), *moved("a", "running", "failed")],
        [worked("a")],
        {"a": "completed"},
        "b",
    ),
    "blocked here, failed there": (moved("a", "blocked"), moved("a", "running", "failed"), {"a": "blocked"}, "a"),
    "new tasks on both": (
        [said("create", "x", "--needs", "b"), said("create", "same", "-d", "Alike")],
        [said("create", "y", "--parent", "a"), said("create", "same", "-d", "Alike"), *moved("same", *DONE)],
        {"x": "pending", "y": "pending", "same": "completed"},
        "a",
    ),
    "dropped here, untouched there": ([said("drop", "b")], [worked("a")], {"a": "completed"}, "c"),
    "dropped here, completed there": ([said("drop", "b")], [worked("b")], {"b": "completed"}, "a"),
    "dropped here, edited there": ([said("drop", "b")], [edited("b", "b 3", "b three")], {"b": "pending"}, ""),
    "dropped here, needed there": ([said("drop", "b")], [said("create", "x", "--needs", "b")], {"b": "pending"}, ""),
    "decomposed here": (
        [said("decompose", "a", "--template", "research")],
        [worked("b")],
        {"a": "running", "a-analysis": "pending", "b": "completed"},
        "a",
    ),
    "decomposed here, completed there": (
        [said("decompose", "a", "--template", "research")],
        moved("a", *DONE),
        {"a": "pending", "a-analysis": "pending"},
        "",
    ),
    "each another subtask": (
        moved("p1", *DONE),
        moved("p2", *DONE),
        {"p": "completed", "p1": "completed", "p2": "completed"},
        "",
    ),
    "each dropped another subtask": ([said("drop", "p1")], [said("drop", "p2")], {"p": "pending"}, ""),
    "bodies edited on both": (
        [edited("a", "a 2\n", "a two\n"), *moved("a", "blocked")],
        [edited("a", "a 8\n", "a eight\n"), *moved("a", "running")],
        {"a": "blocked"},
        "a",
    ),
    "MAIN_TASK differs": (
        [said("update", "blocked", "Wait for the others")],
        [said("update", "continue", "Execute b task", "--task", "b", "--focus", "Facts")],
        {"a": "pending", "b": "pending"},
        "a",
    ),
    "MAIN_TASK of one side": (
        [wrote("here.txt", "here\n")],
        [said("update", "continue", "Execute b task", "--task", "b", "--focus", "Facts")],
        {"b": "pending"},
        "b",
    ),
    "only work": ([wrote("here.txt", "here\n")], [wrote("there.txt", "there\n")], {"a": "pending"}, ""),
    "in vain on both": ([worked("a", fails=True)], [worked("a", fails=True)], {"a": "pending"}, "a"),
    "begun anew here": (
        [said("abandon"), said("start", "tides-research")],
        [worked("b"), worked("a")],
        {"a": "completed", "tides-research": "pending"},
        "tides-research",
    ),
}


@pytest.mark.parametrize("case", short_form({case: case for case in CASES}, 6))
@pytest.mark.thorough
def test_it_is_the_same_in_either_order_and_goes_on_to_the_end(sides: Sides, tmp_path: Path, case: str) -> None:
    here, there, states, task = CASES[case]
    sides.on("side", *there)
    sides.on("main", *here)
    other = sides.copy(tmp_path / "other")
    other.on("side")
    before = {repo: repo.states() for repo in (sides, other)}
    for repo, branch in ((sides, "side"), (other, "main")):
        told = repo("merge", branch).out
        assert told.startswith(f"merged  ({repo.head()[:10]})\n")
        changed = {line.split(":")[0].strip() for line in told.splitlines() if line.startswith("  ")}
        after = repo.states()
        assert changed == {name for name in before[repo] | after if before[repo].get(name) != after.get(name)}
        assert repo.trailer("Event") == "merge"
        assert repo.status() == ""
        assert repo.holds()
    tree, same = (repo.git("rev-parse", "HEAD^{tree}") for repo in (sides, other))
    assert tree == same
    assert states.items() <= sides.states().items()
    assert not task or f"TASK: {task}\n" in sides.main_task()
    assert sides.git("rev-parse", "HEAD^2") == sides.git("rev-parse", "side")
    assert sides.to_the_end()


@pytest.mark.thorough
def test_what_both_have_spent_counts_once(sides: Sides) -> None:
    sides.on("side", worked("b"), worked("a", fails=True))
    sides.on("main", worked("a"))
    sides("merge", "side")
    assert (sides.trailer("Total-Steps"), sides.trailer("Total-Cost-USD")) == (
        "4",
        str(4 * COST).rstrip("0").rstrip("."),
    )
    assert sides.trailer("Idle") == "0"
    done = sides("step", "--max-steps", "4", code=30)
    assert "4" in done.out + done.err
    assert sides.work() == 0
    assert Decimal(sides.trailer("Total-Cost-USD")) == 5 * COST
    assert sides.holds()


@pytest.mark.thorough
def test_sums_that_are_wrong_are_found(parted: Sides) -> None:
    parted("merge", "side")
    text = parted.git("log", "-1", "--format=%B")
    forged = text.replace("Gitorch-Total-Steps: 3", "Gitorch-Total-Steps: 2")
    assert forged != text
    parted.git("commit", "-q", "--amend", "--no-verify", "-m", forged)
    problems = parted("verify", "--json", code=1).json["problems"]
    assert [(each["commit"], "they should be 3 steps" in each["problem"]) for each in problems] == [
        (parted.head(), True)
    ]


@pytest.mark.thorough
def test_an_older_merge_s_record_without_sums_holds(parted: Sides) -> None:
    parted("merge", "side")
    lines = parted.git("log", "-1", "--format=%B").splitlines()
    kept = [line for line in lines if not line.startswith(("Gitorch-Total-", "Gitorch-Idle"))]
    parted.git("commit", "-q", "--amend", "--no-verify", "-m", "\n".join(kept))
    assert parted.holds()


@pytest.mark.thorough
def test_merged_again_and_again_and_across(sides: Sides) -> None:
    sides.on("side", worked("b"))
    sides.on("main", worked("a"))
    main = sides.head()
    sides("merge", "side")
    sides("move", "b", "pending")  # to be done again
    sides.on("side", said("merge", main), worked("c"))
    sides("merge", "main")
    assert sides.states() == {**dict.fromkeys("acz", "completed"), **dict.fromkeys(("b", "p", "p1", "p2"), "pending")}
    assert sides.trailer("Total-Steps") == "4"  # z, a, b, c
    assert sides.holds()
    sides.on("main", worked("p1"), said("merge", "side"))
    assert sides.trailer("Total-Steps") == "5"
    assert sides.to_the_end()


@pytest.mark.thorough
def test_what_is_contained_or_only_ahead_needs_no_record(sides: Sides) -> None:
    sides.on("side", worked("b"))
    sides.on("main")
    sides.git("config", "merge.autoStash", "true")
    sides.git("config", "merge.ff", "false")
    sides.write("shared.txt", "staged\n")
    sides.git("add", "shared.txt")
    sides.write("mine.txt", "mine\n")
    sides.write("other.txt", "edited\n")
    told = sides("merge", "side").out
    assert told.startswith("moved on")
    assert told.splitlines()[1:] == ["  b: pending -> completed", "next: Execute a task"]
    assert sides.head() == sides.git("rev-parse", "side").strip()
    assert sides.status() == " M other.txt\nM  shared.txt\n?? mine.txt"
    assert sides("merge", "side").out == "everything is merged already\n"
    assert sides.holds()


@pytest.mark.thorough
def test_a_file_in_the_way_of_moving_on_stays(sides: Sides) -> None:
    sides.on("side", worked("b"))
    sides.on("main")
    sides.write("b.txt", "mine\n")
    refused(sides, "merge", "side", says="'b.txt'")


@pytest.mark.thorough
def test_dirty_files_stay_byte_for_byte(parted: Sides) -> None:
    parted.write("other.txt", "staged\n")
    parted.git("add", "other.txt")
    parted.write("other.txt", "staged, then edited\n")
    parted.write("shared.txt", LINES + "mine\n")
    parted.write("new.txt", "new\n")
    parted.git("add", "new.txt")
    parted.write("untracked.txt", "untracked\n")
    task = parted.task_file("c")
    text = parted.read(task) + "a note of mine\n"
    parted.write(task, text)
    names = ("other.txt", "shared.txt", "new.txt", "untracked.txt", task)
    before = {name: (parted.root / name).read_bytes() for name in names}
    status, staged = parted.status(), parted.git("diff", "--cached")
    parted("merge", "side")
    assert {name: (parted.root / name).read_bytes() for name in names} == before
    assert (parted.status(), parted.git("diff", "--cached")) == (status, staged)
    assert parted.read("b.txt") == "b is done\n"
    assert parted.holds()


@pytest.mark.thorough
def test_an_edit_of_a_task_s_text_moves_along_with_its_state(parted: Sides) -> None:
    path = parted.task_file("b")
    parted.write(path, parted.read(path) + "a note of mine\n")
    parted("merge", "side")
    assert parted.read(parted.task_file("b")).endswith("a note of mine\n")
    assert parted.status().endswith("_b_task.md")


def _edit(sides: Sides) -> str:
    sides.on("main")
    sides.write("there.txt", "mine\n")
    return "there.txt"


def _stage(sides: Sides) -> str:
    sides.write("there.txt", "mine\n")
    sides.git("add", "there.txt")
    (sides.root / "there.txt").unlink()
    return "there.txt"


def _ignore(sides: Sides) -> str:
    sides.commit("ignore", **{".gitignore": "there.*\n"})
    sides.write("there.txt", "mine\n")
    return "there.txt"


def _folder(sides: Sides) -> str:
    sides.write("there.txt/inside", "mine\n")
    return "there.txt/inside"


def _file_for_folder(sides: Sides) -> str:
    sides.on("side", wrote("deep/er/file.txt", "theirs\n"))
    sides.on("main")
    sides.write("deep", "mine\n")
    return "deep"


def _link_for_folder(sides: Sides) -> str:
    sides.on("side", wrote("deep/er/file.txt", "theirs\n"))
    sides.on("main")
    (sides.root / "deep").symlink_to("/tmp")  # noqa: S108 - nothing is written there
    return "deep"


def _task_text(sides: Sides) -> str:
    sides.on("side", edited("c", "c 3", "c three"))
    sides.on("main")
    path = sides.task_file("c")
    sides.write(path, sides.read(path) + "mine\n")
    return path


def _task_dropped(sides: Sides) -> str:
    sides.on("side", said("drop", "p1"))
    sides.on("main")
    path = sides.task_file("p1")
    sides.write(path, sides.read(path) + "mine\n")
    return path


@pytest.mark.parametrize(
    "make", [_edit, _stage, _ignore, _folder, _file_for_folder, _link_for_folder, _task_text, _task_dropped]
)
@pytest.mark.thorough
def test_a_dirty_file_that_would_be_written_over_refuses(parted: Sides, make: Callable[[Sides], str]) -> None:
    path = make(parted)
    refused(parted, "merge", "side", says=path)


@pytest.mark.thorough
def test_a_file_that_becomes_a_folder_there_does_so_here(parted: Sides) -> None:
    parted.on("side")
    parted.git("rm", "-q", "other.txt")
    parted.commit("a folder", **{"other.txt/inside": "inside\n"})
    parted.on("main", said("merge", "side"))
    assert parted.read("other.txt/inside") == "inside\n"
    assert parted.status() == ""
    assert parted.holds()


@pytest.mark.thorough
def test_a_conflict_in_a_file_is_resolved_by_git_and_recorded_by_resolve(parted: Sides) -> None:
    conflicting(parted)
    done = refused(parted, "merge", "side", says="in conflict: 'shared.txt'")
    assert "gitorch merge --resolve" in done.err
    assert run("git", "merge", "side", cwd=parted.root).code == 1
    refused(parted, "merge", "--resolve", says="in conflict: 'shared.txt'")
    refused(parted, "merge", "side", says="a merge is in progress")
    refused(parted, "create", "x", says="a merge is in progress")
    parted.write("shared.txt", LINES.replace("line 5\n", "both\n"))
    parted.git("add", "shared.txt")
    parted.write("other.txt", "an edit of mine\n")
    parted.write("shared.txt", LINES + "more, not added\n")
    assert parted("merge", "--resolve").out.startswith("merged")
    assert parted.git("show", "HEAD:shared.txt") == LINES.replace("line 5\n", "both\n")
    assert parted.status() == " M other.txt\n M shared.txt"
    assert parted.read("shared.txt") == LINES + "more, not added\n"
    assert [path.name for path in (parted.root / ".git").glob("MERGE_*")] == []
    assert not (parted.root / ".git/AUTO_MERGE").exists()
    assert parted.git("log", "-1", "--format=%P").split()[1] == parted.git("rev-parse", "side").strip()
    refused(parted, "merge", "--resolve", says="no merge is in progress")
    parted.git("commit", "-qam", "mine")
    assert parted.to_the_end()


@pytest.mark.parametrize("case", short_form({case: case for case in CASES}, 4))
@pytest.mark.thorough
def test_resolve_makes_of_the_tasks_what_merge_does(sides: Sides, tmp_path: Path, case: str) -> None:
    here, there, _, _ = CASES[case]
    sides.on("side", *there)
    sides.on("main", *here)
    other = sides.copy(tmp_path / "other")
    other("merge", "side")
    run("git", "merge", "--no-ff", "--no-commit", "side", cwd=sides.root)
    sides("merge", "--resolve")
    assert sides.git("rev-parse", "HEAD^{tree}") == other.git("rev-parse", "HEAD^{tree}")
    text = "--format=%(trailers:only)"
    assert sides.git("log", "-1", text) == other.git("log", "-1", text)
    assert sides.status() == ""
    assert sides.holds()


@pytest.mark.thorough
def test_the_same_lines_of_a_task_s_text(parted: Sides) -> None:
    parted.on("side", edited("c", "c 3\n", "theirs\n"))
    parted.on("main", edited("c", "c 3\n", "ours\n"), *moved("c", "blocked"))
    refused(parted, "merge", "side", says="_c_task.md")
    run("git", "merge", "side", cwd=parted.root)
    refused(parted, "merge", "--resolve", says="_c_task.md")
    path = ".tasks/[blocked]_c_task.md"
    text = parted.git("show", f"HEAD:{path}").replace("ours\n", "ours and theirs\n")
    parted.write(path, text)
    parted.git("add", path)
    parted("merge", "--resolve")
    assert parted.read(path) == text
    assert parted.status() == ""
    assert parted.to_the_end()


@pytest.mark.thorough
def test_tasks_that_wait_for_one_another_only_together(sides: Sides) -> None:
    sides.on("side", said("create", "y", "--parent", "b", "--needs", "a"))
    sides.on("main", said("create", "x", "--parent", "a", "--needs", "b"))
    refused(sides, "merge", "side", says="could never run: a circle")


@pytest.mark.thorough
def test_an_invocation_that_is_open_there(parted: Sides, tmp_path: Path) -> None:
    parted.git("worktree", "add", "-q", str(tmp_path / "linked"), "side")
    linked = Sides(tmp_path / "linked")
    linked("begin", "--json")
    refused(parted, "merge", "side", says="an invocation is open")
    side = parted.git("rev-parse", "side").strip()
    run("git", "merge", "--no-commit", "side", cwd=parted.root)
    refused(parted, "merge", "--resolve", says=f"an invocation is open at the end of commit {side[:10]}")
    parted.git("merge", "--abort")
    linked("finish", "--exit", "1")
    assert parted("merge", "side").out.startswith("merged")
    assert linked("merge", "main").out.startswith("moved on")
    assert linked.status() == ""
    assert parted.holds()


@pytest.mark.thorough
def test_a_branch_without_a_workflow_of_its_own(sides: Sides) -> None:
    sides.git("switch", "-qc", "plain", sides.git("rev-list", "--max-parents=0", "HEAD").strip())
    sides.commit("plain work", **{"plain.txt": "plain\n"})
    sides("merge", "main")
    assert sides.states() == {name: "completed" if name == "z" else "pending" for name in (*"abcpz", "p1", "p2")}
    assert sides.trailer("Total-Steps") == "1"
    assert sides.to_the_end()
    sides.git("switch", "-q", "--orphan", "new")
    sides.commit("nothing in common", **{"x.txt": "x\n"})
    refused(sides, "merge", "main", says="no commit in common")


def test_neither_branch_has_a_workflow(sides: Sides) -> None:
    first = sides.git("rev-list", "--max-parents=0", "HEAD").strip()
    for branch in ("one", "two"):
        sides.git("switch", "-qc", branch, first)
        sides.commit(branch, **{f"{branch}.txt": "x\n"})
    refused(sides, "merge", "one", says="neither branch has a workflow")


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (["nowhere"], 2, "is not a branch"),
        (["--", "-x"], 2, "is not a branch"),
        ([], 2, "one branch is required"),
        (["side", "main"], 2, "one branch is required"),
        (["--resolve", "side"], 2, "does not take a branch"),
        (["--resolve"], 1, "no merge is in progress"),
    ],
)
def test_what_makes_no_sense_is_refused(parted: Sides, args: list[str], code: int, says: str) -> None:
    refused(parted, "merge", *args, code=code, says=says)


def test_inside_an_invocation(parted: Sides) -> None:
    env = {"GITORCH_INVOCATION": "0" * 32, "GITORCH_RESULT": "/nowhere"}
    refused(parted, "merge", "side", says="cannot be used inside", env=env)


@pytest.mark.thorough
def test_a_merge_of_three_of_git_s_own(parted: Sides) -> None:
    first = parted.git("rev-list", "--max-parents=0", "HEAD").strip()
    for branch in ("one", "two"):
        parted.git("switch", "-qc", branch, first)
        parted.commit(branch, **{f"{branch}.txt": "x\n"})
    parted.on("main")
    parted.git("merge", "-q", "--no-commit", "one", "two")
    refused(parted, "merge", "--resolve", says="2 branches at once")


@pytest.mark.thorough
def test_a_mixed_merge_that_was_committed_is_told(parted: Sides) -> None:
    parted.git("merge", "-q", "side")  # git sees no conflict
    assert "none of its parents has" in parted("verify", code=1).out
    done = refused(parted, "merge", "--resolve", says="no merge is in progress")
    hint = done.err.split("hint: ")[1]
    assert "without a record" in hint
    new, branch = hint.split("git switch -c NEW ")[1].split(", then gitorch merge ")
    parted.git("switch", "-qc", "again", new)
    parted("merge", branch.strip())
    assert parted.to_the_end()


def test_a_git_that_is_too_old_says_how_to_go_on(parted: Sides, tmp_path: Path) -> None:
    shim(tmp_path, "merge-tree", before="echo usage: git merge-tree >&2; exit 129;")
    env = {"PATH": f"{tmp_path / 'shim'}:{os.environ['PATH']}"}
    done = refused(parted, "merge", "side", says="2.38", env=env)
    assert "gitorch merge --resolve" in done.err


def shim(folder: Path, word: str, before: str = "", after: str = "") -> dict[str, str]:
    """Make a git that does something before or after one of its commands."""
    (folder / "shim").mkdir()
    git = folder / "shim" / "git"
    git.write_text(SHIM.format(word=word, before=before, after=after, git=shutil.which("git")))
    git.chmod(0o755)
    return {"PATH": f"{folder / 'shim'}:{os.environ['PATH']}"}


DIE = "kill -9 $PPID; exit 1;"


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("word", ["commit-tree", "update-ref", "checkout-index"])
@pytest.mark.thorough
def test_killed_in_the_middle_it_is_done_or_undone_whole(parted: Sides, tmp_path: Path, word: str, when: str) -> None:
    parted.write("other.txt", "edited\n")
    before = parted.head()
    env = shim(tmp_path, word, before=DIE if when == "before" else "", after=DIE if when == "after" else "")
    assert parted("merge", "side", code=None, env=env).code == -9
    told = parted("merge", "side").out
    assert told.startswith(
        "merged" if parted.git("rev-parse", "HEAD^1").strip() == before and "  " in told else "every"
    )
    assert parted.git("rev-parse", "HEAD^1").strip() == before
    assert parted.states()["a"] == parted.states()["b"] == "completed"
    assert parted.status() == " M other.txt"
    assert parted.read("there.txt") == "there\n"
    assert parted.holds()


@pytest.mark.parametrize(("word", "when"), [("update-ref", "after"), ("checkout-index", "before"), ("merge", "before")])
@pytest.mark.thorough
def test_a_resolve_that_was_killed(parted: Sides, tmp_path: Path, word: str, when: str) -> None:
    parted.git("merge", "-q", "--no-commit", "side")
    env = shim(tmp_path, word, before=DIE if when == "before" else "", after=DIE if when == "after" else "")
    killed = parted("merge", "--resolve", code=None, env=env).code
    assert killed == (0 if word == "checkout-index" else -9)  # it has no file to check out
    if killed:
        assert parted("merge", "--resolve").out == "everything is merged already\n"
    assert parted.status() == ""
    assert not (parted.root / ".git/MERGE_HEAD").exists()
    assert parted.to_the_end()


def test_a_workflow_of_the_library_merges_too(parted: Sides) -> None:
    with gitorch.open(parted.root) as workflow:
        merged = workflow.merge("side")
        assert (merged.how, merged.commit) == ("joined", parted.head())
        assert merged.appended is not None
        assert [str(change) for change in merged.appended.record.changes] == ["b: pending -> completed"]
        assert workflow.merge("side").how == "contained"
