"""Fuzzing for hours: `python -m tests.reliability.fuzz TARGET --runs N`, guided by coverage where atheris is installed.

Targets: main-task, task, template, message, trailers, report, output, agent, arguments, history. A fault ends the run:
the input is shrunk, written to a file and shown.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.util
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from tests.reliability.fuzz_targets import Target

NAMES: Final = (
    *("main-task", "task", "template", "message", "trailers"),
    *("report", "output", "agent", "arguments", "history"),
)
SECONDS: Final = 120  # for one input, as a safety net
MEMORY: Final = 2 << 30  # bytes, likewise
_LENGTHS: Final = {"main-task": 600, "arguments": 64, "history": 400, "trailers": 400, "message": 4096}


class TooLong(Exception):
    """An input took longer than any should."""


@contextlib.contextmanager
def limited(seconds: int = SECONDS) -> Iterator[None]:
    """Stop what hangs."""

    def stop(_number: int, _frame: object) -> None:
        raise TooLong(f"over {seconds} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def target(name: str, folder: Path) -> Target:
    """Make a target ready; `folder` is for what it has to write."""
    targets: Any = importlib.import_module("tests.reliability.fuzz_targets")
    simple = {
        "main-task": targets.main_task_target,
        "task": targets.task_target,
        "template": targets.template_target,
        "message": targets.message_target,
        "output": targets.output_target,
        "agent": targets.agent_target,
    }
    if name in simple:
        made: Target = simple[name]()
    elif name == "report":
        made = targets.report_target(folder)
    else:
        made = importlib.import_module(f"tests.reliability.fuzz_{name}").target(folder)
    return made


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.reliability.fuzz", description=__doc__)
    options.add_argument("name", metavar="TARGET", choices=NAMES)
    options.add_argument("--runs", type=int, default=100_000, metavar="N")
    options.add_argument("--seed", type=int, default=int(os.environ.get("GITORCH_SEED", "1")))
    options.add_argument("--engine", choices=("atheris", "seeded"))
    options.add_argument("--seconds", type=int, default=0, help="stop after so long (default: never)")
    options.add_argument("--input", type=Path, help="run this one input alone")
    chosen = options.parse_args()
    guided = chosen.engine != "seeded" and importlib.util.find_spec("atheris") is not None
    if chosen.engine == "atheris" and not guided:
        options.error("atheris is not installed here")
    with tempfile.TemporaryDirectory(prefix="gitorch-fuzz-") as folder:
        seal(Path(folder))
        work = Path(folder, "work")
        work.mkdir()
        if chosen.input is not None:
            print(target(chosen.name, work).run(chosen.input.read_bytes()))  # noqa: T201 - a program
            return 0
        return (_guided if guided else _seeded)(chosen, work)


def seal(folder: Path) -> None:
    """Keep away from the user's own settings, and from programs that cost something."""
    for key in [key for key in os.environ if key.startswith(("GIT_", "GITORCH_", "XDG_", "ANTHROPIC_", "OPENAI_"))]:
        del os.environ[key]
    home = folder / "home"
    home.mkdir(exist_ok=True)
    (home / ".gitconfig").write_text(
        "[user]\n\tname = Test User\n\temail = test@example.invalid\n[init]\n\tdefaultBranch = main\n[gc]\n\tauto = 0\n"
    )
    os.environ.update(
        HOME=str(home),
        GIT_CONFIG_NOSYSTEM="1",
        GIT_CONFIG_GLOBAL=str(home / ".gitconfig"),
        GIT_CEILING_DIRECTORIES=str(folder),
        LC_ALL="C.UTF-8",
    )


def _seeded(chosen: argparse.Namespace, work: Path) -> int:
    from tests.reliability.fuzz_mutate import Mutator  # noqa: PLC0415 - the other engine imports otherwise

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    made = target(chosen.name, work)
    mutator = Mutator(made.seeds, chosen.seed)
    began, taken, runs = time.monotonic(), 0, 0
    while runs < chosen.runs and not (chosen.seconds and time.monotonic() - began > chosen.seconds):
        data = mutator.next()
        runs += 1
        try:
            with limited():
                if made.run(data):
                    taken += 1
                    mutator.keep(data)
        except Exception:  # noqa: BLE001 - whatever it is, it is a fault
            traceback.print_exc()
            return _tell(made, data)
    seconds = time.monotonic() - began
    print(f"{chosen.name}: {runs} runs in {seconds:.0f} s, {taken} inputs taken, 0 crashes, seed {chosen.seed}")  # noqa: T201 - a program
    return 0


def _tell(made: Target, data: bytes) -> int:
    from tests.reliability.fuzz_mutate import shrink  # noqa: PLC0415 - as above

    kind = fault(made, data)
    small = shrink(data, lambda less: fault(made, less) == kind)
    path = Path(f"crash-{kind}.bin").absolute()
    path.write_bytes(small)
    print(f"a fault ({kind}) with {small!r}; it is in {path}")  # noqa: T201 - a program
    return 1


def fault(made: Target, data: bytes) -> str | None:
    """Name the kind of fault that an input shows."""
    try:
        with limited():
            made.run(data)
    except Exception as error:  # noqa: BLE001 - as above
        return type(error).__name__
    return None


def _guided(chosen: argparse.Namespace, work: Path) -> int:
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["gitorch"]):
        made = target(chosen.name, work)
    tokens: Any = importlib.import_module("tests.reliability.fuzz_mutate").TOKENS
    corpus = work / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(made.seeds):
        (corpus / f"{number}").write_bytes(seed)
    words = work / "words"
    words.write_text("".join('"' + "".join(f"\\x{byte:02x}" for byte in token[:64]) + '"\n' for token in tokens))

    def one(data: bytes) -> None:
        made.run(data)

    arguments = [
        *(
            sys.argv[0],
            f"-atheris_runs={chosen.runs}",
            f"-seed={chosen.seed}",
            f"-dict={words}",
            "-print_final_stats=1",
        ),
        *(
            f"-max_len={_LENGTHS.get(chosen.name, 8192)}",
            f"-timeout={SECONDS}",
            f"-rss_limit_mb={MEMORY >> 20}",
            "-len_control=0",
        ),
        *((f"-max_total_time={chosen.seconds}",) if chosen.seconds else ()),
        str(corpus),
    ]
    atheris.Setup(arguments, one, internal_libfuzzer=True)
    atheris.Fuzz()  # it ends the process, and has told what it did
    return 0


if __name__ == "__main__":
    sys.exit(main())
