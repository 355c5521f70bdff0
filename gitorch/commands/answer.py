"""`gitorch answer`."""

from __future__ import annotations

import sys

import click

import gitorch
from gitorch import output
from gitorch.errors import Exit, GitorchError


def run(*, folder: str, text: str | None) -> int:
    """Answer the question that blocks the workflow."""
    with gitorch.open(folder) as workflow:
        if text is None:
            text = _ask(workflow.question())
        record = workflow.answer(text).record
    for change in record.changes:
        output.say(str(change))
    if record.main_task is not None:
        output.say(f"next: {record.main_task.next}")
    return Exit.OK


def _ask(question: str | None) -> str:
    """Show the question and ask for the answer.

    Raises:
        GitorchError: there is no question, or nobody can be asked.
    """
    if question is None:
        raise GitorchError("there is no question: the workflow is not blocked", hint="see gitorch status")
    output.say(question)
    if not sys.stdin.isatty():
        raise GitorchError("the answer is missing", hint="gitorch answer 'TEXT'", code=Exit.USAGE)
    return str(click.prompt("Your answer", prompt_suffix=": ", err=True))
