"""Edit a task file: its text is checked, then committed by itself."""

from __future__ import annotations

from gitorch.core import plan as planner
from gitorch.core import task as task_files
from gitorch.core.names import check_name
from gitorch.errors import GitorchError
from gitorch.git import files
from gitorch.git.repository import Repository
from gitorch.ledger.outlines import read_outlines
from gitorch.ledger.state import read_state
from gitorch.loop import proposal


def current(repository: Repository, name: str) -> tuple[str, str]:
    """Return the path of a task's file and its text in the work tree.

    Raises:
        GitorchError: there is no such task, or its file cannot be read.
    """
    check_name(name)
    path = read_state(repository.objects).path_of(name)
    try:
        return path, (repository.root / path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise GitorchError(f"{path} cannot be read: {error}", hint="restore it from the last commit") from None


def check(repository: Repository, name: str, text: str) -> None:
    """Check a new text of a task file: its front matter, and what it says about other tasks.

    Raises:
        GitorchError: it is not valid; the message names the line.
    """
    state = read_state(repository.objects)
    path = state.path_of(name)
    task = task_files.parse(name, text.encode(), path)
    tasks = {**read_outlines(repository, state), name: task.outline}
    problem = planner.task_problem(name, state.states, tasks)
    if problem is not None:
        raise GitorchError(f"{path}: {problem}", hint="change its parent or its needs")


def edit(repository: Repository, name: str, text: str) -> str | None:
    """Write a new text of a task file and commit it; return the commit, None where nothing changes.

    It is an ordinary commit: what a task file says is not state. What else is staged stays staged.

    Raises:
        GitorchError: the text is not valid, or git cannot commit it.
    """
    proposal.refuse_inside("edit")
    repository.check_writable()
    check(repository, name, text)
    path, _ = current(repository, name)
    files.replace(repository.root / path, text.encode())
    if repository.git.attempt("diff", "--quiet", "HEAD", "--", path).code == 0:
        return None
    repository.git.run("commit", "-q", "-m", f"Edit task {name}", "--", path)
    return repository.git.line("rev-parse", "HEAD")
