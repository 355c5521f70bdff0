"""A record that the test keeps itself while the program makes a history: the audit and all messages tell the same."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from gitorch.core import fold, main_task, message
from gitorch.core.record import Record
from tests.history.sides import needs_merge_tree
from tests.probe import Quick, told_by_names
from tests.sandbox import Sandbox

Json = dict[str, Any]

FIGURES: Final = ("cost_usd", "tokens_in", "tokens_cached", "tokens_out")
UNKNOWN: Final = dict.fromkeys(FIGURES)
FREE: Final = {**UNKNOWN, "cost_usd": 0.0}
FIRST: Final = {"cost_usd": 0.125, "tokens_in": 100, "tokens_cached": 40, "tokens_out": 7}
SECOND: Final = {"cost_usd": 0.5, "tokens_in": 1000, "tokens_cached": None, "tokens_out": 30}
THIRD: Final = {"cost_usd": 0.25, "tokens_in": 3, "tokens_cached": 0, "tokens_out": 2}
TOKENS_ALONE: Final = {"cost_usd": None, "tokens_in": 17, "tokens_cached": None, "tokens_out": None}
GATHER, ANALYSIS, REPORT = (f"chip-research-{part}" for part in ("data-gathering", "analysis", "synthesis"))
TEXT: Final = "# Chips\n\nA fab makes 40,000 wafers a month.\n\nWafers are cut from ingots of silicon.\n"
NAMES_ITSELF: Final = 'echo "$GITORCH_INVOCATION" > "$DIARY"\n'
THEN: Final = {"completed": "completed", "failed": "pending", "interrupted": "pending"}


def result(figures: Json, outcome: str = "completed") -> str:
    known = {key: value for key, value in figures.items() if value is not None}
    return f"printf '%s' '{json.dumps({'outcome': outcome, 'summary': 'Said.', **known})}' > \"$GITORCH_RESULT\"\n"


def move(name: str, before: str | None, after: str | None) -> Json:
    return {"name": name, "from": before, "to": after}


@dataclass
class Diary:
    """What was done on one branch, in order: each entry is written from what the test asked for and saw in git."""

    repo: Quick
    ids: Path
    entries: list[Json] = field(default_factory=list)

    def main_task(self) -> Json:
        """Read MAIN_TASK as people read it."""
        path = self.repo.root / ".tasks" / "MAIN_TASK"
        lines = path.read_text().splitlines() if path.exists() else []
        told = dict(line.split(": ", 1) for line in lines)
        return {key: told.get(key.upper()) for key in ("status", "next", "task", "focus")}

    @contextmanager
    def entry(self, **known: Any) -> Iterator[Json]:
        """Note what happens inside as one invocation."""
        before, tip = self.main_task(), self.repo.head()
        made: Json = {"invocation": None, "action": None, "task": None, "attempt": None, "outcome": None}
        made |= {"agent": None, "files": [], "states": [], **UNKNOWN, **known}
        made |= {"next": before["next"], "focus": before["focus"]}
        yield made
        made["commits"] = self.repo.git("rev-list", "--reverse", "--first-parent", f"{tip}..HEAD").split()
        made.setdefault("then", self.main_task())
        self.entries.append(made)

    def hand(self, *commands: tuple[str, ...] | Callable[[], object], **known: Any) -> None:
        events = [command[0] for command in commands if isinstance(command, tuple)]
        with self.entry(**{"by": "hand", "events": events, **known}):
            for command in commands:
                if isinstance(command, tuple):
                    self.repo(*command)
                else:
                    command()

    def template(self, task: str, *subtasks: str) -> None:
        states = [move(task, "pending", "running"), *(move(name, None, "pending") for name in subtasks)]
        known: Json = {"by": "template", "events": ["decompose"], "states": states, "outcome": "completed"}
        with self.entry(action="decompose", task=task, **known):
            assert self.repo("step", "--json").json["invocation"] is None

    def step(
        self, action: str, task: str, script: str | None, figures: Json, *ends: str, code: int = 0, **known: Any
    ) -> str:
        """Do a step by a shell line, or the `local` agent; what was cut off before is recovered first."""
        outcome = known.get("outcome", "completed")
        states = [move(task, "pending", "running"), move(task, "running", THEN[outcome])]
        states += [move(name, "running", "completed") for name in ends]
        made: Json = {"by": "step", "events": ["begin", "end"], "action": action, "task": task, "states": states}
        made |= {"attempt": 1, "outcome": outcome, "agent": "local" if script is None else "command", **figures}
        agent = ("--agent", "local") if script is None else ("--agent-command", NAMES_ITSELF + script)
        cut_off = bool(self.entries) and "recover" in self.entries[-1]["events"]
        with self.entry(**{**made, **known}) as noted:
            told = self.repo("step", "--json", *agent, code=code, env={"DIARY": str(self.ids)}).json
            noted["invocation"] = told["invocation"] if script is None else self.ids.read_text().strip()
        if cut_off:
            self.entries[-2]["commits"].append(noted["commits"].pop(0))
        return str(noted["invocation"])

    def killed(self, action: str, task: str, script: str) -> None:
        states = [move(task, "pending", "running"), move(task, "running", "pending")]
        made: Json = {"by": "step", "events": ["begin", "recover"], "action": action, "task": task, "states": states}
        made |= {"attempt": 1, "outcome": "interrupted", "agent": "command"}
        with self.entry(**made, then=self.main_task()) as noted:
            kills = f"{NAMES_ITSELF}{script}kill -9 $PPID\n"
            self.repo("step", "--agent-command", kills, code=-9, env={"DIARY": str(self.ids)})
            noted["invocation"] = self.ids.read_text().strip()


def together(diary: Diary) -> str:
    """Do what both branches share; gives the invocation after which they part."""
    diary.repo.commit("one", **{"docs/chips.md": TEXT})
    diary.hand(
        ("start", "chip-research", "-d", "How many wafers does a fab make?", "--focus", "Wafers alone"),
        task="chip-research",
        states=[move("chip-research", None, "pending")],
    )
    diary.template("chip-research", GATHER, ANALYSIS, REPORT)
    diary.step("gather", GATHER, None, FREE, files=[f".tasks/{GATHER}/sources.md"])
    diary.step("execute", ANALYSIS, "echo x > junk.txt\n" + result(FIRST, "failed"), FIRST, outcome="failed")
    work = "mkdir src; echo a > src/own.txt; git add src; git commit -qm own; echo b > src/left.txt\n"
    work += 'echo found > "$GITORCH_TASK_DIR/analysis.md"\n'
    files = [f".tasks/{ANALYSIS}/analysis.md", "src/left.txt", "src/own.txt"]
    return diary.step("execute", ANALYSIS, work + result(SECOND), SECOND, attempt=2, files=files)


def on_the_side(diary: Diary) -> None:
    update = ("update", "continue", "Execute appendix task", "--task", "appendix", "--focus", "Numbers alone")
    states = [move("appendix", None, "pending")]
    diary.hand(("create", "appendix", "-d", "The numbers"), update, task="appendix", states=states)
    diary.repo.commit("beside", **{"beside.txt": "of nobody's invocation\n"})
    diary.step("execute", "appendix", "echo 40000 > numbers.txt\n" + result(THIRD), THIRD, files=["numbers.txt"])


def by_hand(diary: Diary) -> None:
    update = ("update", "continue", "Execute notes task", "--task", "notes")
    states = [move("notes", None, "pending"), move("later", None, "pending")]
    diary.hand(("create", "notes"), ("create", "later"), update, task="notes", states=states)
    diary.hand(
        ("move", "notes", "running"),
        lambda: diary.repo.commit("a note", **{"NOTES.md": "by hand\n"}),
        lambda: diary.repo.write(".tasks/notes/notes.md", "noted\n"),
        ("move", "notes", "completed"),
        ("update", "continue", "Synthesize all of it", "--task", REPORT, "--focus", "Briefly"),
        action="execute",
        task="notes",
        outcome="completed",
        files=[".tasks/notes/notes.md", "NOTES.md"],
        states=[move("notes", "pending", "running"), move("notes", "running", "completed")],
    )


def cut_off_and_back(diary: Diary, here: str) -> None:
    path = f".tasks/{REPORT}/report.md"
    diary.killed("synthesize", REPORT, "echo half > half.txt\n")
    diary.step("synthesize", REPORT, None, FREE, "chip-research", files=[path])
    diary.hand(
        ("rewind", here, "--work"),
        files=sorted((path, "NOTES.md", ".tasks/notes/notes.md")),
        states=[
            move("chip-research", "completed", "running"),
            move(REPORT, "completed", "pending"),
            move("later", "pending", None),
            move("notes", "completed", None),
        ],
    )
    work = 'echo again > "$GITORCH_TASK_DIR/report.md"\n'
    diary.step("synthesize", REPORT, work + result(TOKENS_ALONE), TOKENS_ALONE, "chip-research", code=10, files=[path])


def sums(entries: list[Json]) -> Json:
    """Add up what was noted; a step whose cost nobody knows counts as unpriced."""
    outcomes = [entry["outcome"] for entry in entries]
    costs = [entry["cost_usd"] for entry in entries if entry["cost_usd"] is not None]
    return {
        "invocations": len(entries),
        "completed": outcomes.count("completed"),
        "failed": outcomes.count("failed"),
        "cost_usd": sum(costs) if costs else None,
        "unpriced": sum(entry["by"] == "step" and entry["cost_usd"] is None for entry in entries),
        **{key: sum(entry[key] or 0 for entry in entries) for key in FIGURES[1:]},
    }


def sums_by(entries: list[Json], key: Callable[[Json], str | None]) -> Json:
    groups: dict[str, list[Json]] = defaultdict(list)
    for entry in entries:
        name = key(entry)
        if name is not None:
            groups[name].append(entry)
    return {name: sums(group) for name, group in groups.items()}


def totals(entries: list[Json]) -> Json:
    doers = {"template": "template", "hand": "by hand"}
    return {
        **sums(entries),
        "by_task": sums_by(entries, lambda entry: entry["task"]),
        "by_agent": sums_by(entries, lambda entry: entry["agent"] or doers[entry["by"]]),
        "by_action": sums_by(entries, lambda entry: entry["action"] or entry["events"][0]),
    }


def ways(entries: list[Json]) -> dict[str, list[tuple[str | None, str | None, int]]]:
    found: dict[str, list[tuple[str | None, str | None, int]]] = defaultdict(list)
    for number, entry in enumerate(entries, 1):
        for each in entry["states"]:
            found[each["name"]].append((each["from"], each["to"], number))
    return dict(found)


def without_seconds(told: Any) -> Any:
    if not isinstance(told, dict):
        return told
    return {key: without_seconds(value) for key, value in told.items() if key != "seconds"}


def check_audit(audit: Json, entries: list[Json]) -> None:
    told = [{key: each[key] for key in entries[0]} for each in audit["invocations"]]
    assert [{**each, "files": sorted(each["files"])} for each in told] == entries
    assert [each["number"] for each in audit["invocations"]] == list(range(1, len(entries) + 1))
    assert without_seconds(audit["totals"]) == totals(entries)
    seconds = sum(each["duration"] or 0 for each in audit["invocations"])
    assert audit["totals"]["seconds"] == pytest.approx(seconds)
    found = {task["name"]: [(way["from"], way["to"], way["number"]) for way in task["way"]] for task in audit["tasks"]}
    assert found == ways(entries)


def check_messages(repo: Sandbox) -> int:
    """Rebuild the state at each commit from the messages along first parents alone; gives how many records there were.

    A record on a merge tells its changes against the first parent, so no other parent is asked.
    """
    texts = (
        repo.git("log", "--branches", "--reverse", "--topo-order", "-z", "--format=%H %P%n%B").rstrip("\0").split("\0")
    )
    chains: dict[str, list[Record]] = {}
    records = 0
    for text in texts:
        head, _, body = text.partition("\n")
        commit, *parents = head.split()
        record = message.parse(body)
        records += record is not None
        chains[commit] = [*(chains[parents[0]] if parents else ()), *([record] if record is not None else ())]
        states, main = fold.replay(chains[commit])
        names, there = told_by_names(repo, commit)
        assert dict(states) == names, commit
        assert (None if main is None else main_task.format(main)) == there, commit
    return records


def check_told(diary: Diary, rev: str = "HEAD") -> None:
    check_audit(diary.repo("audit", rev, "--json").json, diary.entries)


@pytest.mark.thorough
@needs_merge_tree
def test_the_audit_and_the_messages_tell_what_was_noted_meanwhile(tmp_path: Path) -> None:
    repo = Quick(Sandbox.create(tmp_path / "repo", decoys=False).root)
    main = Diary(repo, tmp_path / "id")
    here = together(main)
    other, shared = Diary(repo, main.ids, [*main.entries]), len(main.entries)
    repo("fork", here[:8], "-b", "other")
    repo.git("switch", "-q", "other")
    on_the_side(other)
    repo.git("switch", "-q", "main")
    by_hand(main)
    cut_off_and_back(main, here)
    check_told(other, "other")
    check_told(main)
    focuses = {entry["focus"] for entry in main.entries + other.entries}
    assert focuses == {None, "Wafers alone", "Numbers alone", "Briefly"}
    main.hand(("merge", "other"), states=[move("appendix", None, "completed")])
    main.entries[-1:-1] = other.entries[shared:]  # a merge stands after what it joins
    check_told(main)
    assert check_messages(repo) == sum(len(entry["events"]) for entry in main.entries)
    assert repo("verify", "--json").json["problems"] == []
    assert not {"junk.txt", "half.txt"} & {*repo.git("ls-files").split()}
    assert repo.status() == ""
