"""Decomposition templates: read, check, choose and expand them."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from gitorch.core import yamltext
from gitorch.core.main_task import sentence_problem
from gitorch.core.names import name_problem, quote, slugify
from gitorch.core.task import (
    PARAMETER,
    Parameters,
    Task,
    output_problem,
    parameter_value,
    read_parameters,
    read_work_keys,
)
from gitorch.core.yamlnode import Node, YamlError
from gitorch.core.yamltext import Keys, did_you_mean
from gitorch.errors import GitorchError

FALLBACK: Final = "research"
MAX_SUBTASKS: Final = 500
MAX_NESTING: Final = 20
_HINT: Final = "docs/templates.md tells what a template may say"
_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([a-z][a-z0-9_]*)\}")
_BUILT_IN: Final = frozenset({"task", "description", "item"})


class Subtask(NamedTuple):
    """One subtask of a template, its placeholders not yet filled. `needs` and `name` are local to the template."""

    name: str
    line: int
    description: str
    needs: tuple[str, ...] = ()
    focus: str | None = None
    foreach: str | tuple[str, ...] | None = None
    template: str | None = None
    parameters: Parameters = MappingProxyType({})
    work: Mapping[str, Any] = MappingProxyType({})


class Template(NamedTuple):
    """A way to cut a task into subtasks. `source` is the file it was read from, as messages name it."""

    name: str
    source: str
    description: str
    match: tuple[str, ...] = ()
    parameters: Parameters = MappingProxyType({})
    parameter_help: Mapping[str, str] = MappingProxyType({})
    subtasks: tuple[Subtask, ...] = ()


def parse(text: str, source: str) -> Template:
    """Read a template and check all that can be checked without the others.

    Raises:
        YamlError: it breaks a rule; the message names file, line and key.
    """
    root = yamltext.load(text, source, hint=_HINT)
    keys = Keys(root, source, "a template", _HINT)
    name = keys.required("name")
    if (problem := name_problem(name)) is not None:
        keys.fail("name", f"{quote(name)}: {problem}")
    parameters, parameter_help = _read_parameters(keys)
    match = keys.texts("match")
    for piece in match:
        if name_problem(piece) is not None:
            keys.fail("match", f"{quote(piece)} cannot be part of a task's name")
    description = keys.required("description").strip()
    node = keys.node("subtasks")
    if node is None or not isinstance(node.value, list) or not node.value:
        keys.fail("subtasks", "a list of at least one subtask is wanted")
    if len(node.value) > MAX_SUBTASKS:
        keys.fail("subtasks", f"{len(node.value)} subtasks, {MAX_SUBTASKS} are allowed")
    subtasks = tuple(_read_subtask(item, source, frozenset(parameters)) for item in node.value)
    keys.done()
    template = Template(
        name=name,
        source=source,
        description=description,
        match=match,
        parameters=parameters,
        parameter_help=parameter_help,
        subtasks=subtasks,
    )
    _check_graph(template)
    return template


def _read_parameters(keys: Keys) -> tuple[Parameters, Mapping[str, str]]:
    node = keys.node("parameters")
    if node is None:
        return {}, {}
    outer = Keys(node, keys.where, "parameters", _HINT)
    values: dict[str, str | tuple[str, ...]] = {}
    helps: dict[str, str] = {}
    for name, value in node.value.items():
        if not PARAMETER.fullmatch(name) or name in _BUILT_IN:
            outer.fail(
                name, "a parameter's name has lower-case letters, digits and '_', and is not task, description or item"
            )
        if isinstance(value.value, dict):
            inner = Keys(value, keys.where, name, _HINT)
            default = inner.node("default")
            values[name] = "" if default is None else parameter_value(inner, "default", default)
            helps[name] = inner.text("description") or ""
            inner.done()
        else:
            values[name] = parameter_value(outer, name, value)
    return values, helps


def _read_subtask(node: Node, source: str, parameters: frozenset[str]) -> Subtask:
    keys = Keys(node, source, "a subtask", _HINT)
    name = keys.required("name")
    foreach, known = _read_foreach(keys, parameters)
    problem = name_problem(name if foreach is None else name.replace("{item}", "x"))
    if problem is not None:
        only = " (of placeholders, only {item} of a foreach)" if "{" in name else ""
        keys.fail("name", f"{quote(name)}: {problem}{only}")
    template = keys.node("template")
    nested, values = None, {}
    if template is not None:
        if isinstance(template.value, dict):
            inner = Keys(template, source, "template", _HINT)
            nested, values = inner.required("name"), dict(read_parameters(inner, "parameters"))
            inner.done()
        else:
            nested = keys.text("template")
    work = read_work_keys(keys)
    if nested is not None:
        for key in ("run", "check", "outputs"):
            if work[key]:
                keys.fail(key, "a subtask with a template of its own has no work of its own")
    subtask = Subtask(
        name=name,
        line=node.line,
        description=keys.required("description").strip(),
        needs=keys.texts("needs"),
        focus=keys.text("focus"),
        foreach=foreach,
        template=nested,
        parameters=values,
        work=work,
    )
    keys.done()
    for key, text in (
        ("description", subtask.description),
        ("focus", subtask.focus or ""),
        *(("outputs", path) for path in work["outputs"]),
        *(("template", text) for value in values.values() for text in _texts(value)),
    ):
        for match in _PLACEHOLDER.finditer(text):
            if match[1] is not None and match[1] not in known:
                keys.fail(
                    key,
                    f"{{{match[1]}}} is no parameter{did_you_mean(match[1], sorted(known))}; for a plain {{ write {{{{",
                )
    return subtask


def _read_foreach(keys: Keys, parameters: frozenset[str]) -> tuple[str | tuple[str, ...] | None, frozenset[str]]:
    known = parameters | {"task", "description"}
    node = keys.node("foreach")
    if node is None:
        return None, known
    if isinstance(node.value, str):
        if node.value not in parameters:
            keys.fail("foreach", f"{quote(node.value)} is no parameter{did_you_mean(node.value, sorted(parameters))}")
        return node.value, known | {"item"}
    items = tuple(item for item in keys.texts("foreach") if item.strip())
    if not items:
        keys.fail("foreach", "the list is empty")
    return items, known | {"item"}


def _check_graph(template: Template) -> None:
    names = [subtask.name for subtask in template.subtasks]
    for subtask in template.subtasks:
        if names.count(subtask.name) > 1:
            raise _fault(template, subtask, "name", f"{quote(subtask.name)} is taken by another subtask")
        for need in subtask.needs:
            if need not in names:
                raise _fault(template, subtask, "needs", f"{quote(need)} is no subtask here{did_you_mean(need, names)}")
    try:
        TopologicalSorter({subtask.name: subtask.needs for subtask in template.subtasks}).prepare()
    except CycleError as error:
        first = next(subtask for subtask in template.subtasks if subtask.name == error.args[1][0])
        raise _fault(template, first, "needs", f"a circle: {' needs '.join(reversed(error.args[1]))}") from None


def _fault(template: Template, subtask: Subtask, key: str, problem: str) -> YamlError:
    return YamlError(f"{template.source}:{subtask.line}: {key}: {problem}", hint=_HINT)


def check_nesting(template: Template, library: Mapping[str, Template]) -> None:
    """Check that all nested templates exist, get parameters they know, and never lead back to one above.

    Raises:
        YamlError: one of these is not so.
    """
    _check_nested(template, library, (template.name,), set())


def _check_nested(template: Template, library: Mapping[str, Template], above: tuple[str, ...], good: set[str]) -> None:
    for subtask in template.subtasks:
        if subtask.template is None:
            continue
        nested = library.get(subtask.template)
        if subtask.template in above:
            circle = " contains ".join((*above[above.index(subtask.template) :], subtask.template))
            raise _fault(template, subtask, "template", f"a circle: {circle}")
        if nested is None:
            raise _fault(
                template,
                subtask,
                "template",
                f"{quote(subtask.template)} is unknown{did_you_mean(subtask.template, library)}",
            )
        for name in subtask.parameters:
            if name not in nested.parameters:
                raise _fault(
                    template,
                    subtask,
                    "template",
                    f"{nested.name} has no parameter {quote(name)}{did_you_mean(name, nested.parameters)}",
                )
        if len(above) >= MAX_NESTING:
            raise _fault(template, subtask, "template", f"templates are nested more than {MAX_NESTING} deep")
        if nested.name not in good:
            _check_nested(nested, library, (*above, nested.name), good)
            good.add(nested.name)


def choose(name: str, library: Iterable[Template]) -> Template | None:
    """Find the template whose `match` fits a task's name best: the longest piece wins, then the template's name."""
    best: tuple[int, str] | None = None
    chosen: Template | None = None
    for template in library:
        for piece in template.match:
            if re.search(rf"(?:^|[._-]){re.escape(piece)}(?:$|[._-])", name):
                rank = (-len(piece), template.name)
                if best is None or rank < best:
                    best, chosen = rank, template
    return chosen


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
        raise YamlError(f"{template.source}: {count} subtasks, {MAX_SUBTASKS} are allowed", hint=_HINT)
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
                raise _fault(template, subtask, "foreach", f"{quote(own)} comes out twice")
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
        raise _fault(template, subtask, "name", f"{quote(name)}: {problem}")
    focus = None if subtask.focus is None else _fill(subtask.focus, texts)
    if focus is not None and (problem := sentence_problem(focus)) is not None:
        raise _fault(template, subtask, "focus", f"{quote(focus)}: {problem}")
    work = dict(subtask.work)
    work["outputs"] = tuple(_fill(path, texts) for path in work["outputs"])
    for path in work["outputs"]:
        if (problem := output_problem(path)) is not None:
            raise _fault(template, subtask, "outputs", f"{quote(path)}: {problem}")
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


def _items(template: Template, subtask: Subtask, filled: Parameters) -> list[str | None]:
    if subtask.foreach is None:
        return [None]
    values = filled[subtask.foreach] if isinstance(subtask.foreach, str) else subtask.foreach
    items = [piece.strip() for piece in values.split(",")] if isinstance(values, str) else list(values)
    if not [item for item in items if item]:
        raise _fault(template, subtask, "foreach", f"nothing to go through: give parameter {subtask.foreach}, a list")
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
        return match[0][0] if match[1] is None else values.get(match[1], match[0])

    return _PLACEHOLDER.sub(one, text)


def _texts(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value


def _joined(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else ", ".join(value)


def _plain_description(task: Task) -> str:
    first, _, rest = task.description.partition("\n")
    text = rest if first.strip() == f"# {task.name}" else task.description  # create and start write that heading
    return text.strip() or task.name
