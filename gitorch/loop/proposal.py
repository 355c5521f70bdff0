"""What an agent proposes through `gitorch move` and `gitorch update`: written down, and recorded when it has ended."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final, NamedTuple

from gitorch.agents.descendants import MARK
from gitorch.core import main_task as main_tasks
from gitorch.core.main_task import MainTask
from gitorch.core.names import quote
from gitorch.core.text import one_line
from gitorch.errors import Exit, GitorchError

_MAX_BYTES: Final = 64 * 1024
_STATES: Final = ("completed", "failed", "blocked")


class Proposal(NamedTuple):
    """An agent's proposals; each None where it made none."""

    state: str | None = None
    reason: str | None = None
    main_task: MainTask | None = None


def inside() -> bool:
    """Tell whether we run inside an invocation."""
    return bool(os.environ.get(MARK))


def own_task() -> str | None:
    """Give the task of the invocation we run inside."""
    return os.environ.get("GITORCH_TASK") or None


def refuse_inside(command: str) -> None:
    """Refuse a command that has no place inside an invocation."""
    if inside():
        raise GitorchError(
            f"gitorch {command} cannot be used inside an invocation: each does one thing, on its own task",
            hint="hand over with gitorch move and gitorch update, then stop",
        )


def _file() -> Path:
    result = os.environ.get("GITORCH_RESULT")
    if not result:
        raise GitorchError(f"{MARK} is set but GITORCH_RESULT is not: this is no invocation of gitorch's")
    return file_beside(Path(result))


def file_beside(result: Path) -> Path:
    """Give the file that holds the proposals of the invocation with a result file."""
    return result.with_name("proposal.json")


def read(path: Path) -> Proposal:
    """Read proposals; none where there is no file or it makes no sense."""
    try:
        if not path.is_file() or path.stat().st_size > _MAX_BYTES:  # a pipe would never end
            return Proposal()
        values = json.loads(path.read_text(encoding="utf-8"))
        main = values.get("main_task")
        state = values.get("state")
        return Proposal(
            state if state in _STATES else None,
            one_line(values["reason"]) or None if values.get("reason") else None,
            None if main is None else main_tasks.make(*main),
        )
    except (OSError, ValueError, TypeError, AttributeError, RecursionError, GitorchError):
        return Proposal()


def _write(**values: object) -> None:
    path = _file()
    try:
        now = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        now = {}
    path.write_text(json.dumps({**now, **values}), encoding="utf-8")


def propose_move(name: str, state: str, reason: str | None) -> None:
    """Write down what state the agent proposes for its own task.

    Raises:
        GitorchError: it is another task's, or no state that a task can end in.
    """
    own = own_task()
    if name != own:
        raise GitorchError(
            f"inside an invocation only its own task {quote(own or '(none)')} can be moved, not {quote(name)}",
            hint="say in --reason or with gitorch update what should happen to other tasks",
        )
    if state == "running":
        return  # it is running already
    if state not in _STATES:
        raise GitorchError(f"inside an invocation a task ends {', '.join(_STATES)}, not {state}", code=Exit.USAGE)
    _write(state=state, reason=reason)


def propose_update(main_task: MainTask, *, others_open: bool) -> None:
    """Write down what MAIN_TASK the agent proposes.

    Raises:
        GitorchError: it says completed while other tasks are open.
    """
    if main_task.status == "completed" and others_open:
        raise GitorchError(
            "other tasks are not completed yet, so the workflow is not", hint="see them: gitorch list --by-state"
        )
    _write(main_task=list(main_task))
