"""System calls and git processes, as counts: they are the same however loaded a machine is."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from tests.bench import repositories
from tests.bench.figures import Bars, Part, Table
from tests.bench.place import Place

STEPS: Final = 5
_FLOOR: Final = """\
for half in 1 2; do
    echo "$half" >> src/0000/000000.txt
    git add src/0000/000000.txt && git commit -q -m work || exit
done
"""


class Counts(NamedTuple):
    """What was counted; system calls are None where nothing counts them."""

    calls: int | None
    git: int


def measure(place: Place) -> Part:
    """Count."""
    root = repositories.make(place, "counts", tasks=STEPS + 1, chain=True)
    program = place.programs.gitorch
    run = (program, "run", *repositories.AGENT, "--max-steps")
    one, more = (_count(place, (*run, str(steps)), root, codes=(0, 30)) for steps in (1, 1 + STEPS))
    found = {
        "`gitorch step`": _count(place, (program, "step", *repositories.AGENT), root),
        "one more step of `gitorch run`": _difference(one, more),
        "`gitorch status`": _count(place, (program, "status"), root),
        "`gitorch prompt`": _count(place, (program, "prompt"), root),
        "twice `git add` and `git commit`": _count(place, ("sh", "-c", _FLOOR), root),
    }
    rows = [[label, _shown(each.calls), str(each.git)] for label, each in found.items()]
    bars = [
        (label.replace("`", ""), float(each.git), float(each.git), float(each.git)) for label, each in found.items()
    ]
    note = "" if shutil.which("strace") else "There is no strace here, so system calls were not counted."
    return Part(
        "Counts",
        [Table(["", "system calls, all processes", "git processes"], rows)],
        [Bars("Git processes", "processes", bars)],
        [note] if note else [],
        {label: each._asdict() for label, each in found.items()},
    )


def _difference(one: Counts, more: Counts) -> Counts:
    calls = None if one.calls is None or more.calls is None else round((more.calls - one.calls) / STEPS)
    return Counts(calls, round((more.git - one.git) / STEPS))


def _count(place: Place, command: Sequence[str], root: Path, codes: tuple[int, ...] = (0,)) -> Counts:
    """Count in one run each what git says of its processes, and what strace sees."""
    repositories.back(place, root)
    trace = place.root / "trace"
    trace.unlink(missing_ok=True)
    place.run("env", f"GIT_TRACE={trace}", *command, cwd=root, codes=codes)
    git = trace.read_text(errors="replace").count("trace: built-in: git")
    if shutil.which("strace") is None:
        return Counts(None, git)
    repositories.back(place, root)
    table = place.root / "strace"
    place.run("strace", "-f", "-c", "-o", str(table), *command, cwd=root, codes=codes)
    total = re.search(r"^100\.00\s+\S+(?:\s+\d+)?\s+(\d+)\s+(?:\d+\s+)?total$", table.read_text(), re.MULTILINE)
    return Counts(int(total[1]) if total else None, git)


def _shown(number: int | None) -> str:
    return "unknown" if number is None else f"{number:,}"
