"""The Responses API of OpenAI, as codex speaks it: streamed answers, tool calls, token usage."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.agents.protocols.turns import Player, Turn, Usage
from tests.agents.server import Request, Response, events


class Responses(Player):
    """Plays turns to codex."""

    def wanted(self, request: Request) -> bool:
        return request.path == "/v1/responses"

    def play(self, turn: Turn, request: Request) -> Response:
        answer = {"id": f"resp_{len(self.asked)}", "model": request.body["model"]}
        return events((event["type"], event) for event in _streamed(turn, answer, len(self.asked)))


def _streamed(turn: Turn, answer: dict[str, Any], number: int) -> Iterator[dict[str, Any]]:
    items = list(_items(turn, number))
    yield {"type": "response.created", "response": answer}
    for index, item in enumerate(items):
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": "response.completed", "response": {**answer, "output": items, "usage": _usage(turn.usage)}}


def _items(turn: Turn, number: int) -> Iterator[dict[str, Any]]:
    if turn.tool:
        arguments = json.dumps(turn.arguments)
        call = {"id": f"fc_{number}", "call_id": f"call_{number}", "name": turn.tool, "arguments": arguments}
        yield {"type": "function_call", **call}
    said = [{"type": "output_text", "text": turn.text, "annotations": []}] if turn.text else []
    refused = [{"type": "refusal", "refusal": turn.refusal}] if turn.refusal else []
    if said or refused:
        yield {"type": "message", "id": f"msg_{number}", "role": "assistant", "content": [*said, *refused]}


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.given,
        "input_tokens_details": {"cached_tokens": usage.cached},
        "output_tokens": usage.made,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.given + usage.made,
    }
