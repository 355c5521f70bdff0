"""`gitorch log`."""

from __future__ import annotations

import json
from itertools import islice

import gitorch
from gitorch import output
from gitorch.commands.show import when
from gitorch.core.message import as_dict
from gitorch.core.text import clean
from gitorch.errors import Exit


def run(*, folder: str, revs: tuple[str, ...], max_count: int | None, as_json: bool) -> int:
    """List the records."""
    with gitorch.open(folder) as workflow:
        if workflow.state().commit is None and not revs:
            return Exit.OK
        for commit, time, record in islice(workflow.records(*revs), max_count):
            if as_json:
                output.say(json.dumps({"schema": output.SCHEMA, "commit": commit, "time": time, **as_dict(record)}))
                continue
            moved = ", ".join(str(change) for change in record.changes[:3])
            more = f" (+{len(record.changes) - 3})" if len(record.changes) > 3 else ""  # noqa: PLR2004 - as above
            output.say(
                f"{output.paint(commit[:10], 'yellow')} {output.paint(when(time), 'dim')} "
                f"{clean(record.subject)}{'  ' + output.paint(moved + more, 'dim') if moved else ''}"
            )
    return Exit.OK
