"""The program `gitorch`, also as `python -m gitorch`."""

from __future__ import annotations

import sys

from gitorch import output
from gitorch.ending import code_of


def main() -> None:
    """Run the program and exit."""
    output.setup()
    args = sys.argv[1:]
    sys.exit(_hook(args[1:]) if args[:1] == ["hook"] else _command(args))


def _hook(args: list[str]) -> int:
    """Run a hook; it is called very often, and does without the command line's parser, which takes its time."""
    from gitorch.commands import hook  # noqa: PLC0415

    return code_of(lambda: hook.run(folder=".", args=args))


def _command(args: list[str]) -> int:
    from gitorch import cli  # noqa: PLC0415

    return cli.run(args)


if __name__ == "__main__":
    main()
