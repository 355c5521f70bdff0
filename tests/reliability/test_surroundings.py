"""gitorch in all sorts of surroundings: it works, or says clearly why not, and nothing is lost."""

from __future__ import annotations

import datetime as dt
import os
import time
from pathlib import Path

import pytest

import gitorch
from gitorch.loop.ahead import Options
from tests.loop.bench import Bench, differences
from tests.probe import Quick, assert_one_error
from tests.reliability.soundness import assert_sound, look
from tests.reliability.surroundings import AGENTS, Case, check, uncommitted
from tests.reliability.surroundings_git import GIT_CASES, conflicts, failing_filter, partial
from tests.reliability.surroundings_outside import OUTSIDE_CASES
from tests.sandbox import quickly

CASES = {**GIT_CASES, **OUTSIDE_CASES}


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=name, marks=pytest.mark.heavy if case.heavy else ()) for name, case in CASES.items()],
)
def test_surroundings(bench: Bench, case: Case) -> None:
    check(case, bench)


@pytest.mark.thorough
def test_conflicts_in_the_index_stop_steps_alone(bench: Bench) -> None:
    conflicts(bench)
    before = bench.everything()
    done = quickly(bench.root, "step", "--agent-command", "echo work > agent.txt")
    assert done.code == 1
    assert "a.txt has conflicts that are not resolved" in done.err
    assert differences(before, bench.everything()) == []
    quickly(bench.root, "create", "new")
    bench.git("add", "a.txt")
    assert quickly(bench.root, "step", "--agent-command", "echo work > agent.txt").code == 0
    assert bench.is_sound()


@pytest.mark.thorough
def test_a_filter_that_fails_on_the_users_file_is_told(bench: Bench) -> None:
    failing_filter(bench)
    before = bench.files()
    done = quickly(bench.root, "step", "--agent-command", "echo work > agent.txt")
    assert done.code == 1
    assert f"error: {bench.root}: git update-index failed: external filter" in done.err
    assert "hint: git add says the same" in done.err
    assert bench.files() == before
    bench.write("w.txt", "x\n")
    bench.git("config", "--remove-section", "filter.broken")
    assert quickly(bench.root, "step", "--agent-command", "echo work > agent.txt").code == 0
    assert bench.is_sound()


@pytest.mark.parametrize(
    ("attributes", "setting"),
    [("*.bin filter=broken\n", "filter.broken.required=true"), ("*.bin text working-tree-encoding=UTF-16\n", "x.y=z")],
)
@pytest.mark.thorough
def test_an_agents_file_that_git_does_not_take_costs_the_attempt(bench: Bench, attributes: str, setting: str) -> None:
    bench.commit("attributes", **{".gitattributes": attributes})
    bench.git("config", "filter.broken.clean", "false")
    bench.git("config", *setting.split("="))
    uncommitted(bench)
    before, head = bench.everything(), bench.head()
    done = quickly(bench.root, "step", "--agent-command", "printf 'no text' > made.bin", "--json")
    assert done.code == 0, done
    assert done.json["outcome"] == "rejected"
    assert "made.bin cannot be committed" in done.json["reason"]
    assert bench.is_put_back(before, head)
    assert bench.committed("made.bin", bench.rescued()) == "no text"
    assert quickly(bench.root, "step", "--agent-command", "echo work > agent.txt").code == 0
    assert bench.is_sound()


@pytest.mark.thorough
def test_a_partial_clone_whose_remote_is_gone(bench: Bench) -> None:
    clone = partial(bench, offline=True).bench
    before = clone.photo(without=AGENTS)
    done = quickly(clone.root, "step", "--agent-command", "echo work > agent.txt")
    assert done.code == 0, done
    verified = quickly(clone.root, "verify")
    for ran in (done, verified):
        assert "has a bug" not in ran.err
        assert ran.code == 0 or "error: " in ran.err
    assert differences(before, clone.photo(without=AGENTS)) == []


def test_words_that_are_no_text_are_refused(bench: Bench) -> None:
    before = bench.head()
    for args in (("create", "new", "-d", "\udcff"), ("update", "continue", "Go \udcff"), ("answer", "\udcff")):
        done = quickly(bench.root, *args)
        assert done.code in (1, 2)
        assert_one_error(done)
    assert bench.head() == before
    assert bench.is_sound()


NAMES = (
    os.fsdecode(b"caf\xe9 \xff\xfe"),
    "line\nbreak",
    "\U0001f9d1\u200d\U0001f680",
    "\u00e9 of one letter",
    "e\u0301 of two letters",
    "\u00e9",
    "e\u0301",
    "n" * 255,
    "dot.",
    "blank ",
    "-rf",
    "--output=x",
    "*",
    "[ab]?",
    ":(glob)**",
    "\\",
    '"',
    "CON",
    "aux.txt",
    "~",
    "#",
    "!x",
    ".gitignore2",
    "a:b",
    "%s%n",
    "\x01\x7f",
)


@pytest.fixture
def named(bench: Bench) -> Bench:
    for name in NAMES:
        bench.write(f"known/{name}", "known\n")
    bench.git("add", "-A")
    bench.git("commit", "-qm", "names")
    for name in NAMES:
        bench.write(f"mine/{name}", f"mine {name!r}\n")
        bench.write(f"known/{name}", "known\nmine\n")
    bench.git("add", "--", "mine")
    return bench


@pytest.mark.thorough
def test_odd_names_everywhere(named: Bench) -> None:
    """As work of the user's, as what an agent makes and changes, and as what it ruins."""
    before, head = named.everything(), named.head()
    ruins = 'for f in known/* mine/*; do echo ruin > "$f"; done; rm -r known; git add -A; exit 1'
    named.step(ruins)
    assert named.is_put_back(before, head)
    seen = look(named.root, without=["made"])
    code = "import os\nfor name in NAMES:\n    open(os.path.join('made', name), 'w').write('made\\n')\n"
    named.write(".git/made.py", f"NAMES = {NAMES!r}\nimport os\nos.mkdir('made')\n{code}")
    done = named.step("python3 .git/made.py", "--json")
    assert done.json["outcome"] == "completed"
    committed = {name for name in named.git("ls-tree", "-z", "--name-only", "HEAD", "made/").split("\0") if name}
    assert committed == {f"made/{name}" for name in NAMES}
    assert_sound(named.root, seen, acknowledged=[done.json["commit"]])
    for command in (
        ("show", done.json["invocation"]),
        ("audit",),
        ("report", "-o", ".git/page.html"),
        ("export", "json"),
    ):
        assert quickly(named.root, *command).code == 0, command


@pytest.mark.thorough
def test_odd_names_as_outputs(bench: Bench) -> None:
    names = ["é", "é of two", "n" * 255, "dot.", "-rf", "[ab]", ":(top)x", "a b", "\U0001f9d1"]
    listed = "\n".join(f"- {name!r}" for name in names)
    bench.write(".tasks/[pending]_t_task.md", f"---\noutputs:\n{listed}\n---\n\n# t\n")
    bench.git("commit", "-qam", "outputs")
    assert bench.step("touch x", "--json").json["outcome"] == "rejected"
    makes = "; ".join(f"echo made > .tasks/t/./'{name}'" for name in names)
    assert bench.step(makes, "--json").json["outcome"] == "completed"
    there = bench.git("ls-tree", "-z", "--name-only", "HEAD", ".tasks/t/").split("\0")
    assert {f".tasks/t/{name}" for name in names} <= {*there}
    assert bench.is_sound()


def _at(monkeypatch: pytest.MonkeyPatch, when: dt.datetime) -> None:
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_DATE", f"@{int(when.timestamp())} +0000")
    monkeypatch.setattr(time, "time", when.timestamp)


@pytest.mark.thorough
def test_a_clock_that_jumps(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commits of 1970 and 2099 in any order: the order of records is parentage."""
    quick = Quick(bench.root)
    for number, year in enumerate((2026, 2099, 1970, 2038, 2026)):
        with monkeypatch.context() as then:
            _at(then, dt.datetime(year, 1, 2, tzinfo=dt.timezone.utc))
            quick("create", f"of-{year}-{number}")
            quick("move", f"of-{year}-{number}", "running")
            quick("move", f"of-{year}-{number}", "pending")
            quick("update", "continue", "Go on", "--task", f"of-{year}-{number}")
            quick("step", "--agent-command", f"echo {number} > agent.txt")
            assert quick("verify", "--json").json["ok"]
    told = [line for line in bench.events() if line == "end"]
    assert len(told) == 5
    assert quick("log", "--json", "-n", "1").out
    assert quick("audit", "--json").json["totals"]
    assert bench.is_sound()


@pytest.mark.thorough
def test_a_clock_put_back_during_an_invocation(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def agent(_: object) -> str:
        _at(monkeypatch, dt.datetime(2001, 1, 1, tzinfo=dt.timezone.utc))
        (bench.root / "agent.txt").write_text("work\n")
        return "done"

    uncommitted(bench)
    before = bench.photo(without=AGENTS)
    with gitorch.open(bench.root) as workflow:
        assert workflow.step(Options(), agent=agent).outcome == "completed"
    assert differences(before, bench.photo(without=AGENTS)) == []
    assert bench.is_sound()


GIGABYTE = 1 << 30


@pytest.mark.heavy
def test_a_gigabyte_in_the_history_and_one_beside_it(bench: Bench) -> None:
    with (bench.root / "huge.bin").open("wb") as file:
        file.truncate(GIGABYTE)
    bench.git("-c", "core.compression=0", "add", "huge.bin")
    bench.git("commit", "-qm", "huge")
    bench.git("rm", "-q", "huge.bin")
    bench.git("commit", "-qm", "not so huge")
    with (bench.root / "beside.bin").open("wb") as file:
        file.truncate(GIGABYTE)
    uncommitted(bench)
    began = time.monotonic()
    failed = bench.step("echo ruin > a.txt; exit 1", "--json")
    done = bench.step("echo work > agent.txt", "--json")
    assert (failed.json["outcome"], done.json["outcome"]) == ("failed", "completed")
    assert Path(bench.root, "beside.bin").stat().st_size == GIGABYTE
    assert "beside.bin" not in bench.git("ls-tree", "-r", "--name-only", "HEAD")
    assert quickly(bench.root, "verify").code == 0
    took = time.monotonic() - began
    print(f"two steps and verify beside a gigabyte: {took:.1f} s")  # noqa: T201 - a figure
    assert took < 300


@pytest.mark.heavy
def test_ten_thousand_tasks(bench: Bench) -> None:
    for number in range(10_000):
        bench.write(f".tasks/[pending]_n{number:05}_task.md", f"---\norder: {number + 10}\n---\n\n# n{number:05}\n")
    bench.git("add", ".tasks")
    bench.git("commit", "-qm", "ten thousand")
    times: dict[str, float] = {}
    for args in (
        ("adopt", "--yes"),
        ("status",),
        ("list",),
        ("create", "one-more"),
        ("step",),
        ("verify",),
        ("doctor",),
    ):
        began = time.monotonic()
        more = ("--agent-command", "echo work > agent.txt") if args == ("step",) else ()
        assert quickly(bench.root, *args, *more).code == 0, args
        times[args[0]] = time.monotonic() - began
    print("10,000 tasks:", ", ".join(f"{name} {took:.2f} s" for name, took in times.items()))  # noqa: T201 - figures
    assert max(times.values()) < 300
    assert bench.is_sound()
