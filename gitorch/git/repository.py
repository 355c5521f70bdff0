"""One repository and worktree: where its parts lie, what its configuration says, what state it is in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Final

from gitorch.errors import Exit, GitorchError
from gitorch.git import durable
from gitorch.git.objects import Objects
from gitorch.git.process import Git, GitError, advice, complaint, told_to_hooks
from gitorch.git.store import Store

_IN_PROGRESS: Final = {
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "MERGE_HEAD": "merge",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "sequencer": "cherry-pick or revert",
    "BISECT_LOG": "bisect",
}
_REF: Final = "ref: "
_ELSEWHERE: Final = "ref: refs/heads/.invalid"  # where refs are kept in another way than in files
_SUFFIXES: Final = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


class Repository:
    """A git repository as seen from one of its worktrees, or a bare one.

    Attributes:
        root: the worktree's top folder; the git folder itself where the repository is bare.
        git_dir: the worktree's own git folder (index, HEAD).
        common_dir: the git folder that all worktrees share (objects, branches).
        bare: whether there is no worktree.
        git: starts git in `root`.
        being_written: whether this object's holder has gitorch's write lock.
    """

    def __init__(self, root: Path, git_dir: Path, common_dir: Path, *, bare: bool, object_format: str) -> None:
        self.root = root
        self.git_dir = git_dir
        self.common_dir = common_dir
        self.bare = bare
        self.git = Git(root)
        self.being_written = False
        self.null_oid = "0" * (64 if object_format == "sha256" else 40)

    @classmethod
    def discover(cls, folder: Path, told: Mapping[str, str] = MappingProxyType({})) -> Repository:
        """Find the repository that a folder lies in.

        Args:
            folder: where to look.
            told: what git has told a hook of the repository, which then is found by that.

        Raises:
            GitError: there is none, or it cannot be read.
        """
        found = cls._discover(folder, told)
        if not told:
            _refuse_embedded(found)
        found.git = found.git.also({**told, **(found.place if "GIT_DIR" in told else {})})
        return found

    @classmethod
    def _discover(cls, folder: Path, told: Mapping[str, str]) -> Repository:
        done = (
            Git(folder)
            .also(told)
            .attempt(
                "rev-parse",
                "--path-format=absolute",
                "--is-bare-repository",
                "--show-object-format",
                "--git-dir",
                "--git-common-dir",
                "--show-toplevel",
            )
        )
        lines = os.fsdecode(done.out).split("\n")[:-1]
        if done.code != 0 and lines[:1] == ["true"] and len(lines) > 3:  # noqa: PLR2004 - all but the top level
            return cls(Path(lines[2]), Path(lines[2]), Path(lines[3]), bare=True, object_format=lines[1])
        if done.code != 0:
            if "not a git repository" in done.err:
                _refuse_emptied(folder)
                raise GitError(f"{folder} is not in a git repository", hint="run: gitorch init")
            hint = advice(done.err) or "run gitorch in a repository's worktree"
            raise GitError(f"{folder}: {complaint(done.err)}", hint=hint)
        # a folder's name may hold line breaks; then the lines cannot be told apart
        if len(lines) != 5:  # noqa: PLR2004 - one for each question above
            raise GitError(f"{folder}: its path has a line break in it", hint="move the repository elsewhere")
        root = Path(lines[4])
        if not told and not Path(os.path.realpath(folder)).is_relative_to(os.path.realpath(root)):
            raise GitError(
                f"{folder}: core.worktree in git's configuration names another folder, {root}",
                hint="work there; or if that is wrong: git config --unset-all core.worktree",
            )
        return cls(root, Path(lines[2]), Path(lines[3]), bare=False, object_format=lines[1])

    @property
    def place(self) -> dict[str, str]:
        """Variables that tell git where this repository is, whatever its configuration says."""
        return {"GIT_DIR": str(self.git_dir), **({} if self.bare else {"GIT_WORK_TREE": str(self.root)})}

    @cached_property
    def objects(self) -> Objects:
        """The repository's objects."""
        return Objects(self.git, self.common_dir / "objects")

    @cached_property
    def store(self) -> Store:
        """What writes objects."""
        return Store(self.git, self.objects, self.common_dir / "objects")

    @cached_property
    def scratch(self) -> Path:
        """Our own folder beside this worktree's index: locks, journals and temporary files, nothing that must last."""
        return self._own_folder(self.git_dir)

    @cached_property
    def shared_scratch(self) -> Path:
        """Our own folder that all worktrees share."""
        return self._own_folder(self.common_dir)

    def _own_folder(self, parent: Path) -> Path:
        folder = parent / "gitorch"
        if not folder.is_dir():
            try:
                folder.mkdir(exist_ok=True)
            except OSError as error:
                raise GitorchError(f"{folder}: cannot be made: {error.strerror}", hint="is .git writable?") from None
        return folder

    @property
    def index(self) -> Path:
        """This worktree's index file."""
        return self.git_dir / "index"

    @cached_property
    def config(self) -> Mapping[str, str]:
        """Git's configuration, keys in lower case as git prints them, the last value of each."""
        values: dict[str, str] = {}
        for entry in self.git.run("config", "--list", "-z").split(b"\0"):
            key, newline, value = os.fsdecode(entry).partition("\n")
            if key:
                values[key] = value if newline else "true"
        return values

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Read a truth value from git's configuration."""
        value = self.config.get(key)
        if value is None:
            return default
        return value.lower() in ("true", "yes", "on") or (value.isdigit() and int(value) != 0)

    @property
    def syncs(self) -> bool:
        """Whether what is written is to reach the disk before it counts."""
        return self.config.get("core.fsync") != "none"

    def sync(self) -> None:
        """Have all that was written reach the disk, unless `core.fsync` is `none`, as for git's own writes.

        Raises:
            GitorchError: the disk has not taken it.
        """
        if self.syncs:
            durable.sync(self.common_dir, self.root)

    def maintain(self) -> None:
        """Let git pack what has gathered if it finds that it is time, as it does after each commit of its own."""
        if self.flag("maintenance.auto", default=True):
            self.git.attempt("maintenance", "run", "--auto", "--quiet")

    def size(self, key: str, default: int) -> int:
        """Read a number of bytes from git's configuration, with git's suffixes k, m and g.

        Raises:
            GitorchError: it is no number.
        """
        value = self.config.get(key)
        if value is None:
            return default
        number, suffix = (value[:-1], value[-1].lower()) if value[-1:].isalpha() else (value, "")
        if not (number.isascii() and number.isdigit()) or suffix not in _SUFFIXES:
            raise GitorchError(f"git config {key} is {value!r}, which is no size", hint="for example 10m")
        return int(number) * _SUFFIXES[suffix]

    def branch(self) -> str | None:
        """Give the full ref that HEAD points to, None where it is detached."""
        try:
            head = os.fsdecode((self.git_dir / "HEAD").read_bytes()).rstrip("\n")
        except OSError:
            head = _ELSEWHERE
        if head.startswith(_REF) and head != _ELSEWHERE:
            return head.removeprefix(_REF)
        done = self.git.attempt("symbolic-ref", "-q", "HEAD")
        return os.fsdecode(done.out).rstrip("\n") if done.code == 0 else None

    def descends(self, commit: str, ancestor: str) -> bool:
        """Tell whether a commit is another or comes after it; not where git cannot find one of them."""
        return self.git.ask("merge-base", "--is-ancestor", ancestor, commit, answers=(0, 1)).code == 0

    def ignore_rule(self, path: str) -> str | None:
        """Return the rule that makes git ignore a path, as FILE:LINE:PATTERN; None where it is not ignored."""
        done = self.git.attempt("check-ignore", "-v", "--no-index", "--", path)
        return os.fsdecode(done.out).partition("\t")[0] if done.code == 0 else None

    def in_progress(self) -> str | None:
        """Name the operation that this worktree is in the middle of, None where there is none."""
        return next((name for file, name in _IN_PROGRESS.items() if (self.git_dir / file).exists()), None)

    def check_writable(self, *, ending: str | None = None) -> None:
        """Refuse repositories that gitorch cannot or must not write to now.

        Args:
            ending: the operation that may be in progress, because it is being ended.

        Raises:
            GitorchError: it is bare, or in the middle of a merge, rebase, cherry-pick, revert or bisect.
        """
        if self.bare:
            is_git = self.root.name == ".git"  # a bare one is named otherwise
            mend = "if it is none: git config --replace-all core.bare false"
            raise GitorchError(
                f"{self.root} is a bare repository: it can be read, not worked in",
                hint=mend if is_git else "clone it, or add a worktree with: git worktree add",
            )
        operation = self.in_progress()
        if operation is not None and operation != ending:
            raise GitorchError(
                f"a {operation} is in progress in {self.root}", hint=f"finish or abort the {operation}, then try again"
            )

    def close(self) -> None:
        """End what this object has started."""
        if "store" in self.__dict__:
            self.store.close()
        if "objects" in self.__dict__:
            self.objects.close()


def _refuse_emptied(folder: Path) -> None:
    """Refuse a repository that is none for git, because a power cut has emptied its HEAD: `git init` would guess it.

    Raises:
        GitError: it is one.
    """
    head = next((head for place in (folder, *folder.parents) if (head := place / ".git/HEAD").is_file()), None)
    if head is not None and not head.read_bytes().strip(b"\0\n"):
        raise GitError(
            f"{head} is empty, as a power cut can leave it",
            hint="write into it which branch was checked out, like: ref: refs/heads/main",
        )


def _refuse_embedded(found: Repository) -> None:
    """Refuse a git folder that is a part of another repository's files: its settings are its author's, not yours.

    Raises:
        GitError: it is one.
    """
    if found.git_dir != found.common_dir or found.git_dir.name == ".git":
        return
    around = Git(found.git_dir.parent).attempt("rev-parse", "--show-toplevel")
    if around.code == 0 and around.out.strip():
        raise GitError(
            f"{found.git_dir} is a git folder among the files of another repository",
            hint="its settings may start programs: if you trust it, move it elsewhere",
        )


def open_repository(folder: Path | str = ".", *, in_hook: bool = False) -> Repository:
    """Open the repository that a folder lies in; in a git hook, the one that git names."""
    path = Path(os.path.abspath(folder))  # noqa: PTH100 - resolve() would follow links that git shows to the user
    if not path.is_dir():
        raise GitorchError(f"{folder}: there is no such directory", code=Exit.USAGE)
    return Repository.discover(path, told_to_hooks(os.environ) if in_hook else {})
