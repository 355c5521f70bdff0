"""Put the skills and the subagent for Claude Code into a repository, in one ordinary commit of its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, NamedTuple

from gitorch import data
from gitorch.errors import GitorchError
from gitorch.git.process import GitError, complaint
from gitorch.git.repository import Repository
from gitorch.ledger.append import writing

PLUGIN: Final = Path(__file__).parents[1] / "claude"
SETTING: Final = "gitorch.program"
_TARGET: Final = ".claude"
_PARTS: Final = ("skills", "agents")  # the rest of the plugin has its place in plugins alone
_MESSAGE: Final = """Add gitorch's skills for Claude Code

The task-creator and context-fetcher skills and the task-executor subagent,
as gitorch init --claude writes them."""


class Installed(NamedTuple):
    """What came of it.

    Attributes:
        commit: the commit that holds the files; None where there was nothing to commit.
        written: paths of new files.
        differing: paths that hold something else, and were left.
        ignored: paths that ignore rules keep out of commits.
    """

    commit: str | None
    written: list[str]
    differing: list[str]
    ignored: list[str]


def install(repository: Repository) -> Installed:
    """Write the files that are not there, and commit those that are ours and not committed yet.

    Raises:
        GitorchError: the place is taken, or git cannot commit; what was written stays.
    """
    repository.check_writable()
    files = _files()
    _check_places(repository.root, files)
    written, differing = _write(repository.root, files)
    ours = [path for path in files if path not in differing]
    ignored = _ignored(repository, ours)
    with writing(repository):
        commit = _commit(repository, [path for path in ours if path not in ignored])
    return Installed(commit, written, differing, ignored)


def remember_program(repository: Repository) -> None:
    """Note in this clone's own settings where this program lies, for scripts that do not find it on PATH."""
    program = data.program()
    if program is not None and repository.config.get(SETTING) != program:
        repository.git.run("config", "--local", SETTING, program)


def _files() -> dict[str, bytes]:
    """Give the files to be, by their paths in the repository."""
    found: dict[str, bytes] = {}
    for part in _PARTS:
        for file in sorted((PLUGIN / part).rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                found[f"{_TARGET}/{file.relative_to(PLUGIN).as_posix()}"] = file.read_bytes()
    if not found:
        raise GitorchError("gitorch's own skills are missing", hint="install gitorch anew")
    return found


def _check_places(root: Path, files: dict[str, bytes]) -> None:
    """Refuse before anything is written where a folder cannot be had."""
    for folder in sorted({parent for path in files for parent in Path(path).parents}):
        place = root / folder
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            raise GitorchError(f"{folder} is no folder", hint="the skills belong there: move it away")


def _write(root: Path, files: dict[str, bytes]) -> tuple[list[str], list[str]]:
    """Write what is missing; gives the paths written, and those that hold something else."""
    written: list[str] = []
    differing: list[str] = []
    for path, content in files.items():
        place = root / path
        if os.path.lexists(place):
            if place.is_symlink() or not place.is_file() or place.read_bytes() != content:
                differing.append(path)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        if content.startswith(b"#!"):
            place.chmod(0o755)
        written.append(path)
    return written, differing


def _ignored(repository: Repository, paths: list[str]) -> list[str]:
    """Give those of the paths that are not tracked and that ignore rules leave out."""
    if not paths:
        return []
    out = repository.git.run("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--", *paths)
    return [os.fsdecode(path) for path in out.split(b"\0") if path]


def _commit(repository: Repository, paths: list[str]) -> str | None:
    """Commit just these paths as they lie in the work tree; what else is staged stays staged, and stays out."""
    git = repository.git
    named = ("--pathspec-from-file=-", "--pathspec-file-nul")
    changed = _changed(repository, paths)
    if not changed:
        return None
    before = git.run("ls-files", "-s", "-z", "--", *changed)
    git.run("add", "--sparse", *named, stdin=_listed(changed))
    if not _changed(repository, changed):  # only the index did not know them
        return None
    done = git.attempt("commit", "-q", "--only", *named, "-m", _MESSAGE, stdin=_listed(changed))
    if done.code != 0:
        missing = b"".join(b"0 %s\t%s\0" % (repository.null_oid.encode(), os.fsencode(path)) for path in changed)
        git.attempt("update-index", "-z", "--index-info", stdin=missing + before)
        raise GitError(
            f"the skills are written, but git does not commit them: {complaint(done.err)}",
            hint="see what git or the repository's hooks want, then run gitorch init --claude again",
        )
    return git.line("rev-parse", "HEAD")


def _changed(repository: Repository, paths: list[str]) -> list[str]:
    """Give those of the paths that differ from the last commit."""
    if not paths:
        return []
    out = repository.git.run("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--", *paths)
    return [os.fsdecode(line[3:]) for line in out.split(b"\0") if line]


def _listed(paths: list[str]) -> bytes:
    return b"".join(os.fsencode(path) + b"\0" for path in paths)
