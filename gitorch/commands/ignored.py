"""A note on ignore rules that name `.tasks`."""

from __future__ import annotations

from gitorch import output
from gitorch.core.names import MAIN_TASK_PATH, TASKS_DIR
from gitorch.git.repository import Repository


def note_ignored(repository: Repository) -> None:
    """Note that git is told to ignore `.tasks`, and that gitorch commits its files there all the same."""
    rule = ignored_by(repository)
    if rule is not None:
        output.note(f"note: {rule} makes git ignore {TASKS_DIR}; gitorch commits its files there all the same")


def ignored_by(repository: Repository) -> str | None:
    """Return the rule that makes git ignore `.tasks`, None where it is not ignored."""
    return None if repository.bare else repository.ignore_rule(MAIN_TASK_PATH)
