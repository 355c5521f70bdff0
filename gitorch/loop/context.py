"""Pack what a fresh agent needs to know for a task into a budget of tokens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gitorch.core import plan as planner
from gitorch.core.names import task_dir
from gitorch.core.record import Record
from gitorch.core.task import Task
from gitorch.core.text import clean, one_line, quotation, without_answers
from gitorch.git.repository import Repository
from gitorch.ledger.history import failures_of, past_of
from gitorch.ledger.outlines import read_outlines
from gitorch.ledger.state import read_state
from gitorch.ledger.tasks import read_task

CHARS_PER_TOKEN: Final = 4  # what tokenizers of today's models take of English text and code, about
_MAX_NOTE: Final = 20_000  # characters of one output
_PASSAGES: Final = 40


def pack(repository: Repository, name: str, budget: int) -> str:
    """Give the task, its parent, what it builds on, what earlier attempts tried and ranked passages, as Markdown.

    Sections come in order of weight; the one that does not fit is cut, and those after it are left out.

    Args:
        repository: where to look.
        name: the task.
        budget: how many tokens there may be, at four characters each.
    """
    room = budget * CHARS_PER_TOKEN
    parts: list[str] = []
    for section in _sections(repository, name):
        if len(section) + 2 > room:
            mark = "\n[cut: the budget is used up]"
            if room > 10 * len(mark):
                parts.append(section[: room - len(mark) - 2] + mark)
            break
        parts.append(section)
        room -= len(section) + 2
    return "\n\n".join(parts) + "\n"


def _sections(repository: Repository, name: str) -> Iterator[str]:
    objects = repository.objects
    state = read_state(objects)
    tasks = read_outlines(repository, state)
    task = read_task(objects, state, name)
    yield f"# Task {name} [{state.states[name]}]\n\n{without_answers(task.description)}"
    look = past_of if state.states[name] in ("pending", "running") else failures_of
    past = look(objects, name)
    if past.answer is not None:
        yield f"## The user's answer\n\n{past.answer}"
    if past.failures:
        tried = [f"- attempt {record.attempt}, {record.outcome}: {_said(record)}" for record in past.failures]
        yield "## What earlier attempts tried\n\n" + "\n".join(tried)
    for parent in planner.family_of(tasks).ancestors(name):
        if parent in tasks:
            yield f"## Part of {parent}\n\n{without_answers(read_task(objects, state, parent).description)}"
    yield from _results(repository, task, tasks)
    yield from _passages(repository, task)


def _results(repository: Repository, task: Task, tasks: planner.Tasks) -> Iterator[str]:
    """Give what the tasks left that this one needs; a task cut into others left it in theirs."""
    from gitorch.local import sources  # noqa: PLC0415 - ranking needs SQLite, other commands do not

    family = planner.family_of(tasks)
    todo = list(reversed(task.needs))
    seen: set[str] = set()
    while todo:
        need = todo.pop()
        if need in seen:
            continue
        seen.add(need)
        todo += reversed(family.children(need))
        for path, data in sources.read_folder(repository.root, task_dir(need)):
            text = clean(data.decode(errors="replace"))[:_MAX_NOTE]
            yield f"## From {path}, as an agent left it\n\n{_quoted(text.strip())}"


def _passages(repository: Repository, task: Task) -> Iterator[str]:
    from gitorch.local import citations, passages, sources  # noqa: PLC0415 - as above

    query = f"{task.name.replace('-', ' ')} {task.description.partition('## What to do')[0]} {task.focus or ''}"
    found = passages.rank(sources.read(repository.root).files.items(), query, _PASSAGES)
    if found:
        yield "## Passages of the repository that fit best"
    for passage in found:
        yield f"{citations.cite(passage.path, passage.first, passage.last)}\n\n{_quoted(passage.text)}"


def _said(record: Record) -> str:
    return quotation(one_line(record.reason, 300)) if record.reason else "no reason given"


def _quoted(text: str) -> str:
    """Mark each line as a quotation, so that no line of a file passes for a heading or for the user's word."""
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())
