"""The formats' own tools. Tests skip where one is missing; with REQUIRE_FORMATS they fail."""

from __future__ import annotations

import base64
import importlib
import json
import os
import re
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn

import pytest

ROOT = Path(__file__).parents[2]
# Mermaid cleans texts with a library that wants a browser's document; here its parser alone is asked
_MERMAID = """
import mermaid from "mermaid";
import purify from "dompurify";
purify.addHook = () => {};
purify.sanitize = (text) => text;
let text = "";
for await (const chunk of process.stdin) text += chunk;
const read = [];
for (const chart of text.split("\\0")) {
    await mermaid.parse(chart);
    const { db } = await mermaid.mermaidAPI.getDiagramFromText(chart);
    read.push({
        nodes: [...db.getVertices().values()],
        edges: db.getEdges(),
        groups: db.getSubGraphs(),
        classes: [...db.getClasses().keys()],
    });
}
console.log(JSON.stringify(read));
"""
_GRAPHVIZ = """
import { Graphviz } from "@hpcc-js/wasm-graphviz";
let text = "";
for await (const chunk of process.stdin) text += chunk;
process.stdout.write((await Graphviz.load()).layout(text, "svg", "dot"));
"""


def missing(reason: str) -> NoReturn:
    if os.environ.get("REQUIRE_FORMATS"):
        pytest.fail(reason)
    pytest.skip(reason)


def graphviz(text: str) -> bytes:
    """Let Graphviz draw a graph as SVG: the program, or the same compiled for node."""
    if shutil.which("dot") is not None:
        return _run(("dot", "-Tsvg"), text)
    return _node("@hpcc-js/wasm-graphviz", _GRAPHVIZ, text)


@lru_cache
def mermaid(*charts: str) -> Any:
    """Let Mermaid's parser read charts; gives what is in each, its texts as a browser shows them."""
    return json.loads(_decoded(_node("mermaid", _MERMAID, "\0".join(charts)).decode()), strict=False)


def _node(package: str, script: str, text: str) -> bytes:
    """Run a script that needs an npm package: one of .agents, or of the folder that NODE_PACKAGES names."""
    places = [Path(place) for place in (os.environ.get("NODE_PACKAGES"), ROOT / ".agents") if place]
    place = next((place for place in places if (place / "node_modules" / package).is_dir()), None)
    if place is None or shutil.which("node") is None:
        missing(f"node, or its package {package} in .agents or NODE_PACKAGES, is not installed")
    return _run(("node", "--input-type=module", "-e", script), text, place)


def _run(command: tuple[str, ...], text: str, cwd: Path | None = None) -> bytes:
    done = subprocess.run(command, cwd=cwd, input=text.encode(), capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    return done.stdout


def _decoded(told: str) -> str:
    """Write out the characters that Mermaid has noted by number, as JSON's own escapes."""
    return re.sub("ﬂ°°([0-9]+)¶ß", lambda match: json.dumps(chr(int(match[1])))[1:-1], told)


def otlp(request: dict[str, Any]) -> Any:
    """Let protobuf read an ExportTraceServiceRequest: strictly, no key unknown."""
    try:
        service = importlib.import_module("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
        json_format = importlib.import_module("google.protobuf.json_format")
    except ImportError:
        missing("opentelemetry-proto is not installed")
    return json_format.ParseDict(_with_base64(request), service.ExportTraceServiceRequest())


def _with_base64(value: Any) -> Any:
    """Turn ids into base64: where OTLP wants hex, protobuf's own mapping has that for bytes."""
    if isinstance(value, list):
        return [_with_base64(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: base64.b64encode(bytes.fromhex(each)).decode() if key.endswith(("Id", "SpanId")) else _with_base64(each)
        for key, each in value.items()
    }
