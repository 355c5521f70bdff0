"""Branch coverage of the package, by the default suite: `python -m tests.reliability.coverage [TESTS…]`.

Every Python program that a test starts is measured too. `--data` keeps what was measured in a folder, so that a suite
can be run in parts: each run adds to the folder, and the table is of all that lies there.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import coverage

ROOT = Path(__file__).parents[2]
_SHOWN = 12  # places named for a file


@dataclass
class Count:
    """How much there is in a room or file, and how much of it was run."""

    statements: int = 0
    run: int = 0
    branches: int = 0
    taken: int = 0

    def add(self, summary: dict[str, Any]) -> None:
        self.statements += summary["num_statements"]
        self.run += summary["covered_lines"]
        self.branches += summary["num_branches"]
        self.taken += summary["covered_branches"]

    def row(self, name: str) -> str:
        both = self.statements + self.branches
        total = 100 * (self.run + self.taken) / both if both else 100.0
        branch = 100 * self.taken / self.branches if self.branches else 100.0
        return (
            f"{name:<12} {self.statements:>6} {self.statements - self.run:>6} "
            f"{self.branches:>6} {self.branches - self.taken:>6} {branch:>8.1f} % {total:>6.1f} %"
        )


@dataclass
class Table:
    """The figures of all rooms, and the places that no test reaches."""

    total: Count = field(default_factory=Count)
    rooms: defaultdict[str, Count] = field(default_factory=lambda: defaultdict(Count))
    missing: dict[str, list[str]] = field(default_factory=dict)

    def add(self, path: str, file: dict[str, Any]) -> None:
        parts = Path(path).parts
        for count in (self.total, self.rooms[parts[1] if len(parts) > 2 else "(top)"]):
            count.add(file["summary"])
        lines = set(file["missing_lines"])
        branches = [f"{a}→{b if b > 0 else 'end'}" for a, b in file["missing_branches"] if not {a, b} & lines]
        if places := [*_spans(sorted(lines)), *branches]:
            self.missing[path] = places

    def show(self) -> None:
        _say(f"{'room':<12} {'lines':>6} {'missed':>6} {'branch':>6} {'missed':>6} {'branches':>10} {'both':>8}")
        for name, count in sorted(self.rooms.items()):
            _say(count.row(name))
        _say(self.total.row("all"))
        _say("\nnot covered:")
        for path, places in sorted(self.missing.items()):
            more = f" and {len(places) - _SHOWN} more" if len(places) > _SHOWN else ""
            _say(f"  {path}: {', '.join(places[:_SHOWN])}{more}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


def _spans(lines: list[int]) -> list[str]:
    spans: list[tuple[int, int]] = []
    for line in lines:
        if spans and line <= spans[-1][1] + 2:
            spans[-1] = (spans[-1][0], line)
        else:
            spans.append((line, line))
    return [str(a) if a == b else f"{a}-{b}" for a, b in spans]


def measure(tests: list[str], data: Path) -> int:
    """Run tests under coverage, each process with a data file of its own."""
    env = {**os.environ, "COVERAGE_FILE": str(data / "run")}
    command = (sys.executable, "-m", "coverage", "run", "-m", "pytest", "-q", *tests)
    return subprocess.run(command, cwd=ROOT, env=env, check=False).returncode


def table(data: Path) -> Table:

    combined, report = data / "combined", data / "report.json"
    measured = coverage.Coverage(data_file=str(combined), config_file=str(ROOT / "pyproject.toml"))
    measured.combine([str(path) for path in data.glob("run.*")], keep=True)
    os.chdir(ROOT)
    measured.json_report(outfile=str(report), include=[str(ROOT / "gitorch" / "*")])  # not what tests copy elsewhere
    result = Table()
    for path, file in json.loads(report.read_text())["files"].items():
        result.add(path, file)
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="a folder that keeps what is measured, and is added to")
    parser.add_argument("--show", action="store_true", help="run nothing: show what the folder holds")
    args, tests = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as fresh:
        data = args.data.resolve() if args.data else Path(fresh)
        data.mkdir(parents=True, exist_ok=True)
        start = time.monotonic()
        code = 0 if args.show else measure(tests, data)
        seconds = time.monotonic() - start
        table(data).show()
        _say(f"\nthe tests ended with {code} after {seconds:.0f} s")
    return code


if __name__ == "__main__":
    sys.exit(main())
