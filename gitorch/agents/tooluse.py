"""Judge one use of a tool before a coding agent makes it: does it rewrite history, or edit workflow state by hand?

It is advice, given early so that an agent need not lose its attempt. It reads commands roughly and can be got round;
what counts is the check after the agent has ended.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from gitorch.agents import shell
from gitorch.core.names import MAIN_TASK_FILE, TASKS_DIR, parse_task_file

TOOLS: Final = ("Bash", "Edit", "Write", "MultiEdit", "NotebookEdit")

Fault = Literal["history", "branch", "work", "state"]

_INSTEAD: Final[Mapping[Fault, str]] = {
    "history": (
        "History only grows during an invocation. Add an ordinary commit, or commit nothing: "
        "gitorch commits your work when you have ended."
    ),
    "branch": (
        "Stay where HEAD is. To read another branch use git show BRANCH:PATH or git diff; "
        "gitorch commits your work when you have ended."
    ),
    "work": (
        "The work tree may hold somebody's uncommitted work. Leave it in place and edit single files; "
        "gitorch commits just what you change, and puts all back after a failed attempt."
    ),
    "state": (
        "State changes only through gitorch: gitorch move NAME STATE and gitorch update STATUS NEXT. "
        "The text inside a task file may be edited, with the Edit tool."
    ),
}
_ASK: Final = (
    "In this repository the history is a workflow's record. An ordinary commit on top keeps it whole; "
    "afterwards look with gitorch verify."
)


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Where a tool is used.

    Attributes:
        root: the repository's top folder, absolute.
        folder: where the tool is used, absolute.
        inside: whether that is inside an invocation.
        workflow: whether the repository holds a MAIN_TASK.
        branch: the current branch's short name; None where HEAD is detached or unknown.
        exists: tells whether there is a file or folder of an absolute path.
    """

    root: str
    folder: str
    inside: bool = False
    workflow: bool = True
    branch: str | None = None
    exists: Callable[[str], bool] = lambda _: False


class Verdict(NamedTuple):
    """What to do about a use of a tool, and what to tell the agent or the user."""

    decision: Literal["deny", "ask"]
    reason: str


class _Found(NamedTuple):
    fault: Fault
    what: str


def judge(tool: str, tool_input: Mapping[str, Any], at: Surroundings) -> Verdict | None:
    """Judge one use of a tool; None where there is nothing to say."""
    if not at.inside and not at.workflow:
        return None
    found = _in_command(tool_input, at) if tool == "Bash" else _in_edit(tool, tool_input, at)
    if found is None:
        return None
    if at.inside:
        return Verdict("deny", f"{found.what}. {_INSTEAD[found.fault]}")
    return Verdict("ask", f"{found.what}. {_ASK}") if found.fault == "history" else None


def _in_edit(tool: str, tool_input: Mapping[str, Any], at: Surroundings) -> _Found | None:
    path = tool_input.get("file_path") or tool_input.get("notebook_path")
    if tool not in TOOLS or not isinstance(path, str):
        return None
    place = posixpath.normpath(posixpath.join(at.folder, path))
    name = _tasks_entry(place, at)
    if name == MAIN_TASK_FILE:
        return _Found("state", "This edits MAIN_TASK by hand")
    if name is not None and parse_task_file(name) is not None and not at.exists(place):
        return _Found("state", f"This makes the task file {name} by hand")
    return None


def _in_command(tool_input: Mapping[str, Any], at: Surroundings) -> _Found | None:
    line = tool_input.get("command")
    if not isinstance(line, str):
        return None
    for command in shell.commands(line, at.folder):
        found = _redirected(command, at) or _moved(command, at) or _git(command, at)
        if found is not None:
            return found
    return None


# --- workflow state ---------------------------------------------------------------------------------------------------


def _tasks_entry(place: str | None, at: Surroundings) -> str | None:
    """Give the name of a direct entry of `.tasks`, an empty one for the folder itself; None for what lies elsewhere."""
    tasks = posixpath.join(at.root, TASKS_DIR)
    if place == tasks:
        return ""
    if place is None or posixpath.dirname(place) != tasks:
        return None
    return posixpath.basename(place)


def _is_state(path: str, folder: str | None, at: Surroundings) -> bool:
    """Tell whether a word of a command names workflow state: a state file, a pattern of such, or all of `.tasks`."""
    name = _tasks_entry(shell.join(folder, path), at)
    if name is None:
        return False
    if name in ("", MAIN_TASK_FILE) or parse_task_file(name) is not None:
        return True
    return any(sign in name for sign in "*?{") and (
        fnmatch.fnmatchcase(MAIN_TASK_FILE, name) or name.endswith(("*", ".md"))
    )


def _redirected(command: shell.Command, at: Surroundings) -> _Found | None:
    for path in command.writes:
        if _is_state(path, command.folder, at):
            return _Found("state", f"This writes {posixpath.basename(path)} by hand")
    return None


_MOVES: Final = frozenset({"mv", "git mv"})
_COPIES: Final = frozenset({"cp", "install", "ln", "rsync"})
_CHANGES: Final = frozenset({"rm", "unlink", "rmdir", "shred", "truncate", "tee", "touch", "rename"})


def _moved(command: shell.Command, at: Surroundings) -> _Found | None:
    name, words = (command.words or ("",))[0], command.words[1:]
    operands = _operands(words)
    if name in ("sed", "perl"):
        in_place = any(re.match(r"-[a-zA-Z]*i|--in-place", word) for word in words)
        # task files may be edited in place: they keep their names
        operands = [each for each in operands if in_place and posixpath.basename(each) == MAIN_TASK_FILE]
    elif name == "dd":
        operands = [word[3:] for word in words if word.startswith("of=")]
    elif name not in _MOVES | _COPIES | _CHANGES:
        return None
    return _touched(name, operands, command.folder, at)


def _touched(name: str, operands: Sequence[str], folder: str | None, at: Surroundings) -> _Found | None:
    """Tell what state a program changes that is given these operands."""
    touched = list(operands)
    if name in _MOVES | _COPIES and len(operands) > 1:
        *sources, last = operands
        into = _tasks_entry(shell.join(folder, last), at) == ""
        landed = [posixpath.join(last, posixpath.basename(each)) for each in sources] if into else [last]
        touched = landed if name in _COPIES else [*sources, *landed]
    for path in touched:
        if _is_state(path, folder, at):
            return _Found("state", f"{name} changes {posixpath.basename(posixpath.normpath(path))} by hand")
    return None


def _operands(words: Sequence[str]) -> list[str]:
    """Give the words that are no options; after `--` all are."""
    if "--" in words:
        cut = list(words).index("--")
        return [*_operands(words[:cut]), *words[cut + 1 :]]
    return [word for word in words if word == "-" or not word.startswith("-")]


# --- git --------------------------------------------------------------------------------------------------------------


class _Call(NamedTuple):
    """One git command: its subcommand, the words after it, and where it works."""

    name: str
    words: tuple[str, ...]
    folder: str | None
    at: Surroundings

    def has(self, *options: str) -> bool:
        """Tell whether one of these options is given: long ones also with a value, short ones also in a bundle."""
        for word in self.words:
            if word == "--":
                return False
            for option in options:
                if word == option or (option.startswith("--") and word.startswith(option + "=")):
                    return True
                if len(option) == 2 and re.fullmatch(rf"-[a-zA-Z]*{option[1]}[a-zA-Z]*", word):  # noqa: PLR2004 - -x
                    return True
        return False

    @property
    def operands(self) -> list[str]:
        return _operands(self.words)


_GIT_WITH_VALUE: Final = frozenset({"-C", "-c", "--git-dir", "--work-tree", "--namespace", "--exec-path"})


def _git(command: shell.Command, at: Surroundings) -> _Found | None:
    call = _git_call(command, at)
    if call is None:
        return None
    judge_call = _GIT.get(call.name)
    return judge_call(call) if judge_call is not None else None


def _git_call(command: shell.Command, at: Surroundings) -> _Call | None:
    """Read a call of git that works in our repository; None for any other."""
    words, folder = list(command.words[1:]), command.folder
    if command.words[:1] != ("git",):
        return None
    while words and words[0].startswith("-"):
        option = words.pop(0)
        value = words.pop(0) if option in _GIT_WITH_VALUE and words else ""
        if option == "-C":
            folder = shell.join(folder, value)
        elif option in ("--git-dir", "--work-tree") or option.startswith(("--git-dir=", "--work-tree=")):
            return None
    if not words or folder is None or not (folder + "/").startswith(at.root.rstrip("/") + "/"):
        return None
    return _Call(words[0], tuple(words[1:]), folder, at)


def _always(what: str, fault: Fault = "history") -> Callable[[_Call], _Found | None]:
    return lambda _: _Found(fault, what)


def _rebase(call: _Call) -> _Found | None:
    if call.has("--abort", "--quit", "--show-current-patch"):
        return None
    return _Found("history", "git rebase writes commits anew")


def _pull(call: _Call) -> _Found | None:
    if call.has("--rebase", "-r") and not call.has("--rebase=false"):
        return _Found("history", "git pull with a rebase writes commits anew")
    return None


def _commit(call: _Call) -> _Found | None:
    if call.has("--amend"):
        return _Found("history", "git commit --amend replaces the last commit")
    return None


_REVISION: Final = re.compile(r"[0-9a-f]{7,64}|.*[~^].*|.*@\{.*|refs/.*|origin/.*|main|master|FETCH_HEAD|ORIG_HEAD")


def _reset(call: _Call) -> _Found | None:
    operands = call.operands
    mode = call.has("--soft", "--mixed", "--hard", "--keep", "--merge")
    plain = "--" not in call.words and len(operands) == 1 and operands[0] not in ("HEAD", "@", "HEAD~0")
    if plain and (mode or call.at.branch == operands[0] or _REVISION.fullmatch(operands[0])):
        return _Found("history", "This reset moves HEAD to another commit")
    if call.has("--hard", "--merge"):
        return _Found("work", "This reset throws uncommitted changes away")
    return None


def _push(call: _Call) -> _Found | None:
    if call.has("--force", "--force-with-lease", "--mirror", "--delete", "--prune", "-f", "-d") or any(
        each.startswith(("+", ":")) for each in call.operands
    ):
        return _Found("history", "This push replaces or deletes what others may have fetched")
    return None


def _branch(call: _Call) -> _Found | None:
    current, operands = call.at.branch, call.operands
    if call.has("-m", "-M", "--move"):
        touched = len(operands) == 1 or current in operands
    elif call.has("-d", "-D", "--delete"):
        touched = current in operands
    elif call.has("-C"):
        touched = operands[-1:] == [current]
    else:
        touched = call.has("-f", "--force") and operands[:1] == [current]
    if current is None or not touched:
        return None
    return _Found("history", f"This moves, renames or deletes the current branch {current}")


_NEW_BRANCH: Final = ("-b", "-B", "-c", "-C", "--create", "--force-create", "--orphan", "--detach", "-d")


def _checkout(call: _Call) -> _Found | None:
    operands = call.operands
    if not call.has(*_NEW_BRANCH):
        if call.name == "checkout" and _means_paths(call):
            return _checkout_paths(call)
        if operands in ([], ["HEAD"], [call.at.branch]):
            return None
    return _Found("branch", f"git {call.name} goes to another branch or commit")


def _means_paths(call: _Call) -> bool:
    return "--" in call.words or len(call.operands) > 1 or any(_is_there(call, each) for each in call.operands)


def _is_there(call: _Call, operand: str) -> bool:
    path = shell.join(call.folder, operand)
    return path is not None and call.at.exists(path)


def _checkout_paths(call: _Call) -> _Found | None:
    """Judge a checkout of files: from the index or HEAD it puts state back, from elsewhere it changes it."""
    before = _operands(call.words[: call.words.index("--")]) if "--" in call.words else call.operands[:1]
    if before in ([], ["HEAD"]) or _is_there(call, before[0]):
        return None
    return _touched(f"git {call.name}", call.operands, call.folder, call.at)


def _restore(call: _Call) -> _Found | None:
    return _paths(call) if call.has("--source", "-s") else None


def _paths(call: _Call) -> _Found | None:
    return _touched(f"git {call.name}", call.operands, call.folder, call.at)


def _stash(call: _Call) -> _Found | None:
    if call.words[:1] in (("list",), ("show",), ("create",)):
        return None
    return _Found("work", "A stash takes uncommitted changes out of the work tree, or brings others in")


def _reflog(call: _Call) -> _Found | None:
    if call.words[:1] in (("expire",), ("delete",)):
        return _Found("history", "This takes entries out of the reflog, by which lost commits are found")
    return None


def _gc(call: _Call) -> _Found | None:
    if call.has("--prune=now", "--prune=all"):
        return _Found("history", "This deletes objects at once that nothing names, lost commits among them")
    return None


def _symbolic_ref(call: _Call) -> _Found | None:
    if len(call.operands) > 1 or call.has("-d", "--delete"):
        return _Found("branch", "This points HEAD at another branch")
    return None


_GIT: Final[Mapping[str, Callable[[_Call], _Found | None]]] = {
    "rebase": _rebase,
    "pull": _pull,
    "commit": _commit,
    "reset": _reset,
    "filter-branch": _always("git filter-branch writes the history anew"),
    "filter-repo": _always("git filter-repo writes the history anew"),
    "fast-import": _always("git fast-import writes branches past every check"),
    "replace": _always("git replace shows other commits in place of the real ones"),
    "update-ref": _always("git update-ref moves branches past every check"),
    "prune": _always("git prune deletes objects that nothing names, lost commits among them"),
    "push": _push,
    "branch": _branch,
    "checkout": _checkout,
    "switch": _checkout,
    "bisect": _always("git bisect goes to other commits", "branch"),
    "restore": _restore,
    "mv": _paths,
    "rm": _paths,
    "stash": _stash,
    "reflog": _reflog,
    "gc": _gc,
    "symbolic-ref": _symbolic_ref,
}
