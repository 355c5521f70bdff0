"""Foreign text on its way into the page: nothing in it can steer the reader's eyes or end a script."""

from __future__ import annotations

import json
import re
from typing import Any, Final

# controls, lone surrogates, odd line breaks, and what turns the direction of text
_UNSAFE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_IN_SCRIPT: Final = {
    ord("<"): "\\u003c",
    ord(">"): "\\u003e",
    ord("&"): "\\u0026",
    0x2028: "\\u2028",
    0x2029: "\\u2029",
}


def shown(text: str) -> str:
    """Give text without what hides or turns other text; each such character leaves a mark."""
    if text.isascii() and text.isprintable():
        return text
    return _UNSAFE.sub("\ufffd", text.replace("\r\n", "\n"))


def cut(text: str, limit: int) -> tuple[str, int]:
    """Give clean text of at most `limit` characters, and how many were left out."""
    return shown(text[:limit]), max(0, len(text) - limit)


def script_json(value: Any) -> str:
    """Write a value as JSON that can stand inside a script element, whatever texts are in it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(_IN_SCRIPT)
