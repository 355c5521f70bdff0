"""The decomposition templates at hand: the repository's own, and those that ship with gitorch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gitorch import data
from gitorch.core import template as template_files
from gitorch.core.expand import expand
from gitorch.core.names import TEMPLATES_DIR, nearest, quote
from gitorch.core.task import AUTO, Parameters, Task
from gitorch.core.template import FALLBACK, Template
from gitorch.core.yamlnode import YamlError
from gitorch.errors import GitorchError
from gitorch.git.repository import Repository

_MOST: Final = 1 << 20  # bytes of a template
_ENDINGS: Final = (".yaml", ".yml")


def shipped() -> dict[str, Template]:
    """Read the templates that ship with gitorch."""
    return _read_directory(data.folder("templates"), shown=None)


class Known(dict[str, Template]):
    """The templates at hand by name.

    Attributes:
        problems: the errors of files that are not valid, by the names that their files have.
    """

    def __init__(self) -> None:
        super().__init__()
        self.problems: dict[str, GitorchError] = {}


def templates(repository: Repository | None) -> Known:
    """Read all templates; one of the repository's takes the place of a shipped one of the same name.

    A file that is not valid does not keep the others from being used.
    """
    known = Known()
    known.update(shipped())
    if repository is not None and not repository.bare:
        own = _read_directory(repository.root / TEMPLATES_DIR, shown=TEMPLATES_DIR)
        known.update(own)
        known.problems.update(own.problems)
    return known


def _read_directory(directory: Path, shown: str | None) -> Known:
    found = Known()
    if not directory.is_dir():
        return found
    for filename in sorted(os.listdir(directory)):  # noqa: PTH208 - names are all we want
        if not filename.endswith(_ENDINGS) or filename.startswith("."):
            continue
        try:
            template = read_file(directory / filename, f"{shown}/{filename}" if shown else filename)
            if template.name in found:
                raise YamlError(f"{template.source}: name: {found[template.name].source} has the same")
            found[template.name] = template
        except GitorchError as error:
            found.problems[Path(filename).stem] = error
    return found


def read_file(path: Path, shown: str) -> Template:
    """Read one template file, naming it `shown` in messages."""
    if not path.is_file():
        raise GitorchError(f"{shown} is not a file", hint="check the path; gitorch templates list shows the templates")
    try:
        with path.open("rb") as file:
            data = file.read(_MOST + 1)
        if len(data) > _MOST:
            raise YamlError(f"{shown}: it has more than {_MOST} bytes")
        text = data.decode()
    except UnicodeDecodeError as error:
        raise YamlError(f"{shown}: byte {error.start + 1} is not UTF-8 text") from None
    except OSError as error:
        raise GitorchError(f"{shown}: cannot be read: {error.strerror}", hint="check its permissions") from None
    return template_files.parse(text, shown)


def pick(name: str | None, task: Task, known: Mapping[str, Template]) -> Template:
    """Find the template for a task: the one named, the task's own, else the one that its name suggests.

    Raises:
        GitorchError: there is no such template.
    """
    wanted = name or (task.template if task.template != AUTO else None)
    if wanted is None:
        chosen = template_files.choose(task.name, known.values())
        return chosen if chosen is not None else known[FALLBACK]
    if wanted not in known and isinstance(known, Known) and wanted in known.problems:
        raise known.problems[wanted]
    if wanted not in known:
        raise GitorchError(
            f"there is no template {quote(wanted)}{nearest(wanted, known)}",
            hint="list the templates: gitorch templates list",
        )
    return known[wanted]


def subtasks(
    name: str | None, task: Task, values: Parameters, known: Mapping[str, Template]
) -> tuple[Template, list[Task]]:
    """Cut a task into subtasks by a template. Parameters given now go before those in the task's file."""
    template = pick(name, task, known)
    template_files.check_nesting(template, known)
    stored = {key: value for key, value in task.parameters.items() if key in template.parameters}
    return template, expand(template, task, {**stored, **values})
