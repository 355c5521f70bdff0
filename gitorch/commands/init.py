"""`gitorch init`."""

from __future__ import annotations

from pathlib import Path

from gitorch import output
from gitorch.core.names import TASKS_DIR
from gitorch.errors import Exit, GitorchError
from gitorch.git.process import Git, GitError
from gitorch.git.repository import Repository, open_repository
from gitorch.loop import adopt, hook, proposal


def run(*, folder: str) -> int:
    """Make a repository ready."""
    proposal.refuse_inside("init")
    repository = _repository(folder)
    repository.check_writable()
    tasks = repository.root / TASKS_DIR
    if tasks.is_symlink() or (tasks.exists() and not tasks.is_dir()):
        raise GitorchError(f"{TASKS_DIR} is no folder", hint="gitorch keeps its tasks there: move it away")
    tasks.mkdir(exist_ok=True)
    appended = adopt.adopt_unrecorded(repository)
    if appended is not None:
        output.say(f"adopted {len(appended.record.changes)} tasks that were there  ({appended.commit[:10]})")
    output.say(hook.install(repository))
    output.say(f"{repository.root} is ready; begin with: gitorch start NAME -d 'what is wanted'")
    repository.close()
    return Exit.OK


def _repository(folder: str) -> Repository:
    try:
        return open_repository(folder)
    except GitError as error:
        if "is not in a git repository" not in error.message:
            raise
    Git(Path(folder)).run("init", "-q")
    output.say(f"made a git repository in {Path(folder).resolve()}")
    return open_repository(folder)
