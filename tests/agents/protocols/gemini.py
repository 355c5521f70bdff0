"""The Gemini API, as gemini speaks it: answers streamed in pieces or given whole, tool calls, token usage."""

from __future__ import annotations

from typing import Any

from tests.agents.protocols.turns import Player, Turn
from tests.agents.server import Request, Response, events, json_response


class Gemini(Player):
    """Plays turns to gemini; a refusal is an answer that the safety settings withhold."""

    def wanted(self, request: Request) -> bool:
        return request.path.rpartition(":")[2] in ("generateContent", "streamGenerateContent")

    def play(self, turn: Turn, request: Request) -> Response:
        model = request.path.rpartition("/")[2].partition(":")[0]
        pieces = _pieces(turn)
        if not request.path.endswith(":streamGenerateContent"):
            return json_response(_document(turn, [part for piece in pieces for part in piece], model, last=True))
        last = len(pieces) - 1
        return events(("", _document(turn, piece, model, last=at == last)) for at, piece in enumerate(pieces))


def _pieces(turn: Turn) -> list[list[dict[str, Any]]]:
    """Cut an answer as the real service does: text comes in pieces that end anywhere."""
    if turn.tool:
        return [[{"functionCall": {"name": turn.tool, "args": dict(turn.arguments)}}]]
    half = len(turn.text) // 2
    return [[{"text": text}] if text else [] for text in ((turn.text[:half], turn.text[half:]) if half else ("",))]


def _document(turn: Turn, parts: list[dict[str, Any]], model: str, *, last: bool) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
    if last:
        candidate["finishReason"] = "SAFETY" if turn.refusal else "STOP"
    usage = {
        "promptTokenCount": turn.usage.given,
        "cachedContentTokenCount": turn.usage.cached,
        "candidatesTokenCount": turn.usage.made,
        "totalTokenCount": turn.usage.given + turn.usage.made,
    }
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": model}
