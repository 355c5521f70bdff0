"""An invocation under way, as written down beside the index so that a killed one can be recovered."""

from __future__ import annotations

import datetime as dt
import errno
import json
import shutil
import tempfile
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final, NamedTuple

from gitorch.core.plan import Plan
from gitorch.core.record import Action
from gitorch.errors import GitorchError
from gitorch.git import files
from gitorch.git.locks import Busy, is_held
from gitorch.git.repository import Repository
from gitorch.git.torn import boot_id
from gitorch.guard import torn
from gitorch.guard.held import Held
from gitorch.guard.snapshot import Snapshot
from gitorch.ledger.history import recent

_PASSING: Final = (errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM)


class Invocation(NamedTuple):
    """What has to be known to end an invocation, or to clear up after it.

    Attributes:
        id: 32 hex digits.
        begin: the commit of its begin record.
        branch: the ref that HEAD pointed to, None where it was detached.
        agent: the agent's name.
        folder: where its prompt, result and proposals lie.
        before: the snapshot taken before the agent started, and the commit that keeps it; None until then.
        started: when it began, in seconds since 1970.
        process: the agent's process, by its id and its birth.
        boot: what tells in which run of the machine it began, None where nothing does.
        lease: until when a loop of the user's own has it, in seconds since 1970; None where a step does it.
    """

    id: str
    action: Action
    task: str | None
    aside: bool
    attempt: int | None
    begin: str
    branch: str | None
    agent: str
    folder: str
    started: float
    lease: float | None = None
    before: Snapshot | None = None
    anchor: str | None = None
    process: tuple[int, str | None] | None = None
    boot: str | None = None

    @property
    def plan(self) -> Plan:
        """What it was to do."""
        return Plan(self.action, self.task, self.aside)

    @property
    def is_noted(self) -> bool:
        """Whether it was written down in this worktree, rather than told by the history alone."""
        return self.started > 0

    @property
    def prompt_file(self) -> Path:
        """The file with its prompt."""
        return Path(self.folder, "prompt.md")

    @property
    def result_file(self) -> Path:
        """The file that the agent may write its result to."""
        return Path(self.folder, "result.json")

    def with_before(self, before: Snapshot, anchor: str) -> Invocation:
        """Add the snapshot."""
        return self._replace(before=before, anchor=anchor)

    def with_process(self, pid: int, born: str | None) -> Invocation:
        """Add the agent's process."""
        return self._replace(process=(pid, born))


def new_folder(identity: str) -> str:
    """Make a folder for prompt, result and proposals; outside .git, where sandboxed agents may write too."""
    return tempfile.mkdtemp(prefix=_prefix(identity))


def folder_of(identity: str) -> str:
    """Find the folder of an invocation of which nothing was written down; empty where there is none."""
    return next(map(str, Path(tempfile.gettempdir()).glob(_prefix(identity) + "*")), "")


def _prefix(identity: str) -> str:
    return f"gitorch-{identity}-"


def _path(repository: Repository) -> Path:
    return repository.git_dir / "gitorch" / "invocation.json"


def save(repository: Repository, invocation: Invocation, *, synced: bool = False) -> None:
    """Write an invocation down, so that it is on the disk at once if it is to be synced."""
    values = invocation._asdict()
    if invocation.before is not None:
        values["before"] = {**invocation.before._asdict(), "index_file": str(invocation.before.index_file)}
    path = _path(repository)
    path.parent.mkdir(exist_ok=True)
    files.replace(path, json.dumps(values).encode(), synced=synced and repository.syncs)


def load(repository: Repository) -> Invocation | None:
    """Read the invocation that is under way, or was when its process was killed."""
    try:
        values = json.loads(_path(repository).read_text())
        if values["before"] is not None:
            values["before"] = _snapshot(values["before"], repository)
        noted = Invocation(**values)
        return noted if isinstance(noted.started, float) and isinstance(noted.lease, float | None) else None
    except OSError as error:
        if error.errno in _PASSING:  # without it the work tree could not be put back
            raise GitorchError(f"{_path(repository)}: cannot be read: {error.strerror}", hint="try again") from None
        return None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _snapshot(values: dict[str, Any], repository: Repository) -> Snapshot:
    held = {path: Held(reason, tuple(mark), *rest) for path, (reason, mark, *rest) in values["held"].items()}
    lists = {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
    index = repository.scratch / Path(values["index_file"]).name  # wherever the repository has been moved since
    return Snapshot(**{**values, **lists, "index_file": index, "held": held})


def clear(repository: Repository, invocation: Invocation) -> None:
    """Forget an invocation that has ended, with its temporary files; last of all that it was: a kill loses none."""
    if Path(invocation.folder).name.startswith("gitorch-"):
        shutil.rmtree(invocation.folder, ignore_errors=True)
    for leftover in repository.scratch.glob("*.index"):
        leftover.unlink(missing_ok=True)
    _path(repository).unlink(missing_ok=True)


def check_not_worked_on(repository: Repository, name: str) -> None:
    """Refuse to move a task under the hands of a step that runs, or of a loop that has it."""
    under_way = load(repository)
    if under_way is None or under_way.task != name:
        return
    if is_held(repository.scratch / "step.lock"):
        raise GitorchError(f"task {name} is being worked on", hint="stop that step first (press ^C where it runs)")
    if under_way.lease is not None and under_way.lease > time.time():
        raise GitorchError(f"task {name} is out to a loop of your own", hint="end that first: gitorch finish")


def is_interrupted(repository: Repository, names: Collection[str]) -> bool:
    """Return whether a killed process has left an invocation of one of some tasks behind."""
    under_way = load(repository)
    if under_way is None or under_way.task not in names or is_held(repository.scratch / "step.lock"):
        return False
    return under_way.lease is None or under_way.lease <= time.time()


def check_none_under_way(repository: Repository) -> None:
    """Refuse what would pull the ground from under an invocation: one that runs, is out, or was cut off elsewhere."""
    if is_held(repository.scratch / "step.lock"):
        raise GitorchError(
            "a step is working in this worktree",
            hint="wait until it has ended, or stop it (press ^C where it runs); gitorch status shows it",
        )
    check_lease(repository)
    noted = load(repository)
    if noted is not None and noted.before is not None and not repository.descends("HEAD", noted.begin):
        raise GitorchError("an invocation was cut off in this worktree", hint="gitorch step closes it")


def mend_torn(repository: Repository, noted: Invocation) -> None:
    """Mend what a power cut has torn since an invocation began. Call it with the write lock held."""
    if noted.boot != boot_id():
        torn.mend(
            repository,
            noted.before,
            begin=noted.begin,
            branch=noted.branch,
            invocation=noted.id,
            started=noted.started,
        )


def is_out(repository: Repository, noted: Invocation) -> bool:
    """Tell whether a loop of the user's own has an invocation: begun whole, and not ended on its branch."""
    if noted.lease is None or noted.before is None:
        return False
    tip = noted.branch or "HEAD"
    if not repository.descends(tip, noted.begin):
        return True  # it has been taken off its branch: finish tells
    return recent(repository.objects, tip).begin == noted.begin


def check_lease(repository: Repository) -> None:
    """Refuse to begin another invocation while a loop of the user's own has one.

    Raises:
        Busy: saying until when.
    """
    out = load(repository)
    if out is not None and out.lease is not None and out.lease > time.time() and is_out(repository, out):
        until = dt.datetime.fromtimestamp(out.lease, dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        raise Busy(f"an invocation is out to a loop of your own until {until}", "end it with: gitorch finish")
