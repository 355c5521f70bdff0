"""gitorch: a git-native orchestrator for coding agents.

As a library: `with gitorch.open(path) as workflow: …`; see `gitorch.api.Workflow`, and `gitorch.api` for the types that
its methods take and give.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gitorch._version import __version__
from gitorch.errors import Exit, GitorchError

if TYPE_CHECKING:
    from gitorch.api import Workflow

__all__ = ["Exit", "GitorchError", "__version__", "open"]


def open(path: Path | str = ".") -> Workflow:  # noqa: A001 - read as gitorch.open
    """Open the workflow of the repository that a folder lies in."""
    from gitorch.api import open_workflow  # noqa: PLC0415 - the command line's start must not pay for it

    return open_workflow(path)
