"""The help screens: everyday commands in groups, all commands, and suggestions for words that name no command."""

from __future__ import annotations

import difflib
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

import click

# what most people need, in the order in which they need it
EVERYDAY: Final[Mapping[str, tuple[str, ...]]] = {
    "Begin": ("init", "start", "create"),
    "Work": ("run", "step"),
    "Look": ("status", "list", "show", "log", "report"),
    "Decide": ("answer", "retry", "skip", "edit", "move", "update"),
    "Finish": ("verify", "archive", "abandon"),
}
FURTHER: Final[Mapping[str, tuple[str, ...]]] = {
    "Begin": ("demo", "templates", "agents", "trust"),
    "Work": ("begin", "finish", "decompose", "context", "prompt"),
    "Look": ("audit", "blame", "export", "doctor"),
    "Decide": ("drop",),
    "History": ("rewind", "fork", "merge", "adopt", "hooks"),
    "Help": ("help",),
}
# words that people try, and the command that does it
_MEANT: Final = {
    "add": "create",
    "commands": "help",
    "continue": "run",
    "cost": "audit",
    "costs": "audit",
    "delete": "drop",
    "diff": "show",
    "done": "move",
    "end": "abandon",
    "go": "run",
    "history": "log",
    "ls": "list",
    "new": "create",
    "next": "step",
    "ready": "list",
    "remove": "drop",
    "reset": "rewind",
    "resume": "run",
    "rm": "drop",
    "state": "status",
    "stop": "abandon",
    "task": "create",
    "tasks": "list",
    "undo": "rewind",
    "work": "run",
}
_WIDEST: Final = 100  # columns
_DIGITS: Final = 18  # of a number, at most
_TITLE: Final = "Run coding agents through a workflow that is stored entirely in git."
_OPTIONS: Final = ("-C DIR", "--version", "-h, --help")


def help_width() -> int:
    """Return how many columns help may take: those of the terminal, at most 100. Click itself never uses under 50."""
    return max(20, min(shutil.get_terminal_size().columns, _WIDEST) - 2)


def number(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return a type for options: a whole number within bounds."""
    bounds = f"of at least {least}" if most is None else f"from {least} to {most}"

    def convert(value: str) -> int:
        text = str(value)  # a default is a number already
        if text.isascii() and text.removeprefix("-").isdigit() and len(text) <= _DIGITS:
            found = int(text)
            if least <= found and (most is None or found <= most):
                return found
        raise click.BadParameter(f"use a whole number {bounds}, not '{text}'")

    return convert


class HelpGroup(click.Group):
    """A group of commands whose help fits a terminal, and that shows it where no command is named."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write all commands of a subgroup, no summary cut."""
        write_rows(formatter, "Commands", [(name, self.commands[name]) for name in self.list_commands(ctx)])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; for an unknown word the error names what is probably meant."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            hint = _suggestion(name, self.commands)
            raise click.UsageError(f"there is no command '{name}'{hint}", ctx)
        return super().resolve_command(ctx, args)


class MainGroup(HelpGroup):
    """The program's own group: its help is the everyday screen."""

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the everyday screen."""
        write_everyday(self, ctx, formatter)


def everyday(group: click.Group, ctx: click.Context) -> str:
    """Return the screen of everyday commands."""
    formatter = ctx.make_formatter()
    write_everyday(group, ctx, formatter)
    return formatter.getvalue().rstrip("\n")


def complete(group: click.Group, ctx: click.Context) -> str:
    """Return the screen of all commands."""
    formatter = ctx.make_formatter()
    formatter.write_text(_TITLE)
    titles = dict.fromkeys((*EVERYDAY, *FURTHER))
    for title in titles:
        names = (*EVERYDAY.get(title, ()), *FURTHER.get(title, ()))
        write_rows(formatter, title, [*_expanded(group, names)])
    return formatter.getvalue().rstrip("\n")


def write_everyday(group: click.Group, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Write the everyday commands in groups, at most 24 lines at 80 columns."""
    formatter.write_text(_TITLE)
    rows = [
        (f"{title if place == 0 else '':<8}{name}", summary(group.commands[name]))
        for title, names in EVERYDAY.items()
        for place, name in enumerate(name for name in names if name in group.commands)
    ]
    formatter.write_paragraph()
    formatter.write_dl(rows, col_max=18)
    formatter.write_paragraph()
    prog = ctx.command_path
    formatter.write_text(f"More: {prog} help --all, {prog} help COMMAND. Options: {', '.join(_OPTIONS)}")


def write_rows(formatter: click.HelpFormatter, title: str, rows: list[tuple[str, click.Command]]) -> None:
    """Write commands below a title, each with its whole summary."""
    listed = [(name, summary(command)) for name, command in rows if not command.hidden]
    if listed:
        with formatter.section(title):
            formatter.write_dl(listed, col_max=20)


def summary(command: click.Command) -> str:
    """Return the first sentence of a command's help."""
    first, _, _ = (command.help or "").strip().partition("\n\n")
    return " ".join(first.split()).rstrip(".")


def problem_of(error: click.UsageError) -> str:
    """Return what is wrong with a command line, in the words of the other errors and on one line."""
    if isinstance(error, click.NoSuchOption):
        known = [name for param in error.ctx.command.params for name in param.opts] if error.ctx is not None else []
        return f"there is no option '{error.option_name}'{_nearest(error.option_name, known, 1)}"
    if isinstance(error, click.MissingParameter) and error.param is not None:
        kind = error.param.type
        choices = f"; it is one of: {', '.join(map(str, kind.choices))}" if isinstance(kind, click.Choice) else ""
        return f"{error.param.param_type_name} {error.param.get_error_hint(error.ctx)} is missing{choices}"
    if isinstance(error, click.BadParameter) and error.param is not None:
        return f"{error.param.get_error_hint(error.ctx)}: {' '.join(error.message.split()).rstrip('.')}"
    text = " ".join(error.format_message().split()).rstrip(".")
    return text[:1].lower() + text[1:]


def _expanded(group: click.Group, names: tuple[str, ...]) -> Iterator[tuple[str, click.Command]]:
    """Yield commands by name, the commands of a subgroup one by one."""
    for name in names:
        command = group.commands.get(name)
        if isinstance(command, click.Group):
            yield from ((f"{name} {each}", inner) for each, inner in command.commands.items())
        elif command is not None:
            yield name, command


def _suggestion(word: str, known: Mapping[str, click.Command]) -> str:
    meant = _MEANT.get(word)
    if meant in known:
        return f"; use '{meant}'"
    visible = [name for name, command in known.items() if not command.hidden]
    return _nearest(word, visible, 2)


def _nearest(word: str, known: Iterable[str], most: int) -> str:
    near = difflib.get_close_matches(word, [*known], most)
    return f"; did you mean {' or '.join(repr(name) for name in near)}?" if near else ""
