"""`gitorch context`."""

from __future__ import annotations

import gitorch
from gitorch import output
from gitorch.core.names import check_name
from gitorch.core.text import clean
from gitorch.errors import Exit
from gitorch.loop import context


def run(*, folder: str, name: str, budget: int, as_json: bool) -> int:
    """Print the context of a task."""
    check_name(name)
    with gitorch.open(folder) as workflow:
        workflow.state().state_of(name)
        text = context.pack(workflow.repository, name, budget)
    if as_json:
        output.document(task=name, budget=budget, tokens=len(text) // context.CHARS_PER_TOKEN, context=text)
    else:
        output.write(clean(text))
    return Exit.OK
