"""What the hooks cost: `python -m tests.bench.hooks [ROUNDS]`.

Ordinary commits, in a small repository and in one with 20,000 files: without hooks, with three hooks that do nothing
(what git and the shell cost for themselves), and with ours. Then commits that move a task, beside Python's start with
one import. All in turns, wall clock, medians.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.sandbox import Sandbox

ROUNDS = 60
FILES = {"small": 20, "20,000 files": 20_000}
LIMIT_MS = 10
CLICK = (sys.executable, "-c", "import click")


def main() -> None:
    """Measure, and print what came of it."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        _seal(home)
        for number, (name, files) in enumerate(FILES.items()):
            _ordinary(name, _make(home / f"ordinary-{number}", files), rounds)
        _moving(home, rounds)


def _seal(home: Path) -> None:
    identity = {f"GIT_{role}_{what}": "x@x" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    os.environ |= {"HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, **identity}


def _make(root: Path, files: int) -> Sandbox:
    """Make a repository with a workflow and so many other files."""
    sandbox = Sandbox.create(root, decoys=False)
    for number in range(files):
        path = root / "src" / f"{number // 100:03}" / f"{number:05}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{number}\n")
    sandbox.git("add", "-A")
    sandbox.git("config", "gc.auto", "0")
    sandbox.git("commit", "-q", "-m", "files")
    sandbox("start", "gauge-review", "-d", "Which readings are thrown away?")
    sandbox("hooks", "install")
    for place, names in {"none": (), "idle": ("pre-commit", "prepare-commit-msg", "commit-msg")}.items():
        (root / ".git" / place).mkdir()
        for name in names:
            (root / ".git" / place / name).write_text("#!/bin/sh\n")
            (root / ".git" / place / name).chmod(0o755)
    return sandbox


def _ordinary(title: str, sandbox: Sandbox, rounds: int) -> None:
    count = 0

    def commit(hooks: str) -> float:
        nonlocal count
        count += 1
        sandbox.write("src/000/00000.txt", f"{count}\n")
        sandbox.git("add", "src/000/00000.txt")
        where = f"core.hooksPath=.git/{hooks}"
        return _timed(sandbox.root, ("git", "-c", where, "commit", "-q", "-m", "work on it"))

    told = _in_turns(rounds, {name: lambda name=name: commit(name) for name in ("none", "idle", "hooks")})  # type: ignore[misc]
    more = told["hooks"] - told["none"]
    print(f"an ordinary commit, {title}: {told['none']:.1f} ms without hooks")  # noqa: T201
    print(f"  with three that do nothing +{told['idle'] - told['none']:.1f} ms, with ours +{more:.1f} ms", end="")  # noqa: T201
    print(f"  ({'at' if more <= LIMIT_MS else 'NOT at'} most {LIMIT_MS} ms)")  # noqa: T201


def _moving(home: Path, rounds: int) -> None:
    sides = {"none": _make(home / "moved", 20), "hooks": _make(home / "moved-with-hooks", 20)}
    state = dict.fromkeys(sides, ("pending", "running"))

    def move(hooks: str) -> float:
        sandbox = sides[hooks]
        old, new = state[hooks]
        state[hooks] = (new, old)
        sandbox.git("mv", f".tasks/[{old}]_gauge-review_task.md", f".tasks/[{new}]_gauge-review_task.md")
        where = f"core.hooksPath=.git/{hooks}"
        return _timed(sandbox.root, ("git", "-c", where, "commit", "-q", "-m", "by hand"))

    ways: dict[str, Callable[[], float]] = {"click": lambda: _timed(home, CLICK)}
    told = _in_turns(rounds, {**ways, "none": lambda: move("none"), "hooks": lambda: move("hooks")})
    more = told["hooks"] - told["none"]
    print(f"a commit that moves a task: {told['none']:.1f} ms without hooks, with ours +{more:.1f} ms")  # noqa: T201
    print(f"  python -c 'import click': {told['click']:.1f} ms; that is {more / told['click']:.2f} times as long")  # noqa: T201


def _in_turns(rounds: int, ways: dict[str, Callable[[], float]]) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            times[name].append(way())
    return {name: statistics.median(each) * 1000 for name, each in times.items()}


def _timed(folder: Path, command: tuple[str, ...]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
