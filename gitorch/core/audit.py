"""The audit: invocations, as a history of records tells them, and what they sum up to."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Literal, NamedTuple

from gitorch.core.fold import is_unpriced
from gitorch.core.main_task import MainTask
from gitorch.core.moves import Change, is_skip
from gitorch.core.names import TaskState
from gitorch.core.record import ACTIONS, ATTEMPTS, Action, Event, Outcome, Record, task_of

By = Literal["step", "template", "hand"]

_REMEMBERED: Final = 20_000  # commits whose place is kept for children that may come
# events by hand that set up what comes next, so that an invocation ends with them
_CLOSING: Final = frozenset[Event]({"update", "start", "answer"})
_BY_HAND: Final = frozenset[Event]({"create", "decompose", "move", "drop", *_CLOSING})
_OUTCOMES: Final[dict[TaskState | None, Outcome]] = {
    "completed": "completed",
    "failed": "failed",
    "blocked": "blocked",
}

_DOERS: Final[dict[By, str]] = {"step": "unknown", "template": "template", "hand": "by hand"}


class Entry(NamedTuple):
    """A commit of a history: `record` is None for an ordinary one, `files` are the paths of its work."""

    commit: str
    parents: tuple[str, ...]
    time: int
    record: Record | None
    files: tuple[str, ...]


@dataclass(kw_only=True)
class Invocation:
    """One invocation, or what somebody did by hand up to the next `update`.

    Attributes:
        by: a step with an agent or command, a decomposition by template, or somebody's hand.
        id: 32 hex digits; None where no step made it.
        action: what it did; None for what is no action, such as a start.
        task: the task it worked on.
        before: MAIN_TASK as it was when it began: its NEXT and FOCUS.
        after: MAIN_TASK as it was then.
        events: what its records say happened, in order.
        commits: all its commits, in order, those of its work too.
        files: the paths of its work, each once.
        began: when, in seconds since 1970; ended likewise, None while it is open.
        end: the record that ended it, which holds outcome, agent and figures.
        skipped: why somebody completed its task without the work, and who.
    """

    by: By
    id: str | None = None
    action: Action | None = None
    task: str | None = None
    attempt: int | None = None
    before: MainTask | None = None
    after: MainTask | None = None
    events: list[Event] = field(default_factory=list)
    commits: list[str] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    files: dict[str, None] = field(default_factory=dict)
    began: int = 0
    ended: int | None = None
    end: Record | None = None
    skipped: str | None = None

    @property
    def outcome(self) -> Outcome | None:
        """What it came to; for work by hand, what became of its task."""
        if self.end is not None and self.end.outcome is not None:
            return self.end.outcome
        if "decompose" in self.events:
            return "completed"
        own = [change for change in self.changes if change.name == self.task]
        return _OUTCOMES.get(own[-1].after) if own else None

    @property
    def reason(self) -> str | None:
        """Why it came to its outcome."""
        return self.end.reason if self.end is not None else self.skipped

    @property
    def agent(self) -> str | None:
        """Who did it."""
        return self.end.agent if self.end is not None else None


class _Place(NamedTuple):
    """What is under way at a commit."""

    main_task: MainTask | None = None
    open: Invocation | None = None


def invocations(entries: Iterable[Entry], main_task_at: Callable[[str], MainTask | None]) -> Iterator[Invocation]:
    """Fold a history, parents before children, into its invocations, in the order in which they began.

    Args:
        entries: the commits.
        main_task_at: reads MAIN_TASK from a commit that is not among the entries before its child.
    """
    folding = _Folding(main_task_at)
    for entry in entries:
        yield from folding.take(entry)
    yield from folding.rest()


class _Folding:
    def __init__(self, main_task_at: Callable[[str], MainTask | None]) -> None:
        self._main_task_at = main_task_at
        self._places: OrderedDict[str, _Place] = OrderedDict()
        self._begun: OrderedDict[int, Invocation] = OrderedDict()  # in order; given out once those before have ended
        self._over: set[int] = set()

    def take(self, entry: Entry) -> Iterator[Invocation]:
        before = self._place(entry)
        here = self._fold(entry, before)
        self._places[entry.commit] = here
        if len(self._places) > _REMEMBERED:
            self._places.popitem(last=False)
        while self._begun and next(iter(self._begun)) in self._over:
            key, done = self._begun.popitem(last=False)
            self._over.discard(key)
            yield done

    def rest(self) -> Iterator[Invocation]:
        yield from self._begun.values()

    def _place(self, entry: Entry) -> _Place:
        """Give what was under way before a commit: at its first parent, or at the one whose state a merge took."""
        places = [self._places.get(parent) for parent in entry.parents]
        known = [place for place in places if place is not None]
        if entry.record is None and len(entry.parents) > 1:
            return next((place for place in known if place.open is not None), known[0] if known else _Place())
        if places and places[0] is not None:
            return places[0]
        return _Place(self._main_task_at(entry.parents[0])) if entry.parents else _Place()

    def _fold(self, entry: Entry, before: _Place) -> _Place:
        record = entry.record
        if record is None:
            if before.open is not None:
                before.open.commits.append(entry.commit)
                before.open.files.update(dict.fromkeys(entry.files))
            return before
        main_task = record.main_task
        if record.event == "begin":
            self._close(before.open, by_hand_only=True)
            return _Place(main_task, self._begin(entry, record))
        if record.event in ("end", "recover"):
            self._end(entry, record, before)
            return _Place(main_task, None)
        if record.event == "decompose" and record.totals is not None:
            self._close(before.open, by_hand_only=True)
            made = self._open(Invocation(by="template", action="decompose", before=before.main_task, began=entry.time))
            wanted = before.main_task.task if before.main_task is not None else None
            made.task = next((change.name for change in record.changes if change.before is not None), wanted)
            self._add(made, entry, record)
            self._close(made)
            return _Place(main_task, None)
        return self._by_hand(entry, record, before)

    def _begin(self, entry: Entry, record: Record) -> Invocation:
        begun = Invocation(by="step", id=record.invocation, action=record.action, attempt=record.attempt)
        begun.task, begun.before, begun.began = task_of(record), record.main_task, entry.time
        self._add(self._open(begun), entry, record)
        begun.ended = None  # until its end comes
        return begun

    def _end(self, entry: Entry, record: Record, before: _Place) -> None:
        begun = before.open if before.open is not None and before.open.id == record.invocation else None
        if begun is None:  # somebody worked by hand meanwhile, or the history begins in its middle
            begun = next((each for each in self._begun.values() if each.id == record.invocation), None)
        if begun is None:
            begun = self._open(Invocation(by="step", id=record.invocation, action=record.action, began=entry.time))
            begun.task, begun.before, begun.attempt = task_of(record), before.main_task, record.attempt
        self._add(begun, entry, record)
        begun.end = record
        self._close(begun)

    def _by_hand(self, entry: Entry, record: Record, before: _Place) -> _Place:
        beside = before.open if before.open is not None and before.open.id is not None else None
        group = before.open if beside is None else None
        skips = record.event == "move" and any(map(is_skip, record.changes[:1]))
        alone = skips or record.event not in _BY_HAND
        if group is not None and (alone or group.commits[-1] != entry.parents[0]):
            self._close(group)
            group = None
        if group is None:
            group = self._open(Invocation(by="hand", before=before.main_task, began=entry.time))
        self._add(group, entry, record)
        if not alone and (len(group.events) == 1 or record.event == "decompose"):
            group.action = _action(group)
        group.task = task_of(record) if skips else None if alone else _task(group)
        group.skipped = record.reason if skips else None
        if alone or record.event in _CLOSING or beside is not None:
            self._close(group)
            return _Place(record.main_task, beside)
        return _Place(record.main_task, group)

    def _open(self, made: Invocation) -> Invocation:
        self._begun[id(made)] = made
        return made

    def _close(self, over: Invocation | None, *, by_hand_only: bool = False) -> None:
        if over is not None and not (by_hand_only and over.id is not None):
            self._over.add(id(over))

    def _add(self, to: Invocation, entry: Entry, record: Record) -> None:
        to.events.append(record.event)
        to.commits.append(entry.commit)
        to.changes += record.changes
        to.files.update(dict.fromkeys(entry.files))
        to.after, to.ended = record.main_task, entry.time


def _action(group: Invocation) -> Action | None:
    """Return what somebody did by hand: a decomposition, or what NEXT asked for.

    An `update` alone does none of a task's work: it is a check where NEXT asked for one, and else no action.
    """
    if "decompose" in group.events:
        return "decompose"
    if group.events[0] not in ("move", "update") or group.before is None:
        return None
    verb = group.before.next.split(None, 1)[0].lower()
    return next((action for action in ACTIONS if action == verb and (verb == "check" or not _is_update(group))), None)


def _is_update(group: Invocation) -> bool:
    return group.events == ["update"]


def _task(group: Invocation) -> str | None:
    """Return the task somebody worked on: the one that moved last, else the one that MAIN_TASK named.

    An `update` alone is about the task that it names.
    """
    if _is_update(group) and group.action is None:
        return group.after.task if group.after is not None else None
    moved = [change.name for change in group.changes if change.before is not None]
    wanted = group.before.task if group.before is not None else None
    names = {change.name for change in group.changes}
    if wanted is not None and (wanted in names or "decompose" in group.events):
        return wanted
    return moved[-1] if moved else group.changes[0].name if group.changes else wanted


@dataclass(kw_only=True)
class Sums:
    """What invocations sum up to; figures that nobody knows are not in them, `unpriced` counts those costs."""

    invocations: int = 0
    completed: int = 0
    failed: int = 0
    cost_usd: Decimal | None = None
    unpriced: int = 0
    tokens_in: int = 0
    tokens_cached: int = 0
    tokens_out: int = 0
    seconds: Decimal = Decimal(0)

    def add(self, outcome: Outcome | None, end: Record | None) -> None:
        """Count one more invocation."""
        self.invocations += 1
        self.completed += outcome == "completed"
        self.failed += outcome in ATTEMPTS
        if end is None:
            return
        if end.cost_usd is not None:
            self.cost_usd = (self.cost_usd or Decimal(0)) + end.cost_usd
        self.unpriced += is_unpriced(end)
        self.tokens_in += end.tokens_in or 0
        self.tokens_cached += end.tokens_cached or 0
        self.tokens_out += end.tokens_out or 0
        self.seconds += end.duration or Decimal(0)


class Moved(NamedTuple):
    """One move of a task: in which invocation, counted from 1, and when that ended."""

    change: Change
    invocation: int
    time: int | None


@dataclass(kw_only=True)
class Audit:
    """What a history sums up to: on the whole, by task, agent and action, and each task's way."""

    totals: Sums = field(default_factory=Sums)
    by_task: dict[str, Sums] = field(default_factory=dict)
    by_agent: dict[str, Sums] = field(default_factory=dict)
    by_action: dict[str, Sums] = field(default_factory=dict)
    ways: dict[str, list[Moved]] = field(default_factory=dict)

    def add(self, invocation: Invocation) -> int:
        """Count one more invocation; gives its number."""
        outcome, end = invocation.outcome, invocation.end
        self.totals.add(outcome, end)
        keyed = (
            (self.by_task, invocation.task),
            (self.by_agent, invocation.agent or _DOERS[invocation.by]),
            (self.by_action, invocation.action or invocation.events[0]),
        )
        for sums, key in keyed:
            if key is not None:
                sums.setdefault(key, Sums()).add(outcome, end)
        number = self.totals.invocations
        for change in invocation.changes:
            self.ways.setdefault(change.name, []).append(Moved(change, number, invocation.ended))
        return number
