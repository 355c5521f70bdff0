"""Agents that change the repository itself: its settings, its index, what stands for its objects, what git looks at."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from gitorch.guard import restore
from tests.history.sides import needs_merge_tree
from tests.loop.bench import LINES, Bench

FAIL = "exit 1"


def _cut(bench: Bench, agent: str) -> None:
    bench.step(f"{agent}; kill -9 $PPID", code=None)


def _goes_on(bench: Bench) -> None:
    assert bench.step("echo done > done.txt", code=None).code in (0, 10)
    assert bench.committed("done.txt") == "done\n"
    assert bench.is_sound()


@pytest.mark.parametrize("ending", ["exit 1", "exit 0", "kill -9 $PPID"])
@pytest.mark.thorough
def test_core_worktree_points_to_a_folder_of_somebody_elses(dirty: Bench, tmp_path: Path, ending: str) -> None:
    before, there = dirty.photo(), tmp_path / "there"
    there.mkdir()
    (there / "a.txt").write_text("precious\n")
    dirty.step(f"echo x > x.txt; git config core.worktree {there}; {ending}", code=None)
    assert [(path.name, path.read_text()) for path in there.iterdir()] == [("a.txt", "precious\n")]
    if "kill" in ending:
        told = dirty.step("true", code=1).err
        assert f"core.worktree in git's configuration names another folder, {there}" in told
        dirty.git("config", "--unset", "core.worktree")
    _goes_on(dirty)
    assert dirty.git("config", "--get-all", "core.worktree", ok=False) == ""
    assert dirty.photo(without=["done.txt", "x.txt"]) == before


@pytest.mark.thorough
def test_core_bare(dirty: Bench) -> None:
    before = dirty.photo()
    dirty.step(f"rm a.txt; git config core.bare true; {FAIL}", code=None)
    _goes_on(dirty)
    assert dirty.photo(without=["done.txt"]) == before
    _cut(dirty, "git config core.bare true")
    assert "git config --replace-all core.bare false" in dirty.step("true", code=1).err


@pytest.mark.thorough
def test_a_worktree_of_a_bare_repository_leaves_it_bare(bench: Bench, tmp_path: Path) -> None:
    bench.git("clone", "-q", "--bare", str(bench.root), str(tmp_path / "bare"))
    bench.git("-C", str(tmp_path / "bare"), "worktree", "add", "-q", str(tmp_path / "linked"), "main")
    linked = Bench(tmp_path / "linked")
    linked.step(f"rm a.txt; git config some.key value; {FAIL}", code=None)
    assert linked.read("a.txt") == LINES
    assert linked.git("config", "core.bare") == "true\n"


@pytest.mark.parametrize("flag", ["skip-worktree", "assume-unchanged"])
@pytest.mark.parametrize(
    "deed", ["chmod -R go-w .", pytest.param("cp -al . ../linked", marks=pytest.mark.thorough), "rm -rf .git/gitorch"]
)
@pytest.mark.parametrize("ending", ["exit 1", pytest.param("exit 0", marks=pytest.mark.thorough), "kill -9 $PPID"])
def test_files_that_the_user_had_flagged(bench: Bench, flag: str, deed: str, ending: str) -> None:
    bench.git("update-index", f"--{flag}", "b.txt")
    bench.write("b.txt", "mine\n")
    gone = "gitorch" in deed
    bench.step(f"echo x > x.txt; {deed}; {ending}", code=None)
    if not (gone and "kill" in ending):  # then nobody knows of the invocation any more
        _goes_on(bench)
    assert bench.read("b.txt") == "mine\n"
    assert bench.committed("b.txt") == LINES
    assert bench.git("ls-files", "-v", "b.txt")[0] == {"skip-worktree": "S", "assume-unchanged": "h"}[flag]


@pytest.mark.thorough
def test_flags_that_an_agent_has_set_go_also_if_it_succeeds(bench: Bench) -> None:
    bench.write("a.txt", "mine\n")
    bench.step("git update-index --skip-worktree a.txt; echo x > x.txt")
    assert " M a.txt" in bench.git("status", "--short")


@needs_merge_tree
@pytest.mark.parametrize("flag", ["skip-worktree", "assume-unchanged"])
@pytest.mark.thorough
def test_rewind_and_merge_write_over_no_flagged_file(bench: Bench, flag: str) -> None:
    bench.step("echo one > f.txt")
    first = bench.head()
    bench.step("echo two > f.txt", code=None)
    bench.git("switch", "-q", "-c", "other", first)
    bench.commit("theirs", **{"f.txt": "theirs\n"})
    bench.git("switch", "-q", "main")
    bench.git("update-index", f"--{flag}", "f.txt")
    assert bench("rewind", first, "--work", code=None).code == 0, "as it is in the last commit it may be replaced"
    bench.write("f.txt", "precious\n")
    for command in (("rewind", "HEAD~1", "--work"), ("merge", "other")):
        refused = bench(*command, code=1)
        assert "uncommitted changes: 'f.txt'" in refused.err
    assert bench.read("f.txt") == "precious\n"
    assert not list((bench.root / ".git/gitorch").glob("*.index"))


@pytest.mark.thorough
def test_a_commit_of_the_users_secret_behind_hundreds_of_moves(bench: Bench) -> None:
    bench.write("secret.txt", "secret\n")
    more = "a=$(git rev-parse HEAD); b=$(git commit-tree -p $a -m more HEAD^{tree})"
    moves = f"{more}; git reset -q --soft $b; git reset -q --soft $a"
    log = "for i in $(seq 150); do tail -n 2 .git/logs/HEAD >> .git/more; done; cat .git/more >> .git/logs/HEAD"
    bench.step(f"git add -A; git commit -qm wip; {moves}; {log}; {FAIL}", code=None)
    assert "secret.txt" not in bench.git("log", "--name-only", "--format=")


@pytest.mark.thorough
def test_a_split_index_whose_shared_part_expires_at_once(bench: Bench) -> None:
    bench.git("config", "core.splitIndex", "true")
    bench.git("config", "splitIndex.sharedIndexExpire", "now")
    bench.write("staged.txt", "staged\n")
    bench.git("add", "staged.txt")
    bench.step("echo x > x.txt")
    assert "A  staged.txt" in bench.git("status", "--short")


@pytest.mark.thorough
def test_the_shared_part_of_a_split_index_is_taken_away(dirty: Bench) -> None:
    dirty.git("update-index", "--split-index")
    before = dirty.photo()
    dirty.step(f"echo y >> b.txt; git add b.txt; rm .git/sharedindex.*; {FAIL}", code=None)
    _goes_on(dirty)
    assert dirty.photo(without=["done.txt"]) == before


@pytest.mark.parametrize("ending", ["exit 1", "exit 0", pytest.param("kill -9 $PPID", marks=pytest.mark.thorough)])
def test_a_repository_made_of_a_folder_of_the_users(bench: Bench, ending: str) -> None:
    bench.write("new/mine.txt", "mine\n")
    bench.step(f"git init -q new; echo x > x.txt; {ending}", code=None)
    bench.step("rm -rf new; exit 1", code=None)
    assert bench.read("new/mine.txt") == "mine\n"
    assert not (bench.root / "new/.git").exists()
    _goes_on(bench)


@pytest.mark.thorough
def test_a_repository_that_was_there_stays(bench: Bench) -> None:
    bench.git("init", "-q", "doc")
    bench.write("doc/new.txt", "mine\n")
    blob = bench.git("hash-object", "-w", "doc/new.txt").strip()
    bench.git("update-index", "--add", "--cacheinfo", f"100644,{blob},doc/new.txt")
    before = bench.photo()
    bench.step("echo x > x.txt; exit 1", code=None)
    assert bench.photo() == before
    assert (bench.root / "doc/.git/HEAD").exists()


@pytest.mark.thorough
def test_objects_that_others_are_to_stand_for(dirty: Bench) -> None:
    before = dirty.photo()
    evil = "$(echo evil | git hash-object -w --stdin)"
    replace = f"git replace $(git hash-object -w $f) {evil}"
    _cut(dirty, f"for f in a.txt b.txt; do {replace}; rm $f; done; git replace HEAD^{{tree}} $(git mktree < /dev/null)")
    dirty.step("echo done > done.txt")
    assert dirty.read("b.txt") == LINES
    for ref in dirty.git("replace", "-l").split():
        dirty.git("replace", "-d", ref)
    assert dirty.photo(without=["done.txt"]) == before


@pytest.mark.thorough
def test_the_repository_is_moved_between(dirty: Bench) -> None:
    before = dirty.photo()
    _cut(dirty, "rm a.txt")
    moved = Bench(dirty.root.rename(dirty.root.with_name("elsewhere")))
    _goes_on(moved)
    assert moved.photo(without=["done.txt"]) == before


@pytest.mark.parametrize(
    "deed",
    [
        pytest.param(f"git update-index --add --cacheinfo 100644,{'1' * 40},ghost.txt", id="an entry without its file"),
        pytest.param("echo junk > .git/index", id="an index written in place"),
        pytest.param("git config --add core.bare true", id="core.bare said twice"),
    ],
)
@pytest.mark.thorough
def test_a_failed_attempt_leaves_no_trace_of_it(dirty: Bench, deed: str) -> None:
    before = dirty.photo()
    dirty.step(f"{deed}; {FAIL}", code=None)
    _goes_on(dirty)
    assert dirty.photo(without=["done.txt"]) == before


def test_folders_that_nobody_may_write_into_are_opened(tmp_path: Path) -> None:
    folder = tmp_path / "one/two"
    folder.mkdir(parents=True)
    (tmp_path / "one").chmod(0o555)
    (tmp_path / "link").symlink_to("one")
    restore.open_folders(tmp_path, "one/two/file.txt")
    restore.open_folders(tmp_path, "link/file.txt")
    assert [stat.S_IMODE(each.stat().st_mode) & 0o700 for each in (tmp_path / "one", folder)] == [0o700] * 2


def test_hooks_of_the_users_may_work_in_other_repositories(bench: Bench) -> None:
    other, said = bench.root.parent / "other", bench.root.parent / "said"
    bench.git("init", "-q", str(other))
    hook = bench.write(
        ".git/hooks/reference-transaction", f"#!/bin/sh\ngit -C {other} rev-parse --show-toplevel >> {said}\n"
    )
    hook.chmod(0o755)
    bench("create", "v")
    assert {*said.read_text().split()} == {str(other)}


@pytest.mark.thorough
def test_flags_come_back_beside_a_path_that_has_left_the_index(bench: Bench) -> None:
    bench.write("a.txt", "mine\n")
    bench.git("update-index", "--assume-unchanged", "a.txt", "b.txt")
    bench.step(
        "git update-index --no-assume-unchanged a.txt; git rm -q --cached b.txt; git commit -qm own; echo x > x.txt"
    )
    assert bench.git("ls-files", "-v", "a.txt") == "h a.txt\n"
