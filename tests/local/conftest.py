"""A small repository with decoys and odd file names, and a way to run the local agent in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gitorch.core import task as task_file
from gitorch.core.names import task_dir, task_path
from gitorch.core.task import Task

ROOT = Path(__file__).parents[2]

FILES: dict[bytes, bytes] = {
    b"README.md": (
        b"# Kettle\n\nKettle is a small thermostat daemon.\n\n## Heating\n\n"
        b"The daemon opens the valve when the measured\ntemperature falls below the target. "
        b"The valve closes again after ten minutes.\n"
    ),
    b"src/valve.py": (
        b"import time\n\n\ndef openValve(target: float) -> None:\n"
        b"    # The valve opens only below the target temperature.\n"
        b"    if read_temperature() < target:\n        relay.on()\n        time.sleep(600)\n        relay.off()\n"
    ),
    b"docs/with space `tick`|pipe.md": b"The valve needs oil once a year.\r\nSecond line about the valve.\r\n",
    b"docs/new\nline.txt": b"A valve in a file with a line break in its name: the temperature matters.\n",
    b"docs/\xff\xfe.txt": b"Bytes that are no text \xff\xfe beside the word valve, and the temperature too.\n",
    b"docs/huge.txt": b"valve " * 3000 + b"\ntemperature\n",
    b"docs/fences.md": b"Valve example:\n\n````\n```\nvalve --temperature `README.md:1`\n```\n````\n",
    b"blob.bin": b"valve temperature\0" * 50,
    b"package-lock.json": b'{"valve": "temperature"}\n',
    b"vendor/other.md": b"valve temperature valve temperature\n",
    b"big.txt": b"valve temperature\n" * 70_000,
    b".tasks/old/notes.md": b"valve temperature: the decoy in the folder of tasks\n",
    b"recipes/cake.md": b"Flour, sugar and eggs. Bake for an hour.\n",
}


@dataclass
class Repo:
    """A repository in a temporary folder."""

    path: Path
    env: dict[str, str] = field(default_factory=dict)

    def git(self, *args: str) -> str:
        done = subprocess.run(
            ["git", *args], cwd=self.path, env=self.env, check=True, capture_output=True, text=True, errors="replace"
        )
        return done.stdout

    def write(self, files: dict[bytes, bytes]) -> None:
        for name, data in files.items():
            path = os.path.join(os.fsencode(self.path), name)  # noqa: PTH118 - a path of bytes
            os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
            with open(path, "wb") as file:  # noqa: PTH123
                file.write(data)
        self.git("add", "-A", "-f")
        self.git("commit", "-q", "--allow-empty", "-m", "files")

    def task(self, task: Task) -> None:
        path = self.path / task_path(task.name, "running")
        path.parent.mkdir(exist_ok=True)
        path.write_text(task_file.format(task))

    def agent(self, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "gitorch.local"],
            cwd=self.path,
            env={**self.env, "PYTHONPATH": str(ROOT), **env},
            input="the prompt",
            capture_output=True,
            text=True,
            check=False,
        )

    def work(self, task: Task, focus: str = "") -> dict[str, Any]:
        """Run the agent for a task, which must succeed, and give its result."""
        self.task(task)
        result = self.path.parent / "result.json"
        done = self.agent(
            GITORCH_TASK=task.name,
            GITORCH_ACTION=task.kind,
            GITORCH_TASK_FILE=task_path(task.name, "running"),
            GITORCH_TASK_DIR=task_dir(task.name),
            GITORCH_FOCUS=focus,
            GITORCH_NEEDS="\n".join(map(task_dir, task.needs)),
            GITORCH_RESULT=str(result),
        )
        assert (done.returncode, done.stderr) == (0, "")
        loaded: dict[str, Any] = json.loads(result.read_text())
        return loaded

    def output(self, task: str, name: str) -> str:
        return (self.path / task_dir(task) / name).read_text()


@pytest.fixture
def bare_repo(tmp_path: Path) -> Repo:
    """A repository without files."""
    home = tmp_path / "home"
    home.mkdir()
    env = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "GITORCH_"))}
    env |= {"HOME": str(home), "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    for who in ("AUTHOR", "COMMITTER"):
        env |= {f"GIT_{who}_NAME": "T", f"GIT_{who}_EMAIL": "t@example.org", f"GIT_{who}_DATE": "1700000000 +0000"}
    path = tmp_path / "repo"
    path.mkdir()
    repo = Repo(path, env)
    repo.git("init", "-q", "-b", "main")
    repo.write({})
    return repo


@pytest.fixture
def repo(bare_repo: Repo) -> Repo:
    """A repository with text worth finding, decoys and odd names."""
    bare_repo.write(FILES)
    return bare_repo
