"""Asks a server of the Model Context Protocol which tools it defines."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

SECONDS: Final = 90.0
_HELLO: Final = {"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}


def tools(command: Sequence[str], cwd: Path, env: Mapping[str, str]) -> str:
    """Give its instructions and the definitions of its tools, as JSON.

    Raises:
        RuntimeError: it did not answer.
    """
    with subprocess.Popen(
        command, cwd=cwd, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        stop = threading.Timer(SECONDS, server.kill)
        stop.start()
        try:
            hello = _ask(server, 1, "initialize", _HELLO)
            _send(server, {"method": "notifications/initialized"})
            found = _ask(server, 2, "tools/list", {})["tools"]
        finally:
            stop.cancel()
            server.kill()
    return f"{hello.get('instructions') or ''}{json.dumps(found, separators=(',', ':'))}"


def _send(server: subprocess.Popen[str], document: Mapping[str, Any]) -> None:
    if server.stdin is not None:
        server.stdin.write(json.dumps({"jsonrpc": "2.0", **document}) + "\n")
        server.stdin.flush()


def _ask(server: subprocess.Popen[str], number: int, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
    _send(server, {"id": number, "method": method, "params": params})
    for line in server.stdout or ():
        if line.startswith("{"):  # some print other lines in between
            told = json.loads(line)
            if told.get("id") == number:
                result: dict[str, Any] = told["result"]
                return result
    raise RuntimeError(f"the server did not answer {method}")
