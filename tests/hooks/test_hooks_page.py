"""The commands of docs/hooks.md, run as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.sandbox import Sandbox, run

PAGE = (Path(__file__).parents[2] / "docs/hooks.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.thorough
def test_the_page(tmp_path: Path) -> None:
    said = []
    for number, block in enumerate(BLOCKS):
        done = run("bash", "-e", "-c", block, cwd=tmp_path / "tides" if number else tmp_path)
        assert done.code == 0, done.out + done.err
        said.append(done.out)
    install, by_hand, adopted = said
    assert "commit-msg" in install
    assert "gitorch(repository-research-synthesis): Write the synthesis again" in by_hand
    assert "Gitorch-State: repository-research-synthesis: completed -> pending" in by_hand
    assert "ok: " in by_hand
    assert "task state changed without a record" in adopted
    assert "adopted later" in adopted
    tides = Sandbox(tmp_path / "tides")
    assert tides.git("log", "-1", "--format=%s").startswith("gitorch(")
    assert tides.status() == ""
