"""Messages of commits that are being made: as git hands them to its hooks, with comments and before it cleans them."""

from __future__ import annotations

import codecs
import os
import re
from pathlib import Path
from typing import Final, NamedTuple

from gitorch.core import handmade, message
from gitorch.core.record import Record
from gitorch.core.trailers import PREFIX, InvalidMessage, is_ours, pairs_of
from gitorch.errors import GitorchError
from gitorch.git.repository import Repository

_SCISSORS: Final = "------------------------ >8 ------------------------"
_FOREIGN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*: .+")
_SIGNS: Final = "#;@!$%^&|:"  # those among which git chooses by itself


class Text(NamedTuple):
    """What a message is going to say, and the comments below it."""

    own: str
    comments: str


def load(repository: Repository, file: Path, *, edited: bool | None = None) -> Text:
    """Read a message's file.

    Args:
        repository: whose settings hold.
        file: the file.
        edited: whether its user writes in it, so that it has comments; None where git is to tell.
    """
    text = file.read_bytes().decode(_encoding(repository), "surrogateescape")
    if edited is None:
        edited = os.environ.get("GIT_EDITOR") != ":"  # git says so to its hooks where no editor is used
    mode = repository.config.get("commit.cleanup", "default")
    if mode == "default":
        mode = "strip" if edited else "whitespace"
    found = _read(repository, text, mode, edited=edited)
    if mode == "scissors" or _is_in_form(found.own):
        return found
    stripped = _read(repository, text, "strip", edited=True)
    return stripped if _is_in_form(stripped.own) else found


def save(repository: Repository, file: Path, text: str) -> None:
    """Write a message's file.

    Raises:
        GitorchError: the text cannot be written as git is told to.
    """
    encoding = _encoding(repository)
    try:
        file.write_bytes(text.encode(encoding, "surrogateescape"))
    except UnicodeEncodeError:
        raise GitorchError(
            f"the record cannot be written in {encoding}", hint="i18n.commitEncoding asks for that: set it to UTF-8"
        ) from None


def parse(own: str) -> Record | None:
    """Read a message as a record; None where it is none.

    Raises:
        InvalidMessage: it is not a proper one.
    """
    found = message.parse(own)
    if found is None and is_ours(own):
        raise InvalidMessage("its subject is missing")
    return found


def claims(own: str) -> bool:
    """Tell whether a message is a record, or wants to be one."""
    try:
        return parse(own) is not None
    except InvalidMessage:
        return True


def tells(own: str, record: Record) -> bool:
    """Tell whether a message is a record that says the same as another."""
    try:
        there = parse(own)
    except InvalidMessage:
        return False
    return there is not None and pairs_of(there) == pairs_of(record)


def has_all_of(own: str, record: Record) -> bool:
    """Tell whether a message has just the lines that a record has, wherever they stand."""
    there = [line for line in own.split("\n") if is_ours(line)]
    return sorted(there) == sorted(f"{PREFIX}{key}: {value}" for key, value in pairs_of(record))


def join(record: Record, own: str) -> str:
    """Write a record with what its maker says; a last paragraph of other trailers goes below its own."""
    said, others = _said(own)
    said = said.encode(errors="replace").decode()
    whole = message.build(handmade.with_text(record, said) if said.strip() else record)
    return whole + "".join(f"{line}\n" for line in others)


def _said(own: str) -> tuple[str, list[str]]:
    """Take a message apart: what somebody says, and trailers that are not gitorch's."""
    try:
        there = parse(own)
    except InvalidMessage:
        own = "\n".join(line for line in own.split("\n") if not is_ours(line))
        there = None
    head, _, last = own.rstrip("\n").rpartition("\n\n")
    lines = [line for line in last.split("\n") if not is_ours(line)]
    if there is not None:
        return f"{there.subject}\n\n{there.body}", lines if all(map(_FOREIGN.fullmatch, lines)) else []
    if lines and all(map(_FOREIGN.fullmatch, lines)) and (head or all("-" in line.partition(":")[0] for line in lines)):
        return head, lines
    return own, []


def _is_in_form(own: str) -> bool:
    try:
        parse(own)
    except InvalidMessage:
        return False
    return True


def _encoding(repository: Repository) -> str:
    name = repository.config.get("i18n.commitencoding", "utf-8")
    try:
        return codecs.lookup(name).name
    except LookupError:
        return "utf-8"


def _read(repository: Repository, text: str, mode: str, *, edited: bool) -> Text:
    """Read a message as git is going to take it: `mode` is what it cleans."""
    lines = text.split("\n")
    sign = _sign(repository, lines)
    last = next((place for place, line in enumerate(lines) if line == f"{sign} {_SCISSORS}"), len(lines))
    cut = last
    while edited and mode != "scissors" and last and (not lines[last - 1].strip() or lines[last - 1].startswith(sign)):
        last -= 1
    options = ["--strip-comments"] if mode == "strip" else []
    data = "\n".join(lines[:last]).encode("utf-8", "surrogateescape")
    own = repository.git.run("-c", f"core.commentChar={sign}", "stripspace", *options, stdin=data)
    comments = "\n".join(lines[last if edited else cut :])
    return Text(own.decode("utf-8", "surrogateescape"), comments if comments.strip() else "")


def _sign(repository: Repository, lines: list[str]) -> str:
    """Tell what a comment begins with."""
    sign = repository.config.get("core.commentstring", repository.config.get("core.commentchar", "#"))
    if sign != "auto":
        return sign
    last = next((line[0] for line in reversed(lines) if line.strip()), "")
    return last if last and last in _SIGNS else "#"
