"""What must hold after whatever has happened to a repository: nothing lost, nothing twice, nothing lying about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import gitorch
from tests.loop.bench import Bench, Photo, differences


class Seen(NamedTuple):
    """What must not be lost: the user's uncommitted work, and all commits of the branch."""

    work: Photo
    commits: frozenset[str]


def look(root: Path, *, without: Iterable[str] = ()) -> Seen:
    bench = Bench(root)
    return Seen(bench.photo(without=without), frozenset(bench.git("rev-list", "HEAD").split()))


def assert_sound(root: Path, before: Seen, *, acknowledged: Iterable[str] = (), temporary: Path | None = None) -> None:
    """Check all but that the next step succeeds.

    Args:
        root: the work tree.
        before: what there was; leave out of it the files that agents and merges write.
        acknowledged: further commits that must be there, by id.
        temporary: the folder in which gitorch makes its temporary files, where it has one of its own.
    """
    bench = Bench(root)
    with gitorch.open(root) as workflow:
        problems = workflow.verify().problems
        assert not problems, f"the record does not hold: {problems}"
    bench.git("fsck", "--full", "--strict", "--no-dangling")
    there = set(bench.git("rev-list", "HEAD").split())
    lost = ({*before.commits, *acknowledged}) - there
    assert not lost, f"lost: {lost}"
    told = bench.git("log", f"--format={_trailer('Event')} {_trailer('Invocation')}")
    twice = [line for line, count in Counter(told.splitlines()).items() if len(line.split()) == 2 and count > 1]
    assert not twice, f"twice: {twice}"
    kept = {*before.work.files}
    others = [path for path in bench.files() if path not in kept]
    found = differences(before.work, bench.photo(without=others))
    assert not found, "the user's own work: " + "; ".join(found)
    left = leftovers(root, temporary)
    assert not left, f"left over: {left}"


def _trailer(key: str) -> str:
    return f"%(trailers:key=Gitorch-{key},valueonly,separator=)"


def leftovers(root: Path, temporary: Path | None = None) -> list[str]:
    """List what no process that has ended may leave."""
    git = root / ".git"
    found = [path for path in git.rglob("*.lock") if path.parent.name != "gitorch" or path.name.endswith(".index.lock")]
    found += [path for path in git.glob("gitorch/*") if path.name in ("invocation.json", "append.json", "index.lock")]
    found += [path for path in root.rglob(".*.new") if git not in path.parents]
    found += list((git / "refs/gitorch/before").glob("*")) if (git / "refs/gitorch/before").is_dir() else []
    found += list(temporary.glob("*")) if temporary is not None else []
    return sorted(map(str, found))
