"""The one class of errors meant for people, and the exit codes the commands use."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Process exit codes. COMPLETED, BLOCKED and LIMIT are used by the stepping commands only."""

    OK = 0
    ERROR = 1
    USAGE = 2
    COMPLETED = 10
    BLOCKED = 20
    LIMIT = 30
    TRY_AGAIN = 75
    INTERRUPTED = 130


class GitorchError(Exception):
    """Something went wrong that a person can understand and mend.

    Attributes:
        message: what is wrong and where, one line.
        hint: what to do about it, or None.
        code: the exit code of a command that ends with this error.
    """

    def __init__(self, message: str, *, hint: str | None = None, code: Exit = Exit.ERROR) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code
