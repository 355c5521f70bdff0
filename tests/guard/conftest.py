"""What the tests of this folder share."""

from __future__ import annotations

import pytest

from tests.loop.bench import Bench


@pytest.fixture
def dirty(bench: Bench) -> Bench:
    """Give a workflow with staged and unstaged work of the user's own."""
    bench.write("a.txt", bench.read("a.txt") + "staged\n")
    bench.git("add", "a.txt")
    bench.write("a.txt", bench.read("a.txt") + "edited\n")
    bench.write("mine.txt", "new\n")
    return bench
