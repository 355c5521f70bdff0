"""Decomposition templates: read, check and choose them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from gitorch.core import yamltext
from gitorch.core.names import name_problem, quote
from gitorch.core.task import (
    PARAMETER,
    Parameters,
    parameter_value,
    read_parameters,
    read_work_keys,
)
from gitorch.core.yamlnode import Node, YamlError
from gitorch.core.yamltext import Keys, did_you_mean

FALLBACK: Final = "research"
MAX_SUBTASKS: Final = 500
MAX_NESTING: Final = 20
HINT: Final = "for an example: gitorch templates show research"
PLACEHOLDER: Final = re.compile(r"\{\{|\{([a-z][a-z0-9_]*)\}")
WHOLE_PLACEHOLDER: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")  # a check that is a parameter's value
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
    root = yamltext.load(text, source, hint=HINT)
    keys = Keys(root, source, "a template", HINT)
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
    outer = Keys(node, keys.where, "parameters", HINT)
    values: dict[str, str | tuple[str, ...]] = {}
    helps: dict[str, str] = {}
    for name, value in node.value.items():
        if not PARAMETER.fullmatch(name) or name in _BUILT_IN:
            outer.fail(
                name, "a parameter's name has lower-case letters, digits and '_', and is not task, description or item"
            )
        if isinstance(value.value, dict):
            inner = Keys(value, keys.where, name, HINT)
            default = inner.node("default")
            values[name] = "" if default is None else parameter_value(inner, "default", default)
            helps[name] = inner.text("description") or ""
            inner.done()
        else:
            values[name] = parameter_value(outer, name, value)
    return values, helps


def _read_subtask(node: Node, source: str, parameters: frozenset[str]) -> Subtask:
    keys = Keys(node, source, "a subtask", HINT)
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
            inner = Keys(template, source, "template", HINT)
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
        *(("touches", glob) for glob in work["touches"]),
        *(("template", text) for value in values.values() for text in _texts(value)),
    ):
        for match in PLACEHOLDER.finditer(text):
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
            raise fault(template, subtask, "name", f"{quote(subtask.name)} is taken by another subtask")
        for need in subtask.needs:
            if need not in names:
                raise fault(template, subtask, "needs", f"{quote(need)} is no subtask here{did_you_mean(need, names)}")
    try:
        TopologicalSorter({subtask.name: subtask.needs for subtask in template.subtasks}).prepare()
    except CycleError as error:
        first = next(subtask for subtask in template.subtasks if subtask.name == error.args[1][0])
        raise fault(template, first, "needs", f"a circle: {' needs '.join(reversed(error.args[1]))}") from None


def fault(template: Template, subtask: Subtask, key: str, problem: str) -> YamlError:
    """Say what is wrong with a subtask, and where."""
    return YamlError(f"{template.source}:{subtask.line}: {key}: {problem}", hint=HINT)


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
            raise fault(template, subtask, "template", f"a circle: {circle}")
        if nested is None:
            raise fault(
                template,
                subtask,
                "template",
                f"{quote(subtask.template)} is unknown{did_you_mean(subtask.template, library)}",
            )
        for name in subtask.parameters:
            if name not in nested.parameters:
                raise fault(
                    template,
                    subtask,
                    "template",
                    f"{nested.name} has no parameter {quote(name)}{did_you_mean(name, nested.parameters)}",
                )
        if len(above) >= MAX_NESTING:
            raise fault(template, subtask, "template", f"templates are nested more than {MAX_NESTING} deep")
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


def _texts(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value
