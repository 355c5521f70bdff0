"""`gitorch adopt`: whatever came in past the hooks is accounted for, and other uncommitted work is left alone."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hooks.scene import Scene
from tests.sandbox import Ran, short_form

Case = Callable[[Scene], None]
MAIN = "Gitorch-Status: continue\nGitorch-Next: Execute one subtask\nGitorch-Task: one\n"
LIE = f"gitorch(one): x\n\nGitorch-Event: move\n{MAIN}Gitorch-State: one: running -> completed"


@pytest.fixture
def scene(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Give a repository without hooks, or in which everybody goes past them."""
    return Scene.copy(tmp_path / "repo", tmp_path_factory.getbasetemp() / "scene", hooks=False)


def commit(s: Scene, message: str = "past") -> None:
    s.add()
    s.git("commit", "-q", "--allow-empty", "-m", message)


def adopts(s: Scene, *said: str) -> Ran:
    """Adopt what there is, and see that everything works again."""
    done = s("adopt", "--yes")
    for each in said:
        assert each in done.out
    s.holds()
    assert s.event() == "adopt"
    assert s("log", "-n", "1", "--json").json["event"] == "adopt"
    s("audit")
    assert "nothing to adopt" in s("adopt", "--yes").out
    return done


def steps(s: Scene) -> None:
    s("step", "--agent-command", "echo x > made.txt", code=None)
    s.holds()
    assert s.event() == "end"


def an_illegal_move(s: Scene) -> None:
    s.rename("alone", "completed")
    commit(s)
    adopts(s, "task state changed without a record: alone: pending -> completed", "the log says pending, the files say")
    assert "Accounts for:" in s.message()
    steps(s)


def a_move_to_and_fro(s: Scene) -> None:
    for state in ("completed", "pending"):
        s.rename("alone", state)
        commit(s)
    adopts(s)
    assert s.changes() == []
    steps(s)


def a_lost_task(s: Scene) -> None:
    s.git("rm", "-q", ".tasks/[running]_one_task.md")
    commit(s)
    adopts(s, "the log says running, the files say none")
    steps(s)


def a_new_task(s: Scene) -> None:
    s.new("fresh", "running")
    commit(s)
    adopts(s, "the log says none, the files say running")
    steps(s)


def main_task_removed(s: Scene) -> None:
    s.git("rm", "-q", ".tasks/MAIN_TASK")
    commit(s)
    adopts(s, "MAIN_TASK differs from what the log says")
    steps(s)
    assert s.read(".tasks/MAIN_TASK").startswith("STATUS: continue")


def main_task_edited(s: Scene) -> None:
    s.say("continue", "Look at alone", "alone")
    commit(s)
    adopts(s, "MAIN_TASK changed without a record")
    steps(s)


def main_task_out_of_form(s: Scene) -> None:
    s.write(".tasks/MAIN_TASK", "nonsense\n")
    commit(s)
    before = s.seen()
    done = s("adopt", "--yes", code=1)
    assert "MAIN_TASK:1: 'nonsense'" in done.err
    assert "gitorch update STATUS NEXT" in done.err
    assert s.seen() == before
    s("update", "continue", "Go on")
    adopts(s)
    steps(s)


def everything_removed(s: Scene) -> None:
    shutil.rmtree(s.root / ".tasks")
    commit(s)
    adopts(s)
    assert s.git("ls-files", ".tasks") == ""


def a_record_that_lies(s: Scene) -> None:
    commit(s, LIE)
    adopts(s, "the log says completed, the files say running")
    steps(s)


def a_record_that_lies_and_hides(s: Scene) -> None:
    s.rename("alone", "running")
    commit(s, LIE)
    adopts(s, "the log says completed, the files say running", "the log says pending, the files say running")
    steps(s)


def a_record_that_lies_about_main_task(s: Scene) -> None:
    commit(s, "gitorch(one): x\n\nGitorch-Event: update\nGitorch-Status: blocked\nGitorch-Next: What")
    adopts(s, "another MAIN_TASK")
    steps(s)


def a_message_that_is_not_a_valid_record(s: Scene) -> None:
    s.rename("one", "completed")
    commit(s, "gitorch(one): x\n\nGitorch-State: one: running -> completed")
    assert "Gitorch-Event is missing" in s("verify", code=1).out
    adopts(s, "Gitorch-Event is missing")
    steps_anyway = s("step", "--agent-command", "echo x > made.txt", code=None)
    assert "execute two by command: completed" in steps_anyway.out


def a_merge_by_git(s: Scene) -> None:
    s.git("checkout", "-q", "-b", "side")
    s("move", "one", "completed")
    s.git("checkout", "-q", "main")
    s("move", "alone", "running")
    s.git("merge", "-q", "--no-edit", "side")
    adopts(s, "a merge without a record has a state that none of its parents has")
    steps(s)


def a_branch_put_back(s: Scene) -> None:
    s.rename("alone", "completed")
    commit(s)
    s.git("reset", "-q", "--hard", "HEAD~2")
    s.rename("one", "failed")
    commit(s)
    adopts(s, "one: pending -> failed")
    assert s.git("log", "--format=%s", "-2").splitlines()[1] == "past"


def a_rebase_that_breaks_a_step(s: Scene) -> None:
    s("step", "--agent-command", "echo x > made.txt")
    s.git("rebase", "-q", "-i", "HEAD~2", env={"GIT_SEQUENCE_EDITOR": "sed -i 2s/pick/fixup/"})
    done = s("adopt", "--yes", code=1)
    assert "cannot be adopted" in done.err
    assert "git reflog" in done.err


def a_first_commit_yet_to_come(s: Scene) -> None:
    s.git("checkout", "-q", "--orphan", "new")
    adopts(s)
    assert len(s.changes()) == 4
    steps(s)


def nothing_at_all(s: Scene) -> None:
    head = s.head()
    assert "nothing to adopt" in s("adopt").out
    assert s.head() == head


COMMITTED = (
    *(an_illegal_move, a_merge_by_git, a_record_that_lies, main_task_out_of_form, a_lost_task, a_new_task),
    *(a_move_to_and_fro, main_task_removed, main_task_edited, everything_removed, a_record_that_lies_and_hides),
    *(a_record_that_lies_about_main_task, a_message_that_is_not_a_valid_record, a_branch_put_back),
    *(a_rebase_that_breaks_a_step, a_first_commit_yet_to_come, nothing_at_all),
)


@pytest.mark.parametrize("case", short_form({each.__name__: each for each in COMMITTED}, every=6))
@pytest.mark.thorough
def test_what_was_committed_past_the_hooks(scene: Scene, case: Case) -> None:
    case(scene)


@pytest.mark.thorough
def test_edits_in_the_work_tree_are_taken_and_nothing_else(scene: Scene) -> None:
    s = scene
    s.write("file.txt", "staged\n")
    s.git("add", "file.txt")
    s.write("file.txt", "not staged\n")
    s.write("new.txt", "new\n")
    body = s.task("two").read_text() + "\nnot committed\n"
    s.task("two").write_text(body)
    s.rename("alone", "completed", add=False)
    s.say("continue", "Look at two", "two", add=False)
    files, head = s.seen().files, s.head()
    adopts(s, "the log says pending, the files say completed", "MAIN_TASK differs")
    assert s.seen().files == files
    assert s.status().splitlines() == [" M .tasks/[pending]_two_task.md", "MM file.txt", "?? new.txt"]
    assert s.git("diff", "--name-only", "--no-renames", head, "HEAD").splitlines() == [
        ".tasks/MAIN_TASK",
        ".tasks/[completed]_alone_task.md",
        ".tasks/[pending]_alone_task.md",
    ]


@pytest.mark.thorough
def test_edits_in_the_index_are_taken_as_the_work_tree_has_them(scene: Scene) -> None:
    scene.rename("alone", "running")
    scene.write("file.txt", "staged\n")
    scene.add()
    scene.rename("alone", "blocked", add=False)
    adopts(scene)
    assert scene.changes() == ["alone: pending -> blocked"]
    assert scene.status() == "M  file.txt"


@pytest.mark.parametrize("state", ["pending", "failed"])
@pytest.mark.thorough
def test_edits_on_top_of_what_was_committed(scene: Scene, state: str) -> None:
    scene.rename("alone", "completed")
    commit(scene)
    scene.rename("alone", state, add=False)
    adopts(scene)
    assert scene.changes() == ([] if state == "pending" else ["alone: pending -> failed"])
    assert scene.states()["alone"] == state
    assert scene.status() == ""


@pytest.mark.thorough
def test_files_that_came_and_went_in_the_work_tree(scene: Scene) -> None:
    scene.task("alone").unlink()
    scene.new("fresh", "running", add=False)
    adopts(scene)
    assert scene.changes() == ["alone: pending -> none", "fresh: none -> running"]
    assert scene.status() == ""
    steps(scene)


@pytest.mark.parametrize("what", short_form({each: each for each in ("task", "link", "folder", "main", "secret")}, 4))
@pytest.mark.thorough
def test_what_is_out_of_form_in_the_work_tree_is_not_taken(scene: Scene, what: str) -> None:
    s = scene
    said = "is no plain file"
    if what == "task":
        s.write(".tasks/[pending]_fresh_task.md", "no front\n")
        said = "no front matter"
    elif what == "link":
        s.task("alone").unlink()
        (s.root / ".tasks/[running]_alone_task.md").symlink_to("../file.txt")
    elif what == "folder":
        (s.root / ".tasks").rename(s.root / "elsewhere")
        (s.root / ".tasks").symlink_to("elsewhere")
        said = "is a symbolic link"
    elif what == "main":
        (s.root / ".tasks/MAIN_TASK").rename(s.root / "elsewhere")
        (s.root / ".tasks/MAIN_TASK").symlink_to("../elsewhere")
    else:
        s.new("fresh", add=False)
        s.write(".tasks/[pending]_fresh_task.md", "---\n---\n-----BEGIN RSA " + "PRIVATE KEY-----\nabc\n")
        said = "cannot be committed"
    before = s.seen()
    done = s("adopt", "--yes", code=1)
    assert said in done.err
    assert "hint: " in done.err
    assert s.seen() == before


def test_what_a_sparse_checkout_leaves_out_is_there(scene: Scene) -> None:
    s = scene
    s.git("status")  # git leaves alone what it does not know to be as it was
    s.git("sparse-checkout", "set", "--no-cone", "/file.txt")
    assert not s.task_is_there("alone")
    head = s.head()
    assert "nothing to adopt" in s("adopt", "--yes").out
    assert s.head() == head


@pytest.mark.thorough
def test_line_ends_that_git_makes_are_no_difference(scene: Scene) -> None:
    scene.git("config", "core.autocrlf", "true")
    (scene.root / ".tasks/MAIN_TASK").unlink()
    scene.git("checkout", "-q", "--", ".tasks/MAIN_TASK")
    assert b"\r\n" in (scene.root / ".tasks/MAIN_TASK").read_bytes()
    assert "nothing to adopt" in scene("adopt").out
    scene.rename("alone", "running", add=False)
    adopts(scene)


@pytest.mark.thorough
def test_nothing_is_recorded_unless_somebody_says_yes(scene: Scene) -> None:
    scene.rename("alone", "completed")
    commit(scene)
    before = scene.seen()
    no = scene("adopt", stdin="n\n", code=1)
    assert "the log says pending, the files say completed" in no.out
    assert "nothing was recorded" in no.err
    nobody = scene.program("adopt")
    assert nobody.code == 1
    assert "gitorch adopt --yes" in nobody.err
    inside = scene("adopt", "--yes", env={"GITORCH_INVOCATION": "0" * 32}, code=1)
    assert "cannot be used inside an invocation" in inside.err
    assert scene.seen() == before
    assert "recorded" in scene("adopt", stdin="y\n").out
    scene.holds()


@pytest.mark.thorough
def test_not_while_a_merge_is_in_progress(scene: Scene) -> None:
    scene.git("checkout", "-q", "-b", "side")
    scene("move", "one", "completed")
    scene.git("checkout", "-q", "main")
    scene("move", "alone", "running")
    scene.git("merge", "-q", "--no-commit", "side")
    before = scene.seen()
    assert "a merge is in progress" in scene("adopt", "--yes", code=1).err
    assert scene.seen() == before


@pytest.mark.thorough
def test_what_a_merged_side_has_left_unrecorded(scene: Scene) -> None:
    scene.git("checkout", "-q", "-b", "side")
    scene.rename("one", "completed")
    commit(scene)
    scene.git("checkout", "-q", "main")
    scene.rename("alone", "running")
    commit(scene)
    scene.git("merge", "-q", "--no-edit", "side")
    adopts(scene)


@pytest.mark.thorough
def test_two_files_of_one_task_that_were_put_right(scene: Scene) -> None:
    scene.write(".tasks/[running]_alone_task.md", scene.task("alone").read_text())
    commit(scene)
    scene.git("rm", "-q", ".tasks/[pending]_alone_task.md")
    commit(scene, "one of them")
    adopts(scene)


@pytest.mark.thorough
def test_a_record_that_lies_about_a_task_that_stands_otherwise(scene: Scene) -> None:
    scene.rename("one", "failed")
    commit(scene)
    commit(scene, LIE)
    adopts(scene, "the log says completed, the files say failed")


@pytest.mark.thorough
def test_a_record_that_lies_about_the_task_that_its_commit_moves(scene: Scene) -> None:
    scene.rename("one", "failed")
    commit(scene, LIE)
    for seed in range(8):
        done = scene.program("adopt", env={"PYTHONHASHSEED": str(seed)})
        assert "the log says completed, the files say failed" in done.out


STATES = ("pending", "running", "completed", "failed", "blocked")


def something_happens(s: Scene, chance: random.Random, number: int) -> None:
    """Let somebody change something past all rules, or do something honest."""
    names = sorted(each.name.split("]_")[1][: -len("_task.md")] for each in (s.root / ".tasks").glob("[[]*_task.md"))
    what = chance.choice(("move", "move", "move", "new", "drop", "say", "lie", "honest", "work", "edit", "back"))
    if what == "lie" and ".tasks/[running]_one_task.md" not in s.git("ls-files", "-z", ".tasks").split("\0"):
        what = "work"
    name = chance.choice(names) if names else ""
    state = chance.choice(STATES)
    if what in ("move", "edit") and name:
        s.rename(name, state, add=False)
    elif what == "new":
        s.new(f"new-{number}", state, add=False)
    elif what == "drop" and name:
        s.task(name).unlink()
    elif what == "say":
        s.say("continue", f"Look at it {number}", name or None, add=False)
    elif what == "honest":
        s("update", "continue", "Go on honestly", code=None)
        s("create", f"honest-{number}", "-d", "More", code=None)
    elif what == "work":
        s.write("file.txt", f"{number}\n")
    elif what == "back" and s.status() == "":
        s.git("reset", "-q", "--hard", "HEAD~1")
    if what != "edit":
        commit(s, LIE if what == "lie" else f"{what} {number}")


@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=pytest.mark.heavy) for n in range(1, 40))])
def test_whatever_has_happened_can_be_adopted(scene: Scene, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - for variety, not for secrets
    for number in range(12):
        something_happens(scene, chance, number)
        if chance.random() < 0.2:
            scene("adopt", "--yes")
            scene.holds()
    scene("adopt", "--yes")
    scene.holds()
    assert scene.status() == ""
    scene("create", "afterwards", "-d", "One more")
    scene("step", "--agent-command", "echo x > made.txt", code=None)
    scene.holds()
