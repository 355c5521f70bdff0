"""Surroundings that are not git's: variables, locales, clocks, file modes, owners, paths, folders that are missing."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.loop.bench import Bench
from tests.reliability.surroundings import Case, Place, outside_settings, uncommitted
from tests.sandbox import run

# what Python does by itself in the C locale is switched off
BARE = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
NOBODY = 65534


def _with(**env: str | None) -> Callable[[Bench], Place]:
    def make(bench: Bench) -> Place:
        uncommitted(bench)
        return Place(bench, env)

    return make


def _case(*, heavy: bool = True, bare: bool = False, **env: str | None) -> Case:
    return Case(_with(**env, **(BARE if bare else {})), heavy=heavy)


LOCALES = {
    "LC_ALL=C, no UTF-8 mode": _case(LC_ALL="C", bare=True, heavy=False),
    "LC_ALL=POSIX": _case(LC_ALL="POSIX"),
    "LC_ALL=tr_TR.UTF-8": _case(LC_ALL="tr_TR.UTF-8"),
    "LC_ALL=de_DE.ISO-8859-1": _case(LC_ALL="de_DE.ISO-8859-1", bare=True),
    "LC_ALL unset, LANG unset": _case(LC_ALL=None, LANG=None, bare=True),
    "PYTHONIOENCODING=ascii": _case(PYTHONIOENCODING="ascii"),
    "PYTHONIOENCODING=latin-1": _case(PYTHONIOENCODING="latin-1", bare=True),
    "PYTHONUTF8=0": _case(PYTHONUTF8="0"),
    "PYTHONWARNINGS=error": _case(PYTHONWARNINGS="error"),
    "PYTHONOPTIMIZE=2": _case(PYTHONOPTIMIZE="2"),
}

ZONES = {f"TZ={zone}": _case(TZ=zone) for zone in ("<+14>-14", "<-12>12", "Asia/Kathmandu", "")}


def _config_count(bench: Bench) -> Place:
    uncommitted(bench)
    pairs = (("core.abbrev", "4"), ("commit.gpgSign", "false"), ("core.quotePath", "false"), ("user.name", "Per Run"))
    env = {f"GIT_CONFIG_{what}_{n}": pair[w] for n, pair in enumerate(pairs) for w, what in enumerate(("KEY", "VALUE"))}
    return Place(bench, {**env, "GIT_CONFIG_COUNT": str(len(pairs))})


CALLERS = {
    "GIT_TRACE=1": _case(GIT_TRACE="1", heavy=False),
    "GIT_TRACE2, GIT_TRACE_SETUP, GIT_TRACE_PERFORMANCE": _case(
        GIT_TRACE2="1", GIT_TRACE_SETUP="1", GIT_TRACE_PERFORMANCE="1", GIT_TRACE_PACKET="1"
    ),
    "GIT_CONFIG_COUNT": Case(_config_count),
    "GIT_LITERAL_PATHSPECS=0, GIT_NOGLOB_PATHSPECS": _case(GIT_LITERAL_PATHSPECS="0", GIT_NOGLOB_PATHSPECS="1"),
    "GIT_AUTHOR_DATE in the past": _case(GIT_AUTHOR_DATE="1970-01-01T00:00:00Z"),
    "GIT_COMMITTER_DATE in 2099": _case(GIT_COMMITTER_DATE="2099-12-31T23:59:59+1400"),
    "GIT_COMMITTER_DATE=@0": _case(GIT_COMMITTER_DATE="@0 +0000"),
    "GIT_AUTHOR_NAME and GIT_COMMITTER_NAME": _case(GIT_AUTHOR_NAME="Зоя", GIT_COMMITTER_NAME="日本"),
    "GIT_OPTIONAL_LOCKS, GIT_FLUSH, GIT_PROTOCOL": _case(
        GIT_OPTIONAL_LOCKS="1", GIT_FLUSH="1", GIT_PROTOCOL="version=2"
    ),
    "GIT_ATTR_SOURCE, GIT_REF_PARANOIA": _case(GIT_ATTR_SOURCE="HEAD~1", GIT_REF_PARANOIA="1"),
    "GIT_TEMPLATE_DIR, GIT_MERGE_AUTOEDIT": _case(GIT_TEMPLATE_DIR="/nonexistent", GIT_MERGE_AUTOEDIT="yes"),
    "GITORCH variables of an agent that is gone": _case(
        GITORCH_TASK_DIR="/nonexistent", GITORCH_PROMPT_FILE="/nonexistent", GITORCH_RESULT="/nonexistent"
    ),
    "NO_COLOR, COLUMNS=1, TERM=dumb": _case(NO_COLOR="1", COLUMNS="1", LINES="1", TERM="dumb"),
    "a rubbish GIT_AUTHOR_DATE": Case(
        lambda bench: Place(bench, {"GIT_AUTHOR_DATE": "rubbish"}), "invalid date format: rubbish", doctor=False
    ),
    "a rubbish GIT_CONFIG_COUNT": Case(
        lambda bench: Place(bench, {"GIT_CONFIG_COUNT": "rubbish"}), "GIT_CONFIG_COUNT", reads=False
    ),
}


def _umask(mask: str) -> Callable[[Bench], Place]:
    def make(bench: Bench) -> Place:
        uncommitted(bench)
        return Place(bench, prefix=("sh", "-c", f'umask {mask}; exec "$@"', "sh"), modes=False)

    return make


def _shell(line: str) -> Callable[[Bench], Place]:
    def make(bench: Bench) -> Place:
        uncommitted(bench)
        return Place(bench, prefix=("sh", "-c", line, "sh"))

    return make


def _owned_by_another(bench: Bench, *, allowed: bool) -> Place:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    if allowed:
        uncommitted(bench)
        with outside_settings().open("a") as file:
            file.write(f"[safe]\n\tdirectory = {bench.root}\n")
    for path in (bench.root, *bench.root.rglob("*")):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    if not allowed and run("git", "status", cwd=bench.root).code == 0:
        pytest.skip("this git does not ask whose a repository is")
    return Place(bench)


def _as_nobody(bench: Bench) -> Place:
    """Be the user `nobody`, with a repository of one's own and no home."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root and setpriv")
    for folder in (bench.root.parent, *bench.root.parent.parents):
        if folder.stat().st_uid == 0 and folder.stat().st_mode & 0o055 != 0o055:
            folder.chmod(0o755)
    uncommitted(bench)
    bench.git("config", "user.name", "Nobody")
    bench.git("config", "user.email", "nobody@example.invalid")
    prefix = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    for path in (bench.root, *bench.root.rglob("*")):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    if os.system(f"{' '.join(prefix)} {sys.executable} -c 'import gitorch.cli' 2>/dev/null"):  # noqa: S605
        pytest.skip("another user cannot read the program here")
    with outside_settings().open("a") as file:
        file.write(f"[safe]\n\tdirectory = {bench.root}\n")  # for this test's own looking
    env = {"HOME": "/nonexistent", "XDG_CONFIG_HOME": None, "GIT_CONFIG_GLOBAL": None, "GIT_CONFIG_NOSYSTEM": "1"}
    return Place(bench, env, prefix)


def _moved(name: str) -> Callable[[Bench], Place]:
    def make(bench: Bench) -> Place:
        target = bench.root.parent / name
        bench.root.rename(target)
        uncommitted(Bench(target))
        return Place(Bench(target))

    return make


def _by_a_link(bench: Bench) -> Place:
    link = bench.root.parent / "link to it"
    link.symlink_to(bench.root)
    uncommitted(bench)
    return Place(Bench(link))


def _beside_its_twin(bench: Bench) -> Place:
    """Lie beside a repository whose name differs by case alone, and hold such files."""
    twin = bench.root.parent / bench.root.name.upper()
    shutil.copytree(bench.root, twin, symlinks=True)
    bench.commit("twins", **{"README": "one\n", "readme": "two\n", "Doc/c.txt": "three\n"})
    uncommitted(bench)
    return Place(bench)


def _home(path: Callable[[Path], str]) -> Callable[[Bench], Place]:
    def make(bench: Bench) -> Place:
        uncommitted(bench)
        (bench.root.parent / "file").write_text("")
        home = path(bench.root.parent)
        return Place(bench, {"HOME": home, "XDG_CONFIG_HOME": f"{home}/.config", "GIT_CONFIG_GLOBAL": _settings(bench)})

    return make


def _settings(bench: Bench) -> str:
    kept = bench.root.parent / "settings"
    shutil.copyfile(outside_settings(), kept)
    return str(kept)


def _no_git(bench: Bench) -> Place:
    empty = bench.root.parent / "empty"
    empty.mkdir()
    (empty / "env").symlink_to(shutil.which("env") or "/usr/bin/env")
    return Place(bench, {"PATH": str(empty)})


OUTSIDE = {
    "umask 077": Case(_umask("077"), heavy=False),
    "umask 000": Case(_umask("000")),
    "umask 027, core.sharedRepository unset": Case(_umask("027")),
    "stdin closed": Case(_shell('exec "$@" <&-'), heavy=False),
    "stdin an endless stream": Case(_shell('exec "$@" < /dev/zero')),
    "few open files": Case(_shell('ulimit -n 40; exec "$@"')),
    "SIGPIPE, SIGHUP and SIGCHLD ignored": Case(_shell("trap '' PIPE HUP CHLD; exec \"$@\"")),
    "owned by another user": Case(
        lambda bench: _owned_by_another(bench, allowed=False), "safe.directory", reads=False, heavy=False
    ),
    "owned by another user, allowed": Case(lambda bench: _owned_by_another(bench, allowed=True)),
    "called by nobody": Case(_as_nobody),
    "a path with blanks, quotes and signs": Case(_moved('it\'s "a" $HOME; `b` & 日本 \U0001f4a3 %s -x')),
    "a path of 200 characters": Case(_moved("x" * 200)),
    "a path with NFD letters": Case(_moved("u\u0308ber")),
    "a symbolic link to it": Case(_by_a_link, heavy=False),
    "beside a twin that differs by case": Case(_beside_its_twin),
    "HOME is missing": Case(_home(lambda folder: str(folder / "nowhere")), heavy=False),
    "HOME is a file": Case(_home(lambda folder: str(folder / "file"))),
    "HOME is empty": Case(_home(lambda _: "")),
    "TMPDIR is missing": _case(TMPDIR="/nonexistent"),
    "no git on PATH": Case(_no_git, "git", reads=False),
}

OUTSIDE_CASES: dict[str, Case] = {**LOCALES, **ZONES, **CALLERS, **OUTSIDE}
