"""The program `gitorch`, also as `python -m gitorch`."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__" and not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
    del sys.path[0]  # the folder where it is called: nothing that lies there is to be imported

from gitorch import output
from gitorch.ending import code_of


def main() -> None:
    """Run the program and exit."""
    _speak_utf8()
    output.setup()
    sys.exit(_run(sys.argv[1:]))


def _speak_utf8() -> None:
    """Begin anew where the locale gives another encoding: arguments, files and what git says are UTF-8."""
    if sys.getfilesystemencoding() != "utf-8" and not sys.flags.utf8_mode and sys.executable:
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606 - ourselves


def _run(args: list[str]) -> int:
    """Run a command line; those that are called very often do without its parser, which takes half of their time."""
    if args[:1] == ["hook"]:
        from gitorch.commands import hook  # noqa: PLC0415

        return code_of(lambda: hook.run(folder=".", args=args[1:]))
    if args in (["status"], ["status", "--json"]):
        from gitorch.commands import status  # noqa: PLC0415

        return code_of(lambda: status.run(folder=".", as_json=len(args) > 1))
    if args in (["list"], ["list", "--json"]):
        from gitorch.commands import list_tasks  # noqa: PLC0415

        return code_of(lambda: list_tasks.run(folder=".", by_state=False, as_json=len(args) > 1))
    if args == ["prompt"]:
        from gitorch.commands import prompt  # noqa: PLC0415

        return code_of(lambda: prompt.run(folder=".", agent=None))
    from gitorch import cli  # noqa: PLC0415

    return cli.run(args)


if __name__ == "__main__":
    main()
