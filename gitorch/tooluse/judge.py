"""Judge one use of a tool before a coding agent makes it: does it rewrite history, or edit workflow state by hand?

It is advice, given early so that an agent need not lose its attempt. It reads commands roughly and can be got round;
what counts is the check after the agent has ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

from gitorch.tooluse import git, shell, state
from gitorch.tooluse.surroundings import Fault, Found, Surroundings

TOOLS: Final = ("Bash", "Edit", "Write", "MultiEdit", "NotebookEdit")

_INSTEAD: Final[Mapping[Fault, str]] = {
    "history": (
        "History only grows during an invocation. Add an ordinary commit, or commit nothing: "
        "gitorch commits your work when you have ended."
    ),
    "branch": (
        "Stay where HEAD is. To read another branch use git show BRANCH:PATH or git diff; "
        "gitorch commits your work when you have ended."
    ),
    "work": (
        "The work tree may hold somebody's uncommitted work. Leave it in place and edit single files; "
        "gitorch commits just what you change, and puts all back after a failed attempt."
    ),
    "state": (
        "State changes only through gitorch: gitorch move NAME STATE and gitorch update STATUS NEXT. "
        "The text inside a task file may be edited, with the Edit tool."
    ),
}
_ASK: Final = (
    "In this repository the history is a workflow's record. An ordinary commit on top keeps it whole; "
    "afterwards look with gitorch verify."
)


class Verdict(NamedTuple):
    """What to do about a use of a tool, and what to tell the agent or the user."""

    decision: Literal["deny", "ask"]
    reason: str


def judge(tool: str, tool_input: Mapping[str, Any], at: Surroundings) -> Verdict | None:
    """Judge one use of a tool; None where there is nothing to say."""
    if not at.inside and not at.workflow:
        return None
    found = _in_command(tool_input, at) if tool == "Bash" else _in_edit(tool, tool_input, at)
    if found is None:
        return None
    if at.inside:
        return Verdict("deny", f"{found.what}. {_INSTEAD[found.fault]}")
    return Verdict("ask", f"{found.what}. {_ASK}") if found.fault == "history" else None


def _in_edit(tool: str, tool_input: Mapping[str, Any], at: Surroundings) -> Found | None:
    path = tool_input.get("file_path") or tool_input.get("notebook_path")
    return state.edited(path, at) if tool in TOOLS and isinstance(path, str) else None


def _in_command(tool_input: Mapping[str, Any], at: Surroundings) -> Found | None:
    line = tool_input.get("command")
    if not isinstance(line, str):
        return None
    for command in shell.commands(line, at.folder):
        found = state.commanded(command, at) or git.commanded(command, at)
        if found is not None:
            return found
    return None
