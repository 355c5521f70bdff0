"""The environment that agents and commands get."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from gitorch.agents.descendants import MARK
from gitorch.agents.spec import Agent
from gitorch.core.plan import Plan
from gitorch.core.task import Task
from gitorch.git.process import plain_environment
from gitorch.guard.commits import reflog_mark

_CREDENTIAL: Final = re.compile(
    r"TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|PRIVATE|API_?KEY|ACCESS_?KEY|AUTH(?!OR_)|_KEY$|_PAT$|COOKIE|SESSION_?ID",
    re.IGNORECASE,
)
_OF_A_TERMINAL: Final = frozenset({"COLUMNS", "LINES"})


def outer() -> dict[str, str]:
    """Give our own environment without the variables of somebody else's call, and of a terminal that is not there."""
    kept = plain_environment(os.environ)
    env = {key: value for key, value in kept.items() if not key.startswith("GITORCH_") and key not in _OF_A_TERMINAL}
    if shutil.which("gitorch", path=env.get("PATH")) is None:
        # started by its path: the agent has to find it all the same, behind whatever else is on PATH
        env["PATH"] = os.pathsep.join([*([env["PATH"]] if env.get("PATH") else []), str(Path(sys.executable).parent)])
    return env


def for_agent(agent: Agent) -> dict[str, str]:
    """Give the environment that an agent's program gets, as its file wants it."""
    env = {**agent.env, **outer()}
    return {key: value for key, value in env.items() if key not in agent.unset}


def without_credentials(env: Mapping[str, str], allowed: Collection[str]) -> dict[str, str]:
    """Take out the variables that look like credentials, except those named."""
    return {key: value for key, value in env.items() if key in allowed or not _CREDENTIAL.search(key)}


def variables(
    plan: Plan, task: Task | None, *, invocation: str, focus: str | None, files: Mapping[str, str]
) -> dict[str, str]:
    """Give the `GITORCH_*` variables of an invocation; `files` are those that tell where something lies."""
    values = {MARK: invocation, "GITORCH_ACTION": plan.action, "GITORCH_FOCUS": focus or "", **files}
    values["GIT_REFLOG_ACTION"] = reflog_mark(invocation)
    values["GITORCH_TASK"] = task.name if task is not None else ""
    for name, value in (task.parameters if task is not None else {}).items():
        values[f"GITORCH_PARAM_{name.upper()}"] = value if isinstance(value, str) else "\n".join(value)
    return values
