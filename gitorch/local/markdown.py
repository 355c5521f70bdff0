"""Small pieces of Markdown that stay whole whatever stands in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Final

from gitorch.local.citations import cite
from gitorch.local.passages import Passage

_LANGUAGES: Final = {
    "bash": "bash", "c": "c", "cc": "cpp", "cpp": "cpp", "cs": "csharp", "css": "css", "go": "go", "h": "c",
    "html": "html", "java": "java", "js": "js", "json": "json", "kt": "kotlin", "md": "markdown", "php": "php",
    "py": "python", "rb": "ruby", "rs": "rust", "sh": "sh", "sql": "sql", "swift": "swift", "toml": "toml",
    "ts": "ts", "tsx": "tsx", "xml": "xml", "yaml": "yaml", "yml": "yaml",
}  # fmt: skip


def reference(passage: Passage) -> str:
    """Cite a passage."""
    return cite(passage.path, passage.first, passage.last)


def references(passages: Iterable[Passage], most: int) -> str:
    """Cite some passages, and say how many more there are."""
    cited = [reference(passage) for passage in passages]
    more = f" and {len(cited) - most} more" if len(cited) > most else ""
    return ", ".join(cited[:most]) + more


def code(passage: Passage) -> str:
    """Quote a passage line by line in a fence that nothing in it can end."""
    longest = max((len(run) for run in re.findall(r"`{3,}", passage.text)), default=2)
    fence = "`" * (longest + 1)
    language = _LANGUAGES.get(PurePosixPath(passage.path).suffix[1:].lower(), "text")
    return f"{fence}{language}\n{passage.text}\n{fence}"


def block_quote(text: str) -> str:
    """Quote a text of several lines."""
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def bullets(items: Iterable[str]) -> str:
    """Write a list."""
    return "\n".join(f"- {item}" for item in items)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table."""
    lines = ([cell.replace("|", "\\|") for cell in line] for line in (head, ["---"] * len(head), *rows))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def bold(words: Iterable[str]) -> str:
    """Set words in bold, with commas."""
    return ", ".join(f"**{word}**" for word in words)


def count(number: int, thing: str) -> str:
    """Say how many of a thing there are."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"
