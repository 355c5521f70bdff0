"""What a coding agent is kept from before it does it: rewriting history, and editing state by hand."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gitorch.tooluse import judge as tooluse
from gitorch.tooluse import shell
from gitorch.tooluse.judge import Verdict
from gitorch.tooluse.surroundings import Surroundings
from tests.sandbox import Ran, Sandbox

ROOT = "/repo"
FILES = frozenset({ROOT, *(f"{ROOT}/{path}" for path in ("notes.md", "src", "src/a.py", ".tasks/[running]_x_task.md"))})
INSIDE = Surroundings(root=ROOT, folder=ROOT, inside=True, branch="main", exists=FILES.__contains__)
OUTSIDE = Surroundings(root=ROOT, folder=ROOT, inside=False, branch="main", exists=FILES.__contains__)

HISTORY = (
    "git rebase main",
    "git rebase -i HEAD~3",
    "git pull --rebase",
    "git pull -r origin main",
    "git commit --amend --no-edit",
    "git commit -a --amend -m 'better words'",
    "git reset HEAD~1",
    "git reset --soft HEAD^",
    "git reset --hard origin/main",
    "git reset --hard some-branch",
    "git reset a1b2c3d4",
    "git filter-branch --all",
    "git filter-repo --path x",
    "git update-ref refs/heads/main HEAD~1",
    "git fast-import",
    "git replace a b",
    "git prune",
    "git push --force",
    "git push -uf origin main",
    "git push --force-with-lease=main origin main",
    "git push origin +main",
    "git push origin :main",
    "git push --mirror",
    "git branch -f main HEAD~1",
    "git branch -D main",
    "git branch -M other",
    "git branch -m main other",
    "git reflog expire --expire=now --all",
    "git reflog delete HEAD@{1}",
    "git gc --prune=now",
)
ELSEWHERE = (
    "git checkout other",
    "git checkout -b new",
    "git checkout HEAD~1",
    "git checkout -",
    "git switch other",
    "git switch -c new",
    "git switch --detach",
    "git checkout --orphan fresh",
    "git symbolic-ref HEAD refs/heads/other",
    "git bisect start",
    "git stash",
    "git stash pop",
    "git reset --hard",
)
STATE = (
    "rm .tasks/MAIN_TASK",
    "echo 'STATUS: completed' > .tasks/MAIN_TASK",
    "echo done >> ./.tasks/MAIN_TASK",
    "printf x | tee .tasks/MAIN_TASK",
    "sed -i s/continue/completed/ .tasks/MAIN_TASK",
    "cp /tmp/x .tasks/MAIN_TASK",
    "cp /tmp/MAIN_TASK .tasks",
    "mv '.tasks/[running]_x_task.md' '.tasks/[completed]_x_task.md'",
    "mv .tasks/\\[running\\]_x_task.md /tmp",
    "git mv '.tasks/[running]_x_task.md' '.tasks/[completed]_x_task.md'",
    "git rm -q '.tasks/[running]_x_task.md'",
    "rm -rf .tasks",
    "rm .tasks/*",
    "rm .tasks/*_task.md",
    "cd .tasks && rm MAIN_TASK",
    "cd src; rm ../.tasks/MAIN_TASK",
    "rm /repo/.tasks/MAIN_TASK",
    "cat > '.tasks/[pending]_new_task.md' <<'EOF'\nhello\nEOF",
    "git checkout other -- .tasks/MAIN_TASK",
    "git restore --source=HEAD~2 .tasks",
)
FINE = (
    "",
    "git status",
    "git commit -m 'do not git rebase; git stash'",
    "git commit -m \"$(cat <<'EOF'\nMend it\n\ngit rebase main is not needed\ndon't worry\nEOF\n)\"",
    "git log --format='%h' | head -3",
    "git rebase --abort",
    "git reset",
    "git reset HEAD",
    "git reset notes.md",
    "git reset -q HEAD -- notes.md",
    "git checkout -- notes.md",
    "git checkout notes.md",
    "git checkout HEAD~1 -- notes.md",
    "git checkout main",
    "git checkout .",
    "git restore .tasks/MAIN_TASK",
    "git branch new",
    "git branch -D other",
    "git branch -f other main",
    "git push origin main",
    "git push --follow-tags",
    "git stash list",
    "git gc",
    "git reflog",
    "git symbolic-ref HEAD",
    "git cherry-pick a1b2c3d",
    "git -C /tmp/elsewhere rebase main",
    "git --git-dir /tmp/x.git update-ref refs/heads/main HEAD",
    "cd /tmp/elsewhere && git rebase main",
    'cd "$(mktemp -d)" && git init && git rebase main',
    "echo git rebase main",
    "# git rebase main",
    "ls # then git stash; git stash",
    "grep -r 'git stash' .",
    "cat .tasks/MAIN_TASK",
    "cat < .tasks/MAIN_TASK",
    "cp .tasks/MAIN_TASK /tmp/copy",
    "mkdir -p .tasks/x && echo done > .tasks/x/report.md",
    "rm .tasks/x/report.md",
    "rm -r .tasks/x",
    "mv notes.md .tasks/x/",
    "mv notes.md .tasks",
    "sed -i s/a/b/ '.tasks/[running]_x_task.md'",
    "echo MAIN_TASK > notes.md",
    "rm docs/.tasks/MAIN_TASK",
    "python -c 'print(1)'",
    "echo 'unfinished",
    'echo "unfinished $(git',
)
WRAPPED = (
    "sudo -u me git stash",
    "env -u X GIT_EDITOR=: git stash",
    "GIT_EDITOR=: git stash",
    "command git stash",
    "/usr/bin/git stash",
    "git --no-pager -c a=b -C . stash",
    "git -C src stash",
    "true && git stash",
    "false || git stash",
    "true; git stash",
    "true\ngit stash",
    "true | git stash",
    "true & git stash",
    "(git stash)",
    "{ git stash; }",
    "if true; then git stash; fi",
    "for f in *; do git stash; done",
    "! git stash",
    "time git stash",
    "bash -c 'git stash'",
    "sh -ec 'cd src && git stash'",
    "bash -c \"bash -c 'git stash'\"",
    "eval 'git stash'",
    "echo $(git stash)",
    'echo "$(git stash)"',
    "echo `git stash`",
    "x=$(git stash) true",
    "timeout -s KILL 5 git stash",
    "nohup nice -n 5 git stash",
    "echo a | xargs -n 1 git stash",
    "git stash > /dev/null 2>&1",
    "2>/dev/null git stash",
    "git \\\n  stash",
    "git 'stash'",
    "cat <<EOF\nhello\nEOF\ngit stash",
    "cat <<-'EOF'\n\thello 'there\n\tEOF\ngit stash",
)


def judge(command: str, at: Surroundings) -> Verdict | None:
    return tooluse.judge("Bash", {"command": command}, at)


@pytest.mark.parametrize("command", [*HISTORY, *ELSEWHERE, *STATE])
def test_inside_an_invocation_it_is_denied_and_says_what_to_do(command: str) -> None:
    verdict = judge(command, INSIDE)
    assert verdict is not None
    assert verdict.decision == "deny"
    assert "gitorch" in verdict.reason


@pytest.mark.parametrize("command", WRAPPED)
def test_it_is_seen_through_what_stands_around_it(command: str) -> None:
    verdict = judge(command, INSIDE)
    assert verdict is not None
    assert "stash" in verdict.reason


@pytest.mark.parametrize("command", FINE)
def test_everything_else_is_nobodys_business(command: str) -> None:
    assert judge(command, INSIDE) is None
    assert judge(command, OUTSIDE) is None


@pytest.mark.parametrize("command", HISTORY)
def test_outside_the_user_is_asked_about_history(command: str) -> None:
    verdict = judge(command, OUTSIDE)
    assert verdict is not None
    assert verdict.decision == "ask"
    assert judge(command, Surroundings(root=ROOT, folder=ROOT, workflow=False)) is None


@pytest.mark.parametrize("command", [*ELSEWHERE, *STATE])
def test_outside_the_rest_is_the_users(command: str) -> None:
    assert judge(command, OUTSIDE) is None


@pytest.mark.parametrize(
    ("tool", "values", "denied"),
    [
        ("Edit", {"file_path": "/repo/.tasks/MAIN_TASK"}, True),
        ("MultiEdit", {"file_path": ".tasks/../.tasks/MAIN_TASK"}, True),
        ("Write", {"file_path": "/repo/.tasks/MAIN_TASK"}, True),
        ("Write", {"file_path": "/repo/.tasks/[pending]_new_task.md"}, True),
        ("NotebookEdit", {"notebook_path": "/repo/.tasks/MAIN_TASK"}, True),
        ("Edit", {"file_path": "/repo/.tasks/[running]_x_task.md"}, False),
        ("Write", {"file_path": "/repo/.tasks/[running]_x_task.md"}, False),
        ("Write", {"file_path": "/repo/.tasks/x/MAIN_TASK"}, False),
        ("Write", {"file_path": "/elsewhere/.tasks/MAIN_TASK"}, False),
        ("Read", {"file_path": "/repo/.tasks/MAIN_TASK"}, False),
        ("Edit", {}, False),
        ("Edit", {"file_path": 1}, False),
        ("Bash", {"command": ["git", "stash"]}, False),
    ],
)
def test_tools_that_edit_files(tool: str, values: Mapping[str, Any], denied: bool) -> None:
    assert (tooluse.judge(tool, values, INSIDE) is not None) == denied
    assert tooluse.judge(tool, values, OUTSIDE) is None


def test_in_a_subfolder_paths_are_taken_from_there() -> None:
    at = Surroundings(root=ROOT, folder=f"{ROOT}/src", inside=True)
    assert judge("rm ../.tasks/MAIN_TASK", at) is not None
    assert judge("rm .tasks/MAIN_TASK", at) is None
    assert judge("git rebase main", at) is not None


@pytest.mark.parametrize(
    "text", ["'", '"', "`", "$(", "$(" * 200, "<<", "<<A\n", "\\", "a <", "((", "bash -c", "cd", "git -C"]
)
def test_broken_lines_are_read_without_trouble(text: str) -> None:
    assert isinstance(shell.commands(text), list)


def test_words_writes_and_folders() -> None:
    (first, second) = shell.commands("cd 'a b' && FOO=1 env X=2 prog \"1 $2\" a\\ b >out 2>&1 <in")
    assert first.words == ("cd", "a b")
    assert second == shell.Command(("prog", "1 $2", "a b"), ("out", "1"), "a b")


# --- the hook itself --------------------------------------------------------------------------------------------------


def hook(sandbox: Sandbox, command: str, **env: str) -> Ran:
    use = {"hook_event_name": "PreToolUse", "cwd": str(sandbox.root), "tool_name": "Bash"}
    return sandbox("hook", "pre-tool-use", stdin=json.dumps({**use, "tool_input": {"command": command}}), env=env)


def test_the_hook_answers_as_the_agent_expects(sandbox: Sandbox) -> None:
    assert hook(sandbox, "git rebase main") == Ran(0, "", "")
    sandbox("start", "some-task")
    answer = hook(sandbox, "git rebase main").json["hookSpecificOutput"]
    assert (answer["hookEventName"], answer["permissionDecision"]) == ("PreToolUse", "ask")
    assert "verify" in answer["permissionDecisionReason"]
    inside = {"GITORCH_INVOCATION": "0" * 32}
    answer = hook(sandbox, "git branch -f main HEAD~1", **inside).json["hookSpecificOutput"]
    assert answer["permissionDecision"] == "deny"
    assert hook(sandbox, "git status", **inside) == Ran(0, "", "")


def test_the_hook_knows_linked_worktrees(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox("start", "some-task")
    sandbox.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    side = Sandbox(tmp_path / "side")
    assert "side" in hook(side, "git branch -M other").out
    assert "ask" in hook(side, "git rebase main").out


@pytest.mark.parametrize(
    "stdin", ["", "nonsense", "[]", "{}", '{"tool_input": 1}', '{"tool_input": {}, "cwd": 1}', "[" * 5000]
)
def test_the_hook_says_nothing_to_what_it_cannot_read(sandbox: Sandbox, stdin: str) -> None:
    assert sandbox("hook", "pre-tool-use", stdin=stdin or " ") == Ran(0, "", "")


@pytest.mark.parametrize(
    "line", ["git commit --amend --allow-empty -m x", "git reset --soft HEAD~1", "git branch -M x"]
)
def test_what_it_warns_of_does_change_the_branch(sandbox: Sandbox, line: str) -> None:
    sandbox.commit("one")
    sandbox.commit("two")
    before = sandbox.git("log", "-1", "--format=%H%D")
    sandbox.git(*shlex.split(line)[1:])
    assert sandbox.git("log", "-1", "--format=%H%D") != before
    assert judge(line, INSIDE) is not None
