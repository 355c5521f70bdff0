"""A task file: YAML front matter, then the description."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple, NoReturn

from gitorch.core import yamltext
from gitorch.core.main_task import sentence_problem
from gitorch.core.names import name_problem, quote
from gitorch.core.outline import KINDS, MAX_BYTES, Kind, Outline
from gitorch.core.yamlnode import Node, YamlError
from gitorch.core.yamltext import Keys
from gitorch.errors import Exit, GitorchError

AUTO: Final = "auto"  # as a task's template: choose one by the task's name
PARAMETER: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_FENCE: Final = "---"

Parameters = Mapping[str, "str | tuple[str, ...]"]


class Task(NamedTuple):
    """What a task file says. `order` decides among ready tasks; `timeout` is in seconds.

    `outputs` are paths in the task's folder; `env` names the variables that `run` and `check` may see
    although they look like credentials; `parameters` reach these two as variables. `touches` are globs of the paths
    that the task changes.
    """

    name: str
    parent: str | None = None
    needs: tuple[str, ...] = ()
    order: int = 0
    kind: Kind = "execute"
    template: str | None = None
    parameters: Parameters = MappingProxyType({})
    focus: str | None = None
    outputs: tuple[str, ...] = ()
    run: str | None = None
    check: tuple[str, ...] = ()
    agent: str | None = None
    model: str | None = None
    timeout: int | None = None
    retries: int | None = None
    env: tuple[str, ...] = ()
    touches: tuple[str, ...] = ()
    description: str = ""

    @property
    def outline(self) -> Outline:
        """What planning needs to know of it."""
        return Outline(self.parent, self.needs, self.order, self.kind, self.template, self.focus, self.run)


def output_problem(path: str) -> str | None:
    """Say what is wrong with the path of an output, or None where it stays inside the task's folder."""
    if not path or path.startswith("/") or "\\" in path or "\0" in path or posixpath.normpath(path) != path:
        return "a plain path inside the task's folder is wanted"
    return "it leaves the task's folder" if path.split("/", maxsplit=1)[0] in ("..", ".") else None


def touches_problem(glob: str) -> str | None:
    """Return what is wrong with a glob of paths from the repository's root, None where it is valid."""
    if not glob.strip() or not glob.isprintable() or "\\" in glob or glob.startswith(("/", "!")):
        return "use a glob of paths from the repository's root, such as src/** or docs/*.md"
    if any(part in ("", ".", "..", ".git") for part in glob.removesuffix("/").split("/")):
        return "a part of the path is empty, '.', '..' or '.git'"
    return None


def read_work_keys(keys: Keys) -> dict[str, Any]:
    """Read the keys that task files and the subtasks of templates have in common."""
    outputs = keys.texts("outputs")
    for path in outputs:
        if (problem := output_problem(path)) is not None:
            keys.fail("outputs", f"{quote(path)}: {problem}")
    env = keys.texts("env")
    for name in env:
        if not name.isidentifier():
            keys.fail("env", f"{quote(name)} is no name of a variable")
    touches = keys.texts("touches")
    for glob in touches:
        if (problem := touches_problem(glob)) is not None:
            keys.fail("touches", f"{quote(glob)}: {problem}")
    return {
        "kind": keys.one_of("kind", KINDS) or "execute",
        "outputs": outputs,
        "run": keys.text("run"),
        "check": keys.texts("check"),
        "agent": keys.text("agent"),
        "model": keys.text("model"),
        "timeout": keys.duration("timeout"),
        "retries": keys.number("retries"),
        "env": env,
        "touches": touches,
    }


def parse(name: str, data: bytes, where: str) -> Task:
    """Read a task file.

    Raises:
        YamlError: the file breaks a rule; the message names file, line and key.
    """
    hint = "a task file begins with a line '---', YAML keys, and another line '---'"
    if len(data) > MAX_BYTES:
        raise YamlError(
            f"{where}: the file is larger than {MAX_BYTES // 1024} KiB", hint="keep long material in the task's folder"
        )
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise YamlError(f"{where}: byte {error.start + 1} is not UTF-8 text", hint=hint) from None
    first, _, rest = text.partition("\n")
    if first.rstrip() != _FENCE:
        raise YamlError(f"{where}:1: no front matter", hint=hint)
    lines = rest.split("\n")
    end = next((number for number, line in enumerate(lines) if line.rstrip() == _FENCE), None)
    if end is None:
        raise YamlError(f"{where}:1: the front matter has no end", hint=hint)
    hint = "fix the front matter, then commit the file"
    front = "".join(line + "\n" for line in lines[:end])
    keys = Keys(yamltext.load(front, where, first_line=2, hint=hint), where, "the front matter", hint)
    return _read(name, keys, "\n".join(lines[end + 1 :]).strip())


class _Options(Keys):
    """Front matter that comes as options of a command."""

    def fail(self, key: str, problem: str) -> NoReturn:
        """Raise a usage error about an option."""
        option = {"outputs": "output"}.get(key, key)
        raise GitorchError(f"--{option}: {problem}", hint="gitorch create -h", code=Exit.USAGE)

    def texts(self, key: str) -> tuple[str, ...]:
        """Read a list of texts, none of them empty."""
        found = super().texts(key)
        if not all(text.strip() for text in found):
            self.fail(key, "is empty")
        return found

    def text(self, key: str) -> str | None:
        """Read text that is not empty."""
        found = super().text(key)
        if found is not None and not found.strip():
            self.fail(key, "is empty")
        return found


def from_options(name: str, values: Mapping[str, str | tuple[str, ...] | None], description: str) -> Task:
    """Return a task with the given values as front matter; None stands for a key that is missing.

    Raises:
        GitorchError: a value breaks a rule; the message names the option.
    """
    nodes = {
        key: Node(value if isinstance(value, str) else [Node(item, 0) for item in value], 0)
        for key, value in values.items()
        if value is not None
    }
    keys = _Options(Node(nodes, 0), "", "options")
    for key, value in values.items():
        if not all(map(_is_text, (value,) if isinstance(value, str) else value or ())):
            keys.fail(key, "it has characters that are not text in UTF-8")
    return _read(name, keys, description)


def _is_text(value: str) -> bool:
    return not any(unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t" for char in value)


def _read(name: str, keys: Keys, description: str) -> Task:
    """Read a task from its keys."""
    needs = keys.texts("needs")
    for need in needs:
        if need == name or name_problem(need) is not None:
            keys.fail("needs", f"{quote(need)} is no other task's name")
    task = Task(
        name=name,
        parent=keys.checked(
            "parent", lambda text: "a task cannot be its own parent" if text == name else name_problem(text)
        ),
        needs=needs,
        order=keys.number("order") or 0,
        template=keys.checked("template", name_problem),
        parameters=read_parameters(keys, "parameters"),
        focus=keys.checked("focus", sentence_problem),
        description=description,
        **read_work_keys(keys),
    )
    keys.done()
    return task


def read_parameters(keys: Keys, key: str) -> Parameters:
    """Read parameters: names with a text or a list of texts each."""
    node = keys.node(key)
    if node is None:
        return {}
    inner = Keys(node, keys.where, key, keys.hint)
    for name in node.value:
        if not PARAMETER.fullmatch(name):
            inner.fail(name, "a parameter's name has lower-case letters, digits and '_'")
    return {name: parameter_value(inner, name, value) for name, value in node.value.items()}


def parameter_value(keys: Keys, key: str, node: Node) -> str | tuple[str, ...]:
    """Read one parameter's value."""
    if node.value is None:
        return ""
    if isinstance(node.value, str):
        return node.value
    if isinstance(node.value, list) and all(isinstance(item.value, str) for item in node.value):
        return tuple(item.value for item in node.value)
    return keys.fail(key, "text or a list of texts is wanted")


def format(task: Task) -> str:  # noqa: A001 - read as task.format, beside task.parse
    """Write a task file. `parse` gives the same task back, its description without outer blank lines."""
    values: dict[str, Any] = {
        "parent": task.parent,
        "needs": list(task.needs),
        "order": task.order,
        "kind": task.kind,
        "template": task.template,
        "parameters": {k: v if isinstance(v, str) else list(v) for k, v in task.parameters.items()},
        "focus": task.focus,
        "outputs": list(task.outputs),
        "run": task.run,
        "check": list(task.check),
        "agent": task.agent,
        "model": task.model,
        "timeout": task.timeout,
        "retries": task.retries,
        "env": list(task.env),
        "touches": list(task.touches),
    }
    kept = {key: value for key, value in values.items() if value not in (None, [], {}) and (key, value) != ("order", 0)}
    return f"{_FENCE}\n{_dump(kept) if kept else ''}{_FENCE}\n\n{task.description.strip()}\n"


def _dump(values: dict[str, Any]) -> str:
    from gitorch.core import yamlevents  # noqa: PLC0415 - its library takes long to import

    return yamlevents.dump(values)
