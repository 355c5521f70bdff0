"""A workflow with which two branches have gone on, by real commands and by functions that stand in for agents."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

import gitorch
from gitorch.agents.report import Report
from gitorch.loop.ahead import Options
from gitorch.loop.work import Call
from tests.probe import Quick
from tests.sandbox import Sandbox, run

needs_merge_tree = pytest.mark.skipif(
    tuple(map(int, re.findall(r"\d+", run("git", "version", cwd=Path.cwd()).out)[:2])) < (2, 38),
    reason="git is older than 2.38: it has no merge-tree --write-tree",
)
LINES = "".join(f"line {number}\n" for number in range(1, 21))
Do = Callable[["Sides"], object]
COST = Decimal("0.25")


class Sides(Quick):
    """Its tasks: `a` and `b`, `c` which needs `a`, `p` with the subtasks `p1` and `p2`, and `z`, completed."""

    @classmethod
    def begin(cls, root: Path) -> Sides:
        sides = cls(Sandbox.create(root).root)
        sides.commit("one", **{"shared.txt": LINES, "other.txt": "other\n"})
        for name, *more in (("a",), ("b",), ("c", "--needs", "a"), ("p",), ("z",)):
            sides("create", name, "-d", "\n".join(f"{name} {number}" for number in range(1, 10)), *more)
        for name in ("p1", "p2"):
            sides("create", name, "-d", name, "--parent", "p")
        sides("update", "continue", "Execute z task", "--task", "z")
        sides.work()
        sides.git("branch", "side")
        return sides

    def copy(self, root: Path) -> Sides:
        shutil.copytree(self.root, root, symlinks=True)
        return Sides(root)

    def on(self, branch: str, *doings: Do) -> None:
        self.git("switch", "-q", branch)
        for do in doings:
            do(self)

    def work(self, name: str | None = None, *, fails: bool = False) -> int:
        """Do a step, on a certain task if wished; gives its exit code."""
        if name is not None:
            self("update", "continue", f"Execute {name} task", "--task", name)

        def agent(call: Call) -> Report:
            if fails:
                return Report(outcome="failed", summary="In vain", cost_usd=COST)
            (call.root / f"{call.task}.txt").write_text(f"{call.task} is done\n")
            for output in ("sources", "analysis", "report") if "-" in str(call.task) else ():
                (call.root / f".tasks/{call.task}/{output}.md").write_text("found\n")
            return Report(outcome="completed", summary="Done", cost_usd=COST)

        with gitorch.open(self.root) as workflow:
            return workflow.step(Options(), agent=agent).exit

    def task_file(self, name: str) -> str:
        return f".tasks/[{self.states()[name]}]_{name}_task.md"

    def edit(self, name: str, old: str, new: str) -> None:
        """Edit a task's file, and commit that."""
        path = self.task_file(name)
        text = self.read(path)
        assert old in text
        self.commit(f"edit {name}", **{path: text.replace(old, new)})

    def to_the_end(self) -> bool:
        """Go on until nothing is left to do; what has failed or asks is answered."""
        for _ in range(20):
            code = self.work()
            if code == 10:
                break
            if code == 20:
                self("answer", "Try again")
        assert set(self.states().values()) == {"completed"}
        assert self.main_task().startswith("STATUS: completed\n")
        return self.holds()

    def holds(self) -> bool:
        """See that verify has no word to say, and that the audit tells each invocation of all sides once."""
        report = self("verify", "--json").json
        assert (report["problems"], report["warnings"]) == ([], [])
        ids = self.git("log", "--format=%(trailers:key=Gitorch-Invocation,valueonly,separator=)").split()
        with gitorch.open(self.root) as workflow:
            told = [invocation.id for invocation in workflow.invocations() if invocation.id is not None]
        assert sorted(told) == sorted({*ids})
        assert self.decoys_untouched()
        return True

    def trailer(self, key: str, rev: str = "HEAD") -> str:
        return self.git("log", "-1", f"--format=%(trailers:key=Gitorch-{key},valueonly)", rev).strip()


def said(*args: str) -> Do:
    """Give the doing of a command."""
    return lambda sides: sides(*args)


def moved(name: str, *states: str) -> list[Do]:
    return [said("move", name, state) for state in states]


def worked(name: str, *, fails: bool = False) -> Do:
    return lambda sides: sides.work(name, fails=fails)


def edited(name: str, old: str, new: str) -> Do:
    return lambda sides: sides.edit(name, old, new)


def wrote(path: str, text: str) -> Do:
    return lambda sides: sides.commit(f"write {path}", **{path: text})
