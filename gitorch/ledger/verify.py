"""Verify: compare every record with the tree it stands on, in one pass over the history."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from gitorch.core import fold as folds
from gitorch.core import main_task as main_tasks
from gitorch.core import message
from gitorch.core.fold import Fold
from gitorch.core.main_task import MainTask
from gitorch.core.message import InvalidMessage, Record
from gitorch.core.moves import Change, States, difference
from gitorch.core.names import MAIN_TASK_PATH, TASKS_DIR, TaskState, parse_task_file
from gitorch.errors import GitorchError
from gitorch.git.objects import Objects
from gitorch.git.repository import Repository
from gitorch.ledger.history import Logged, PathChange, recent, stream
from gitorch.ledger.state import WorkflowState, read_state

_REMEMBERED: Final = 20_000  # commits whose fold is kept for children that may come; older ones are read again


class Problem(NamedTuple):
    """What is wrong with a commit."""

    commit: str
    problem: str


@dataclass
class Report:
    """What verifying found. `checked` counts the records; problems stand oldest first."""

    checked: int = 0
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether the whole record holds."""
        return not self.problems


class _Unrecorded(NamedTuple):
    """A change that no record names, None for one of MAIN_TASK, and the place of its problem in the report."""

    change: Change | None
    place: int


class _Here(NamedTuple):
    """What is known at one commit."""

    fold: Fold
    main_oid: str | None
    pending: tuple[_Unrecorded, ...] = ()  # what no record has named yet


def verify(repository: Repository, *revs: str) -> Report:
    """Go through the history of revisions once and judge each commit by its own message and tree."""
    checker = _Checker(repository.objects)
    if not revs and repository.objects.commit("HEAD") is None:
        return checker.finish()  # nothing is committed yet
    for logged in stream(repository, *(revs or ("HEAD",)), oldest_first=True, paths=True):
        checker.check(logged)
    return checker.finish()


def verify_since(repository: Repository, base: str, tip: str) -> tuple[Report, Fold]:
    """Judge the commits after `base` up to `tip`, and give the fold at `tip`."""
    if base == tip:
        return Report(), recent(repository.objects, tip).fold
    checker = _Checker(repository.objects)
    for logged in stream(repository, f"{base}..{tip}", oldest_first=True, paths=True):
        checker.check(logged)
    return checker.finish(), checker.fold_at(tip)


class _Checker:
    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._known: OrderedDict[str, _Here] = OrderedDict()
        self._report = Report()
        self._last = ""

    def fold_at(self, commit: str) -> Fold:
        """Give what the history up to a commit has led to."""
        return self._known[commit].fold

    def finish(self) -> Report:
        here = self._known.get(self._last)
        for begun in here.fold.open if here is not None else ():
            name = begun.task or "MAIN_TASK"
            self._report.warnings.append(
                Problem(self._last, f"an invocation of {name} is open: it runs, or awaits recovery")
            )
        self._report.problems = [problem for problem in self._report.problems if problem.problem]
        return self._report

    def check(self, logged: Logged) -> None:
        self._last = logged.commit
        if len(logged.parents) > 1:
            here = self._check_merge(logged)
        elif not logged.parents and self._is_cut_off(logged.commit):
            here = self._check_cut_off(logged)
        else:
            before = self._before(logged.parents[0]) if logged.parents else _Here(Fold(), None)
            here = self._check_plain(logged, before)
        self._known[logged.commit] = here
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    def _before(self, parent: str) -> _Here:
        known = self._known.get(parent)
        if known is not None:
            return known
        return _Here(recent(self._objects, parent).fold, _state(self._objects, parent)[1])

    def _is_cut_off(self, commit: str) -> bool:
        """Tell whether a shallow clone begins at a commit: `git log` hides the parents that the commit itself names."""
        found = self._objects.commit(commit)
        return found is not None and bool(found.parents)

    def _check_cut_off(self, logged: Logged) -> _Here:
        """Judge a commit whose parents are not at hand by its own tree alone."""
        self._report.warnings.append(Problem(logged.commit, "a shallow clone begins here: what was before is not seen"))
        here = _Here(Fold(known=False), None)
        try:
            states, main_oid = _state(self._objects, logged.commit)
        except GitorchError as error:
            self._complain(logged, error.message)
            return here
        record = self._read_record(logged)
        if record is None:
            return here._replace(main_oid=main_oid)
        self._report.checked += 1
        for change in record.changes:
            if states.get(change.name) != change.after:
                self._complain(logged, f"message and tree differ: only it names {change}")
        self._check_main_task(logged, record, main_oid)
        return _Here(folds.step(here.fold, record, worked=False), main_oid)

    def _check_plain(self, logged: Logged, before: _Here) -> _Here:
        changes, main_oid, worked = _read_paths(logged.paths, before.main_oid)
        record = self._read_record(logged)
        if record is None:
            pending = list(before.pending)
            for change in changes:
                pending.append(_Unrecorded(change, len(self._report.problems)))
                self._complain(logged, f"task state changed without a record: {change}")
            if main_oid != before.main_oid:
                pending.append(_Unrecorded(None, len(self._report.problems)))
                self._complain(logged, "MAIN_TASK changed without a record")
            fold = before.fold._replace(worked=before.fold.worked or worked)
            return _Here(fold, main_oid, tuple(pending))
        self._report.checked += 1
        pending_after = before.pending
        if record.event == "adopt":
            self._adopt(logged, record, before.pending, changes)
            pending_after = ()
        else:
            for change in folds.unexplained(changes, record):
                said = "it names" if change in record.changes else "its tree shows"
                self._complain(logged, f"message and tree differ: only {said} {change}")
        for problem in folds.problems(before.fold, record, worked=worked):
            self._complain(logged, problem)
        self._check_main_task(logged, record, main_oid)
        return _Here(folds.step(before.fold, record, worked=worked), main_oid, pending_after)

    def _read_record(self, logged: Logged) -> Record | None:
        try:
            return message.parse(logged.message)
        except InvalidMessage as error:
            self._complain(logged, error.message)
            return None

    def _check_main_task(self, logged: Logged, record: Record, main_oid: str | None) -> None:
        there: MainTask | None = None
        if main_oid is not None:
            try:
                there = main_tasks.parse(self._objects.blob(main_oid))
            except GitorchError as error:
                self._complain(logged, error.message)
                return
        if there != record.main_task:
            self._complain(logged, "the message tells another MAIN_TASK than its tree holds")

    def _check_merge(self, logged: Logged) -> _Here:
        """Judge a merge: without a record it must have the state of one of its parents."""
        record = self._read_record(logged)
        try:
            states = [_state(self._objects, parent) for parent in logged.parents]
            merged = _state(self._objects, logged.commit)
        except GitorchError as error:
            self._complain(logged, error.message)
            return self._before(logged.parents[0])
        for parent, state in zip(logged.parents, states, strict=True):
            if state == merged:
                here = self._before(parent)
                if record is not None:
                    self._complain(logged, "a merge that changes no state carries a record")
                return here._replace(fold=here.fold._replace(worked=True))
        first = self._before(logged.parents[0])
        if record is None:
            self._complain(logged, "a merge without a record has a state that none of its parents has")
            return _Here(first.fold, merged[1], first.pending)
        self._report.checked += 1
        for change in folds.unexplained(difference(states[0][0], merged[0]), record):
            self._complain(logged, f"message and tree differ in {change}")
        self._check_main_task(logged, record, merged[1])
        return _Here(folds.step(first.fold, record, worked=True), merged[1], first.pending)

    def _adopt(self, logged: Logged, record: Record, pending: Iterable[_Unrecorded], changes: Iterable[Change]) -> None:
        """Turn the problems of what an adopt accounts for into warnings."""
        due = _net([*(each.change for each in pending if each.change is not None), *changes])
        for change in folds.unexplained(due, record):
            said = "it names" if change in record.changes else "it does not name"
            self._complain(logged, f"adopt does not fit what happened: {said} {change}")
        for _, place in pending:
            old = self._report.problems[place]
            if old.problem:
                self._report.warnings.append(Problem(old.commit, f"{old.problem} (adopted later)"))
                self._report.problems[place] = Problem(old.commit, "")

    def _complain(self, logged: Logged, problem: str) -> None:
        self._report.problems.append(Problem(logged.commit, problem))


def _state(objects: Objects, commit: str) -> tuple[States, str | None]:
    state: WorkflowState = read_state(objects, commit)
    return state.states, None if state.main_task_entry is None else state.main_task_entry.oid


def _read_paths(paths: Iterable[PathChange], main_oid: str | None) -> tuple[list[Change], str | None, bool]:
    """Sort a commit's paths into changes of state, MAIN_TASK, and other work."""
    before: dict[str, TaskState] = {}
    after: dict[str, TaskState] = {}
    worked = False
    for path, old, new in paths:
        if path == MAIN_TASK_PATH:
            main_oid = None if new is None else new.oid
            continue
        folder, slash, filename = path.partition("/")
        parsed = parse_task_file(filename) if folder == TASKS_DIR and slash else None
        if parsed is None:
            worked = True
            continue
        name, state = parsed
        if old is not None:
            before[name] = state
        if new is not None:
            after[name] = state
    return difference(before, after), main_oid, worked


def _net(changes: Iterable[Change]) -> list[Change]:
    before: dict[str, TaskState] = {}
    after: dict[str, TaskState] = {}
    seen: set[str] = set()
    for change in changes:
        if change.name not in seen and change.before is not None:
            before[change.name] = change.before
        seen.add(change.name)
        if change.after is None:
            after.pop(change.name, None)
        else:
            after[change.name] = change.after
    return difference(before, after)
