"""The real `aider`, driven by gitorch, against a scripted server."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.agents.others import FILE, TASK, TEXT, Bench, installed, sealed_settings
from tests.agents.protocols.chat import Chat
from tests.agents.protocols.turns import Turn, Usage, fail, refuse, say
from tests.agents.server import Response
from tests.sandbox import Sandbox

Plays = Callable[..., Chat]

# It tries again for a minute, which nothing of its own shortens: in the tests its clock runs fast.
_STARTER = """\
#!/bin/sh
PYTHONPATH='{folder}' exec '{program}' "$@"
"""
_FAST_CLOCK = "import time\ntime.sleep = lambda seconds: None\n"


@pytest.fixture
def aider(sealed: Path, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    program = os.environ.get("AIDER") or installed("aider", "pipx install aider-chat, or AIDER=/path/to/aider")
    sealed_settings(monkeypatch)
    assert Path.home() == sealed
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(_FAST_CLOCK)
    (folder / "aider").write_text(_STARTER.format(folder=folder, program=program))
    (folder / "aider").chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(folder), os.environ["PATH"]]))
    monkeypatch.setenv("OPENAI_API_KEY", "dummy")
    monkeypatch.setenv("AIDER_MODEL", "openai/gpt-4o")
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    return Bench.make(sandbox, "aider")


@pytest.fixture
def plays(monkeypatch: pytest.MonkeyPatch) -> Plays:
    def play(*turns: Turn | Response) -> Chat:
        server = Chat(*turns)
        monkeypatch.setenv("OPENAI_API_BASE", f"{server.url}/v1")
        return server

    return play


def edit(path: str, before: str = "", after: str = TEXT, *, said: str = "Found one source.") -> str:
    return f"{said}\n\n{path}\n```\n<<<<<<< SEARCH\n{before}=======\n{after}>>>>>>> REPLACE\n```\n"


def test_it_writes_the_file_and_leaves_nothing_else(aider: Bench, plays: Plays) -> None:
    wrong = edit("README.md", "# Crisps\n", said="At first I am wrong.")
    with plays(say(wrong, Usage(12_345, 0, 20)), say(edit(FILE), Usage(1000, 0, 31))) as server:
        end = aider.works()
        asked = server.asked
    assert server.left == 0
    assert "Found one source." in end["body"]
    assert "At first" not in end["body"]
    assert "Tokens:" not in end["body"]
    assert (end["tokens_in"], end["tokens_out"]) == (13_000, 51)  # it rounds them
    assert end["cost_usd"] > 0.01
    assert end["model"] == "openai/gpt-4o"
    assert "session" not in end
    assert f"TASK: {TASK}" in asked[0].text
    assert not list(aider.sandbox.root.glob(".aider*"))
    assert aider.sandbox.git("stash", "list") == ""


def test_what_is_uncommitted_stays_so(aider: Bench, plays: Plays) -> None:
    aider.sandbox.write("README.md", "# Chips, and more\n")
    with plays(say(edit(FILE))):
        aider.step()
    assert aider.end()["outcome"] == "completed"
    assert aider.committed() == [FILE]
    assert aider.sandbox.status() == " M README.md"


def test_what_it_stages_is_taken_back_where_the_work_is_rejected(aider: Bench, plays: Plays) -> None:
    staged = aider.sandbox.git("ls-files", "--stage")
    with plays(say(edit("elsewhere.md"))):
        aider.step()
    assert aider.end()["reason"] == "output sources.md is missing"
    assert aider.sandbox.status() == ""
    now = aider.sandbox.git("ls-files", "--stage")
    assert [line for line in now.splitlines() if "_task.md" not in line and "MAIN_TASK" not in line] == [
        line for line in staged.splitlines() if "_task.md" not in line and "MAIN_TASK" not in line
    ]


def test_the_model_that_is_asked_for_is_the_one_it_uses(aider: Bench, plays: Plays) -> None:
    whole = f"Found one source.\n\n{FILE}\n```\n{TEXT}```\n"
    with plays(say(whole)) as server:
        end = aider.works("--model", "openai/own-model")
        assert {request.body["model"] for request in server.asked} == {"own-model"}
    assert end["model"] == "openai/own-model"
    assert "cost_usd" not in end


@pytest.mark.parametrize("status", [429, 503])
def test_a_rate_limit_or_an_outage_is_told(aider: Bench, plays: Plays, status: int) -> None:
    with plays(fail(status, "no more for now")):
        end = aider.is_put_off("rate-limited" if status == 429 else "unavailable")
    assert end["reason"].endswith("no more for now")


def test_a_key_that_is_refused_stops_and_says_so(aider: Bench, plays: Plays) -> None:
    with plays(fail(401, "the key is not known")):
        end = aider.is_unavailable("OPENAI_API_KEY")
    assert "AuthenticationError" in end["reason"]
    assert "the key is not known" in end["reason"]


def test_a_refusal_has_failed(aider: Bench, plays: Plays) -> None:
    with plays(refuse("I will not do that.")):
        end = aider.fails()
    assert end["reason"].startswith("Empty response received")
