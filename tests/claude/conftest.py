"""A repository with the skills in it, and surroundings with a plain Python."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.sandbox import Ran, Sandbox, run

SCRIPTS = ".claude/skills/task-creator/scripts"


@dataclass(frozen=True)
class Shell:
    """Runs commands of a user who has `python` on PATH, and gitorch perhaps."""

    sandbox: Sandbox
    env: dict[str, str]

    def __call__(self, *command: str, folder: str = ".", code: int | None = 0, **env: str) -> Ran:
        done = run(*command, cwd=self.sandbox.root / folder, env={**self.env, **env})
        assert code is None or done.code == code, f"{command}: exit {done.code}\n{done.out}\n{done.err}"
        assert "Traceback" not in done.err, done.err
        return done

    def script(self, name: str, *words: str, code: int | None = 0, **env: str) -> Ran:
        return self("python", f"{SCRIPTS}/{name}.py", *words, code=code, **env)


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of an interpreter that has no gitorch."""
    folder = tmp_path_factory.mktemp("bare") / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=120)
    return folder / "bin"


@pytest.fixture(params=["on PATH", pytest.param("by setting", marks=pytest.mark.heavy)])
def shell(request: pytest.FixtureRequest, sandbox: Sandbox, bare: Path, tmp_path: Path) -> Shell:
    sandbox("init", "--claude")
    return make_shell(sandbox, bare, tmp_path, on_path=request.param == "on PATH")


def make_shell(sandbox: Sandbox, bare: Path, folder: Path, *, on_path: bool) -> Shell:
    tools = folder / "tools"
    tools.mkdir()
    if on_path:
        (tools / "gitorch").symlink_to(Path(sys.executable).with_name("gitorch"))
        sandbox.git("config", "--unset", "gitorch.program")
    rest = [each for each in os.environ["PATH"].split(os.pathsep) if not (Path(each) / "gitorch").exists()]
    shell = Shell(sandbox, {"PATH": os.pathsep.join([str(tools), str(bare), *rest])})
    shell("python", "-c", "import importlib.util as u, sys; sys.exit(u.find_spec('gitorch') is not None)")
    return shell
