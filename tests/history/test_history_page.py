"""The commands of docs/history.md, run as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.history.sides import Sides, needs_merge_tree
from tests.sandbox import run

PAGE = (Path(__file__).parents[2] / "docs/history.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@needs_merge_tree
@pytest.mark.thorough
def test_the_page(tmp_path: Path) -> None:
    script = "set -e\n" + "".join(f"{block}echo '=== {number}'\n" for number, block in enumerate(BLOCKS))
    done = run("bash", "-c", script, cwd=tmp_path)
    assert done.code == 0, done.out + done.err
    said = re.split(r"=== \d+\n", done.out)
    assert len(said) == len(BLOCKS) + 1
    demo, back, again, fork, here, merged, _, resolved, _ = said
    assert "4 (4 completed)" in demo or "completed" in demo
    assert "rewound" in back
    assert "repository-research-analysis: completed -> pending" in back
    assert "repository-research-analysis: pending -> completed" in again
    assert "2 files as after" in again
    assert "execute terms by local: completed" in fork
    assert "repository-research-analysis by local: completed" in here
    assert "  terms: none -> completed" in merged
    assert merged.count("ok: ") == resolved.count("ok: ") == 1
    assert "there are conflicts" in resolved
    tides = Sides(tmp_path / "tides")
    assert {*tides.states().values()} == {"completed"}
    assert tides.read("README.md").endswith("Ask Ada about gauges.\nAsk Ben about gauges.\n")
    assert tides.git("log", "--merges", "--format=%s").count("gitorch(") == 2
    assert tides.status() == ""
