"""Where a tool is used, and what may be wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

Fault = Literal["history", "branch", "work", "state"]


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Where a tool is used.

    Attributes:
        root: the repository's top folder, absolute.
        folder: where the tool is used, absolute.
        inside: whether that is inside an invocation.
        workflow: whether the repository holds a MAIN_TASK.
        branch: the current branch's short name; None where HEAD is detached or unknown.
        exists: tells whether there is a file or folder of an absolute path.
    """

    root: str
    folder: str
    inside: bool = False
    workflow: bool = True
    branch: str | None = None
    exists: Callable[[str], bool] = lambda _: False


class Found(NamedTuple):
    """What is wrong with a use, in a sentence without its full stop."""

    fault: Fault
    what: str
