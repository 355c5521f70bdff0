"""What a record takes on disk, beside the same changes as plain commits."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.bench import repositories
from tests.bench.figures import Bars, Part, Table
from tests.bench.place import Place

LINKS: Final = 200


def measure(place: Place) -> Part:
    """Measure it."""
    links = min(LINKS, place.many(LINKS * 2))
    ours = repositories.make(place, "size", tasks=links, chain=True)
    plain = place.root / "size-plain"
    place.git(place.root, "clone", "-q", "--no-local", str(ours), str(plain))
    begin = {root: _bytes(root) for root in (ours, plain)}
    place.gitorch(ours, "run", *repositories.AGENT)
    _copy(place, ours, plain)
    records = int(place.git(ours, "rev-list", "--count", "begin..main"))
    raw, rows, bars = {}, [], []
    for label, root in (("records", ours), ("plain commits", plain)):
        loose = (_bytes(root) - begin[root]) / records
        place.git(root, "gc", "-q", "--prune=now")
        packed = (_bytes(root) - begin[root]) / records
        raw[label] = {"records": records, "loose": loose, "packed": packed}
        rows.append([label, f"{loose:,.0f}", f"{packed:,.0f}"])
        bars += [(f"{label}, {when}", each, each, each) for when, each in (("loose", loose), ("after gc", packed))]
    times = [raw["records"][when] / raw["plain commits"][when] for when in ("loose", "packed")]
    rows.append(["records by plain commits", *(f"{each:.2f}" for each in times)])
    return Part(
        "Size on disk",
        [Table(["", "bytes for each, loose", "bytes for each, after `git gc`"], rows)],
        [Bars("Size on disk", "bytes for each", bars)],
        [f"{records} records of a chain of {links} tasks. The plain commits have the same trees, and subjects alone."],
        raw,
    )


def _copy(place: Place, ours: Path, plain: Path) -> None:
    """Make the same commits with nothing but their subjects as messages; what is new in them is loose there too."""
    listed = place.git(ours, "rev-list", "--objects", "begin..main").splitlines()
    objects = [line.split(" ")[0] for line in listed if " " in line]  # a line without a blank is a commit
    wanted = place.root / "size-objects"
    wanted.write_text("\n".join(objects) + "\n")
    command = f"git pack-objects -q --stdout < {wanted} | git -C {plain} unpack-objects -q"
    place.run("sh", "-c", command, cwd=ours)
    parent = place.git(ours, "rev-parse", "begin").strip()
    for line in place.git(ours, "log", "--reverse", "--format=%T %s", "begin..main").splitlines():
        tree, _, subject = line.partition(" ")
        parent = place.git(plain, "commit-tree", tree, "-p", parent, "-m", subject).strip()
    place.git(plain, "reset", "-q", "--hard", parent)
    place.git(plain, "reflog", "expire", "--expire=now", "--all")


def _bytes(root: Path) -> int:
    return sum(path.stat().st_size for path in (root / ".git" / "objects").rglob("*") if path.is_file())
