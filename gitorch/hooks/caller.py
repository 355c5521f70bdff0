"""Which git command a hook runs for: git itself does not tell its hooks whether a commit is being amended."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

_MANY: Final = 30  # more processes than ever stand above a hook
_WITH_VALUE: Final = frozenset({"-C", "-c", "--git-dir", "--work-tree", "--namespace", "--config-env", "--exec-path"})
_PICKING: Final = frozenset({"rebase", "cherry-pick", "revert", "am", "pull"})
_OWN: Final = frozenset({"commit", "merge", *_PICKING})  # git knows no aliases for its own commands
_SHORTEST: Final = 3  # --a could be another option
_SQUASHING: Final = frozenset({"squash", "s", "fixup", "f"})
_ALIASES: Final = 5  # as deep as one may stand for another


class Caller(NamedTuple):
    """What the git commands above a hook say; None where that cannot be found out.

    Attributes:
        amends: whether the commit takes the place of the last one.
        picks: whether commits that were made elsewhere are made again here: by rebase, cherry-pick, revert.
        reverts: whether it is a revert.
    """

    amends: bool | None
    picks: bool
    reverts: bool = False


def look(config: Mapping[str, str]) -> Caller:
    """Look which git command runs this hook, and for which it does so itself; git's settings tell its aliases."""
    commands = [_expand(config, command) for command in _git_commands()]
    if not commands:
        return Caller(None, picks=False)
    inner, outer = commands[0], commands[-1]
    picks = outer[:1] != [] and outer[0] in _PICKING
    reverts = outer[:1] == ["revert"]
    if picks and inner[:1] != ["commit"]:
        return Caller(None, picks, reverts)  # a rebase amends where it squashes
    amends = inner[:1] == ["commit"] and any(len(word) > _SHORTEST and "--amend".startswith(word) for word in inner[1:])
    return Caller(amends, picks, reverts)


def squashes(git_dir: Path) -> bool:
    """Tell whether a rebase is about to put a commit into the one before it."""
    try:
        done = (git_dir / "rebase-merge" / "done").read_text(errors="replace").split("\n")
    except OSError:
        return False
    last = next((line for line in reversed(done) if line.strip()), "")
    return last.split(" ", 1)[0] in _SQUASHING


def _git_commands() -> Iterator[list[str]]:
    """Give the commands of the git processes above, the nearest first, each with its arguments."""
    found = False
    for words in _ancestors():
        program = Path(words[0]).name if words else ""
        if program == "git" or program.startswith("git-"):
            found = True
            yield words[1:] if program == "git" else [program.removeprefix("git-"), *words[1:]]
        elif found:
            return


def _expand(config: Mapping[str, str], words: list[str]) -> list[str]:
    """Leave out git's own options, and put in what an alias stands for."""
    for _ in range(_ALIASES):
        while words and words[0].startswith("-"):
            words = words[2:] if words[0] in _WITH_VALUE else words[1:]
        alias = config.get(f"alias.{words[0].lower()}") if words and words[0] not in _OWN else None
        if alias is None or alias.startswith("!"):
            return words
        try:
            words = [*shlex.split(alias), *words[1:]]
        except ValueError:
            return words
    return words


def _ancestors() -> Iterator[list[str]]:
    """Give the command lines of the processes above, the nearest first."""
    process = os.getppid()
    for _ in range(_MANY):
        if process <= 1:
            return
        try:
            parent, words = _read(process)
        except (OSError, ValueError):
            return
        yield words
        process = parent


def _read(process: int) -> tuple[int, list[str]]:
    """Read a process's parent and its command line."""
    proc = Path("/proc") / str(process)
    if proc.is_dir():
        stat = (proc / "stat").read_text(errors="replace")
        words = os.fsdecode((proc / "cmdline").read_bytes()).split("\0")[:-1]
        return int(stat.rpartition(")")[2].split()[1]), words
    line = subprocess.run(
        ("ps", "-o", "ppid=", "-o", "args=", "-p", str(process)), capture_output=True, text=True, check=False
    ).stdout.strip()
    parent, _, command = line.partition(" ")
    return int(parent), command.split()
