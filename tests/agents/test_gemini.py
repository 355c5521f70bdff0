"""The real `gemini`, driven by gitorch, against a scripted server."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.agents.others import FILE, MOVE, TASK, TEXT, Bench, installed, sealed_settings
from tests.agents.protocols.gemini import Gemini
from tests.agents.protocols.turns import Turn, Usage, call, fail, refuse, say
from tests.agents.server import Response
from tests.sandbox import Sandbox

Plays = Callable[..., Gemini]

_SETTINGS = {"security": {"auth": {"selectedType": "gemini-api-key"}}, "general": {"maxAttempts": 1}}


@pytest.fixture
def gemini(sealed: Path, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    installed("gemini", "npm install -g @google/gemini-cli")
    sealed_settings(monkeypatch)
    monkeypatch.setenv("GEMINI_API_KEY", "dummy")
    monkeypatch.setenv("GEMINI_MODEL", "gemini-2.5-pro")  # without one it asks a model which to take
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))  # it leaves reports of errors there
    (sealed / ".gemini").mkdir()
    (sealed / ".gemini/settings.json").write_text(json.dumps(_SETTINGS))
    return Bench.make(sandbox, "gemini")


@pytest.fixture
def plays(monkeypatch: pytest.MonkeyPatch) -> Plays:
    def play(*turns: Turn | Response) -> Gemini:
        server = Gemini(*turns)
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.url)
        return server

    return play


def shell(command: str) -> Turn:
    return call("run_shell_command", command=command)


def write(path: str) -> Turn:
    return call("write_file", file_path=path, content=TEXT)


def test_it_writes_hands_over_and_is_denied_other_commands(gemini: Bench, plays: Plays) -> None:
    turns = (
        write(FILE),
        write("/etc/gitorch-was-here"),
        shell("touch made-by-shell"),
        shell("gitorch list; touch made-by-shell"),
        shell(MOVE),
        shell("gitorch update continue 'Weigh the chips' --focus 'Mind the dates'"),
        say("Found one source in the file.", Usage(1200, 1000, 31)),
    )
    with plays(*turns) as server:
        end = gemini.works()
        asked = server.asked
    assert server.left == 0
    assert end["body"].startswith("Found one source in the file.\n\nDenied tool calls:\n")
    assert "touch made-by-shell" in end["body"]
    assert (end["tokens_in"], end["tokens_cached"], end["tokens_out"]) == (1800, 1240, 73)
    assert end["model"] == "gemini-2.5-pro"
    assert list((Path.home() / ".gemini/tmp").rglob(f"*{end['session'][:8]}*"))
    assert "cost_usd" not in end
    assert (end["next"], end["focus"]) == ("Weigh the chips", "Mind the dates")
    assert f"TASK: {TASK}" in asked[0].text
    assert "outside the allowed workspace" in asked[2].text
    assert asked[-1].text.count("Tool execution denied by policy") == 2
    assert f"proposed: {TASK} -> completed" in asked[5].text


def test_the_model_that_is_asked_for_is_the_one_it_uses(gemini: Bench, plays: Plays) -> None:
    with plays(write(FILE), say("Done.")) as server:
        end = gemini.works("--model", "gemini-2.5-flash")
        assert {request.path.partition("models/")[2] for request in server.asked} == {
            "gemini-2.5-flash:streamGenerateContent"
        }
    assert end["model"] == "gemini-2.5-flash"


def test_an_option_of_the_users_own_allows_more(gemini: Bench, plays: Plays) -> None:
    gemini.sandbox.git("config", "gitorch.gemini.args", "--allowed-tools 'run_shell_command(cp)'")
    gemini.sandbox.commit(**{"ready.md": TEXT})
    with plays(shell(f"cp ready.md {FILE}"), shell(MOVE), say("Done.")):
        gemini.works()


@pytest.mark.parametrize("status", [429, 503])
def test_a_rate_limit_or_an_outage_is_told(gemini: Bench, plays: Plays, status: int) -> None:
    with plays(fail(status, "no more for now")):
        end = gemini.is_put_off("rate-limited" if status == 429 else "unavailable")
    assert "no more for now" in end["reason"]


def test_a_key_that_is_refused_stops_and_says_so(gemini: Bench, plays: Plays) -> None:
    with plays(fail(401, "the key is not known")):
        end = gemini.is_unavailable("run gemini once")
    assert end["exit"] == 401 % 256
    assert "401" in end["reason"]
    assert "the key is not known" in end["reason"]


@pytest.mark.parametrize(("turn", "words"), [(refuse("no"), "safety settings"), (Turn(), "empty response")])
def test_a_refusal_and_an_empty_answer_have_failed(gemini: Bench, plays: Plays, turn: Turn, words: str) -> None:
    with plays(turn):
        end = gemini.fails()
    assert words in end["reason"]
    assert end["tokens_in"] == 100
