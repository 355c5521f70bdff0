"""A long history is read in one pass, in little memory, and not much slower than git itself prints it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import history


def check(root: Path, count: int) -> history.Comparison:
    history.generate(root, count)
    found = history.compare(root, "verify", rounds=3)  # an exit code that is not 0 would raise
    print(found)  # noqa: T201 - pytest shows it where the test fails
    assert found.ours.megabytes < history.LIMIT_MB
    return found


@pytest.mark.thorough
def test_a_history_made_for_benchmarks_holds(tmp_path: Path) -> None:
    check(tmp_path / "history.git", 1000)


@pytest.mark.heavy
def test_a_hundred_thousand_records(tmp_path: Path) -> None:
    found = check(tmp_path / "history.git", 100_000)
    assert found.ratio < 5  # a safety net alone: `python -m tests.bench.history` measures
