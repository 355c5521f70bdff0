"""Tool calls that an agent's program denied, and the setting that allows them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from gitorch.agents.spec import Agent

_COMMAND: Final = re.compile(r"(\w+)\((.+)\)", re.DOTALL)  # a tool that runs a shell command: TOOL(COMMAND)
_PROGRAM: Final = re.compile(r"[\w./+-]*\w")
_SUBCOMMAND: Final = re.compile(r"[a-z][a-z0-9_:.-]*")
_AFTER: Final = re.compile(r"[;&|<>()`$\n]")  # where one of several commands ends


def how_to_allow(agent: Agent, calls: Sequence[str], args: str = "") -> str | None:
    """Return the setting that allows the first of the calls that a setting can allow.

    Args:
        agent: whose program denied them.
        calls: what was denied.
        args: the value of `git config gitorch.NAME.args` now, which the new one has to keep.
    """
    if agent.allow is None:
        return None
    if "{tool}" not in agent.allow and "{prefix}" not in agent.allow:
        return agent.allow
    for call in calls:
        match = _COMMAND.fullmatch(call)
        prefix = prefix_of(match[2]) if match is not None else None
        if match is not None and prefix is not None:
            kept = args.replace("'", "'\\''") + " " if args else ""
            return _filled(agent.allow, {"{tool}": match[1], "{prefix}": prefix, "{args}": kept})
    return None


def _filled(text: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\{\w+\}", lambda found: values.get(found[0], found[0]), text)


def prefix_of(command: str) -> str | None:
    """Return the words that a command line begins with, up to its first option or path: `python -m pytest`."""
    parts = (part.split() for part in _AFTER.split(command))
    words = next((part for part in parts if part and part[0] != "cd"), [])
    if not words or not _PROGRAM.fullmatch(words[0]):
        return None
    kept, rest = words[:1], words[1:]
    if rest[:1] == ["-m"] and len(rest) > 1 and _SUBCOMMAND.fullmatch(rest[1]):
        return " ".join([*kept, *rest[:2]])
    if rest and _SUBCOMMAND.fullmatch(rest[0]) and "." not in rest[0]:
        kept.append(rest[0])
    return " ".join(kept)
