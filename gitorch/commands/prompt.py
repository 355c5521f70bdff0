"""`gitorch prompt`. It imports little, as `status` does: people and loops call it often."""

from __future__ import annotations

from gitorch import output
from gitorch.core.record import Totals
from gitorch.core.text import clean
from gitorch.errors import Exit
from gitorch.git.repository import open_repository
from gitorch.ledger.state import read_state
from gitorch.loop import prompt
from gitorch.loop.ahead import Options, choose, current


def run(*, folder: str, agent: str | None) -> int:
    """Print the prompt of the next invocation."""
    repository = open_repository(folder)
    try:
        state = read_state(repository.objects)
        main_task = current(repository, state)
        if main_task.status != "continue":
            output.note(f"the workflow is {main_task.status}: there is no next invocation")
            return Exit.OK
        plan, text = prompt.of_next(repository, choose(repository, state, Options(agent=agent), Totals()))
    finally:
        repository.close()
    if text is not None:
        output.write(clean(text))
    elif plan.action == "decompose":
        output.note(f"the next step divides {plan.task} by a template; it sends no prompt")
    else:
        output.note(f"the next step runs the command of {plan.task}; it sends no prompt")
    return Exit.OK
