"""Appending leaves the user's own work alone, and holds its locks as it should."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import gitorch
from gitorch.errors import GitorchError
from gitorch.git.repository import Repository
from gitorch.ledger import append, following
from gitorch.loop.edit import NewTask
from gitorch.loop.work import Call
from tests.probe import Quick, look, quickly, refused
from tests.sandbox import GITORCH, Sandbox, run

WRITES: dict[str, tuple[str, ...]] = {
    "update": ("update", "continue", "Go on with it"),
    "create": ("create", "other"),
    "move": ("move", "one", "running"),
    "move with work": ("move", "two", "completed"),
    "decompose": ("decompose", "one", "--auto"),
    "drop": ("drop", "three"),
    "answer": ("answer", "Use the blue one"),
}


@pytest.fixture
def busy(sandbox: Sandbox) -> Sandbox:
    """Give a workflow in which the user has work of every kind: staged, unstaged, both, removed, untracked, ignored."""
    sandbox.commit(**{name: f"{name}\n" * 5 for name in ("kept", "unstaged", "staged", "both", "gone", "un staged ü")})
    quick = Quick(sandbox.root)
    for name in ("one", "two", "three"):
        quick("create", name)
    quick("move", "two", "running")
    quick("update", "blocked", "Which colour?", "--task", "one")
    sandbox.write(".gitignore", "*.log\n")
    for name in ("unstaged", "both", "staged", "un staged ü"):
        sandbox.write(name, "mine\n")
    sandbox.git("add", "staged", "both")
    sandbox.write("both", "mine again\n")
    sandbox.git("rm", "-q", "--cached", "gone")
    sandbox.write("new", "new\n")
    sandbox.git("add", "-N", "new")
    sandbox.write("untracked", "untracked\n")
    sandbox.write("seen.log", "ignored\n")
    sandbox.write(".tasks/two/result.md", "the result\n")
    sandbox.git("update-index", "--assume-unchanged", "kept")
    return sandbox


@pytest.mark.parametrize("command", WRITES.values(), ids=WRITES.keys())
@pytest.mark.thorough
def test_the_users_own_work_stays_as_it_was(busy: Sandbox, command: tuple[str, ...]) -> None:
    def others(lines: str) -> list[str]:
        return [line for line in lines.split("\0") if ".tasks/" not in line and not line.startswith("#")]

    before = look(busy)
    busy(*command)
    after = look(busy)
    assert after.head != before.head
    assert others(after.staged) == others(before.staged)
    assert others(after.status) == others(before.status)
    plain = {path: digest for path, digest in before.files.items() if not path.startswith(".tasks/[")}
    plain.pop(".tasks/MAIN_TASK")
    assert plain.items() <= after.files.items()
    touched = busy.git("diff-tree", "-r", "--name-only", "-z", "HEAD^", "HEAD").split("\0")
    assert all(path.startswith(".tasks/") for path in touched if path)
    assert busy("verify", "--json").json["ok"]
    assert busy.decoys_untouched()


@pytest.mark.thorough
def test_scripts_that_ask_git_for_changes_find_none(sandbox: Sandbox) -> None:
    """`git diff-index` compares times first, and does not refresh the index itself."""
    sandbox = Quick(sandbox.root)
    sandbox.commit("notes", **{"notes.md": "Notes on the main work: deep, far, signed, homeless, tide, wanted.\n"})
    sandbox("start", "work-research")
    for command in (("step",), ("step",), ("create", "one"), ("move", "one", "running"), ("move", "one", "completed")):
        sandbox(*command)
        assert sandbox.git("diff-index", "HEAD", "--") == ""
        assert sandbox.git("diff-files") == ""
    sandbox.write(".tasks/[completed]_one_task.md", "---\n---\n\n# one\n\nedited\n")
    sandbox("move", "one", "pending")
    assert sandbox.git("diff-index", "HEAD", "--") == ""


def test_a_body_edited_but_not_asked_for_stays_unstaged(sandbox: Sandbox) -> None:
    sandbox("create", "parent")
    sandbox("create", "child", "--parent", "parent")
    sandbox.write(".tasks/[pending]_parent_task.md", "---\norder: 1\n---\n\n# parent\n\nedited\n")
    sandbox("move", "child", "running")
    assert "edited" in sandbox.read(".tasks/[running]_parent_task.md")
    assert "edited" not in sandbox.git("show", "HEAD:.tasks/[running]_parent_task.md")
    assert sandbox.status() == " M .tasks/[running]_parent_task.md"


@pytest.mark.thorough
def test_a_move_commits_the_tasks_folder_and_body_and_no_other(busy: Sandbox) -> None:
    busy.write(".tasks/one/other.md", "not two's\n")
    busy.write(".tasks/[running]_two_task.md", "---\n---\n\n# two\n\nnew words\n")
    busy("move", "two", "completed")
    assert busy.git("show", "HEAD:.tasks/two/result.md") == "the result\n"
    assert "new words" in busy.git("show", "HEAD:.tasks/[completed]_two_task.md")
    assert busy.git("ls-files", "-z", ".tasks/one") == ""


def test_a_body_edited_and_staged_moves_along(sandbox: Sandbox) -> None:
    sandbox("create", "one")
    sandbox("create", "two")
    sandbox.write(".tasks/[pending]_one_task.md", "---\n---\n\n# one\n\nstaged words\n")
    sandbox.git("add", ".tasks/[[]pending]_one_task.md")
    sandbox("move", "one", "running")
    assert "staged words" in sandbox.git("show", "HEAD:.tasks/[running]_one_task.md")
    assert sandbox.status() == ""


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("core.splitIndex", "true"),
        ("index.version", "4"),
        ("core.untrackedCache", "true"),
        ("feature.manyFiles", "true"),
        ("core.ignoreCase", "true"),
        ("core.fileMode", "false"),
        ("core.sharedRepository", "group"),
        ("core.logAllRefUpdates", "false"),
        ("core.safecrlf", "true"),
    ],
)
@pytest.mark.thorough
def test_ways_to_keep_an_index_are_kept(sandbox: Sandbox, key: str, value: str) -> None:
    sandbox = Quick(sandbox.root)
    sandbox.commit(a="a\n", b="b\n")
    sandbox.git("config", key, value)
    sandbox.git("update-index", "--refresh")
    sandbox.write("a", "staged\n")
    sandbox.git("add", "a")
    sandbox("create", "one")
    sandbox.write(".tasks/one/notes.md", "n\n")
    sandbox("move", "one", "running")
    sandbox("move", "one", "completed")
    assert sandbox.status() == "M  a"
    assert sandbox("verify", "--json").json["ok"]
    sandbox.git("fsck", "--strict")


def _started(sandbox: Sandbox) -> Path:
    sandbox("create", "one")
    return sandbox.root / ".git" / "index.lock"


@pytest.mark.thorough
def test_a_lock_held_by_another_git_is_waited_for(sandbox: Sandbox) -> None:
    lock = _started(sandbox)
    lock.touch()
    let_go = threading.Timer(0.5, lock.unlink)
    let_go.start()
    sandbox("move", "one", "running")
    let_go.join()
    assert sandbox.states() == {"one": "running"}


@pytest.mark.thorough
def test_a_lock_that_stays_ends_in_try_again_and_is_never_taken_away(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = _started(sandbox)
    lock.touch()
    monkeypatch.setattr(append, "INDEX_WAIT", 0.2)
    before = look(sandbox)
    with gitorch.open(sandbox.root) as workflow, pytest.raises(GitorchError) as refusal:
        workflow.move("one", "running")
    assert refusal.value.code == gitorch.Exit.TRY_AGAIN
    assert refusal.value.hint
    assert lock.exists()
    assert look(sandbox) == before
    lock.unlink()
    assert sandbox("move", "one", "running").code == 0


@pytest.mark.thorough
def test_the_programs_exit_code_for_a_held_lock_is_75(sandbox: Sandbox) -> None:
    lock = _started(sandbox)
    lock.touch()
    code = (
        "import sys; from gitorch import cli; from gitorch.ledger import append; append.INDEX_WAIT = 0.1;"
        "sys.exit(cli.run(['move', 'one', 'running']))"
    )
    done = run(sys.executable, "-c", code, cwd=sandbox.root)
    assert done.code == 75
    assert "index.lock" in done.err
    assert "hint: " in done.err


def test_a_lock_that_a_dead_gitorch_left_is_taken_away(sandbox: Sandbox) -> None:
    lock = _started(sandbox)
    dead = subprocess.Popen(("true",))
    dead.wait()
    lock.write_bytes(b"gitorch %d\n" % dead.pid)
    sandbox("move", "one", "running")
    assert not lock.exists()
    assert sandbox.git("commit", "-q", "--allow-empty", "-m", "git can lock again") == ""


@pytest.mark.thorough
def test_a_killed_writer_leaves_no_lock_that_lasts(sandbox: Sandbox) -> None:
    """Kill writers at many moments; whatever they left, the next one puts right."""
    sandbox("create", "one")
    for tenth in range(6):
        process = subprocess.Popen(
            (*GITORCH, "update", "continue", f"Sentence {tenth}"),
            cwd=sandbox.root,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(0.08 + 0.02 * tenth)
        process.kill()
        process.wait()
    sandbox("update", "continue", "The last word")
    assert sandbox.status() == ""
    assert not (sandbox.root / ".git" / "index.lock").exists()
    assert sandbox("verify", "--json").json["ok"]


@pytest.mark.parametrize("moment", ["before the branch moves", "after the branch has moved", "after the files"])
@pytest.mark.thorough
def test_what_a_killed_writer_left_half_done_is_finished_or_forgotten(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    sandbox("create", "one")
    sandbox.write("mine", "mine\n")
    sandbox.git("add", "mine")

    class Killed(BaseException):
        pass

    real = following.follow

    def die(*args: object) -> None:
        if moment == "after the files":
            real(*args)  # type: ignore[arg-type]
        raise Killed

    with monkeypatch.context() as patch, gitorch.open(sandbox.root) as workflow:
        if moment.startswith("before"):
            patch.setattr(append, "_move_branch", die)
        else:
            patch.setattr(following, "follow", die)
        with pytest.raises(Killed):
            workflow.move("one", "running")
    moved = moment != "before the branch moves"
    assert sandbox.states()["one"] == ("running" if moved else "pending")
    sandbox("create", "two")
    assert sandbox.status() == "A  mine"
    assert sandbox.states() == {"one": "running" if moved else "pending", "two": "pending"}
    assert sandbox("verify", "--json").json["ok"]


def test_a_commit_that_came_between_is_built_upon(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox("create", "one")
    real = append._store
    beaten: list[str] = []

    def slow(*args: object) -> object:
        stored = real(*args)  # type: ignore[arg-type]
        if not beaten:
            beaten.append(sandbox.commit("in between", file="theirs\n"))
        return stored

    monkeypatch.setattr(append, "_store", slow)
    with gitorch.open(sandbox.root) as workflow:
        workflow.create(NewTask(name="two"))
    assert sandbox.git("rev-parse", "HEAD^").strip() == beaten[0]
    assert sandbox.git("show", "HEAD:file") == "theirs\n"
    assert sandbox.status() == ""
    assert sandbox("verify", "--json").json["ok"]


def test_objects_that_vanish_before_the_commit_are_written_anew(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A git gc of somebody else takes away what nothing names yet."""
    sandbox("create", "one")
    real = append._write_commit
    vanished: list[str] = []

    def late(repository: Repository, tree: str, parents: list[str], text: str) -> str:
        if not vanished:
            vanished.append(tree)
            (repository.common_dir / "objects" / tree[:2] / tree[2:]).unlink()
        return real(repository, tree, parents, text)

    monkeypatch.setattr(append, "_write_commit", late)
    with gitorch.open(sandbox.root) as workflow:
        workflow.create(NewTask(name="two"))
    assert sandbox.git("rev-parse", "HEAD^{tree}").strip() == vanished[0]
    assert sandbox.states() == {"one": "pending", "two": "pending"}
    assert sandbox.status() == ""


@pytest.mark.parametrize("command", [("status",), ("status", "--json"), ("list",), ("verify",), ("log",)])
@pytest.mark.thorough
def test_reading_imports_no_gitpython_and_writes_nothing(sandbox: Sandbox, command: tuple[str, ...]) -> None:
    sandbox("start", "research-x")
    before = {path: path.stat().st_mtime_ns for path in (sandbox.root / ".git").rglob("*")}
    code = f"import sys; from gitorch import cli; cli.run({list(command)}); sys.exit('git' in sys.modules)"
    assert run(sys.executable, "-c", code, cwd=sandbox.root).code == 0
    assert {path: path.stat().st_mtime_ns for path in (sandbox.root / ".git").rglob("*")} == before


@pytest.mark.thorough
def test_status_imports_no_yaml_either(sandbox: Sandbox) -> None:
    sandbox("start", "research-x")
    code = "import sys; from gitorch import cli; cli.run(['status']); sys.exit('yaml' in sys.modules)"
    assert run(sys.executable, "-c", code, cwd=sandbox.root).code == 0


def test_a_write_that_finds_other_states_in_the_work_tree_is_refused(sandbox: Sandbox) -> None:
    sandbox("create", "one")
    (sandbox.root / ".tasks/[pending]_one_task.md").rename(sandbox.root / ".tasks/[completed]_one_task.md")
    refused(sandbox, "create", "two", says="in the work tree task one is completed, in the last commit pending")
    assert "note: in the work tree task one is completed" in sandbox("status").err
    assert sandbox("status", "--json").json["difference"]


def test_main_task_edited_with_line_ends_of_windows_is_no_checkout_of_gits(sandbox: Sandbox) -> None:
    sandbox("start", "one", "-d", "x")
    sandbox.write(".tasks/MAIN_TASK", "STATUS: completed\r\nNEXT: All done\r\n")
    refused(sandbox, "create", "two", says="line ends are CRLF")


@pytest.mark.thorough
def test_what_a_sparse_checkout_leaves_out_is_no_difference_and_comes_back_when_it_is_written(sandbox: Sandbox) -> None:
    sandbox.commit(**{"src/x": "x\n"})
    sandbox("create", "one", "-d", "What is to be done")
    sandbox("create", "two")
    sandbox.git("sparse-checkout", "set", "--no-cone", "/src/")
    assert not (sandbox.root / ".tasks/[pending]_one_task.md").exists()
    sandbox("move", "one", "running")
    assert "What is to be done" in sandbox.read(".tasks/[running]_one_task.md")
    assert not (sandbox.root / ".tasks/[pending]_two_task.md").exists()
    assert sandbox.status() == ""
    assert sandbox("verify", "--json").json["ok"]


@pytest.mark.thorough
def test_a_rewind_brings_back_states_and_files_and_takes_away_what_came_since(sandbox: Sandbox) -> None:
    sandbox.commit(**{"changed": "old\n", "lost/gone": "gone\n"})
    bare = sandbox.head()
    sandbox("create", "one")
    sandbox("update", "continue", "Execute one task", "--task", "one")
    then = sandbox.head()

    def agent(call: Call) -> None:
        sandbox.write("changed", "new\n")
        sandbox.write("made/file", "x\n")
        (call.root / "lost/gone").unlink()

    with gitorch.open(sandbox.root) as workflow:
        workflow.step(agent=agent)
    sandbox("create", "another")
    for target, states in ((then, {"one": "pending"}), (bare, {})):
        sandbox("rewind", target, "--work")
        assert sandbox.git("diff", "--stat", target, "HEAD") == ""
        assert sandbox.status() == ""
        assert sandbox.states() == states
        assert (sandbox.read("changed"), sandbox.read("lost/gone")) == ("old\n", "gone\n")
        assert not (sandbox.root / "made").exists()
        assert sandbox("verify", "--json").json["ok"]
    assert not (sandbox.root / ".tasks/MAIN_TASK").exists()


@pytest.mark.thorough
def test_what_a_plain_commit_has_taken_up_already_can_be_adopted(sandbox: Sandbox) -> None:
    sandbox("create", "one")
    sandbox.commit("by hand", **{".tasks/[pending]_two_task.md": "---\n---\n\n# two\n"})
    tree = sandbox.git("rev-parse", "HEAD^{tree}")
    quickly(sandbox, "adopt", "--yes")
    assert sandbox.git("rev-parse", "HEAD^{tree}") == tree
    assert sandbox("verify", "--json").json["ok"]


def test_where_signing_is_on_and_fails_nothing_is_recorded_and_the_key_is_named_as_the_cause(sandbox: Sandbox) -> None:
    sandbox("create", "one")
    sandbox.git("config", "commit.gpgsign", "true")
    sandbox.git("config", "gpg.program", "false")
    assert "your key" in refused(sandbox, "create", "two", says="the commit cannot be signed").err


def test_nothing_is_recorded_in_the_midst_of_a_merge(sandbox: Sandbox) -> None:
    sandbox("create", "one")
    sandbox.git("branch", "side")
    sandbox.commit(file="ours\n")
    sandbox.git("checkout", "-q", "side")
    sandbox.commit(file="theirs\n")
    sandbox.git("merge", "-q", "main", ok=False)
    refused(sandbox, "create", "two", says="merge")
    sandbox.git("merge", "--abort")
    sandbox("create", "two")


@pytest.mark.thorough
def test_unmerged_paths_of_the_user_stay_unmerged(sandbox: Sandbox) -> None:
    sandbox.commit("base", file="base\n")
    sandbox("create", "one")
    sandbox.write("file", "stashed\n")
    sandbox.git("stash", "-q")
    sandbox.commit("theirs", file="theirs\n")
    sandbox.git("stash", "pop", ok=False)
    before = sandbox.git("ls-files", "-u")
    assert before
    sandbox("update", "continue", "Go on")
    assert sandbox.git("ls-files", "-u") == before
    sandbox("create", "two")
    assert sandbox.git("ls-files", "-u") == before
