"""The repository that the tests of this folder work in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.loop.bench import Bench


@pytest.fixture
def bench(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Give a repository with a workflow under way."""
    return Bench.make(tmp_path / "repo", tmp_path_factory.getbasetemp() / "pattern")
