"""A benchmark of reading long histories: `python -m tests.bench.history [EVENTS]`.

It makes an honest history with `git fast-import`, then measures `gitorch verify` against one `git log --raw
--format=%B` over the same commits: wall clock in turns, medians, and the largest memory of each process.
"""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from gitorch.core import fold as folds
from gitorch.core import main_task as main_tasks
from gitorch.core import message
from gitorch.core.amounts import amount
from gitorch.core.fold import Fold
from gitorch.core.main_task import MainTask
from gitorch.core.moves import Change
from gitorch.core.names import MAIN_TASK_PATH, task_dir, task_path
from gitorch.core.record import Record
from tests.bench.stopwatch import Stopwatch, Way

TASKS = 100
ROUNDS = 5
LIMIT_MB = 200
TEXT = "the gauge reads low where ice holds its float; vendors differ, so we weigh each source by its date"


class _Event(NamedTuple):
    """A commit to be: its record, or None for an ordinary commit, and the files that it writes."""

    record: Record | None
    files: dict[str, str]


def events(count: int, seed: int = 1, tasks: int = TASKS) -> Iterator[_Event]:
    """Make `count` honest records, and ordinary commits between them."""
    chance = random.Random(seed)  # noqa: S311 - for variety, not for secrets
    fold = Fold()
    made = 0
    for event in _story(chance, tasks):
        record = event.record
        worked = record is None or any(not path.startswith(".tasks/[") for path in event.files)
        if record is None:
            fold = fold._replace(worked=True)
            yield event
            continue
        if record.event == "end":
            record = _with(record, totals=folds.next_totals(fold, record, worked=worked))
        fold = folds.step(fold, record, worked=worked)
        yield _Event(record, event.files)
        made += 1
        if made == count:
            return


def _with(record: Record, **values: Any) -> Record:
    return record._replace(**values)


def _story(chance: random.Random, tasks: int) -> Iterator[_Event]:
    """Tell a workflow without end: tasks are made, worked on, now and then in vain, and reopened."""
    names = [f"gauge-review-{number:03}" for number in range(tasks)]
    main = main_tasks.make("continue", f"Execute {names[0]} task", names[0])
    first = Change(names[0], None, "pending")
    subject = message.subject(names[0], "start workflow")
    start = Record(event="start", subject=subject, main_task=main, changes=(first,))
    yield _Event(start, {task_path(names[0], "pending"): "---\n---\n# t\n"})
    for name in names[1:]:
        subject = message.subject(name, "create task")
        change = Change(name, None, "pending")
        record = Record(event="create", subject=subject, body=_words(chance, 12), main_task=main, changes=(change,))
        yield _Event(record, {task_path(name, "pending"): f"---\n---\n# {name}\n"})
    number = 0
    while True:
        for name in chance.sample(names, len(names)):
            main = main_tasks.make("continue", f"Execute {name} task", name, "Weigh the evidence; facts first")
            yield _Event(Record(event="update", subject=message.subject(name, "update: continue"), main_task=main), {})
            attempt, done = 0, False
            while not done:
                attempt, number = attempt + 1, number + 1
                done = chance.random() < 0.8
                yield from _invocation(chance, main, name, attempt, number, done=done)
            again = Change(name, "completed", "pending")
            subject = message.subject(name, "move completed -> pending")
            record = Record(event="move", subject=subject, main_task=main, changes=(again,), reason="New sources came")
            yield _Event(record, {})


def _invocation(
    chance: random.Random, main: MainTask, name: str, attempt: int, number: int, *, done: bool
) -> Iterator[_Event]:
    invocation = f"{number:032x}"
    begin = Record(
        event="begin",
        subject=message.subject(name, "begin execute"),
        main_task=main,
        changes=(Change(name, "pending", "running"),),
        invocation=invocation,
        action="execute",
        attempt=attempt,
    )
    yield _Event(begin, {})
    if chance.random() < 0.1:
        yield _Event(None, {f"src/part{number % 50}.txt": f"{number}\n"})
    end = Record(
        event="end",
        subject=message.subject(name, "complete execute" if done else "execute failed"),
        body="\n\n".join(_words(chance, 25) for _ in range(3)),
        main_task=main,
        changes=(Change(name, "running", "completed" if done else "pending"),),
        invocation=invocation,
        action="execute",
        outcome="completed" if done else "failed",
        attempt=attempt,
        agent="claude",
        model="some-model-4",
        session=f"{number:08x}-0000-4000-8000-000000000000",
        exit=0 if done else 1,
        duration=Decimal(chance.randrange(9000)) / 100,
        cost_usd=amount(chance.random()),
        tokens_in=chance.randrange(200_000),
        tokens_out=chance.randrange(9000),
        reason=None if done else "check 'make test' ended with 2",
    )
    yield _Event(
        message.canonical(end), {f"{task_dir(name)}/analysis.md": f"{number}\n{_words(chance, 40)}\n"} if done else {}
    )


def _words(chance: random.Random, count: int) -> str:
    return " ".join(chance.choices(TEXT.split(), k=count))


def generate(root: Path, count: int, seed: int = 1, tasks: int = TASKS) -> None:
    """Make a bare repository whose branch `main` holds `count` records."""
    subprocess.run(("git", "init", "-q", "--bare", "--initial-branch=main", str(root)), check=True)
    command = ("git", "-C", str(root), "fast-import", "--quiet", "--force", "--date-format=raw")
    with subprocess.Popen(command, stdin=subprocess.PIPE) as importer:
        pipe = importer.stdin
        if pipe is None:
            raise OSError("git fast-import has no input")
        for number, event in enumerate(events(count, seed, tasks)):
            pipe.write(_commit(event, number))
        pipe.close()
    if importer.returncode != 0:
        raise OSError("git fast-import failed")


def _commit(event: _Event, number: int) -> bytes:
    record = event.record
    text = (message.build(record) if record is not None else "ordinary work\n").encode()
    who = f"A U Thor <author@example.invalid> {1_700_000_000 + number} +0000"
    lines = [f"commit refs/heads/main\ncommitter {who}\ndata {len(text)}\n".encode(), text]
    files = dict(event.files)
    for change in record.changes if record is not None else ():
        if change.before is not None and change.after is not None:
            old, new = task_path(change.name, change.before), task_path(change.name, change.after)
            lines.append(f"R {old} {new}\n".encode())
    if record is not None and record.main_task is not None:
        files[MAIN_TASK_PATH] = main_tasks.format(record.main_task)
    for path, content in files.items():
        data = content.encode()
        lines.append(b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(data), data))
    return b"".join(lines)


class Measured(NamedTuple):
    """Several runs of a command: the median of their seconds, and the most memory that any held."""

    seconds: float
    megabytes: float


class Comparison(NamedTuple):
    """Plain git and a gitorch command over the same history."""

    git: Measured
    ours: Measured

    @property
    def ratio(self) -> float:
        return self.ours.seconds / self.git.seconds


def measure(cwd: Path, *commands: Sequence[str], rounds: int = 1) -> list[Measured]:
    """Measure commands in turns; all have to end with 0."""
    ways = [Way(str(number), command, cwd) for number, command in enumerate(commands)]
    with tempfile.TemporaryDirectory() as folder:
        watch = Stopwatch(Path(folder), {**os.environ})
        try:
            samples = watch.in_turns(rounds, ways)
        finally:
            watch.close()
    runs = [samples[way.name] for way in ways]
    return [Measured(statistics.median(run.wall for run in each), max(run.peak for run in each)) for each in runs]


def compare(root: Path, *args: str, rounds: int = ROUNDS) -> Comparison:
    """Measure `gitorch ARGS` and `git log --raw --format=%B` in turns."""
    plain = ("git", "-c", "core.pager=cat", "log", "--raw", "--format=%B")
    return Comparison(*measure(root, plain, (sys.executable, "-m", "gitorch", *args), rounds=rounds))


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory(prefix="gitorch-bench-") as folder:
        root = Path(folder, "history.git")
        before = time.perf_counter()
        generate(root, count)
        _say(f"{count} records made in {time.perf_counter() - before:.1f} s")
        for command in (("verify", "--json"), ("audit", "--json")):
            found = compare(root, *command)
            _say(f"git log --raw --format=%B: {found.git.seconds:.2f} s, {found.git.megabytes:.0f} MB")
            _say(f"gitorch {command[0]}: {found.ours.seconds:.2f} s, {found.ours.megabytes:.0f} MB")
            _say(f"ratio: {found.ratio:.2f}")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
