"""Honest histories, as long as wished, made quickly: records built as the program builds them, put in by git."""

from __future__ import annotations

import random
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from gitorch.core import fold as folds
from gitorch.core import main_task as main_tasks
from gitorch.core import message
from gitorch.core import task as task_files
from gitorch.core.amounts import amount
from gitorch.core.fold import Fold
from gitorch.core.moves import Change, Family, apply, with_parents
from gitorch.core.names import MAIN_TASK_PATH, TaskState, task_dir, task_path
from gitorch.core.record import ATTEMPTS, Check, Outcome, Record
from gitorch.core.task import Task

TOPICS: Final = ("river-gauges", "ice-on-floats", "vendor-review", "alarm-levels", "field-notes", "power-supply")
PARTS: Final = (("data-gathering", "gather"), ("analysis", "execute"), ("synthesis", "synthesize"))
TEXT: Final = "the gauge reads low where ice holds its float; vendors differ, so each source is weighed by its date"
HOSTILE: Final = (
    "</script><img src=x onerror=alert(1)>",
    "<!-- ${alert(1)} {{data}} {{script}} -->",
    "\u202egnp.exe\u2066 right to left",
    "javascript:alert(1)",
    "w" * 10_000,
    "&lt;b&gt; \"quoted\" 'and' `ticked` \\u003cscript\\u003e",
)


class Story:
    """A history that grows, written as commits of a bare repository."""

    def __init__(self, seed: int = 1, *, hostile: bool = False) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - for variety, not for secrets
        self.hostile = hostile
        self.stream: list[bytes] = []
        self.invocations = 0
        self.moves = 0
        self._main = main_tasks.make("continue", "Execute gauge-review task", "gauge-review")
        self._family: Family | None = None
        self._attempts: dict[str, int] = {}
        self._fold = Fold()
        self._states: dict[str, TaskState] = {}
        self._parents: dict[str, str | None] = {}
        self._commits = 0
        self._time = 1_780_000_000

    def tell(self, invocations: int, again: int = 1) -> None:
        """Go on until there are so many invocations; done parts are done again, `again` times on average."""
        self.create("gauge-review", event="start")
        while True:
            parts = self._topic()
            for name, action in (*parts, *self.chance.choices(parts, k=3 * again)):
                if self.invocations >= invocations:
                    return
                self._complete(name, action)

    def _topic(self) -> list[tuple[str, str]]:
        """Make a topic of three parts, in a chapter of a group."""
        number = len(self._states)
        group = f"gauge-review-{TOPICS[number % len(TOPICS)]}"
        chapter = f"{group}-chapter-{number // 40:03}"
        topic = f"{chapter}-{number:05}"
        for name, parent in ((group, "gauge-review"), (chapter, group), (topic, chapter)):
            if name not in self._states:
                self.create(name, parent)
        names = [f"{topic}-{part}" for part, _ in PARTS]
        for place, name in enumerate(names):
            self.create(name, topic, tuple(names[:place]))
        return [(name, action) for name, (_, action) in zip(names, PARTS, strict=True)]

    def _complete(self, name: str, action: str) -> None:
        if self._states[name] == "completed":
            self.move(name, "pending")
        while self._states[name] != "completed":
            self.run(name, action, self._outcome())

    def _outcome(self) -> Outcome:
        return self.chance.choices(("completed", "failed", "timeout", "rate-limited"), (85, 9, 3, 3))[0]

    def create(self, name: str, parent: str | None = None, needs: tuple[str, ...] = (), event: str = "create") -> None:
        self._parents[name], self._family = parent, None
        text = task_files.format(Task(name=name, parent=parent, needs=needs, description=self.words(30)))
        self._record(event, name, "create task", (Change(name, None, "pending"),), {task_path(name, "pending"): text})

    def many(self, names: list[str]) -> None:
        """Make many tasks, whose parents are known, by one record."""
        changes = tuple(Change(name, None, "pending") for name in names)
        files = {}
        for name in names:
            text = task_files.format(Task(name=name, parent=self._parents[name], description="One of many."))
            files[task_path(name, "pending")] = text
        self._record("adopt", names[0], "adopt tasks", changes, files)

    def move(self, name: str, state: TaskState) -> None:
        changes = self._with_parents(Change(name, self._states[name], state))
        self._attempts[name] = 1
        self._record("move", name, f"move to {state}", changes, reason="new sources came")

    def run(self, name: str, action: str, outcome: Outcome) -> None:
        """Begin and end an invocation, with work between."""
        self.invocations += 1
        self._plan(name)
        attempt = self._attempts.get(name, 1)
        ids: dict[str, Any] = {"invocation": f"{self.invocations:032x}", "action": action, "attempt": attempt}
        self._record("begin", name, f"begin {action}", self._with_parents(Change(name, "pending", "running")), **ids)
        self._attempts[name] = attempt + (outcome in ATTEMPTS)
        done = outcome == "completed"
        files = {f"{task_dir(name)}/{action}.md": self._work()} if done else {}
        if self.hostile and done:
            files[f"{task_dir(name)}/<img src=x onerror=alert(1)>\u202e.md"] = "\n".join(HOSTILE)
        known = self.chance.random() < 0.9
        values: dict[str, Any] = {
            "outcome": outcome,
            "agent": self.say(self.chance.choice(("claude", "codex", "local"))),
            "model": self.say("some-model-4"),
            "session": f"{self.invocations:08x}-0000",
            "exit": 0 if done else 1,
            "duration": Decimal(self.chance.randrange(9000)) / 100,
            "cost_usd": amount(self.chance.random()) if known else None,
            "tokens_in": self.chance.randrange(200_000),
            "tokens_cached": self.chance.randrange(90_000),
            "tokens_out": self.chance.randrange(9000),
            "checks": (Check(0 if done else 2, self.say("make check")),) if self.chance.random() < 0.5 else (),
            "reason": None if done else self.say("check 'make check' ended with 2"),
            "body": "\n\n".join((self.say(self.words(12)), self.words(40), *(HOSTILE if self.hostile else ()))),
        }
        move = Change(name, "running", "completed" if done else "pending")
        what = f"complete {action}" if done else f"{action} {outcome}"
        self._record("end", name, what, self._with_parents(move), files, **ids, **values)

    def _plan(self, name: str) -> None:
        """Say in MAIN_TASK what is next, where it does not yet."""
        if self._main.task != name:
            focus = "<b>Weigh</b> ${the} evidence" if self.hostile else "Weigh the evidence; facts first"
            self._main = main_tasks.make("continue", f"Execute {name[-60:]} task", name, focus)
            self._record("update", name, "update: continue", ())

    def say(self, text: str) -> str:
        return self.chance.choice(HOSTILE) if self.hostile else text

    def words(self, count: int) -> str:
        return " ".join(self.chance.choices(TEXT.split(), k=count))

    def _work(self) -> str:
        return "".join(f"{self.words(12)}\n" for _ in range(self.chance.randrange(3, 12)))

    def _with_parents(self, change: Change) -> tuple[Change, ...]:
        self._family = self._family or Family(self._parents)
        return tuple(with_parents(self._states, self._family, change))

    def _record(
        self,
        event: Any,
        name: str,
        what: str,
        changes: tuple[Change, ...],
        files: dict[str, str] | None = None,
        **values: Any,
    ) -> None:
        subject = message.subject(name, what)
        record = message.canonical(
            Record(event=event, subject=subject, main_task=self._main, changes=changes, **values)
        )
        if event == "end":
            record = record._replace(totals=folds.next_totals(self._fold, record, worked=bool(files)))
        self._fold = folds.step(self._fold, record, worked=bool(files))
        self._states = apply(self._states, changes)
        self.moves += len(changes)
        self._commit(message.build(record), changes, {**(files or {}), MAIN_TASK_PATH: main_tasks.format(self._main)})

    def _commit(self, text: str, changes: tuple[Change, ...], files: dict[str, str]) -> None:
        self._commits += 1
        self._time += self.chance.randrange(5, 90)
        who = f"A U Thor <author@example.invalid> {self._time} +0000"
        data = text.encode()
        self.stream.append(f"commit refs/heads/main\ncommitter {who}\ndata {len(data)}\n".encode() + data)
        for change in changes:
            if change.before is not None and change.after is not None:
                old, new = task_path(change.name, change.before), task_path(change.name, change.after)
                self.stream.append(f"R {old} {new}\n".encode())
        for path, content in files.items():
            data = content.encode()
            self.stream.append(b'M 100644 inline "%s"\ndata %d\n%s\n' % (path.encode(), len(data), data))

    def write(self, root: Path) -> None:
        """Make a bare repository of it."""
        subprocess.run(("git", "init", "-q", "--bare", "--initial-branch=main", str(root)), check=True)
        command = ("git", "-C", str(root), "fast-import", "--quiet", "--force")
        subprocess.run(command, input=b"".join(self.stream), check=True)


def generate(root: Path, invocations: int, *, again: int = 1, hostile: bool = False) -> Story:
    """Make a bare repository with a history of so many invocations."""
    story = Story(hostile=hostile)
    story.tell(invocations, again)
    story.write(root)
    return story
