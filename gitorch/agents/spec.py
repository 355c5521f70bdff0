"""Agents as data: what to start, how the prompt reaches it, and where things stand in what it prints."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, get_args

from gitorch.agents.query import Form, compile_pattern, compile_query
from gitorch.core import yamltext
from gitorch.core.names import name_problem, printable, quote
from gitorch.core.text import one_line
from gitorch.core.yamlnode import Node
from gitorch.core.yamltext import Keys
from gitorch.errors import Exit, GitorchError

_PACKAGE: Final = Path(__file__).parent.parent
NOT_AGENTS: Final = frozenset({"run", "command", "function", "own", "template"})  # who else does work, in records
_HINT: Final = "for an example: gitorch agents show claude"
_STOPS: Final = {"TERM": signal.SIGTERM, "INT": signal.SIGINT}
_FORMS: Final[tuple[Form, ...]] = ("json-lines", "json", "text")

Figure = Literal[
    "text",
    "text_parts",
    "cost_usd",
    "tokens_in",
    "tokens_cached",
    "tokens_out",
    "session",
    "model",
    "error",
    "retry_at",
    "calls",
    "denied",
]
FIGURES: Final[tuple[Figure, ...]] = get_args(Figure)
Ending = Literal["completed", "failed", "blocked", "rate-limited", "unavailable", "timeout"]
_ENDINGS: Final[tuple[Ending, ...]] = get_args(Ending)

# `python -m gitorch.X` in an agent file runs in our own interpreter, isolated: the agent's working directory is the
# user's repository, and plain `python -m` would import modules from there.
_BOOT: Final = (
    "import sys, runpy; sys.path += {paths!r}; sys.argv.pop(0); "
    "runpy.run_module(sys.argv[0], alter_sys=True, run_name='__main__')"
)


class Rule(NamedTuple):
    """Finds an outcome in what a program printed and in its exit code; all that is not None has to hold.

    Attributes:
        outcome: the outcome.
        when: a JMESPath expression.
        exits: exit codes.
        says: a regular expression.
        temporary: whether what makes the agent unavailable passes by itself.
        hint: what a person has to do.
    """

    outcome: Ending
    when: str | None
    exits: tuple[int, ...]
    says: str | None
    temporary: bool = False
    hint: str | None = None


class Agent(NamedTuple):
    """A program that does the work of an invocation, as its file describes it.

    Attributes:
        command: its argument list, with `{prompt}`, `{prompt_file}` and `{package}` in it.
        model: words added where a model is asked for, with `{model}` in them.
        budget: words added where money is limited, with `{budget}` in them: what is left, in USD.
        idle: seconds of silence after which it counts as stalled; None where it may be silent.
        env: variables set for it where the user's environment has none of that name.
        unset: variables taken out of its environment.
        decomposes: whether it can be asked to cut a task into subtasks.
        stop: the polite signal that it understands, before all that is left of it is killed.
        form: what its standard output holds.
        cumulative: whether its counts are running sums, so that of several documents the last one counts.
        figures: an expression for each thing that stands in its output.
        ends: an expression that holds once the program has printed all that it will: one that then hangs is ended,
            and one that prints JSON has failed without it. None where the program's end is enough.
        events: an expression for what the program does as it goes on: its words and tool calls, each as a text.
        allow: the setting that allows a denied tool call, with `{tool}`, `{prefix}` (the words that its command begins
            with) and `{args}` (the user's own words for the agent so far) in it.
        rules: how outcomes are recognised; the first that holds decides.
        version: a command that prints the program's version.
        tested: the version that the file was tried with.
    """

    name: str
    description: str
    command: tuple[str, ...]
    model: tuple[str, ...] = ()
    budget: tuple[str, ...] = ()
    idle: int | None = None
    env: Mapping[str, str] = MappingProxyType({})
    unset: tuple[str, ...] = ()
    decomposes: bool = False
    stop: signal.Signals = signal.SIGTERM
    form: Form = "text"
    cumulative: bool = False
    figures: Mapping[Figure, str] = MappingProxyType({})
    ends: str | None = None
    events: str | None = None
    allow: str | None = None
    rules: tuple[Rule, ...] = ()
    version: tuple[str, ...] = ()
    tested: str | None = None

    @property
    def reads_stdin(self) -> bool:
        """Whether the prompt reaches it on standard input."""
        return not any("{prompt}" in word or "{prompt_file}" in word for word in self.command)

    @property
    def prints_for_people(self) -> bool:
        """Whether all of its standard output is its answer."""
        return self.form == "text" and "text" not in self.figures


def parse(text: str, where: str) -> Agent:
    """Read an agent file.

    Raises:
        YamlError: it breaks a rule; the message names file, line and key.
    """
    keys = Keys(yamltext.load(text, where, hint=_HINT), where, "an agent", _HINT)
    name = keys.required("name")
    problem = "it stands for something else in records" if name in NOT_AGENTS else name_problem(name)
    if problem is not None:
        keys.fail("name", f"{quote(name)}: {problem}")
    command = keys.texts("command")
    if not command or not command[0]:
        keys.fail("command", "is missing")
    form = keys.one_of("output", _FORMS) or "text"
    agent = Agent(
        name=name,
        description=one_line(keys.required("description")),
        command=_own_python(command),
        model=_words_with(keys, "model", "{model}"),
        budget=_words_with(keys, "budget", "{budget}"),
        idle=keys.duration("idle"),
        env=_texts_by_key(keys, "env"),
        unset=keys.texts("unset"),
        decomposes=_flag(keys, "decomposes"),
        stop=_STOPS[keys.one_of("stop", _STOPS) or "TERM"],
        form=form,
        cumulative=_flag(keys, "cumulative"),
        figures=_figures(keys, form),
        ends=_expression(keys, "ends", form),
        events=_expression(keys, "events", form),
        allow=keys.text("allow"),
        rules=_rules(keys, form),
        version=keys.texts("version"),
        tested=keys.text("tested"),
    )
    keys.done()
    return agent


def shell(command: str) -> Agent:
    """Make an agent of a shell command line of the user's."""
    if not command.strip():
        raise GitorchError("the agent's command is empty", hint="give it with --agent-command", code=Exit.USAGE)
    return Agent(name="command", description=one_line(command), command=("sh", "-c", command))


def fill(words: tuple[str, ...], **values: str) -> list[str]:
    """Put values into the placeholders of a command line; each word stays one word."""
    values["package"] = str(_PACKAGE)
    # in one pass: what a value holds is never looked at again
    return [re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], match[0]), word) for word in words]


def _flag(keys: Keys, key: str) -> bool:
    return keys.one_of(key, ("true", "false")) == "true"


def _words_with(keys: Keys, key: str, placeholder: str) -> tuple[str, ...]:
    words = keys.texts(key)
    if words and not any(placeholder in word for word in words):
        keys.fail(key, f"{placeholder} is missing in it")
    return words


def _texts_by_key(keys: Keys, key: str) -> dict[str, str]:
    node = keys.node(key)
    if node is None:
        return {}
    inner = Keys(node, keys.where, key, keys.hint)
    for name in node.value:
        if not name.isidentifier():
            inner.fail(name, "no name of a variable")
    return {name: inner.text(name) or "" for name in node.value}


def _figures(keys: Keys, form: Form) -> dict[Figure, str]:
    node = keys.node("figures")
    if node is None:
        return {}
    inner = Keys(node, keys.where, "figures", keys.hint)
    found: dict[Figure, str] = {}
    for figure in FIGURES:
        expression = inner.text(figure)
        if expression is not None:
            _try(inner, figure, lambda text: compile_query(text, form), expression)
            found[figure] = expression
    inner.done()
    return found


def _expression(keys: Keys, key: str, form: Form) -> str | None:
    expression = keys.text(key)
    if expression is not None:
        _try(keys, key, lambda text: compile_query(text, form), expression)
    return expression


def _rules(keys: Keys, form: Form) -> tuple[Rule, ...]:
    node = keys.node("outcomes")
    if node is None:
        return ()
    if not isinstance(node.value, list):
        keys.fail("outcomes", "a list of rules is wanted")
    return tuple(_rule(item, keys.where, form) for item in node.value)


def _rule(node: Node, where: str, form: Form) -> Rule:
    keys = Keys(node, where, "a rule", _HINT)
    outcome = keys.one_of("outcome", _ENDINGS) or keys.fail("outcome", "is missing")
    when, says, exits = keys.text("when"), keys.text("says"), keys.texts("exit")
    if when is None and says is None and not exits:
        keys.fail("outcome", "tell by when, says or exit how it is known")
    if when is not None and form == "text":
        keys.fail("when", "is for JSON; says is for text")
    if when is not None:
        _try(keys, "when", lambda text: compile_query(text, form), when)
    if says is not None:
        _try(keys, "says", compile_pattern, says)
    if not all(re.fullmatch("[0-9]{1,3}", code) and int(code) < 256 for code in exits):  # noqa: PLR2004 - as processes end
        keys.fail("exit", "exit codes from 0 to 255 are wanted")
    temporary, hint = _flag(keys, "temporary"), keys.text("hint")
    if temporary and outcome != "unavailable":
        keys.fail("temporary", "goes with outcome: unavailable")
    keys.done()
    return Rule(outcome, when, tuple(map(int, exits)), says, temporary, hint)


def _try(keys: Keys, key: str, reader: Callable[[str], object], text: str) -> None:
    try:
        reader(text)
    except ValueError as error:
        keys.fail(key, printable(str(error), 300))


def _own_python(command: tuple[str, ...]) -> tuple[str, ...]:
    if command[:2] != ("python", "-m") or not "".join(command[2:3]).startswith("gitorch."):
        return command
    paths = [path for path in sys.path if Path(path).is_absolute()]
    return (sys.executable, "-I", "-c", _BOOT.format(paths=paths), *command[2:])
