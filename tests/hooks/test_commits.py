"""Commits by hand, by real git with the hooks installed: what is legal gets a record, what is not is refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hooks.scene import Scene
from tests.sandbox import run, short_form

Case = Callable[[Scene], None]
CASES: dict[str, Case] = {}
ONE_DONE = "one: running -> completed"


@pytest.fixture
def scene(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return Scene.copy(tmp_path / "repo", tmp_path_factory.getbasetemp() / "scene")


def case(function: Case) -> Case:
    CASES[function.__name__] = function
    return function


def sed(script: str) -> dict[str, str]:
    return {"GIT_EDITOR": f"sed -i -e '{script}'"}


def todo(script: str) -> dict[str, str]:
    return {"GIT_SEQUENCE_EDITOR": f"sed -i -e '{script}'"}


def is_done(scene: Scene, subject: str | None = None) -> None:
    """See that the last commit is a record of the one change that most cases make."""
    assert scene.changes() == [ONE_DONE]
    assert scene.event() == "move"
    assert scene.states()["one"] == "completed"
    if subject is not None:
        assert scene.message().startswith(f"gitorch(one): {subject}")
    assert scene("log", "--task", "one", "-n", "1", "--json").json["event"] == "move"


# how the message is given


@case
def a_message_is_given(s: Scene) -> None:
    s.rename("one", "completed")
    s.lands("commit", "-m", "I have done it", "-m", "In two goes.")
    is_done(s, "I have done it\n\nIn two goes.")


@case
def an_editor_leaves_the_message_as_it_is(s: Scene) -> None:
    s.rename("one", "completed")
    s.lands("commit")
    is_done(s, "move running -> completed")


@case
def an_editor_replaces_the_subject(s: Scene) -> None:
    s.rename("one", "completed")
    s.lands("commit", env=sed(r"1s/.*/I have done it/"))
    is_done(s, "I have done it")


@case
def an_editor_deletes_the_trailers(s: Scene) -> None:
    s.rename("one", "completed")
    s.lands("commit", env=sed("/^Gitorch-/d"))
    is_done(s)


@case
def an_editor_deletes_the_subject(s: Scene) -> None:
    s.rename("one", "completed")
    s.lands("commit", env=sed("1d"))
    is_done(s, "move running -> completed")


@case
def an_editor_adds_text_after_the_trailers(s: Scene) -> None:
    s.rename("one", "completed")
    s.lands("commit", env=sed(r"/^Gitorch-State/a\\nIt was hard."))
    is_done(s)
    assert "\n\nIt was hard.\n\nGitorch-Event" in s.message()


@case
def an_editor_cuts_a_trailer(s: Scene) -> None:
    s.rename("one", "completed")
    said = s.refused("commit", env=sed("/^Gitorch-State/d"))
    assert ONE_DONE in said
    assert "take the lines that begin with Gitorch- out" in said
    s.lands("commit", env=sed("/^Gitorch-/d"))


@case
def an_editor_doubles_a_trailer(s: Scene) -> None:
    s.rename("one", "completed")
    assert "stands there twice" in s.refused("commit", env=sed("/^Gitorch-State/p"))


@case
def an_editor_makes_the_record_lie(s: Scene) -> None:
    s.rename("one", "completed")
    assert "do not fit together" in s.refused("commit", env=sed("/^Gitorch-State/s/completed/failed/"))


@case
def an_editor_empties_the_message(s: Scene) -> None:
    s.rename("one", "completed")
    before = s.seen()
    done = s.tried("commit", env=sed("d"))
    assert done.code == 1
    assert "empty commit message" in done.err
    assert s.seen() == before


@case
def a_message_from_a_file(s: Scene) -> None:
    s.rename("one", "completed")
    s.write("../message", "From a file\n\nGröße\n")
    s.lands("commit", "-F", "../message")
    is_done(s, "From a file\n\nGröße")


@case
def the_message_of_a_record_used_again(s: Scene) -> None:
    s.rename("one", "completed")
    s.lands("commit", "-C", "HEAD")
    is_done(s, "move running -> completed")
    s.write("file.txt", "other\n")
    s.add()
    assert "only it names" in s.refused("commit", "-C", "HEAD")


@case
def the_message_of_an_ordinary_commit_used_again(s: Scene) -> None:
    s.rename("one", "completed")
    s.lands("commit", "-c", "HEAD~6")
    is_done(s, "first")


@case
def a_diff_below_the_message(s: Scene) -> None:
    s.rename("one", "completed")
    s.write("file.txt", "Gitorch-Event: end\n")
    s.add()
    s.lands("commit", "-v", env=sed("1s/done/&/;1s/move.*/I have done it/"))
    is_done(s, "I have done it")
    assert "diff --git" not in s.message()


@case
def the_editor_still_shows_the_diff_and_the_status(s: Scene) -> None:
    s.rename("one", "completed")
    s.write("../editor", '#!/bin/sh\ncat "$1" > "$0.saw"\n').chmod(0o755)
    s.lands("commit", "-v", env={"GIT_EDITOR": str(s.root / "../editor")})
    saw = s.read("../editor.saw")
    assert "# Changes to be committed:" in saw
    assert "rename to .tasks/[completed]_one_task.md" in saw


@case
def cleaned_by_scissors(s: Scene) -> None:
    s.git("config", "commit.cleanup", "scissors")
    s.rename("one", "completed")
    s.lands("commit", env=sed(r"1s/.*/# 1 is done\n\n# so it is/"))
    is_done(s, "# 1 is done\n\n # so it is")


@case
def cleaned_not_at_all(s: Scene) -> None:
    s.git("config", "commit.cleanup", "verbatim")
    s.rename("one", "completed")
    s.lands("commit")
    is_done(s)
    s.rename("alone", "running")
    s.lands("commit", "-m", "begun\n\n# 2\n")
    assert "# 2\n" in s.message()


@case
def cleaned_by_an_option(s: Scene) -> None:
    s.rename("one", "completed")
    s.lands("commit", "--cleanup=verbatim", env=sed("1s/move.*/I have done it/"))
    is_done(s, "I have done it")


@case
def lines_like_comments_are_kept_as_git_keeps_them(s: Scene) -> None:
    s.rename("one", "completed")
    s.lands("commit", "-m", "# 12 is done\n\n# kept\n")
    is_done(s, "# 12 is done\n\n # kept")
    s.git("config", "commit.cleanup", "strip")
    s.rename("alone", "running")
    s.lands("commit", "-m", "begun\n\n# gone\n")
    assert "# gone" not in s.message()


@case
def another_sign_for_comments(s: Scene) -> None:
    s.git("config", "core.commentChar", ";")
    s.rename("one", "completed")
    s.lands("commit", env=sed(r"1s/move.*/done\n\n# stays\n; goes/"))
    is_done(s, "done\n\n# stays\n\nGitorch-Event: move")


@case
def any_sign_for_comments(s: Scene) -> None:
    s.git("config", "core.commentChar", "auto")
    s.rename("one", "completed")
    s.write("../message", "# 1\n\n# stays\n")
    s.lands("commit", "-e", "-F", "../message")
    is_done(s, "# 1\n\n # stays\n\nGitorch-Event: move")


@case
def a_template_for_messages(s: Scene) -> None:
    s.write("../template", "Title:\n\n# explain\nWhy:\n")
    s.git("config", "commit.template", str(s.root / "../template"))
    s.rename("one", "completed")
    s.lands("commit", env=sed("s/Title:/done/;s/^Why:/Why: so/"))
    is_done(s, "done\n\nWhy: so")


@case
def a_sign_off_and_a_change_id_stand_among_the_trailers(s: Scene) -> None:
    s.rename("one", "completed")
    s.lands("commit", "-s", "--trailer", "Change-Id: I12", "-m", "done")
    is_done(s, "done\n\nGitorch-Event: move")
    assert "Change-Id: I12" in s.git("log", "-1", "--format=%(trailers)")
    assert "Signed-off-by: Test" in s.git("log", "-1", "--format=%(trailers)")
    before = s.message()
    s.lands("commit", "--amend", "--no-edit")
    assert s.message() == before


@case
def a_sign_off_is_no_subject(s: Scene) -> None:
    s.rename("one", "completed")
    s.lands("commit", "-s")
    is_done(s, "move running -> completed\n\nGitorch-Event: move")


@case
def messages_in_another_encoding(s: Scene) -> None:
    s.git("config", "i18n.commitEncoding", "latin1")
    s.write("../message", "Größe\n".encode("latin1"))
    s.rename("one", "completed")
    s.say("continue", "Größe messen", "alone")
    s.lands("commit", "-F", "../message")
    assert "Gitorch-Next: Größe messen" in s.git("-c", "i18n.logOutputEncoding=utf-8", "log", "-1")
    s.say("continue", "测量", "alone")
    assert "i18n.commitEncoding" in s.refused("commit", "-F", "../message")
    s.git("config", "i18n.commitEncoding", "utf-8")
    s.lands("commit", "-m", "done")


@case
def long_words_go_into_the_body(s: Scene) -> None:
    s.rename("one", "completed")
    s.lands("commit", "-m", "word " * 30)
    is_done(s, "move running -> completed\n\nword word")


# what is changed


@case
def a_renamed_file_by_git_mv(s: Scene) -> None:
    s.git("mv", ".tasks/[running]_one_task.md", ".tasks/[completed]_one_task.md")
    s.lands("commit", "-m", "done")
    is_done(s, "done")


@case
def an_illegal_move(s: Scene) -> None:
    s.rename("alone", "completed")
    said = s.refused("commit", "-m", "done")
    assert "task alone is pending and cannot become completed" in said
    assert "from pending it may go to blocked or running" in said
    s.rename("alone", "running")
    s.lands("commit", "-m", "begun")
    s.rename("alone", "completed")
    s.lands("commit", "-m", "done")


@case
def a_task_taken_away(s: Scene) -> None:
    s.git("rm", "-q", ".tasks/[pending]_alone_task.md")
    s.lands("commit", "-m", "not wanted")
    assert (s.event(), s.changes()) == ("drop", ["alone: pending -> none"])


@case
def a_task_taken_away_that_is_named(s: Scene) -> None:
    s.git("rm", "-q", ".tasks/[running]_one_task.md")
    assert "MAIN_TASK names task one" in s.refused("commit", "-m", "not wanted")
    s.say("continue", "Execute alone task", "alone")
    assert "task two could never run: needs: there is no task one" in s.refused("commit", "-m", "not wanted")
    s.git("rm", "-q", ".tasks/[pending]_two_task.md")
    said = s.refused("commit", "-m", "not wanted")
    assert "also rename its file to .tasks/[pending]_whole_task.md" in said
    s.rename("whole", "pending")
    s.lands("commit", "-m", "not wanted")
    assert s.states() == {"whole": "pending", "alone": "pending"}


@case
def a_renamed_file_of_which_only_half_is_staged(s: Scene) -> None:
    s.rename("one", "completed", add=False)
    said = s.refused("commit", "-a", "-m", "done")
    assert "task one would be taken away, and .tasks/[completed]_one_task.md is there" in said
    assert "git add .tasks" in said
    s.git("add", ".tasks")
    s.lands("commit", "-a", "-m", "done")
    is_done(s, "done")


@case
def a_new_task(s: Scene) -> None:
    s.new("fresh", front="parent: whole\nneeds: [two]\n")
    s.lands("commit", "-m", "one more")
    assert (s.event(), s.changes()) == ("create", ["fresh: none -> pending"])


@case
def a_new_task_that_runs_already(s: Scene) -> None:
    s.new("fresh", "running")
    said = s.refused("commit", "-m", "one more")
    assert "new task fresh is running" in said
    assert "name its file .tasks/[pending]_fresh_task.md" in said
    s.rename("fresh", "pending")
    s.lands("commit", "-m", "one more")


@case
def new_tasks_that_could_never_run(s: Scene) -> None:
    s.new("fresh", front="needs: [other]\n")
    assert "there is no task other" in s.refused("commit", "-m", "one more")
    s.new("other", front="needs: [fresh]\n")
    assert "a circle" in s.refused("commit", "-m", "two more")


@case
def files_out_of_form(s: Scene) -> None:
    wrong = {
        ".tasks/[pending]_fresh_task.md": ("no front\n", "no front matter"),
        ".tasks/[done]_fresh_task.md": ("---\n---\n", "STATE is one of pending, running"),
        ".tasks/[pending]_Fresh_task.md": ("---\n---\n", "looks like a task file and is none"),
        ".tasks/MAIN_TASK": ("STATUS: maybe\nNEXT: x\n", "MAIN_TASK:1: STATUS 'maybe'"),
        ".tasks/templates/mine.yaml": ("x: [\n", "mine.yaml"),
    }
    for path, (text, said) in wrong.items():
        before = (s.root / path).read_text() if (s.root / path).exists() else None
        s.write(path, text)
        s.add()
        assert said in s.refused("commit", "-m", "wrong")
        if before is None:
            (s.root / path).unlink()
        else:
            s.write(path, before)
        s.add()
    s.lands("commit", "--allow-empty", "-m", "nothing is wrong any more")


@case
def main_task_edited(s: Scene) -> None:
    s.say("continue", "Look at alone again", "alone")
    s.lands("commit")
    assert (s.event(), s.changes()) == ("update", [])
    assert s.message().startswith("gitorch(alone): update: continue, Look at alone again\n")


@case
def main_task_that_names_nothing_there_is(s: Scene) -> None:
    s.say("continue", "Execute it", "nothing")
    assert "MAIN_TASK names task nothing, which there is not" in s.refused("commit", "-m", "next")
    s.git("rm", "-q", "--cached", ".tasks/MAIN_TASK")
    assert "MAIN_TASK would be missing" in s.refused("commit", "-m", "next")


@case
def several_changes_at_once(s: Scene) -> None:
    s.new("fresh")
    s.new("other", front="needs: [fresh]\n")
    s.rename("one", "completed")
    s.rename("alone", "blocked")
    s.say("blocked", "Which one", "alone")
    s.lands("commit", "-m", "much")
    assert s.event() == "adopt"
    assert set(s.changes()) == {
        *("fresh: none -> pending", "other: none -> pending", ONE_DONE, "alone: pending -> blocked")
    }


@case
def two_files_for_a_task(s: Scene) -> None:
    s.write(".tasks/[running]_alone_task.md", s.task("alone").read_text())
    s.add()
    said = s.refused("commit", "-m", "twice")
    assert "task alone has two files" in said
    s.git("rm", "-q", "-f", ".tasks/[pending]_alone_task.md")
    s.lands("commit", "-m", "once")


@case
def half_of_a_stash(s: Scene) -> None:
    s.rename("alone", "running")
    s.git("stash", "-q", "-u")
    s.holds()
    s.git("stash", "pop", "-q")
    assert "git add .tasks" in s.refused("commit", "-m", "begun")
    s.git("add", ".tasks")
    s.lands("commit", "-m", "begun")


@case
def links_and_folders_in_the_way(s: Scene) -> None:
    text = s.task("alone").read_text()
    s.task("alone").unlink()
    (s.root / ".tasks/[running]_alone_task.md").symlink_to("x")
    s.add()
    assert "would be a symbolic link" in s.refused("commit", "-m", "link")
    s.task("alone").unlink()
    s.write(".tasks/[running]_alone_task.md", text)
    s.add()
    s.lands("commit", "-m", "plain")
    shutil.rmtree(s.root / ".tasks")
    s.write(".tasks", "x")
    s.add()
    assert ".tasks would be no folder" in s.refused("commit", "-m", "a file")
    (s.root / ".tasks").unlink()
    s.add()
    s.lands("commit", "-m", "all gone")


@case
def parents_follow_their_subtasks(s: Scene) -> None:
    s.moves("one", "completed")
    s.moves("two", "running")
    s.rename("two", "completed")
    said = s.refused("commit", "-m", "all done")
    assert "with two: running -> completed task whole has to be completed, not running" in said
    s.rename("whole", "completed")
    s.lands("commit", "-m", "all done")
    assert s.changes() == ["two: running -> completed", "whole: running -> completed"]
    s.rename("two", "pending")
    assert "also rename its file to .tasks/[pending]_whole_task.md" in s.refused("commit", "-m", "again")
    s.rename("whole", "pending")
    s.lands("commit", "-m", "again")


@case
def a_parent_with_open_subtasks(s: Scene) -> None:
    s.rename("whole", "completed")
    assert "task whole has open subtasks" in s.refused("commit", "-m", "done")


# from where, and with what


@case
def the_index_differs_from_the_work_tree(s: Scene) -> None:
    s.rename("one", "completed")
    s.rename("alone", "completed", add=False)
    s.say("continue", "Not staged", "two", add=False)
    s.lands("commit", "-m", "done")
    is_done(s, "done")
    assert "Not staged" in s.main_task()


@case
def some_paths_only(s: Scene) -> None:
    s.write("file.txt", "staged\n")
    s.rename("one", "completed")
    s.lands("commit", "-m", "done", "--", ".tasks")
    is_done(s, "done")
    assert s.status() == "M  file.txt"


@case
def intended_files(s: Scene) -> None:
    s.new("fresh", "running", add=False)
    s.git("add", "-N", ".tasks")
    s.write("file.txt", "staged\n")
    s.git("add", "file.txt")
    s.lands("commit", "-m", "ordinary")
    assert s.message() == "ordinary\n"
    assert "new task fresh is running" in s.refused("commit", "-a", "-m", "all")


@case
def a_linked_worktree(s: Scene) -> None:
    s.git("worktree", "add", "-q", "../linked", "-b", "side")
    linked = Scene(s.root.parent / "linked")
    linked.rename("one", "completed")
    linked.lands("commit", "-m", "done")
    is_done(linked, "done")
    linked.rename("alone", "completed")
    assert "cannot become completed" in linked.refused("commit", "-m", "done")
    assert s.states()["one"] == "running"


@case
def git_told_where_the_repository_is(s: Scene) -> None:
    env = {"GIT_DIR": str(s.root / ".git"), "GIT_WORK_TREE": str(s.root)}
    s.rename("one", "completed")
    assert s.tried("commit", "-m", "done", cwd=s.root.parent, env=env).code == 0
    is_done(s, "done")
    s.holds()
    s.rename("alone", "completed")
    head = s.head()
    assert s.tried("commit", "-m", "done", cwd=s.root.parent, env=env).code == 1
    assert s.head() == head


@case
def a_subfolder(s: Scene) -> None:
    s.rename("one", "completed")
    assert s.tried("commit", "-m", "done", cwd=s.root / "src").code == 0
    is_done(s, "done")
    s.holds()
    s.rename("alone", "running", add=False)
    assert s.tried("commit", "-a", "-m", "half", cwd=s.root / "src").code == 1


@case
def another_index(s: Scene) -> None:
    s.rename("alone", "completed", add=False)
    env = {"GIT_INDEX_FILE": str(s.root.parent / "index")}
    s.git("read-tree", "HEAD", env=env)
    s.write("file.txt", "other\n")
    s.git("add", "file.txt", env=env)
    s.lands("commit", "-m", "ordinary", env=env)
    s.git("add", "-A", env=env)
    assert "cannot become completed" in s.tried("commit", "-m", "done", env=env).err
    assert s.message() == "ordinary\n"


@case
def aliases(s: Scene) -> None:
    s.git("config", "alias.ca", "commit -a")
    s.git("config", "alias.fix", "commit --amend")
    s.say("continue", "Look at alone", "alone", add=False)
    s.lands("ca", "-m", "next")
    s.rename("one", "completed")
    s.lands("fix", "-m", "next, and done")
    assert s.event() == "adopt"
    assert s.changes() == [ONE_DONE]
    s.rename("two", "completed")
    assert "task two is pending and cannot become completed" in s.refused("fix", "--no-edit")


@case
def a_detached_head(s: Scene) -> None:
    s.git("checkout", "-q", "--detach")
    s.rename("one", "completed")
    s.lands("commit", "-m", "done")
    is_done(s, "done")


@case
def the_first_commit_of_a_branch(s: Scene) -> None:
    s.git("checkout", "-q", "--orphan", "new")
    done = s.tried("commit", "-m", "first")
    assert "new task one is running" in done.err
    s.rename("one", "pending")
    s.rename("whole", "pending")
    s.lands("commit", "-m", "first")
    assert len(s.changes()) == 4
    assert s.states()["one"] == "pending"


@case
def a_signed_commit(s: Scene) -> None:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("ssh-keygen is missing")
    key = s.root.parent / "key"
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key), cwd=s.root.parent)
    s.write("../allowed", f"test@example.invalid {key.with_suffix('.pub').read_text()}")
    for name, value in (
        ("gpg.format", "ssh"),
        ("user.signingKey", str(key)),
        ("commit.gpgSign", "true"),
        ("gpg.ssh.allowedSignersFile", str(s.root.parent / "allowed")),
    ):
        s.git("config", name, value)
    s.rename("one", "completed")
    s.lands("commit", "-m", "done")
    is_done(s, "done")
    assert s.git("log", "-1", "--format=%G?").strip() == "G"
    s("verify", "--signatures", "--since", "HEAD~1")


# amending


@case
def an_ordinary_commit_amended(s: Scene) -> None:
    s.works()
    s.rename("one", "completed")
    s.lands("commit", "--amend", "--no-edit")
    is_done(s, "work on file.txt")


@case
def a_record_amended(s: Scene) -> None:
    s.moves("one", "completed", "done")
    before = s.message()
    s.lands("commit", "--amend", "--no-edit", "--date=2001-01-01T00:00:00Z")
    assert s.message() == before
    s.lands("commit", "--amend", "-m", "other words")
    is_done(s, "other words")
    s.rename("alone", "running")
    s.lands("commit", "--amend", "--no-edit")
    assert s.changes() == [ONE_DONE, "alone: pending -> running"]
    assert s.message().startswith("gitorch(one): other words\n")
    s.rename("alone", "completed")
    said = s.refused("commit", "--amend", "--no-edit")
    assert "task alone is pending and cannot become completed" in said
    assert "without --amend" in said
    s.lands("commit", "-m", "both done")


@case
def a_record_amended_to_another_state(s: Scene) -> None:
    s.rename("alone", "running")
    s.lands("commit")
    s.rename("alone", "blocked")
    s.lands("commit", "--amend")
    assert s.message().startswith("gitorch(alone): move pending -> blocked\n\nGitorch-Event")


@case
def a_record_amended_away(s: Scene) -> None:
    s.moves("alone", "running", "begun")
    s.rename("alone", "pending")
    s.write("file.txt", "other\n")
    s.add()
    s.lands("commit", "--amend", "-m", "ordinary")
    assert s.message() == "ordinary\n"


@case
def a_record_of_a_step_amended(s: Scene) -> None:
    s("step", "--agent-command", "echo x > made.txt")
    s.write("file.txt", "forgotten\n")
    s.add()
    before = s.message()
    s.lands("commit", "--amend", "--no-edit")
    assert s.message() == before
    s.lands("commit", "--amend", "-m", "other words")
    assert s.message() == before.replace("complete execute", "other words")
    s.rename("one", "completed")
    said = s.refused("commit", "--amend", "--no-edit")
    assert "this would change the state that a record of end tells" in said
    assert "without --amend" in said
    s.lands("commit", "-m", "done")
    is_done(s, "done")


@case
def a_record_of_an_idle_step_amended(s: Scene) -> None:
    s("step", "--agent-command", "true", code=None)
    s.write("file.txt", "forgotten\n")
    s.add()
    said = s.refused("commit", "--amend", "-m", "other words")
    assert "1 idle" in said
    assert "without --amend" in said
    s.lands("commit", "-m", "forgotten")


@case
def a_fixup_of_a_record(s: Scene) -> None:
    s.moves("one", "completed", "done")
    before = s.message()
    s.write("file.txt", "forgotten\n")
    s.add()
    s.lands("commit", "--fixup", "HEAD")
    s.lands("rebase", "-q", "-i", "--autosquash", "HEAD~2", env={"GIT_SEQUENCE_EDITOR": "true"})
    assert s.message() == before
    assert s.read("file.txt") == "forgotten\n"


@case
def a_squash_into_a_record(s: Scene) -> None:
    s.moves("one", "completed", "done")
    s.write("file.txt", "forgotten\n")
    s.add()
    s.lands("commit", "--squash", "HEAD", "-m", "and what was forgotten")
    s.lands("rebase", "-q", "-i", "--autosquash", "HEAD~2", env={"GIT_SEQUENCE_EDITOR": "true"})
    is_done(s, "done\n\nand what was forgotten")


@case
def a_change_of_state_as_a_fixup(s: Scene) -> None:
    s.works()
    s.rename("one", "completed")
    s.lands("commit", "--fixup", "HEAD")
    is_done(s)
    s.lands("rebase", "-q", "-i", "--autosquash", "HEAD~2", env={"GIT_SEQUENCE_EDITOR": "true"})
    is_done(s)


# merging


def sides(s: Scene, ours: Case, theirs: Case) -> None:
    s.git("checkout", "-q", "-b", "side")
    theirs(s)
    s.git("checkout", "-q", "main")
    ours(s)


@case
def merges_in_which_one_side_went_on(s: Scene) -> None:
    sides(s, lambda s: s.works("a"), lambda s: s.works("b"))
    s.lands("merge", "-q", "--no-edit", "side")
    assert s.message() == "Merge branch 'side'\n"
    sides_again = "again"
    s.git("checkout", "-q", "-b", sides_again)
    s.moves("one", "completed", "done")
    s.git("checkout", "-q", "main")
    s.works("c")
    s.lands("merge", "-q", "-m", "theirs", sides_again)
    assert s.message() == "theirs\n"
    s.moves("alone", "running")
    s.git("checkout", "-q", "side")
    s.works("d")
    s.git("checkout", "-q", "main")
    s.lands("merge", "-q", "--no-edit", "side")
    assert s.states() == {"whole": "running", "one": "completed", "two": "pending", "alone": "running"}


@case
def a_merge_in_which_both_sides_went_on(s: Scene) -> None:
    sides(s, lambda s: s.moves("one", "completed"), lambda s: s.moves("alone", "running"))
    head = s.head()
    said = s.tried("merge", "--no-edit", "side").err
    assert "both sides of this merge went on with the workflow" in said
    assert "gitorch merge --resolve" in said
    assert s.head() == head
    assert "both sides" in s.tried("commit", "--no-edit").err
    s("merge", "--resolve")
    s.holds()
    assert (s.event(), s.changes()) == ("merge", ["alone: pending -> running"])


@case
def a_merge_given_up_and_done_by_gitorch(s: Scene) -> None:
    sides(s, lambda s: s.moves("one", "completed"), lambda s: s.moves("alone", "running"))
    assert "git merge --abort" in s.tried("merge", "--no-edit", "side").err
    s.git("merge", "--abort")
    s("merge", "side")
    s.holds()


@case
def merges_by_fast_forward_or_not(s: Scene) -> None:
    sides(s, lambda _: None, lambda s: s.moves("one", "completed", "done"))
    s.git("branch", "other")
    s.lands("merge", "-q", "--ff-only", "side")
    is_done(s, "done")
    s.git("checkout", "-q", "other")
    s.lands("merge", "-q", "--no-ff", "-m", "words", "side")
    assert s.message() == "words\n"


@case
def a_merge_with_a_change_of_its_own(s: Scene) -> None:
    sides(s, lambda _: None, lambda s: s.works("b"))
    s.git("merge", "-q", "--no-ff", "--no-commit", "side")
    s.rename("one", "completed")
    said = s.refused("commit", "-m", "words")
    assert "a merge cannot change the workflow's state" in said
    s.git("mv", ".tasks/[completed]_one_task.md", ".tasks/[running]_one_task.md")
    s.lands("commit", "-m", "words")
    s.rename("one", "completed")
    s.lands("commit", "-m", "done")
    is_done(s, "done")


@case
def a_squashed_merge(s: Scene) -> None:
    sides(s, lambda _: None, lambda s: s.moves("one", "completed", "done"))
    s.git("merge", "-q", "--squash", "side")
    s.lands("commit", "--no-edit")
    is_done(s)


@case
def a_squashed_merge_of_steps(s: Scene) -> None:
    sides(s, lambda _: None, lambda s: s("step", "--agent-command", "echo x > made.txt") and None)
    s.git("merge", "-q", "--squash", "side")
    assert "merge without --squash" in s.refused("commit", "--no-edit")


@case
def an_octopus(s: Scene) -> None:
    for name in ("a", "b"):
        s.git("checkout", "-q", "-b", name, "main")
        s.works(name)
    s.git("checkout", "-q", "main")
    s.moves("one", "completed")
    s.lands("merge", "-q", "--no-edit", "a", "b")
    s.git("checkout", "-q", "a")
    s.moves("alone", "running")
    s.git("checkout", "-q", "b")
    s.moves("alone", "blocked")
    s.git("checkout", "-q", "main")
    s.works("c")
    head = s.head()
    s.tried("merge", "--no-edit", "a", "b")
    assert s.head() == head


# picking


@case
def rebases_that_keep_what_the_records_tell(s: Scene) -> None:
    def theirs(s: Scene) -> None:
        s.moves("one", "completed", "done")
        s.works("b")
        s.moves("two", "running", "next")

    sides(s, lambda s: s.works("a"), theirs)
    s.git("checkout", "-q", "side")
    s.lands("rebase", "-q", "main")
    assert s.changes("HEAD~2") == [ONE_DONE]
    s.lands("rebase", "-q", "-i", "HEAD~3", env=todo("1{h;d};2{G}"))
    s.lands("rebase", "-q", "-i", "HEAD~3", env=todo("2s/pick/reword/") | sed("1s/.*/Now it is done/"))
    assert s.message("HEAD~1").startswith("gitorch(one): Now it is done\n")
    s.lands("rebase", "-q", "-i", "HEAD~3", env=todo("3d"))
    assert s.states()["two"] == "pending"


@case
def a_rebase_that_squashes_records(s: Scene) -> None:
    s.moves("one", "completed", "done")
    s.moves("alone", "running", "next")
    s.lands("rebase", "-q", "-i", "HEAD~2", env=todo("2s/pick/squash/"))
    assert s.changes() == [ONE_DONE, "alone: pending -> running"]
    s.moves("alone", "completed", "both done")
    s.works("a")
    s.lands("rebase", "-q", "-i", "HEAD~2", env=todo("2s/pick/fixup -C/"))
    assert s.message().startswith("gitorch(alone): work on a\n")
    assert s.changes() == ["alone: running -> completed"]


@case
def a_rebase_that_squashes_two_moves_of_one_task(s: Scene) -> None:
    s.moves("alone", "running")
    s.moves("alone", "completed")
    before = s.seen()
    done = s.tried("rebase", "-i", "HEAD~2", env=todo("2s/pick/fixup/"))
    assert done.code != 0
    assert "task alone is pending and cannot become completed" in done.err
    assert "git rebase --abort takes you back" in done.err
    s.git("rebase", "--abort")
    assert s.seen() == before


@case
def a_rebase_onto_a_branch_that_went_on(s: Scene) -> None:
    def ours(s: Scene) -> None:
        s.say("continue", "Look at alone", "alone")
        s.commits()

    sides(s, ours, lambda s: s.moves("one", "completed", "done"))
    s.git("checkout", "-q", "side")
    s.lands("rebase", "-q", "main")
    is_done(s, "done")
    assert "Gitorch-Next: Look at alone" in s.message()


@case
def a_rebase_of_steps_onto_steps(s: Scene) -> None:
    def step(s: Scene) -> None:
        s("step", "--agent-command", "echo x > made.txt")

    def ours(s: Scene) -> None:
        s.new("fresh")
        s.say("continue", "Execute fresh task", "fresh")
        s.commits()
        step(s)

    sides(s, ours, step)
    s.git("checkout", "-q", "side")
    before = s.seen()
    done = s.tried("rebase", "main")
    assert done.code != 0
    assert "a record of a step fits only where it was made; gitorch merge BRANCH joins" in done.err
    s.git("rebase", "--abort")
    assert s.seen() == before
    s("merge", "main")
    s.holds()


@case
def a_reason_told_to_gitorch_survives_a_rebase(s: Scene) -> None:
    def theirs(s: Scene) -> None:
        s("move", "one", "failed", "--reason", "It is too hard.")

    sides(s, lambda s: s.works("a"), theirs)
    s.git("checkout", "-q", "side")
    s.lands("rebase", "-q", "main")
    assert "Gitorch-Reason: It is too hard." in s.message()
    s.write("file.txt", "other\n")
    s.add()
    s.lands("commit", "--amend", "-m", "given up")
    assert "Gitorch-Reason: It is too hard." in s.message()


@case
def cherries(s: Scene) -> None:
    sides(s, lambda s: s.works("a"), lambda s: s.moves("one", "completed", "done"))
    s.lands("cherry-pick", "-x", "side")
    is_done(s, "done")
    assert "(cherry picked from commit " in s.message()
    s.git("checkout", "-q", "-b", "other", "HEAD~1")
    s.git("cherry-pick", "-n", "side")
    s.lands("commit", "-m", "mine")
    is_done(s, "mine")


@case
def a_cherry_that_does_not_fit(s: Scene) -> None:
    sides(s, lambda s: s.works("a"), lambda s: s("step", "--agent-command", "echo x > made.txt") and None)
    head = s.head()
    done = s.tried("cherry-pick", "side~1..side")
    assert done.code != 0
    assert s.head() == head


@case
def reverts(s: Scene) -> None:
    s.moves("alone", "running", "begun")
    s.lands("revert", "HEAD")
    assert s.changes() == ["alone: running -> pending"]
    assert s.message().startswith('gitorch(alone): Revert "begun"\n')
    s.moves("one", "completed")
    head = s.head()
    said = s.tried("revert", "--no-edit", "HEAD").err
    assert "task one is completed and cannot become running" in said
    assert "what it would change is left staged" in said
    assert s.head() == head


@case
def patches_by_mail(s: Scene) -> None:
    s.moves("one", "completed", "done")
    name = s.git("format-patch", "-1", "-o", "..").strip()
    patch = (s.root / name).resolve()
    s.git("reset", "-q", "--hard", "HEAD~1")
    s.lands("am", "-q", str(patch))
    is_done(s, "done")


# past the hooks, inside an invocation, forged


@case
def past_the_hooks(s: Scene) -> None:
    s.rename("alone", "completed")
    assert s.tried("commit", "--no-verify", "-m", "past").code == 0
    assert s("verify", code=1).out
    s("adopt", "--yes")
    s.holds()
    assert "adopted later" in s("verify").out
    s.rename("one", "completed")
    assert s.tried("commit", "--no-verify", "-m", "done").code == 0
    is_done(s, "done")
    s.write(".tasks/[running]_two_task.md", s.task("two").read_text())
    s.add()
    assert s.tried("commit", "--no-verify", "-m", "two files").code == 0


@case
def inside_an_invocation(s: Scene) -> None:
    env = {"GITORCH_INVOCATION": "0" * 32}
    s.rename("one", "completed")
    said = s.refused("commit", "-m", "done", env=env)
    assert "inside an invocation only gitorch changes the workflow's state" in said
    assert "gitorch move" in said
    s.git("mv", ".tasks/[completed]_one_task.md", ".tasks/[running]_one_task.md")
    s.write("file.txt", "other\n")
    s.add()
    s.lands("commit", "-m", "ordinary", env=env)
    assert s.message() == "ordinary\n"
    s.write("src/code.txt", "other\n")
    s.add()
    assert "a record cannot be made inside an invocation" in s.refused("commit", "-C", "HEAD~1", env=env)


@case
def an_agent_that_commits_by_hand(s: Scene) -> None:
    agent = (
        "git mv '.tasks/[running]_one_task.md' '.tasks/[completed]_one_task.md'; "
        "git commit -qm state 2> said.txt && exit 3; "
        "git mv '.tasks/[completed]_one_task.md' '.tasks/[running]_one_task.md'; "
        "echo x > made.txt; git add made.txt; git commit -qm 'by the agent'"
    )
    s("step", "--agent-command", agent)
    s.holds()
    assert "inside an invocation" in s.read("said.txt")
    assert "by the agent" in s.git("log", "-3", "--format=%s")


@case
def forged_records(s: Scene) -> None:
    s.write("file.txt", "other\n")
    s.add()
    lie = "gitorch(one): x\n\nGitorch-Event: {}"
    for rest, said in (
        ("move\nGitorch-State: one: running -> completed", "only it names one: running -> completed"),
        ("update\nGitorch-Status: completed\nGitorch-Next: x", "another MAIN_TASK than its tree holds"),
        ("nonsense", "event 'nonsense' is unknown"),
    ):
        assert said in s.refused("commit", "-m", lie.format(rest))
    s.lands("commit", "-m", "quoting\n\nGitorch-Event: nonsense\n\nas a record")


@case
def ordinary_commits_are_left_alone(s: Scene) -> None:
    texts = ("plain", "# 12 is done\n\n# kept", "x\n\n\n\n y \n\nSigned-off-by: A <a@b.c>", "gitorch(x): y\n\nGitorch")
    for number, text in enumerate(texts):
        messages = []
        for options in ((), ("-c", "core.hooksPath=/dev/null")):
            s.write("file.txt", f"{number}\n")
            s.write(".tasks/notes.md", f"{number}\n")
            s.add()
            s.git(*options, "commit", "-q", "-m", text)
            messages.append(s.git("cat-file", "commit", "HEAD").split("\n\n", 1)[1])
            s.git("reset", "-q", "--hard", "HEAD~1")
        assert messages[0] == messages[1]


@pytest.mark.parametrize("try_it", short_form(dict(CASES), every=8))
def test_commits_by_hand(scene: Scene, try_it: Case) -> None:
    try_it(scene)


@pytest.mark.thorough
def test_a_repository_with_sha256(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "repo")
    scene.root.mkdir()
    scene.git("init", "-q", "--object-format=sha256")
    scene.commit("first", **{"file.txt": "x\n"})
    scene("start", "whole", "-d", "What is wanted")
    assert scene.program("hooks", "install").code == 0
    scene.rename("whole", "running")
    scene.lands("commit", "-m", "begun")
    assert scene.changes() == ["whole: pending -> running"]
    scene.rename("whole", "pending")
    scene.lands("commit", "--amend", "-m", "nothing", "--allow-empty")
    scene.rename("whole", "completed")
    scene.refused("commit", "-m", "done")
