"""Read a shell command line roughly: which programs it starts, with which words, and which files it writes.

It knows quotes, comments, here-documents, redirections, substitutions and programs that start other programs. It
expands nothing: a word that holds a variable stays as it is written.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_OPERATOR: Final = re.compile(r"&>>|&>|<<<|<<-|<<|>>|>\||>&|<&|<>|[<>]|&&|\|\||\|&|;;|[;&|()\n]")
_WRITES: Final = frozenset({">", ">>", ">|", ">&", "&>", "&>>", "<>"})
_READS: Final = frozenset({"<", "<<", "<<-", "<<<", "<&"})
_KEYWORDS: Final = frozenset({"if", "then", "elif", "else", "while", "until", "do", "!", "{", "time"})
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*\+?=.*", re.DOTALL)
_SHELLS: Final = frozenset({"sh", "bash", "dash", "zsh", "ksh"})
# programs that start another one, and those of their options that take a value
_STARTERS: Final = {
    "env": ("-u", "-C", "--unset", "--chdir"),
    "sudo": ("-u", "-g", "-h", "-p", "-C", "-D"),
    "doas": ("-u", "-C"),
    "command": (),
    "builtin": (),
    "exec": ("-a",),
    "nohup": (),
    "nice": ("-n",),
    "ionice": ("-c", "-n"),
    "setsid": (),
    "stdbuf": ("-i", "-o", "-e"),
    "timeout": ("-s", "-k", "--signal", "--kill-after"),
    "xargs": ("-n", "-I", "-P", "-L", "-d", "-s"),
}
_DEEPEST: Final = 5


class Command(NamedTuple):
    """One program with its words, the files that redirections write, and the folder it starts in.

    The folder is relative to where the command line starts, or absolute; None where it cannot be known.
    """

    words: tuple[str, ...]
    writes: tuple[str, ...]
    folder: str | None


class _Token(NamedTuple):
    text: str
    operator: bool


def commands(line: str, folder: str | None = ".", *, depth: int = 0) -> list[Command]:
    """List the programs that a command line starts, in their order."""
    if depth > _DEEPEST:
        return []
    scanner = _Scanner(line)
    found: list[Command] = []
    for words, writes in _simple(scanner.tokens()):
        bare, inner = _unwrap(words)
        if bare[:1] == ["cd"] and not inner:
            folder = _enter(folder, bare[1:])
        if inner is not None:
            found += commands(inner, folder, depth=depth + 1)
        if bare or writes:
            found.append(Command(tuple(bare), tuple(writes), folder))
    for inner in scanner.substitutions:
        found += commands(inner, folder, depth=depth + 1)
    return found


def join(folder: str | None, path: str) -> str | None:
    """Give a path as seen from where the command line starts; None where that cannot be known."""
    if "$" in path or path.startswith("~"):
        return None
    if path.startswith("/"):
        return posixpath.normpath(path)
    return None if folder is None else posixpath.normpath(posixpath.join(folder, path))


def _enter(folder: str | None, words: list[str]) -> str | None:
    to = [word for word in words if word == "-" or not word.startswith("-")]
    return None if len(to) != 1 or to[0] == "-" else join(folder, to[0])


def _simple(tokens: Iterator[_Token]) -> Iterator[tuple[list[str], list[str]]]:
    """Cut tokens into simple commands: the words of each, and what its redirections write."""
    words: list[str] = []
    writes: list[str] = []
    pending: list[str] | None = None  # where the target of a redirection goes
    for token in tokens:
        if token.operator and token.text in _WRITES | _READS:
            if words and words[-1].isdigit():
                words.pop()  # 2>file
            pending = writes if token.text in _WRITES else []
        elif token.operator:
            yield words, writes
            words, writes, pending = [], [], None
        elif pending is not None:
            pending.append(token.text)
            pending = None
        else:
            words.append(token.text)
    yield words, writes


def _unwrap(words: list[str]) -> tuple[list[str], str | None]:
    """Look through keywords, assignments and programs that start others; gives the words, and a nested line."""
    while words:
        name = posixpath.basename(words[0])
        if words[0] in _KEYWORDS or _ASSIGNMENT.fullmatch(words[0]):
            words = words[1:]
        elif name in _STARTERS:
            words = _after_options(words[1:], _STARTERS[name])
            if name == "timeout":
                words = words[1:]
        elif name in _SHELLS:
            return [], _shell_line(words[1:])
        elif name == "eval":
            return [], " ".join(words[1:])
        else:
            return [name, *words[1:]], None
    return [], None


def _after_options(words: list[str], with_value: tuple[str, ...]) -> list[str]:
    while words and words[0].startswith("-"):
        if words[0] == "--":
            return words[1:]
        words = words[2:] if words[0] in with_value else words[1:]
    return words


def _shell_line(words: list[str]) -> str | None:
    for place, word in enumerate(words):
        if re.fullmatch(r"-[a-z]*c[a-z]*", word):
            return next((each for each in words[place + 1 :] if not each.startswith(("-", "+"))), None)
        if not word.startswith("-"):
            return None
    return None


class _Scanner:
    """Cuts a command line into words and operators, and collects the lines inside `$(…)` and backticks."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.substitutions: list[str] = []
        self._ends: list[str] = []  # delimiters of the here-documents that begin after this line

    def tokens(self) -> Iterator[_Token]:
        word: list[str] | None = None
        awaited = False  # the next word ends a here-document
        while self.at < len(self.text):
            if self.text.startswith("\\\n", self.at):  # a line that goes on
                self.at += 2
                continue
            char = self.text[self.at]
            operator = _OPERATOR.match(self.text, self.at)
            if char in " \t\r" or operator or (char == "#" and word is None):
                if word is not None:
                    if awaited:
                        self._ends.append("".join(word))
                    awaited = False
                    yield _Token("".join(word), operator=False)
                    word = None
                if operator:
                    self.at = operator.end()
                    awaited = operator[0] in ("<<", "<<-")
                    yield _Token(operator[0], operator=True)
                    if operator[0] == "\n":
                        self._skip_documents()
                elif char == "#":
                    self.at = self._find("\n", self.at)
                else:
                    self.at += 1
            else:
                word = (word or []) + [self._piece(char)]
        if word is not None:
            yield _Token("".join(word), operator=False)

    def _piece(self, char: str) -> str:
        """Read a quoted or plain piece of a word."""
        start = self.at
        if char == "\\":
            self.at += 2
            return self.text[start + 1 : start + 2]
        if char == "'":
            end = self._find("'", start + 1)
            self.at = end + 1
            return self.text[start + 1 : end]
        if char == '"':
            return self._double_quoted()
        if self.text.startswith("$(", start) or char == "`":
            return self._substitution()
        self.at += 1
        return char

    def _double_quoted(self) -> str:
        self.at += 1
        pieces: list[str] = []
        while self.at < len(self.text) and self.text[self.at] != '"':
            char = self.text[self.at]
            if char == "\\" and self.text[self.at + 1 : self.at + 2] in ('"', "\\", "$", "`", "\n"):
                pieces.append(self.text[self.at + 1].strip("\n"))
                self.at += 2
            elif self.text.startswith("$(", self.at) or char == "`":
                pieces.append(self._substitution())
            else:
                pieces.append(char)
                self.at += 1
        self.at += 1
        return "".join(pieces)

    def _substitution(self) -> str:
        """Note the line inside a substitution; in the word a mark stands for what it would give."""
        if self.text[self.at] == "`":
            end = self._find("`", self.at + 1)
            self.substitutions.append(self.text[self.at + 1 : end])
            self.at = end + 1
            return "$()"
        inner = _Scanner(self.text[self.at + 2 :])
        depth = 1
        for token in inner.tokens():
            depth += {"(": 1, ")": -1}.get(token.text, 0) if token.operator else 0
            if depth == 0:
                break
        end = self.at + 2 + inner.at
        self.substitutions.append(self.text[self.at + 2 : end - (depth == 0)])
        self.at = end
        return "$()"

    def _skip_documents(self) -> None:
        for delimiter in self._ends:
            end = re.compile(rf"^\t*{re.escape(delimiter)}$", re.MULTILINE).search(self.text, self.at)
            self.at = len(self.text) if end is None else min(end.end() + 1, len(self.text))
        self._ends.clear()

    def _find(self, what: str, start: int) -> int:
        place = self.text.find(what, start)
        return len(self.text) if place < 0 else place
