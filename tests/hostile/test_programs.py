"""Programs that git would start for a repository's attributes: gitorch starts those that it needs and no other."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.hostile.arena import INVOCATION, READING, SHORT, WRITING, Arena, Commands
from tests.sandbox import run, short_form

ATTRIBUTES = "*.txt diff=x merge=x filter=x\n*.md diff=x merge=x filter=x\n"
REMOTE = "ssh://nobody.invalid/x"


class Program(NamedTuple):
    """Settings that name a program, the command of git's that starts it, and how the program ends."""

    settings: tuple[tuple[str, str], ...]
    starts: tuple[str, ...]
    then: str = "cat"


PROGRAMS = {
    "text converter": Program((("diff.x.textconv", "{}"),), ("log", "-p", "--no-ext-diff"), 'cat "$1"'),
    "merge driver": Program((("merge.x.driver", "{} %A"),), ("merge", "rival")),
    "external difference": Program((("diff.external", "{}"),), ("diff", "first", "HEAD")),
    "difference of an attribute": Program((("diff.x.command", "{}"),), ("diff", "first", "HEAD")),
    "editor": Program((("core.editor", "{}"), ("sequence.editor", "{}")), ("commit", "--amend"), "true"),
    "signatures": Program((("gpg.program", "{}"), ("log.showSignature", "true")), ("log",), "false"),
    "transport": Program((("core.sshCommand", "{}"), ("remote.origin.url", REMOTE)), ("fetch",), "false"),
}


def sign(arena: Arena) -> None:
    """Let the last record look signed: whoever checks that starts a program."""
    head, _, text = arena.git("cat-file", "commit", "HEAD").partition("\n\n")
    block = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----"
    done = run(
        "git", "hash-object", "-t", "commit", "-w", "--stdin", cwd=arena.root, stdin=f"{head}\n{block}\n\n{text}"
    )
    arena.git("update-ref", "HEAD", done.out.strip())


def set_up(arena: Arena, program: Program) -> tuple[str, ...]:
    """Give git's options that name a program."""
    weapon = arena.weapon(f"program-{program.starts[0]}", program.then)
    return tuple(word for key, value in program.settings for word in ("-c", f"{key}={value.format(weapon)}"))


@pytest.mark.parametrize("commands", short_form({"reading": (READING,), "writing": (WRITING,)}, 1))
@pytest.mark.thorough
def test_no_program_is_started_but_filters_and_hooks(arena: Arena, commands: Commands) -> None:
    sign(arena)
    arena.write(".gitattributes", ATTRIBUTES)
    for program in PROGRAMS.values():
        assert arena.fires("git", *set_up(arena, program), *program.starts), program
    for name, program in PROGRAMS.items():
        for setting in set_up(arena, program)[1::2] if name != "merge driver" else ():
            arena.git("config", *setting.split("=", 1))
    arena.endures(commands)


def name_a_driver(arena: Arena) -> None:
    arena.git("config", "merge.x.driver", f"{arena.weapon('driver')} %A")
    arena.commit("attributes", **{".gitattributes": ATTRIBUTES})
    assert arena.fires("git", "merge", "rival")


@pytest.mark.thorough
def test_a_step_merges_uncommitted_work_without_drivers(arena: Arena) -> None:
    name_a_driver(arena)
    lines = [f"line {number}\n" for number in range(20)]
    arena.commit("lines", **{"c.txt": "".join(lines)})
    arena.write("c.txt", "".join(["mine\n", *lines[1:]]))
    (ran,) = arena.endures((("step", "--agent-command", "echo theirs >> c.txt"),))
    assert "completed" in ran.out
    assert arena.git("show", "HEAD:c.txt") == "".join([*lines, "theirs\n"])
    assert arena.read("c.txt") == "".join(["mine\n", *lines[1:], "theirs\n"])


def test_joining_branches_asks_the_drivers_of_the_users_settings_alone(arena: Arena) -> None:
    arena.write(".gitattributes", "* merge=x\n")
    arena.commit_all()
    arena.endures((("merge", "rival"),))


@pytest.mark.thorough
def test_the_environment_names_no_program(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    weapon = arena.weapon("program", "true")
    for key, *plain in (("GIT_EXTERNAL_DIFF", "diff", "first", "HEAD"), ("GIT_EDITOR", "commit", "--amend")):
        assert arena.fires("git", *plain, env={key: weapon})
        monkeypatch.setenv(key, weapon)
    arena.endures((*SHORT, ("init", "--claude")))


@pytest.mark.thorough
def test_no_pager_is_started_on_a_terminal(arena: Arena) -> None:
    weapon = arena.weapon("pager", "cat > /dev/null")
    arena.git("config", "core.pager", weapon)
    env = {**os.environ, "PAGER": weapon, "TERM": "xterm"}

    def on_a_terminal(*command: str) -> None:
        master, slave = os.openpty()
        subprocess.run(command, cwd=arena.root, env=env, stdout=slave, stderr=slave, check=True, timeout=60)
        os.close(slave)
        os.close(master)

    on_a_terminal("git", "log", "-1")
    assert arena.fired()
    for args in (("log", "-n", "1"), ("show", "u")):
        on_a_terminal("gitorch", *args)
        assert not arena.fired()


ASKING = ("show", "report", "blame", "context")


@pytest.mark.thorough
def test_most_reading_does_not_ask_who_watches_files(arena: Arena) -> None:
    arena.git("config", "core.fsmonitor", arena.weapon("watcher", "printf '/\\0'"))
    assert arena.fires("git", "status")
    arena.endures(tuple(each for each in READING if each[0] not in ASKING))


@pytest.mark.thorough
def test_attributes_alone_start_nothing(arena: Arena) -> None:
    arena.write(".gitattributes", ATTRIBUTES.replace("=x", f"=!{arena.weapon('x')}").replace("!", ""))
    arena.write(
        ".gitmodules", f'[submodule "x"]\n\tpath = x\n\turl = ext::{arena.weapon("y")}\n\tupdate = !{arena.touch}\n'
    )
    arena.commit_all()
    arena.endures((("show", INVOCATION), ("step",), ("report",)))


@pytest.mark.thorough
def test_the_users_own_filters_work_as_with_git(arena: Arena) -> None:
    loud = f"sh -c '{arena.weapon('filter')} | tr a-z A-Z'"
    arena.git("config", "filter.x.clean", loud)
    arena.commit("attributes", **{".gitattributes": "*.doc filter=x\n", "b.doc": "gauges\n"})
    arena("step", "--agent-command", "echo dials > b.doc", code=10)
    assert arena.fired()
    assert (arena.git("show", "HEAD:b.doc"), arena.read("b.doc")) == ("DIALS\n", "dials\n")
    arena.git("config", "filter.x.smudge", "sed s/^/read:/")
    arena("update", "continue", "Execute u", "--task", "u")
    arena("step", "--agent-command", "rm b.doc; exit 3")
    assert arena.read("b.doc") == "read:DIALS\n"


@pytest.mark.thorough
def test_tracked_settings_and_hooks_mean_nothing(arena: Arena) -> None:
    weapon = arena.weapon("hook", "true")
    hooks = ("pre-commit", "post-commit", "post-checkout", "reference-transaction", "post-index-change", "pre-push")
    for hook in hooks:
        for folder in ("hooks", ".githooks", ".husky"):
            arena.write(f"{folder}/{hook}", Path(weapon).read_text()).chmod(0o755)
    arena.write(".pre-commit-config.yaml", f"repos: [{{repo: local, hooks: [{{id: x, entry: {weapon}}}]}}]\n")
    arena.write(".claude/settings.json", f'{{"hooks": {{"SessionStart": [{{"command": "{weapon}"}}]}}}}\n')
    arena.write(".gitconfig", f"[core]\n\thooksPath = hooks\n\tfsmonitor = {weapon}\n")
    arena.commit_all()
    assert arena.fires("git", "-c", "core.hooksPath=hooks", "commit", "--allow-empty", "-m", "x")
    arena.endures((*SHORT, ("init", "--claude")))
