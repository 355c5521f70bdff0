"""Repositories to measure in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench import history
from tests.bench.place import Place
from tests.bench.stopwatch import Way

AGENT = ("--agent-command", "echo done")
RECORDS = 100_000
WORKED_ON = "link-00001"


def make(place: Place, name: str, *, files: int = 20, tasks: int = 3, records: int = 10, chain: bool = False) -> Path:
    """Make a repository with so many files, pending tasks and records, which is about to execute the first task."""
    root = place.root / name
    root.mkdir()
    place.git(root, "init", "-q")
    write_files(root, files)
    _write_tasks(root, tasks, chain=chain)
    place.git(root, "add", "-A")
    place.git(root, "commit", "-q", "-m", "files")
    place.gitorch(root, "adopt", "--yes")
    for number in range(records - 1):
        sentence = f"Execute {WORKED_ON} task" if number % 2 else f"Look at {WORKED_ON}"
        place.gitorch(root, "update", "continue", sentence, "--task", WORKED_ON)
    return settled(place, root)


def with_and_without_syncing(
    place: Place,
    name: str,
    ours: Callable[[Place, str, Path], Way],
    floor: Callable[[Place, str, Path], Way],
    **size: Any,
) -> list[Way]:
    """Give gitorch and the floor as they are, gitorch without syncing, and the floor with it."""
    ways = []
    for way, setting in (
        (name, None),
        ("floor", None),
        (f"{name}, not synced", "none"),
        ("floor, synced", "committed"),
    ):
        root = make(place, f"{name}-{way}".replace(", ", "-").replace(" ", "-"), **size)
        if setting is not None:
            place.git(root, "config", "core.fsync", setting)
        ways.append((floor if way.startswith("floor") else ours)(place, way, root))
    return ways


def write_files(root: Path, files: int) -> None:
    """Write files, a hundred in each folder."""
    for number in range(files):
        path = root / "src" / f"{number // 100:04}" / f"{number:06}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{number}\n")


def _write_tasks(root: Path, tasks: int, *, chain: bool) -> None:
    folder = root / ".tasks"
    folder.mkdir()
    for number in range(1, tasks + 1):
        needs = f"needs: [link-{number - 1:05}]\n" if chain and number > 1 else ""
        text = f"---\n{needs}---\n# link {number}\n\nSay that it is done.\n"
        (folder / f"[pending]_link-{number:05}_task.md").write_text(text)


def settled(place: Place, root: Path) -> Path:
    """Pack a repository, and let git know its files, as after some days of work."""
    place.git(root, "repack", "-q", "-a", "-d")
    place.git(root, "status")
    place.git(root, "tag", "begin")
    return root


def back(place: Place, root: Path) -> None:
    """Put a repository back to where it began."""
    place.git(root, "reset", "-q", "--hard", "begin")


def long_history(place: Place) -> Path:
    """Make a bare repository with a long history; once for all parts."""
    if "history" not in place.made:
        root = place.root / "history.git"
        history.generate(root, place.many(RECORDS), tasks=3)
        place.made["history"] = root
    return place.made["history"]


def with_long_history(place: Place, name: str) -> Path:
    """Make a repository with a long history and a work tree, about to execute a task."""
    root = place.root / name
    place.git(place.root, "clone", "-q", str(long_history(place)), str(root))
    write_files(root, 20)
    place.git(root, "add", "-A")
    place.git(root, "commit", "-q", "-m", "files")
    place.run(place.programs.gitorch, "step", *AGENT, cwd=root, codes=(0, 10))  # closes what the history left open
    states = {line.split("] ")[1]: line[1:].split("]")[0] for line in place.gitorch(root, "list").splitlines()}
    name = min(states)
    if states[name] != "pending":
        place.gitorch(root, "move", name, "pending", "--reason", "once more")
    place.gitorch(root, "update", "continue", f"Execute {name} task", "--task", name)
    return settled(place, root)
