"""Tracked files that could be taken for programs or modules: nothing of the repository is imported or started."""

from __future__ import annotations

import sys

import pytest

from tests.hostile.arena import Arena
from tests.sandbox import run, short_form

MODULES = ("click", "yaml", "jmespath", "git", "json", "pathlib", "typing", "runpy", "sqlite3", "sitecustomize")
PROGRAMS = ("git", "python", "python3", "sh", "claude", "gitorch")


def shadow(arena: Arena, *modules: str, package: bool) -> None:
    body = f"open({str(arena.canary)!r}, 'w').close()\n"
    for name in modules:
        arena.write(f"{name}.py", body)
    for name in ("__init__", "__main__", "cli", "local/__init__", "local/__main__") if package else ():
        arena.write(f"gitorch/{name}.py", body)
    for name in PROGRAMS if not package else PROGRAMS[:-1]:
        arena.write(name, f"#!/bin/sh\n{arena.touch}\n").chmod(0o755)
    arena.commit_all()


@pytest.mark.parametrize("package", short_form({"package": True, "modules": False}, 2))
@pytest.mark.thorough
def test_nothing_of_the_repository_is_imported_or_taken_for_a_program(arena: Arena, package: bool) -> None:
    shadow(arena, *MODULES, package=package)
    assert arena.fires(sys.executable, "-c", "import yaml")
    assert arena.fires("./git")
    assert arena.fires(sys.executable, "-m", "gitorch.local" if package else "yaml")
    for args in (("step", "--agent", "local"), ("init", "--claude")):
        ran = run("gitorch", *args, cwd=arena.root)
        assert ran.code in (0, 10), ran
        assert not arena.fired(), args
    arena.write(".tasks/u/more.md", "More.\n")
    arena.git("add", ".tasks")
    arena.git("commit", "-q", "-m", "past the hook")
    assert not arena.fired()


def test_python_m_imports_nothing_of_the_repository(arena: Arena) -> None:
    shadow(arena, "click", "yaml", "git", package=False)
    run(sys.executable, "-m", "gitorch", "list", cwd=arena.root)
    assert not arena.fired()
