"""Objects that a power cut has torn: their file is there, and what it holds is not.

Git believes a file that is there: it would not write the same object again, and a commit would name one that nobody can
read. So the first writer after a start of the machine looks at the loose objects that are younger than what was last
synced, and puts aside those that are not whole. The write lock's file tells both: it holds the boot's id, and its time
is that of the last sync.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from gitorch.git import files

_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")  # Linux; elsewhere nothing is put aside
_LATE: Final = 2.0  # seconds: clocks of files are coarse
_CHUNK: Final = 1 << 20
_FANNED: Final = re.compile(r"[0-9a-f]{2}")  # the folders of loose objects


def boot_id() -> str | None:
    """Give what is another after each start of the machine, None where nothing tells."""
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return None


def put_aside(objects: Path, mark: Path, aside: Path) -> list[Path]:
    """Put torn objects aside where the machine has started anew since a mark was made; gives where they were.

    Call it with the write lock held.

    Args:
        objects: the folder of the repository's objects.
        mark: the file that tells of the last sync.
        aside: a folder of our own.

    Raises:
        OSError: something cannot be read just now, although it may be: so it is not known what is torn.
    """
    boot = boot_id()
    try:
        noted, synced = mark.read_text().strip(), mark.stat().st_mtime
    except (FileNotFoundError, ValueError):
        return []
    if boot is None or noted == boot:
        return []
    torn = [path for path in _younger(objects, synced - _LATE) if not _is_whole(path)]
    for path in torn:
        aside.mkdir(exist_ok=True)
        path.replace(aside / (path.parent.name + path.name))
    with suppress(OSError):  # on a disk that cannot be written the command itself will say so
        mark.write_text(boot)
    return torn


def note_synced(mark: Path, moment: float) -> None:
    """Note that all that was written until a moment, in seconds since 1970, is on the disk."""
    with suppress(OSError):
        os.utime(mark, (moment, moment))


def _younger(objects: Path, than: float) -> Iterator[Path]:
    fanned = [path for path in files.listed(objects) if _FANNED.fullmatch(path.name)]
    for path in (path for folder in fanned for path in files.listed(folder)):
        with suppress(FileNotFoundError):
            if len(path.name) in (38, 62) and path.stat().st_mtime >= than:
                yield path


def _is_whole(path: Path) -> bool:
    """Tell whether a loose object is what its name says: git names it by the hash of what is compressed in it."""
    import hashlib  # noqa: PLC0415 - once after each start of the machine
    import zlib  # noqa: PLC0415

    name = path.parent.name + path.name
    digest = hashlib.sha1(usedforsecurity=False) if len(name) == 40 else hashlib.sha256()  # noqa: PLR2004 - SHA-1's digits
    unpacker = zlib.decompressobj()
    try:
        with path.open("rb") as file:
            while not unpacker.eof and (chunk := unpacker.unconsumed_tail or file.read(_CHUNK)):
                digest.update(unpacker.decompress(chunk, _CHUNK))
    except zlib.error:
        return False
    except OSError:
        if os.access(path, os.R_OK):
            raise
        return True  # what may not be read is not ours to judge
    return unpacker.eof and digest.hexdigest() == name
