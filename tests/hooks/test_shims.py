"""What the shell decides: when gitorch is started at all, how, and what happens where it is gone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gitorch import data
from gitorch.hooks.found import CLIENT, SERVER, SHARED
from tests.hooks.shims import Shims, git_alone, installed, shims
from tests.sandbox import run

__all__ = ["shims"]

FILE = ".git/COMMIT_EDITMSG"
AMENDED = [f"prepare-commit-msg {FILE} message", f"commit-msg {FILE}"]
COMMITTED = ["pre-commit", *AMENDED]
AT_ONCE = [f"at-once {FILE} message"]  # where no editor comes between, one call does for all three


@pytest.mark.parametrize("shell", ["dash", "bash --posix", "busybox sh"])
def test_shells_understand_the_hooks(shell: str) -> None:
    program, *options = shell.split()
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    for path in data.folder("hooks").iterdir():
        assert run(program, *options, "-n", str(path), cwd=path.parent) == (0, "", "")


def test_each_file_tells_what_it_does_and_whose_it_is() -> None:
    files = {path.name: path.read_text().splitlines() for path in data.folder("hooks").iterdir()}
    assert set(files) == {*CLIENT, *SERVER, SHARED}
    for name, lines in files.items():
        first = lines[0 if name == SHARED else 1]
        assert first.startswith("# ")
        assert first.endswith(".")
        assert "# gitorch-hook @ID@" in lines
        assert name == SHARED or f"hook={name}" in lines


def test_an_ordinary_commit_starts_no_gitorch(shims: Shims) -> None:
    shims.edit()
    shims.git("commit", "-q", "-m", "other work\n\nwith a body that has commit and merge in it")
    shims.edit("again")
    shims.git("commit", "-q", "-a", "-m", "more")
    shims.edit("by an editor")
    assert shims.tried("commit", "-q", env={"GIT_EDITOR": "echo edited >"}).code == 0
    shims.git("commit", "-q", "--allow-empty", "-m", "empty")
    assert shims.calls() == []


def test_the_first_commit_is_ordinary_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new = Shims.new(tmp_path / "new")
    installed(new, monkeypatch)
    new.edit()
    new.git("commit", "-q", "-m", "first")
    assert new.calls() == []


def test_a_commit_that_touches_the_tasks_is_looked_at(shims: Shims) -> None:
    shims.touch()
    shims.git("commit", "-q", "-m", "by hand")
    assert shims.calls() == AT_ONCE
    shims.git("rm", "-q", "-r", ".tasks/one")
    shims.git("commit", "-q", "-m", "deleted alone")
    assert shims.calls() == AT_ONCE


def test_what_gitorch_refuses_is_not_committed(shims: Shims) -> None:
    head = shims.head()
    shims.touch()
    shims.answer(1)
    assert shims.tried("commit", "-m", "x").code == 1
    assert shims.calls() == AT_ONCE
    assert shims.tried("commit", env={"GIT_EDITOR": "echo x >"}).code == 1
    assert shims.calls() == ["pre-commit"]
    assert shims.head() == head


def test_paths_on_the_command_line_are_what_counts(shims: Shims) -> None:
    shims.touch()
    shims.edit()
    shims.git("commit", "-q", "-m", "one file", "--", "file.txt")
    assert shims.calls() == []
    shims.edit("more")
    shims.git("commit", "-q", "-m", "the other", "--", ".tasks")
    assert shims.calls() == AT_ONCE


@pytest.mark.parametrize("how", [("--amend",), ("--ame",), ("--amend", "--no-edit")])
def test_an_amended_commit_is_looked_at(shims: Shims, how: tuple[str, ...]) -> None:
    message = () if "--no-edit" in how else ("-m", "anew")
    shims.git("commit", "-q", "--allow-empty", *how, *message)
    source = "commit HEAD" if "--no-edit" in how else "message"
    assert [call for call in shims.calls() if not call.startswith("<")] == [
        f"prepare-commit-msg {FILE} {source}",
        f"commit-msg {FILE}",
        "post-rewrite amend",
    ]


def test_an_alias_that_amends_is_seen(shims: Shims) -> None:
    shims.git("config", "alias.mend", "commit --amend")
    shims.git("mend", "-q", "--allow-empty", "-m", "anew")
    assert shims.calls()[:2] == AMENDED


@pytest.mark.parametrize("record", [True, False])
@pytest.mark.thorough
def test_behind_another_program_amending_counts_where_there_is_a_record_to_lose(shims: Shims, record: bool) -> None:
    text = "begin\n\nGitorch-Event: begin\n" if record else "no record\n"
    shims.git("commit", "-q", "--no-verify", "--allow-empty", "-m", text)
    for name in CLIENT:
        (shims.hooks / name).rename(shims.hooks / f"{name}.legacy")
    shims.hook("commit-msg", '"$0.legacy" "$@"')
    shims.calls()
    shims.git("commit", "-q", "--amend", "--allow-empty", "-m", "a commit\n\nwith a merge")
    assert shims.calls() == (AMENDED[1:] if record else [])


def test_an_aborted_commit_tells_nothing_about_the_next(shims: Shims) -> None:
    shims.edit()
    assert shims.tried("commit", "-m", "").code != 0
    settled = shims.root / ".git/gitorch/settled"
    assert settled.exists()
    shims.touch()
    shims.git("commit", "-q", "-n", "-m", "x")
    assert shims.calls() == [AMENDED[0]]


def test_what_another_hook_stages_after_ours_is_seen_by_the_later_ones(shims: Shims) -> None:
    ours = (shims.hooks / "pre-commit").rename(shims.hooks / "pre-commit.legacy")
    add = "mkdir -p .tasks/one; echo y > .tasks/one/late.md; git add .tasks"
    shims.hook("pre-commit", f'"$0.legacy" "$@" || exit\nsleep 0.05; {add}')
    assert ours.exists()
    shims.edit()
    shims.git("commit", "-q", "-m", "x")
    assert shims.calls() == AMENDED


@pytest.mark.parametrize("line", ["Gitorch-Event: end", "gitorch-task: x", "GITORCH-"])
@pytest.mark.parametrize("before", [1, 200])
def test_a_message_that_speaks_as_a_record_is_looked_at(shims: Shims, line: str, before: int) -> None:
    shims.edit()
    filler = "a line of words\n" * before
    shims.git("commit", "-q", "-m", f"subject\n\n{filler}\n{line}")
    assert shims.calls() == [f"commit-msg {FILE}"]
    shims.edit("more")
    shims.git("commit", "-q", "-m", f"subject\n\n{filler}\nsee {line}")
    assert shims.calls() == []


@pytest.mark.thorough
def test_merges(shims: Shims) -> None:
    shims.git("checkout", "-q", "-b", "side")
    shims.edit("side")
    shims.git("commit", "-q", "-m", "side")
    shims.git("checkout", "-q", "main")
    shims.commit("main", **{"main.txt": "x\n"})
    shims.git("merge", "-q", "--no-edit", "side")
    assert shims.calls() == []
    shims.git("checkout", "-q", "-b", "tasks")
    shims.touch()
    shims.git("commit", "-q", "-m", "tasks")
    shims.git("checkout", "-q", "main")
    shims.commit("more", **{"more.txt": "x\n"})
    shims.calls()
    shims.git("merge", "-q", "--no-edit", "tasks")
    merging = ["pre-merge-commit", "prepare-commit-msg .git/MERGE_MSG merge", "commit-msg .git/MERGE_MSG"]
    assert shims.calls() == [*merging, "post-merge 0"]


def test_a_squash_is_told_while_it_is_staged(shims: Shims) -> None:
    shims.git("checkout", "-q", "-b", "side")
    shims.touch()
    shims.git("commit", "-q", "-m", "side")
    shims.git("checkout", "-q", "main")
    shims.calls()
    shims.git("merge", "-q", "--squash", "side")
    assert shims.calls() == ["post-merge 1"]


def test_a_rebase_tells_which_commits_it_has_written_anew(shims: Shims) -> None:
    shims.git("checkout", "-q", "-b", "side")
    shims.commit("side", **{"side.txt": "x\n"})
    old = shims.head()
    shims.git("checkout", "-q", "main")
    shims.commit("main", **{"main.txt": "x\n"})
    shims.git("checkout", "-q", "side")
    shims.git("rebase", "-q", "main")
    assert shims.calls() == ["post-rewrite rebase", f"< {old} {shims.head()}"]


def test_a_push_is_told_with_its_input(shims: Shims) -> None:
    remote = shims.root.parent / "remote.git"
    shims.git("init", "-q", "--bare", str(remote))
    shims.git("push", "-q", str(remote), "HEAD:refs/heads/x")
    null = "0" * 40
    line = f"< {'HEAD'} {shims.head()} refs/heads/x {null}"
    assert shims.calls() == [f"pre-push {remote} {remote}", line]
    shims.answer(1)
    assert shims.tried("push", str(remote), "HEAD:refs/heads/y").code != 0


def test_a_server_is_told_what_is_pushed(tmp_path: Path, shims: Shims, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Shims(tmp_path / "on the server" / "bare.git")
    server.root.mkdir(parents=True)
    server.git("init", "-q", "--bare")
    (server.root / ".git").symlink_to(".")
    installed(server, monkeypatch, server=True)
    assert not (server.hooks / "pre-commit").exists()
    before = server.hook("pre-receive.before-gitorch", "cat > before; grep -q refs/heads/no before && exit 9; exit 0")
    shims.git("push", "-q", "--no-verify", str(server.root), "HEAD:refs/heads/x")
    line = f"{'0' * 40} {shims.head()} refs/heads/x"
    assert server.calls() == ["pre-receive", f"< {line}"]
    assert (server.root / "before").read_text() == f"{line}\n"
    assert shims.tried("push", "--no-verify", str(server.root), "HEAD:refs/heads/no").code != 0
    assert server.calls() == []
    before.unlink()
    server.answer(1)
    assert shims.tried("push", "--no-verify", str(server.root), "HEAD:refs/heads/y").code != 0
    assert server.git("for-each-ref", "--format=%(refname)") == "refs/heads/x\n"


def test_a_linked_worktree(shims: Shims) -> None:
    tree = Shims(shims.root.parent / "tree")
    shims.git("worktree", "add", "-q", str(tree.root))
    tree.edit()
    tree.git("commit", "-q", "-m", "other")
    assert shims.calls() == []
    tree.touch()
    assert shims.tried("commit", "-q", "-m", "x", cwd=tree.root / ".tasks").code == 0
    path = shims.root / ".git/worktrees/tree/COMMIT_EDITMSG"
    assert shims.calls() == [call.replace(FILE, str(path)) for call in AT_ONCE]
    assert not (tree.root / ".git/gitorch").exists()


def test_a_git_folder_named_on_the_command_line(shims: Shims, tmp_path: Path) -> None:
    here = ("--git-dir", str(shims.root / ".git"), "--work-tree", str(shims.root))
    shims.edit()
    assert shims.tried(*here, "commit", "-q", "-m", "other", cwd=tmp_path).code == 0
    assert shims.calls() == []
    shims.touch()
    assert shims.tried(*here, "commit", "-q", "-m", "x", cwd=tmp_path).code == 0
    assert [call.split(" ")[0] for call in shims.calls()] == ["at-once"]


def test_a_renamed_hook_works_on(shims: Shims) -> None:
    for name in CLIENT:
        (shims.hooks / name).rename(shims.hooks / f"{name}.legacy")
        shims.hook(name, '"$0.legacy" "$@"')
    shims.edit()
    shims.git("commit", "-q", "-m", "other")
    assert shims.calls() == []
    shims.touch()
    shims.git("commit", "-q", "-m", "x")
    assert shims.calls() == COMMITTED


def test_with_nothing_but_git_on_path(shims: Shims, tmp_path: Path) -> None:
    alone = {"PATH": git_alone(tmp_path / "alone")}
    shims.edit()
    assert shims.tried("commit", "-q", "-m", "other", env=alone) == (0, "", "")
    shims.edit("again")
    assert shims.tried("commit", "-q", "-m", "other\n\n" + "words\n" * 100, env=alone) == (0, "", "")
    assert shims.calls() == []
    shims.touch()
    assert shims.tried("commit", "-q", "-m", "x", env=alone) == (0, "", "")
    assert shims.calls() == AT_ONCE


def _gone(shims: Shims) -> None:
    (shims.place / "gitorch").unlink()


def _not_executable(shims: Shims) -> None:
    (shims.place / "gitorch").chmod(0o644)


def _without_interpreter(shims: Shims) -> None:
    (shims.place / "gitorch").write_text("#!/nowhere/python\n")


def _ends_with_127(shims: Shims) -> None:
    shims.answer(127)


@pytest.mark.parametrize("how", [_gone, _not_executable, _without_interpreter, _ends_with_127])
@pytest.mark.thorough
def test_where_gitorch_is_gone_git_goes_on_with_a_warning(
    shims: Shims, tmp_path: Path, how: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(how)
    how(shims)
    monkeypatch.setenv("PATH", git_alone(tmp_path / "alone"))
    shims.edit()
    assert shims.tried("commit", "-q", "-m", "other") == (0, "", "")
    shims.touch()
    done = shims.tried("commit", "-q", "-m", "x")
    assert done.code == 0
    warnings = [line for line in done.err.splitlines() if line.startswith("warning: gitorch is not to be found")]
    assert [line.rpartition("(")[2] for line in warnings] == ["prepare-commit-msg)", "commit-msg)"]
    assert shims.git("log", "-1", "--format=%s") == "x\n"


def test_another_gitorch_on_path_takes_its_place(shims: Shims, monkeypatch: pytest.MonkeyPatch) -> None:
    other = shims.place.rename(shims.root.parent / "moved")
    monkeypatch.setenv("PATH", f"{other}:{git_alone(shims.root.parent / 'alone')}")
    shims.touch()
    assert shims.tried("commit", "-q", "-m", "x").err == ""
    assert (other / "calls").read_text().splitlines()[0] == f"hook {AT_ONCE[0]}"


def test_one_in_the_users_own_folder_is_found_without_path(
    shims: Shims, sealed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (sealed / ".local").mkdir()
    own = shims.place.rename(sealed / ".local/bin")
    monkeypatch.setenv("PATH", git_alone(shims.root.parent / "alone"))
    shims.touch()
    assert shims.tried("commit", "-q", "-m", "x").err == ""
    assert (own / "calls").read_text().splitlines()[0] == f"hook {AT_ONCE[0]}"


@pytest.mark.parametrize("code", [0, 3])
def test_a_hook_of_somebody_else_runs_first_and_may_refuse(shims: Shims, code: int) -> None:
    log = shims.place / "calls"
    for name in ("pre-commit", "prepare-commit-msg"):
        shims.hook(f"{name}.before-gitorch", f'echo "theirs $#" >> "{log}"')
    shims.hook("commit-msg.before-gitorch", f'echo "theirs $*" >> "{log}"; exit {code}')
    shims.touch()
    assert shims.tried("commit", "-q", "-m", "x").code == min(code, 1)
    assert shims.calls() == ["theirs 0", "theirs 2", *AT_ONCE, f"theirs {FILE}"]


def test_what_somebody_elses_hook_makes_of_the_message_is_looked_at(shims: Shims) -> None:
    shims.hook("commit-msg.before-gitorch", 'sleep 0.1; echo more >> "$1"')
    shims.touch()
    shims.git("commit", "-q", "-m", "x")
    assert shims.calls() == [*AT_ONCE, COMMITTED[2]]


def test_with_an_editor_each_hook_asks(shims: Shims) -> None:
    shims.touch()
    assert shims.tried("commit", "-q", env={"GIT_EDITOR": "echo edited >"}).code == 0
    assert [call.split(" ")[0] for call in shims.calls()] == ["pre-commit", "prepare-commit-msg", "commit-msg"]


def test_one_that_stages_something_is_seen(shims: Shims) -> None:
    shims.hook("pre-commit.before-gitorch", "mkdir -p .tasks/one; echo y > .tasks/one/new.md; git add .tasks")
    shims.edit()
    shims.git("commit", "-q", "-m", "x")
    assert shims.calls() == AT_ONCE


def test_one_that_is_switched_off_stays_so(shims: Shims) -> None:
    shims.hook("pre-commit.before-gitorch", "exit 1", 0o644)
    shims.edit()
    shims.git("commit", "-q", "-m", "x")
    assert shims.calls() == []


@pytest.mark.parametrize("theirs", ["cat", 'read -r line; echo "$line"', "true", "false"])
@pytest.mark.thorough
def test_both_read_what_a_push_tells(shims: Shims, theirs: str) -> None:
    shims.hook("pre-push.before-gitorch", f'{{ {theirs}; }} > "{shims.place}/theirs"')
    remote = shims.root.parent / "remote.git"
    shims.git("init", "-q", "--bare", str(remote))
    refs = [f"refs/heads/b{number}" for number in range(500)]
    done = shims.tried("push", "-q", str(remote), *(f"HEAD:{ref}" for ref in refs))
    read = (shims.place / "theirs").read_text().splitlines()
    assert len(read) == {"cat": 500, "true": 0, "false": 0}.get(theirs, 1)
    assert done.code == (1 if theirs == "false" else 0)
    told = shims.calls()
    assert len(told) == (0 if theirs == "false" else 501)


@pytest.mark.thorough
def test_the_real_program_is_started(shims: Shims) -> None:
    shims("hooks", "install")
    shims.write(".tasks/[pending]_a_task.md", "---\n---\n# a\n")
    shims.write(".tasks/[running]_a_task.md", "---\n---\n# a\n")
    shims.git("add", ".tasks")
    done = shims.tried("commit", "-m", "two at once")
    assert done.code == 1
    assert "error: " in done.err
    assert "hint: " in done.err
