"""Whether all processes that could work in a folder can be seen from here."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

_OUTERMOST: Final = "pid:[4026531836]"  # the kernel's own first namespace of processes: nobody is hidden from it
_LOCAL: Final = frozenset(
    {"bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "jfs", "overlay", "ramfs", "reiserfs", "tmpfs", "xfs", "zfs"}
)
_A_CONTAINERS: Final = frozenset({"overlay", "ramfs", "tmpfs"})


def sees_all(folder: Path) -> bool:
    """Tell whether every process that could work in a folder is in our /proc.

    It may not be where the file system is shared with other machines, or where we are in a container and the folder
    comes from outside. Where that cannot be known, it is not.
    """
    with suppress(OSError, ValueError):
        kind = _file_system(os.path.realpath(folder))
        if kind not in _LOCAL:
            return False
        if os.readlink("/proc/self/ns/pid") == _OUTERMOST:  # noqa: PTH115 - a link to nowhere
            return True
        return kind in _A_CONTAINERS or folder.stat().st_dev == Path("/").stat().st_dev
    return False


def _file_system(folder: str) -> str:
    """Give the kind of file system that a folder lies in, empty where that is not told."""
    found, longest = "", -1
    for line in Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines():
        about, _, rest = line.partition(" - ")
        point = _plain(about.split(" ")[4])
        inside = folder == point or folder.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= longest:  # of two at one place the later hides the other
            found, longest = rest.split(" ")[0], len(point)
    return found


def _plain(shown: str) -> str:
    for code in (" ", "\t", "\n", "\\"):
        shown = shown.replace(f"\\{ord(code):03o}", code)
    return shown
