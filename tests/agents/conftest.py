"""The real agents' programs, where they are installed, kept away from the network."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.agents.others import missing
from tests.agents.server import Server

# Lets the real program print into a file first: what gitorch has recorded is compared with that.
_KEEPER = """#!/bin/sh
case " $* " in *" -p "*) ;; *) exec '{program}' "$@" ;; esac
kept='{folder}'/$(date +%s%N)
'{program}' "$@" > "$kept"
code=$?
cat "$kept"
exit $code
"""


@dataclass(frozen=True)
class Claude:
    """The installed `claude`, set up for tests."""

    monkeypatch: pytest.MonkeyPatch
    folder: Path

    def speaks_to(self, server: Server) -> None:
        self.monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)

    def has_a_subscription(self) -> None:
        """Use a subscription's token: only then does it tell when a limit is over."""
        self.monkeypatch.delenv("ANTHROPIC_API_KEY")
        self.monkeypatch.setenv("CLAUDE_CODE_OAUTH_TOKEN", "sk-ant-oat01-dummy")

    def keep_output(self) -> None:
        bin_folder, kept = self.folder / "bin", self.folder / "kept"
        bin_folder.mkdir()
        kept.mkdir()
        keeper = bin_folder / "claude"
        keeper.write_text(_KEEPER.format(program=shutil.which("claude"), folder=kept))
        keeper.chmod(0o755)
        self.monkeypatch.setenv("PATH", os.pathsep.join([str(bin_folder), os.environ["PATH"]]))

    def calls(self) -> list[list[dict[str, Any]]]:
        """Give what each call has printed."""
        files = sorted((self.folder / "kept").iterdir())
        return [[json.loads(line) for line in file.read_text().splitlines()] for file in files]

    def results(self) -> list[dict[str, Any]]:
        """Give each call's own account of itself."""
        return [next(doc for doc in reversed(call) if doc["type"] == "result") for call in self.calls()]


@pytest.fixture
def claude(sealed: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Claude:
    if shutil.which("claude") is None:
        missing("claude is not installed: npm install -g @anthropic-ai/claude-code")
    assert Path.home() == sealed
    monkeypatch.delenv("CLAUDECODE", raising=False)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-dummy")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("CLAUDE_CODE_MAX_RETRIES", "0")
    folder = tmp_path_factory.mktemp("claude")
    monkeypatch.setenv("CLAUDE_CODE_TMPDIR", str(folder))
    if os.geteuid() == 0:
        monkeypatch.setenv("IS_SANDBOX", "1")  # as root it refuses some modes otherwise
    return Claude(monkeypatch, folder)
