"""Histories of all kinds, written by `git fast-import`: readers never crash, and verify believes no mutated record."""

from __future__ import annotations

import json
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple

import gitorch
from gitorch.agents.report import Report
from gitorch.core import message
from gitorch.core.names import parse_task_file
from gitorch.core.record import Record
from gitorch.errors import GitorchError
from gitorch.loop.ahead import Options
from gitorch.loop.edit import NewTask
from gitorch.loop.work import Call
from tests.reliability.fuzz_arguments import Choices
from tests.reliability.fuzz_mutate import TOKENS
from tests.reliability.fuzz_targets import Target
from tests.sandbox import Sandbox, quickly

_WHO: Final = b"committer T <t@example.invalid> %d +0000\n"
_NAMES: Final = ("one", "by-hand", "one-analysis", "new", "Bad Name", "x" * 120)
_STATES: Final = ("pending", "running", "completed", "failed", "blocked", "done", "")
_MAIN: Final = (
    b"STATUS: continue\nNEXT: Go on\n",
    b"STATUS: completed\nNEXT: All done\nTASK: one\n",
    b"",
    b"\xff\xfe",
    b"STATUS: x\n",
    b"STATUS: continue\r\nNEXT: Go on\r\n",
    b"x" * 5000,
)
GARBLED: Final = "not UTF-8"
_MODES: Final = (b"100644", b"100755", b"120000")


class Told(NamedTuple):
    """A commit of the honest history."""

    oid: str
    tree: str
    message: bytes


class State(NamedTuple):
    """What a tree holds of the workflow."""

    names: tuple[str, ...]
    main: str | None


class Histories:
    """An honest history, and others made of it on branches beside it."""

    def __init__(self, folder: Path) -> None:
        self.sandbox = Sandbox.create(folder / "histories", decoys=False)
        _tell(self.sandbox)
        log = self.sandbox.git("log", "--reverse", "-z", "--format=%H %T%n%B").split("\0")[:-1]
        self.line = [_told(each) for each in log]
        self.made = 0
        assert self.problems("HEAD") == []

    def run(self, data: bytes) -> bool:
        """Change one commit, write it and all that come after it, and see what verify says."""
        choices = Choices(data)
        place = choices.below(len(self.line))
        self.made += 1
        branch = f"refs/heads/f{self.made}"
        way = choices.below(8)
        changed, edits = self.line[place].message, b""
        if way < 5:
            changed = _mutated(changed, choices)
        elif way < 7:
            edits = _edits(choices)
        rest = self.line[place + 1 :]
        if way == 7:
            rest = rest[choices.below(3) :]
        self._write(branch, place, changed, edits, rest)
        problems = self.problems(branch)
        self._read(branch, choices)
        if not problems:
            self._believed(branch, place, changed, cut=way == 7)
        return not problems

    def problems(self, rev: str) -> list[Any]:
        done = quickly(self.sandbox.root, "verify", rev, "--json")
        assert "has a bug" not in done.err, done.err
        assert done.code in {0, 1}, done
        found: list[Any] = json.loads(done.out)["problems"] if done.out else [done.err]
        assert bool(found) == (done.code == 1), done
        return found

    def _write(self, branch: str, place: int, changed: bytes, edits: bytes, rest: list[Told]) -> None:
        first = [b"M 040000 %s \n" % self.line[place].tree.encode(), edits]
        stream = [_commit(branch, place, changed), _from(self.line, place), *first]
        for number, told in enumerate(rest, place + 1):
            stream += [_commit(branch, number, told.message), b"M 040000 %s \n" % told.tree.encode()]
        done = subprocess.run(
            ("git", "fast-import", "--quiet", "--force"),
            cwd=self.sandbox.root,
            input=b"".join(stream),
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def _read(self, branch: str, choices: Choices) -> None:
        """Look at the history in one of the other ways; status looks at HEAD."""
        other = (
            ("log", branch),
            ("log", branch, "--json"),
            ("audit", branch),
            ("audit", branch, "--json"),
            ("status",),
        )
        args = other[choices.below(len(other))]
        if args == ("status",):
            self.sandbox.git("symbolic-ref", "HEAD", branch)
        try:
            done = quickly(self.sandbox.root, *args)
        finally:
            self.sandbox.git("symbolic-ref", "HEAD", "refs/heads/main")
        assert "has a bug" not in done.err, (args, done.err)
        assert done.code in {0, 1}, (args, done)

    def _believed(self, branch: str, place: int, changed: bytes, *, cut: bool) -> None:
        """See that a history that verify believes says nothing else than the honest one, as far as it can be told."""
        now = self.sandbox.git("rev-list", "--reverse", branch).split()
        assert cut or len(now) == len(self.line)
        if cut:
            return
        assert self._state(now[place]) == self._state(self.line[place].oid), "another state is believed"
        was, said = _parsed(self.line[place].message), _parsed(changed)
        assert not isinstance(said, str) or (was is None and said == GARBLED), "a broken record is believed"
        assert _essence(said) == _essence(was), (said, was)

    def _state(self, oid: str) -> State:
        lines = self.sandbox.git("ls-tree", "-z", f"{oid}:.tasks", ok=False).split("\0")
        entries = {name: what for what, _, name in (line.partition("\t") for line in lines if line)}
        names = tuple(sorted(name for name in entries if parse_task_file(name) is not None))
        return State(names, entries.get("MAIN_TASK"))


def _tell(sandbox: Sandbox) -> None:
    """Let the real program write a history with a bit of everything."""
    sandbox.commit("first", file="x\n")
    turns = iter(("done", "failed", "done", "blocked", "done", "limited", "done"))

    def agent(call: Call) -> Report:
        turn = next(turns, "done")
        if turn == "failed":
            return Report(outcome="failed", summary="It does not work.", cost_usd=Decimal("0.5"))
        if turn == "blocked":
            return Report(outcome="blocked", question="Which one?")
        outputs = workflow.task(call.task).outputs if call.task is not None else ()
        for path in outputs:
            sandbox.write(f".tasks/{call.task}/{path}", f"found {turn} [file:1]\n")
        return Report(outcome="completed", summary="Größe gemessen.\n\n--- x", cost_usd=Decimal("0.25"), tokens_in=9)

    with gitorch.open(sandbox.root) as workflow:
        workflow.start("one", description="Was wird gebraucht?", focus="Größe messen")
        workflow.create(NewTask(name="by-hand", description="By hand"))
        workflow.move("by-hand", "running", reason="now")
        sandbox.commit("ordinary work", **{"a.txt": "a\n"})
        workflow.move("by-hand", "completed")
        for _ in range(4):
            workflow.step(agent=agent)
        workflow.update("continue", "Say something else")
        workflow.step(Options(agent_command="exit 75"))
        workflow.step(agent=agent)
        if workflow.state().workflow().status == "blocked":
            workflow.answer("The second.")
        workflow.create(NewTask(name="gone"))
        workflow.drop("gone")
        for _ in range(3):
            workflow.step(agent=agent)
        workflow.rewind("HEAD~3")


def _told(text: str) -> Told:
    head, _, body = text.partition("\n")
    oid, tree = head.split(" ")
    return Told(oid, tree, body.encode())


def _commit(branch: str, number: int, text: bytes) -> bytes:
    return b"commit %s\n%sdata %d\n%s\n" % (branch.encode(), _WHO % (1_700_000_000 + number), len(text), text)


def _from(line: list[Told], place: int) -> bytes:
    return b"from %s\n" % line[place - 1].oid.encode() if place else b""


def _mutated(text: bytes, choices: Choices) -> bytes:
    lines = text.split(b"\n")
    for _ in range(1 + choices.below(2)):
        here, there = choices.below(len(lines)), choices.below(len(lines))
        way = choices.below(9)
        if way == 0:
            lines.pop(here)
        elif way == 1:
            lines.insert(here, lines[there])
        elif way == 2:
            lines[here], lines[there] = lines[there], lines[here]
        elif way == 3:
            lines[here] = lines[here][: choices.below(len(lines[here]) + 1)] + choices.of(TOKENS)
        elif way == 4:
            lines.insert(here, choices.of(TOKENS).rstrip(b"\n"))
        elif way == 5:
            at = choices.below(len(lines[here]) + 1)
            lines[here] = lines[here][:at] + bytes((choices.below(256),)) + lines[here][at + 1 :]
        elif way == 6:
            lines[here] = _other_value(lines[here], choices)
        elif way == 7:
            lines = lines[: here + 1]
        else:
            lines = lines[here:]
        lines = lines or [b""]
    return b"\n".join(lines)


def _other_value(line: bytes, choices: Choices) -> bytes:
    """Put one proper word in the place of another."""
    words = line.split(b" ")
    other = (
        b"pending",
        b"running",
        b"completed",
        b"failed",
        b"blocked",
        b"none",
        b"1",
        b"2",
        b"0.25",
        b"end",
        b"begin",
    )
    words[choices.below(len(words))] = choices.of(
        (*other, b"move", b"update", b"adopt", b"one", b"by-hand", b"execute")
    )
    return b" ".join(words)


def _edits(choices: Choices) -> bytes:
    """Change a tree: task files of other states, of bad names or doubled, another MAIN_TASK, links in their place."""
    edits = []
    for _ in range(1 + choices.below(3)):
        path = f".tasks/[{choices.of(_STATES)}]_{choices.of(_NAMES)}_task.md"
        way, mode = choices.below(6), choices.of((_MODES[0], *_MODES))
        if way == 0:
            path = ".tasks/MAIN_TASK"
        if way == 1:
            edits.append(b"D %s\n" % (b".tasks/MAIN_TASK" if choices.below(2) else b".tasks"))
        elif way == 2:
            edits.append(b"D %s\n" % json.dumps(path).encode())
        else:
            content = choices.of(_MAIN) if way == 0 else b"---\n---\n\nx\n"
            edits.append(b"M %s inline %s\ndata %d\n%s\n" % (mode, json.dumps(path).encode(), len(content), content))
    return b"".join(edits)


def _parsed(text: bytes) -> Record | str | None:
    try:
        return message.parse(text.partition(b"\0")[0].decode())  # no reader sees what stands behind a NUL
    except UnicodeDecodeError:
        return GARBLED
    except GitorchError as error:
        return error.message


def _essence(record: Record | str | None) -> Any:
    """Give what a reader can check; a record that changes nothing says as much as none."""
    if not isinstance(record, Record):
        return None
    if not record.changes and record.totals is None and record.event in {"update", "adopt", "rewind"}:
        return None
    ordered = record.event in {"begin", "end"}  # whose first change tells the task
    changes = record.changes if ordered else frozenset(record.changes)
    return (
        *(record.main_task, changes, record.invocation, record.action, record.attempt),
        *(record.duration, record.cost_usd, record.totals),
    )


def target(folder: Path) -> Target:
    """Make the target ready; its seeds change each commit in each way."""
    histories = Histories(folder)
    return Target(
        histories.run, [bytes((place, way, 1, way, place)) for place in range(len(histories.line)) for way in range(8)]
    )
