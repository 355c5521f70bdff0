"""Does a git command rewrite history, leave the branch, or put uncommitted work at risk?"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from gitorch.tooluse import shell, state
from gitorch.tooluse.surroundings import Fault, Found, Surroundings


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
        return state.operands_of(self.words)


_GIT_WITH_VALUE: Final = frozenset({"-C", "-c", "--git-dir", "--work-tree", "--namespace", "--exec-path"})


def commanded(command: shell.Command, at: Surroundings) -> Found | None:
    """Judge a command, if it is one of git's in our repository."""
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


def _always(what: str, fault: Fault = "history") -> Callable[[_Call], Found | None]:
    return lambda _: Found(fault, what)


def _rebase(call: _Call) -> Found | None:
    if call.has("--abort", "--quit", "--show-current-patch"):
        return None
    return Found("history", "git rebase writes commits anew")


def _pull(call: _Call) -> Found | None:
    if call.has("--rebase", "-r") and not call.has("--rebase=false"):
        return Found("history", "git pull with a rebase writes commits anew")
    return None


def _commit(call: _Call) -> Found | None:
    if call.has("--amend"):
        return Found("history", "git commit --amend replaces the last commit")
    return None


_REVISION: Final = re.compile(r"[0-9a-f]{7,64}|.*[~^].*|.*@\{.*|refs/.*|origin/.*|main|master|FETCH_HEAD|ORIG_HEAD")


def _reset(call: _Call) -> Found | None:
    operands = call.operands
    mode = call.has("--soft", "--mixed", "--hard", "--keep", "--merge")
    plain = "--" not in call.words and len(operands) == 1 and operands[0] not in ("HEAD", "@", "HEAD~0")
    if plain and (mode or call.at.branch == operands[0] or _REVISION.fullmatch(operands[0])):
        return Found("history", "This reset moves HEAD to another commit")
    if call.has("--hard", "--merge"):
        return Found("work", "This reset throws uncommitted changes away")
    return None


def _push(call: _Call) -> Found | None:
    if call.has("--force", "--force-with-lease", "--mirror", "--delete", "--prune", "-f", "-d") or any(
        each.startswith(("+", ":")) for each in call.operands
    ):
        return Found("history", "This push replaces or deletes what others may have fetched")
    return None


def _branch(call: _Call) -> Found | None:
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
    return Found("history", f"This moves, renames or deletes the current branch {current}")


_NEW_BRANCH: Final = ("-b", "-B", "-c", "-C", "--create", "--force-create", "--orphan", "--detach", "-d")


def _checkout(call: _Call) -> Found | None:
    operands = call.operands
    if not call.has(*_NEW_BRANCH):
        if call.name == "checkout" and _means_paths(call):
            return _checkout_paths(call)
        if operands in ([], ["HEAD"], [call.at.branch]):
            return None
    return Found("branch", f"git {call.name} goes to another branch or commit")


def _means_paths(call: _Call) -> bool:
    return "--" in call.words or len(call.operands) > 1 or any(_is_there(call, each) for each in call.operands)


def _is_there(call: _Call, operand: str) -> bool:
    path = shell.join(call.folder, operand)
    return path is not None and call.at.exists(path)


def _checkout_paths(call: _Call) -> Found | None:
    """Judge a checkout of files: from the index or HEAD it puts state back, from elsewhere it changes it."""
    before = state.operands_of(call.words[: call.words.index("--")]) if "--" in call.words else call.operands[:1]
    if before in ([], ["HEAD"]) or _is_there(call, before[0]):
        return None
    return state.touched(f"git {call.name}", call.operands, call.folder, call.at)


def _restore(call: _Call) -> Found | None:
    return _paths(call) if call.has("--source", "-s") else None


def _paths(call: _Call) -> Found | None:
    return state.touched(f"git {call.name}", call.operands, call.folder, call.at)


def _stash(call: _Call) -> Found | None:
    if call.words[:1] in (("list",), ("show",), ("create",)):
        return None
    return Found("work", "A stash takes uncommitted changes out of the work tree, or brings others in")


def _reflog(call: _Call) -> Found | None:
    if call.words[:1] in (("expire",), ("delete",)):
        return Found("history", "This takes entries out of the reflog, by which lost commits are found")
    return None


def _gc(call: _Call) -> Found | None:
    if call.has("--prune=now", "--prune=all"):
        return Found("history", "This deletes objects at once that nothing names, lost commits among them")
    return None


def _symbolic_ref(call: _Call) -> Found | None:
    if len(call.operands) > 1 or call.has("-d", "--delete"):
        return Found("branch", "This points HEAD at another branch")
    return None


_GIT: Final[Mapping[str, Callable[[_Call], Found | None]]] = {
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
