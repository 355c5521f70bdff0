"""A power cut while an agent works: what it leaves of files that git has not synced."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.loop.bench import Bench, wait_for
from tests.reliability.powercuts import start_anew

needs_boot_id = pytest.mark.skipif(
    not Path("/proc/sys/kernel/random/boot_id").exists(), reason="the boot has no id here"
)
FIRST = "mkdir -p lib; echo one > lib/one.txt; echo more >> b.txt; git add -A lib b.txt; git commit -qm first"
SECOND = "echo two > lib/two.txt; git add lib; git commit -qm second"


def cut(bench: Bench, agent: str, *meanwhile: str, then: str = "true") -> None:
    """Have an agent do something, then perhaps gitorch, then the agent once more, and everything die while it waits."""
    waiting, go = bench.root.parent / "waiting", bench.root.parent / "go"
    ask = f"touch {waiting}; while [ ! -e {go} ]; do sleep 0.01; done"
    step = bench.start("step", "--agent-command", f"{agent}; {ask}; {then}; rm {waiting}; sleep 600")
    wait_for(waiting.exists)
    if meanwhile:
        bench(*meanwhile)
    go.touch()
    wait_for(lambda: not waiting.exists())
    os.killpg(step.pid, signal.SIGKILL)
    step.communicate()


def tear(bench: Bench, *revs: str) -> None:
    """Leave of objects what a power cut may leave, and have the machine have started anew."""
    for oid in bench.git("rev-parse", *revs).split():
        path = bench.root / ".git/objects" / oid[:2] / oid[2:]
        path.chmod(0o644)
        path.write_bytes(b"")
    start_anew(bench.root)


def goes_on(bench: Bench) -> None:
    bench.step("echo done > done.txt")
    assert bench.events()[-3:] == ["recover", "begin", "end"]
    assert bench.committed("done.txt") == "done\n"
    assert bench.is_sound()
    assert bench.git("log", "--format=%s", "--grep=^first", "--grep=^second") == "", "the agent's own commits are gone"
