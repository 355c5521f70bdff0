"""Which command lines and agent files from a repository may be used: those the user has allowed, and shipped lines.

A line is known by a hash of its text and of the variables it asks for, never by where it stands. The hashes the user
has allowed are kept outside any repository.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

from gitorch import data
from gitorch.core.task import Parameters, Task
from gitorch.errors import GitorchError


def digest(command: str, env: Iterable[str]) -> str:
    """Give the hash by which a command line is known."""
    return hashlib.sha256(json.dumps([command, sorted(env)]).encode()).hexdigest()


def agent_digest(content: bytes) -> str:
    """Give the hash by which an agent file is known."""
    return hashlib.sha256(b"agent file\0" + content).hexdigest()


def commands_of(task: Task) -> list[str]:
    """List the command lines of a task."""
    return [*([task.run] if task.run else []), *task.check]


def store() -> Path:
    """Give the file that holds the allowed hashes, one on a line."""
    return data.user_folder() / "trusted"


def allowed() -> set[str]:
    """Read the hashes that the user has allowed."""
    try:
        return set(store().read_text(encoding="ascii").split())
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return set()
    except (OSError, ValueError) as error:
        raise GitorchError(f"{store()}: cannot be read: {error}", hint="fix or remove the file") from None


def untrusted(task: Task) -> list[str]:
    """List the command lines of a task that may not run yet."""
    return _untrusted(task, allowed() | _shipped()) if commands_of(task) else []


def untrusted_of(tasks: Iterable[Task]) -> Iterator[Task]:
    """Pick the tasks that have command lines which may not run yet."""
    having = [task for task in tasks if commands_of(task)]
    known = allowed() | _shipped() if having else set()
    return (task for task in having if _untrusted(task, known))


def _untrusted(task: Task, known: Container[str]) -> list[str]:
    return [command for command in commands_of(task) if digest(command, task.env) not in known]


def _shipped() -> set[str]:
    from gitorch.loop.catalog import shipped  # noqa: PLC0415 - read only where a task has commands

    return {
        digest(command, subtask.work["env"])
        for template in shipped().values()
        for subtask in template.subtasks
        for command in (*([subtask.work["run"]] if subtask.work["run"] else []), *subtask.work["check"])
    }


def allow(digests: Iterable[str]) -> None:
    """Add hashes to those allowed."""
    path = store()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="ascii") as file:
            file.writelines(each + "\n" for each in digests)
    except OSError as error:
        raise GitorchError(f"{path}: cannot be written: {error.strerror}") from None


def allow_own_words(tasks: Iterable[Task], parameters: Parameters) -> None:
    """Allow the checks of tasks that the user has just given as parameters on the command line."""
    given = {value for value in parameters.values() if isinstance(value, str)}
    digests = {digest(line, task.env) for task in tasks for line in task.check if line in given}
    if digests - allowed():
        allow(sorted(digests))


def check(task: Task) -> None:
    """Refuse a task whose command lines the user has not allowed.

    Raises:
        GitorchError: naming the first such line.
    """
    lines = untrusted(task)
    if lines:
        first = lines[0].strip().split("\n")[0]
        raise GitorchError(
            f"task {task.name} wants to run {first[:60]!r}, which you have not allowed yet",
            hint=f"read it in the task's file; if you want it to run: gitorch trust {task.name}",
        )
