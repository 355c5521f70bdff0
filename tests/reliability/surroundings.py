"""A repository in some surroundings, and what gitorch does there: its work, or one clear refusal."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tests.loop.bench import LINES, Bench, Photo, differences
from tests.probe import assert_one_error
from tests.reliability.soundness import assert_sound, look
from tests.sandbox import GITORCH, Ran, quickly, run

WORK = 'echo work > agent.txt; echo note > "$GITORCH_TASK_DIR/note.md"; sed -i "s/^line 25$/agent 25/" doc/c.txt'
RUIN = 'for f in *.txt *.dat; do echo ruin > "$f"; done; rm -f b.txt; git add -A >/dev/null 2>&1; exit 1'
AGENTS = ("agent.txt", "doc/c.txt")
WRITES = (("create", "new"), ("move", "u", "running"), ("update", "continue", "Go on"), ("step",), ("drop", "u"))
READS = (("status", "--json"), ("list", "--json"), ("log", "--json"), ("verify", "--json"))


@dataclass(frozen=True)
class Place:
    """Where gitorch is called, and how.

    Attributes:
        bench: the work tree.
        env: variables to call it with; None takes one away.
        prefix: what stands before the program.
        plain: whether the program may be run in this process.
        fsck: whether git's own check can see all objects.
        modes: whether git keeps more of a file's mode than whether it is there.
        sparse: whether task files lie in the work tree only once gitorch has written them.
    """

    bench: Bench
    env: Mapping[str, str | None] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()
    plain: bool = True
    fsck: bool = True
    modes: bool = True
    sparse: bool = False

    def call(self, *args: str, code: int | None = 0) -> Ran:
        done = quickly(self.bench.root, *args) if self._quick else self._program(*args)
        assert code is None or done.code == code, f"gitorch {args}: exit {done.code}\n{done.out}\n{done.err}"
        assert "Traceback" not in done.err, done.err
        assert "has a bug" not in done.err, done.err
        return done

    @property
    def _quick(self) -> bool:
        return self.plain and not self.env and not self.prefix

    def _program(self, *args: str) -> Ran:
        gone = [word for key, value in self.env.items() if value is None for word in ("-u", key)]
        kept = {key: value for key, value in self.env.items() if value is not None}
        return run("env", *gone, *self.prefix, *GITORCH, *args, cwd=self.bench.root, env=kept)


class Case(NamedTuple):
    """One kind of surroundings, and what is expected there.

    Attributes:
        make: makes them of a bench.
        says: what every refusal says; None where gitorch works.
        code: with what it ends then.
        reads: whether reading works all the same.
        ends: ends what the refusal is about; then gitorch works.
        heavy: whether it is left out of the short form.
        doctor: whether doctor sees what is wrong.
    """

    make: Callable[[Bench], Place]
    says: str | None = None
    code: int = 1
    reads: bool = True
    ends: Callable[[Place], None] | None = None
    heavy: bool = True
    doctor: bool = True


def settings(*pairs: str, heavy: bool = True) -> Case:
    """Make surroundings of some of git's settings."""

    def make(bench: Bench) -> Place:
        for pair in pairs:
            bench.git("config", *pair.split("=", 1))
        return Place(bench)

    return Case(make, heavy=heavy)


def variables(*, heavy: bool = True, **env: str | None) -> Case:
    """Make surroundings of some variables."""
    return Case(lambda bench: Place(bench, env), heavy=heavy)


def uncommitted(bench: Bench) -> None:
    """Lay down work of the user's own: staged, changed, and not known to git."""
    bench.write("a.txt", "staged\n" + LINES)
    bench.git("add", "a.txt")
    bench.write("a.txt", "staged\n" + LINES + "unstaged\n")
    bench.write("doc/c.txt", LINES.replace("line 2\n", "mine 2\n"))
    bench.write("mine.txt", "mine\n")


def assert_works(place: Place) -> None:
    """Look, fail an attempt, do a task, make another one: the user's work stays, and the record holds."""
    bench = place.bench
    assert place.call("status", "--json").json["difference"] is None
    before, head = seen_of(place), bench.head()
    failed = place.call("step", "--agent-command", RUIN, "--json").json
    assert failed["outcome"] == "failed", failed
    assert differences(before, seen_of(place)) == []
    assert bench.git("diff", "--raw", head, "HEAD") == ""
    seen = look(bench.root, without=AGENTS)
    mine = bench.photo(without=AGENTS)
    done = place.call("step", "--agent-command", WORK, "--json").json
    assert (done["action"], done["task"], done["outcome"]) == ("execute", "t", "completed"), done
    assert not done.get("notes"), done
    assert bench.committed("agent.txt") == "work\n"
    assert bench.committed(".tasks/t/note.md") == "note\n"
    assert bench.committed("doc/c.txt") == LINES.replace("line 25\n", "agent 25\n")
    assert "mine 2\n" in bench.read("doc/c.txt")
    place.call("create", "extra", "-d", "Größe — 日本")
    place.call("move", "extra", "running")
    assert place.call("list", "--json").json["tasks"]
    assert place.call("verify", "--json").json["ok"]
    place.call("doctor")
    assert differences(mine, bench.photo(without=AGENTS)) == []
    if place.fsck:
        assert_sound(bench.root, seen, acknowledged=[done["commit"]])


def assert_refused(place: Place, case: Case) -> None:
    """See that nothing is written, that each refusal is clear, and what can be read."""
    bench = place.bench
    before, refs = _files(place, case), _refs(bench)
    for args in WRITES:
        done = place.call(*args, code=case.code)
        assert_one_error(done)
        assert case.says is not None
        assert case.says in done.err, done.err
    for args in READS:
        done = place.call(*args, code=0 if case.reads else case.code)
        assert case.reads or (case.says or "") in done.err, done.err
    place.call("doctor", code=1 if case.doctor else 0)
    assert _refs(bench) == refs
    assert differences(before, _files(place, case)) == []
    if case.ends is not None:
        case.ends(place)
        place.call("step", "--agent-command", "echo work > agent.txt")
        assert place.call("verify", "--json").json["ok"]


def check(case: Case, bench: Bench) -> None:
    """Put a bench into its surroundings, and see what gitorch does there."""
    place = case.make(bench)
    if case.says is not None:
        assert_refused(place, case)
        return
    assert_works(place)


def _refs(bench: Bench) -> str:
    return bench.git("for-each-ref", ok=False) + bench.git("rev-parse", "-q", "--verify", "HEAD", ok=False)


def seen_of(place: Place) -> Photo:
    """Look at all but what git does not know of, or does not lay down, in such a place."""
    photo = place.bench.everything()
    if place.sparse:
        photo = place.bench.without(photo, ".tasks")
    files = photo.files if place.modes else {path: (0, data) for path, (_, data) in photo.files.items()}
    return photo._replace(files=files)


def _files(place: Place, case: Case) -> Photo:
    return place.bench.everything() if case.reads else Photo([], [], place.bench.files())


def program_on_path(folder: Path, name: str, text: str) -> Path:
    """Write a small program of the user's."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


def outside_settings() -> Path:
    """Give the user's own git settings."""
    return Path(os.environ["GIT_CONFIG_GLOBAL"])
