"""The real `codex`, driven by gitorch, against a scripted server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agents.others import FILE, MOVE, TASK, TEXT, Bench, installed, sealed_settings
from tests.agents.protocols.responses import Responses
from tests.agents.protocols.turns import Turn, Usage, call, fail, refuse, say
from tests.agents.server import Response
from tests.sandbox import Sandbox

_CONFIG = """\
model_provider = "own"
model = "own-model"
[model_providers.own]
name = "own"
base_url = "{url}/v1"
env_key = "OWN_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
"""


@pytest.fixture
def codex(sealed: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Bench:
    installed("codex", "npm install -g @openai/codex")
    sealed_settings(monkeypatch)
    monkeypatch.setenv("OWN_KEY", "dummy")
    (sealed / ".codex").mkdir()
    return Bench.make(sandbox, "codex")


def plays(*turns: Turn | Response) -> Responses:
    server = Responses(*turns)
    (Path.home() / ".codex/config.toml").write_text(_CONFIG.format(url=server.url))
    return server


def shell(command: str) -> Turn:
    return call("exec_command", cmd=command)


def patch(path: str, text: str) -> Turn:
    added = [f"+{line}" for line in text.splitlines()]
    lines = ["apply_patch <<'EOF'", "*** Begin Patch", f"*** Add File: {path}", *added, "*** End Patch", "EOF"]
    return shell("\n".join(lines))


def test_it_works_in_its_sandbox_and_hands_over(codex: Bench) -> None:
    turns = (
        patch(FILE, TEXT),
        shell("git commit --allow-empty -m own"),
        shell('gitorch move "$GITORCH_TASK" completed'),
        shell("gitorch update continue 'Weigh the chips' --focus 'Mind the dates'"),
        say("Found one source.", Usage(1200, 1000, 31)),
    )
    with plays(*turns) as server:
        end = codex.works()
        asked = server.asked
    assert server.left == 0
    assert end["body"] == "Found one source."
    assert (end["tokens_in"], end["tokens_cached"], end["tokens_out"]) == (1600, 1160, 59)
    assert list((Path.home() / ".codex/sessions").rglob(f"*{end['session']}.jsonl"))
    assert not {"cost_usd", "model"} & end.keys()
    assert (end["next"], end["focus"]) == ("Weigh the chips", "Mind the dates")
    assert f"TASK: {TASK}" in asked[0].text
    assert asked[0].body["model"] == "own-model"
    assert "Read-only file system" in asked[2].text
    assert f"proposed: {TASK} -> completed" in asked[3].text
    assert asked[3].text.count("Read-only file system") == 1


def test_the_model_that_is_asked_for_is_the_one_it_uses(codex: Bench) -> None:
    with plays(patch(FILE, TEXT), shell(MOVE), say("Done.")) as server:
        codex.works("--model", "another-model")
        assert {request.body["model"] for request in server.asked} == {"another-model"}


def test_an_option_of_the_users_own_takes_the_sandbox_away(codex: Bench) -> None:
    codex.sandbox.git("config", "gitorch.codex.args", "--sandbox danger-full-access")
    with plays(shell("git config own.key written && git config own.key"), say("Done.")) as server:
        codex.step()
        assert "written" in server.asked[-1].text
    assert codex.sandbox.git("config", "own.key") == "written\n"


@pytest.mark.parametrize("status", [429, 503, 529])
def test_a_rate_limit_or_an_outage_is_told(codex: Bench, status: int) -> None:
    with plays(fail(status)) as server:
        end = codex.is_put_off("rate-limited" if status == 429 else "unavailable")
        assert len(server.asked) == 1
    assert str(status) in end["reason"]


def test_without_a_network_it_is_to_be_tried_again(codex: Bench) -> None:
    with plays() as server:
        pass
    end = codex.is_put_off("unavailable")
    assert "Connection failed" in end["reason"]
    assert server.asked == []


def test_a_key_that_is_refused_stops_and_says_so(codex: Bench) -> None:
    with plays(fail(401, "the key is not known")):
        end = codex.is_unavailable("codex login")
    assert end["exit"] == 1
    assert "401" in end["reason"]
    assert "the key is not known" in end["reason"]


@pytest.mark.parametrize("turn", [refuse("I will not do that."), Turn()])
def test_a_refusal_and_an_empty_answer_have_failed(codex: Bench, turn: Turn) -> None:
    codex.promise_nothing()
    with plays(turn):
        end = codex.fails()
    assert end["reason"].startswith("it ended without changing or saying anything")
    assert end["tokens_in"] == 100
