"""The Messages API, as Anthropic's programs speak it: streamed answers, tool calls, token usage, errors."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.agents.server import Request, Response, Script, Server, events, json_response


@dataclass(frozen=True)
class Usage:
    """Tokens as the API counts them: `input_tokens` holds none of the cached ones."""

    input_tokens: int = 10
    cache_creation_input_tokens: int = 0
    cache_read_input_tokens: int = 0
    output_tokens: int = 5


@dataclass(frozen=True)
class Turn:
    """One answer of the model: text, then tool calls (name and input)."""

    text: str = ""
    calls: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    usage: Usage = field(default_factory=Usage)
    stop: str = ""
    wait: float = 0

    @property
    def stop_reason(self) -> str:
        return self.stop or ("tool_use" if self.calls else "end_turn")


Step = Turn | Response


def say(text: str, usage: Usage | None = None) -> Turn:
    return Turn(text, usage=usage or Usage())


def call(name: str, usage: Usage | None = None, **arguments: Any) -> Turn:
    return Turn(calls=((name, arguments),), usage=usage or Usage())


def bash(command: str, usage: Usage | None = None, **arguments: Any) -> Turn:
    return call("Bash", usage, command=command, description="Run a command", **arguments)


def refuse(usage: Usage | None = None) -> Turn:
    return Turn(usage=usage or Usage(), stop="refusal")


def error(status: int, kind: str, message: str = "scripted", headers: Mapping[str, str] | None = None) -> Response:
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_scripted"}
    return json_response(body, status, headers)


def rate_limited(headers: Mapping[str, str] | None = None) -> Response:
    return error(429, "rate_limit_error", "This request would exceed your rate limit.", headers)


def overloaded() -> Response:
    return error(529, "overloaded_error", "Overloaded")


class Messages(Server):
    """Plays the scripted turns to the agent's own requests; what the program asks beside them costs no turn."""

    def __init__(self, *turns: Step | Callable[[Request], Step]) -> None:
        super().__init__()
        self.script: Script[Step] = Script(turns)
        self.asked: list[Request] = []
        self.beside: list[Request] = []
        self._ids = itertools.count(1)

    def handle(self, request: Request) -> Response:
        if request.path != "/v1/messages":
            self.beside.append(request)
            return json_response({"input_tokens": 100}, 200 if request.path.endswith("count_tokens") else 404)
        if not request.body.get("tools"):
            self.beside.append(request)
            return self._play(Turn("Scripted work", usage=Usage(0, 0, 0, 0)), request)
        self.asked.append(request)
        turn = self.script.next(request)
        if turn is None:
            return error(400, "invalid_request_error", "the script is over")
        return turn if isinstance(turn, Response) else self._play(turn, request)

    def _play(self, turn: Turn, request: Request) -> Response:
        message = {
            "id": f"msg_{next(self._ids):04}",
            "type": "message",
            "role": "assistant",
            "model": request.body["model"],
            "stop_reason": None,
            "stop_sequence": None,
            "content": [],
            "usage": {**asdict(turn.usage), "output_tokens": 1},
        }
        if not request.body.get("stream"):
            whole = {
                **message,
                "content": list(self._blocks(turn)),
                "stop_reason": turn.stop_reason,
                "usage": asdict(turn.usage),
            }
            return json_response(whole)
        played = events(_streamed(message, list(self._blocks(turn)), turn))
        return Response(played.body, played.status, played.headers, turn.wait)

    def _blocks(self, turn: Turn) -> Iterator[dict[str, Any]]:
        if turn.text:
            yield {"type": "text", "text": turn.text}
        for name, arguments in turn.calls:
            yield {"type": "tool_use", "id": f"toolu_{next(self._ids):04}", "name": name, "input": dict(arguments)}


def _streamed(message: dict[str, Any], blocks: list[dict[str, Any]], turn: Turn) -> Iterator[tuple[str, Any]]:
    def event(kind: str, **data: Any) -> tuple[str, Any]:
        return kind, {"type": kind, **data}

    yield event("message_start", message=message)
    for index, block in enumerate(blocks):
        empty = {**block, "text": ""} if block["type"] == "text" else {**block, "input": {}}
        yield event("content_block_start", index=index, content_block=empty)
        yield event("content_block_delta", index=index, delta=_delta(block))
        yield event("content_block_stop", index=index)
    yield event(
        "message_delta",
        delta={"stop_reason": turn.stop_reason, "stop_sequence": None},
        usage={"output_tokens": turn.usage.output_tokens},
    )
    yield event("message_stop")


def _delta(block: dict[str, Any]) -> dict[str, Any]:
    if block["type"] == "text":
        return {"type": "text_delta", "text": block["text"]}
    return {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
