"""Repositories of every kind, and places to call gitorch from."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.probe import Quick, assert_one_error, look, quickly, refused, unchanged
from tests.sandbox import GITORCH, Sandbox, run


def _clone(source: Sandbox, target: Path, *options: str) -> Sandbox:
    source.git("clone", "-q", *options, f"file://{source.root}", str(target))
    return Quick(target)


def _works(sandbox: Sandbox, *options: str) -> None:
    """Do a bit of everything."""
    sandbox.commit("notes", **{"notes.md": "Notes on the main work: deep, far, signed, homeless, tide, wanted.\n"})
    sandbox(*options, "start", "work-research", "-d", "What is wanted")
    assert sandbox(*options, "step", "--json").json["action"] == "decompose"
    sandbox(*options, "create", "by-hand")
    quick = Quick(sandbox.root)
    assert quick("step", "--json").json["outcome"] == "completed"
    quick("move", "by-hand", "running")
    quick("update", "continue", "Go on")
    assert quick("verify", "--json").json["ok"]
    assert quick("status", "--json").json["difference"] is None
    assert [line for line in sandbox.status().splitlines() if ".tasks" in line] == []


@pytest.mark.thorough
def test_a_branch_without_commits(sandbox: Sandbox) -> None:
    assert sandbox("status", "--json").json["status"] is None
    assert sandbox("list", "--json").json["tasks"] == []
    assert sandbox("log", "--json").out == ""
    nothing = {"schema": 1, "ok": True, "checked": 0, "problems": [], "warnings": []}
    assert sandbox("verify", "--json").json == {**nothing, "range": {"since": None, "to": None}}
    refused(sandbox, "step", says="there is no task yet")
    sandbox.write("staged", "staged\n")
    sandbox.git("add", "staged")
    sandbox("create", "one")
    assert sandbox.status() == "A  staged"
    _works(sandbox)


@pytest.mark.thorough
def test_a_detached_head(sandbox: Sandbox) -> None:
    first = sandbox.commit(file="x\n")
    sandbox.git("checkout", "-q", "--detach")
    _works(sandbox)
    assert sandbox.git("rev-parse", "main").strip() == first
    assert sandbox.git("symbolic-ref", "-q", "HEAD", ok=False) == ""


@pytest.mark.thorough
def test_two_workflows_at_once_in_two_worktrees(sandbox: Sandbox) -> None:
    sandbox.commit(**{"notes.md": "On a river and on a lake.\n"})
    sandbox.git("worktree", "add", "-q", "../linked tree", "-b", "other")
    linked = Sandbox(sandbox.root.parent / "linked tree")
    sandbox("start", "river-research")
    linked("start", "lake-research")
    both = [
        subprocess.Popen((*GITORCH, "run"), cwd=each.root, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for each in (sandbox, linked)
    ]
    for process in both:
        _, err = process.communicate(timeout=100)
        assert process.returncode == 0, err
    for each, name in ((sandbox, "river-research"), (linked, "lake-research")):
        assert each.states().keys() == {name, *(f"{name}-{p}" for p in ("data-gathering", "analysis", "synthesis"))}
        assert set(each.states().values()) == {"completed"}
        assert each("verify", "--json").json["ok"]
        assert each.status() == ""


@pytest.mark.thorough
def test_inside_a_submodule_and_around_one(sandbox: Sandbox) -> None:
    library = Sandbox.create(sandbox.root.parent / "library", decoys=False)
    library.commit(file="x\n")
    allow = ("-c", "protocol.file.allow=always")
    sandbox.git(*allow, "submodule", "add", "-q", str(library.root), "vendor/lib")
    sandbox.git("commit", "-qm", "a submodule")
    inner = Sandbox(sandbox.root / "vendor/lib")
    inner.git("checkout", "-qb", "work")
    _works(inner)
    link = sandbox.git("rev-parse", "HEAD:vendor/lib")
    _works(sandbox)
    assert sandbox.git("rev-parse", "HEAD:vendor/lib") == link
    assert sandbox.states().keys() & inner.states().keys()
    assert sandbox.status() == " M vendor/lib"


@pytest.mark.thorough
def test_a_shallow_clone_reads_writes_and_verifies(sandbox: Sandbox) -> None:
    sandbox.commit(file="x\n")
    sandbox.commit("notes", **{"notes.md": "Notes on the main work: deep, far, signed, homeless, tide, wanted.\n"})
    sandbox("start", "deep-research")
    sandbox("run")
    for depth in (1, 2, 4):
        clone = _clone(sandbox, sandbox.root.parent / f"shallow-{depth}", f"--depth={depth}")
        report = clone("verify", "--json").json
        assert report["ok"], (depth, report)
        assert report["checked"] == depth
        assert "shallow" in report["warnings"][0]["problem"]
        clone("create", "more")
        assert clone("verify", "--json").json["ok"]


@pytest.mark.thorough
def test_a_shallow_clone_that_begins_at_a_plain_commit_or_a_merge(sandbox: Sandbox) -> None:
    sandbox.commit("notes", **{"notes.md": "Notes on the main work: deep, far, signed, homeless, tide, wanted.\n"})
    sandbox("start", "deep-research")
    sandbox.git("checkout", "-qb", "side")
    sandbox.commit("side", side="x\n")
    sandbox.git("checkout", "-q", "main")
    sandbox("step")
    sandbox.git("merge", "-q", "--no-ff", "side", "-m", "merge side")
    for depth in (1, 2):
        clone = _clone(sandbox, sandbox.root.parent / f"merge-{depth}", f"--depth={depth}")
        assert clone("verify", "--json").json["ok"]
    sandbox.commit("plain", plain="x\n")
    clone = _clone(sandbox, sandbox.root.parent / "plain", "--depth=1")
    assert "unshallow" in clone("step", code=1).err  # what was spent so far is out of sight
    assert clone.head() == sandbox.head()
    clone.git("fetch", "-q", "--unshallow")
    clone("step")
    assert clone("verify", "--json").json["ok"]


@pytest.mark.thorough
def test_a_partial_clone_fetches_what_it_lacks(sandbox: Sandbox) -> None:
    sandbox.commit(file="x\n")
    sandbox.commit("notes", **{"notes.md": "Notes on the main work: deep, far, signed, homeless, tide, wanted.\n"})
    sandbox("start", "far-research")
    sandbox("step")
    sandbox.git("config", "uploadpack.allowFilter", "true")
    sandbox.git("config", "uploadpack.allowAnySHA1InWant", "true")
    clone = _clone(sandbox, sandbox.root.parent / "partial", "--filter=blob:none", "--no-checkout")
    clone.git("checkout", "-q", "HEAD", "--", ".tasks")
    clone.git("reset", "-q", "--hard")
    assert clone("verify", "--json").json["ok"]
    clone("step")
    assert clone("verify", "--json").json["ok"]


@pytest.mark.parametrize("sparse_index", ["--sparse-index", "--no-sparse-index"])
@pytest.mark.thorough
def test_a_sparse_checkout_without_tasks(sandbox: Sandbox, sparse_index: str) -> None:
    sandbox.commit(**{"src/a": "a\n", "docs/b": "b\n", "top": "t\n"})
    sandbox("create", "old")
    sandbox("update", "continue", "Begin")
    sandbox.git("sparse-checkout", "init", "--cone", sparse_index)
    sandbox.git("sparse-checkout", "set", "src")
    for path in (".tasks/MAIN_TASK", ".tasks/[pending]_old_task.md"):
        assert not (sandbox.root / path).exists()
    assert sandbox("status", "--json").json["difference"] is None
    sandbox("move", "old", "running")
    sandbox("create", "new")
    sandbox("update", "continue", "Go on")
    sandbox("drop", "new")
    assert sandbox("status", "--json").json["difference"] is None
    assert sandbox("verify", "--json").json["ok"]
    assert not (sandbox.root / "docs").exists()
    assert sandbox.status() == ""
    assert sandbox.git("ls-tree", "-r", "--name-only", "HEAD").split()[-3:] == ["docs/b", "src/a", "top"]


@pytest.mark.thorough
def test_a_sha256_repository(tmp_path: Path) -> None:
    sandbox = Sandbox.create(tmp_path / "sha256", object_format="sha256")
    _works(sandbox)
    assert len(sandbox.head()) == 64
    sandbox.git("fsck", "--strict")


@pytest.mark.thorough
def test_packed_refs_and_objects(sandbox: Sandbox) -> None:
    sandbox("create", "one")
    sandbox.git("gc", "-q", "--prune=now")
    sandbox.git("pack-refs", "--all")
    _works(sandbox)
    sandbox.git("gc", "-q", "--prune=now")
    assert sandbox("verify", "--json").json["ok"]


@pytest.mark.thorough
def test_alternates_and_a_separate_git_folder(sandbox: Sandbox) -> None:
    sandbox.commit(file="x\n")
    shared = _clone(sandbox, sandbox.root.parent / "shared", "--shared")
    _works(shared)
    apart = Sandbox(sandbox.root.parent / "apart")
    sandbox.git("clone", "-q", "--separate-git-dir", str(apart.root) + ".store", str(sandbox.root), str(apart.root))
    _works(apart)


@pytest.mark.thorough
def test_a_bare_repository_can_be_read_but_not_written(sandbox: Sandbox) -> None:
    sandbox("start", "bare-research")
    sandbox("step")
    bare = _clone(sandbox, sandbox.root.parent / "bare.git", "--bare")
    for command in ("status", "list", "log", "verify"):
        assert bare(command, "--json").out == sandbox(command, "--json").out
    assert bare("show", "bare-research", "--json").json["state"] == "running"
    bare("prompt")
    bare("templates", "list")
    tip = bare.head()
    for args in (
        ("update", "continue", "Go on"),
        ("create", "x"),
        ("move", "bare-research", "completed"),
        ("start", "y"),
        ("step",),
        ("run",),
        ("drop", "bare-research"),
        ("decompose", "bare-research-analysis", "--auto"),
        ("answer", "x"),
        ("init",),
    ):
        done = quickly(bare, *args)
        assert done.code == 1
        assert_one_error(done)
        assert "bare" in done.err
    assert bare.head() == tip


@pytest.mark.thorough
def test_variables_of_a_caller_that_point_elsewhere_are_not_followed(sandbox: Sandbox) -> None:
    other = Sandbox.create(sandbox.root.parent / "other")
    other.commit(file="x\n")
    sandbox("create", "one")
    elsewhere = {
        "GIT_DIR": str(other.root / ".git"),
        "GIT_WORK_TREE": str(other.root),
        "GIT_INDEX_FILE": str(other.root / ".git/index"),
        "GIT_OBJECT_DIRECTORY": str(other.root / ".git/objects"),
        "GIT_COMMON_DIR": str(other.root / ".git"),
        "GIT_NAMESPACE": "x",
        "GIT_PREFIX": "x/",
        "GIT_GLOB_PATHSPECS": "1",
        "GIT_ICASE_PATHSPECS": "1",
        "GIT_DEFAULT_HASH": "sha256",
        "GIT_QUARANTINE_PATH": "/x",
        "GIT_SHALLOW_FILE": "/dev/null",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_EXTERNAL_DIFF": "false",
    }
    with unchanged(other):
        sandbox("move", "one", "running", env=elsewhere)
        assert sandbox("status", "--json", env=elsewhere).json["tasks"]["running"] == 1
        assert sandbox("verify", "--json", env=elsewhere).json["ok"]
    assert sandbox.status() == ""


@pytest.mark.thorough
def test_a_subfolder_and_another_folder(sandbox: Sandbox, tmp_path: Path) -> None:
    (sandbox.root / "src/deep").mkdir(parents=True)
    _works(sandbox, "-C", "src/deep")
    done = run(*GITORCH, "-C", str(sandbox.root / "src"), "status", "--json", cwd=tmp_path)
    assert done.json["tasks"]["running"] == 2
    inside = run(*GITORCH, "status", "--json", cwd=sandbox.root / ".tasks")
    assert inside.json == done.json


@pytest.mark.parametrize(
    "name", ["with blank", "ünïcödé 日本", "'quote\"", "-dash", "[a]*?", "trailing ", "back\\slash"]
)
@pytest.mark.thorough
def test_odd_paths_of_a_repository(tmp_path: Path, name: str) -> None:
    sandbox = Sandbox.create(tmp_path / name)
    sandbox("create", "one")
    sandbox("move", "one", "running")
    assert sandbox.states() == {"one": "running"}
    assert sandbox.status() == ""


@pytest.mark.thorough
def test_a_path_that_is_no_text(tmp_path: Path) -> None:
    _works(Sandbox.create(Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))))


def test_a_path_with_a_line_break_is_refused_clearly(tmp_path: Path) -> None:
    sandbox = Sandbox.create(tmp_path / "two\nlines")
    sandbox.commit(file="x\n")
    refused(sandbox, "create", "one", says="line break")
    assert_one_error(sandbox("status", code=1))


def test_no_repository_a_git_folder_and_no_folder(sandbox: Sandbox, tmp_path: Path) -> None:
    nowhere = Sandbox(tmp_path / "nowhere")
    nowhere.root.mkdir()
    for args in (("status",), ("step",), ("create", "x"), ("log",), ("verify",), ("list", "--json")):
        done = nowhere(*args, code=1)
        assert_one_error(done)
        assert "gitorch init" in done.err
    assert list(nowhere.root.iterdir()) == []
    inside = Sandbox(sandbox.root / ".git")
    before = look(sandbox)
    assert_one_error(inside("create", "x", code=1))
    assert_one_error(inside("status", code=1))
    assert look(sandbox) == before
    assert_one_error(sandbox("-C", "missing", "status", code=2), hint=False)
    assert_one_error(sandbox("-C", ".git/config", "status", code=2), hint=False)


def test_a_damaged_repository_is_told_without_a_traceback(sandbox: Sandbox) -> None:
    sandbox("create", "one")
    tree = sandbox.git("rev-parse", "HEAD:.tasks").strip()
    (sandbox.root / ".git/objects" / tree[:2] / tree[2:]).unlink()
    for args in (("create", "two"), ("verify",)):
        done = sandbox(*args, code=1)
        assert_one_error(done)
    (sandbox.root / ".git/HEAD").write_bytes(b"\x00rubbish")
    assert_one_error(sandbox("status", code=1))
    (sandbox.root / ".git/HEAD").write_text("ref: refs/heads/main\n")
    (sandbox.root / ".git/config").write_text("[core\nrubbish")
    assert_one_error(sandbox("status", code=1))


def test_a_deleted_working_directory(sandbox: Sandbox) -> None:
    gone = sandbox.root / "gone"
    gone.mkdir()
    code = f"cd '{gone}' && rmdir '{gone}' && exec '{GITORCH[0]}' -m gitorch status"
    done = run("sh", "-c", code, cwd=sandbox.root)
    assert done.code == 1
    assert_one_error(done)
