"""The Chat Completions API of OpenAI, as opencode and aider speak it: streamed or whole, tool calls, token usage."""

from __future__ import annotations

import json
from typing import Any

from tests.agents.protocols.turns import Player, Turn, Usage
from tests.agents.server import Request, Response, events, json_response


class Chat(Player):
    """Plays turns to opencode or aider."""

    def wanted(self, request: Request) -> bool:
        return request.path == "/v1/chat/completions"

    def play(self, turn: Turn, request: Request) -> Response:
        number = len(self.asked)
        answer = {"id": f"chatcmpl-{number}", "created": 1_700_000_000, "model": request.body["model"]}
        message = _message(turn, number)
        stop = "tool_calls" if turn.tool else "stop"
        if not request.body.get("stream"):
            choice = {"index": 0, "message": message, "finish_reason": stop}
            whole = {**answer, "object": "chat.completion", "choices": [choice], "usage": _usage(turn.usage)}
            return json_response(whole)
        answer["object"] = "chat.completion.chunk"
        first = {**answer, "choices": [{"index": 0, "delta": message, "finish_reason": None}]}
        second = {**answer, "choices": [{"index": 0, "delta": {}, "finish_reason": stop}]}
        third = {**answer, "choices": [], "usage": _usage(turn.usage)}
        return events((("", first), ("", second), ("", third), ("", "[DONE]")))


def _message(turn: Turn, number: int) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": turn.text or None}
    if turn.tool:
        function = {"name": turn.tool, "arguments": json.dumps(turn.arguments)}
        message["tool_calls"] = [{"index": 0, "id": f"call_{number}", "type": "function", "function": function}]
    if turn.refusal:
        message["refusal"] = turn.refusal
    return message


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.given,
        "completion_tokens": usage.made,
        "total_tokens": usage.given + usage.made,
        "prompt_tokens_details": {"cached_tokens": usage.cached},
    }
