"""Command lines of real options and junk, in repositories of their own: what may come is an exit code, no traceback."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import click

from gitorch import cli
from tests.reliability.fuzz_targets import Target
from tests.sandbox import Sandbox

CODES: Final = frozenset({0, 1, 2, 10, 20, 30, 75, 130})
_WORDS: Final = (
    *("main-job", "main-job-analysis", "by-hand", "asks", "nothing", "HEAD", "HEAD~2", "HEAD^{tree}", "main", "side"),
    *("pending", "running", "completed", "failed", "blocked", "continue", "research", "local", "json", "dot", "otlp"),
    *("Execute by-hand task", "word " * 16, "out.txt", "new/out.txt", "own.yaml", "a.txt", ".tasks/MAIN_TASK", "."),
    *("0", "1", "-1", "3", "999999999999", "1e9", "0.5", "NaN", "90s", "2h", "1,2", "2,+1", "/x/,/y/", "yesterday"),
    *("key=value", "=", "a=", "--", "-", "-x", "--nonsense", "--json=1", "-h", "--help", "--version", "x" * 5000),
    *("\udcff", "é日本", "a\nb", "\x1b[2J", "", " ", "..", "nowhere/at/all", "con", "[x]*?", "{item}", "%s %d", "@{u}"),
)
_COMMANDS_OF_AGENTS: Final = ("true", "false", "echo x > out.txt", "exit 75", "kill -9 $$", "cat", "gitorch --version")
_RARE: Final = frozenset({"demo", "run", "agents check"})  # they take their time
_GITORCH = Path(sys.executable).with_name("gitorch")


class Command(NamedTuple):
    """A command's words and its options, those with a value apart."""

    words: tuple[str, ...]
    flags: tuple[str, ...]
    valued: tuple[str, ...]
    arguments: int


def commands() -> list[Command]:
    """List all commands that there are, hidden ones too."""
    return sorted(_walk((), cli.cli), key=lambda each: each.words)


def _walk(words: tuple[str, ...], command: click.Command) -> Iterator[Command]:
    if isinstance(command, click.Group):
        for name, each in command.commands.items():
            yield from _walk((*words, name), each)
        return
    options = [each for each in command.params if isinstance(each, click.Option)]
    yield Command(
        words,
        tuple(name for each in options if each.is_flag for name in each.opts),
        tuple(name for each in options if not each.is_flag for name in each.opts),
        len(command.params) - len(options),
    )


class Choices:
    """Reads choices from bytes; when they are used up, all is the first."""

    def __init__(self, data: bytes) -> None:
        self._bytes = iter(data)

    def below(self, number: int) -> int:
        return next(self._bytes, 0) % number

    def of(self, things: Any) -> Any:
        return things[self.below(len(things))]

    @property
    def more(self) -> bool:
        """Tell whether there is another byte, which is used up by this."""
        return next(self._bytes, 0) > 0


class Lines:
    """Makes command lines of bytes, and runs them in a repository that is copied anew for each input."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pattern = folder / "pattern"
        self.commands = commands()
        self.path = self._programs()
        self._make()

    def _programs(self) -> str:
        """Leave on PATH only what is harmless."""
        programs = self.folder / "bin"
        programs.mkdir()
        for name in ("git", "sh", "cat", "true", "false", "env", "sed", "ps"):
            found = shutil.which(name)
            if found is not None:
                (programs / name).symlink_to(found)
        if _GITORCH.exists():
            (programs / "gitorch").symlink_to(_GITORCH)
        return str(programs)

    def _make(self) -> None:
        sandbox = Sandbox.create(self.pattern, decoys=False)
        sandbox.commit("first", **{"a.txt": "one\ntwo\nthree\n"})
        sandbox("start", "main-job", "-d", "What is it?")
        sandbox.program("step")
        sandbox("create", "by-hand", "-d", "Do it.")
        sandbox("create", "asks", "--needs", "by-hand")
        sandbox("move", "by-hand", "running")
        sandbox.program("step")
        sandbox.git("branch", "side", "HEAD~2")
        sandbox.write("own.yaml", "name: own\ndescription: x\nsubtasks:\n  - {name: a, description: b}\n")

    def run(self, data: bytes) -> bool:
        """Run a few command lines, one after the other."""
        choices = Choices(data)
        good = False
        with tempfile.TemporaryDirectory(dir=self.folder) as place:
            root = Path(place, "repo")
            shutil.copytree(self.pattern, root, symlinks=True)
            for _ in range(1 + choices.below(3)):
                args = self.line(choices)
                code, printed = self.call(root, args)
                assert code in CODES, (args, code, printed)
                assert "has a bug" not in printed, (args, printed)
                assert "Traceback" not in printed, (args, printed)
                assert code in {0, 10, 20, 30, 75} or "error: " in printed or code == 130, (args, code, printed)
                good |= code == 0
        return good

    def line(self, choices: Choices) -> list[str]:
        """Make one command line."""
        command: Command = choices.of(self.commands)
        if " ".join(command.words) in _RARE and choices.below(8):
            command = choices.of(self.commands)
        args = [*command.words, *(choices.of(_WORDS) for _ in range(command.arguments))]
        while choices.more:
            way = choices.below(8)
            if way < 3 and command.valued:
                args += self._option(choices, choices.of(command.valued))
            elif way < 5 and command.flags:
                args.append(choices.of(command.flags))
            elif way == 5:
                args.append(choices.of(_WORDS))
            elif way == 6:
                args.insert(choices.below(len(args) + 1), choices.of(_WORDS))
            elif way == 7 and len(args) > 1:
                args.pop(choices.below(len(args)))
        return [*args, "--no-wait"] if "run" in args else args

    @staticmethod
    def _option(choices: Choices, name: str) -> list[str]:
        value = choices.of(_COMMANDS_OF_AGENTS if name == "--agent-command" else _WORDS)
        return [name + "=" + value] if name.startswith("--") and choices.below(2) else [name, value]

    def call(self, root: Path, args: list[str]) -> tuple[int, str]:
        """Run the program in this process, as if started in a folder."""
        said = io.BytesIO()
        before, path = Path.cwd(), os.environ["PATH"]
        os.chdir(root)
        os.environ["PATH"] = self.path
        try:
            with (
                Path(os.devnull).open(encoding="utf-8") as empty,
                io.TextIOWrapper(said, "utf-8", "backslashreplace", write_through=True) as out,
                swapped("stdin", empty),
                contextlib.redirect_stdout(out),
                contextlib.redirect_stderr(out),
            ):
                code = cli.run(args)
                out.flush()
                printed = said.getvalue().decode()
        finally:
            os.environ["PATH"] = path
            os.chdir(before)
        return code, printed


@contextlib.contextmanager
def swapped(name: str, file: io.TextIOBase) -> Iterator[None]:
    """Put another file in the place of one of the three that programs have."""
    before = getattr(sys, name)
    setattr(sys, name, file)
    try:
        yield
    finally:
        setattr(sys, name, before)


def target(folder: Path) -> Target:
    """Make the target ready; its seeds name each command, plainly and with much beside it."""
    lines = Lines(folder)
    numbers = range(len(lines.commands))
    tails = (b"\1\0\0", bytes(range(1, 40)), bytes(range(60, 20, -1)))
    return Target(lines.run, [bytes((number % 3, number)) + tail for number in numbers for tail in tails])
