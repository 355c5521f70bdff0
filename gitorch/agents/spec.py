"""Agents as data: what to start, and how the prompt reaches it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from gitorch.core import yamltext
from gitorch.core.text import one_line
from gitorch.core.yamltext import Keys, did_you_mean
from gitorch.errors import Exit, GitorchError

DEFAULT: Final = "local"
_FOLDER: Final = Path(__file__).parent
PromptWay = Literal["stdin", "argument"]

# `python -m gitorch.X` in an agent file runs in our own interpreter, isolated: the agent's working directory is the
# user's repository, and plain `python -m` would import modules from there.
_BOOT: Final = (
    "import sys, runpy; sys.path += {paths!r}; sys.argv.pop(0); "
    "runpy.run_module(sys.argv[0], alter_sys=True, run_name='__main__')"
)


@dataclass(frozen=True, kw_only=True)
class Agent:
    """A program that does the work of an invocation."""

    name: str
    description: str
    command: tuple[str, ...]
    prompt: PromptWay = "stdin"


def names() -> list[str]:
    """List the agents there are."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def load(name: str) -> Agent:
    """Read an agent by its name."""
    if name not in names():
        raise GitorchError(f"there is no agent {one_line(name)!r}{did_you_mean(name, names())}", code=Exit.USAGE)
    path = _FOLDER / f"{name}.yaml"
    return parse(path.read_text(encoding="utf-8"), str(path))


def parse(text: str, where: str) -> Agent:
    """Read an agent file."""
    keys = Keys(yamltext.load(text, where), where, "an agent")
    ways: tuple[PromptWay, ...] = ("stdin", "argument")
    command = keys.texts("command")
    if not command:
        keys.fail("command", "is missing")
    agent = Agent(
        name=keys.required("name"),
        description=keys.required("description"),
        command=_own_python(command),
        prompt=keys.one_of("prompt", ways) or "stdin",
    )
    keys.done()
    return agent


def shell(command: str) -> Agent:
    """Make an agent of a shell command line of the user's."""
    if not command.strip():
        raise GitorchError("the agent's command is empty", hint="give it with --agent-command", code=Exit.USAGE)
    return Agent(name="command", description=one_line(command), command=("sh", "-c", command))


def _own_python(command: tuple[str, ...]) -> tuple[str, ...]:
    if command[:2] != ("python", "-m") or not command[2].startswith("gitorch."):
        return command
    paths = [path for path in sys.path if Path(path).is_absolute()]
    return (sys.executable, "-I", "-c", _BOOT.format(paths=paths), *command[2:])
