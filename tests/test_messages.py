"""What the program's own words must never hold."""

from __future__ import annotations

import re
from pathlib import Path

import gitorch

_PACKAGE = Path(gitorch.__file__).parent
_DESTROYS = re.compile(r"git (?:restore|checkout|reset|clean|stash|rm)\b|\brm -")


def test_no_hint_spells_out_a_command_that_throws_work_away() -> None:
    """An agent that reads a hint may run it word for word."""
    texts = list(_PACKAGE.rglob("*.py"))
    assert len(texts) > 50
    assert not [
        f"{path.name}: {line}" for path in texts for line in path.read_text().split("\n") if _DESTROYS.search(line)
    ]
