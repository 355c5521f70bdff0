"""Verify: compare every record with the tree it stands on, in one pass over the history."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from gitorch.core.fold import Fold
from gitorch.core.names import quote
from gitorch.errors import Exit, GitorchError
from gitorch.git.objects import Objects
from gitorch.git.repository import Repository
from gitorch.ledger.checker import Checker, told_at
from gitorch.ledger.history import Logged, as_it_is, stream
from gitorch.ledger.problems import Problem, Report

_SHOWN: Final = 20  # of the commits that replace refs hide


def verify(repository: Repository, *revs: str, since: str | None = None, signatures: bool = False) -> Report:
    """Go through the history of revisions once and judge each commit by its own message and tree.

    With `since`, only the commits after that one are judged, and what was before is taken as told there. With
    `signatures`, each record has to be signed by a key that git knows.

    Raises:
        GitorchError: a revision does not exist, or git cannot read the history.
    """
    with _objects_of(repository) as objects:
        checker = Checker(objects, repository, signed=signatures)
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
        checker = Checker(objects, repository)
        if base == tip:
            return Report(), told_at(objects, tip)
        for logged in _read(repository, (f"{base}..{tip}",)):
            checker.check(logged)
        return checker.finish(), checker.fold_at(tip)


def _read(repository: Repository, revs: tuple[str, ...], *, signatures: bool = False) -> Iterator[Logged]:
    return stream(repository, *revs, oldest_first=True, paths=True, signatures=signatures, as_made=True)


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
        raise GitorchError("a range cannot be used with --since", hint="name one revision", code=Exit.USAGE)
    base = None if since.startswith("-") else objects.commit(since)
    if base is None:
        raise GitorchError(f"{quote(since)} is not a commit", hint="fetch it, or name another commit, branch or tag")
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
