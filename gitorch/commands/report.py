"""`gitorch report`."""

from __future__ import annotations

from pathlib import Path

import gitorch
from gitorch import output
from gitorch.commands.target import target_file
from gitorch.errors import Exit
from gitorch.report import file


def run(*, folder: str, rev: str, target: str, link_base: str | None) -> int:
    """Write one page about the history."""
    path = Path(folder, target)
    if target != "-":
        file.check(path)
    with gitorch.open(folder) as workflow:
        if target != "-":
            path = target_file(workflow.repository.root, folder, target)
        page = workflow.report(rev, link_base=link_base)
    if target == "-":
        output.write(page)
        return Exit.OK
    file.write(path, page)
    output.say(f"wrote {path}  ({len(page.encode()) / 1e6:.1f} MB)")
    if target == file.DEFAULT:
        output.note("note: it is not committed; -o FILE writes it somewhere else")
    return Exit.OK
