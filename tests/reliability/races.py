"""Many processes write in one repository at once, and plain git works beside them."""

from __future__ import annotations

import contextlib
import io
import json
import multiprocessing
import os
import statistics
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final, NamedTuple

from gitorch import cli
from tests.sandbox import Sandbox

AGENT: Final = 'test -z "$GITORCH_TASK_DIR" || echo done > "$GITORCH_TASK_DIR/out.txt"'
_STEP: Final = ("step", "--json", "--max-idle", "1000000", "--agent-command", AGENT)
# what a process writes, and of which of its tasks: `task` is for steps, which do not touch those that need the gate
_CYCLE: Final = (
    *(("create", "task"), ("update", "task"), ("step", ""), ("create", "held"), ("move", "held"), ("update", "task")),
    *(("create", "other"), ("update", "other"), ("update", "task"), ("move", "other")),
)
_PATIENCE: Final = 900.0  # seconds: a safety net, no measure
_FORK: Final = multiprocessing.get_context("fork")


class Write(NamedTuple):
    """A write that was acknowledged: by what its commit is known, how long it took, how often it had to be tried."""

    kind: str
    subject: str
    commit: str
    seconds: float
    tries: int
    code: int


def quietly(root: Path, *args: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.run(["-C", str(root), *args])
    return code, out.getvalue(), err.getvalue()


def _command(me: int, turn: int) -> tuple[str, tuple[str, ...], str]:
    """Give the kind, the command line and the subject of a process's n-th write."""
    kind, there = _CYCLE[turn % len(_CYCLE)]
    name = f"{there}-{me}-{turn // len(_CYCLE)}"
    told = f"Sentence {turn} of {me}"
    return {
        "create": (kind, ("create", name, *(("--needs", "gate") if there != "task" else ())), f"{name}): create task"),
        "update": (kind, ("update", "continue", told, "--task", name), f"{name}): update: continue, {told}"),
        "step": (kind, _STEP, ""),
        "move": (kind, ("move", name, "blocked", "--reason", "Why?"), f"{name}): move pending -> blocked"),
    }[kind]


def write(root: Path, me: int, each: int, log: Path) -> None:
    """Write that many times, and note what was acknowledged."""
    for turn in range(each):
        kind, args, subject = _command(me, turn)
        began, tries, code, out, err = time.monotonic(), 0, 75, "", ""
        while code == 75:
            assert time.monotonic() - began < _PATIENCE, err
            code, out, err = quietly(root, *args)
            tries += 1
        subject = f"gitorch({subject}" if subject else ""
        assert code in ((0, 10, 20) if kind == "step" else (0,)), f"{args}: exit {code}\n{out}{err}"
        commit = (json.loads(out)["commit"] or "") if kind == "step" else ""
        with log.open("a") as file:
            file.write(json.dumps(Write(kind, subject, commit, time.monotonic() - began, tries, code)) + "\n")


def commit_plainly(root: Path, count: int, log: Path) -> None:
    """Commit files of the user's own, which lie there already, one after another."""
    for turn in range(count):
        began, tries = time.monotonic(), 0
        while not (_git(root, "add", f"plain-{turn}") and _git(root, "commit", "-qm", f"plain {turn}")):
            assert time.monotonic() - began < _PATIENCE
            tries += 1
            time.sleep(0.005)  # plain git gives up at once where another holds the lock
        with log.open("a") as file:
            seconds = time.monotonic() - began
            file.write(json.dumps(Write("git commit", f"plain {turn}", "", seconds, tries + 1, 0)) + "\n")


def _git(root: Path, *args: str) -> bool:
    return subprocess.run(("git", *args), cwd=root, capture_output=True, check=False).returncode == 0


def _again(pause: float, *commands: tuple[Path, tuple[str, ...]]) -> None:
    while True:
        for root, args in commands:
            _git(root, *args)
        time.sleep(pause)


def start(target: Callable[..., None], *args: Any) -> BaseProcess:
    process = _FORK.Process(target=_with_us, args=(os.getpid(), target, *args))
    process.start()
    return process


def _with_us(parent: int, target: Callable[..., None], *args: Any) -> None:
    """Do the work, but not beyond the end of the tests."""
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    target(*args)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def end(processes: Iterable[BaseProcess]) -> None:
    """Wait for processes, which must end well."""
    processes = [*processes]
    deadline = time.monotonic() + 4 * _PATIENCE
    for process in processes:
        process.join(max(0.0, deadline - time.monotonic()))
    codes = [process.exitcode for process in processes]
    for process in processes:
        process.kill()
    assert codes == [0] * len(codes), codes


@contextlib.contextmanager
def beside(roots: list[Path], other: Path) -> Iterator[None]:
    """Have git gc, git fetch and an editor's git status run all the while."""
    new = ("commit", "-q", "--allow-empty", "-m", "elsewhere")
    jobs = [
        start(_again, 0.3, (roots[0], ("gc", "-q"))),
        start(_again, 0.2, (other, new), (roots[0], ("fetch", "-q", "origin"))),
        *(start(_again, 0.1, (root, ("status", "--porcelain"))) for root in roots),
    ]
    try:
        yield
    finally:
        for job in jobs:
            job.kill()
            job.join()


class Arena(NamedTuple):
    """A repository with its worktrees, in which the user has own work that is committed, edited and untracked."""

    trees: list[Sandbox]
    other: Path
    logs: Path

    @classmethod
    def make(cls, place: Path, trees: int, plain: int) -> Arena:
        first = Sandbox.create(place / "repo")
        first.commit("the user's", tracked="one\n", **{".gitignore": "*.ignored\n"})
        first("create", "gate", "-d", "What must wait needs this")
        first("update", "continue", "Do what is ready")
        first("move", "gate", "blocked", "--reason", "Not now")
        other = Sandbox.create(place / "other", decoys=False)
        other.commit("elsewhere")
        first.git("remote", "add", "origin", str(other.root))
        roots = [first]
        for number in range(1, trees):
            first.git("worktree", "add", "-q", "-b", f"tree-{number}", str(place / f"tree-{number}"))
            roots.append(Sandbox(place / f"tree-{number}"))
        for tree in roots:
            tree.write("tracked", "one\nthe user's\n")
            tree.write("untracked", "the user's\n")
            for number in range(plain):
                tree.write(f"plain-{number}", f"plain {number}\n")
        logs = place / "logs"
        logs.mkdir()
        return cls(roots, other.root, logs)

    def race(self, processes: int, each: int, plain: int) -> dict[int, list[Write]]:
        """Let them all write at once; gives for each worktree what was acknowledged."""
        roots = [tree.root for tree in self.trees]
        with beside(roots, self.other):
            running = [
                start(write, roots[me % len(roots)], me, each, self.logs / f"{me % len(roots)}-{me}")
                for me in range(processes)
            ]
            running += [
                start(commit_plainly, root, plain, self.logs / f"{number}-plain") for number, root in enumerate(roots)
            ]
            end(running)
        found: dict[int, list[Write]] = {number: [] for number in range(len(roots))}
        for log in sorted(self.logs.iterdir()):
            lines = log.read_text().splitlines()
            found[int(log.name.partition("-")[0])] += [Write(*json.loads(line)) for line in lines]
        return found


class Commit(NamedTuple):
    """A commit of a branch, as git tells of it."""

    oid: str
    subject: str
    event: str
    invocation: str
    outcome: str
    task: str
    paths: tuple[str, ...]


def commits_of(tree: Sandbox, since: str) -> list[Commit]:
    keys = "%x1f".join(
        f"%(trailers:key=Gitorch-{key},valueonly,separator=)" for key in ("Event", "Invocation", "Outcome")
    )
    shown = tree.git("log", f"--format=%x1e%H%x1f%s%x1f{keys}%x1f", "--name-only", "--no-renames", f"{since}..HEAD")
    found = []
    for part in shown.split("\x1e")[1:]:
        oid, subject, event, invocation, outcome, paths = part.split("\x1f")
        task = subject.partition("(")[2].partition(")")[0] if event else ""
        found.append(Commit(oid, subject, event, invocation, outcome, task, tuple(paths.split("\n")[2:-1] or ())))
    return found


def figures(writes: list[Write]) -> str:
    """Say how long writes took, by kind."""
    parts = []
    for kind in sorted({write.kind for write in writes}):
        seconds = sorted(write.seconds for write in writes if write.kind == kind)
        again = sum(write.tries - 1 for write in writes if write.kind == kind)
        late = seconds[min(len(seconds) - 1, int(len(seconds) * 0.95))]
        parts.append(
            f"{kind} {len(seconds)} (median {statistics.median(seconds):.2f} s, p95 {late:.2f} s, "
            f"longest {seconds[-1]:.2f} s, {again} tried again)"
        )
    return ", ".join(parts)


def assert_fair(tree: Sandbox, since: str, writes: list[Write]) -> Counter[str]:
    """See that a branch holds each acknowledged write once, and nothing else; gives its events."""
    commits = commits_of(tree, since)
    subjects = Counter(commit.subject for commit in commits if commit.event not in ("begin", "end", "recover"))
    wanted = Counter(write.subject for write in writes if write.kind != "step")
    assert subjects == wanted, f"lost: {wanted - subjects}, doubled or never acknowledged: {subjects - wanted}"
    ends = {commit.oid: commit for commit in commits if commit.event == "end"}
    told = [write.commit for write in writes if write.kind == "step" and write.commit]
    assert len(told) == len({*told})
    assert {*told} <= {*ends}, "lost steps"
    for event in ("begin", "end"):
        twice = [each for each, n in Counter(c.invocation for c in commits if c.event == event).items() if n > 1]
        assert not twice, f"{event} twice: {twice}"
    closed = Counter(commit.invocation for commit in commits if commit.event in ("end", "recover"))
    assert closed == Counter(commit.invocation for commit in commits if commit.event == "begin")
    done = Counter(
        commit.task for commit in ends.values() if commit.outcome == "completed" and commit.task != "MAIN_TASK"
    )
    assert not [task for task, count in done.items() if count > 1], done
    for commit in commits:
        _assert_own_files(commit)
    report = tree("verify", "--json").json
    assert report["ok"], report
    return Counter(commit.event or "plain" for commit in commits)


def _assert_own_files(commit: Commit) -> None:
    if not commit.event:
        assert commit.paths == (commit.subject.replace(" ", "-"),), commit
        return
    for path in commit.paths:
        own = f"_{commit.task}_task.md" in path or path.startswith(f".tasks/{commit.task}/")
        assert own or path == ".tasks/MAIN_TASK", commit


def loop(root: Path, agent: str, codes: Path) -> None:
    """Run a loop as a user would who is told to come again."""
    code, out, err = 75, "", ""
    while code == 75:
        code, out, err = quietly(root, "run", "--agent-command", agent)
    with codes.open("a") as file:
        file.write(f"{code}\n")
    assert code == 0, out + err
    os._exit(0)
