"""The real `opencode`, driven by gitorch, against a scripted server."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.agents.others import FILE, MOVE, TASK, TEXT, Bench, installed, sealed_settings
from tests.agents.protocols.chat import Chat
from tests.agents.protocols.turns import Turn, Usage, call, fail, refuse, say
from tests.agents.server import Response
from tests.sandbox import Sandbox

Plays = Callable[..., Chat]

_AT_ONCE = {"retry-after-ms": "1"}  # it tries six times; without this header that takes 78 seconds


@pytest.fixture
def opencode(sealed: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Bench:
    installed("opencode", "npm install -g opencode-ai")
    sealed_settings(monkeypatch)
    assert Path.home() == sealed
    monkeypatch.setenv("OPENCODE_DISABLE_MODELS_FETCH", "true")
    return Bench.make(sandbox, "opencode")


@pytest.fixture
def plays(monkeypatch: pytest.MonkeyPatch) -> Plays:
    def play(*turns: Turn | Response) -> Chat:
        server = Chat(*turns)
        monkeypatch.setenv("OPENCODE_CONFIG_CONTENT", json.dumps(_config(server.url)))
        return server

    return play


def _config(url: str) -> dict[str, object]:
    priced = {"cost": {"input": 2, "cache_read": 1, "output": 10}, "limit": {"context": 100_000, "output": 4000}}
    own = {
        "npm": "@ai-sdk/openai-compatible",
        "options": {"baseURL": f"{url}/v1", "apiKey": "dummy"},
        "models": {"priced": priced, "other": {"limit": priced["limit"]}},
    }
    return {"model": "own/priced", "provider": {"own": own}}


def shell(command: str) -> Turn:
    return call("bash", command=command, description="Run a command")


def write(path: str | Path) -> Turn:
    return call("write", filePath=str(path), content=TEXT)


def test_it_writes_hands_over_and_is_denied_other_commands(opencode: Bench, plays: Plays, tmp_path: Path) -> None:
    turns = (
        write(opencode.sandbox.root / FILE),
        write(tmp_path / "outside.md"),
        shell("touch made-by-shell"),
        shell("gitorch list; touch made-by-shell"),
        shell(MOVE),
        shell("gitorch update continue 'Weigh the chips' --focus 'Mind the dates'"),
        say("Found one source.", Usage(1200, 1000, 30)),
    )
    with plays(*turns) as server:
        end = opencode.works()
        asked = server.asked
    assert server.left == 0
    assert end["body"].startswith("Found one source.\n\nDenied tool calls:\n")
    assert "touch made-by-shell" in end["body"]
    assert (end["tokens_in"], end["tokens_cached"], end["tokens_out"]) == (1800, 1240, 72)
    assert end["cost_usd"] == pytest.approx((560 * 2 + 1240 * 1 + 72 * 10) / 1e6)
    assert end["session"].startswith("ses_")
    assert "model" not in end
    assert (end["next"], end["focus"]) == ("Weigh the chips", "Mind the dates")
    assert f"TASK: {TASK}" in asked[0].text
    assert asked[-1].text.count("The user has specified a rule which prevents you") == 3
    assert f"proposed: {TASK} -> completed" in asked[5].text
    assert not (tmp_path / "outside.md").exists()


def test_the_model_that_is_asked_for_is_the_one_it_uses_and_an_unknown_price_is_no_cost(
    opencode: Bench, plays: Plays
) -> None:
    with plays(write(opencode.sandbox.root / FILE), say("Done.")) as server:
        end = opencode.works("--model", "own/other")
        assert {request.body["model"] for request in server.asked} == {"other"}
    assert "cost_usd" not in end
    assert end["tokens_in"] == 200


def test_permissions_of_the_users_own_go_before_those_of_the_file(
    opencode: Bench, plays: Plays, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENCODE_PERMISSION", json.dumps({"bash": {"*": "deny", "cp *": "allow"}}))
    opencode.sandbox.commit(**{"ready.md": TEXT})
    with plays(shell(f"cp ready.md {FILE}"), shell("touch made-by-shell"), say("Done.")):
        opencode.works()


def test_a_rate_limit_is_told(opencode: Bench, plays: Plays) -> None:
    with plays(fail(429, "no more for now", _AT_ONCE)) as server:
        end = opencode.is_put_off()
        assert len(server.asked) == 6
    assert "429 no more for now" in end["reason"]


def test_a_key_that_is_refused_stops_and_says_so(opencode: Bench, plays: Plays) -> None:
    with plays(fail(401, "the key is not known")):
        end = opencode.is_unavailable("opencode auth login")
    assert end["exit"] == 1
    assert "401 the key is not known" in end["reason"]


def test_a_refusal_has_failed(opencode: Bench, plays: Plays) -> None:
    opencode.promise_nothing()
    with plays(refuse("I will not do that.")):
        end = opencode.fails()
    assert end["reason"].startswith("it ended without changing or saying anything")
    assert end["tokens_in"] == 100
