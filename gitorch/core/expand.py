"""From a template and a task to the task's subtasks, with names, texts and parameters filled in."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping

from gitorch.core.main_task import sentence_problem
from gitorch.core.names import name_problem, quote, slugify
from gitorch.core.task import Parameters, Task, output_problem, touches_problem
from gitorch.core.template import HINT, MAX_SUBTASKS, PLACEHOLDER, WHOLE_PLACEHOLDER, Subtask, Template, fault
from gitorch.core.yamlnode import YamlError
from gitorch.core.yamltext import did_you_mean
from gitorch.errors import GitorchError


def expand(template: Template, parent: Task, values: Parameters) -> list[Task]:
    """Make the subtasks of `parent` by a template, `values` in place of the parameters' defaults.

    Raises:
        GitorchError: an unknown parameter, a name that is too long or comes out twice, too many subtasks.
    """
    for name in values:
        if name not in template.parameters:
            raise GitorchError(
                f"template {template.name} has no parameter {quote(name)}{did_you_mean(name, template.parameters)}",
                hint=f"gitorch templates show {template.name}",
            )
    filled: dict[str, str | tuple[str, ...]] = {**template.parameters, **values}
    about = {"task": parent.name, "description": _plain_description(parent)}
    expanded = {subtask.name: _items(template, subtask, filled) for subtask in template.subtasks}
    if (count := sum(map(len, expanded.values()))) > MAX_SUBTASKS:
        raise YamlError(f"{template.source}: {count} subtasks, {MAX_SUBTASKS} are allowed", hint=HINT)
    local = {name: [_local_name(name, item) for item in items] for name, items in expanded.items()}
    tasks: list[Task] = []
    for subtask in template.subtasks:
        for item, own in zip(expanded[subtask.name], local[subtask.name], strict=True):
            texts = {**{k: _joined(v) for k, v in filled.items()}, **about, **({} if item is None else {"item": item})}
            tasks.append(_make(template, subtask, own, texts, filled, parent, local, len(tasks) + 1))
    names = [task.name for task in tasks]
    for subtask in template.subtasks:
        for own in local[subtask.name]:
            if names.count(f"{parent.name}-{own}") > 1:
                raise fault(template, subtask, "foreach", f"{quote(own)} comes out twice")
    return tasks


def _make(
    template: Template,
    subtask: Subtask,
    own: str,
    texts: Mapping[str, str],
    filled: Parameters,
    parent: Task,
    local: Mapping[str, list[str]],
    order: int,
) -> Task:
    name = f"{parent.name}-{own}"
    if (problem := name_problem(name)) is not None:
        raise fault(template, subtask, "name", f"{quote(name)}: {problem}")
    focus = None if subtask.focus is None else _fill(subtask.focus, texts)
    if focus is not None and (problem := sentence_problem(focus)) is not None:
        raise fault(template, subtask, "focus", f"{quote(focus)}: {problem}")
    work = dict(subtask.work)
    work["outputs"] = tuple(_fill(path, texts) for path in work["outputs"])
    for path in work["outputs"]:
        if (problem := output_problem(path)) is not None:
            raise fault(template, subtask, "outputs", f"{quote(path)}: {problem}")
    work["touches"] = tuple(_fill(glob, texts) for glob in work["touches"])
    for glob in work["touches"]:
        if (problem := touches_problem(glob)) is not None:
            raise fault(template, subtask, "touches", f"{quote(glob)}: {problem}")
    work["check"] = tuple(line for check in work["check"] if (line := _check_line(check, texts)))
    parameters: dict[str, str | tuple[str, ...]] = {
        key: _fill(value, texts) if isinstance(value, str) else tuple(_fill(text, texts) for text in value)
        for key, value in subtask.parameters.items()
    }
    if subtask.template is None and (work["run"] or work["check"]):
        parameters = {**filled, **({"item": texts["item"]} if "item" in texts else {})}
    for inherited in ("agent", "model"):
        work[inherited] = work[inherited] or getattr(parent, inherited)
    return Task(
        name=name,
        parent=parent.name,
        needs=tuple(f"{parent.name}-{each}" for need in subtask.needs for each in local[need]),
        order=order,
        template=subtask.template,
        parameters=parameters,
        focus=focus,
        description=f"# {name}\n\n{_fill(subtask.description, texts)}",
        **work,
    )


def _check_line(check: str, texts: Mapping[str, str]) -> str:
    """Return the line of a check: as it is, or the value of the parameter that it consists of; empty for none."""
    match = WHOLE_PLACEHOLDER.fullmatch(check.strip())
    return check if match is None else texts.get(match[1], check).strip()


def _items(template: Template, subtask: Subtask, filled: Parameters) -> list[str | None]:
    if subtask.foreach is None:
        return [None]
    values = filled[subtask.foreach] if isinstance(subtask.foreach, str) else subtask.foreach
    items = [piece.strip() for piece in values.split(",")] if isinstance(values, str) else list(values)
    if not [item for item in items if item]:
        given = subtask.foreach if isinstance(subtask.foreach, str) else "items"
        raise fault(template, subtask, "foreach", f"the list is empty: give it with --param {given}=A,B,C")
    return [item for item in items if item]


def _local_name(name: str, item: str | None) -> str:
    if item is None:
        return name
    slug = _slug(item)
    return name.replace("{item}", slug) if "{item}" in name else f"{name}-{slug}"


def _slug(item: str) -> str:
    """Make a part of a name of any text; where letters are lost, a digest keeps items apart: 日本 and 中国 differ."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", item.casefold()) if not unicodedata.combining(c))
    slug = slugify(plain) or ""
    if slug and not any(c.isalnum() and not c.isascii() for c in plain):
        return slug
    digest = hashlib.sha256(item.encode(errors="surrogatepass")).hexdigest()[:6]
    return f"{slug}-{digest}" if slug else f"x{digest}"


def _fill(text: str, values: Mapping[str, str]) -> str:
    def one(match: re.Match[str]) -> str:
        return "{" if match[1] is None else values.get(match[1], match[0])

    return PLACEHOLDER.sub(one, text)


def _joined(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else ", ".join(value)


def _plain_description(task: Task) -> str:
    first, _, rest = task.description.partition("\n")
    text = rest if first.strip() == f"# {task.name}" else task.description  # create and start write that heading
    return text.strip() or task.name
