"""Task names, task states, and the file names in which both stand."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Final, Literal, cast, get_args

from gitorch.errors import Exit, GitorchError

TaskState = Literal["pending", "running", "completed", "failed", "blocked"]
TASK_STATES: Final[tuple[TaskState, ...]] = get_args(TaskState)

TASKS_DIR: Final = ".tasks"
MAIN_TASK_FILE: Final = "MAIN_TASK"
SUBTASKS_FILE: Final = "subtasks.yaml"  # in a task's folder: where an agent writes the subtasks that it has cut
MAIN_TASK_PATH: Final = f"{TASKS_DIR}/{MAIN_TASK_FILE}"
TEMPLATES_DIR: Final = f"{TASKS_DIR}/templates"

MAX_NAME: Final = 100
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_LOOKS_LIKE_FILE: Final = r"\[[^\]]*\]_.*_task\.md"
_MEANT: Final[Mapping[str, TaskState]] = {
    **dict.fromkeys(("done", "finished", "closed", "complete", "ok", "skipped"), "completed"),
    **dict.fromkeys(("todo", "open", "new", "ready", "waiting", "reopened"), "pending"),
    **dict.fromkeys(("doing", "active", "started", "wip", "in-progress", "inprogress"), "running"),
    **dict.fromkeys(("error", "broken", "fail"), "failed"),
    **dict.fromkeys(("stuck", "on-hold", "paused"), "blocked"),
}
_RESERVED: Final = frozenset({"templates", "main_task"})
_DEVICES: Final = frozenset(
    ["con", "prn", "aux", "nul", *(f"com{n}" for n in range(1, 10)), *(f"lpt{n}" for n in range(1, 10))]
)
# A task file's name, whole or before a NUL in a longer text: its groups are state and name. All rules of `name_problem`
# stand in it once more, for folders of many thousand files; a test holds the two together.
TASK_FILE: Final = (
    rf"\[({'|'.join(TASK_STATES)})\]_"
    r"((?!(?:templates|main_task)_task\.md(?![^\0])|(?:con|prn|aux|nul|com[1-9]|lpt[1-9])(?:\.|_task\.md(?![^\0])))"
    rf"[a-z0-9](?:[a-z0-9._-]{{0,{MAX_NAME - 2}}}[a-z0-9_-])?)_task\.md(?![^\0])"
)
_FILE = re.compile(TASK_FILE)


def quote(text: str, limit: int = 60) -> str:
    """Show foreign text in a message: in quotes, on one line, printable, not too long."""
    return f"'{printable(text, limit)}'"


def printable(text: str, limit: int) -> str:
    """Make a printable line of foreign text, not too long."""
    shown = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in shown)


def name_problem(name: str) -> str | None:
    """Say what is wrong with a task name, or None where it is a good one."""
    if not name:
        return "it is empty"
    if len(name) > MAX_NAME:
        return f"it has {len(name)} characters, {MAX_NAME} are allowed"
    if not _NAME.fullmatch(name):
        if name[0] in "._-":
            return "it has to begin with a letter or digit"
        return "use a-z, 0-9, '.', '_' and '-'"
    if name.endswith("."):
        return "it ends in a dot"
    if name in _RESERVED:
        return "the name is reserved"
    if name.split(".", 1)[0] in _DEVICES:
        return "Windows keeps this name for a device"
    return None


def check_name(name: str) -> str:
    """Return the name, or raise a usage error that says what is wrong with it."""
    problem = name_problem(name)
    if problem is None:
        return name
    slug = slugify(name)
    hint = f"try {slug}" if slug is not None and slug != name else "for example: chip-market-analysis"
    raise GitorchError(f"{quote(name)} is not a valid task name: {problem}", hint=hint, code=Exit.USAGE)


def slugify(text: str) -> str | None:
    """Return a task name made of any text, or None where nothing usable is left; `MyTask` becomes `my-task`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", text)
    slug = re.sub(r"[^a-z0-9._]+", "-", words.lower()).strip("-._")[:MAX_NAME].rstrip("-._")
    return slug if name_problem(slug) is None else None


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the hint `; did you mean NAME?` with the known name that is nearest, or nothing where none is near."""
    import difflib  # noqa: PLC0415 - needed only where a name is wrong

    near = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {near[0]}?" if near else ""


def check_state(text: str) -> TaskState:
    """Return the text as a task state, or raise a usage error that lists the states."""
    for state in TASK_STATES:
        if text == state:
            return state
    raise GitorchError(f"{quote(text)} is not a task state", hint=f"one of: {', '.join(TASK_STATES)}", code=Exit.USAGE)


def task_file(name: str, state: TaskState) -> str:
    """Give the file name, inside `.tasks/`, of a task in a state."""
    return f"[{state}]_{name}_task.md"


def task_path(name: str, state: TaskState) -> str:
    """Give the path, from the repository's root, of a task's file."""
    return f"{TASKS_DIR}/{task_file(name, state)}"


def task_dir(name: str) -> str:
    """Give the path, from the repository's root, of a task's folder."""
    return f"{TASKS_DIR}/{name}"


def parse_task_file(filename: str) -> tuple[str, TaskState] | None:
    """Read name and state from a file name inside `.tasks/`; None where it is no task file.

    Files that merely resemble one (`p_x_task.md`, `[p]_x`, an unknown state, a bad name) are nobody's business.
    """
    match = _FILE.fullmatch(filename)
    return None if match is None else (match[2], cast("TaskState", match[1]))


def pick_task_files(filenames: Iterable[str]) -> Iterator[tuple[str, str, TaskState]]:
    """Pick the task files among the file names inside `.tasks/`: each with the task's name and state."""
    for filename in filenames:
        match = _FILE.fullmatch(filename)
        if match is not None:
            yield filename, match[2], cast("TaskState", match[1])


def misnamed(filenames: Iterable[str], names: Container[str]) -> tuple[str, str, str] | None:
    """Find a file that has the name of a known task and an invalid state: return the file, the task and the state."""
    for filename in sorted(filenames):
        match = re.fullmatch(r"\[([^\]]*)\]_(.+)_task\.md", filename, re.DOTALL)
        if match is not None and match[1] not in TASK_STATES and match[2] in names:
            return filename, match[2], match[1]
    return None


def nearest_state(text: str) -> TaskState:
    """Return the state that a word most probably means."""
    import difflib  # noqa: PLC0415 - needed only where a state is wrong

    meant = _MEANT.get(text.lower())
    near = difflib.get_close_matches(text.lower(), TASK_STATES, 1, 0)
    return meant or cast("TaskState", near[0] if near else "pending")


def resembles_task_file(filename: str) -> bool:
    """Tell whether a file name looks like a task file that somebody got wrong."""
    return parse_task_file(filename) is None and re.fullmatch(_LOOKS_LIKE_FILE, filename, re.DOTALL) is not None
