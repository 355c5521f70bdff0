"""Does a use of a tool edit workflow state by hand: MAIN_TASK, or the names of task files?"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Sequence
from typing import Final

from gitorch.core.names import MAIN_TASK_FILE, TASKS_DIR, parse_task_file
from gitorch.tooluse import shell
from gitorch.tooluse.surroundings import Found, Surroundings


def edited(path: str, at: Surroundings) -> Found | None:
    """Judge the path of a file that is to be edited or made."""
    place = posixpath.normpath(posixpath.join(at.folder, path))
    name = _tasks_entry(place, at)
    if name == MAIN_TASK_FILE:
        return Found("state", "This edits MAIN_TASK by hand")
    if name is not None and parse_task_file(name) is not None and not at.exists(place):
        return Found("state", f"This makes the task file {name} by hand")
    return None


def commanded(command: shell.Command, at: Surroundings) -> Found | None:
    """Judge a command by the files that it writes or moves."""
    return _redirected(command, at) or _moved(command, at)


def _tasks_entry(place: str | None, at: Surroundings) -> str | None:
    """Give the name of a direct entry of `.tasks`, an empty one for the folder itself; None for what lies elsewhere."""
    tasks = posixpath.join(at.root, TASKS_DIR)
    if place == tasks:
        return ""
    if place is None or posixpath.dirname(place) != tasks:
        return None
    return posixpath.basename(place)


def _is_state(path: str, folder: str | None, at: Surroundings) -> bool:
    """Tell whether a word of a command names workflow state: a state file, a pattern of such, or all of `.tasks`."""
    name = _tasks_entry(shell.join(folder, path), at)
    if name is None:
        return False
    if name in ("", MAIN_TASK_FILE) or parse_task_file(name) is not None:
        return True
    return any(sign in name for sign in "*?{") and (
        fnmatch.fnmatchcase(MAIN_TASK_FILE, name) or name.endswith(("*", ".md"))
    )


def _redirected(command: shell.Command, at: Surroundings) -> Found | None:
    for path in command.writes:
        if _is_state(path, command.folder, at):
            return Found("state", f"This writes {posixpath.basename(path)} by hand")
    return None


_MOVES: Final = frozenset({"mv", "git mv"})
_COPIES: Final = frozenset({"cp", "install", "ln", "rsync"})
_CHANGES: Final = frozenset({"rm", "unlink", "rmdir", "shred", "truncate", "tee", "touch", "rename"})


def _moved(command: shell.Command, at: Surroundings) -> Found | None:
    name, words = (command.words or ("",))[0], command.words[1:]
    operands = operands_of(words)
    if name in ("sed", "perl"):
        in_place = any(re.match(r"-[a-zA-Z]*i|--in-place", word) for word in words)
        # task files may be edited in place: they keep their names
        operands = [each for each in operands if in_place and posixpath.basename(each) == MAIN_TASK_FILE]
    elif name == "dd":
        operands = [word[3:] for word in words if word.startswith("of=")]
    elif name not in _MOVES | _COPIES | _CHANGES:
        return None
    return touched(name, operands, command.folder, at)


def touched(name: str, operands: Sequence[str], folder: str | None, at: Surroundings) -> Found | None:
    """Tell what state a program changes that is given these operands."""
    touched = list(operands)
    if name in _MOVES | _COPIES and len(operands) > 1:
        *sources, last = operands
        into = _tasks_entry(shell.join(folder, last), at) == ""
        landed = [posixpath.join(last, posixpath.basename(each)) for each in sources] if into else [last]
        touched = landed if name in _COPIES else [*sources, *landed]
    for path in touched:
        if _is_state(path, folder, at):
            return Found("state", f"{name} changes {posixpath.basename(posixpath.normpath(path))} by hand")
    return None


def operands_of(words: Sequence[str]) -> list[str]:
    """Give the words that are no options; after `--` all are."""
    if "--" in words:
        cut = list(words).index("--")
        return [*operands_of(words[:cut]), *words[cut + 1 :]]
    return [word for word in words if word == "-" or not word.startswith("-")]
