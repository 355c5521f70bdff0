"""Killed at any moment, gitorch goes on by itself: nothing lost, nothing twice, nothing lying about."""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.loop.bench import Bench
from tests.reliability.kills import Point, Room, points, tell
from tests.reliability.kills_scenes import AGENTS, NEXT, SCENES, Scene, dirty
from tests.reliability.soundness import assert_sound, look

SEED = int(os.environ.get("GITORCH_SEED", "1"))
GOOD = (0, 10, 20)


class Stage:
    """A scene that is set again and again, at the very same place."""

    def __init__(self, scene: Scene, place: Path, pattern: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.scene = scene
        self.room = Room(place)
        self.bench = Bench.make(self.room.root, pattern)
        with monkeypatch.context() as patch:
            patch.setenv("TMPDIR", str(self.room.temporary))
            if not scene.under_way:
                scene.prepare(self.bench)
            dirty(self.bench, staged=scene.staged)
            self.before = look(self.bench.root, without=AGENTS)
            if scene.under_way:
                scene.prepare(self.bench)
        self.count = self.events()
        self.said = ""
        self.room.keep()

    def events(self) -> int:
        return self.bench.events().count(self.scene.event) if self.scene.event else 0

    def points(self) -> list[Point]:
        """Play the scene to its end, and list all moments at which it could have been killed."""
        self.room.again()  # a copied index has another mark, by which more is done
        played = self.room.play(*self.scene.command)
        assert played.code in (0, 20, 75), played.said
        return points(played.events)

    def failures(self, moments: Iterable[Point]) -> tuple[int, list[str]]:
        """Kill it at some moments, and count; gives what was wrong afterwards too."""
        kills = 0
        found: list[str] = []
        for point in moments:
            self.said = ""
            with self._noting(found, point):
                kills += self.kill(point)
        return kills, found

    @contextlib.contextmanager
    def _noting(self, found: list[str], point: Point) -> Iterator[None]:
        try:
            yield
        except (AssertionError, OSError) as error:
            found.append(f"{point}: {error}\n{self.said}")
            tell(f"FAILED {found[-1]}")

    def kill(self, at: Point) -> bool:
        """Kill it at a moment, and see that all goes on; tells whether there was such a moment."""
        self.room.again()
        played = self.room.play(*self.scene.command, at=at)
        if played.code != -9:
            return False
        self._goes_on()
        return True

    def _goes_on(self) -> None:
        if self.scene.first:
            code = self.run(*self.scene.first)
            assert code == 0 or self.events() > self.count  # "no merge is in progress": it was done
        code = self.run(*NEXT)
        if code == 75 and self.scene.command[0] in ("begin", "finish"):  # it is out still: the lease says until when
            assert self.run("finish", "--exit", "0") == 0
            code = self.run(*NEXT)
        if code == 75 and "is rate-limited until" in self.said:  # the rate limit is recorded already, and holds
            code = 0
        assert code in GOOD
        self._is_sound()
        assert self.events() <= self.count + 1
        if self.scene.event and self.events() == self.count:
            assert self.run(*self.scene.command) == 0
            assert self.events() == self.count + 1
            self._is_sound()

    def run(self, *args: str) -> int:
        played = self.room.play(*args)
        assert "Traceback" not in played.said, played.said
        assert "has a bug" not in played.said, played.said
        self.said += f"$ {' '.join(args)}\n{played.said}"
        return played.code

    def _is_sound(self) -> None:
        assert_sound(self.bench.root, self.before, temporary=self.room.temporary)


def _stage(name: str, tmp_path: Path, factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(SCENES[name], tmp_path / "room", factory.getbasetemp() / "pattern", monkeypatch)


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.thorough
def test_killed_at_some_moments(
    name: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = _stage(name, tmp_path, tmp_path_factory, monkeypatch)
    found = stage.points()
    assert len(found) > 5
    chosen = random.Random(f"{SEED} {name}").sample(found, 2)  # noqa: S311 - to be repeated
    tell(f"{name}: seed {SEED}: {', '.join(map(str, chosen))} of {len(found)}")
    kills, failures = stage.failures(chosen)
    assert kills > 0
    assert not failures, "\n".join(failures)


@pytest.mark.heavy
@pytest.mark.parametrize("name", SCENES)
def test_killed_at_every_moment(
    name: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = time.monotonic()
    stage = _stage(name, tmp_path, tmp_path_factory, monkeypatch)
    kills, failures = stage.failures(stage.points())
    tell(f"FIGURES {name}: {kills} kills, {len(failures)} failures, {time.monotonic() - began:.0f} s")
    assert not failures, "\n".join(failures)
