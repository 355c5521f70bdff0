"""Make the reference in docs/commands.md from the program itself: `python -m tests.docs`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from gitorch.cli import cli

PAGE: Final = Path(__file__).parents[1] / "docs" / "commands.md"
MARK: Final = "<!-- From here on this page is made from the program: python -m tests.docs -->\n"


def commands(group: click.Group = cli, *above: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Go through all commands that are not hidden, with the words that call them."""
    for name, command in sorted(group.commands.items()):
        if command.hidden:
            continue
        if isinstance(command, click.Group):
            yield from commands(command, *above, name)
        else:
            yield (*above, name), command


def reference() -> str:
    """Write the reference of all commands as Markdown."""
    parts = [_options("Before any command:", cli)]
    parts += [part for words, command in commands() for part in _section(words, command)]
    return "\n\n".join(part for part in parts if part) + "\n"


def page(now: str) -> str:
    """Give the whole page: what people wrote, then the reference."""
    written, mark, _ = now.partition(MARK)
    return f"{written}{mark}\n{reference()}"


def _section(words: tuple[str, ...], command: click.Command) -> list[str]:
    usage = ["gitorch", *words, *(_argument(each) for each in command.params if isinstance(each, click.Argument))]
    text = inspect.cleandoc(command.help or "").replace("\b\n", "")
    return [f"### gitorch {' '.join(words)}", f"    {' '.join(usage)}", text, _options("", command)]


def _argument(argument: click.Argument) -> str:
    name = argument.metavar or (argument.name or "").strip("_").upper()
    return name if argument.required or name.startswith("[") else f"[{name}]"


def _options(title: str, command: click.Command) -> str:
    rows = [
        f"| `{', '.join(each.opts)}{' ' + each.metavar if each.metavar else ''}` | {each.help or ''} |"
        for each in command.params
        if isinstance(each, click.Option)
    ]
    head = "| option | what it does |\n| --- | --- |\n"
    return f"{title}\n\n{head}{chr(10).join(rows)}".strip() if rows else ""


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
