"""Try an agent out: one real invocation, with a small task, in a repository of its own."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final, NamedTuple

from gitorch.agents.spec import Agent
from gitorch.core.record import Record
from gitorch.git.process import Git
from gitorch.git.repository import open_repository
from gitorch.ledger.history import records_back
from gitorch.loop import edit
from gitorch.loop.ahead import Options
from gitorch.loop.edit import NewTask
from gitorch.loop.limits import Limits
from gitorch.loop.step import step
from gitorch.loop.watch import Watch

_TASK: Final = "ready"
_FILE: Final = "README.md"
_TEXT: Final = "# The word\n\nThe word that shows that an agent is ready: ready.\n"
_OUTPUT: Final = "word.md"
_WANTED: Final = f"Find the word that {_FILE} names. Write it to .tasks/{_TASK}/{_OUTPUT}. Do no more than that."
_SECONDS: Final = 180
_SETTINGS: Final = (("user.name", "gitorch"), ("user.email", "gitorch@localhost"), ("commit.gpgsign", "false"))


class Tried(NamedTuple):
    """How an agent's trial ended, and what a person has to do before it can work."""

    record: Record
    hint: str | None


def try_out(agent: Agent, model: str | None, watch: Watch, args: str | None) -> Tried:
    """Have an agent do one small invocation, and return how it ended.

    Args:
        agent: which one.
        model: the model to ask for, None for its own choice.
        watch: looks on, and may stop it.
        args: the user's `git config gitorch.NAME.args` from the repository that this is asked in.

    Raises:
        GitorchError: it cannot be started.
    """
    with tempfile.TemporaryDirectory(prefix="gitorch-try-") as folder:
        root = Path(folder, "repository")
        root.mkdir()
        git = Git(root)
        git.run("init", "-q")
        for key, value in (*_SETTINGS, *([(f"gitorch.{agent.name}.args", args)] if args else ())):
            git.run("config", key, value)
        root.joinpath(_FILE).write_text(_TEXT)
        git.run("add", _FILE)
        git.run("commit", "-q", "-m", "Add the word to find")
        repository = open_repository(root)
        try:
            edit.create(repository, NewTask(name=_TASK, description=_WANTED, outputs=(_OUTPUT,)))
            edit.update(repository, "continue", f"Execute {_TASK}", task=_TASK)
            options = Options(agent=agent, model=model, limits=Limits(max_seconds=_SECONDS))
            hint = step(repository, options, watch).hint
            record = next(record for _, record in records_back(repository.objects) if record.event == "end")
            return Tried(record, hint)
        finally:
            repository.close()
