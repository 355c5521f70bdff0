"""The pre-commit hook: put it into a repository, and what it checks."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Final

from gitorch import data
from gitorch.core import main_task as main_tasks
from gitorch.core.moves import difference
from gitorch.core.names import MAIN_TASK_PATH, TASKS_DIR, TaskState, parse_task_file
from gitorch.errors import GitorchError
from gitorch.git.repository import Repository
from gitorch.ledger.state import read_state

_LINE: Final = "# gitorch: refuses commits"  # by which the hook knows its own file


def _path(repository: Repository) -> Path:
    return repository.root / repository.git.line("rev-parse", "--git-path", "hooks/pre-commit")


def is_installed(repository: Repository) -> bool:
    """Tell whether our pre-commit hook is in place."""
    path = _path(repository)
    return path.is_file() and _LINE in path.read_text(encoding="utf-8", errors="replace")


def install(repository: Repository) -> str:
    """Install the pre-commit hook where there is room for it; says what was done."""
    if "core.hookspath" in repository.config:
        return "core.hooksPath is set: no hook was installed"
    path = _path(repository)
    if path.exists() and not is_installed(repository):
        return f"{path} is another program's: no hook was installed"
    program = shutil.which("gitorch") or os.path.abspath(sys.argv[0])  # noqa: PTH100 - links are to stay
    text = (data.folder("hooks") / "pre-commit").read_text(encoding="utf-8")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.replace("@GITORCH@", program.replace("'", "'\\''")), encoding="utf-8")
    path.chmod(0o755)
    return "the pre-commit hook is installed"


def check_staged(repository: Repository) -> None:
    """Refuse what is staged where it changes the workflow's state.

    Raises:
        GitorchError: saying what it changes and how to do that with a record.
    """
    index = os.environ.get("GIT_INDEX_FILE")
    file = (Path.cwd() / index) if index else None
    out = repository.git.run("ls-files", "-s", "-z", "--", TASKS_DIR, index=file)
    staged: dict[str, TaskState] = {}
    main: bytes | None = None
    for line in out.split(b"\0"):
        info, _, name = line.partition(b"\t")
        path = os.fsdecode(name)
        parsed = parse_task_file(path.rpartition("/")[2]) if path.count("/") == 1 else None
        if parsed is not None and parsed[0] in staged:
            raise GitorchError(f"two files stand for task {parsed[0]}", hint="keep one of them")
        if parsed is not None:
            staged[parsed[0]] = parsed[1]
        elif path == MAIN_TASK_PATH:
            main = repository.objects.blob(info.split(b" ")[1].decode())
    state = read_state(repository.objects)
    changes = difference(state.states, staged)
    hint = "use gitorch move, create, drop and update: they leave a record; or leave .tasks out of this commit"
    if changes:
        raise GitorchError(f"this commit would change a task's state without a record: {changes[0]}", hint=hint)
    if main != state.main_task_bytes:
        if main is not None:
            main_tasks.parse(main)
        raise GitorchError("this commit would change MAIN_TASK without a record", hint=hint)
