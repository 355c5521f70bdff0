"""Surroundings that git makes: operations under way, kinds of repositories and work trees, settings, attributes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

import pytest

from tests.loop.bench import LINES, Bench
from tests.reliability.surroundings import Case, Place, program_on_path, settings, uncommitted
from tests.sandbox import Sandbox, run

LOCAL = ("-c", "protocol.file.allow=always")


def _mine(bench: Bench, **options: object) -> Place:
    uncommitted(bench)
    return Place(bench, **options)  # type: ignore[arg-type]


# --- operations that the user is in the middle of


def _two_sides(bench: Bench) -> None:
    bench.git("branch", "theirs")
    bench.commit("ours 1", **{"a.txt": "ours\n"})
    bench.commit("ours 2", **{"b.txt": "ours\n"})
    bench.git("checkout", "-q", "theirs")
    bench.commit("theirs 1", **{"a.txt": "theirs\n"})
    bench.commit("theirs 2", **{"b.txt": "theirs\n"})
    bench.git("checkout", "-q", "main")


def _busy(*command: str, fails: bool = True) -> Callable[[Bench], Place]:
    def make(bench: Bench) -> Place:
        _two_sides(bench)
        done = run("git", *command, cwd=bench.root, env={"GIT_SEQUENCE_EDITOR": "sed -i s/pick/edit/"})
        assert (done.code != 0) is fails, done
        return Place(bench)

    return make


def _am(bench: Bench) -> Place:
    _two_sides(bench)
    bench.git("format-patch", "-q", "-2", "theirs", "-o", ".git/patches")
    patches = sorted(str(path) for path in (bench.root / ".git/patches").iterdir())
    assert run("git", "am", *patches, cwd=bench.root).code != 0
    return Place(bench)


def _ends(*command: str) -> Callable[[Place], None]:
    def end(place: Place) -> None:
        place.bench.git(*command)

    return end


def conflicts(bench: Bench) -> Place:
    """Leave conflicts without an operation under way, as `git stash pop` does."""
    bench.write("a.txt", "mine\n")
    bench.git("stash", "-q")
    bench.commit("theirs", **{"a.txt": "theirs\n"})
    assert run("git", "stash", "pop", "-q", cwd=bench.root).code != 0
    return Place(bench)


def _orphan(bench: Bench) -> Place:
    bench.git("checkout", "-q", "--orphan", "fresh")
    return Place(bench)


def _reverts(bench: Bench) -> Place:
    bench.commit("one", **{"a.txt": "one\n"})
    bench.commit("two", **{"a.txt": "two\n"})
    assert run("git", "revert", "--no-edit", "HEAD~1", "HEAD", cwd=bench.root).code != 0
    return Place(bench)


def _between(bench: Bench) -> Place:
    """Resolve the first of two picks by a plain commit: only git's list of what is left tells of the second."""
    _two_sides(bench)
    assert run("git", "cherry-pick", "theirs~2..theirs", cwd=bench.root).code != 0
    bench.write("a.txt", "both\n")
    bench.git("add", "a.txt")
    bench.git("commit", "-qm", "picked")
    return Place(bench)


OPERATIONS = {
    "rebase, apply backend": Case(
        _busy("rebase", "--apply", "theirs"), "a rebase is in progress", ends=_ends("rebase", "--abort"), heavy=False
    ),
    "rebase -i, stopped to edit": Case(
        _busy("rebase", "-i", "HEAD~2", fails=False), "a rebase is in progress", ends=_ends("rebase", "--abort")
    ),
    "am": Case(_am, "a rebase is in progress", ends=_ends("am", "--abort")),
    "merge without conflicts, not committed": Case(
        _busy("merge", "--no-commit", "-s", "ours", "theirs", fails=False),
        "a merge is in progress",
        ends=_ends("merge", "--abort"),
    ),
    "cherry-pick of several": Case(
        _busy("cherry-pick", "theirs~2..theirs"), "a cherry-pick is in progress", ends=_ends("cherry-pick", "--abort")
    ),
    "cherry-pick of several, between two": Case(_between, "is in progress", ends=_ends("cherry-pick", "--quit")),
    "revert of several": Case(_reverts, "a revert is in progress", ends=_ends("revert", "--abort")),
}


# --- kinds of repositories and work trees


def _linked(bench: Bench) -> Bench:
    bench.git("worktree", "add", "-q", "../linked", "-b", "linked")
    return Bench(bench.root.parent / "linked")


def _locked(bench: Bench) -> Place:
    linked = _linked(bench)
    bench.git("worktree", "lock", "--reason", "on a disk that is taken out", "../linked")
    return _mine(linked)


def _without_main(bench: Bench) -> Place:
    """Let the main work tree be gone: all its files but its git folder."""
    linked = _linked(bench)
    for path in bench.root.iterdir():
        if path.name != ".git":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return _mine(linked)


def _of_a_bare_one(bench: Bench) -> Place:
    bare = bench.root.parent / "bare.git"
    bench.git("clone", "-q", "--bare", ".", str(bare))
    Sandbox(bare).git("worktree", "add", "-q", "../linked", "main")
    return _mine(Bench(bench.root.parent / "linked"))


def _own_settings(bench: Bench) -> Place:
    linked = _linked(bench)
    bench.git("config", "extensions.worktreeConfig", "true")
    linked.git("config", "--worktree", "user.name", "Only Here")
    linked.git("config", "--worktree", "core.fileMode", "false")
    return _mine(linked)


def _main_is_gone(bench: Bench) -> Place:
    linked = _linked(bench)
    bench.root.rename(bench.root.parent / "elsewhere")
    return Place(linked)


def _library(bench: Bench) -> Sandbox:
    library = Sandbox.create(bench.root.parent / "library", decoys=False)
    library.commit("one", lib="x\n")
    return library


def _submodule(bench: Bench) -> Sandbox:
    bench.git(*LOCAL, "submodule", "add", "-q", str(_library(bench).root), "vendor/lib")
    bench.git("commit", "-qm", "a submodule")
    return Sandbox(bench.root / "vendor/lib")


def _dirty_submodule(bench: Bench) -> Place:
    inner = _submodule(bench)
    inner.write("lib", "changed\n")
    inner.write("new", "new\n")
    return _mine(bench)


def _moved_submodule(bench: Bench) -> Place:
    inner = _submodule(bench)
    inner.commit("two", lib="y\n")
    uncommitted(bench)
    bench.git("add", "vendor/lib")
    inner.commit("three", lib="z\n")
    return Place(bench)


def _empty_submodule(bench: Bench) -> Place:
    _submodule(bench)
    clone = Bench(bench.root.parent / "clone")
    bench.git("clone", "-q", ".", str(clone.root))
    assert list((clone.root / "vendor/lib").iterdir()) == []
    return _mine(clone)


def partial(bench: Bench, *, offline: bool) -> Place:
    bench.git("config", "uploadpack.allowFilter", "true")
    bench.git("config", "uploadpack.allowAnySHA1InWant", "true")
    clone = Bench(bench.root.parent / "partial")
    bench.git("clone", "-q", "--filter=blob:none", f"file://{bench.root}", str(clone.root))
    if offline:
        bench.root.rename(bench.root.parent / "unplugged")
    return _mine(clone, fsck=not offline)


def _sparse(*options: str, only: tuple[str, ...]) -> Callable[[Bench], Place]:
    def make(bench: Bench) -> Place:
        bench.commit("far", **{"far/away.txt": LINES, "near/by.txt": LINES})
        bench.git("sparse-checkout", "init", *options)
        bench.git("sparse-checkout", "set", *only)
        assert not (bench.root / "far").exists()
        return _mine(bench, sparse=True)

    return make


def _reftable(bench: Bench) -> Place:
    if run("git", "refs", "migrate", "--ref-format=reftable", cwd=bench.root).code != 0:
        pytest.skip("this git cannot migrate to reftable")
    return _mine(bench)


def _split_index(bench: Bench) -> Place:
    bench.git("config", "core.splitIndex", "true")
    bench.git("update-index", "--split-index")
    assert list((bench.root / ".git").glob("sharedindex.*"))
    return _mine(bench)


def _watcher(answer: str) -> Callable[[Bench], Place]:
    def make(bench: Bench) -> Place:
        hook = program_on_path(bench.root / ".git/own", "watcher", answer)
        bench.git("config", "core.fsmonitor", str(hook))
        bench.git("config", "core.fsmonitorHookVersion", "2")
        bench.git("config", "core.untrackedCache", "true")
        bench.git("status")
        return _mine(bench)

    return make


def _daemon(bench: Bench) -> Place:
    bench.git("config", "core.fsmonitor", "true")
    bench.git("status")
    return _mine(bench)


def _worktree_setting(bench: Bench) -> Place:
    """Let the git folder lie elsewhere and name its work tree by a setting."""
    apart = bench.root.parent / "apart.git"
    (bench.root / ".git").rename(apart)
    (bench.root / ".git").write_text(f"gitdir: {apart}\n")
    bench.git("config", "core.worktree", str(bench.root))
    return _mine(bench)


def _unknown_extension(bench: Bench) -> Place:
    bench.git("config", "core.repositoryFormatVersion", "1")
    bench.git("config", "extensions.fromTheFuture", "true")
    return Place(bench)


KINDS = {
    "orphan branch over the same files": Case(_orphan, "in the last commit missing"),
    "linked work tree, locked": Case(_locked, heavy=False),
    "linked work tree, main one emptied": Case(_without_main),
    "linked work tree of a bare repository": Case(_of_a_bare_one),
    "linked work tree with settings of its own": Case(_own_settings),
    "linked work tree, main one moved away": Case(_main_is_gone, "not in a git repository", reads=False),
    "submodule in the tree, dirty": Case(_dirty_submodule, heavy=False),
    "submodule in the tree, moved, staged and not": Case(_moved_submodule),
    "submodule in the tree, not initialised": Case(_empty_submodule),
    "partial clone (blob:none)": Case(lambda bench: partial(bench, offline=False)),
    "sparse checkout, cone": Case(_sparse("--cone", "--no-sparse-index", only=("doc",))),
    "sparse checkout, cone, sparse index": Case(_sparse("--cone", "--sparse-index", only=("doc",)), heavy=False),
    "sparse checkout, not cone": Case(_sparse("--no-cone", only=("/*", "!/far/")), heavy=False),
    "sparse checkout, not cone, without tasks": Case(_sparse("--no-cone", only=("/*", "!/far/", "!/.tasks/"))),
    "split index": Case(_split_index),
    "file watcher that answers 'anything'": Case(_watcher("printf 'token\\0/\\0'"), heavy=False),
    "file watcher that fails": Case(_watcher("exit 1")),
    "file watcher of git's own": Case(_daemon),
    "reftable": Case(_reftable),
    "core.worktree": Case(_worktree_setting),
    "an extension that this git does not know": Case(_unknown_extension, "unknown repository extension", reads=False),
}


# --- attributes and filters


def _attributes(text: str, files: dict[str, bytes], *pairs: str) -> Callable[[Bench], Place]:
    def make(bench: Bench) -> Place:
        for pair in pairs:
            bench.git("config", *pair.split("=", 1))
        bench.write(".gitattributes", text)
        for path, content in files.items():
            bench.write(path, content)
        bench.git("add", "-A")
        bench.git("commit", "-qm", "attributes")
        uncommitted(bench)
        for path, content in files.items():
            bench.write(path, content + content)
        return Place(bench)

    return make


_UTF16 = "ein Gerät\nund noch eins\n".encode("utf-16")
_GROWS = ("filter.grows.clean=sed s/x/xx/g", "filter.grows.smudge=cat")
_SWAPS = ("filter.swaps.clean=tr a-z n-za-m", "filter.swaps.smudge=tr a-z n-za-m", "filter.swaps.required=true")

ATTRIBUTES = {
    "working-tree-encoding=UTF-16": Case(
        _attributes("w.txt text working-tree-encoding=UTF-16\n", {"w.txt": _UTF16}), heavy=False
    ),
    "eol=crlf": Case(_attributes("w.txt text eol=crlf\n", {"w.txt": b"one\r\ntwo\r\n"})),
    "text=auto, mixed line ends": Case(_attributes("* text=auto\n", {"w.txt": b"one\r\ntwo\n"}, "core.autocrlf=input")),
    "ident": Case(_attributes("w.txt ident\n", {"w.txt": b"$Id$\n"})),
    "a filter that gives other bytes each time": Case(_attributes("w.txt filter=grows\n", {"w.txt": b"x\n"}, *_GROWS)),
    "a filter both ways, required": Case(_attributes("w.txt filter=swaps\n", {"w.txt": b"abc\n"}, *_SWAPS)),
    "a filter that nobody has defined": Case(_attributes("w.txt filter=nobody\n", {"w.txt": b"abc\n"})),
    "export-ignore, -diff, merge=ours, linguist": Case(
        _attributes("* -diff merge=ours export-ignore linguist-generated\n", {"w.txt": b"abc\n"})
    ),
}


def failing_filter(bench: Bench) -> Place:
    bench.commit("attributes", **{".gitattributes": "w.txt filter=broken\n", "w.txt": "x\n"})
    bench.git("config", "filter.broken.clean", "false")
    bench.git("config", "filter.broken.smudge", "false")
    bench.git("config", "filter.broken.required", "true")
    bench.write("w.txt", "changed\n")
    return Place(bench)


# --- settings


def _group(bench: Bench) -> Place:
    bench.git("config", "core.sharedRepository", "0660")
    return _mine(bench)


def _modes(bench: Bench) -> Place:
    bench.git("config", "core.fileMode", "false")
    uncommitted(bench)
    (bench.root / "b.txt").chmod(0o755)
    return Place(bench, modes=False)


def _ignored(text: str, file: str) -> Callable[[Bench], Place]:
    def make(bench: Bench) -> Place:
        bench.write(file, text)
        if file == ".gitignore":
            bench.git("add", "-f", file)
            bench.git("commit", "-qm", "ignore")
        return _mine(bench)

    return make


def _no_settings_of_the_user(bench: Bench) -> Place:
    for key, value in (("user.name", "N"), ("user.email", "n@example.invalid")):
        bench.git("config", key, value)
    return _mine(bench, env={"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull})


def _template(bench: Bench) -> Place:
    template = bench.root / ".git/template"
    template.write_text("Gitorch-Event: end\n\n# say why\n")
    bench.git("config", "commit.template", str(template))
    bench.git("config", "commit.verbose", "2")
    bench.git("config", "commit.status", "false")
    return _mine(bench)


def _with_mine(case: Case) -> Case:
    return case._replace(make=lambda bench: _mine(case.make(bench).bench))


SETTINGS = {
    "core.ignoreCase": _with_mine(settings("core.ignoreCase=true")),
    "core.precomposeUnicode": _with_mine(settings("core.precomposeUnicode=true")),
    "core.quotePath=false": _with_mine(settings("core.quotePath=false")),
    "core.fileMode=false": Case(_modes),
    "core.symlinks=false": _with_mine(settings("core.symlinks=false")),
    "core.sharedRepository=0660": Case(_group),
    "core.untrackedCache": _with_mine(settings("core.untrackedCache=true")),
    "feature.manyFiles, feature.experimental": _with_mine(
        settings("feature.manyFiles=true", "feature.experimental=true")
    ),
    "core.checkStat=minimal, core.trustctime=false": _with_mine(
        settings("core.checkStat=minimal", "core.trustctime=false")
    ),
    "core.bigFileThreshold=1": _with_mine(settings("core.bigFileThreshold=1")),
    "gc.auto=1, in the background": _with_mine(settings("gc.auto=1", "gc.autoDetach=true", "gc.autoPackLimit=1")),
    "commit.template, commit.verbose": Case(_template),
    "alias.commit, alias.status": _with_mine(settings("alias.commit=!false", "alias.status=!false")),
    "format.pretty, log.date": _with_mine(settings("format.pretty=%H", "log.date=relative")),
    "push.default, init.defaultBranch": _with_mine(settings("push.default=matching", "init.defaultBranch=a/b")),
    "fsck and transfer checks": _with_mine(settings("transfer.fsckObjects=true", "fsck.zeroPaddedFilemode=error")),
    "tasks ignored by .git/info/exclude": Case(_ignored(".tasks/\n", ".git/info/exclude"), heavy=False),
    "tasks ignored by .gitignore": Case(_ignored(".tasks/\n", ".gitignore")),
    "no settings but the repository's": Case(_no_settings_of_the_user),
    "a name of a person in another script": _with_mine(settings("user.name=Зоя Ünal 日本", "user.email=z@例え.jp")),
}


GIT_CASES: dict[str, Case] = {**OPERATIONS, **KINDS, **ATTRIBUTES, **SETTINGS}
