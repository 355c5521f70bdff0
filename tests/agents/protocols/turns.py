"""What the protocols have in common: a model's answers, and a server that plays them one by one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.agents.server import Request, Response, Server, json_response


@dataclass(frozen=True)
class Usage:
    """Tokens; `cached` are a part of `given`."""

    given: int = 100
    cached: int = 40
    made: int = 7


@dataclass(frozen=True)
class Turn:
    """One answer of the model: a tool call, or text; with neither it says nothing at all."""

    text: str = ""
    tool: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    refusal: str = ""
    usage: Usage = field(default_factory=Usage)


def say(text: str, usage: Usage | None = None) -> Turn:
    return Turn(text, usage=usage or Usage())


def call(tool: str, usage: Usage | None = None, **arguments: Any) -> Turn:
    return Turn(tool=tool, arguments=arguments, usage=usage or Usage())


def refuse(words: str) -> Turn:
    return Turn(refusal=words)


def fail(status: int, message: str = "a scripted failure", headers: Mapping[str, str] | None = None) -> Response:
    body = {"error": {"message": message, "type": "scripted", "code": status, "status": "SCRIPTED"}}
    return json_response(body, status, headers)


class Player(Server):
    """Plays its turns to the requests at one path; the last one, if it is a failure, again for each retry."""

    def __init__(self, *turns: Turn | Response) -> None:
        super().__init__()
        self._turns = list(turns)
        self.asked: list[Request] = []

    @abstractmethod
    def wanted(self, request: Request) -> bool:
        """Tell whether a request is one that a turn answers."""

    @abstractmethod
    def play(self, turn: Turn, request: Request) -> Response:
        """Give a turn as the protocol has it."""

    @property
    def left(self) -> int:
        return len([turn for turn in self._turns if isinstance(turn, Turn)])

    def handle(self, request: Request) -> Response:
        if not self.wanted(request):
            return json_response({"error": {"message": "there is no such thing here"}}, 404)
        self.asked.append(request)
        if not self._turns:
            return fail(400, "the script is over")
        turn = self._turns[0] if len(self._turns) == 1 else None
        if not isinstance(turn, Response):
            turn = self._turns.pop(0)
        return turn if isinstance(turn, Response) else self.play(turn, request)
