"""Judge one commit after another by its own message and tree, and by what came before it."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable
from typing import Final, NamedTuple

from gitorch.core import fold as folds
from gitorch.core import main_task as main_tasks
from gitorch.core import message, rules
from gitorch.core.fold import Fold
from gitorch.core.main_task import MainTask
from gitorch.core.moves import Change, States, difference, net
from gitorch.core.names import TASK_STATES
from gitorch.core.record import Record
from gitorch.core.trailers import InvalidMessage
from gitorch.errors import GitorchError
from gitorch.git.objects import Objects
from gitorch.git.repository import Repository
from gitorch.ledger.history import Logged, as_it_is, recent, record_of, way_back
from gitorch.ledger.merges import same_state, wrong_sums
from gitorch.ledger.problems import Problem, Report, Unrecorded, still
from gitorch.ledger.signatures import signature_fault
from gitorch.ledger.trees import File, Paths, files_at, is_file_of, read_paths, state_at, work_of, worked_in

_REMEMBERED: Final = 10_000  # commits whose fold is kept for children that may come; older ones are read again


class _Here(NamedTuple):
    """What is known at one commit; `told` where the history before it has not been seen, but was taken as told."""

    fold: Fold
    main_oid: str | None
    pending: tuple[Unrecorded, ...] = ()  # what no record has named yet
    told: bool = False


_NOTHING: Final = _Here(Fold(), None)


def told_at(objects: Objects, commit: str) -> Fold:
    """Give the fold at a commit as its newest records tell it."""
    fold = recent(objects, commit).fold
    for each in way_back(objects, commit):
        record = record_of(each.message)
        if record is not None and (record.totals is not None or record.event == "begin"):
            return fold
        if len(each.parents) > 1 or worked_in(objects, each.tree, each.parents):
            return fold._replace(worked=True)
    return fold


class Checker:
    """Judges one commit after another, parents first."""

    def __init__(self, objects: Objects, repository: Repository, *, signed: bool = False) -> None:
        self._objects = objects
        self._git = as_it_is(repository.git)
        self._signed = signed
        self._known: OrderedDict[str, _Here] = OrderedDict()
        self._report = Report()
        self._last = ""
        self._main: tuple[MainTask | None, str | None] = (None, None)  # one that is known to fit
        self._new: list[Unrecorded] = []  # what the commit that is being checked adds
        self._files: set[File] = set()  # the task files at the commit `_files_at`
        self._files_at: str | None = None

    def fold_at(self, commit: str) -> Fold:
        """Give what the history up to a commit has led to."""
        return self._known[commit].fold

    def finish(self) -> Report:
        """Give what was found, once the last commit has been checked."""
        here = self._known.get(self._last)
        for begun in here.fold.open if here is not None else ():
            name = begun.task or "MAIN_TASK"
            self._report.warnings.append(
                Problem(self._last, f"an invocation of {name} is open: it runs, or awaits recovery")
            )
        if here is not None:
            self._report.unrecorded = tuple(net(each.change for each in here.pending if each.change is not None))
            places = sorted({each.place for each in here.pending})
            self._report.strays = tuple(self._report.problems[place] for place in places)
        self._report.problems = [problem for problem in self._report.problems if problem.problem]
        return self._report

    def check(self, logged: Logged) -> None:
        """Judge a commit; its parents come first, if they are judged at all."""
        self._last = logged.commit
        self._new = []
        if len(logged.parents) > 1:
            here = self._check_merge(logged)
        elif not logged.parents and self._is_cut_off(logged.commit):
            here = self._check_cut_off(logged)
        else:
            here = self._check_plain(logged, self._before(logged.parents[0]) if logged.parents else _NOTHING)
        self._known[logged.commit] = here._replace(pending=(*here.pending, *self._new)) if self._new else here
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    def _before(self, parent: str) -> _Here:
        known = self._known.get(parent)
        if known is not None:
            return known
        return _Here(told_at(self._objects, parent), state_at(self._objects, parent)[1], told=True)

    def _is_cut_off(self, commit: str) -> bool:
        """Tell whether a shallow clone begins at a commit: `git log` hides the parents that the commit itself names."""
        found = self._objects.commit(commit, named=True)
        return found is not None and bool(found.parents)

    def _check_cut_off(self, logged: Logged) -> _Here:
        """Judge a commit whose parents are not at hand by its own tree alone."""
        self._report.warnings.append(Problem(logged.commit, "a shallow clone begins here: what was before is not seen"))
        here = _Here(Fold(known=False), None, told=True)
        try:
            states, main_oid = state_at(self._objects, logged.commit)
        except GitorchError as error:
            self._complain(logged, error.message)
            return here
        record = self._read_record(logged)
        if record is None:
            return here._replace(main_oid=main_oid)
        for change in record.changes:
            if states.get(change.name) != change.after:
                self._complain(logged, f"message and tree differ: only it names {change}")
        self._check_main_task(logged, record, main_oid)
        return here._replace(fold=folds.step(here.fold, record, worked=False), main_oid=main_oid)

    def _check_plain(self, logged: Logged, before: _Here) -> _Here:
        paths = read_paths(logged.paths, before.main_oid)
        changes = paths.changes()
        for problem in paths.odd:
            self._complain(logged, problem)
        if changes:
            self._follow_files(logged, paths)
        elif logged.parents and self._files_at == logged.parents[0]:
            self._files_at = logged.commit
        record = self._read_record(logged)
        if record is None:
            return self._unrecorded(logged, before, paths, changes)
        if record.event == "adopt":
            self._adopt(logged, record, before, changes)
            before = before._replace(pending=())
        elif tuple(changes) != record.changes and set(changes) != set(record.changes):
            self._complain_of_differences(logged, record, changes)
        self._check_rules(logged, record, before, paths)
        for problem in folds.problems(before.fold, record, worked=paths.worked):
            self._complain(logged, problem)
        self._check_main_task(logged, record, paths.main_oid)
        pending = still(before.pending, record)
        fold = folds.step(before.fold, record, worked=paths.worked)
        return before._replace(fold=fold, main_oid=paths.main_oid, pending=pending)

    def _unrecorded(self, logged: Logged, before: _Here, paths: Paths, changes: list[Change]) -> _Here:
        """Judge an ordinary commit: it may do all but change the state."""
        if not changes and paths.main_oid == before.main_oid and before.fold.worked:
            return before
        for change in changes:
            self._stray(logged, f"task state changed without a record: {change}", change)
        if paths.main_oid != before.main_oid:
            self._stray(logged, "MAIN_TASK changed without a record")
        fold = before.fold._replace(worked=before.fold.worked or paths.worked)
        return before._replace(fold=fold, main_oid=paths.main_oid)

    def _follow_files(self, logged: Logged, paths: Paths) -> None:
        """Keep account of the task files, and complain where a task has two from this commit on."""
        parent = logged.parents[0] if logged.parents else None
        if parent is None:
            self._files = set()
        elif self._files_at != parent:
            self._files = files_at(self._objects, parent)
        self._files.difference_update(paths.gone)
        self._files.update(paths.come)
        self._files_at = logged.commit
        more = Counter(name for name, _ in paths.come)
        more.subtract(name for name, _ in paths.gone)
        for name, number in more.items():
            if number > 0 and sum((name, state) in self._files for state in TASK_STATES) > 1:
                self._stray(logged, f"task {name} has two files")

    def _read_record(self, logged: Logged) -> Record | None:
        try:
            record = message.parse(logged.message)
        except InvalidMessage as error:
            self._stray(logged, error.message)  # a forge's squash merge joins all messages: adopt accounts for it
            return None
        if record is not None:
            self._report.checked += 1
            if logged.garbled:
                self._complain(logged, "its message is not the UTF-8 text that it says it is")
            if self._signed and (fault := signature_fault(self._objects, logged)) is not None:
                self._complain(logged, fault)
        return record

    def _check_rules(self, logged: Logged, record: Record, before: _Here, paths: Paths) -> None:
        rewritten = paths.main_oid != before.main_oid
        found = rules.problems(record, rewritten=rewritten, before=lambda: self._main_task(before.main_oid))
        if record.event == "merge":
            found.append("a record of merge stands on a commit that is none")
        if record.event in ("abandon", "archive"):
            found += rules.left_behind(record, state_at(self._objects, logged.commit)[0])
            found += rules.unrelated(record, work_of(logged.paths))
        for problem in found:
            self._complain(logged, problem)

    def _main_task(self, oid: str | None) -> MainTask | None:
        try:
            return None if oid is None else main_tasks.parse(self._objects.blob(oid))
        except GitorchError:
            return None

    def _check_main_task(self, logged: Logged, record: Record, main_oid: str | None) -> None:
        if self._main[0] is record.main_task and self._main[1] == main_oid:
            return
        there: MainTask | None = None
        if main_oid is not None and not is_file_of(record.main_task, main_oid):
            try:
                there = main_tasks.parse(self._objects.blob(main_oid))
            except GitorchError as error:
                self._complain(logged, error.message)
                return
        elif main_oid is not None:
            there = record.main_task
        if there != record.main_task:
            self._stray(logged, "the message tells another MAIN_TASK than its tree holds")
        else:
            self._main = record.main_task, main_oid

    def _check_merge(self, logged: Logged) -> _Here:
        """Judge a merge: without a record it must have the state of one of its parents, with one it may join them."""
        record = self._read_record(logged)
        try:
            merged = state_at(self._objects, logged.commit)
            source = same_state(self._objects, logged, merged)
            first = state_at(self._objects, logged.parents[0])[0] if record is not None else {}
        except GitorchError as error:
            self._complain(logged, error.message)
            return self._before(logged.parents[0])
        here = self._before(source or logged.parents[0])
        here = here._replace(pending=self._joined_pending(here, logged.parents))
        if source is not None and self._files_at == source:
            self._files_at = logged.commit
        if record is None:
            if source is None:
                self._mixed(logged, merged[0])
            return here._replace(fold=here.fold._replace(worked=True), main_oid=merged[1])
        if record.event != "merge":
            self._complain(logged, f"a record of {record.event} stands on a merge")
        changes = difference(first, merged[0])
        if set(changes) != set(record.changes):
            self._complain_of_differences(logged, record, changes)
        sides = [self._before(parent).fold for parent in logged.parents]
        for problem in (
            *folds.problems(here.fold, record, worked=True),
            *wrong_sums(self._git, self._objects, logged.parents, sides, record, merged[0]),
        ):
            self._complain(logged, problem)
        self._check_main_task(logged, record, merged[1])
        return here._replace(fold=folds.step(here.fold, record, worked=True), main_oid=merged[1])

    def _joined_pending(self, followed: _Here, parents: tuple[str, ...]) -> tuple[Unrecorded, ...]:
        """Give what is unrecorded on all sides of a merge; the state goes on from one side, and there changes count."""
        seen = {each.place for each in followed.pending}
        others = (each for parent in parents for each in self._before(parent).pending)
        more = {each.place: each._replace(change=None) for each in others if each.place not in seen}
        return (*followed.pending, *more.values())

    def _mixed(self, logged: Logged, merged: States) -> None:
        """Complain of a merge that git has made of two states."""
        changes = difference(state_at(self._objects, logged.parents[0])[0], merged)
        self._stray(logged, "a merge without a record has a state that none of its parents has", *changes)

    def _adopt(self, logged: Logged, record: Record, before: _Here, changes: Iterable[Change]) -> None:
        """Turn the problems of what an adopt accounts for into warnings."""
        due = net([*(each.change for each in before.pending if each.change is not None), *changes])
        for change in folds.unexplained(due, record):
            named = change in record.changes
            if named and before.told and self._is_so(logged, change):
                continue  # it accounts for what was before this began
            said = "it names" if named else "it does not name"
            self._complain(logged, f"adopt does not fit what happened: {said} {change}")
        for _, place in before.pending:
            old = self._report.problems[place]
            if old.problem:
                self._report.warnings.append(Problem(old.commit, f"{old.problem} (adopted later)"))
                self._report.problems[place] = Problem(old.commit, "")

    def _is_so(self, logged: Logged, change: Change) -> bool:
        return state_at(self._objects, logged.commit)[0].get(change.name) == change.after

    def _complain_of_differences(self, logged: Logged, record: Record, changes: list[Change]) -> None:
        there = state_at(self._objects, logged.commit)[0]
        told = {change.name: change for change in record.changes}
        for change in folds.unexplained(changes, record):
            said = "its tree shows"
            to_tree: Change | None = change
            if change.name in told:
                said = "it names" if change == told[change.name] else said
                lie = Change(change.name, change.after, there.get(change.name))
                to_tree = lie if change == told[change.name] and lie.before != lie.after else None
            self._stray(logged, f"message and tree differ: only {said} {change}", to_tree)

    def _stray(self, logged: Logged, problem: str, *changes: Change | None) -> None:
        """Complain of what an adopt may account for: changes of tasks, or without any a change of MAIN_TASK."""
        self._new += [Unrecorded(change, len(self._report.problems)) for change in changes or (None,)]
        self._complain(logged, problem)

    def _complain(self, logged: Logged, problem: str) -> None:
        self._report.problems.append(Problem(logged.commit, problem))
