"""A small history with a bit of everything, made by the real program once, and copied for each test that changes it."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
from decimal import Decimal
from pathlib import Path

import gitorch
from gitorch.agents.report import Report
from gitorch.loop.ahead import Options
from gitorch.loop.work import Call, Function
from tests.sandbox import GITORCH, Sandbox

HOSTILE = 'Say "hi"; <b>&lt;</b> </script> #quot; `*x*` %% \\N \\" ]] }} \u202eevil \x1b[31m 日本 end'
CODE = "first = 1\nsecond = 2\nthird = '\x1b[31m \u202e'\n"


class Story(Sandbox):
    """Its tasks: `tide` with the subtasks `read-gauges` and `draw-chart`, and `notes`, done by hand."""

    def tell(self) -> None:
        self.commit("Tides 0.1", **{"README.md": "# Tides\n\nby a person\n"})
        self("start", "tide", "-d", HOSTILE)
        self("create", "read-gauges", "-d", "Read them all\n\n" + HOSTILE, "--parent", "tide")
        self("create", "draw-chart", "-d", HOSTILE, "--parent", "tide", "--needs", "read-gauges")
        self("update", "continue", "Execute read-gauges task", "--task", "read-gauges", "--focus", 'Facts "first" <i>')
        self.step(_fails)
        self.step(_works)
        self("create", "notes", "-d", "Notes")
        self("move", "notes", "running")
        self.commit("a note", **{"NOTES.md": "by hand\n"})
        self.write(".tasks/notes/notes.md", "noted\n")
        self("move", "notes", "completed")
        self("update", "continue", "Execute draw-chart task", "--task", "draw-chart")
        self.commit("tidy up", **{"src/tides.py": CODE.replace("second = 2", "second = 22")})
        self.git("mv", "src/tides.py", "src/sea.py")
        self.git("commit", "-qm", "rename")
        self.step(_asks)

    def step(self, agent: Function) -> None:
        with gitorch.open(self.root) as workflow:
            workflow.step(Options(), agent=agent)

    def records(self) -> list[dict[str, object]]:
        """Give all records, newest first."""
        return [json.loads(line) for line in self("log", "--json").out.splitlines()]

    def invocation(self, outcome: str) -> str:
        """Give the id of the invocation that came to this."""
        return next(str(each["invocation"]) for each in self.records() if each.get("outcome") == outcome)


def on_a_terminal(root: Path, *args: str) -> str:
    """Run the program with a terminal as its output, and give what stands on that."""
    ours, theirs = pty.openpty()
    environ = {**os.environ, "TERM": "xterm"}
    environ.pop("NO_COLOR", None)
    with subprocess.Popen((*GITORCH, *args), cwd=root, stdout=theirs, stdin=subprocess.DEVNULL, env=environ):
        os.close(theirs)
        shown = b""
        while True:
            try:
                data = os.read(ours, 1 << 16)
            except OSError:  # so Linux tells the end of a terminal
                data = b""
            if not data:
                break
            shown += data
    os.close(ours)
    return shown.decode().replace("\r\n", "\n")


def _fails(_: Call) -> Report:
    return Report(outcome="failed", summary="In vain", cost_usd=Decimal("0.25"), model="claude-9", session="s-1")


def _works(call: Call) -> Report:
    file = call.root / "src" / "tides.py"
    file.parent.mkdir()
    file.write_text(CODE)
    for command in (("add", "src/tides.py"), ("commit", "-qm", "agent's own commit")):
        subprocess.run(("git", *command), cwd=call.root, env={**os.environ, **call.env}, check=True)
    file.write_text(CODE + "fourth = 4\n")
    return Report(
        outcome="completed",
        summary=f"Done.\n\n{HOSTILE}",
        cost_usd=Decimal("0.5"),
        tokens_in=1200,
        tokens_cached=200,
        tokens_out=34,
        model="claude-9",
        session="s-2",
    )


def _asks(_: Call) -> Report:
    return Report(outcome="blocked", question="Which colour?")


_told: list[Path] = []


def told(folder: Path) -> Story:
    """Give the story: made when it is asked for first, then the same one. Tests only look at it."""
    if not _told:
        root = folder / "story"
        Story(Sandbox.create(root).root).tell()
        _told.append(root)
    return Story(_told[0])


def copied(story: Story, root: Path) -> Story:
    """Give a copy that a test may change."""
    shutil.copytree(story.root, root, symlinks=True)
    return Story(root)
