"""Commands that read a whole history of 100,000 records, beside git and GitPython reading the same commits."""

from __future__ import annotations

from typing import Final

from tests.bench import figures, history, repositories
from tests.bench.figures import Line, Part
from tests.bench.place import Place
from tests.bench.stopwatch import Way

ROUNDS: Final = 5
AIM: Final = 2.0
_GITPYTHON: Final = """\
import git
for commit in git.Repo(".").iter_commits("main"):
    commit.message
"""


def measure(place: Place) -> Part:
    """Measure it."""
    root = place.root / "of-many-tasks.git"
    history.generate(root, place.many(repositories.RECORDS))
    commands: dict[str, tuple[str, ...]] = {
        name: (place.programs.gitorch, name, "--json") for name in ("log", "audit", "verify")
    }
    commands["git"] = ("git", "log", "--raw", "--format=%B")
    commands["GitPython"] = (place.programs.python, "-c", _GITPYTHON)
    samples = place.in_turns(ROUNDS, [Way(name, command, root) for name, command in commands.items()])
    tree = place.git(root, "rev-parse", "main^{tree}").strip()
    commit = place.git(root, "commit-tree", tree, "-p", "main", "-m", "ordinary work").strip()
    place.git(root, "update-ref", "refs/heads/main", commit)
    again = [Way(f"{name} again", commands[name], root) for name in ("git", "log", "audit", "verify")]
    samples |= place.in_turns(3, again)
    lines = [
        Line("git", "the floor: `git log --raw --format=%B`"),
        *(Line(name, f"`gitorch {name} --json`", "git", AIM) for name in ("log", "audit", "verify")),
        Line("GitPython", "GitPython's `iter_commits`, messages only", "git"),
        Line("git again", "the floor, after one more commit"),
        *(
            Line(f"{name} again", f"`gitorch {name} --json`, after it", "git again", AIM)
            for name in ("log", "audit", "verify")
        ),
    ]
    return figures.timed(f"Reading {place.many(repositories.RECORDS):,} records", samples, lines)
