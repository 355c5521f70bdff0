"""Gates: what has to pass before an agent's work is taken, a task's checks and the repository's own hook."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from gitorch.agents import process
from gitorch.agents.process import Ended
from gitorch.core.record import Check
from gitorch.core.task import Task
from gitorch.core.text import one_line, tail
from gitorch.git.repository import Repository
from gitorch.hooks import found
from gitorch.loop import environment
from gitorch.loop.invocation import Invocation
from gitorch.loop.watch import Watch
from gitorch.loop.work import Job, variables

_TIMEOUT: Final = 900  # seconds


def run_checks(repository: Repository, invocation: Invocation, task: Task, watch: Watch) -> tuple[list[Check], str]:
    """Run a task's gates until one fails; gives what came of them, and what the failing one said."""
    base = environment.without_credentials(environment.outer(), task.env)
    env = {**base, **variables(Job(invocation=invocation, task=task, prompt=""))}
    done: list[Check] = []
    for command in task.check:
        ended = _run(repository, ("sh", "-c", command), env, watch)
        code = ended.code if ended.stopped is None else -1
        done.append(Check(code, one_line(command)))
        if code != 0:
            return done, tail((ended.out + b"\n" + ended.err).decode(errors="replace"))
    return done, ""


def run_hook(repository: Repository, hook: str, *, index: str, since: str | None, watch: Watch) -> tuple[int, str]:
    """Run one of the repository's own hooks on an index; gives its exit code and the end of what it said.

    Args:
        repository: where.
        hook: the hook's path.
        index: the index file it looks at.
        since: the commit that is HEAD for it; None for the one that is.
        watch: may stop it.
    """
    env = {**environment.outer(), "GIT_INDEX_FILE": index, "GIT_EDITOR": ":"}
    if since is not None:
        env["GIT_DIR"] = str(_detached(repository, since))
        env["GIT_WORK_TREE"] = str(repository.root)
    ended = _run(repository, (hook,), env, watch)
    return ended.code if ended.stopped is None else -1, tail((ended.out + b"\n" + ended.err).decode(errors="replace"))


def _detached(repository: Repository, commit: str) -> Path:
    """Make a folder in which git finds this repository with another HEAD, as it does for linked worktrees."""
    folder = repository.scratch / "hook"
    folder.mkdir(exist_ok=True)
    (folder / "HEAD").write_text(f"{commit}\n")
    (folder / "commondir").write_text(f"{repository.common_dir}\n")
    return folder


def _run(repository: Repository, command: tuple[str, ...], env: dict[str, str], watch: Watch) -> Ended:
    return process.run(command, cwd=repository.root, env=env, timeout=_TIMEOUT, should_stop=watch.tick)


def hook_path(repository: Repository, name: str) -> str | None:
    """Find a hook of the repository's, wherever its configuration puts them; None where there is none to run.

    Of gitorch's own, which judge changes of state, only the one that it has found there and runs first counts.
    """
    path = os.path.join(repository.root, repository.git.line("rev-parse", "--git-path", f"hooks/{name}"))  # noqa: PTH118
    if found.kind(Path(path)) == "ours":
        path = str(found.kept_path(Path(path).parent, name))
    return path if os.path.isfile(path) and os.access(path, os.X_OK) else None  # noqa: PTH113 - a string all along
