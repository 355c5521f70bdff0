"""Lock files: those of a dead process are in nobody's way, and those of a living one are never taken away."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitorch.git import leftovers
from gitorch.ledger import append
from tests.loop.bench import LINES, Bench, wait_for
from tests.reliability.kills import tell
from tests.reliability.kills_scenes import AGENTS, dirty
from tests.reliability.soundness import assert_sound, look
from tests.sandbox import Ran, quickly, run, short_form

OF_GIT = ("index.lock", "HEAD.lock", "refs/heads/main.lock", "packed-refs.lock", "config.lock")
OF_OURS = ("gitorch/index.lock", "gitorch/before.index.lock", "gitorch/after.index.lock")
STAYS = "config.lock"  # no step writes it, and programs that are no git hold it for long
AGES = {"fresh": 0, "old": 30 * 86400}
WAITS = "touch {folder}/held; while [ ! -e {folder}/go ]; do sleep 0.05; done"
COMMIT = ("commit", "-q", "-a", "-m", "mine")
MOVE = ("update-ref", "HEAD", "on")  # to a commit with the same files
HELD = {
    "a commit whose hook waits": ("pre-commit", COMMIT, "index.lock"),
    "a commit whose editor waits": ("editor", ("commit", "-q", "-a"), "index.lock"),
    "a moved branch whose hook waits": (
        "reference-transaction",
        ("update-ref", "refs/heads/main", "on"),
        "refs/heads/main.lock",  # and HEAD.lock, for its log
    ),
    "a moved branch, its HEAD": ("reference-transaction", MOVE, "HEAD.lock"),
    "packed refs": ("reference-transaction", ("update-ref", "-d", "refs/heads/other"), "packed-refs.lock"),
}


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "QUIET", 0.3)
    monkeypatch.setattr(append, "INDEX_WAIT", 3.0)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a step give up soon: well after it would have taken a lock away, had it taken it for a leftover."""
    monkeypatch.setattr(leftovers, "QUIET", 0.3)
    monkeypatch.setattr(append, "INDEX_WAIT", 0.9)


@pytest.fixture
def own_work(bench: Bench) -> Bench:
    bench.git("branch", "other")
    bench.git("tag", "on", bench.git("commit-tree", "-p", "HEAD", "-m", "on", "HEAD^{tree}").strip())
    dirty(bench, staged=True)
    return bench


def lay(bench: Bench, name: str, age: float) -> Path:
    lock = bench.write(f".git/{name}", "")
    when = lock.stat().st_mtime - age
    os.utime(lock, (when, when))
    return lock


def hook(bench: Bench, name: str, line: str) -> Path:
    """Write a hook into a folder of its own: gitorch's own calls of git do not see it."""
    file = bench.root.parent / "hooks" / name
    file.parent.mkdir(exist_ok=True)
    before = '[ "$1" = prepared ] || exit 0\n' if name == "reference-transaction" else ""
    file.write_text(f"#!/bin/sh\n{before}{line}\n")
    file.chmod(0o755)
    return file


@contextlib.contextmanager
def held(bench: Bench, how: str) -> Iterator[Path]:
    """Let a git live that holds a lock."""
    name, command, lock = HELD[how]
    folder = bench.root.parent
    file = hook(bench, name, WAITS.format(folder=folder))
    env = {**os.environ, "GIT_EDITOR": str(file)} if name == "editor" else {**os.environ}
    process = subprocess.Popen(("git", "-c", f"core.hooksPath={file.parent}", *command), cwd=bench.root, env=env)
    try:
        wait_for((folder / "held").exists)
        yield bench.root / ".git" / lock
    finally:
        (folder / "go").touch()
        process.wait(60)


def step(bench: Bench, *, code: int | None = 0) -> Ran:
    done = quickly(bench.root, "step", "--agent-command", "echo x > out.txt")
    assert code is None or done.code == code, done
    return done


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    ("names", "age"),
    short_form(
        {"all, fresh": ((*OF_GIT, *OF_OURS), 0)}
        | {f"{name}, {age}": ((name,), seconds) for name in (*OF_GIT, *OF_OURS) for age, seconds in AGES.items()},
        100,
    ),
)
@pytest.mark.thorough
def test_a_lock_that_nobody_holds_is_in_nobodys_way(own_work: Bench, names: tuple[str, ...], age: float) -> None:
    before = look(own_work.root, without=AGENTS)
    for name in names:
        lay(own_work, name, age)
    step(own_work)
    assert own_work.states()["t"] == "completed"
    assert (own_work.root / ".git" / STAYS).exists() == (STAYS in names)
    (own_work.root / ".git" / STAYS).unlink(missing_ok=True)
    assert_sound(own_work.root, before)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("how", [how for how in HELD if how != "a commit whose editor waits"])
@pytest.mark.thorough
def test_what_a_killed_git_leaves_is_in_nobodys_way(own_work: Bench, how: str) -> None:
    before = look(own_work.root, without=AGENTS)
    name, command, lock = HELD[how]
    folder = hook(own_work, name, "kill -9 $PPID").parent
    assert run("git", "-c", f"core.hooksPath={folder}", *command, cwd=own_work.root).code == -signal.SIGKILL
    assert (own_work.root / ".git" / lock).exists()
    step(own_work)
    (own_work.root / ".git/refs/heads/other.lock").unlink(missing_ok=True)  # of a branch that nobody works on
    assert_sound(own_work.root, before)


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed: it kills git at a chosen moment")
@pytest.mark.usefixtures("hasty")
@pytest.mark.heavy
@pytest.mark.parametrize(
    "command",
    [
        pytest.param(each, id=each[0], marks=() if each[0] == "update-ref" else (pytest.mark.heavy,))
        for each in (
            ("update-ref", "refs/heads/main", "on", "HEAD"),
            ("commit", "-q", "-m", "staged"),
            ("add", "mine.txt"),
            ("pack-refs", "--all"),
            ("branch", "-D", "other"),
            ("update-index", "--add", "mine.txt"),
            ("switch", "-q", "-c", "elsewhere"),
            MOVE,
        )
    ],
)
def test_git_killed_at_each_of_its_writes(own_work: Bench, tmp_path: Path, command: tuple[str, ...]) -> None:
    kept = tmp_path / "kept"
    shutil.copytree(own_work.root, kept, symlinks=True)
    kills = left = 0
    for call in ("write", "rename", "unlink", "link", "openat"):
        for number in range(1, 400):
            shutil.rmtree(own_work.root)
            shutil.copytree(kept, own_work.root, symlinks=True)
            options = ("-o", os.devnull, "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}")
            if run("strace", *options, "git", *command, cwd=own_work.root).code != -signal.SIGKILL:
                break
            kills += 1
            locks = [path.name for path in (own_work.root / ".git").rglob("*.lock") if path.parent.name != "gitorch"]
            if call == "openat" and not locks:
                continue
            left += bool(locks)
            before = look(own_work.root, without=AGENTS)
            step(own_work)
            for name in ("refs/heads/other.lock", "refs/heads/elsewhere.lock", "refs/tags/on.lock", STAYS):
                (own_work.root / ".git" / name).unlink(missing_ok=True)  # what no step writes
            assert_sound(own_work.root, before)
    tell(f"FIGURES git {command[0]}: {kills} kills, {left} with locks left, 0 failures")
    assert kills > 2
    assert left > 0


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("age", AGES)
@pytest.mark.parametrize("how", HELD)
@pytest.mark.thorough
def test_a_lock_that_a_living_git_holds_stays(own_work: Bench, how: str, age: str) -> None:
    with held(own_work, how) as lock:
        when = lock.stat().st_mtime - AGES[age]
        os.utime(lock, (when, when))
        mark = lock.stat()
        head = own_work.head()
        done = step(own_work, code=75)
        assert any(
            str(each) in done.err for each in (lock, lock.with_name("HEAD.lock"), own_work.root / ".git/HEAD.lock")
        )
        assert "hint: " in done.err
        assert (lock.stat().st_ino, lock.stat().st_mtime) == (mark.st_ino, mark.st_mtime)
        assert own_work.head() == head
    assert not lock.exists()
    step(own_work)


@pytest.mark.usefixtures("hasty")
def test_a_living_git_is_waited_for(own_work: Bench) -> None:
    before = look(own_work.root, without=(*AGENTS, "a.txt"))
    with held(own_work, "a commit whose hook waits"):
        waiting = own_work.start("step", "--agent-command", "echo x > out.txt")
        wait_for((own_work.root / ".git/gitorch/lock-of-index").exists)  # made just before it waits
        (own_work.root.parent / "go").touch()
        assert waiting.wait(60) == 0
    waiting.communicate()
    assert own_work.committed("a.txt", "HEAD~2") == LINES + "mine\n"
    assert_sound(own_work.root, before)


@pytest.mark.usefixtures("impatient")
@pytest.mark.thorough
def test_a_lock_that_any_process_has_open_stays(own_work: Bench) -> None:
    lock = lay(own_work, "index.lock", 0)
    code = "import sys; f = open(sys.argv[1]); print(flush=True); sys.stdin.read()"
    command = (sys.executable, "-c", code, str(lock))
    with subprocess.Popen(command, cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert "index.lock" in step(own_work, code=75).err
        assert lock.exists()
        other.communicate("")
    step(own_work)


@pytest.mark.usefixtures("impatient")
@pytest.mark.thorough
def test_where_others_may_be_out_of_sight_a_lock_stays(own_work: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = lay(own_work, "index.lock", AGES["old"])
    monkeypatch.setattr(leftovers, "sees_all", lambda _: False)
    done = step(own_work, code=75)
    assert "may be removed" in done.err
    assert lock.exists()


@pytest.mark.thorough
def test_what_an_agent_leaves_is_taken_away_by_the_program_as_it_is_installed(own_work: Bench) -> None:
    before = look(own_work.root, without=AGENTS)  # the kernel shows it by the name gitorch, which begins like git
    agent = "echo x > out.txt; : > .git/index.lock; : > .git/HEAD.lock"
    done = run(str(Path(sys.executable).with_name("gitorch")), "step", "--agent-command", agent, cwd=own_work.root)
    assert done.code == 0, done.err
    assert_sound(own_work.root, before)


@pytest.mark.usefixtures("hasty")
@pytest.mark.thorough
def test_where_git_itself_moves_the_branch_on_a_leftover_is_in_nobodys_way(own_work: Bench) -> None:
    own_work.git("branch", "ahead", "on")
    lay(own_work, "index.lock", 0)
    assert quickly(own_work.root, "merge", "ahead").code == 0
    assert own_work.head() == own_work.git("rev-parse", "on").strip()


@pytest.mark.usefixtures("hasty")
@pytest.mark.thorough
def test_a_git_elsewhere_keeps_no_lock_alive(own_work: Bench, tmp_path: Path) -> None:
    other = Bench.make(tmp_path / "other" / "repo", own_work.root)
    with held(other, "a commit whose hook waits"):
        lay(own_work, "index.lock", 0)
        step(own_work)


@contextlib.contextmanager
def told_from_afar(env: dict[str, str], *options: str) -> Iterator[None]:
    """Have a git work in a repository that it is told of, from elsewhere, until a file says that it may go on."""
    folder = Path(env["TEST_FOLDER"])
    editor = f"core.editor=touch {folder}/open; while [ ! -e {folder}/go ]; do sleep 0.05; done; true"
    command = ("git", "-c", editor, *options, "commit", "-q", "--allow-empty", "-e", "-m", "from afar")
    with subprocess.Popen(command, cwd="/", env={**os.environ, **env}) as git:
        wait_for((folder / "open").exists)
        yield
        (folder / "go").touch()
        assert git.wait() == 0


@pytest.mark.parametrize("way", ["GIT_DIR", "--git-dir"])
@pytest.mark.parametrize("ours", [True, False], ids=["here", "elsewhere"])
@pytest.mark.usefixtures("impatient")
@pytest.mark.thorough
def test_a_git_that_is_told_where_to_work_keeps_locks_there_alone(
    own_work: Bench, tmp_path: Path, way: str, *, ours: bool
) -> None:
    worked_in = own_work if ours else Bench.make(tmp_path / "other" / "repo", own_work.root)
    git_dir = str(worked_in.root / ".git")
    env = {"TEST_FOLDER": str(tmp_path), "GIT_WORK_TREE": "/", **({"GIT_DIR": git_dir} if way == "GIT_DIR" else {})}
    with told_from_afar(env, *([f"--git-dir={git_dir}"] if way == "--git-dir" else [])):
        lock = lay(own_work, "index.lock", AGES["old"])
        step(own_work, code=75 if ours else 0)
        assert lock.exists() == ours
        lock.unlink(missing_ok=True)
    step(own_work)


@pytest.mark.usefixtures("impatient")
@pytest.mark.thorough
def test_a_git_in_a_linked_worktree_keeps_the_locks_that_it_shares(own_work: Bench) -> None:
    own_work.git("worktree", "add", "-q", "../linked", "other")
    with held(Bench(own_work.root.parent / "linked"), "packed refs"):
        lock = own_work.root / ".git" / "packed-refs.lock"
        assert lock.exists()
        step(own_work, code=75)
        assert lock.exists()
