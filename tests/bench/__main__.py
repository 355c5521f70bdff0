"""Measure gitorch beside its neighbours and the least that it could cost: `python -m tests.bench --out DIR [PART]…`."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Final

from tests.bench import page
from tests.bench.figures import Part
from tests.bench.place import Place
from tests.bench.programs import Programs

PARTS: Final = ("step", "run", "status", "hooks", "growth", "history", "size", "tokens", "counts")


def main() -> None:
    """Measure."""
    asked = _arguments()
    asked.out.mkdir(parents=True, exist_ok=True)
    programs = Programs((asked.programs or asked.out / "programs").resolve())
    say("installing gitorch…")
    programs.install_gitorch()
    with tempfile.TemporaryDirectory(prefix="gitorch-bench-") as folder:
        place = Place(Path(folder).resolve(), programs, asked.portion, say)
        machine = place.machine() | {page.LOAD: f"{os.getloadavg()[0]:.1f}"}
        try:
            text = ""
            for name in asked.parts or PARTS:
                begun = time.monotonic()
                say(f"{name}…")
                part: Part = import_module(f"tests.bench.parts.{name}").measure(place)
                text = page.write(asked.out, machine, {name: part})
                say(f"{name}: {time.monotonic() - begun:.0f} s")
        finally:
            place.watch.close()
    if asked.docs:
        page.document(asked.out)
    sys.stdout.write(text)


def say(text: str) -> None:
    """Tell how far it is."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"what to measure (default: all of {', '.join(PARTS)})"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where figures, tables and plots go")
    parser.add_argument(
        "--programs", type=Path, metavar="DIR", help="where programs are installed and kept (DIR/programs of --out)"
    )
    parser.add_argument(
        "--portion", type=float, default=1.0, metavar="P", help="fewer rounds and smaller repositories: 0.1 for a trial"
    )
    parser.add_argument("--docs", action="store_true", help="put the tables into docs/performance.md too")
    asked = parser.parse_args()
    if unknown := [name for name in asked.parts if name not in PARTS]:
        parser.error(f"there is no part {unknown[0]}")
    return asked


if __name__ == "__main__":
    main()
