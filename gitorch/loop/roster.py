"""The agents at hand: the user's own, the repository's where the user has allowed them, and those that ship."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from gitorch import agents, data
from gitorch.agents import spec
from gitorch.agents.spec import Agent
from gitorch.core.names import TASKS_DIR, nearest, quote
from gitorch.core.yamlnode import YamlError
from gitorch.errors import Exit, GitorchError
from gitorch.git.repository import Repository
from gitorch.loop import trust

LOCAL: Final = "local"  # the built-in agent, which needs no model
FOLDER: Final = f"{TASKS_DIR}/agents"  # where a repository's own agent files lie
BRANCH_AGENT: Final = "gitorchagent"  # in git's configuration of a branch
_MAX_BYTES: Final = 256 * 1024


class Source(NamedTuple):
    """An agent file.

    Attributes:
        name: the agent's name.
        path: where it lies.
        shown: how messages name it.
        waits: whether the user has not allowed it yet.
        content: what was allowed, so that it cannot change between check and use; None where it is read when needed.
    """

    name: str
    path: Path
    shown: str
    waits: bool = False
    content: bytes | None = None


def sources(repository: Repository | None) -> dict[str, Source]:
    """Find all agent files; of those with the same name the user's own goes first, then the repository's."""
    found: dict[str, Source] = {}
    for source in (*_user(), *_repository(repository), *_shipped()):
        there = found.get(source.name)
        if there is None or (there.waits and not source.waits):
            found[source.name] = source
    return found


def _user() -> Iterator[Source]:
    yield from (Source(path.stem, path, str(path)) for path in _files(data.user_folder() / "agents"))


def _shipped() -> Iterator[Source]:
    yield from (Source(path.stem, path, path.name) for path in _files(Path(agents.__file__).parent))


def _repository(repository: Repository | None) -> Iterator[Source]:
    """Find the repository's own; nothing of those that the user has not allowed is looked at, but their hash."""
    if repository is None or repository.bare:
        return
    allowed = None
    for path in _files(repository.root / FOLDER):
        allowed = trust.allowed() if allowed is None else allowed
        shown = f"{FOLDER}/{path.name}"
        try:
            content = _read(path, shown)
        except GitorchError:
            content = b""  # nobody can have allowed that
        waits = trust.agent_digest(content) not in allowed
        yield Source(path.stem, path, shown, waits, None if waits else content)


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix == ".yaml" and path.is_file())


def _read(path: Path, shown: str) -> bytes:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise GitorchError(f"{shown}: it is larger than {_MAX_BYTES} bytes, too large for an agent file")
        return path.read_bytes()
    except OSError as error:
        raise GitorchError(f"{shown}: cannot be read: {error.strerror}", hint="see who may read it") from None


def load(repository: Repository | None, name: str) -> Agent:
    """Read an agent by its name.

    Raises:
        GitorchError: there is none of that name, the user has not allowed it, or its file has a fault.
    """
    known = sources(repository)
    source = known.get(name)
    if source is None:
        raise GitorchError(
            f"there is no agent {quote(name)}{nearest(name, known)}",
            hint="list the agents: gitorch agents list",
            code=Exit.USAGE,
        )
    if source.waits:
        raise GitorchError(
            f"agent {name} stands in {source.shown}, which you have not allowed yet",
            hint=f"read that file; if you want it to be used: gitorch trust --agent {name}",
        )
    return read(source)


def read(source: Source) -> Agent:
    """Read an agent file."""
    content = _read(source.path, source.shown) if source.content is None else source.content
    try:
        agent = spec.parse(content.decode(), source.shown)
    except UnicodeDecodeError as error:
        raise YamlError(f"{source.shown}: byte {error.start + 1} is not UTF-8 text") from None
    if agent.name != source.name:
        raise YamlError(f"{source.shown}: name: {quote(agent.name)} is not the file's name, {source.name}")
    return agent


def chosen(repository: Repository, name: str | None) -> Agent:
    """Return the agent of that name, or else the one that git's configuration names for the branch or repository.

    Raises:
        GitorchError: nobody has chosen an agent, or the chosen one is unknown, not allowed or not valid.
    """
    wanted = name or configured(repository)
    if wanted is None:
        raise GitorchError("no agent is chosen", hint=_how_to_choose(repository))
    return load(repository, wanted)


def configured(repository: Repository) -> str | None:
    """Return the name of the agent that git's configuration names, for this branch or else for the repository."""
    branch = (repository.branch() or "").removeprefix("refs/heads/")
    config = repository.config
    return config.get(f"branch.{branch}.{BRANCH_AGENT}") or config.get("gitorch.agent") or None


def installed(repository: Repository | None) -> list[str]:
    """List the agents, other than the built-in one, whose programs are on PATH."""
    found = []
    for source in sources(repository).values():
        if source.name == LOCAL or source.waits:
            continue
        with suppress(GitorchError):  # a file with an error names no program
            if shutil.which(read(source).command[0]) is not None:
                found.append(source.name)
    return sorted(found)


def _how_to_choose(repository: Repository) -> str:
    there = installed(repository)
    first = there[0] if there else "NAME"
    known = f"installed: {', '.join(there)}" if there else "no coding agent is installed (gitorch agents list)"
    return (
        f"add --agent {first}, or run: git config gitorch.agent {first}; {known}; "
        f"without a model: --agent {LOCAL}, which only collects and quotes passages"
    )
