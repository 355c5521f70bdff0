"""`gitorch init`."""

from __future__ import annotations

import shlex
from contextlib import closing
from pathlib import Path

from gitorch import output
from gitorch.commands.ignored import note_ignored
from gitorch.core.names import TASKS_DIR
from gitorch.core.text import counted
from gitorch.errors import Exit, GitorchError
from gitorch.git.process import Git, GitError
from gitorch.git.repository import Repository, open_repository
from gitorch.hooks import install as hooks
from gitorch.loop import adopt, proposal, skills


def run(*, folder: str, claude: bool) -> int:
    """Make a repository ready."""
    proposal.refuse_inside("init")
    with closing(_repository(folder)) as repository:
        return _make_ready(repository, claude=claude)


def _make_ready(repository: Repository, *, claude: bool) -> int:
    repository.check_writable()
    tasks = repository.root / TASKS_DIR
    if tasks.is_symlink() or (tasks.exists() and not tasks.is_dir()):
        raise GitorchError(f"{TASKS_DIR} is not a directory", hint="gitorch keeps its tasks there: move it elsewhere")
    tasks.mkdir(exist_ok=True)
    appended = adopt.adopt_unrecorded(repository)
    if appended is not None:
        output.say(f"adopted {counted(len(appended.record.changes), 'task')} found there  ({appended.commit[:10]})")
    _install_hooks(repository)
    note_ignored(repository)
    if claude:
        _add_skills(repository)
    output.say(f"{repository.root} is ready; begin with: gitorch start NAME -d TEXT")
    return Exit.OK


def _install_hooks(repository: Repository) -> None:
    """Install the hooks; where others write the hooks, say what to do."""
    try:
        for line in hooks.install(repository):
            output.say(line)
    except hooks.Elsewhere as error:
        output.note(f"note: {error.message}")
        output.note(f"hint: {error.hint}")
        for line in error.lines:
            output.note(f"  {line}")


def _add_skills(repository: Repository) -> None:
    """Put the skills for Claude Code in place, and say how to go on."""
    skills.remember_program(repository)
    installed = skills.install(repository)
    if installed.commit is not None:
        output.say(f"the skills for Claude Code are committed  ({installed.commit[:10]})")
    elif not installed.written:
        output.say("the skills for Claude Code are up to date")
    for path in installed.differing:
        output.note(f"warning: {path} exists and differs: it is not replaced")
    if installed.differing:
        output.note("hint: to install gitorch's version of a file, move yours away and run: gitorch init --claude")
    if installed.ignored:
        output.note("note: the skills are not committed: git ignores .claude")
    output.say("ask for your task in Claude Code, or run: python .claude/skills/task-creator/scripts/read_main_task.py")
    output.say(f"as a plugin, which also guards the history: claude --plugin-dir {shlex.quote(str(skills.PLUGIN))}")


def _repository(folder: str) -> Repository:
    try:
        return open_repository(folder)
    except GitError as error:
        if "is not in a git repository" not in error.message:
            raise
    Git(Path(folder)).run("init", "-q")
    output.say(f"created a git repository in {Path(folder).resolve()}")
    return open_repository(folder)
