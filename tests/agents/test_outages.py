"""What the agents' programs print where they cannot work: their own lines, as they printed them."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from gitorch.agents.output import Heard, Listener
from gitorch.loop import roster

LIMIT, FAILED = "rate-limited", "failed"
WAIT: Final = "wait"  # unavailable, and it passes by itself
LOG_IN, CREDIT, MODEL, ACCOUNT = "log in", "add credit", "choose another model", "check the account"
KEY: Final = "set the key"


def claude(result: str, status: int | None = None) -> str:
    said = {"type": "result", "subtype": "success", "is_error": True, "api_error_status": status, "result": result}
    return json.dumps({**said, "stop_reason": "stop_sequence", "total_cost_usd": 0, "modelUsage": {}})


def codex(message: str) -> str:
    return json.dumps({"type": "turn.failed", "error": {"message": message}})


def gemini(message: str) -> str:
    return json.dumps({"type": "result", "status": "error", "error": {"type": "unknown", "message": message}})


def opencode(message: str, status: int | None = None, body: str = "{}") -> str:
    data: dict[str, Any] = {"message": message, "isRetryable": True, "metadata": {"url": "http://127.0.0.1"}}
    data |= {} if status is None else {"statusCode": status, "responseBody": body}
    return json.dumps({"type": "error", "sessionID": "s", "error": {"name": "APIError", "data": data}})


def aider(message: str) -> str:
    return f"Main model: openai/gpt-4o with diff edit format\n{message}\nRetrying in 16.0 seconds...\n{message}\n"


GATEWAY: Final = "This is a server-side issue, usually temporary - try again in a moment."
CASES: Final[list[tuple[str, str, int, str]]] = [
    ("claude", claude("Not logged in · Please run /login"), 1, LOG_IN),
    ("claude", claude("Invalid API key · Fix external API key", 401), 1, LOG_IN),
    ("claude", claude("Failed to authenticate. API Error: 403 Your API key has no permission", 403), 1, LOG_IN),
    ("claude", claude("Credit balance is too low", 400), 1, CREDIT),
    ("claude", claude("API Error: 402 payment required", 402), 1, CREDIT),
    ("claude", claude("There's an issue with the selected model (m). It may not exist", 404), 1, MODEL),
    ("claude", claude("API Error: 400 max_tokens: bad", 400), 1, FAILED),
    *(("claude", claude(f"API Error: {status} x. {GATEWAY}", status), 1, WAIT) for status in (500, 502, 503, 504, 529)),
    ("claude", claude("API Error: Request rejected (429)", 429), 1, LIMIT),
    ("claude", claude("You've hit your session limit · resets 7pm (UTC)"), 1, LIMIT),
    ("claude", claude("API Error: Unable to connect to API (ConnectionRefused)"), 1, WAIT),
    ("codex", codex("unexpected status 401 Unauthorized: Incorrect API key provided"), 1, LOG_IN),
    ("codex", codex("unexpected status 403 Forbidden: Country not supported"), 1, LOG_IN),
    ("codex", codex("Quota exceeded. Check your plan and billing details."), 1, CREDIT),
    ("codex", codex("unexpected status 402 Payment Required: Insufficient credits"), 1, CREDIT),
    ("codex", codex("The model `m` does not exist or you do not have access to it."), 1, MODEL),
    ("codex", codex("invalid model ID"), 1, MODEL),
    ("codex", codex('{"error": {"message": "Invalid parameter"}}'), 1, FAILED),
    ("codex", codex("We're currently experiencing high demand, which may cause temporary errors."), 1, WAIT),
    ("codex", codex("unexpected status 502 Bad Gateway: Bad gateway"), 1, WAIT),
    ("codex", codex("unexpected status 529 <unknown status code>: Overloaded"), 1, WAIT),
    ("codex", codex("exceeded retry limit, last status: 429 Too Many Requests"), 1, LIMIT),
    ("codex", codex("You've hit your usage limit. Try again in 2 hours."), 1, LIMIT),
    ("codex", codex("Connection failed: error sending request"), 1, WAIT),
    ("gemini", "", 41, LOG_IN),
    ("gemini", gemini('[API Error: {"error":{"code":401,"status":"UNAUTHENTICATED"}}]'), 145, LOG_IN),
    ("gemini", gemini('[API Error: {"error":{"code":400,"message":"API key not valid."}}]'), 144, LOG_IN),
    ("gemini", gemini('[API Error: {"error":{"code":402,"message":"billing"}}]'), 146, CREDIT),
    ("gemini", gemini("[API Error: models/m is not found for API version v1beta]"), 1, MODEL),
    ("gemini", gemini('[API Error: {"error":{"code":400,"message":"bad"}}]'), 144, FAILED),
    *(("gemini", gemini("[API Error: x]"), code, WAIT) for code in (244, 246, 247, 248, 17)),
    ("gemini", gemini("[API Error: Resource exhausted]\nPlease wait and try again later."), 173, LIMIT),
    ("gemini", gemini("[API Error: exception TypeError: fetch failed sending request]"), 1, WAIT),
    ("opencode", opencode("Incorrect API key provided", 401), 1, LOG_IN),
    ("opencode", opencode("Insufficient credits", 402), 1, CREDIT),
    ("opencode", opencode("You exceeded your quota", 429, '{"code": "insufficient_quota"}'), 1, CREDIT),
    ("opencode", opencode("The model does not exist", 404), 1, MODEL),
    ("opencode", opencode("invalid model ID", 400, '{"code": "model_not_found"}'), 1, MODEL),
    ("opencode", opencode("Invalid parameter", 400), 1, FAILED),
    *(("opencode", opencode("x", status), 1, WAIT) for status in (500, 502, 503, 504, 529)),
    ("opencode", opencode("Rate limit reached", 429), 1, LIMIT),
    ("opencode", opencode("Cannot connect to API: Unable to connect."), 1, WAIT),
    ("aider", aider("litellm.AuthenticationError: AuthenticationError: Incorrect API key provided"), 0, KEY),
    ("aider", aider("litellm.RateLimitError: RateLimitError: You exceeded your current quota"), 0, CREDIT),
    ("aider", aider("litellm.APIError: APIError: Insufficient credits"), 0, CREDIT),
    ("aider", aider("litellm.APIError: APIError: Country, region, or territory not supported"), 0, ACCOUNT),
    ("aider", aider("litellm.NotFoundError: The model `m` does not exist"), 0, MODEL),
    ("aider", aider("litellm.BadRequestError: Invalid parameter"), 0, FAILED),
    ("aider", aider("litellm.InternalServerError: InternalServerError: Connection error."), 0, WAIT),
    ("aider", aider("litellm.BadGatewayError: BadGatewayError: Bad gateway"), 0, WAIT),
    ("aider", aider("litellm.ServiceUnavailableError: ServiceUnavailableError: overloaded"), 0, WAIT),
    ("aider", aider("litellm.Timeout: Timeout Error: timeout"), 0, WAIT),
    ("aider", aider("litellm.APIError: APIError: Overloaded"), 0, WAIT),
    ("aider", aider("litellm.RateLimitError: RateLimitError: Rate limit reached"), 0, LIMIT),
    ("aider", "No LLM model was specified and no API keys were provided.\n", 0, KEY),
]


def hear(name: str, printed: str, code: int) -> Heard:
    listener = Listener(roster.read(roster.sources(None)[name]))
    out = (printed if printed.endswith("\n") else printed + "\n").encode()
    listener.feed(out)
    return listener.end(code, out, b"")


@pytest.mark.parametrize(("name", "printed", "code", "expected"), CASES)
def test_what_keeps_an_agent_from_working_is_recognised(name: str, printed: str, code: int, expected: str) -> None:
    heard = hear(name, printed, code)
    if expected in (LIMIT, FAILED):
        assert heard.outcome == expected
        return
    assert heard.outcome == "unavailable", heard
    assert heard.rule is not None
    assert heard.rule.temporary == (expected == WAIT)
    assert expected == WAIT or expected in (heard.rule.hint or "")


def test_an_error_that_aider_got_over_is_none() -> None:
    out = "litellm.InternalServerError: down\nRetrying in 1 seconds...\nDone.\nTokens: 10 sent, 5 received.\n"
    assert hear("aider", out, 0).outcome is None


def test_aider_that_waits_at_a_browser_is_done_with() -> None:
    listener = Listener(roster.read(roster.sources(None)["aider"]))
    listener.feed(b"Waiting up to 5 minutes for you to finish in the browser...\n")
    assert listener.has_result


def test_a_step_of_opencode_with_tool_calls_is_not_its_result() -> None:
    listener = Listener(roster.read(roster.sources(None)["opencode"]))
    listener.feed(b'{"type": "step_finish", "part": {"reason": "tool-calls"}}\n')
    assert not listener.has_result
    listener.feed(b'{"type": "step_finish", "part": {"reason": "stop"}}\n')
    assert listener.has_result


@pytest.mark.parametrize("stop", ["pause_turn", "refusal"])
def test_an_answer_that_claude_did_not_finish_has_failed(stop: str) -> None:
    said = {"type": "result", "subtype": "success", "is_error": False, "result": "Half.", "stop_reason": stop}
    assert hear("claude", json.dumps(said), 0).outcome == "failed"


@pytest.mark.parametrize(
    ("name", "lines", "denied"),
    [
        (
            "claude",
            [
                {
                    "type": "result",
                    "permission_denials": [
                        {"tool_name": "Bash", "tool_input": {"command": "python -m pytest -q"}},
                        {"tool_name": "Write", "tool_input": {"file_path": "/etc/x", "content": "x"}},
                    ],
                }
            ],
            ("Bash(python -m pytest -q)", "Write /etc/x"),
        ),
        (
            "gemini",
            [
                {
                    "type": "tool_use",
                    "tool_name": "run_shell_command",
                    "tool_id": "1",
                    "parameters": {"command": "make"},
                },
                {"type": "tool_use", "tool_name": "list", "tool_id": "2", "parameters": {}},
                {"type": "tool_result", "tool_id": "1", "status": "error", "error": {"type": "policy_violation"}},
                {"type": "tool_result", "tool_id": "2", "status": "error", "error": {"type": "invalid_tool_params"}},
            ],
            ("run_shell_command(make)",),
        ),
        (
            "opencode",
            [
                {
                    "type": "tool_use",
                    "part": {
                        "tool": "bash",
                        "state": {
                            "status": "error",
                            "input": {"command": "npm test"},
                            "error": "The user has specified a rule which prevents you from using this tool call.",
                        },
                    },
                }
            ],
            ("bash(npm test)",),
        ),
    ],
)
def test_denied_tool_calls_are_found(name: str, lines: list[dict[str, Any]], denied: tuple[str, ...]) -> None:
    assert hear(name, "\n".join(map(json.dumps, lines)), 0).denied == denied
