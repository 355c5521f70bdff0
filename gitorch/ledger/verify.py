"""Verify: compare every record with the tree it stands on, in one pass over the history."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from gitorch.core import again, join, message, rules
from gitorch.core import fold as folds
from gitorch.core import main_task as main_tasks
from gitorch.core.fold import Fold
from gitorch.core.main_task import MainTask
from gitorch.core.moves import Change, States, difference, net
from gitorch.core.names import TASK_STATES, quote
from gitorch.core.record import Record, Totals
from gitorch.core.trailers import InvalidMessage
from gitorch.errors import Exit, GitorchError
from gitorch.git.objects import Objects
from gitorch.git.repository import Repository
from gitorch.ledger.bases import bases, common, is_shallow
from gitorch.ledger.history import Logged, as_it_is, recent, record_of, stream, way_back
from gitorch.ledger.trees import File, Paths, files_at, folder_at, is_file_of, read_paths, state_at, worked_in

_REMEMBERED: Final = 10_000  # commits whose fold is kept for children that may come; older ones are read again
_SHOWN: Final = 20  # of the commits that replace refs hide
_FAULTS: Final = {
    "N": "it is not signed",
    "B": "its signature is bad",
    "E": "its signature cannot be checked: its key is not known here, or git is not set up to check it",
    "X": "its signature has expired",
    "Y": "its signature was made by a key that has expired",
    "R": "its signature was made by a key that was revoked",
    "U": "its signature was made by a key that is not known here",
}


class Problem(NamedTuple):
    """What is wrong with a commit."""

    commit: str
    problem: str


@dataclass
class Report:
    """What verifying found. `checked` counts the records; problems stand oldest first.

    `since` is the commit after which it began, None for the whole history, and `tip` the one where it ended.
    `unrecorded` are the changes that lead from what the records tell to what the tree at the tip shows; `strays` are
    the problems that a record of `adopt` which names those changes would account for.
    """

    checked: int = 0
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    since: str | None = None
    tip: str | None = None
    unrecorded: tuple[Change, ...] = ()
    strays: tuple[Problem, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the whole record holds."""
        return not self.problems


class _Unrecorded(NamedTuple):
    """A change from what the records tell to what a tree shows, None for one of MAIN_TASK; `place` is its problem's."""

    change: Change | None
    place: int


class _Here(NamedTuple):
    """What is known at one commit; `told` where the history before it has not been seen, but was taken as told."""

    fold: Fold
    main_oid: str | None
    pending: tuple[_Unrecorded, ...] = ()  # what no record has named yet
    told: bool = False


_NOTHING: Final = _Here(Fold(), None)


def verify(repository: Repository, *revs: str, since: str | None = None, signatures: bool = False) -> Report:
    """Go through the history of revisions once and judge each commit by its own message and tree.

    With `since`, only the commits after that one are judged, and what was before is taken as told there. With
    `signatures`, each record has to be signed by a key that git knows.

    Raises:
        GitorchError: a revision does not exist, or git cannot read the history.
    """
    with _objects_of(repository) as objects:
        checker = _Checker(objects, repository, signed=signatures)
        if not revs and objects.commit("HEAD") is None:
            return checker.finish()  # nothing is committed yet
        revs = _range(objects, revs or ("HEAD",), since)
        for logged in _read(repository, revs, signatures=signatures):
            checker.check(logged)
        report = checker.finish()
        report.since, report.tip = _ends(repository, revs)
        report.warnings += _hidden(repository)
        return report


def verify_since(repository: Repository, base: str, tip: str) -> tuple[Report, Fold]:
    """Judge the commits after `base` up to `tip`, and give the fold at `tip`."""
    with _objects_of(repository) as objects:
        checker = _Checker(objects, repository)
        if base == tip:
            return Report(), _told(objects, tip)
        for logged in _read(repository, (f"{base}..{tip}",)):
            checker.check(logged)
        return checker.finish(), checker.fold_at(tip)


def _read(repository: Repository, revs: tuple[str, ...], *, signatures: bool = False) -> Iterator[Logged]:
    return stream(repository, *revs, oldest_first=True, paths=True, signatures=signatures, replaced=False)


@contextmanager
def _objects_of(repository: Repository) -> Iterator[Objects]:
    """Give the repository's objects as they are, whatever `git replace` puts in their place."""
    objects = Objects(as_it_is(repository.git))
    try:
        yield objects
    finally:
        objects.close()


def _range(objects: Objects, revs: tuple[str, ...], since: str | None) -> tuple[str, ...]:
    if since is None or not since.strip("0"):  # hooks give zeros for a branch that is new
        return revs
    if any(".." in rev for rev in revs):
        raise GitorchError("a range says since when already", hint="give one revision with --since", code=Exit.USAGE)
    base = None if since.startswith("-") else objects.commit(since)
    if base is None:
        raise GitorchError(f"{quote(since)} is no commit", hint="is it fetched? give a commit, branch or tag")
    return (*revs, f"^{base.oid}")


def _ends(repository: Repository, revs: tuple[str, ...]) -> tuple[str | None, str | None]:
    """Give the commits after which the revisions begin, and where they end."""
    lines = repository.git.attempt("rev-parse", *revs, "--").out.decode().split()
    after = next((line[1:] for line in lines if line.startswith("^")), None)
    return after, next((line for line in lines if not line.startswith(("^", "-"))), None)


def _hidden(repository: Repository) -> Iterator[Problem]:
    """Warn of commits that git shows otherwise than they are."""
    out = repository.git.attempt("for-each-ref", f"--count={_SHOWN}", "--format=%(refname)", "refs/replace/").out
    for ref in out.decode(errors="replace").split():
        yield Problem(
            ref.rpartition("/")[2], "a replace ref shows another object in its place: what is judged is the object"
        )
    grafts = Path(repository.common_dir, "info", "grafts")
    if grafts.is_file():
        for line in grafts.read_text(errors="replace").splitlines()[:_SHOWN]:
            if line.strip() and not line.startswith("#"):
                yield Problem(line.split()[0], "a graft gives it other parents: what is judged are its own")


def _told(objects: Objects, commit: str) -> Fold:
    """Give the fold at a commit as its newest records tell it."""
    fold = recent(objects, commit).fold
    for each in way_back(objects, commit):
        record = record_of(each.message)
        if record is not None and (record.totals is not None or record.event == "begin"):
            return fold
        if len(each.parents) > 1 or worked_in(objects, each.tree, each.parents):
            return fold._replace(worked=True)
    return fold


class _Checker:
    def __init__(self, objects: Objects, repository: Repository, *, signed: bool = False) -> None:
        self._objects = objects
        self._git = as_it_is(repository.git)
        self._signed = signed
        self._known: OrderedDict[str, _Here] = OrderedDict()
        self._report = Report()
        self._last = ""
        self._main: tuple[MainTask | None, str | None] = (None, None)  # one that is known to fit
        self._new: list[_Unrecorded] = []  # what the commit that is being checked adds
        self._files: set[File] = set()  # the task files at the commit `_files_at`
        self._files_at: str | None = None

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
        if here is not None:
            self._report.unrecorded = tuple(net(each.change for each in here.pending if each.change is not None))
            places = sorted({each.place for each in here.pending})
            self._report.strays = tuple(self._report.problems[place] for place in places)
        self._report.problems = [problem for problem in self._report.problems if problem.problem]
        return self._report

    def check(self, logged: Logged) -> None:
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
        return _Here(_told(self._objects, parent), state_at(self._objects, parent)[1], told=True)

    def _is_cut_off(self, commit: str) -> bool:
        """Tell whether a shallow clone begins at a commit: `git log` hides the parents that the commit itself names."""
        found = self._objects.commit(commit)
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
        pending = _still(before.pending, record)
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
        moved = {name for name, _ in paths.gone}
        for name, _ in paths.come:
            if name not in moved and sum((name, state) in self._files for state in TASK_STATES) > 1:
                self._stray(logged, f"task {name} has two files")

    def _read_record(self, logged: Logged) -> Record | None:
        try:
            record = message.parse(logged.message)
        except InvalidMessage as error:
            self._complain(logged, error.message)
            return None
        if record is not None:
            self._report.checked += 1
            if logged.garbled:
                self._complain(logged, "its message is not the UTF-8 text that it says it is")
            if self._signed and (fault := self._signature_fault(logged)) is not None:
                self._complain(logged, fault)
        return record

    def _signature_fault(self, logged: Logged) -> str | None:
        letter, signer = logged.signature[:1], logged.signature[1:]
        if letter == "G" or (letter == "U" and signer):  # a known key, whether or not somebody vouches for it
            return None
        if letter == "N":
            found = self._objects.read(logged.commit)
            letter = "E" if found is not None and b"\ngpgsig" in found.data.partition(b"\n\n")[0] else "N"
        return _FAULTS.get(letter, _FAULTS["E"])

    def _check_rules(self, logged: Logged, record: Record, before: _Here, paths: Paths) -> None:
        rewritten = paths.main_oid != before.main_oid
        found = rules.problems(record, rewritten=rewritten, before=lambda: self._main_task(before.main_oid))
        if record.event == "merge":
            found.append("a record of merge stands on a commit that is none")
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
            source = self._same_state(logged, merged)
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
                self._mixed(logged, merged)
            return here._replace(fold=here.fold._replace(worked=True), main_oid=merged[1])
        if record.event != "merge":
            self._complain(logged, f"a record of {record.event} stands on a merge")
        changes = difference(first, merged[0])
        if set(changes) != set(record.changes):
            self._complain_of_differences(logged, record, changes)
        for problem in (
            *folds.problems(here.fold, record, worked=True),
            *self._wrong_sums(logged.parents, record, merged[0]),
        ):
            self._complain(logged, problem)
        self._check_main_task(logged, record, merged[1])
        return here._replace(fold=folds.step(here.fold, record, worked=True), main_oid=merged[1])

    def _joined_pending(self, followed: _Here, parents: tuple[str, ...]) -> tuple[_Unrecorded, ...]:
        """Give what is unrecorded on all sides of a merge; the state goes on from one side, and there changes count."""
        seen = {each.place for each in followed.pending}
        others = (each for parent in parents for each in self._before(parent).pending)
        more = {each.place: each._replace(change=None) for each in others if each.place not in seen}
        return (*followed.pending, *more.values())

    def _mixed(self, logged: Logged, merged: tuple[States, str | None]) -> None:
        """Complain of a merge that git has made of two states."""
        states, main_oid = state_at(self._objects, logged.parents[0])
        changes: list[Change | None] = [*difference(states, merged[0])]
        changes += [None] if main_oid != merged[1] else []
        self._stray(logged, "a merge without a record has a state that none of its parents has", *changes)

    def _wrong_sums(self, parents: tuple[str, ...], record: Record, joined: States) -> list[str]:
        """Say where a merge's sums are not those of both its sides, what they began from counted once."""
        if record.totals is None or record.event != "merge":
            return []
        if len(parents) > 2:  # noqa: PLR2004 - two sides
            return [f"it has the sums of two sides, and joins {len(parents)}"]
        ours, theirs = (self._before(parent).fold for parent in parents)
        if not (ours.known and theirs.known) or is_shallow(self._git):
            return []
        began = bases(self._git, *parents)
        base = common(self._git, began, lambda at: recent(self._objects, at).fold.totals, join.totals, Totals())
        due = join.totals(base, ours.totals, theirs.totals)
        return folds.wrong_totals(record.totals, due._replace(again=again.join(ours.again, theirs.again, joined)))

    def _same_state(self, logged: Logged, merged: tuple[States, str | None]) -> str | None:
        """Give the first parent that has the merge's state, None where none has it."""
        folder = folder_at(self._objects, logged.commit)
        for parent in logged.parents:
            if folder_at(self._objects, parent) == folder or state_at(self._objects, parent) == merged:
                return parent
        return None

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
        self._new += [_Unrecorded(change, len(self._report.problems)) for change in changes or (None,)]
        self._complain(logged, problem)

    def _complain(self, logged: Logged, problem: str) -> None:
        self._report.problems.append(Problem(logged.commit, problem))


def _still(pending: tuple[_Unrecorded, ...], record: Record) -> tuple[_Unrecorded, ...]:
    """Give what is unrecorded still after a record: where that says how a task stands, the log knows it again."""
    if not pending:
        return pending
    told = {change.name for change in record.changes}
    return tuple(each._replace(change=None) if each.change and each.change.name in told else each for each in pending)
