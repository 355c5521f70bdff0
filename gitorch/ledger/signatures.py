"""What is wrong with a record's signature, by the letters in which `git log --format=%G?` tells it."""

from __future__ import annotations

from typing import Final

from gitorch.git.objects import Objects
from gitorch.ledger.history import Logged

_FAULTS: Final = {
    "N": "it is not signed",
    "B": "its signature is bad",
    "E": "its signature cannot be checked: its key is not known here, or git is not set up to check it",
    "X": "its signature has expired",
    "Y": "its signature was made by a key that has expired",
    "R": "its signature was made by a key that was revoked",
    "U": "its signature was made by a key that is not known here",
}


def signature_fault(objects: Objects, logged: Logged) -> str | None:
    """Say why a commit does not count as signed by a key that git knows, None where it does."""
    letter, signer = logged.signature[:1], logged.signature[1:]
    if letter == "G" or (letter == "U" and signer):  # a known key, whether or not somebody vouches for it
        return None
    if letter == "N":
        found = objects.read(logged.commit)
        letter = "E" if found is not None and b"\ngpgsig" in found.data.partition(b"\n\n")[0] else "N"
    return _FAULTS.get(letter, _FAULTS["E"])
