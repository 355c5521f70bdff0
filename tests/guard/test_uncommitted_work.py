"""The user's uncommitted work, of every kind: a step neither touches, nor moves, nor commits it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import gitorch
from gitorch.git.objects import Objects
from gitorch.guard import mend
from gitorch.loop.ahead import Options
from tests.loop.bench import LINES, Bench, differences

AGENT = "echo work > agent.txt; sed -i 's/^line 15$/agent 15/' doc/c.txt"
MINE = "the user's own words\n"


def _staged(bench: Bench) -> None:
    bench.write("a.txt", MINE)
    bench.write("new.txt", MINE)
    bench.git("add", "a.txt", "new.txt")


def _unstaged(bench: Bench) -> None:
    bench.write("a.txt", MINE)


def _untracked(bench: Bench) -> None:
    bench.write("notes/deep/mine.txt", MINE)
    bench.write("mine.txt", MINE)


def _staged_and_unstaged(bench: Bench) -> None:
    bench.write("a.txt", "staged: " + MINE)
    bench.git("add", "a.txt")
    bench.write("a.txt", MINE)


def _deleted(bench: Bench) -> None:
    bench.git("rm", "-q", "a.txt")
    (bench.root / "b.txt").unlink()


def _staged_deletion_of_a_file_that_stays(bench: Bench) -> None:
    bench.git("rm", "-q", "--cached", "a.txt")
    bench.write("a.txt", MINE)


def _renamed(bench: Bench) -> None:
    bench.git("mv", "a.txt", "moved.txt")
    bench.write("moved.txt", LINES + MINE)


def _intent_to_add(bench: Bench) -> None:
    bench.write("new.txt", MINE)
    bench.git("add", "-N", "new.txt")


def _executable_bit(bench: Bench) -> None:
    (bench.root / "a.txt").chmod(0o755)
    (bench.root / "b.txt").chmod(0o755)
    bench.git("add", "b.txt")


def _links(bench: Bench) -> None:
    (bench.root / "link").symlink_to("nowhere/" + MINE.strip())
    (bench.root / "a.txt").unlink()
    (bench.root / "a.txt").symlink_to("b.txt")
    (bench.root / "folder").symlink_to("doc")
    bench.git("add", "link")


def _binary(bench: Bench) -> None:
    bench.write("bin.dat", bytes(range(255, -1, -1)) * 9)
    bench.write("more.dat", b"\0\r\n\xff" * 99)
    bench.git("add", "bin.dat")
    bench.write("bin.dat", bytes(range(255, -1, -1)) * 10)


def _odd_names(bench: Bench) -> None:
    for name in ("a b", "line\nbreak", "-rf", "[x] y", "*", "quo\"te'", "back\\slash", "ü", "\ttab", ":(top)x"):
        bench.write(name, MINE + name)
        bench.write(f"staged {name}", MINE + name)
    (Path(os.fsencode(bench.root).decode()) / os.fsdecode(b"not \xff utf-8")).write_text(MINE)
    bench.git("add", "--", *(f"./staged {name}" for name in ("a b", "line\nbreak", "-rf", "ü", "\ttab")))


def _ignored(bench: Bench) -> None:
    bench.write("mine.ignored", MINE)
    bench.write("forced.ignored", MINE)
    bench.git("add", "-f", "forced.ignored")
    bench.write("forced.ignored", MINE * 2)


def _file_and_folder_swapped(bench: Bench) -> None:
    (bench.root / "a.txt").unlink()
    bench.write("a.txt/inner.txt", MINE)
    (bench.root / "b.txt").unlink()
    bench.write("b.txt/inner.txt", MINE)
    bench.git("add", "-A", "b.txt")


def _skip_worktree(bench: Bench) -> None:
    bench.git("update-index", "--skip-worktree", "a.txt")
    bench.git("update-index", "--assume-unchanged", "b.txt")
    bench.write("a.txt", MINE)
    bench.write("b.txt", MINE)


KINDS: list[Callable[[Bench], None]] = [
    _staged,
    _unstaged,
    _untracked,
    _staged_and_unstaged,
    _deleted,
    _staged_deletion_of_a_file_that_stays,
    _renamed,
    _intent_to_add,
    _executable_bit,
    _links,
    _binary,
    _odd_names,
    _ignored,
    _file_and_folder_swapped,
    _skip_worktree,
]


@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__.strip("_"))
@pytest.mark.thorough
def test_a_step_leaves_it_as_it_is(bench: Bench, make: Callable[[Bench], None]) -> None:
    make(bench)
    before = bench.photo()
    mine = bench.blobs_of_the_user()
    bench.step(AGENT)
    agents = ("agent.txt", "doc/c.txt")
    assert differences(bench.without(before, *agents), bench.photo(without=agents)) == []
    assert "agent 15" in bench.committed("doc/c.txt")
    assert bench.committed("agent.txt") == "work\n"
    assert not mine & bench.reachable()
    assert bench.is_sound()


# files that git has been told not to look at are like ignored ones: who overwrites them is not noticed
@pytest.mark.parametrize(
    "make",
    [pytest.param(each, marks=pytest.mark.heavy if n % 2 else ()) for n, each in enumerate(KINDS[:-1])],
    ids=lambda make: make.__name__.strip("_"),
)
def test_a_failed_attempt_leaves_it_as_it_is_whatever_the_agent_did_to_it(
    bench: Bench, make: Callable[[Bench], None]
) -> None:
    make(bench)
    before, head = bench.everything(), bench.head()
    vandal = (
        f"{AGENT}; git add -A; git reset -q --hard; git clean -fdq; rm -rf notes a.txt/; echo x > a.txt;"
        " echo y > mine.txt; rm -f new.txt; mkdir new.txt; echo z > new.txt/z; git add -A;"
        " rm -rf doc; ln -s /tmp doc; exit 1"
    )
    bench.step(vandal)
    assert bench.is_put_back(before, head)
    assert not bench.blobs_of_the_user() & bench.reachable()
    assert bench.is_sound()


CRLF = b"one\r\ntwo\r\n"


@pytest.mark.parametrize("autocrlf", ["true", pytest.param("input", marks=pytest.mark.heavy), "false"])
@pytest.mark.parametrize(
    "attributes",
    [
        "",
        "*.txt text eol=crlf\n",
        *(pytest.param(each, marks=pytest.mark.heavy) for each in ("*.txt text eol=lf\n", "*.txt text=auto\n")),
    ],
)
def test_line_ends_come_back_exactly(bench: Bench, autocrlf: str, attributes: str) -> None:
    bench.git("config", "core.autocrlf", autocrlf)
    bench.write(".gitattributes", attributes)
    bench.write("crlf.txt", CRLF)
    bench.commit("attributes", **{".gitattributes": attributes})
    bench.git("add", "crlf.txt")
    bench.git("commit", "-qm", "crlf")
    bench.git("rm", "-rfq", "--cached", ".")
    bench.git("reset", "-q", "--hard")
    bench.write("a.txt", CRLF + b"mixed\n")
    bench.write("crlf.txt", CRLF + b"mixed\n")
    bench.write("new\n.txt", CRLF + b"untracked\n")
    bench.write("staged.txt", CRLF)
    bench.git("add", "staged.txt")
    before, head = bench.everything(), bench.head()
    bench.step('for f in *.txt; do echo spoilt > "$f"; done; rm crlf.txt; exit 1')
    assert bench.is_put_back(before, head)
    seen = bench.photo()
    bench.step("echo work > agent")
    assert differences(seen, bench.photo(without=["agent"])) == []
    assert bench.is_sound()


def test_edits_in_other_places_of_one_file_are_told_apart(bench: Bench) -> None:
    bench.write("a.txt", LINES.replace("line 2\n", "mine 2\n"))
    bench.step("sed -i 's/^line 29$/agent 29/' a.txt")
    assert bench.committed("a.txt") == LINES.replace("line 29\n", "agent 29\n")
    assert bench.read("a.txt") == LINES.replace("line 29\n", "agent 29\n").replace("line 2\n", "mine 2\n")
    assert bench.git("diff", "--stat", "--cached") == ""
    assert bench.status() == " M a.txt"
    assert bench.is_sound()


@pytest.mark.thorough
def test_staged_edits_stay_staged_beside_the_agents(bench: Bench) -> None:
    staged = LINES.replace("line 2\n", "mine 2\n")
    bench.write("a.txt", staged)
    bench.git("add", "a.txt")
    bench.write("a.txt", staged.replace("line 12\n", "mine 12\n"))
    bench.step("sed -i 's/^line 29$/agent 29/' a.txt")
    agents = LINES.replace("line 29\n", "agent 29\n")
    assert bench.committed("a.txt") == agents
    assert bench.git("show", ":a.txt") == agents.replace("line 2\n", "mine 2\n")
    assert bench.read("a.txt") == agents.replace("line 2\n", "mine 2\n").replace("line 12\n", "mine 12\n")
    assert bench.is_sound()


@pytest.mark.thorough
def test_edits_of_the_same_line_stay_uncommitted_and_are_reported(bench: Bench) -> None:
    bench.write("a.txt", LINES.replace("line 2\n", "mine 2\n"))
    ran = bench.step("sed -i 's/^mine 2$/agent 2/' a.txt; echo more > agent.txt")
    assert "a.txt" in ran.err
    assert bench.committed("a.txt") == LINES
    assert bench.committed("agent.txt") == "more\n"
    assert "agent 2\n" in bench.read("a.txt")
    assert "mine 2\n" in bench.committed("a.txt", bench.rescued() + "^1")
    assert bench.is_sound()


@pytest.mark.parametrize("deed", ["echo overwritten > mine.txt", "rm mine.txt", "mv mine.txt other.txt"])
@pytest.mark.thorough
def test_an_untracked_file_that_the_agent_spoils_is_kept(bench: Bench, deed: str) -> None:
    bench.write("mine.txt", MINE)
    ran = bench.step(deed)
    assert "mine.txt" in ran.err
    assert bench.git("ls-files", "mine.txt") == ""
    assert bench.committed("mine.txt", bench.rescued() + "^1") == MINE
    assert bench.is_sound()


@pytest.mark.parametrize(
    "deed",
    ["echo spoilt > a.txt", "rm a.txt", "git rm -qf a.txt", "mv a.txt z.txt", "git mv a.txt z.txt", "git restore a.txt",
     "git restore -SW a.txt", "git add a.txt", "git rm -q --cached a.txt", "rm a.txt; mkdir a.txt; echo > a.txt/in"],
)  # fmt: skip
@pytest.mark.thorough
def test_a_staged_file_that_the_agent_takes_hold_of_loses_nothing(bench: Bench, deed: str) -> None:
    bench.write("a.txt", "staged: " + MINE)
    bench.git("add", "a.txt")
    staged = bench.git("ls-files", "-s", "a.txt")
    bench.write("a.txt", MINE)
    bench.step(f"{deed}; echo more > agent.txt")
    assert bench.git("ls-files", "-s", "a.txt") == staged
    assert bench.committed("a.txt") == LINES
    if not (bench.root / "a.txt").is_file() or bench.read("a.txt") != MINE:
        assert bench.committed("a.txt", bench.rescued() + "^1") == MINE
    assert bench.is_sound()


@pytest.mark.parametrize("deed", ["git stash -q", "git stash -qu", "git checkout -q .", "git reset -q --hard"])
@pytest.mark.thorough
def test_what_the_agent_discards_is_put_back(bench: Bench, deed: str) -> None:
    bench.write("a.txt", MINE)
    bench.git("add", "a.txt")
    bench.write("a.txt", MINE * 2)
    bench.write("b.txt", MINE)
    before = bench.photo()
    bench.step(f"{deed}; echo more > agent.txt")
    assert differences(before, bench.photo(without=["agent.txt"])) == []
    assert bench.is_sound()


@pytest.mark.thorough
def test_an_edit_in_the_same_instant_as_git_add_is_seen(bench: Bench) -> None:
    bench.git("config", "core.trustctime", "false")
    instant = (1_600_000_000, 1_600_000_000)
    file = bench.write("a.txt", "first\n")
    os.utime(file, instant)
    bench.git("add", "a.txt")
    bench.write("a.txt", "later\n")
    os.utime(file, instant)
    os.utime(bench.root / ".git/index", instant)
    bench("create", "other")
    assert bench.status() == "MM a.txt"
    bench.step("echo spoilt > a.txt; exit 1")
    assert bench.read("a.txt") == "later\n"
    assert bench.status() == "MM a.txt"


@pytest.mark.thorough
def test_a_snapshot_that_could_not_be_read_for_a_moment_is_not_given_up(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.write("mine.txt", "mine\n")
    before, head, whole = bench.everything(), bench.head(), mend.can_be_put_back

    def blind(*args: Any) -> bool:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Objects, "read", lambda *_: None)
            return whole(*args)

    monkeypatch.setattr(mend, "can_be_put_back", blind)
    with gitorch.open(bench.root) as workflow:
        workflow.step(Options(agent_command="rm -rf doc mine.txt; exit 1"))
    assert bench.is_put_back(before, head)
