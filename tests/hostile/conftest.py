"""A fresh hostile place for each test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.hostile.arena import Arena, build


@pytest.fixture
def arena(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Arena:
    """Give a repository with a workflow under way, and a folder of somebody else's beside it."""
    pattern = tmp_path_factory.getbasetemp() / "hostile-pattern"
    if not pattern.exists():
        build(pattern)
    shutil.copytree(pattern, tmp_path / "repo", symlinks=True)
    arena = Arena(tmp_path / "repo")
    (arena.outside / "folder").mkdir(parents=True)
    (arena.outside / "folder/note.md").write_text("Gauges outside.\n")
    (arena.outside / "MAIN_TASK").write_text("STATUS: continue\nNEXT: Execute u\nTASK: u\n")
    (arena.outside / "task.md").write_text("---\n---\n\n# u\n\nWhich gauges?\n")
    return arena
