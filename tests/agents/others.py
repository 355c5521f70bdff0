"""One task for one agent: what the tests of the real programs have in common."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from typing import Any, NoReturn

import pytest

from tests.sandbox import Ran, Sandbox

TASK = "chip-review-data-gathering"
FILE = f".tasks/{TASK}/sources.md"
TEXT = "- README.md:1 'Chips'\n"
MOVE = f"gitorch move {TASK} completed"
# of these programs the developer's own settings would get in
_THEIRS = ("CODEX_", "GEMINI_", "GOOGLE_", "OPENCODE_", "AIDER_", "LITELLM_", "GITHUB_")


def missing(reason: str) -> NoReturn:
    """Skip a test whose program is missing; where all of them have to be there, fail it."""
    if os.environ.get("REQUIRE_AGENTS"):
        pytest.fail(reason)
    pytest.skip(reason)


def installed(name: str, how: str) -> str:
    """Give a program's path, or skip the test."""
    found = shutil.which(name)
    if found is None:
        missing(f"{name} is not installed: {how}")
    return found


def sealed_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's settings of these programs out."""
    for key in list(os.environ):
        if key.startswith(_THEIRS):
            monkeypatch.delenv(key)


@dataclass(frozen=True)
class Bench:
    """A workflow whose next action is to gather, by one agent."""

    sandbox: Sandbox
    agent: str

    @classmethod
    def make(cls, sandbox: Sandbox, agent: str) -> Bench:
        sandbox.commit(**{"README.md": "# Chips\n"})
        sandbox("start", "chip-review", "-d", "Which chips are there?")
        sandbox("step", code=0)
        assert sandbox.states()[TASK] == "pending"
        return cls(sandbox, agent)

    def step(self, *options: str, code: int = 0) -> Ran:
        """Have the agent do it, and see that the whole history holds afterwards."""
        ran = self.sandbox("step", "--agent", self.agent, *options, code=code)
        self.sandbox("verify")
        return ran

    def end(self) -> dict[str, Any]:
        """Give the record of the last invocation's end."""
        newest = json.loads(self.sandbox("log", "--json").out.splitlines()[0])
        assert newest["event"] == "end"
        assert newest["agent"] == self.agent
        return {key: value for key, value in newest.items() if value is not None}

    def committed(self) -> list[str]:
        """List the files that the last invocation has changed, apart from the workflow's own."""
        since = self.sandbox.git("log", "-1", "--format=%H", "--grep=^Gitorch-Event: begin").strip()
        paths = self.sandbox.git("diff", "--name-only", since, "HEAD").splitlines()
        return [path for path in paths if path != ".tasks/MAIN_TASK" and not path.endswith("_task.md")]

    def works(self, *options: str) -> dict[str, Any]:
        """Have the agent write the file that is wanted and hand over; gives the end's record."""
        self.step(*options)
        end = self.end()
        assert end["outcome"] == "completed", end
        assert self.sandbox.states()[TASK] == "completed"
        assert self.sandbox.read(FILE) == TEXT
        assert self.committed() == [FILE]
        assert self.sandbox.status() == ""
        assert self.sandbox.decoys_untouched()
        return end

    def is_put_off(self, outcome: str = "rate-limited") -> dict[str, Any]:
        """Have the agent be told to come again, as by a limit or an outage; gives the end's record."""
        self.step(code=75)
        end = self.end()
        assert end["outcome"] == outcome, end
        assert end["retry_at"]
        assert self.sandbox.states()[TASK] == "pending"
        return end

    def promise_nothing(self) -> None:
        """Make a task without outputs the next one."""
        self.sandbox("create", "look-around", "-d", "Is there anything new?")
        self.sandbox("update", "continue", "Execute look-around", "--task", "look-around")

    def is_unavailable(self, hint: str) -> dict[str, Any]:
        """Have the agent need a person before it can work, which costs no attempt; gives the end's record."""
        assert hint in self.step(code=1).err
        end = self.end()
        assert end["outcome"] == "unavailable", end
        assert "retry_at" not in end
        assert self.sandbox.states()[TASK] == "pending"
        return end

    def fails(self) -> dict[str, Any]:
        self.step()
        end = self.end()
        assert end["outcome"] == "failed", end
        assert "completed" not in self.sandbox.states().values()
        return end
