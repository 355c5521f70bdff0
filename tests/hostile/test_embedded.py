"""Repositories inside the repository, and what looks like one."""

from __future__ import annotations

import subprocess

import pytest

from tests.hostile.arena import READING, SHORT, Arena, armed
from tests.sandbox import run, short_form

HOOKS = ("pre-commit", "reference-transaction", "post-index-change", "post-checkout", "post-commit")
EVERY = (*SHORT, ("create", "n", "-d", "x"), ("start", "w", "-d", "x"), ("init", "--claude"))


def embed(arena: Arena, folder: str, settings: str) -> None:
    """Track a folder that git takes for a git folder."""
    weapon = arena.weapon("embedded")
    arena.write(f"{folder}/HEAD", "ref: refs/heads/main\n")
    arena.write(f"{folder}/objects/keep", "")
    arena.write(f"{folder}/refs/keep", "")
    arena.write(f"{folder}/inner/keep", "")
    for hook in HOOKS:
        armed(arena.root / folder / "hooks" / hook, arena.touch)
    arena.write(
        f"{folder}/config",
        f"[core]\n\trepositoryformatversion = 0\n\t{settings}\n\tfsmonitor = {weapon}\n\tsshCommand = {weapon}\n"
        f"\tpager = {weapon}\n\teditor = {weapon}\n[user]\n\tname = x\n\temail = x@x\n",
    )
    arena.commit_all()


@pytest.mark.thorough
def test_from_the_root_an_embedded_repository_is_only_files(arena: Arena) -> None:
    embed(arena, "sub/bare", "bare = false\n\tworktree = inner")
    assert arena.fires("git", "status", folder="sub/bare")
    arena.endures((*EVERY, ("blame", "sub/bare/config")))


@pytest.mark.parametrize("folder", short_form({"top": ("sub/bare",), "inner": ("sub/bare/inner",)}, 2))
@pytest.mark.thorough
def test_in_an_embedded_bare_repository(arena: Arena, folder: str) -> None:
    embed(arena, "sub/bare", "bare = true")
    arena.endures(EVERY, folder)


@pytest.mark.parametrize("worktree", short_form({"inner": "inner", "itself": "."}, 2))
def test_in_an_embedded_repository_with_a_work_tree(arena: Arena, worktree: str) -> None:
    embed(arena, "sub/bare", f"bare = false\n\tworktree = {worktree}")
    arena.endures(EVERY, "sub/bare")


@pytest.mark.parametrize("name", short_form({"short": "git~1", "blank": ".git "}, 2))
@pytest.mark.thorough
def test_what_resembles_a_git_folder(arena: Arena, name: str) -> None:
    arena.git("config", "core.protectNTFS", "false")  # else git refuses it, as it refuses .GIT always
    arena.write(f"sub/{name}/config", f"[core]\n\tfsmonitor = {arena.weapon('embedded')}\n")
    arena.commit_all()
    arena.endures(SHORT)
    arena.endures((("status",), ("step",)), f"sub/{name}")


@pytest.mark.thorough
def test_a_submodule_with_a_hostile_address(arena: Arena) -> None:
    command = f"ext::sh -c {arena.weapon('address', 'exit 1')}"
    arena.write(
        ".gitmodules",
        f'[submodule "x"]\n\tpath = x\n\turl = {command}\n\tupdate = !{arena.touch}\n'
        f'[submodule "../../y"]\n\tpath = ../outside\n\turl = --upload-pack={command[12:]}\n'
        f'[submodule "-z"]\n\tpath = -z\n\turl = {command}\n\tfetchRecurseSubmodules = true\n',
    )
    arena.git("add", ".gitmodules")
    arena.git("update-index", "--add", "--cacheinfo", f"160000,{arena.head()},x")
    arena.git("update-index", "--add", "--cacheinfo", f"160000,{arena.head()},-z")
    arena.git("commit", "-q", "-m", "hostile")
    assert arena.fires("git", "-c", "protocol.ext.allow=always", "ls-remote", command)
    (arena.root / "x").mkdir(exist_ok=True)
    arena.git("config", "protocol.ext.allow", "always")
    arena.git("config", "submodule.recurse", "true")
    arena.endures(EVERY)


@pytest.mark.thorough
def test_a_populated_submodule_is_not_looked_into(arena: Arena) -> None:
    weapon = arena.weapon("inside")
    inner = arena.root / "x"
    for args in (("init", "-q", str(inner)), ("-C", str(inner), "commit", "-q", "--allow-empty", "-m", "x")):
        assert run("git", *args, cwd=arena.root).code == 0
    arena.git("-c", "advice.addEmbeddedRepo=false", "add", "x")
    arena.git("commit", "-q", "-m", "submodule")
    subprocess.run(("git", "-C", str(inner), "config", "core.fsmonitor", weapon), check=True)
    assert arena.fires("git", "status")
    arena.endures((("status",), ("step", "--agent", "local"), ("show", "INVOCATION"), ("report",), ("verify",)))


OUT = {"settings": ".git/hooks/post-index-change", "a task": ".tasks/../../outside/made", "beside": "../outside/made"}


def tree(arena: Arena, path: str) -> str:
    """Make a tree that git itself would never make: HEAD's, with a file at any path."""
    oid = run("git", "hash-object", "-w", "--stdin", cwd=arena.root, stdin=f"#!/bin/sh\n{arena.touch}\n").out.strip()
    kind, mode = "blob", "100755"
    *folders, name = path.split("/")
    for above in reversed(folders):
        oid = run("git", "mktree", cwd=arena.root, stdin=f"{mode} {kind} {oid}\t{name}\n").out.strip()
        kind, mode, name = "tree", "040000", above
    there = [line for line in arena.git("ls-tree", "HEAD").splitlines() if not line.endswith(f"\t{name}")]
    return run("git", "mktree", cwd=arena.root, stdin="\n".join([*there, f"{mode} {kind} {oid}\t{name}\n"])).out.strip()


@pytest.mark.parametrize("path", short_form(OUT, 2))
@pytest.mark.thorough
def test_a_history_with_paths_that_lead_out(arena: Arena, path: str) -> None:
    commit = arena.git("commit-tree", "-p", "HEAD", "-m", "hostile", tree(arena, path)).strip()
    assert path in arena.git("ls-tree", "-r", "--name-only", commit)
    arena.git("update-ref", "refs/heads/evil", commit)
    arena.commit("ours", **{"c.txt": "Ours.\n"})
    arena.endures((("merge", "evil"), ("rewind", "--work", commit), ("fork", commit, "-b", "f"), ("show", commit[:10])))
    arena.endures(tuple((*each, commit) for each in READING if each[0] in ("audit", "verify")))
    assert not (arena.root / ".git/hooks").exists()


@pytest.mark.thorough
def test_after_a_history_with_such_a_path_gitorch_goes_on(arena: Arena) -> None:
    commit = arena.git("commit-tree", "-p", "HEAD", "-m", "hostile", tree(arena, OUT["settings"])).strip()
    arena.commit("ours", **{"c.txt": "Ours.\n"})
    arena.endures((("merge", commit), ("create", "n")))
    assert ".git/" not in arena.git("ls-tree", "-r", "--name-only", "HEAD")
    assert "n" in arena.states()
