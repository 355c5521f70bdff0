"""Whatever is done to a history, verify finds it and names the first commit that does not hold."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

import gitorch
from gitorch.agents.report import Report
from gitorch.core.names import TASK_STATES, parse_task_file
from gitorch.git.objects import Entry
from gitorch.ledger.problems import Report as Verified
from gitorch.loop.ahead import Options
from gitorch.loop.edit import NewTask
from gitorch.loop.limits import Limits
from gitorch.loop.work import Call
from tests.ledger.rewriting import Commit, History
from tests.sandbox import Sandbox

_BUILT: dict[str, Path] = {}


def build(root: Path) -> Path:
    """Let the real program write a history in which all that is to be tampered with comes up more than once."""
    sandbox = Sandbox.create(root, decoys=False)
    sandbox.commit("first", file="x\n")
    failing = iter((False, True, False, True, True, *([False] * 50)))

    def agent(call: Call) -> Report:
        if next(failing):
            return Report(outcome="failed", summary="It does not work: größer", cost_usd=Decimal("0.5"))
        outputs = workflow.task(call.task).outputs if call.task is not None else ()
        for path in outputs:
            sandbox.write(f".tasks/{call.task}/{path}", f"found {call.prompt[-9:]} [file:1]\n")
        cost = Decimal("0.25") if call.action == "execute" else None
        return Report(
            outcome="completed", summary="Größe gemessen.", cost_usd=cost, focus="Größe — weiter", tokens_in=9
        )

    with gitorch.open(root) as workflow:
        for name in ("one-research", "two-research"):
            workflow.start(name, description="Was wird gebraucht?", focus="Größe messen")
            workflow.step(agent=agent)
            for number in range(2):
                workflow.create(NewTask(name=f"{name[:3]}-hand-{number}", description="By hand"))
                sandbox.commit("ordinary", **{f"{name}.txt": f"{number}\n"})
                workflow.move(f"{name[:3]}-hand-{number}", "running")
                workflow.move(f"{name[:3]}-hand-{number}", "blocked", reason="Was nun?")
                workflow.step(agent=agent)
            sandbox.git("checkout", "-q", "-b", f"side-{name}", "HEAD~2")
            sandbox.commit("on the side", **{f"side-{name}": "x\n"})
            sandbox.git("checkout", "-q", "main")
            sandbox.git("merge", "-q", "--no-ff", "-m", "join", f"side-{name}")
            for number in range(2):
                workflow.move(f"{name[:3]}-hand-{number}", "pending")
                workflow.update("continue", "Größe prüfen", task=f"{name[:3]}-hand-{number}", focus="Q4 — 2024")
            while workflow.state().workflow().status != "completed":
                workflow.step(Options(limits=Limits(max_attempts=9)), agent=agent)
    return root


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tampering") / "repo"


@pytest.fixture
def root(built: Path) -> Path:
    """Give the history; all the others are written beside it, in the same object store."""
    return built if built.exists() else build(built)


class Tampering:
    """One history to be tampered with at a random place."""

    def __init__(self, root: Path, seed: str) -> None:
        self.history = History(root)
        self.chance = random.Random(seed)  # noqa: S311 - for variety, not for secrets

    def pick(self, wanted: Callable[[Commit], object]) -> int:
        """Choose a place of the line, not the last, whose commit is as wanted."""
        line = self.history.line
        places = [place for place in range(1, len(line) - 1) if wanted(line[place])]
        assert places, "the history has no such commit"
        return self.chance.choice(places)

    def record(self, event: str = "", **values: str) -> Commit:
        """Choose a record, of an event and with values of some trailers."""
        return self.history.line[self.place(event, **values)]

    def place(self, event: str = "", **values: str) -> int:
        def wanted(commit: Commit) -> bool:
            there = commit.value("Event")
            found = [(commit.value(key.replace("_", "-")), value) for key, value in values.items()]
            fits = all(text is not None and text.startswith(value) for text, value in found)
            return there is not None and event in ("", there) and fits and len(commit.parents) == 1

        return self.pick(wanted)

    def anywhere(self) -> int:
        """Choose a place where the next commit is no merge and tasks are there."""
        line = self.history.line
        return self.pick(lambda commit: self.names(commit) and len(line[line.index(commit) + 1].parents) == 1)

    def names(self, commit: Commit) -> dict[str, str]:
        """Give each task's file name."""
        entries = self.history.entries(commit.tree)
        return {parsed[0]: name for name in entries if (parsed := parse_task_file(name)) is not None}

    def moved(self, tree: str, old: str, new: str) -> str:
        return self.history.edit(tree, {f".tasks/{old}": None, f".tasks/{new}": self.history.entries(tree)[old]})


Way = Callable[[Tampering], Commit]
WAYS: dict[str, tuple[Way, str]] = {}


def way(says: str) -> Callable[[Way], Way]:
    """Put a way to tamper into the table, with what verify has to say about the commit that the way gives."""

    def add(function: Way) -> Way:
        WAYS[function.__name__.replace("_", " ")] = (function, says)
        return function

    return add


def edited(name: str, event: str, says: str, pattern: str, new: str, **values: str) -> None:
    """Put an edit of one record's message into the table."""

    def edit(tampering: Tampering) -> Commit:
        commit = tampering.record(event, **values)
        commit.swap(pattern, new)
        return commit

    WAYS[name] = (edit, says)


edited("state edited", "move", "message and tree differ", r"(State: .* -> )\w+$", r"\1failed")
edited("task of a state edited", "move", "message and tree differ", r"State: [^:]+:", "State: another:")
edited("status edited", "end", "another MAIN_TASK", "Status: .*", "Status: blocked", Status="continue")
edited("next edited", "", "another MAIN_TASK", "Next: .*", "Next: Something else")
edited("task edited", "", "another MAIN_TASK", "Task: .*", "Task: another", Task="")
edited("focus edited", "", "another MAIN_TASK", "Focus: .*", "Focus: Elsewhere", Focus="G")
edited("focus cut", "", "another MAIN_TASK", "Gitorch-Focus: .*\n", "", Focus="G")
edited("outcome edited", "end", "does not go with", "Outcome: .*", "Outcome: failed", Outcome="c", Action="execute")
edited(
    "failure made a success", "end", "does not go with", "Outcome: .*", "Outcome: completed", Outcome="f", Action="e"
)
edited("cost edited", "end", "the totals are", r"Gitorch-Cost-USD: 0\.", "Gitorch-Cost-USD: 1.", Cost_USD="0.")
edited("cost cut", "end", "the totals are", "Gitorch-Cost-USD: .*\n", "", Cost_USD="0.")
edited("duration edited", "end", "the totals are", r"Duration: ", "Duration: 99", Agent="function")
edited("steps too many", "end", "the totals are", r"Total-Steps: (\d)", r"Total-Steps: 9\1")
edited("steps too few", "end", "the totals are", r"Total-Steps: \d+", "Total-Steps: 0")
edited("cost in all edited", "end", "the totals are", r"Total-Cost-USD: ", "Total-Cost-USD: 9", Total_Cost_USD="0")
edited("cost in all cut", "end", "the totals are", "Gitorch-Total-Cost-USD: .*\n", "", Total_Cost_USD="0")
edited("unpriced edited", "end", "the totals are", r"Total-Unpriced: \d", "Total-Unpriced: 7", Total_Unpriced="")
edited("idle edited", "end", "the totals are", r"Idle: \d+", "Idle: 12")
edited("totals cut", "end", "says nothing of its totals", r"(Gitorch-Total-.*\n)+Gitorch-Idle: .*\n", "")
edited("totals of a step cut", "decompose", "changes MAIN_TASK", r"(Gitorch-Total-.*\n)+Gitorch-Idle: .*\n", "")
edited("one total cut", "end", "Total-Seconds is missing", "Gitorch-Total-Seconds: .*\n", "")
edited("invocation edited", "end", "ends without having begun", "Invocation: .{8}", "Invocation: 00000000")
edited("attempt edited at the end", "end", "another action or attempt", r"Attempt: (\d)", r"Attempt: 9\1")
edited("attempt edited at the beginning", "begin", "this is attempt", r"Attempt: (\d)", r"Attempt: 9\1")
edited("action edited", "end", "another action or attempt", "Action: .*", "Action: decompose")
edited("create made a start", "create", "a workflow starts", "Event: create", "Event: start", Status="continue")
edited("start made a create", "start", "changes MAIN_TASK", "Event: start", "Event: create")
edited("move made an update", "move", "", "Event: move", "Event: update")
edited("update made an answer", "update", "asks nothing", "Event: update", "Event: answer")
edited("create made a decompose", "create", "another MAIN_TASK", "(Event: create(.*\n)*.*Next: ).*", r"\1Different")
edited("event cut", "", "Gitorch-Event is missing", "Gitorch-Event: .*\n", "")
edited("event unknown", "", "is unknown", "Event: .*", "Event: push")
edited("trailer doubled", "end", "stands there twice", r"(Gitorch-Agent: .*\n)", r"\1\1")
edited("trailers reordered", "end", "out of order", r"(Gitorch-Action.*\n)(Gitorch-Outcome.*\n)", r"\2\1")
edited("trailer unknown", "", "is unknown", r"(Gitorch-Event: .*\n)", r"\1Gitorch-Foo: 1\n")
edited("key in lower case", "", "is not of the form", r"Gitorch-Event", "gitorch-event")
edited("state forged", "end", "only it names", r"(Gitorch-Invocation)", "Gitorch-State: x: running -> completed\n\\1")
edited("state cut", "move", "a record of move moves no task", r"Gitorch-State: .*\n", "", Reason="")
edited("trailers parted", "end", "outside the last paragraph", r"(Gitorch-Invocation)", r"\n\1")
edited("trailer put into the body", "end", "outside the last", r"\n\n(Gitorch-Event: .*\n)", r"\n\1\n\n", Outcome="c")
edited("body made a trailer", "end", "outside the last paragraph", "Größe gemessen", "Gitorch-Event: end", Outcome="c")
edited("a line among the trailers", "end", "goes on with a trailer", r"(Gitorch-Action.*\n)", r"\1 and more\n")
edited("an afterthought", "", "outside the last paragraph", r"\Z", "\nP.S. All is well.\n")
edited("subject emptied", "", "is not of the form", r"\A.*", "")
edited("subject of another form", "", "is not of the form", r"\Agitorch\(.*", "Mend a thing")


@way("without a record")
def all_trailers_cut(t: Tampering) -> Commit:
    commit = t.record(State="")
    commit.message = commit.text.split("\n\nGitorch-")[0].encode()
    return commit if commit.parents[0].tree != commit.tree else pytest.fail("it changes nothing")


@way("")
def a_header_that_says_latin_1(t: Tampering) -> Commit:
    place = t.pick(lambda commit: "ö" in (commit.value("Next") or "") + (commit.value("Focus") or ""))
    t.history.line[place].head.append(b"encoding ISO-8859-1")
    return t.history.line[place]


@way("not the UTF-8 text")
def bytes_that_are_no_text(t: Tampering) -> Commit:
    commit = t.record("end")
    commit.message = commit.message.replace(b"\n\n", b"\n\nGr\xf6\xdfe\n\n", 1)
    return commit


@way("without a record")
def a_nul_before_the_trailers(t: Tampering) -> Commit:
    commit = t.record("move")
    commit.message = commit.message.replace(b"\n\n", b"\n\n\0", 1)
    return commit


@way("outside the last paragraph")
def line_ends_of_windows(t: Tampering) -> Commit:
    commit = t.record()
    commit.message = commit.message.replace(b"\n", b"\r\n")
    return commit


@way("message and tree differ")
def two_records_squashed_with_the_last_message(t: Tampering) -> Commit:
    return t.history.drop(t.place("begin"))


@way("outside the last paragraph")
def two_records_squashed_with_both_messages(t: Tampering) -> Commit:
    place = t.place("begin")
    message = t.history.line[place].message
    child = t.history.drop(place)
    child.message = message + b"\n" + child.message
    return child


@way("")
def a_record_dropped(t: Tampering) -> Commit:
    return t.history.drop(t.place(State=""))


@way("message and tree differ")
def the_messages_of_two_records_swapped(t: Tampering) -> Commit:
    place = t.pick(lambda commit: commit.value("Event") == "move" and "running" in (commit.value("State") or ""))
    one, other = t.history.line[place], t.history.line[place + 1]
    one.message, other.message = other.message, one.message
    return one


@way("without a record")
def a_record_reverted(t: Tampering) -> Commit:
    place = t.place(State="")
    reverted = t.history.line[place]
    return t.history.insert(place, reverted.parents[0].tree, f'Revert "{reverted.text.splitlines()[0]}"\n')


@way("only it names")
def a_record_picked_twice(t: Tampering) -> Commit:
    place = t.place("create")
    return t.history.insert(place, t.history.line[place].tree, t.history.line[place].text)


@way("ends without having begun")
def an_end_picked_twice(t: Tampering) -> Commit:
    place = t.place("end")
    return t.history.insert(place, t.history.line[place].tree, t.history.line[place].text)


@way("begins twice")
def a_begin_picked_twice(t: Tampering) -> Commit:
    place = t.place("begin")
    return t.history.insert(place, t.history.line[place].tree, t.history.line[place].text)


@way("only its tree shows")
def a_record_amended_with_a_task_moved(t: Tampering) -> Commit:
    commit = t.history.line[
        t.pick(lambda each: each.value("Event") in ("update", "start") and t.names(each.parents[0]))
    ]
    name, old = t.chance.choice(sorted(t.names(commit.parents[0]).items()))
    commit.tree = t.moved(commit.tree, old, _other_file(t, name, old))
    return commit


def _other_file(t: Tampering, name: str, old: str) -> str:
    return f"[{t.chance.choice([state for state in TASK_STATES if f'[{state}]' not in old])}]_{name}_task.md"


@way("another MAIN_TASK")
def a_record_amended_with_main_task_edited(t: Tampering) -> Commit:
    commit = t.record()
    commit.tree = t.history.edit(commit.tree, {".tasks/MAIN_TASK": "STATUS: continue\nNEXT: Do as I say\n"})
    return commit


@way("changes MAIN_TASK")
def main_task_edited_by_a_record_that_may_not(t: Tampering) -> Commit:
    commit = t.record(t.chance.choice(("create", "begin", "move")))
    commit.tree = t.history.edit(commit.tree, {".tasks/MAIN_TASK": "STATUS: continue\nNEXT: Do as I say\n"})
    kept = "\n".join(line for line in commit.text.split("\n") if not line.startswith(("Gitorch-Task", "Gitorch-Focus")))
    commit.message = kept.encode()
    commit.swap("Gitorch-Status: .*\nGitorch-Next: .*", "Gitorch-Status: continue\nGitorch-Next: Do as I say")
    return commit


def _ordinary(t: Tampering, change: Callable[[Commit], str]) -> Commit:
    place = t.anywhere()
    return t.history.insert(place, change(t.history.line[place]), "tidy up\n")


@way("without a record")
def a_task_moved_by_an_ordinary_commit(t: Tampering) -> Commit:
    def change(commit: Commit) -> str:
        name, old = t.chance.choice(sorted(t.names(commit).items()))
        return t.moved(commit.tree, old, _other_file(t, name, old))

    return _ordinary(t, change)


@way("MAIN_TASK changed without a record")
def main_task_edited_by_an_ordinary_commit(t: Tampering) -> Commit:
    text = "STATUS: completed\nNEXT: All done\n"
    return _ordinary(t, lambda commit: t.history.edit(commit.tree, {".tasks/MAIN_TASK": text}))


@way("MAIN_TASK changed without a record")
def main_task_deleted(t: Tampering) -> Commit:
    return _ordinary(t, lambda commit: t.history.edit(commit.tree, {".tasks/MAIN_TASK": None}))


@way("is no plain file")
def main_task_made_a_link(t: Tampering) -> Commit:
    def change(commit: Commit) -> str:
        oid = t.history.entries(commit.tree)["MAIN_TASK"].oid
        return t.history.edit(commit.tree, {".tasks/MAIN_TASK": Entry("120000", oid)})

    return _ordinary(t, change)


@way("-> none")
def a_task_file_deleted(t: Tampering) -> Commit:
    def change(commit: Commit) -> str:
        return t.history.edit(commit.tree, {f".tasks/{t.chance.choice(sorted(t.names(commit).values()))}": None})

    return _ordinary(t, change)


@way("has two files")
def a_task_file_doubled(t: Tampering) -> Commit:
    def change(commit: Commit) -> str:
        name, old = t.chance.choice(sorted(t.names(commit).items()))
        return t.history.edit(commit.tree, {f".tasks/{_other_file(t, name, old)}": "---\n---\n# x\n"})

    return _ordinary(t, change)


@way("has two files")
def a_task_doubled_by_the_record_that_moves_it(t: Tampering) -> Commit:
    commit = t.record("begin")
    files = {t.names(commit)[name] for name in t.names(commit).keys() & t.names(commit.parents[0]).keys()}
    moved = sorted(files - {*t.names(commit.parents[0]).values()})
    name = t.chance.choice(moved).partition("_")[2]
    commit.tree = t.history.edit(commit.tree, {f".tasks/[failed]_{name}": "---\n---\n# x\n"})
    return commit


@way("has two files")
def a_task_created_that_is_there(t: Tampering) -> Commit:
    place = t.pick(lambda commit: any("[pending]" not in name for name in t.names(commit).values()))
    commit = t.history.line[place]
    name = t.chance.choice(sorted(name for name, file in t.names(commit).items() if "[pending]" not in file))
    tree = t.history.edit(commit.tree, {f".tasks/[pending]_{name}_task.md": "---\n---\n# x\n"})
    return _record(t, place, "create", f"{name}: none -> pending", tree)


def _record(t: Tampering, place: int, event: str, change: str, tree: str) -> Commit:
    """Insert a record that says what its tree shows."""
    there = t.history.repository.objects.read(f"{tree}:.tasks/MAIN_TASK")
    assert there is not None
    keys = {"STATUS": "Status", "NEXT": "Next", "TASK": "Task", "FOCUS": "Focus"}
    pairs = (line.partition(": ") for line in there.data.decode().splitlines())
    main = "".join(f"Gitorch-{keys[key]}: {value}\n" for key, _, value in pairs)
    states = f"Gitorch-State: {change}\n" if change else ""
    return t.history.insert(place, tree, f"gitorch(x): forged\n\nGitorch-Event: {event}\n{main}{states}")


@way("illegal move")
def an_illegal_move_with_a_fitting_message(t: Tampering) -> Commit:
    place = t.pick(lambda commit: any("[pending]" in name for name in t.names(commit).values()))
    commit = t.history.line[place]
    name = t.chance.choice(sorted(name for name, file in t.names(commit).items() if "[pending]" in file))
    tree = t.moved(commit.tree, f"[pending]_{name}_task.md", f"[completed]_{name}_task.md")
    return _record(t, place, "move", f"{name}: pending -> completed", tree)


@way("adopt does not fit what happened: it names another: none -> pending")
def an_adopt_that_names_too_much(t: Tampering) -> Commit:
    place = t.anywhere()
    return _record(t, place, "adopt", "another: none -> pending", t.history.line[place].tree)


@way("a workflow starts while another is open")
def a_start_in_the_middle(t: Tampering) -> Commit:
    place = t.pick(lambda commit: commit.value("Status") == "continue" and commit.value("Event") != "start")
    tree = t.history.edit(t.history.line[place].tree, {".tasks/[pending]_forged_task.md": "---\n---\n# x\n"})
    return _record(t, place, "start", "forged: none -> pending", tree)


@way("has no end")
def an_end_lost_and_its_task_begun_again(t: Tampering) -> Commit:
    line = t.history.line
    place = t.place("end", Outcome="failed")
    again = next(number for number in range(place + 1, len(line)) if _begins(line[number], line[place]))
    lost = line[place]
    attempt, name = lost.value("Attempt"), (lost.value("State") or "").split(":")[0]
    for commit in line[place:again]:  # the task stays running until it is put back by hand
        commit.tree = commit.parents[0].tree
        commit.message = b"nothing\n"
    tree = t.moved(line[place - 1].tree, f"[running]_{name}_task.md", f"[pending]_{name}_task.md")
    line[again].tree = t.moved(tree, f"[pending]_{name}_task.md", f"[running]_{name}_task.md")
    _record(t, again - 1, "move", f"{name}: running -> pending", tree)
    begin = line[again + 1]
    begin.message = b"\n".join(
        row for row in begin.message.split(b"\n") if not row.startswith((b"Gitorch-T", b"Gitorch-F"))
    )
    main = t.history.line[again].text
    begin.swap(
        "(?s)Gitorch-Status.*(?=Gitorch-State)", main[main.index("Gitorch-Status") : main.index("Gitorch-State")]
    )
    begin.swap(r"Attempt: \d+", f"Attempt: {attempt}")
    return begin


def _begins(commit: Commit, end: Commit) -> bool:
    name = (end.value("State") or "").split(":")[0]
    return commit.value("Event") == "begin" and (commit.value("State") or "").startswith(f"{name}:")


@way("message and tree differ")
def a_begin_lost(t: Tampering) -> Commit:
    return t.history.drop(t.place("begin", Action="execute"))


@way("ends without having begun")
def an_end_of_anothers_invocation(t: Tampering) -> Commit:
    ends = [commit for commit in t.history.line[:-1] if commit.value("Event") == "end"]
    one, other = t.chance.sample(ends, 2)
    one.swap("Invocation: .*", f"Invocation: {other.value('Invocation')}")
    return one


@way("a merge without a record has a state that none of its parents has")
def a_merge_that_mixes_states(t: Tampering) -> Commit:
    commit = t.history.line[t.pick(lambda each: len(each.parents) > 1)]
    name, old = t.chance.choice(sorted(t.names(commit).items()))
    commit.tree = t.moved(commit.tree, old, _other_file(t, name, old))
    return commit


@way("a merge without a record has a state that none of its parents has")
def an_octopus_that_mixes_states(t: Tampering) -> Commit:
    place = t.pick(lambda each: len(each.parents) > 1)
    commit = t.history.line[place]
    commit.parents += t.chance.sample(t.history.line[:place], 2)
    commit.tree = t.history.edit(commit.tree, {".tasks/[pending]_arm_task.md": "---\n---\n# x\n"})
    return commit


@way("a record of move stands on a merge")
def an_illegal_move_by_a_merge(t: Tampering) -> Commit:
    place = t.pick(lambda each: len(each.parents) > 1)
    merge, before = t.history.line[place], t.history.line[place - 1]
    name, old = t.chance.choice(sorted(t.names(before).items()))
    new = _other_file(t, name, old)
    change = f"{name}: {_state(old)} -> {_state(new)}"
    forged = _record(t, place, "move", change, t.moved(merge.tree, old, new))
    forged.parents = merge.parents
    t.history.line.remove(merge)
    return forged


def _state(filename: str) -> str:
    parsed = parse_task_file(filename)
    assert parsed is not None
    return parsed[1]


@way("task state changed without a record")
def a_history_cut_off_at_the_front(t: Tampering) -> Commit:
    place = t.anywhere()
    t.history.line[place].parents.clear()
    t.history.line[place].message = b"Initial import\n"
    return t.history.line[place]


@contextmanager
def tampering(root: Path, seed: str) -> Iterator[Tampering]:
    made = Tampering(root, seed)
    try:
        yield made
    finally:
        made.history.repository.close()


def judged(root: Path, rev: str) -> Verified:
    with gitorch.open(root) as workflow:
        return workflow.verify(rev)


def check_found(report: Verified, commit: str, says: str) -> None:
    assert report.problems, "nothing was found"
    assert report.problems[0].commit == commit, report.problems[:4]
    assert any(says in problem for where, problem in report.problems if where == commit), report.problems[:4]


def check_way(root: Path, name: str, seed: int) -> None:
    tamper, says = WAYS[name]
    print(f"{name}, seed {seed}")  # noqa: T201 - pytest shows it where the test fails
    with tampering(root, f"{name} {seed}") as made:
        bad = tamper(made)
        stored = made.history.store()
        check_found(judged(root, stored[made.history.line[-1]]), stored[bad], says)


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.thorough
def test_tampering_is_found_and_the_first_bad_commit_named(root: Path, name: str) -> None:
    check_way(root, name, 7)


@pytest.mark.heavy
@pytest.mark.parametrize("seed", range(100, 130))
def test_tampering_at_other_places_is_found_too(root: Path, seed: int) -> None:
    for name in WAYS:
        check_way(root, name, seed)


@pytest.mark.thorough
def test_the_history_itself_holds_and_so_does_it_written_anew(root: Path) -> None:
    assert judged(root, "HEAD").problems == []
    history = History(root)
    head = history.repository.git.line("rev-parse", "HEAD")
    assert history.store()[history.line[-1]] == head
    history.line[0].message = b"another beginning\n"
    anew = history.store()[history.line[-1]]
    history.repository.close()
    assert anew != head
    assert judged(root, anew).problems == []


@pytest.fixture
def copy(root: Path, tmp_path: Path) -> Sandbox:
    shutil.copytree(root, tmp_path / "repo")
    return Sandbox(tmp_path / "repo")


@pytest.mark.thorough
def test_a_replace_ref_hides_nothing(copy: Sandbox) -> None:
    with tampering(copy.root, "replaced") as way:
        bad = a_task_moved_by_an_ordinary_commit(way)
        stored = way.history.store()
        tip = stored[way.history.line[-1]]
    copy.git("reset", "-q", "--hard", tip)
    assert judged(copy.root, "HEAD").problems[0].commit == stored[bad]
    copy.git("replace", stored[bad], stored[bad.parents[0]])
    report = judged(copy.root, "HEAD")
    assert report.problems[0].commit == stored[bad]
    assert any("replace ref" in warning.problem for warning in report.warnings)


@pytest.mark.thorough
def test_a_graft_cuts_nothing_off(copy: Sandbox) -> None:
    before = judged(copy.root, "HEAD").checked
    copy.git("replace", "--graft", "HEAD~5")
    report = judged(copy.root, "HEAD")
    assert (report.ok, report.checked) == (True, before)
    assert len(report.warnings) == 1
    old = copy.git("rev-parse", "HEAD~3").strip()
    (copy.root / ".git" / "info" / "grafts").write_text(f"{old}\n")
    report = judged(copy.root, "HEAD")
    assert (report.ok, report.checked) == (True, before)
    assert [warning.commit for warning in report.warnings][1:] == [old]
