"""What a person needs to report a bug, as Markdown that can be pasted into an issue."""

from __future__ import annotations

import platform
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

import gitorch
from gitorch.errors import GitorchError
from gitorch.git.process import Git


def save(error: Exception, args: Sequence[str]) -> Path:
    """Write the report of an error into a temporary file, and return its path."""
    with tempfile.NamedTemporaryFile(
        "w", prefix="gitorch-bug-", suffix=".md", encoding="utf-8", errors="backslashreplace", delete=False
    ) as file:
        file.write(describe(error, args))
    return Path(file.name)


def describe(error: Exception, args: Sequence[str]) -> str:
    """Return the report of an error: versions, the command without its values, the traceback."""
    versions = {
        "gitorch": gitorch.__version__,
        "git": _git(),
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": platform.platform(),
    }
    lines = "".join(f"- {name}: {version}\n" for name, version in versions.items())
    trace = "".join(traceback.format_exception(error)).rstrip()
    fence = "`" * max(3, _longest_run(trace) + 1)
    return f"Command: `{command_line(args)}`\n\n{lines}\n{fence}text\n{trace}\n{fence}\n"


def command_line(args: Sequence[str]) -> str:
    """Return a command line with the names of commands and options alone: values may hold names or secrets."""
    from gitorch.cli import cli  # noqa: PLC0415 - it imports what ends it

    words = ["gitorch"]
    known: Mapping[str, click.Command] = cli.commands  # the names that the next word can be
    for arg in args:
        if arg in known:
            words.append(arg)
            command = known[arg]
            known = command.commands if isinstance(command, click.Group) else {}
        elif arg.startswith("--"):
            words.append(arg.partition("=")[0])
        else:
            words.append(arg[:2] if arg.startswith("-") and len(arg) > 1 else "…")
    return " ".join(words)


def _git() -> str:
    try:
        return Git(Path()).line("version").removeprefix("git version ")
    except (OSError, GitorchError) as error:
        return f"does not run ({error})"


def _longest_run(text: str) -> int:
    """Return how many backquotes follow each other in a text."""
    longest = run = 0
    for character in text:
        run = run + 1 if character == "`" else 0
        longest = max(longest, run)
    return longest
