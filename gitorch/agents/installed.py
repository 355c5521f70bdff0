"""Look for agents' programs on this machine."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from gitorch import __version__
from gitorch.agents.spec import Agent

_VERSION: Final = re.compile(r"\d+\.\d+[\w.+-]*")
_PATIENCE: Final = 30.0  # seconds


class Program(NamedTuple):
    """An agent's program; its version is None where it does not tell one."""

    path: str
    version: str | None


def find(agent: Agent, env: Mapping[str, str]) -> Program | None:
    """Find an agent's program and ask for its version; None where it is not installed."""
    path = shutil.which(agent.command[0], path=env.get("PATH"))
    if path is None:
        return None
    if not agent.version:
        own = agent.command[1:3] == ("-I", "-c")  # one of ours, run by our own interpreter
        return Program(path, __version__ if own else None)
    try:
        done = subprocess.run(
            agent.version,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=dict(env),
            cwd=Path.home(),
            timeout=_PATIENCE,
            check=False,
            start_new_session=True,
        )
    except (OSError, subprocess.TimeoutExpired):
        return Program(path, None)
    said = (done.stdout + b"\n" + done.stderr).decode(errors="replace")
    match = _VERSION.search(said)
    return Program(path, match[0] if match and done.returncode == 0 else None)
