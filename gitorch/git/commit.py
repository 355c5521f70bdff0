"""The form of a commit object, as git stores it: https://git-scm.com/docs/git-commit-tree says what is in one."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_TIME: Final = re.compile(rb"> *(-?[0-9]+)[^>]*\Z")


class Commit(NamedTuple):
    """The parts of a commit that gitorch reads. `time` is the committer's, in seconds since 1970."""

    oid: str
    tree: str
    parents: tuple[str, ...]
    message: str
    time: int


def parse_commit(oid: str, data: bytes) -> Commit:
    """Read a commit object; its message ends at a NUL, as git's own log ends it."""
    head, _, message = data.partition(b"\0")[0].partition(b"\n\n")
    tree, parents, time, encoding = "", [], 0, "utf-8"
    for line in head.split(b"\n"):
        key, _, value = line.partition(b" ")
        if key == b"tree":
            tree = value.decode()
        elif key == b"parent":
            parents.append(value.decode())
        elif key == b"committer":
            found = _TIME.search(value)
            time = int(found[1]) if found is not None else 0  # git reads commits of broken tools, too
        elif key == b"encoding":  # a rebase under i18n.commitEncoding has written the message anew
            encoding = value.decode(errors="replace")
    return Commit(oid, tree, tuple(parents), _decode(message, encoding), time)


def _decode(text: bytes, encoding: str) -> str:
    try:
        return text.decode(encoding, errors="replace")
    except LookupError:
        return text.decode(errors="replace")
