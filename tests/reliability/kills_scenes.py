"""What is under way when gitorch is killed: commands, and the repositories they are given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from tests.guard.cuts import tear
from tests.loop.bench import LINES, Bench

AGENT: Final = (
    "echo agent >> b.txt; echo 'by the agent' > out.txt; git add out.txt; git commit -qm 'my own'; echo x >> count.txt"
)
AGENTS: Final = ("b.txt", "out.txt", "count.txt", "side.txt", "main.txt", "work.txt")
NEXT: Final = ("step", "--agent-command", f"test -e count.txt || {{ {AGENT}; }}")


class Scene(NamedTuple):
    """A command to be killed.

    Attributes:
        prepare: sets the scene, before the user's own changes.
        command: what is run.
        event: the event that it records once, however often it is run.
        staged: whether the user has staged something too.
        under_way: whether the scene begins an invocation: the user's own changes are made before that.
        first: what has to be run before a step, because it does not do that by itself.
    """

    prepare: Callable[[Bench], object]
    command: tuple[str, ...]
    event: str = ""
    staged: bool = True
    first: tuple[str, ...] = ()
    under_way: bool = False


def dirty(bench: Bench, *, staged: bool) -> None:
    """Add changes of the user's own: staged, not staged, untracked."""
    if staged:
        bench.write("a.txt", LINES + "staged\n")
        bench.git("add", "a.txt")
    bench.write("a.txt", LINES + "mine\n")
    bench.write("mine.txt", "untracked\n")


def _nothing(_: Bench) -> None:
    pass


def _one_more(bench: Bench) -> None:
    bench("create", "v", "-d", "One more thing")


def _over(bench: Bench) -> None:
    bench("abandon")


def _started(bench: Bench) -> None:
    _over(bench)
    bench("start", "topic-research", "-d", "A topic")


def _asked(bench: Bench) -> None:
    bench.step("gitorch move t blocked --reason 'Which colour?'", code=None)
    assert bench.states()["t"] == "blocked"


def _worked(bench: Bench) -> None:
    bench.step("echo work > work.txt; rm -rf doc; echo 2 > b.txt")
    bench.step("echo more > work.txt", code=10)


def _parted(bench: Bench) -> None:
    bench.git("switch", "-q", "-c", "side")
    bench("create", "there", "-d", "There")
    bench("move", "u", "blocked", "--reason", "Why?")
    bench.commit("there", **{"side.txt": "side\n"})
    bench.git("switch", "-q", "main")
    bench("create", "here", "-d", "Here")
    bench.commit("here", **{"main.txt": "main\n"})


def _conflicting(bench: Bench) -> None:
    bench.git("config", "status.renames", "false")
    _parted(bench)
    bench.git("switch", "-q", "side")
    bench.commit("theirs", **{"b.txt": LINES.replace("line 5\n", "theirs\n")})
    bench.git("switch", "-q", "main")
    bench.commit("ours", **{"b.txt": LINES.replace("line 5\n", "ours\n")})
    bench.git("merge", "side", ok=False)
    bench.write("b.txt", LINES.replace("line 5\n", "both\n"))
    bench.git("add", "b.txt")


def _ahead(bench: Bench) -> None:
    bench.git("switch", "-q", "-c", "side")
    bench("create", "there", "-d", "There")
    bench.commit("there", **{"side.txt": "side\n"})
    bench.git("switch", "-q", "main")


def _unrecorded(bench: Bench) -> None:
    bench.git("mv", ".tasks/[pending]_u_task.md", ".tasks/[blocked]_u_task.md")
    bench.git("-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", "past the hooks")


def _out(bench: Bench) -> None:
    bench("begin", "--agent", "local", env={"X": "1"})
    bench.write("work.txt", "work\n")


def _cut_off(bench: Bench) -> None:
    bench.step(f"{AGENT}; rm -f doc/c.txt; echo loose > loose.txt; kill -9 $PPID", code=None)
    assert bench.states()["t"] == "running"


def _torn(bench: Bench) -> None:
    _cut_off(bench)
    tear(bench, "HEAD", "HEAD:out.txt")
    for log in ("HEAD", "refs/heads/main"):
        path = bench.root / ".git/logs" / log
        path.write_bytes(path.read_bytes()[:-50] + bytes(50))
    (bench.root / ".git/refs/heads/main").write_bytes(b"")


SCENES: Final = {
    "decompose": Scene(_started, ("step",), "decompose"),
    "execute": Scene(_nothing, ("step", "--agent-command", AGENT)),
    "execute, failing": Scene(_nothing, ("step", "--agent-command", f"{AGENT}; rm -rf doc; exit 1")),
    "execute, rate-limited": Scene(_nothing, ("step", "--agent-command", "echo part > out.txt; exit 75")),
    "execute, asking": Scene(_nothing, ("step", "--agent-command", "gitorch move t blocked --reason 'Which one?'")),
    "start": Scene(_over, ("start", "topic-research", "-d", "A topic"), "start"),
    "create": Scene(_nothing, ("create", "v", "-d", "One more thing", "--needs", "u"), "create"),
    "update": Scene(_nothing, ("update", "continue", "Execute u first", "--task", "u"), "update"),
    "move": Scene(_nothing, ("move", "u", "blocked", "--reason", "Why?"), "move"),
    "drop": Scene(_one_more, ("drop", "v"), "drop"),
    "answer": Scene(_asked, ("answer", "Blue."), "answer"),
    "rewind": Scene(_worked, ("rewind", "HEAD~4"), "rewind"),
    "rewind --work": Scene(_worked, ("rewind", "--work", "HEAD~4"), "rewind"),
    "fork -b": Scene(_worked, ("fork", "HEAD~2", "-b", "other", "--agent", "local")),
    "fork -w": Scene(_worked, ("fork", "HEAD~2", "-b", "other", "-w", "../tree", "--agent", "local")),
    "merge": Scene(_parted, ("merge", "side"), "merge"),
    "merge, forward": Scene(_ahead, ("merge", "side")),
    "merge --resolve": Scene(_conflicting, ("merge", "--resolve"), "merge", staged=False, first=("merge", "--resolve")),
    "adopt": Scene(_unrecorded, ("adopt", "--yes"), "adopt", first=("adopt", "--yes")),
    "begin": Scene(_nothing, ("begin", "--agent", "local")),
    "finish": Scene(_out, ("finish", "--exit", "0"), under_way=True),
    "recovery": Scene(_cut_off, NEXT, under_way=True),
    "recovery after a power cut": Scene(_torn, NEXT, under_way=True),
}
