"""Read what an agent's program prints while it prints it, and tell from it what the call came to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final, NamedTuple

from gitorch.agents.moments import moment
from gitorch.agents.query import compile_pattern, compile_query, number
from gitorch.agents.spec import Agent, Ending, Figure, Rule
from gitorch.core.amounts import amount
from gitorch.core.text import one_line

_MAX_DOCUMENT: Final = 8 * 1024 * 1024  # bytes
_MAX_TEXT: Final = 64 * 1024  # characters of text looked through by rules
_MAX_ANSWER: Final = 16 * 1024  # characters of text that an answer is looked for in: some expressions go over it again
_MAX_LINE: Final = 4 * 1024  # characters of a line of text
_MAX_ERROR: Final = 2000
_MAX_TRIES: Final = 50  # places at which a document may begin
_MAX_MODELS: Final = 5
_MAX_DENIED: Final = 5
_MAX_EVENTS: Final = 1000  # that nobody has taken yet
_MAX_CALLS: Final = 50  # tool calls that are remembered by their ids
# terminal sequences (ECMA-48): CSI; OSC, DCS and the like, which a BEL or ST ends; those of a few characters
_ESCAPES: Final = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-OQ-WYZ\\`-~]"
)
_COUNTED: Final = frozenset[Figure]({"cost_usd", "tokens_in", "tokens_cached", "tokens_out"})


class Heard(NamedTuple):
    """What a program has reported in its output; None is what it did not report.

    `retry_at` is UTC in ISO 8601, `denied` lists tool calls that it was not allowed, `rule` is what decided the
    outcome, and `lacks_result` says that it printed none although its file says that it prints one.
    """

    outcome: Ending | None = None
    text: str | None = None
    cost_usd: Decimal | None = None
    tokens_in: int | None = None
    tokens_cached: int | None = None
    tokens_out: int | None = None
    session: str | None = None
    model: str | None = None
    error: str | None = None
    retry_at: str | None = None
    denied: tuple[str, ...] = ()
    rule: Rule | None = None
    lacks_result: bool = False


class Listener:
    """Takes in standard output piece by piece, in bounded memory, however much of it there is."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._queries = {figure: compile_query(text, agent.form) for figure, text in agent.figures.items()}
        self._rules = [None if rule.when is None else compile_query(rule.when, agent.form) for rule in agent.rules]
        self._held = [rule.when is None for rule in agent.rules]
        self._sums: dict[Figure, Decimal] = {}
        self._last: dict[Figure, str] = {}
        self._models: list[str] = []
        self._ends = None if agent.ends is None else compile_query(agent.ends, agent.form)
        self._events = None if agent.events is None else compile_query(agent.events, agent.form)
        self._new_events: list[str] = []
        self._calls: dict[str, str] = {}
        self._denied: list[str] = []
        self.has_result = False
        self._parts = ""
        self._part_came = False
        self._rest = bytearray()
        self._too_long = False

    def feed(self, data: bytes) -> None:
        """Take in the next piece."""
        *lines, rest = [data] if self._agent.form == "json" else data.split(b"\n")
        for line in lines:
            self._hold(line)
            self._take_line()
        self._hold(rest)

    def take_events(self) -> list[str]:
        """Return what the program has done since the last call: its words and tool calls."""
        events, self._new_events = self._new_events, []
        return events

    def _hold(self, data: bytes) -> None:
        self._too_long = self._too_long or len(self._rest) + len(data) > _MAX_DOCUMENT
        self._rest += b"" if self._too_long else data

    def _take_line(self) -> None:
        if self._agent.form == "text":
            self._take(_ESCAPES.sub("", self._rest[:_MAX_LINE].decode(errors="replace")))
        elif not self._too_long:
            self._take(list(_documents(self._rest, whole=True)))
        self._rest.clear()
        self._too_long = False

    def end(self, code: int | None, out: bytes, err: bytes) -> Heard:
        """Give what was heard, once the program has ended.

        Args:
            code: its exit code; None where it had to be ended.
            out: the end of its standard output.
            err: the end of its standard error.
        """
        said = _ESCAPES.sub("", "\n".join(part.decode(errors="replace")[-_MAX_TEXT:] for part in (out, err)))
        if self._agent.form == "json":
            self._take([*_documents(self._rest), *_documents(err)])
        else:
            self._take_line()
        if self._agent.form == "text" and "text" in self._queries:  # an answer has more than one line
            for answer in self._queries["text"](said[-_MAX_ANSWER:]):
                self._last["text"] = str(answer)
        rule = self._rule(code, said)
        return Heard(
            outcome=None if rule is None else rule.outcome,
            rule=rule,
            denied=tuple(self._denied),
            lacks_result=self._ends is not None and self._agent.form != "text" and not self.has_result,
            text=self._last.get("text") or self._parts or None,
            cost_usd=_amount(self._sums.get("cost_usd")),
            tokens_in=_count(self._sums.get("tokens_in")),
            tokens_cached=_count(self._sums.get("tokens_cached")),
            tokens_out=_count(self._sums.get("tokens_out")),
            session=_line(self._last.get("session"), 100),
            model=_line(", ".join(self._models), 200),
            error=_line(self._last.get("error"), _MAX_ERROR),
            retry_at=moment(self._last.get("retry_at") or self._last.get("error")),
        )

    def _take(self, documents: Any) -> None:
        part_came, self._part_came = self._part_came, False
        for figure, query in self._queries.items():
            values = query(documents)
            if figure == "calls":
                self._remember(values)
                continue
            if values and self._agent.cumulative:
                self._sums.pop(figure, None)
            if figure == "text_parts" and values and not part_came:
                self._parts = ""  # another line stood between: an answer begins anew
            for value in values:
                self._note(figure, value)
        if self._events is not None:
            self._new_events += [str(event) for event in self._events(documents)]
            del self._new_events[:-_MAX_EVENTS]
        self.has_result = self.has_result or (self._ends is not None and bool(self._ends(documents)))
        for place, rule in enumerate(self._rules):
            self._held[place] = self._held[place] or (rule is not None and bool(rule(documents)))

    def _note(self, figure: Figure, value: Any) -> None:
        if figure in _COUNTED:
            read = number(value)
            if read is not None:
                self._sums[figure] = self._sums.get(figure, Decimal(0)) + read
        elif figure == "denied":
            call = one_line(self._calls.get(str(value), str(value)), 200)
            if call and call not in self._denied and len(self._denied) < _MAX_DENIED:
                self._denied.append(call)
        elif figure == "text_parts":
            self._part_came = True
            self._parts = (self._parts + str(value))[-_MAX_TEXT:]
        elif figure != "model":
            self._last[figure] = str(value)
        elif str(value) not in self._models and len(self._models) < _MAX_MODELS:
            self._models.append(str(value))

    def _remember(self, values: list[Any]) -> None:
        """Remember tool calls: pairs of an id and the call."""
        for name, call in zip(values[::2], values[1::2], strict=False):
            self._calls[str(name)] = str(call)
        for name in list(self._calls)[:-_MAX_CALLS]:
            del self._calls[name]

    def _rule(self, code: int | None, said: str) -> Rule | None:
        for held, rule in zip(self._held, self._agent.rules, strict=True):
            fits = held and (not rule.exits or code in rule.exits)
            if fits and (rule.says is None or compile_pattern(rule.says).search(said)):
                return rule
        return None


def _documents(data: bytes | bytearray, *, whole: bool = False) -> Iterator[Any]:
    """Find the JSON objects in what was printed; each begins on a line of its own, other lines may stand between."""
    text = _ESCAPES.sub("", data.decode(errors="replace")).lstrip()
    decoder = json.JSONDecoder(parse_constant=_refuse)
    at, tries = 0, 0
    while at < len(text) and tries < (1 if whole else _MAX_TRIES):
        if text[at] == "{":
            tries += 1
            try:
                document, at = decoder.raw_decode(text, at)
                yield document
            except (ValueError, RecursionError):
                pass
        onward = text.find("\n", at)
        at = len(text) if onward < 0 else onward + 1


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _amount(value: Decimal | None) -> Decimal | None:
    try:
        return None if value is None else amount(value)
    except ValueError:
        return None


def _count(value: Decimal | None) -> int | None:
    return int(value) if value is not None and value < 10**15 else None


def _line(text: str | None, limit: int) -> str | None:
    return one_line(text, limit) or None if text else None
