"""Gather what the page shows: the history read once, each text bounded, as plain values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gitorch.core import audit as audits
from gitorch.core import task as task_files
from gitorch.core.audit import Audit, Entry, Invocation, Sums
from gitorch.core.fold import is_unpriced
from gitorch.core.main_task import MainTask
from gitorch.core.moves import Change
from gitorch.core.names import TASK_STATES, TASKS_DIR, TaskState, parse_task_file
from gitorch.core.record import EVENTS
from gitorch.core.task import Task
from gitorch.errors import GitorchError
from gitorch.git.repository import Repository
from gitorch.ledger.audit import is_state
from gitorch.ledger.history import Logged, record_of, stream
from gitorch.ledger.state import WorkflowState, read_state
from gitorch.report.course import Course, follow
from gitorch.report.diffs import read_diffs
from gitorch.report.safe import cut, script_json, shown

SUMMARIES: Final = 1_500_000  # characters of all summaries
DESCRIPTIONS: Final = 500_000  # likewise of tasks
PAGE: Final = 9_300_000  # bytes of the page up to which diffs fill it
DIFFS: Final = (500_000, 4_500_000)  # bytes of all diffs, at least and at most
MAX_PATHS: Final = 200
_STATES: Final[tuple[TaskState | None, ...]] = (None, *TASK_STATES)


@dataclass(kw_only=True)
class History:
    """What is shown of a history.

    Attributes:
        state: what the commit holds that the history leads to.
        time: that commit's, in seconds since 1970.
        audit: the sums.
        invocations: in order.
        agrees: whether the records lead to what the commit holds.
        data: all of it for the page, as JSON.
        diffs: each invocation's diff likewise, by its number.
    """

    state: WorkflowState
    time: int
    audit: Audit
    invocations: list[Invocation]
    agrees: bool
    data: str
    diffs: dict[int, str] = field(default_factory=dict)


def collect(repository: Repository, rev: str = "HEAD") -> History:
    """Read a history.

    Raises:
        GitorchError: the revision is no commit, or nothing is recorded there.
    """
    state = read_state(repository.objects, rev)
    commit = repository.objects.commit(state.commit) if state.commit is not None else None
    logged = [] if commit is None else list(stream(repository, commit.oid, oldest_first=True, paths=True))
    entries = [_entry(each) for each in logged]
    audit = Audit()
    invocations = list(audits.invocations(entries, lambda rev: _main_task_at(repository, rev)))
    if commit is None or not invocations:
        raise GitorchError(
            "nothing is recorded here yet", hint="begin a workflow: gitorch start NAME -d 'what is wanted'"
        )
    for each in invocations:
        audit.add(each)
    course = follow(repository.objects, entries)
    tasks = _Tasks(repository, state, course, _task_blobs(logged))
    places = _Places(entries, course, tasks.numbers)
    data = {
        "tasks": tasks.values(),
        "points": _points(course, places),
        "events": EVENTS,
        "states": ["none", *TASK_STATES],
        "commits": _commits(logged, entries),
        "invocations": _invocations(invocations, places),
        "mains": places.main_tasks(),  # after those that name them
        "sums": {
            "agent": _table(audit.by_agent),
            "action": _table(audit.by_action),
            "task": _table(audit.by_task),
        },
    }
    text = script_json(data)
    least, most = DIFFS
    room = max(least, min(most, PAGE - len(text.encode())))
    diffs = _diffs(repository, _works(entries, invocations), places, room)
    agrees = course.states == state.states
    return History(
        state=state, time=commit.time, audit=audit, invocations=invocations, agrees=agrees, data=text, diffs=diffs
    )


def _entry(logged: Logged) -> Entry:
    files = tuple(change.path for change in logged.paths if not is_state(change.path))
    return Entry(logged.commit, logged.parents, logged.time, record_of(logged.message), files)


def _main_task_at(repository: Repository, rev: str) -> MainTask | None:
    try:
        return read_state(repository.objects, rev).main_task
    except GitorchError:
        return None


def _commits(logged: Sequence[Logged], entries: Sequence[Entry]) -> list[list[str]]:
    """Give each commit's id, and the subject of those that are no records."""
    values = []
    for each, entry in zip(logged, entries, strict=True):
        subject = "" if entry.record else cut(each.message.partition("\n")[0], 200)[0]
        values.append([each.commit, subject] if subject else [each.commit])
    return values


def _task_blobs(logged: Iterable[Logged]) -> dict[str, str]:
    """Give the last content of each task's file, that of dropped tasks too."""
    blobs: dict[str, str] = {}
    for each in logged:
        for change in each.paths:
            folder, slash, name = change.path.partition("/")
            parsed = parse_task_file(name) if slash and folder == TASKS_DIR and change.after is not None else None
            if parsed is not None and change.after is not None:
                blobs[parsed[0]] = change.after.oid
    return blobs


class _Tasks:
    """All tasks that ever were, in the order in which they came, as numbers."""

    def __init__(self, repository: Repository, state: WorkflowState, course: Course, blobs: Mapping[str, str]) -> None:
        self._objects = repository.objects
        moved = (change.name for point in course.points for change in (*point.jump, *point.moves))
        self.numbers = {name: number for number, name in enumerate(dict.fromkeys((*moved, *state.states)))}
        self._blobs = {**blobs, **{name: entry.oid for name, entry in state.files.items()}}

    def values(self) -> list[dict[str, Any]]:
        room = min(600, DESCRIPTIONS // max(1, len(self.numbers)))
        return [self._value(name, room) for name in self.numbers]

    def _value(self, name: str, room: int) -> dict[str, Any]:
        task = self._read(name)
        value: dict[str, Any] = {"name": name}
        if task is None:
            return value
        if task.parent in self.numbers:
            value["parent"] = self.numbers[task.parent]
        if needs := [self.numbers[need] for need in task.needs if need in self.numbers]:
            value["needs"] = needs
        text, missing = cut(task.description, room)
        if text:
            value["text"] = f"{text}…" if missing else text
        return value

    def _read(self, name: str) -> Task | None:
        if name not in self._blobs:
            return None
        try:
            return task_files.parse(name, self._objects.blob(self._blobs[name]), name)
        except GitorchError:  # a spoiled file is still a task
            return None


class _Places:
    """Numbers that stand for commits, points, tasks and MAIN_TASKs, so that each is told once."""

    def __init__(self, entries: Sequence[Entry], course: Course, tasks: Mapping[str, int]) -> None:
        self.commits = {entry.commit: number for number, entry in enumerate(entries)}
        self.points = {point.commit: number for number, point in enumerate(course.points)}
        self.tasks = tasks
        self._main_tasks: dict[MainTask | None, int] = {}

    def main_task(self, value: MainTask | None) -> int:
        return self._main_tasks.setdefault(value, len(self._main_tasks))

    def main_tasks(self) -> list[list[str | None] | None]:
        return [None if each is None else list(each) for each in self._main_tasks]

    def moves(self, changes: Sequence[Change]) -> list[int]:
        """Write each move as two numbers: the task's, and `before * 6 + after`."""
        coded = ((self.tasks[c.name], _STATES.index(c.before) * len(_STATES) + _STATES.index(c.after)) for c in changes)
        return [number for pair in coded for number in pair]


def _points(course: Course, places: _Places) -> dict[str, Any]:
    """Give the points as columns."""
    points = course.points
    return {
        "time": [point.time for point in points],
        "event": [EVENTS.index(point.event) for point in points],
        "main": [places.main_task(point.main_task) for point in points],
        "moves": [places.moves(point.moves) for point in points],
        "jumps": {number: places.moves(point.jump) for number, point in enumerate(points) if point.jump},
    }


def _works(entries: Sequence[Entry], invocations: Sequence[Invocation]) -> list[tuple[int, list[str]]]:
    """Give the commits that changed files, by invocation."""
    worked = {entry.commit for entry in entries if entry.files}
    works = ((number, [c for c in each.commits if c in worked]) for number, each in enumerate(invocations, 1))
    return [(number, commits) for number, commits in works if commits]


def _diffs(
    repository: Repository, works: Sequence[tuple[int, list[str]]], places: _Places, room: int
) -> dict[int, str]:
    """Give diffs as JSON, from the newest back until there is no more room."""
    diffs: dict[int, str] = {}
    for number, diff in read_diffs(repository, works[::-1]):
        text = script_json(diff.as_dict(places.commits))
        room -= len(text.encode())
        if room < 0:
            break
        diffs[number] = text
    return diffs


def _invocations(invocations: Sequence[Invocation], places: _Places) -> list[dict[str, Any]]:
    room = max(300, min(8000, SUMMARIES // max(1, len(invocations))))
    values = (_invocation(each, places, room) for each in invocations)
    return [{key: item for key, item in value.items() if item not in (None, [], "")} for value in values]


def _invocation(invocation: Invocation, places: _Places, room: int) -> dict[str, Any]:
    """Give an invocation for the page; the caller leaves out what is empty."""
    end, before = invocation.end, invocation.before
    value: dict[str, Any] = {
        "id": invocation.id,
        "by": invocation.by,
        "action": invocation.action or invocation.events[0],
        "task": places.tasks.get(invocation.task) if invocation.task is not None else None,
        "attempt": invocation.attempt,
        "before": places.main_task(before) if before is not None else None,
        "outcome": invocation.outcome,
        "reason": invocation.reason,
        "began": invocation.began,
        "ended": invocation.ended,
        "points": [places.points[commit] for commit in invocation.commits if commit in places.points],
        "commits": [places.commits[commit] for commit in invocation.commits],
        "files": [cut(path, 1000)[0] for path in list(invocation.files)[:MAX_PATHS]],
        "more_files": max(0, len(invocation.files) - MAX_PATHS) or None,
    }
    if end is None:
        return value
    summary, missing = cut(end.body, room)
    return {
        **value,
        "agent": shown(end.agent or ""),
        "model": shown(end.model or ""),
        "session": shown(end.session or ""),
        "cost": float(end.cost_usd) if end.cost_usd is not None else None,
        "unpriced": is_unpriced(end) or None,
        "tokens": _tokens(end.tokens_in, end.tokens_cached, end.tokens_out),
        "seconds": float(end.duration) if end.duration is not None else None,
        "exit": end.exit,
        "question": end.question,
        "retry_at": end.retry_at,
        "rescue": end.rescue,
        "checks": [[check.exit, check.command] for check in end.checks],
        "summary": summary,
        "summary_cut": missing or None,
    }


def _tokens(*counts: int | None) -> list[int | None] | None:
    return None if all(count is None for count in counts) else list(counts)


def _table(sums: Mapping[str, Sums]) -> list[list[Any]]:
    """Give sums as rows: the most invocations first."""
    rows = sorted(sums.items(), key=lambda item: (-item[1].invocations, item[0]))
    return [
        [
            shown(key),
            each.invocations,
            each.completed,
            each.failed,
            each.tokens_in,
            each.tokens_out,
            float(each.seconds),
            None if each.cost_usd is None else float(each.cost_usd),
            each.unpriced,
        ]
        for key, each in rows[:200]
    ]
