"""A disk that fails or is full: what was before or what is after, never between, and a word on what went wrong."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import pytest

import gitorch
from gitorch.errors import GitorchError
from gitorch.git.process import Completed, Git
from tests.loop.bench import Bench, differences
from tests.reliability import faults
from tests.reliability.faults import Event, Fault, Played
from tests.reliability.kills import Room, tell
from tests.reliability.kills_scenes import AGENTS, NEXT, SCENES, Scene, dirty
from tests.reliability.soundness import assert_sound, look
from tests.sandbox import GITORCH, quickly

SEED: Final = int(os.environ.get("GITORCH_SEED", "1"))
ROUND: Final = int(os.environ.get("GITORCH_ROUND", "0"))  # another one tries other errors at the same calls
GOOD: Final = (0, 10, 20)
DOCUMENTED: Final = (0, 1, 2, 10, 20, 30, 75, 130)
AGENT: Final = "echo agent >> b.txt; echo 'by the agent' > out.txt; echo x >> count.txt"
RECOVERIES: Final = ("recovery", "recovery after a power cut")  # until they are through nothing is as it should be
OWN: Final = {
    **{name: SCENES[name] for name in ("decompose", "update", "create", "merge", "finish")},
    **{name: SCENES[name] for name in RECOVERIES},
    "execute": SCENES["execute"]._replace(command=("step", "--agent-command", AGENT)),
    "execute, failing": SCENES["execute, failing"]._replace(
        command=("step", "--agent-command", f"{AGENT}; rm -rf doc; exit 1")
    ),
    "execute, committing": SCENES["execute"],
}
SLICE: Final = os.environ.get("GITORCH_SLICE", "0/1")  # 1/4 is every fourth call, from the second on
# what the agent of a scene does to the user's own work: the next step that can puts it back
SPOILT: Final = {"execute, failing": ("doc",), "execute, committing": ("a.txt",)}
SHORT: Final = {"update": 2, "create": 1, "decompose": 1, "execute": 1, "execute, failing": 1, "merge": 1}

needs_faults = pytest.mark.skipif(faults.missing() is not None, reason=faults.missing() or "")


class Stage:
    """A scene that is set again and again, at the very same place."""

    def __init__(self, name: str, place: Path, pattern: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.name = name
        self.scene: Scene = OWN[name]
        self.room = Room(place)
        self.bench = Bench.make(self.room.root, pattern)
        self.bench.git("config", "status.renames", "false")  # so that each line of git status names one path
        with monkeypatch.context() as patch:
            patch.setenv("TMPDIR", str(self.room.temporary))
            if not self.scene.under_way:
                self.scene.prepare(self.bench)
            dirty(self.bench, staged=self.scene.staged)
            self.before = look(self.bench.root, without=AGENTS)
            if self.scene.under_way:
                self.scene.prepare(self.bench)
        self.count = self.events()
        self.said = ""
        self.silent: list[str] = []
        self.nowhere: list[str] = []
        self.untouched = 0
        self.kept = _bytes_of(self.room.root)
        self.room.keep()

    def events(self) -> int:
        return self.bench.events().count(self.scene.event) if self.scene.event else 0

    def calls(self) -> list[Event]:
        """Play the scene to its end, and list all calls that could fail."""
        played = faults.play(self.room.root, *self.scene.command, temporary=self.room.temporary)
        assert played.code in GOOD, played
        return played.events

    def failures(self, chosen: Iterable[Fault]) -> tuple[int, list[str]]:
        """Let some calls fail, and count; gives what was wrong afterwards too."""
        count, found = 0, list[str]()
        for fault in chosen:
            self.said = ""
            with self._noting(found, fault):
                count += self.hit(fault)
        return count, found

    @contextlib.contextmanager
    def _noting(self, found: list[str], fault: Fault) -> Iterator[None]:
        try:
            yield
        except (AssertionError, OSError, GitorchError) as error:
            found.append(f"{fault}: {error}\n{self.said}")
            tell(f"FAILED {found[-1]}")

    def hit(self, fault: Fault) -> bool:
        """Let a call fail, and see that all goes on; tells whether there was such a call."""
        self.room.again()
        played = faults.play(self.room.root, *self.scene.command, fault=fault, temporary=self.room.temporary)
        self.said += f"failed: {'; '.join(map(str, played.failed[:3]))}\nexit {played.code}\n{played.out}{played.err}"
        if not played.failed:
            return False
        self._is_told(played, fault)
        if played.code not in GOOD and self._is_untouched():
            self.untouched += 1
            return True
        if played.code in GOOD or self.name not in RECOVERIES:
            self._is_before_or_after(played)
        # a temporary file that the system would not let go stays there, for the system to clear away
        clings = any(str(self.room.temporary) in str(call) for call in played.failed)
        self._goes_on(temporary=None if clings else self.room.temporary)
        return True

    def _is_told(self, played: Played, fault: Fault) -> None:
        assert played.code in DOCUMENTED, "no such exit code is documented"
        words = played.out + played.err
        assert "Traceback" not in words
        assert "has a bug" not in words
        if played.code in (1, 2):
            lines = [line for line in played.err.splitlines() if line.startswith("error: ")]
            assert len(lines) == 1
            if os.strerror(fault.error) not in lines[0]:
                self.silent += lines
            if "/" not in lines[0]:
                self.nowhere += lines

    def _is_untouched(self) -> bool:
        """Tell whether all is to the byte as it was before, but for objects that nothing names: then all goes on."""
        now = _bytes_of(self.room.root)
        return self.kept.items() <= now.items() and all("/.git/objects/" in path for path in now.keys() - self.kept)

    def _is_before_or_after(self, played: Played) -> None:
        with gitorch.open(self.bench.root) as workflow:
            assert workflow.verify().problems == []
        self.bench.git("fsck", "--full", "--strict", "--no-dangling")
        lost = self.before.commits - {*self.bench.git("rev-list", "HEAD").split()}
        assert not lost, f"lost: {lost}"
        others = [path for path in self.bench.files() if path not in self.before.work.files]
        out = SPOILT.get(self.name, ()) if played.code not in GOOD else ()
        own = Bench.without(self.before.work, *out)
        found = differences(own, Bench.without(self.bench.photo(without=[*AGENTS, *others]), *out))
        assert not found, "the user's own work: " + "; ".join(found)
        assert self.events() <= self.count + 1
        assert not self.scene.event or played.code not in GOOD or self.events() == self.count + 1, "lost"

    def _goes_on(self, *, temporary: Path | None) -> None:
        if self.scene.first:
            assert self._run(*self.scene.first) == 0 or self.events() > self.count
        code = self._run(*NEXT)
        if code == 75 and self.scene.command[0] == "finish":  # it is out still: the lease says until when
            assert self._run("finish", "--exit", "0") == 0
            code = self._run(*NEXT)
        assert code in GOOD, "the next step does not succeed"
        assert_sound(self.bench.root, self.before, temporary=temporary)
        if self.scene.event and self.events() == self.count:
            assert self._run(*self.scene.command) == 0
            assert self.events() == self.count + 1

    def _run(self, *args: str) -> int:
        played = self.room.play(*args)
        self.said += f"$ {' '.join(args)}\n{played.said}"
        assert "Traceback" not in played.said
        assert "has a bug" not in played.said
        return played.code


def _bytes_of(root: Path) -> dict[str, tuple[int, bytes]]:
    found = {}
    for base, _, names in os.walk(root):
        for name in names:
            path = Path(base, name)
            if not path.name.endswith("write.lock"):  # the kernel's: the file stays
                found[str(path)] = (path.lstat().st_mode, path.read_bytes())
    return found


def single(calls: list[Event]) -> list[Fault]:
    """Let each call fail once, by one of the errors that it can end with."""
    found = []
    for number, event in enumerate(calls, 1):
        errors = faults.errors_of(event)
        found.append(Fault(number, errors[(number + ROUND) % len(errors)]))
    return found


def filling(calls: list[Event]) -> list[Fault]:
    """Let the disk be full from each moment on that takes room."""
    takes = [number for number, event in enumerate(calls, 1) if event.kind in ("write", "link", "mkdir", "create")]
    return [Fault(number, errno.ENOSPC, on=True) for number in takes]


def _stage(name: str, tmp_path: Path, factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(name, tmp_path / "room", factory.getbasetemp() / "pattern", monkeypatch)


@needs_faults
@pytest.mark.parametrize("name", SHORT)
@pytest.mark.thorough
def test_some_calls_fail(
    name: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = _stage(name, tmp_path, tmp_path_factory, monkeypatch)
    calls = stage.calls()
    pick = random.Random(f"{SEED} {name}")  # noqa: S311 - to be repeated
    changing = [each for each in single(calls) if calls[each.number - 1].kind != "open"]
    chosen = [*pick.sample(changing, SHORT[name]), *pick.sample(filling(calls), SHORT[name] - 1)]
    tell(f"{name}: seed {SEED}: {', '.join(map(str, chosen))} of {len(calls)}")
    count, failures = stage.failures(chosen)
    assert count > 0
    assert not failures, "\n".join(failures)


@needs_faults
@pytest.mark.heavy
@pytest.mark.parametrize("kind", ["single", "filling"])
@pytest.mark.parametrize("name", OWN)
def test_every_call_fails(
    name: str, kind: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = time.monotonic()
    stage = _stage(name, tmp_path, tmp_path_factory, monkeypatch)
    calls = stage.calls()
    chosen = single(calls) if kind == "single" else filling(calls)
    first, every = (int(part) for part in SLICE.split("/"))
    count, failures = stage.failures(chosen[first::every])
    tell(
        f"FIGURES {name}, {kind}: {count} faults of {len(chosen)}, {len(failures)} failures, "
        f"{stage.untouched} left all as it was, "
        f"{len(stage.silent)} errors without their cause, {len(stage.nowhere)} without a path, "
        f"{time.monotonic() - began:.0f} s"
    )
    for what, lines in (("cause", stage.silent), ("path", stage.nowhere)):
        for line, number in Counter(lines).most_common():
            tell(f"without a {what}, {number} times: {line}")
    assert not failures, "\n".join(failures)


def _away(bench: Bench, oid: str) -> None:
    path = bench.root / ".git/objects" / oid[:2] / oid[2:]
    path.rename(bench.root.parent / oid)


def _back(bench: Bench, oid: str) -> None:
    (bench.root.parent / oid).rename(bench.root / ".git/objects" / oid[:2] / oid[2:])


@pytest.mark.parametrize("spec", ["HEAD", "HEAD^{tree}", "HEAD:.tasks"])
@pytest.mark.parametrize("command", [("update", "continue", "Execute u", "--task", "u"), ("create", "v"), ("step",)])
@pytest.mark.thorough
def test_what_cannot_be_read_is_not_taken_for_empty(bench: Bench, spec: str, command: tuple[str, ...]) -> None:
    head, oid = bench.head(), bench.git("rev-parse", spec).strip()
    before = bench.everything()
    _away(bench, oid)
    done = bench.program(*command)
    assert done.code == 1, done
    assert "error: " in done.err
    assert "cannot be read" in done.err
    _back(bench, oid)
    assert bench.head() == head
    assert bench.everything() == before
    assert bench.is_sound()


@contextlib.contextmanager
def _mounted(folder: Path, *options: str) -> Iterator[None]:
    """Mount something on a folder, or skip."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk takes root")
    done = subprocess.run(("mount", *options, str(folder)), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"mount is not allowed here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(("umount", "-l", str(folder)), check=True)


def _assert_told(err: str, cause: str) -> None:
    lines = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, err
    assert cause in lines[0], err
    assert "has a bug" not in err


# what is left on the disk in each try, in bytes; from none to as much as is needed
_LEFT: Final = (0, 4096, 8192, 16384, 24576, 32768, 49152, 65536, 131072)


@pytest.mark.parametrize("left", [0, pytest.param(_LEFT[1:], marks=pytest.mark.heavy)])
def test_a_full_disk(bench: Bench, tmp_path: Path, left: int | tuple[int, ...]) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    for each in (left,) if isinstance(left, int) else left:
        with _mounted(disk, "-t", "tmpfs", "-o", "size=6m", "tmpfs"):
            _fill_and_work(Bench(disk / "repo"), bench.root, each)


def test_the_cause_is_told_where_git_does_not_tell_it(tmp_path: Path) -> None:
    failed = Completed(128, b"", "fatal: couldn't set 'refs/heads/main'\n")
    assert Git(tmp_path).why(failed) == "couldn't set 'refs/heads/main'"
    with _mounted(tmp_path, "-t", "tmpfs", "-o", "size=64k", "tmpfs"):
        rest = os.statvfs(tmp_path)
        (tmp_path / "filler").write_bytes(b"x" * (rest.f_bavail * rest.f_bsize))
        assert Git(tmp_path).why(failed) == f"couldn't set 'refs/heads/main' ({os.strerror(errno.ENOSPC)})"
        told = Completed(128, b"", "fatal: cannot open 'x': Permission denied\n")
        assert Git(tmp_path).why(told) == "cannot open 'x': Permission denied"


def _fill_and_work(bench: Bench, pattern: Path, left: int) -> None:
    subprocess.run(("cp", "-a", str(pattern), str(bench.root)), check=True)
    dirty(bench, staged=True)
    before = look(bench.root, without=AGENTS)
    rest = os.statvfs(bench.root)
    filler = bench.root.parent / "filler"
    filler.write_bytes(b"x" * (rest.f_bavail * rest.f_bsize - left))
    for command in (("create", "v"), ("update", "continue", "Execute u", "--task", "u"), NEXT):
        done = bench.program(*command)
        assert done.code in (0, 1), done
        if done.code == 1:
            _assert_told(done.err, os.strerror(errno.ENOSPC))
    filler.unlink()
    assert bench.step(NEXT[-1], code=None).code in GOOD
    assert_sound(bench.root, before)


@pytest.mark.thorough
def test_a_repository_on_a_read_only_disk_can_be_read_and_is_not_written(bench: Bench) -> None:
    before, head = bench.everything(), bench.head()
    with _mounted(bench.root, "--bind", str(bench.root)):
        subprocess.run(("mount", "-o", "remount,ro,bind", str(bench.root)), check=True)
        for args in (["status"], ["list"], ["show", "t"], ["log"], ["verify"], ["audit"], ["prompt"]):
            done = quickly(bench.root, *args)
            assert done.code == 0, done
        for args in (["create", "v"], ["update", "continue", "Execute u"], ["move", "u", "blocked"], ["step"], ["run"]):
            done = quickly(bench.root, *args)
            assert done.code == 1, done
            _assert_told(done.err, os.strerror(errno.EROFS))
            assert str(bench.root) in done.err
    assert (bench.everything(), bench.head()) == (before, head)
    assert bench.step("echo x > x.txt", code=None).code in GOOD
    assert bench.is_sound()


@pytest.mark.thorough
def test_a_repository_of_another_user_is_not_written(bench: Bench) -> None:
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("a repository of another user takes root and setpriv")
    before, head = bench.everything(), bench.head()
    for base, directories, names in os.walk(bench.root):
        for name in (".", *directories, *names):
            os.lchown(os.path.join(base, name), 65534, 65534)  # noqa: PTH118
    env = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
    # root without its capabilities: another user could not reach a checkout below a closed directory
    as_anybody = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
    for command in (("create", "v"), ("step",)):
        done = subprocess.run(
            (*as_anybody, *GITORCH, *command),
            cwd=bench.root, env={**os.environ, **env}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 1, done
        _assert_told(done.stderr, os.strerror(errno.EACCES))
    for base, directories, names in os.walk(bench.root):
        for name in (".", *directories, *names):
            os.lchown(os.path.join(base, name), 0, 0)  # noqa: PTH118
    assert (bench.everything(), bench.head()) == (before, head)


@pytest.mark.parametrize("home", ["read-only", "missing", "unset"])
@pytest.mark.thorough
def test_a_home_that_cannot_be_used(bench: Bench, tmp_path: Path, home: str) -> None:
    bench.git("config", "user.name", "Test User")
    bench.git("config", "user.email", "test@example.invalid")
    env = {key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "GIT_CONFIG_GLOBAL"))}
    env["HOME"] = str(tmp_path / "home")
    with contextlib.ExitStack() as stack:
        if home == "read-only":
            (tmp_path / "home").mkdir()
            stack.enter_context(_mounted(tmp_path / "home", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs"))
        elif home == "unset":
            del env["HOME"]
        for command in (
            ("create", "v"),
            ("step", "--agent-command", "echo x > x.txt"),
            ("status",),
            ("verify",),
            ("agents", "list"),
            ("templates", "list"),
        ):
            done = subprocess.run(
                (*GITORCH, *command), cwd=bench.root, env=env, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done
            assert "has a bug" not in done.stderr
    assert bench.is_sound()


class _Gone(Fault):
    """A folder of objects that a git gc takes away twice, in the instant in which a git wants to write into it."""

    left: list[int] = [1, 1]  # noqa: RUF012 - one play only

    def hits(self, number: int, event: Event) -> bool:  # noqa: ARG002 - whichever it is
        wanted = event.kind == "create" and "tmp_obj_" in event.path and event.program == "git"
        return wanted and bool(self.left) and self.left.pop() > 0


@needs_faults
@pytest.mark.thorough
def test_a_folder_that_git_gc_takes_away_meanwhile_is_made_again(bench: Bench, tmp_path: Path) -> None:
    played = faults.play(bench.root, "create", "v", fault=_Gone(0, errno.ENOENT), temporary=tmp_path)
    assert [event.kind for event in played.failed] == ["create", "create"]
    assert played.code == 0, played
    assert bench.states()["v"] == "pending"
    assert bench.is_sound()


class _Full(Fault):
    """A disk on which the n-th object cannot be written, at the first try or ever."""

    seen: list[str] = []  # noqa: RUF012 - emptied for each play

    def hits(self, number: int, event: Event) -> bool:  # noqa: ARG002 - counted by what is written
        if event.kind != "create" or "/objects/" not in event.path or event.program != "git":
            return False
        self.seen.append(event.path)
        return len(self.seen) == self.number or (self.on and len(self.seen) > self.number)


@needs_faults
@pytest.mark.parametrize("on", [False, True])
@pytest.mark.parametrize("number", [1, 2, 3, 4])
@pytest.mark.thorough
def test_an_object_that_cannot_be_written_is_not_taken_for_written(
    bench: Bench, tmp_path: Path, number: int, on: bool
) -> None:
    _Full.seen.clear()
    before = bench.everything()
    played = faults.play(bench.root, "create", "v", fault=_Full(number, errno.ENOSPC, on=on), temporary=tmp_path)
    assert played.failed
    assert played.code in (0, 1), played
    if played.code == 1:
        _assert_told(played.err, os.strerror(errno.ENOSPC))
        assert bench.everything() == before
    assert ("v" in bench.states()) == (played.code == 0)
    assert bench.is_sound()
