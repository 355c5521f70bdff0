"""Find gitorch and run it: all that the scripts beside this file have in common."""
# ruff: noqa: INP001 - scripts, not a package

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ABSENT = """error: gitorch is not to be found
hint: install it (pipx install gitorch, or pip install . in a checkout) so that it is on PATH;
hint: or name the program for this repository: git config gitorch.program /path/to/gitorch"""


def program() -> list[str]:
    """Give the words that start gitorch: from PATH, from this repository's settings, or this Python's own."""
    on_path = shutil.which("gitorch")
    if on_path is not None:
        return [on_path]
    for folder in (Path(), Path(__file__).parent):
        configured = _configured(folder)
        if configured and Path(configured).is_file() and os.access(configured, os.X_OK):
            return [configured]
    if importlib.util.find_spec("gitorch") is not None:
        return [sys.executable, "-m", "gitorch"]
    sys.exit(ABSENT)


def _configured(folder: Path) -> str:
    command = ["git", "-C", str(folder), "config", "--type=path", "gitorch.program"]
    try:
        found = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    except OSError:
        return ""
    return os.fsdecode(found.stdout).rstrip("\n")


def call(*words: str) -> list[str]:
    """Run gitorch and give the lines that it prints; where it fails, say what it said and exit as it did."""
    command = [*program(), *words]
    # its output is ours to read, whatever the locale; what it has to say on stderr goes straight to the reader
    done = subprocess.run(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONIOENCODING": "utf-8"}, check=False)
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    if done.returncode != 0:
        say(*lines)
        sys.exit(done.returncode if done.returncode > 0 else 1)
    return lines


def pass_on(*words: str) -> int:
    """Run gitorch with our own input and output."""
    code = subprocess.call([*program(), *words])
    return code if code >= 0 else 1


def say(*lines: str) -> None:
    """Print lines on any terminal: what its encoding lacks is escaped."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
    sys.stdout.write("".join(line + "\n" for line in lines))
    sys.stdout.flush()


def arguments(usage: str | None) -> list[str]:
    """Give the words of our command line; with -h alone, print how the script is used."""
    words = sys.argv[1:]
    if words[:1] in (["-h"], ["--help"]):
        say((usage or "").strip())
        sys.exit(0)
    return words
