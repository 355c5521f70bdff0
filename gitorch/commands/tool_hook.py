"""The hook that a coding agent calls before it uses a tool."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from gitorch import output
from gitorch.core.names import MAIN_TASK_PATH
from gitorch.loop import proposal
from gitorch.tooluse.judge import Verdict, judge
from gitorch.tooluse.surroundings import Surroundings


def run(folder: str) -> None:
    """Judge the use of a tool that standard input describes; what cannot be read is none of our business."""
    try:
        use = json.load(sys.stdin)
    except (ValueError, RecursionError):
        return
    if not isinstance(use, dict) or not isinstance(use.get("tool_input"), dict):
        return
    at = _surroundings(Path(os.path.abspath(Path(folder) / str(use.get("cwd") or "."))))  # noqa: PTH100 - links stay
    verdict = judge(str(use.get("tool_name")), use["tool_input"], at) if at is not None else None
    if verdict is not None:
        output.say(json.dumps(_answer(verdict)))


def _answer(verdict: Verdict) -> dict[str, Any]:
    return {
        "hookSpecificOutput": {
            "hookEventName": "PreToolUse",
            "permissionDecision": verdict.decision,
            "permissionDecisionReason": verdict.reason,
        }
    }


def _surroundings(folder: Path) -> Surroundings | None:
    """Look around in the repository that the agent works in; this starts no process, for it is done very often."""
    project = Path(os.environ.get("CLAUDE_PROJECT_DIR") or folder)
    root = next((place for place in (project, *project.parents) if (place / ".git").exists()), None)
    if root is None:
        return None
    return Surroundings(
        root=str(root),
        folder=str(folder),
        inside=proposal.inside(),
        workflow=(root / MAIN_TASK_PATH).is_file(),
        branch=_branch(root / ".git"),
        exists=os.path.lexists,
    )


def _branch(git: Path) -> str | None:
    try:
        if git.is_file():  # a linked worktree
            git = git.parent / git.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
        head = (git / "HEAD").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
    prefix = "ref: refs/heads/"
    return head.removeprefix(prefix).strip() if head.startswith(prefix) else None
