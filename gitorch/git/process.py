"""The one module that starts git."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, NamedTuple

from gitorch.core.text import one_line
from gitorch.errors import GitorchError

if TYPE_CHECKING:
    from git import Repo

# What a caller may tell git through the environment. The rest (GIT_DIR, GIT_INDEX_FILE, GIT_EXTERNAL_DIFF, …)
# would send us to another repository or start programs, so it is left out.
_KEPT: Final = frozenset(
    {
        "GIT_AUTHOR_NAME",
        "GIT_AUTHOR_EMAIL",
        "GIT_AUTHOR_DATE",
        "GIT_COMMITTER_NAME",
        "GIT_COMMITTER_EMAIL",
        "GIT_COMMITTER_DATE",
        "GIT_CONFIG_GLOBAL",
        "GIT_CONFIG_SYSTEM",
        "GIT_CONFIG_NOSYSTEM",
        "GIT_CONFIG_PARAMETERS",
        "GIT_CONFIG_COUNT",
        "GIT_CEILING_DIRECTORIES",
        "GIT_DISCOVERY_ACROSS_FILESYSTEM",
        "GIT_EXEC_PATH",
        "GIT_SSH",
        "GIT_SSH_COMMAND",
        "GIT_ASKPASS",
    }
)
_KEPT_PREFIXES: Final = ("GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_", "GIT_TRACE")
# What git tells its hooks of the repository they run in, and of the objects of a push that wait to be let in.
_FOR_HOOKS: Final = (
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR"),
    *("GIT_QUARANTINE_PATH", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES"),
)
_SET: Final = {
    "GIT_LITERAL_PATHSPECS": "1",  # '[' and ']' stand in our file names
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_PAGER": "cat",
    "GIT_EDITOR": ":",
    "LC_ALL": "C.UTF-8",
    "GIT_NO_REPLACE_OBJECTS": "1",  # objects as they are, not what anybody has put in their place
    "LANGUAGE": "",  # it would go before that, and git's words in another language are read by nobody here
}
# What git says where a git gc takes a folder of objects away in the instant in which it wants to write into it.
_FOLDER_GONE: Final = "unable to create temporary file: No such file or directory"
_TRIES: Final = 5
_UNREAD: Final = "error: Could not read "  # a commit; older gits go on as if the history ended there
# a private index is written whole: else git may take the shared part of the user's for one that nobody needs
_WHOLE: Final = ("-c", "core.splitIndex=false", "-c", "splitIndex.sharedIndexExpire=never")
_CAUSES: Final = tuple(map(os.strerror, errno.errorcode))
OLDEST_GIT: Final = (2, 34)


def plain_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Give an environment without the `GIT_*` variables that point elsewhere."""
    return {
        key: value
        for key, value in environ.items()
        if not key.startswith("GIT_") or key in _KEPT or key.startswith(_KEPT_PREFIXES)
    }


def told_to_hooks(environ: Mapping[str, str]) -> dict[str, str]:
    """Give what git has told a hook of the repository that it runs in."""
    return {key: environ[key] for key in _FOR_HOOKS if key in environ}


class Completed(NamedTuple):
    """A git process that has ended."""

    code: int
    out: bytes
    err: str


class GitError(GitorchError):
    """Git said no. The message carries what it said."""


class Git:
    """Starts git in one folder, always with the same cleaned environment and literal arguments."""

    def __init__(self, folder: Path, env: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.env: dict[str, str] = {**plain_environment(os.environ if env is None else env), **_SET}

    def also(self, env: Mapping[str, str]) -> Git:
        """Give one that works in the same place with more variables set."""
        other = Git(self.folder, {})
        other.env = {**self.env, **env}
        return other

    def run(
        self, *args: str, stdin: bytes | None = None, index: Path | None = None, env: Mapping[str, str] | None = None
    ) -> bytes:
        """Run git and give what it printed.

        Raises:
            GitError: it ended with another code than 0.
        """
        return self.check(self.attempt(*args, stdin=stdin, index=index, env=env), args[0])

    def check(self, done: Completed, what: str) -> bytes:
        """Give what it printed.

        Raises:
            GitError: it ended with another code than 0; `what` it was, and where, is named.
        """
        if done.code != 0:
            raise GitError(f"{self.folder}: git {what} failed: {self.why(done)}", hint=advice(done.err))
        return done.out

    def why(self, done: Completed) -> str:
        """Say why a git that was to write has failed, with the system's cause, which git often keeps to itself."""
        said = complaint(done.err)
        trouble = None if said.endswith(_CAUSES) else self._trouble()
        return said if trouble is None else f"{said} ({trouble})"

    def _trouble(self) -> str | None:
        """Tell what the system says if one wants to write here, None where it lets one."""
        try:
            import tempfile  # noqa: PLC0415 - needed here alone, and every start would pay for it

            with tempfile.TemporaryFile(dir=self.folder) as file:
                file.write(bytes(8192))
        except OSError as error:
            return error.strerror
        except ImportError:  # no file can be opened, and Python does not tell why
            return None
        return None

    def line(self, *args: str, index: Path | None = None) -> str:
        """Run git and give its output as one line of text."""
        return os.fsdecode(self.run(*args, index=index)).rstrip("\n")

    def attempt(
        self, *args: str, stdin: bytes | None = None, index: Path | None = None, env: Mapping[str, str] | None = None
    ) -> Completed:
        """Run git and give what came of it, whatever its exit code."""
        for _ in range(_TRIES):
            with self._start(args, index=index, env=env, stdin=stdin is not None, stderr=subprocess.PIPE) as process:
                out, err = process.communicate(stdin)
            done = Completed(process.returncode, out, err.decode(errors="replace"))
            if done.code == 0 or _FOLDER_GONE not in done.err:
                break
        return done

    def ask(self, *args: str, answers: Collection[int] = (0,)) -> Completed:
        """Run a git that only reads, once more where its exit code is no answer: what kept it from one may pass.

        Raises:
            GitError: it could not read what it was asked about; its answer, if it gave one, is worth nothing.
        """
        done = self.attempt(*args)
        if done.code in answers and _UNREAD not in done.err:
            return done
        done = self.attempt(*args)
        if _UNREAD in done.err:
            raise GitError(
                f"{self.folder}: git {args[0]}: {complaint(done.err)}", hint="try again; if it happens again: git fsck"
            )
        return done

    def start(self, *args: str, stdin: bool = False) -> subprocess.Popen[bytes]:
        """Start git with its output, and if wished its input, in pipes: for talking to it, or for streams."""
        return self._start(args, index=None, env=None, stdin=stdin, stderr=subprocess.DEVNULL)

    def _start(
        self, args: tuple[str, ...], *, index: Path | None, env: Mapping[str, str] | None, stdin: bool, stderr: int
    ) -> subprocess.Popen[bytes]:
        environ = {**self.env, **(env or {})}
        if index is not None:
            environ["GIT_INDEX_FILE"] = os.fspath(index)
            args = (*_WHOLE, *args)
        try:
            return subprocess.Popen(
                ("git", *args),
                cwd=self.folder,
                env=environ,
                stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                start_new_session=True,  # ^C on the terminal is for us to hear, not for git to die of
            )
        except FileNotFoundError:
            if not self.folder.is_dir():
                raise GitError(f"{self.folder}: there is no such folder") from None
            raise GitError("git is not on PATH", hint="install git 2.34 or newer") from None
        except OSError as error:
            raise GitError(f"git cannot be started in {self.folder}: {error.strerror}") from None

    def python(self) -> Repo:
        """Open the repository with GitPython, for what its objects do well; importing it takes a moment."""
        from git import Repo  # noqa: PLC0415 - commands that do without it must not pay for the import

        repo = Repo(self.folder)
        repo.git.update_environment(**_SET)
        return repo


def end(process: subprocess.Popen[bytes]) -> None:
    """End a git that was talked to."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
    process.wait()


def pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    """Give standard input and output of a git that was started to be talked to."""
    if process.stdin is None or process.stdout is None:
        raise GitError("git was started without pipes: this is a bug in gitorch")
    return process.stdin, process.stdout


def complaint(stderr: str) -> str:
    """Pick the line of git's complaint that says most: best one that names the system's cause."""
    lines = [one_line(line) for line in stderr.splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("fatal: ", "error: "))]
    causes = [line for line in telling or lines if line.endswith(_CAUSES)]
    chosen = (causes or telling or lines or ["it did not say why"])[0]
    return chosen.removeprefix("fatal: ").removeprefix("error: ")


def advice(stderr: str) -> str | None:
    """Tell what to do about a complaint of git's, where it is one that people often meet."""
    if "tell me who you are" in stderr or "empty ident" in stderr or "auto-detect email" in stderr:
        return "set git's user.name and user.email"
    if "dubious ownership" in stderr:
        return "the repository belongs to another user; see safe.directory in git's manual"
    if "repository extension" in stderr or "repo version" in stderr:
        return "the repository wants a newer git"
    if "clean filter" in stderr or "external filter" in stderr or "BOM is" in stderr or "failed to encode" in stderr:
        return "git add says the same: mend the file, its filter or .gitattributes"
    if "gpg failed" in stderr or "signing" in stderr:
        return "commit.gpgsign is on and signing failed: see that your key can be used without a prompt"
    return None
