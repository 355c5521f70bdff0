"""Results and messages that nobody reads: the exit code and the work are the same."""

from __future__ import annotations

import os
import subprocess

import pytest

from gitorch import output
from tests.sandbox import GITORCH, Sandbox


def unread(sandbox: Sandbox, *args: str, out: bool = True, err: bool = False) -> int:
    """Run the program with streams whose reader is gone; return its exit code."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        (*GITORCH, *args),
        cwd=sandbox.root,
        stdin=subprocess.DEVNULL,
        stdout=writer if out else subprocess.DEVNULL,
        stderr=writer if err else subprocess.PIPE,
        check=False,
    )
    os.close(writer)
    assert not done.stderr or b"Traceback" not in done.stderr
    assert not done.stderr or b"Broken pipe" not in done.stderr
    return done.returncode


@pytest.mark.thorough
def test_a_closed_output_changes_no_exit_code(sandbox: Sandbox) -> None:
    sandbox("create", "a", "-d", "do a")
    assert unread(sandbox, "step", "--max-steps", "0") == 30
    assert unread(sandbox, "nonsense", err=True) == 2
    assert unread(sandbox, "run", "-h") == 0
    assert unread(sandbox, "--version") == 0
    sandbox("update", "blocked", "Wait")
    assert unread(sandbox, "run") == 20


@pytest.mark.thorough
def test_messages_that_nobody_reads_stop_no_invocation(sandbox: Sandbox) -> None:
    sandbox("create", "a", "-d", "do a")
    assert unread(sandbox, "run", "--agent-command", "echo x > x; echo done", err=True) == 0
    assert sandbox.states() == {"a": "completed"}


def test_a_time_to_come_is_shown_in_the_users_time_zone() -> None:
    shown = output.moment("2100-01-31T23:30:00Z")
    assert shown.startswith("2100-01-31 23:30 (in ")
    assert shown.endswith("min)")
    assert output.moment("2001-01-31T23:30:00Z") == "2001-01-31 23:30 (in 0.0 s)"
