"""Workflows that are put away under odd circumstances, and records of it that are forged."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from pathlib import Path

import pytest

import gitorch
from gitorch.errors import GitorchError
from gitorch.git import refs
from gitorch.git.process import Completed
from gitorch.loop import put_away
from tests.loop.bench import wait_for
from tests.sandbox import GITORCH, Sandbox

WORKS = ("--agent-command", "echo x > $GITORCH_TASK_DIR/report.md; echo done")


@pytest.fixture
def done(sandbox: Sandbox) -> Sandbox:
    """Return a repository with the completed tasks `a` and `b`."""
    sandbox("create", "a")
    sandbox("create", "b", "--needs", "a")
    sandbox("run", *WORKS)
    return sandbox


@pytest.mark.parametrize(("name", "part"), [("a..b", "a.-b"), ("a.lock", "a-lock"), ("a...b", "a.-.b"), ("a", "a")])
def test_each_name_of_a_task_has_a_ref_that_git_accepts(sandbox: Sandbox, name: str, part: str) -> None:
    assert put_away.ref_part(name) == part
    sandbox.git("check-ref-format", f"{put_away.RUNS}/{part}")


@pytest.mark.thorough
def test_a_task_whose_name_git_does_not_accept_in_a_ref_is_archived(sandbox: Sandbox) -> None:
    sandbox("create", "a..b")
    sandbox("run", *WORKS)
    assert "git show 'refs/gitorch/runs/a.-b:.tasks/" in sandbox("archive").out


@pytest.mark.thorough
def test_the_ref_and_the_branch_move_together(done: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[dict[str, str | None]] = []
    move = refs.move

    def note(*args: object, also: dict[str, str | None], **kwargs: object) -> Completed:
        moved.append(also)
        return move(*args, also=also, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(refs, "move", note)
    before = done.git("rev-parse", "HEAD").strip()
    with gitorch.open(done.root) as workflow:
        workflow.archive()
    assert moved == [{"refs/gitorch/runs/a": before}]


@pytest.mark.thorough
def test_a_repository_in_a_tasks_directory_stays_on_disk(done: Sandbox) -> None:
    done.git("clone", "-q", ".", ".tasks/a/sub")
    done.git("add", ".tasks/a/sub")
    done.git("commit", "-qm", "sub")
    assert ".tasks/a/sub stays in the work tree" in done("archive").err
    assert (done.root / ".tasks/a/sub/.git").is_dir()
    assert done.git("ls-files", ".tasks") == ""
    done("verify")


def test_archive_without_tasks_makes_no_ref(sandbox: Sandbox) -> None:
    sandbox("create", "a")
    sandbox("abandon")
    assert "git show" not in sandbox("archive").out
    assert sandbox.git("for-each-ref", "--format=%(refname)", put_away.RUNS) == "refs/gitorch/runs/a\n"


def _interrupted(sandbox: Sandbox) -> None:
    """Kill a step while its agent works on task `a`."""
    sandbox("create", "a")
    sandbox("create", "b")
    command = (*GITORCH, "step", "--agent-command", "echo half > $GITORCH_TASK_DIR/half; sleep 60")
    process = subprocess.Popen(command, cwd=sandbox.root, stderr=subprocess.DEVNULL, start_new_session=True)
    wait_for((sandbox.root / ".tasks/a/half").exists)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.thorough
def test_what_was_abandoned_after_a_killed_step_never_runs_again(sandbox: Sandbox) -> None:
    _interrupted(sandbox)
    assert "recovered an invocation" in sandbox("abandon").err
    sandbox("start", "new-research")
    sandbox("step")
    assert all(name.startswith("new-") for name in sandbox.states())
    assert "warning" not in sandbox("verify").out


@pytest.mark.thorough
def test_a_task_of_a_killed_step_can_be_skipped(sandbox: Sandbox) -> None:
    _interrupted(sandbox)
    sandbox("skip", "a")
    assert sandbox.states() == {"a": "completed", "b": "pending"}
    assert "warning" not in sandbox("verify").out


@pytest.mark.thorough
def test_nothing_is_put_away_while_an_invocation_is_handed_out(sandbox: Sandbox) -> None:
    sandbox("create", "a")
    sandbox("begin", "--agent", "local", "--json")
    for command in ("abandon", "archive"):
        assert "gitorch finish" in sandbox(command, code=75).err
    with gitorch.open(sandbox.root) as workflow, pytest.raises(GitorchError, match="loop of your own"):
        workflow.start("new")


@pytest.mark.thorough
def test_skip_does_not_continue_a_workflow_that_the_user_has_ended(sandbox: Sandbox) -> None:
    sandbox("create", "a")
    sandbox("create", "b")
    sandbox("update", "completed", "No time")
    sandbox("skip", "a")
    assert sandbox("status", "--json").json["status"] == "completed"
    ran = sandbox("run", *WORKS)
    assert "1 task is open and does not run: b" in ran.err
    assert "gitorch abandon" in ran.err
    assert sandbox.states()["b"] == "pending"
    sandbox("verify")


@pytest.mark.thorough
def test_a_former_workflow_with_a_failed_task_is_continued_by_retry(sandbox: Sandbox) -> None:
    sandbox("create", "a")
    sandbox("run", "--agent-command", "exit 3", "--max-attempts", "1", code=20)
    sandbox("update", "completed", "No time")
    assert "gitorch retry a" in sandbox("start", "new", code=1).err


@pytest.mark.thorough
def test_skip_of_the_last_subtask_continues_where_main_task_names_the_parent(sandbox: Sandbox) -> None:
    sandbox("create", "p")
    sandbox("create", "c", "--parent", "p")
    sandbox("create", "d")
    sandbox("move", "c", "running")
    sandbox("move", "c", "pending")
    sandbox("update", "continue", "Execute p", "--task", "p")
    assert "next: Execute d task" in sandbox("skip", "c").out
    sandbox("verify")


@pytest.mark.thorough
def test_retry_leaves_a_main_task_that_names_a_task_completed_by_hand(sandbox: Sandbox) -> None:
    sandbox("create", "a")
    sandbox("create", "b")
    sandbox("update", "continue", "Execute a", "--task", "a")
    for name, state in (("b", "running"), ("b", "failed"), ("a", "running"), ("a", "completed")):
        sandbox("move", name, state)
    sandbox("retry", "b")
    sandbox("verify")
    sandbox("run", *WORKS)
    assert set(sandbox.states().values()) == {"completed"}


def _forge(sandbox: Sandbox, event: str, *trailers: str) -> str:
    """Commit what the work tree holds with the message of a record, and return the problems that `verify` finds."""
    lines = [f"gitorch(a): {event} workflow", "", f"Gitorch-Event: {event}", *trailers]
    if event == "abandon":
        sandbox.write(".tasks/MAIN_TASK", "STATUS: completed\nNEXT: Abandoned\n")
        lines[3:3] = ["Gitorch-Status: completed", "Gitorch-Next: Abandoned"]
    sandbox.git("add", "-A", ".")
    sandbox.git("commit", "-qm", "\n".join(lines))
    return sandbox("verify", code=1).out


BOTH = ("Gitorch-State: a: completed -> none", "Gitorch-State: b: completed -> none")


@pytest.mark.thorough
def test_an_archive_that_removes_other_files_is_found(done: Sandbox) -> None:
    done.commit(**{"src.py": "x\n"})
    done.git("rm", "-rq", "src.py", ".tasks")
    assert "a record of archive removes src.py" in _forge(done, "archive", *BOTH)


@pytest.mark.thorough
def test_an_archive_that_adds_files_is_found(done: Sandbox) -> None:
    done.git("rm", "-rq", ".tasks")
    done.write(".tasks/a/new.md", "x\n")
    assert "a record of archive writes .tasks/a/new.md" in _forge(done, "archive", *BOTH)


@pytest.mark.thorough
def test_an_archive_that_leaves_a_task_is_found(done: Sandbox) -> None:
    done.git("rm", "-rq", ".tasks/[[]completed[]]_a_task.md", ".tasks/MAIN_TASK", ".tasks/b")
    found = _forge(done, "archive", BOTH[0])
    assert "a record of archive leaves task b" in found
    assert "a record of archive removes .tasks/b/report.md" in found


@pytest.mark.thorough
def test_an_archive_of_an_open_workflow_is_found(done: Sandbox) -> None:
    done("update", "continue", "Check the outcome")
    done.git("rm", "-rq", ".tasks")
    assert "it archives a workflow whose status is continue" in _forge(done, "archive", *BOTH)


@pytest.mark.thorough
def test_an_abandon_that_removes_results_or_leaves_open_tasks_is_found(sandbox: Sandbox) -> None:
    for name in ("a", "b", "c"):
        sandbox("create", name)
    sandbox("step", *WORKS)
    sandbox.git("rm", "-rq", ".tasks/[[]pending[]]_b_task.md", ".tasks/[[]completed[]]_a_task.md", ".tasks/a")
    found = _forge(sandbox, "abandon", BOTH[0], "Gitorch-State: b: pending -> none")
    assert "a record of abandon keeps completed tasks" in found
    assert "a record of abandon leaves task c" in found


def test_an_abandon_while_an_invocation_is_open_is_found(sandbox: Sandbox) -> None:
    sandbox("create", "a")
    sandbox("begin", "--agent", "local", "--json")
    sandbox.git("rm", "-rq", ".tasks/[[]running[]]_a_task.md")
    assert "is open at the abandon" in _forge(sandbox, "abandon", "Gitorch-State: a: running -> none")


@pytest.mark.thorough
def test_an_agent_cannot_abandon_the_workflow(sandbox: Sandbox) -> None:
    sandbox("create", "a")
    sandbox("create", "b")
    abandon = f"env -u GITORCH_INVOCATION {shlex.join(GITORCH)} abandon"
    sandbox("step", "--agent-command", f"{abandon}; echo done", code=None)
    assert sandbox.states().keys() == {"a", "b"}
    sandbox("verify")


def test_the_audit_and_the_log_say_who_skipped_a_task_and_why(sandbox: Sandbox) -> None:
    sandbox("create", "a")
    sandbox("create", "b")
    sandbox("skip", "a", "--reason", "not needed")
    for command in ("audit", "log"):
        assert "skipped by Test User <" in sandbox(command).out
        assert ": not needed" in sandbox(command).out
    skipped = sandbox("audit", "--json").json["invocations"][-1]
    assert (skipped["task"], skipped["events"], skipped["action"]) == ("a", ["move"], None)


@pytest.mark.thorough
def test_each_archived_workflow_is_a_trace_of_its_own(done: Sandbox) -> None:
    done("archive")
    done("create", "a")
    done("run", *WORKS)
    spans = done("export", "otlp").json["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert len({span["traceId"] for span in spans}) == 2
    statuses = [
        each["value"]["stringValue"]
        for span in spans
        for each in span["attributes"]
        if each["key"] == "gitorch.workflow.status"
    ]
    assert statuses == ["completed", "completed"]


@pytest.mark.thorough
def test_the_report_of_an_archived_workflow_says_so(done: Sandbox, tmp_path: Path) -> None:
    done("archive")
    done("report", "-o", str(tmp_path / "r.html"))
    page = (tmp_path / "r.html").read_text()
    assert "archived · gitorch report" in page
    assert "The tasks were put away" in page
    assert "MAIN_TASK is missing" not in page
