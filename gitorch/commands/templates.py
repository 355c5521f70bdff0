"""`gitorch templates list`, `show` and `check`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gitorch import output
from gitorch.core import template as template_files
from gitorch.core.expand import expand
from gitorch.core.names import nearest, quote
from gitorch.core.task import Task
from gitorch.core.template import Template
from gitorch.core.text import counted
from gitorch.errors import Exit, GitorchError
from gitorch.git.repository import open_repository
from gitorch.loop import catalog
from gitorch.loop.catalog import Known


def run(*, folder: str, what: str, as_json: bool, name: str | None = None) -> int:
    """List, show or check templates."""
    known = _known(folder)
    if what == "list":
        return _list(known, as_json=as_json)
    if what == "check":
        return _check(Path(folder, name or ""), name or "", known, as_json=as_json)
    if name in known.problems and name not in known:
        raise known.problems[name]
    if name is None or name not in known:
        raise GitorchError(
            f"there is no template {quote(name or '')}{nearest(name or '', known)}",
            hint="list the templates: gitorch templates list",
        )
    return _show(known[name], as_json=as_json)


def _known(folder: str) -> Known:
    try:
        repository = open_repository(folder)
    except GitorchError:
        return catalog.templates(None)  # templates can be read anywhere
    return catalog.templates(repository)


def _list(known: Known, *, as_json: bool) -> int:
    if as_json:
        problems = [{"name": name, "problem": error.message} for name, error in sorted(known.problems.items())]
        output.document(templates=[_summary(template) for template in known.values()], problems=problems)
        return Exit.OK
    width = max(map(len, known))
    for name in sorted(known):
        output.say(f"{name:<{width}}  {known[name].description.split(chr(10))[0]}")
    for _, error in sorted(known.problems.items()):
        output.note(f"not valid: {error.message}")
    return Exit.OK


def _summary(template: Template) -> dict[str, Any]:
    return {
        "name": template.name,
        "source": template.source,
        "description": template.description,
        "match": list(template.match),
        "parameters": {
            key: value if isinstance(value, str) else list(value) for key, value in template.parameters.items()
        },
        "subtasks": [subtask.name for subtask in template.subtasks],
    }


def _show(template: Template, *, as_json: bool) -> int:
    if as_json:
        output.document(**_summary(template))
        return Exit.OK
    output.say(f"{output.paint(template.name, 'bold')}  ({template.source})")
    output.say(template.description)
    if template.match:
        output.say(f"chosen for names with: {', '.join(template.match)}")
    for key, value in template.parameters.items():
        shown = value if isinstance(value, str) else ", ".join(value)
        about = template.parameter_help.get(key)
        output.say(f"--param {key}={quote(shown)}{'  ' + about if about else ''}")
    for subtask in template.subtasks:
        what = f"template {subtask.template}" if subtask.template else str(subtask.work["kind"])
        needs = f"  needs {', '.join(subtask.needs)}" if subtask.needs else ""
        each = f"  for each of {subtask.foreach}" if subtask.foreach else ""
        output.say(f"  {subtask.name}  ({what}){needs}{each}")
        for path in subtask.work["outputs"]:
            output.say(f"    -> {path}")
    return Exit.OK


def _check(path: Path, shown: str, known: Known, *, as_json: bool) -> int:
    template = catalog.read_file(path, shown)
    template_files.check_nesting(template, {**known, template.name: template})
    made = expand(template, Task(name="example"), {})
    if as_json:
        output.document(ok=True, name=template.name, subtasks=[task.name for task in made])
        return Exit.OK
    output.say(f"{shown}: template {template.name} is valid; it creates {counted(len(made), 'subtask')}:")
    for task in made:
        output.say(f"  {task.name}")
    return Exit.OK
