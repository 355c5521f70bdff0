"""The programs that are measured: gitorch from this checkout, installed as users install it, and its neighbours."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

CHECKOUT = Path(__file__).parents[2]
INSTALL_SECONDS = 900


class Neighbour(NamedTuple):
    """Another program.

    Attributes:
        name: what it is called here.
        packages: what to install.
        program: the program among what was installed.
        tool: `pip` or `npm`.
    """

    name: str
    packages: tuple[str, ...]
    program: str
    tool: str


NEIGHBOURS = (
    Neighbour("datalad", ("datalad", "git-annex"), "datalad", "pip"),
    Neighbour("spec-kitty", ("spec-kitty-cli",), "spec-kitty", "pip"),
    Neighbour("backlog", ("backlog.md",), "backlog", "npm"),
    Neighbour("task-master", ("task-master-ai",), "task-master", "npm"),
    Neighbour("tokenizer", ("js-tiktoken",), "", "npm"),
)


@dataclass
class Programs:
    """Where everything is; a neighbour is installed when it is first asked for, and kept for the next run."""

    folder: Path
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def venv(self) -> Path:
        """Where gitorch is installed."""
        return self.folder / "gitorch"

    @property
    def python(self) -> str:
        """The Python that gitorch is installed for."""
        return str(self.venv / "bin" / "python")

    @property
    def gitorch(self) -> str:
        """The installed gitorch."""
        return str(self.venv / "bin" / "gitorch")

    def install_gitorch(self) -> None:
        """Install this checkout anew; what it needs is kept from the run before."""
        if not (self.venv / "bin" / "pip").exists():
            _call((sys.executable, "-m", "venv", str(self.venv)))
        pip = (self.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        _call((*pip, str(CHECKOUT)))
        _call((*pip, "--force-reinstall", "--no-deps", str(CHECKOUT)))

    def find(self, name: str) -> Path | None:
        """Give the folder of an installed neighbour; None where it cannot be had, with the reason in `missing`."""
        (neighbour,) = [each for each in NEIGHBOURS if each.name == name]
        folder = self.folder / name
        if name in self.missing:
            return None
        if not (folder / ".installed").exists():
            try:
                _install(neighbour, folder)
            except (OSError, subprocess.SubprocessError) as error:
                self.missing[name] = f"{name} could not be installed with {neighbour.tool}: {_reason(error)}"
                return None
            (folder / ".installed").touch()
        return folder

    def program(self, name: str) -> str | None:
        """Give a neighbour's program."""
        folder = self.find(name)
        (neighbour,) = [each for each in NEIGHBOURS if each.name == name]
        return None if folder is None else str(_programs_of(neighbour, folder) / neighbour.program)

    def path(self) -> str:
        """Give a PATH on which gitorch comes first and all neighbours are found."""
        others = [str(_programs_of(each, self.folder / each.name)) for each in NEIGHBOURS]
        return os.pathsep.join([str(self.venv / "bin"), *others, os.environ["PATH"]])


def _programs_of(neighbour: Neighbour, folder: Path) -> Path:
    return folder / "bin" if neighbour.tool == "pip" else folder / "node_modules" / ".bin"


def _install(neighbour: Neighbour, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if neighbour.tool == "pip":
        _call((sys.executable, "-m", "venv", str(folder)))
        _call((str(folder / "bin" / "pip"), "install", "--quiet", *neighbour.packages))
    else:
        _call(("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), *neighbour.packages))


def _call(command: Sequence[str]) -> None:
    """Install something; without compiled files Python programs would start more slowly than those of users."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    subprocess.run(command, env=env, check=True, capture_output=True, timeout=INSTALL_SECONDS)


def _reason(error: Exception) -> str:
    said = error.stderr.decode(errors="replace") if isinstance(error, subprocess.CalledProcessError) else str(error)
    lines = [line for line in said.splitlines() if line.strip()]
    return lines[-1][:200] if lines else type(error).__name__
