"""One `gitorch step` whose agent only says that it is done, beside the least it could cost and beside neighbours."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.bench import figures, repositories
from tests.bench.figures import Line, Part
from tests.bench.place import Place
from tests.bench.stopwatch import Way

ROUNDS: Final = 30
AIM: Final = 1.25
FLOOR: Final = """\
import subprocess, click, git, yaml
for number in (1, 2):
    with open("src/0000/000000.txt", "a") as file:
        file.write(f"{number}\\n")
    subprocess.run(("git", "add", "src/0000/000000.txt"), check=True)
    subprocess.run(("git", "commit", "-q", "-m", "work"), check=True)
"""
_TASK = {
    "description": "d",
    "dependencies": [],
    "priority": "medium",
    "details": "",
    "testStrategy": "",
    "subtasks": [],
}


def measure(place: Place) -> Part:
    """Measure it."""
    ways = [*repositories.with_and_without_syncing(place, "step", _step, _floor), *_neighbours(place)]
    samples = place.in_turns(ROUNDS, ways)
    lines = [
        Line("floor", "the floor: Python with click, GitPython and PyYAML; twice `git add` and `git commit`"),
        Line("step", "`gitorch step`: two commits, on the disk when it ends", "floor", AIM),
        Line("step, not synced", "the same with `core.fsync=none`, as little on the disk as the floor", "floor", AIM),
        Line("floor, synced", "the floor with `core.fsync=committed`, as much on the disk", "floor"),
        *(Line(way.name, f"`{way.name}`", "floor") for way in ways[4:]),
    ]
    part = figures.timed("One step", samples, lines)
    part.notes.extend(reason for name, reason in place.programs.missing.items() if name != "tokenizer")
    return part


def _step(place: Place, name: str, root: Path) -> Way:
    command = (place.programs.gitorch, "step", *repositories.AGENT)
    return Way(name, command, root, lambda: repositories.back(place, root))


def _floor(place: Place, name: str, root: Path) -> Way:
    return Way(name, (place.programs.python, "-c", FLOOR), root, lambda: repositories.back(place, root))


def _neighbours(place: Place) -> list[Way]:
    """Give what the neighbours do for one change of a task's state."""
    makers = {"datalad": _datalad, "backlog": _backlog, "task-master": _task_master, "spec-kitty": _spec_kitty}
    ways = []
    for name, maker in makers.items():
        place.say(f"  {name}…")
        program = place.programs.program(name)
        if program is None:
            continue
        try:
            ways.append(maker(place, program))
        except (RuntimeError, OSError) as error:
            place.programs.missing[name] = f"{name} was installed, but did not work here: {str(error)[-200:]}"
    return ways


def _datalad(place: Place, program: str) -> Way:
    place.run(program, "create", "datalad", cwd=place.root)
    return Way("datalad run true", (program, "run", "true"), place.root / "datalad", every=3)


def _backlog(place: Place, program: str) -> Way:
    root = _empty(place, "backlog")
    place.run(program, "init", "project", "--defaults", cwd=root)
    place.run(program, "task", "create", "one", cwd=root)
    states = _changing(root, ("In Progress", "To Do"))
    command = f'exec {program} task edit 1 -s "$(cat state)"'
    return Way("backlog task edit", ("sh", "-c", command), root, states, every=3)


def _task_master(place: Place, program: str) -> Way:
    root = _empty(place, "task-master")
    folder = root / ".taskmaster" / "tasks"
    folder.mkdir(parents=True)
    tasks = [{"id": number, "title": f"task {number}", "status": "pending", **_TASK} for number in (1, 2, 3)]
    day = "2025-01-01T00:00:00Z"
    text = {"master": {"tasks": tasks, "metadata": {"created": day, "updated": day, "description": "tasks"}}}
    (folder / "tasks.json").write_text(json.dumps(text))
    states = _changing(root, ("done", "pending"))
    command = f'exec {program} set-status --id=1 --status="$(cat state)"'
    return Way("task-master set-status", ("sh", "-c", command), root, states, every=3)


def _spec_kitty(place: Place, program: str) -> Way:
    return Way("spec-kitty --version", (program, "--version"), place.root, every=3)


def _empty(place: Place, name: str) -> Path:
    root = place.root / name
    root.mkdir()
    place.git(root, "init", "-q")
    place.git(root, "commit", "-q", "--allow-empty", "-m", "begin")
    return root


def _changing(root: Path, values: tuple[str, str]) -> Callable[[], None]:
    """Write another state into the file `state` each time, so that there is always something to change."""
    turns = itertools.cycle(values)

    def change() -> None:
        (root / "state").write_text(next(turns))

    return change
