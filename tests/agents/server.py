"""A small scripted server on 127.0.0.1, to which the real agents' programs speak instead of to a model's."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")
S = TypeVar("S", bound="Server")


@dataclass(frozen=True)
class Request:
    """What a program has sent: header names in small letters, a JSON body parsed (None where there is none)."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: Any

    @property
    def text(self) -> str:
        """Everything that was said, to look for words of the prompt in."""
        return json.dumps(self.body, ensure_ascii=False)


@dataclass(frozen=True)
class Response:
    """What it gets. `wait` holds the answer back for so many seconds, or until the server is closed."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    wait: float = 0


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(json.dumps(value).encode(), status, {"content-type": "application/json", **(headers or {})})


def events(items: Iterable[tuple[str, Any]], headers: Mapping[str, str] | None = None) -> Response:
    """Give server-sent events: pairs of a name (may be empty) and data (text as it is, all else as JSON)."""
    lines: list[str] = []
    for name, data in items:
        lines += [f"event: {name}"] if name else []
        lines += [f"data: {data if isinstance(data, str) else json.dumps(data)}", ""]
    return Response("\n".join([*lines, ""]).encode(), 200, {"content-type": "text/event-stream", **(headers or {})})


class Script(Generic[T]):
    """Turns, given out one by one. A turn may be a function of the request that gives the turn."""

    def __init__(self, turns: Iterable[T | Callable[[Request], T]]) -> None:
        self._turns = list(turns)
        self._lock = threading.Lock()

    def next(self, request: Request) -> T | None:
        """Give the next turn, or None where the script is over."""
        with self._lock:
            if not self._turns:
                return None
            turn = self._turns.pop(0)
        return turn(request) if callable(turn) else turn

    def add(self, *turns: T | Callable[[Request], T]) -> None:
        with self._lock:
            self._turns.extend(turns)

    @property
    def left(self) -> int:
        return len(self._turns)


class Server:
    """Answers what `handle` gives, and keeps every request. To be used as a context manager."""

    def __init__(self, handle: Callable[[Request], Response] | None = None) -> None:
        self._handle = handle
        self.requests: list[Request] = []
        self.problems: list[Exception] = []
        self.closing = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def handle(self, request: Request) -> Response:
        """Answer one request; a protocol overrides this, or a function is given to the constructor."""
        if self._handle is None:
            raise NotImplementedError
        return self._handle(request)

    def __enter__(self: S) -> S:  # noqa: PYI019 - Self came with Python 3.11
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()
        if self.problems and kind is None:
            raise self.problems[0]

    def _answer(self, request: Request) -> Response:
        self.requests.append(request)
        try:
            return self.handle(request)
        except Exception as error:  # noqa: BLE001 - a mistake in a test's script fails the test, on leaving
            self.problems.append(error)
            return json_response({"error": {"type": "invalid_request_error", "message": repr(error)}}, 400)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                """Keep the tests' output clean."""

            def _serve(self) -> None:
                raw = self.rfile.read(int(self.headers.get("content-length") or 0))
                where = urlsplit(self.path)
                headers = {key.lower(): value for key, value in self.headers.items()}
                response = server._answer(Request(self.command, where.path, where.query, headers, _parsed(raw)))
                if response.wait:
                    server.closing.wait(response.wait)
                try:
                    self._send(response)
                except OSError:
                    self.close_connection = True  # the program has ended meanwhile

            def _send(self, response: Response) -> None:
                self.send_response(response.status)
                for key, value in response.headers.items():
                    self.send_header(key, value)
                self.send_header("content-length", str(len(response.body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(response.body)

        for method in ("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS"):
            setattr(Handler, f"do_{method}", Handler._serve)
        return Handler


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return raw.decode("utf-8", "replace")
