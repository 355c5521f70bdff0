"""What the environment and the task's file ask of one invocation."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Final

from gitorch.core import task as task_file
from gitorch.core.names import TASKS_DIR, name_problem, parse_task_file, quote, task_dir
from gitorch.core.outline import KINDS, Kind
from gitorch.core.task import Task
from gitorch.errors import Exit, GitorchError
from gitorch.local.words import words

# What shipped templates call their steps: instructions, nothing to look for.
_STEP_WORDS: Final = frozenset(
    {"art", "comparison", "data", "definition", "landscape", "orientation", "prior", "profile"}
)
_HINT: Final = "gitorch starts this program: gitorch step --agent local"
_MOST_QUESTIONS: Final = 12
_WHAT_TO_DO = re.compile(r"^## What to do[ \t]*$", re.MULTILINE)
_OWN_HEADINGS = re.compile(r"^(?:# [a-z0-9._-]+|## Question)[ \t]*$\n?", re.MULTILINE)
_HEADING = re.compile(r"^#{1,6} .*$\n?", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """One task to work on. `folder` and `needs` are paths from the repository's root.

    `focus` is empty where it is the task's own: a template gave that one, to tell how to work and not what to find.
    """

    root: Path
    action: Kind
    task: Task
    folder: str
    focus: str
    needs: tuple[str, ...]

    @property
    def question(self) -> str:
        """What was asked: the description up to a heading `## What to do`, under which shipped templates instruct."""
        asked = _WHAT_TO_DO.split(self.task.description, maxsplit=1)[0]
        return _OWN_HEADINGS.sub("", asked).strip()

    @cached_property
    def asked(self) -> tuple[str, ...]:
        """What was asked, sentence by sentence."""
        return tuple(piece for piece in dict.fromkeys(sentences(self.question)) if words(piece))[:_MOST_QUESTIONS]

    @cached_property
    def questions(self) -> tuple[str, ...]:
        """What was asked, and every other question that the description puts."""
        put = (piece for piece in sentences(self.task.description) if piece.endswith("?") and words(piece))
        return tuple(dict.fromkeys([*self.asked, *put]))[:_MOST_QUESTIONS]

    def is_repeated_by(self, text: str) -> bool:
        """Tell whether a text only puts the same questions: where the task was written down, there is no answer."""
        spoken = " ".join(re.findall(r"\w+", text.lower()))
        return sum(" ".join(re.findall(r"\w+", sentence.lower())) in spoken for sentence in self.asked) > 1

    @property
    def query(self) -> str:
        """The words to search for; the focus, and what sets a subtask apart, weigh double."""
        special = f"{self.aspect}\n{self.focus}"
        return f"{self.task.parent or self.task.name}\n{self.question}\n{special}\n{special}"

    @property
    def aspect(self) -> str:
        """The words of a subtask's name that are neither its parent's nor a mere step's."""
        if self.task.parent is None:
            return ""
        own = words(self.task.name.removeprefix(f"{self.task.parent}-"))
        return " ".join(word for word in own if word not in _STEP_WORDS)


def read(environ: Mapping[str, str], root: Path) -> Assignment:
    """Read the assignment of an action that belongs to a task.

    Raises:
        GitorchError: a variable is missing or makes no sense, or the task's file cannot be read.
    """
    action = environ.get("GITORCH_ACTION", "")
    name = environ.get("GITORCH_TASK", "")
    if (problem := name_problem(name)) is not None:
        raise _usage(f"GITORCH_TASK: {quote(name)} is no task name: {problem}")
    path = _inside(environ, "GITORCH_TASK_FILE")
    try:
        data = (root / path).read_bytes()
    except OSError as error:
        raise GitorchError(f"{path}: {error.strerror}", hint=_HINT) from None
    task = task_file.parse(name, data, path)
    focus = environ.get("GITORCH_FOCUS", "")
    for kind in KINDS:
        if kind == action:
            return Assignment(
                root=root,
                action=kind,
                task=task,
                folder=_inside(environ, "GITORCH_TASK_DIR"),
                focus="" if focus == task.focus else focus,
                needs=_with_results(root, environ.get("GITORCH_NEEDS", "").split("\n")),
            )
    raise _usage(f"GITORCH_ACTION: {quote(action)} is none of {', '.join(KINDS)}, check")


def _usage(problem: str) -> GitorchError:
    return GitorchError(problem, hint=_HINT, code=Exit.USAGE)


def _inside(environ: Mapping[str, str], key: str) -> str:
    path = environ.get(key, "")
    if not path:
        raise _usage(f"{key} is not set")
    pure = PurePosixPath(path)
    if "\0" in path or pure.is_absolute() or ".." in pure.parts or pure.parts[0] != TASKS_DIR:
        raise _usage(f"{key}: {quote(path)} is no path in {TASKS_DIR}/")
    return str(pure)


def _with_results(root: Path, folders: list[str]) -> tuple[str, ...]:
    """Put the folders of its subtasks in place of a task that left nothing itself."""
    children: dict[str, list[str]] | None = None
    seen: list[str] = []
    waiting = [name for name in (PurePosixPath(folder).name for folder in folders) if name_problem(name) is None]
    while waiting:
        name = waiting.pop(0)
        if name in seen:
            continue
        seen.append(name)
        if not _holds_files(root / task_dir(name)):
            children = _children(root) if children is None else children
            waiting[:0] = children[name]
    return tuple(task_dir(name) for name in seen if _holds_files(root / task_dir(name)))


def _holds_files(folder: Path) -> bool:
    return folder.is_dir() and any(path.is_file() for path in folder.rglob("*"))


def _children(root: Path) -> dict[str, list[str]]:
    children: dict[str, list[str]] = defaultdict(list)
    for path in sorted((root / TASKS_DIR).iterdir()):
        known = parse_task_file(path.name)
        if known is None or not path.is_file():
            continue
        try:
            parent = task_file.parse(known[0], path.read_bytes(), path.name).parent
        except (GitorchError, OSError):
            continue  # somebody else's broken file is not this task's business
        if parent is not None:
            children[parent].append(known[0])
    return children


def sentences(text: str) -> list[str]:
    """Cut a text into sentences and the items of its lists, their marks taken off."""
    pieces: list[str] = []
    for block in re.split(r"\n[ \t]*\n|\n(?=[ \t]*(?:[-*+]|\d+[.)])[ \t])", _HEADING.sub("\n\n", text)):
        plain = " ".join(re.sub(r"^[ \t]*(?:[-*+>]|\d+[.)])[ \t]+", "", block).split())
        pieces.extend(piece for piece in re.split(r"(?<=[.!?])\s+(?=[A-Z0-9\"'`(¿¡])", plain) if piece)
    return pieces
