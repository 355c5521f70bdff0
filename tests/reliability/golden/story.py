"""A history with everything in it that the format knows, made so that it is the same each time."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import gitorch
from gitorch.agents import process
from gitorch.agents.report import Report
from gitorch.loop.work import Call
from tests.loop.fake import fake, says
from tests.sandbox import Sandbox

SAYS = "Grüße — was wird gebraucht?\n\nGitorch-Event: end\n---\nfrom 12:34 <b> \u202e 日本 \x1b[31m end"
TASK = "---\nparent: {parent}\norder: {order}\nretries: 4\ntimeout: 1\n{more}---\n# {name}\n\nDo it.\n"
PARTS = """\
name: moon-base
description: by trade
subtasks:
  - {name: survey, kind: gather, description: Look for ice., outputs: [site.md]}
  - {name: build, description: "Build {task}.", needs: [survey]}
"""


class Killed(BaseException):
    """The process is gone from here on, as far as its repository can tell."""


@dataclass
class Clock:
    """Time in the story: a minute passes with each thing that happens."""

    now: dt.datetime = dt.datetime(2026, 1, 5, 8, 0, tzinfo=dt.timezone.utc)
    ids: Iterator[int] = field(default_factory=lambda: iter(range(1, 1000)))

    def tick(self, minutes: int = 1) -> None:
        self.now += dt.timedelta(minutes=minutes)
        for who in ("AUTHOR", "COMMITTER"):
            os.environ[f"GIT_{who}_DATE"] = f"{self.now:%Y-%m-%dT%H:%M:%S} +0100"

    def new_id(self) -> uuid.UUID:
        return uuid.uuid5(uuid.NAMESPACE_URL, f"invocation {next(self.ids)}")


@contextmanager
def stopped_clock() -> Iterator[Clock]:
    """Let times, identities and the invocations' ids come from the story."""
    clock = Clock()

    class Datetime(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Any:
            return clock.now.astimezone(tz)

    shim = SimpleNamespace(datetime=Datetime, timedelta=dt.timedelta, timezone=dt.timezone)
    really = process.run
    who = {"GIT_AUTHOR_NAME": "Ada Ö.", "GIT_AUTHOR_EMAIL": "ada@example.invalid"}
    who |= {"GIT_COMMITTER_NAME": "Grace", "GIT_COMMITTER_EMAIL": "grace@example.invalid"}
    with (
        mock.patch.dict(os.environ, who),
        mock.patch("gitorch.loop.begin.uuid", SimpleNamespace(uuid4=clock.new_id)),
        mock.patch("gitorch.loop.claim.dt", shim),
        mock.patch("gitorch.loop.ahead.dt", shim),
        mock.patch("gitorch.loop.finish.amount", return_value=Decimal("1.5")),
        mock.patch.object(process, "run", lambda *a, **k: really(*a, **k)._replace(seconds=1.0)),
    ):
        yield clock


class Story(Sandbox):
    """Tells it, thing by thing."""

    def tell(self, clock: Clock, home: Path) -> None:
        for happens in (
            self._begins,
            self._is_cut,
            self._gathers,
            self._asks,
            self._by_hand,
            self._is_stopped,
            self._is_killed,
            self._goes_two_ways,
            self._goes_back,
            self._is_adopted,
            self._is_cut_by_an_agent,
            self._ends_and_begins_anew,
        ):
            happens(clock, home)

    def does(self, clock: Clock, *args: str, code: int | None = 0) -> None:
        clock.tick()
        self(*args, code=code)

    def step(self, clock: Clock, agent: Callable[[Call], Report | str | None]) -> None:
        clock.tick()
        with gitorch.open(self.root) as workflow, suppress(Killed):
            workflow.step(agent=agent)

    def quick(self, clock: Clock, *options: str, codes: tuple[int, ...] = (0,)) -> None:
        """Do a step in this process, whose clock is the story's."""
        from tests.sandbox import quickly  # noqa: PLC0415 - beside its use

        clock.tick()
        done = quickly(self.root, "step", *options)
        assert done.code in codes, done

    def plain(self, clock: Clock, message: str, **files: str) -> None:
        clock.tick()
        self.commit(message, **files)

    def _begins(self, clock: Clock, _: Path) -> None:
        self.plain(clock, "Tides 0.1", **{"README.md": "# Tides\n\nHigh at noon.\n", "src/tides.py": "high = 12\n"})
        self.does(clock, "start", "tide-research", "-d", SAYS, "--focus", "Facts first — Über alles")

    def _is_cut(self, clock: Clock, _: Path) -> None:
        self.quick(clock)

    def _gathers(self, clock: Clock, home: Path) -> None:
        self.step(clock, lambda _: Report(outcome="failed", summary="In vain", cost_usd=Decimal("0.25"), session="s-1"))
        limit = fake(home, says(error="limit", again="2026-01-05T09:00:00Z", cost=0.125))
        self.quick(clock, *limit, codes=(75,))
        self.quick(clock, *limit, codes=(75,))
        clock.tick(60)
        self.step(clock, lambda _: Report(outcome="completed", summary="Done, it says."))  # no output: rejected
        result = '{"outcome": "completed", "summary": "Read them all.", "cost_usd": 0.5, "tokens_in": 1200}'
        line = f'echo "High [README.md:3]." > "$GITORCH_TASK_DIR/sources.md"; echo \'{result}\' > "$GITORCH_RESULT"'
        self.quick(clock, "--agent-command", line)

    def _asks(self, clock: Clock, _: Path) -> None:
        self.step(clock, lambda _: Report(outcome="blocked", question="Which gauge — the first?"))
        self.does(clock, "answer", "Take the second.\n\nfrom 12:34")
        self.step(clock, self._works)
        self.quick(clock, "--agent", "local", codes=(0, 10))

    def _works(self, call: Call) -> Report:
        self.write("src/tides.py", "high = 12\nlow = 6\n")
        self.git("add", "src/tides.py")
        self.git("commit", "-qm", "the agent's own commit", env={**call.env})
        self.write(f".tasks/{call.task}/analysis.md", "Low at six [README.md:3].\n")
        return Report(
            outcome="completed",
            summary=SAYS,
            model="claude-9",
            session="s-2",
            cost_usd=Decimal("0.75"),
            tokens_in=900,
            tokens_cached=300,
            tokens_out=40,
        )

    def _by_hand(self, clock: Clock, _: Path) -> None:
        """Commit by plain git with the hooks in place, which write the records."""
        clock.tick()
        assert self.program("hooks", "install").code == 0
        self.does(clock, "update", "continue", "Mend what is left")
        front = "run: 'echo mended > mended.txt'\ncheck: ['test -s mended.txt', 'true']\n"
        text = TASK.format(parent="tide-research", order=1, more=front, name="mend").replace(
            "parent: tide-research\n", ""
        )
        self.by_hand(clock, "a task by hand", {".tasks/[pending]_mend_task.md": text})
        self.by_hand(clock, "another one", {".tasks/[pending]_notes_task.md": "---\norder: 9\n---\n# notes\n"})
        for state in ("running", "completed"):
            clock.tick()
            (file,) = (self.root / ".tasks").glob("*_notes_task.md")
            self.git("mv", str(file), f".tasks/[{state}]_notes_task.md")
            self.git("commit", "-qm", f"notes are {state}")
        shutil.rmtree(self.root / ".git/hooks")
        self.does(clock, "create", "spare", "-d", "Not wanted")
        self.does(clock, "drop", "spare")
        self.does(clock, "trust", "--yes")
        self.does(clock, "update", "continue", "Execute mend task", "--task", "mend")
        self.quick(clock, codes=(0, 10))

    def by_hand(self, clock: Clock, message: str, files: dict[str, str]) -> None:
        clock.tick()
        for path, text in files.items():
            self.write(path, text)
        self.git("add", "-A", ".tasks")
        self.git("commit", "-qm", message)

    def _is_stopped(self, clock: Clock, home: Path) -> None:
        text = TASK.format(parent="tide-research", order=2, more="", name="chart").replace(
            "parent: tide-research\n", ""
        )
        self.write(".tasks/[pending]_chart_task.md", text)
        clock.tick()
        self.git("add", "-A", ".tasks")
        self.git("commit", "-q", "--no-verify", "-m", "a task without a record")
        self.does(clock, "adopt", "--yes")
        self.does(clock, "update", "continue", "Execute chart task", "--task", "chart")
        self.quick(clock, "--agent-command", "echo half > half.txt; sleep 60")
        silent = fake(home, "echo '{}'; sleep 60", "idle: 1")
        self.write(".tasks/[pending]_chart_task.md", text.replace("timeout: 1\n", "timeout: 50\n"))
        self.plain(
            clock, "more time", **{".tasks/[pending]_chart_task.md": text.replace("timeout: 1\n", "timeout: 50\n")}
        )
        self.quick(clock, *silent)
        spent = Decimal(self.git("log", "-1", "--format=%(trailers:key=Gitorch-Total-Seconds,valueonly)").strip())
        self.quick(clock, "--agent-command", "sleep 60", "--max-time", f"{int(spent) + 1}s", codes=(30,))

    def _is_killed(self, clock: Clock, _: Path) -> None:
        def dies(_: Call) -> None:
            self.write("half.txt", "half done\n")
            raise Killed

        self.step(clock, dies)
        self.step(clock, lambda call: self._writes(call, "chart.md"))

    def _writes(self, call: Call, name: str) -> Report:
        self.write(f".tasks/{call.task}/{name}", f"{name}\n")
        return Report(outcome="completed", summary=f"Wrote {name}.", next="Look at what is left")

    def _goes_two_ways(self, clock: Clock, _: Path) -> None:
        for name in ("left", "right"):
            self.does(clock, "create", name, "-d", f"The {name} side")
        self.does(clock, "update", "continue", "Execute left task", "--task", "left")
        clock.tick()
        self.git("branch", "side")
        self.step(clock, lambda call: self._writes(call, "left.md"))
        self.git("checkout", "-q", "side")
        self.does(clock, "update", "continue", "Execute right task", "--task", "right")
        self.step(clock, lambda call: self._writes(call, "right.md"))
        self.git("checkout", "-q", "main")
        self.does(clock, "merge", "side")
        self.git("checkout", "-qb", "docs", "HEAD~1")
        self.plain(clock, "words", **{"docs.md": "words\n"})
        self.git("checkout", "-q", "main")
        clock.tick()
        self.git("merge", "-q", "--no-ff", "-m", "Merge branch 'docs'", "docs")

    def _goes_back(self, clock: Clock, _: Path) -> None:
        before = self.head()
        self.does(clock, "create", "wrong", "-d", "A way that leads nowhere")
        self.does(clock, "move", "wrong", "running", "--reason", "try — it")
        self.does(clock, "rewind", before)
        self.does(clock, "create", "last", "-d", "What comes last")
        self.does(clock, "update", "continue", "Execute last task", "--task", "last")
        self.does(clock, "fork", "HEAD", "-b", "other-way", "--agent", "local", code=None)
        self.git("checkout", "-q", "main")

    def _is_adopted(self, clock: Clock, _: Path) -> None:
        clock.tick()
        self.git("mv", ".tasks/[pending]_last_task.md", ".tasks/[blocked]_last_task.md")
        self.git("commit", "-q", "--no-verify", "-m", "a change of state that nobody tells")
        self.does(clock, "adopt", "--yes")
        self.does(clock, "move", "last", "pending")

    def _is_cut_by_an_agent(self, clock: Clock, home: Path) -> None:
        name = "moon-base"
        self.by_hand(
            clock, "a task to be cut", {f".tasks/[pending]_{name}_task.md": f"---\ntemplate: auto\n---\n# {name}\n"}
        )
        self.does(clock, "adopt", "--yes")
        self.does(clock, "update", "continue", f"Decompose {name} task", "--task", name)
        script = f"cat > .tasks/{name}/subtasks.yaml <<'Y'\n{PARTS}Y\n" + says(text="Cut by trade.", cost=0.1)
        self.quick(clock, *fake(home, script, "decomposes: true"))
        self.does(clock, "create", "hand-research", "-d", "Cut by hand")
        self.does(clock, "decompose", "hand-research", "--auto")

    def _ends_and_begins_anew(self, clock: Clock, _: Path) -> None:
        self.does(clock, "update", "completed", "Enough of tides")
        self.does(clock, "start", "second", "-d", "What comes after", code=None)
        self.quick(clock, "--agent-command", "exit 3", codes=(0,))
