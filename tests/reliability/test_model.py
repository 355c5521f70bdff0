"""The program against a model of it: random commands, legal and illegal, and after each the same state in both."""

from __future__ import annotations

import json
import os
import random
import re
import shlex
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
import yaml

from gitorch.data import folder as shipped
from tests.probe import told_by_messages
from tests.reliability.model import ERROR, OK, Body, Local, Main, Model, Plan, Said
from tests.sandbox import GITORCH, Ran, Sandbox, quickly, run

LENGTH: Final = 10  # commands in a sequence
SHORT: Final = 5  # sequences in the short form
LONG: Final = 2000
FIRST: Final = int(os.environ.get("GITORCH_SEED", "1"))
ROUNDS: Final = int(os.environ.get("GITORCH_ROUNDS", "0"))
GO_ON: Final = re.compile(r"Gitorch-([A-Za-z-]+): (.*)")
OWN: Final = """\
name: pair
description: Two, one after the other.
match: [pair]
subtasks:
  - {name: one, kind: gather, description: The first, focus: Only the first}
  - {name: two, description: The second, needs: [one]}
"""
CUT: Final = """\
name: cut
description: c
subtasks:
- {name: x, description: d}
- {name: y, description: d, needs: [x]}
"""
FILES: Final = (
    'D="${GITORCH_TASK_DIR:-.tasks/notes}"; mkdir -p "$D"; '
    'for f in sources.md analysis.md report.md a.txt; do echo "$GITORCH_INVOCATION" > "$D/$f"; done'
)
CUTTER: Final = f"""\
name: cutter
description: It cuts tasks itself.
command:
  - sh
  - -c
  - |
    {FILES}
    if [ "$GITORCH_ACTION" = decompose ]; then printf '%s' {shlex.quote(CUT).replace(chr(10), chr(10) + "    ")} \
    > "$GITORCH_TASK_DIR/subtasks.yaml"; fi
decomposes: true
"""
STARTED: Final = ("pair-1", "plain-1", "pair-2", "plain-2")
CREATED: Final = ("a", "b", "c", "d")
STATES: Final = ("pending", "running", "completed", "failed", "blocked", "done")
NEXT: Final = (
    *("Go on with it", "Execute what is there", "Gather more evidence", "Check whether it holds"),
    *("Decompose it further", "Synthesize all of it", "word " * 16),
)
ME: Final = shlex.join(GITORCH)
Op = tuple[str, int, int, int]


def result(**values: object) -> str:
    return f'printf %s {shlex.quote(json.dumps(values))} > "$GITORCH_RESULT"'


class Agent(NamedTuple):
    """A scripted agent: the options that choose it, what the model knows of it, and its name."""

    options: tuple[str, ...]
    said: Said
    name: str = "command"


def shell(line: str, said: Said) -> Agent:
    return Agent(("--agent-command", line), said)


def agents(model: Model, number: int) -> Agent:
    """Choose an agent; what some of them do depends on the tasks that there are."""
    other = pick(sorted(model.states), number // 16)
    point = Main("continue", "Gather more evidence", other, "Only that")
    update = f"{ME} update continue 'Gather more evidence' --task {other} --focus 'Only that'; {FILES}"
    cost = Decimal("0.25")
    made = (
        shell(f"{FILES}; {result(outcome='completed', summary='Done.', cost_usd=0.25)}", Said(cost=cost)),
        shell(f"{FILES}; echo done", Said()),
        shell(f"{FILES}; git add -f .tasks && git commit -q -m 'by the agent'", Said()),
        shell(
            result(outcome="completed", next="Look at the next thing", focus="Only that", cost_usd=0.25),
            Said(writes=False, next="Look at the next thing", focus="Only that", cost=cost),
        ),
        shell("echo it breaks; exit 1", Said("failed", writes=False)),
        shell(f"{FILES}; exit 3", Said("failed", writes=False)),
        shell(f"{FILES}; {result(outcome='completed', tokens_in='x')}", Said("rejected", writes=False)),
        shell(f"{FILES}; {result(outcome='blocked', question='Which one?')}", Said("blocked", question="Which one?")),
        shell("exit 75", Said("rate-limited", writes=False)),
        shell("true", Said(writes=False, silent=True)),
        shell(update, Said(proposes=point if model.states else None)),  # of a task that is not there it cannot
        shell(f"{ME} move \"$GITORCH_TASK\" failed --reason 'No way'", Said("failed", writes=False)),
        shell(f"{FILES}; echo x > .tasks/MAIN_TASK", Said()),
        Agent(("--agent", "cutter"), Said(cuts=True), "cutter"),
        Agent(("--agent", "cutter"), Said(cuts=True), "cutter"),
        shell(f"{FILES}; echo done", Said()),
    )
    return made[number % len(made)]


def pick(things: list[str] | tuple[str, ...], number: int) -> str:
    return things[number % len(things)] if things else "nobody"


class Edited(NamedTuple):
    """What a hand has made of the state; `good` tells that it can be adopted."""

    states: dict[str, str]
    bodies: dict[str, Body]
    main: Main | None
    good: bool = True


class Difference(AssertionError):
    """The program and the model do not agree."""


class Play:
    """One sequence of commands in a repository of its own."""

    def __init__(self, root: Path, model: Model, *, processes: bool) -> None:
        self.sandbox = Sandbox(root)
        self.model = model
        self.processes = processes
        self.told: list[str] = []
        self.head = self.sandbox.head()
        self.heads: list[tuple[str, Model]] = [(self.head, model.copy())]
        self.states: dict[str, str] = {}
        self.numbers = count(1)

    def gitorch(self, *args: str) -> Ran:
        done = run(*GITORCH, *args, cwd=self.sandbox.root) if self.processes else quickly(self.sandbox.root, *args)
        self.told.append(f"gitorch {shlex.join(args)}  -> {done.code}")
        assert "has a bug" not in done.err, done.err
        assert "Traceback" not in done.err, done.err
        return done

    def expect(self, code: int, *args: str) -> Ran:
        done = self.gitorch(*args)
        self.same(f"exit code of {args[0]} ({done.err.strip()})", code, done.code)
        return done

    def same(self, what: str, due: object, there: object) -> None:
        if due != there:
            raise Difference(f"{what}: the model says {due!r}, the program {there!r}")

    def do(self, op: Op) -> None:
        """Do one thing in both, and compare."""
        getattr(self, "do_" + op[0])(*op[1:])
        self.compare()

    # what may be done

    def any(self, number: int) -> str:
        """Choose a task, mostly one that is there."""
        names = sorted(self.model.states)
        return pick(names, number // 8) if names and number % 8 else pick((*STARTED, *CREATED, "x-y"), number // 8)

    def do_start(self, one: int, two: int, _: int) -> None:
        name, focus = pick(STARTED, one), "Weigh it" if two % 3 == 0 else None
        options = ("--focus", focus) if focus else ()
        self.expect(self.model.start(name, focus), "start", name, "-d", "What is it?", *options)

    def do_create(self, one: int, two: int, three: int) -> None:
        name = pick(CREATED, one)
        parent = self.any(two // 3) if two % 3 == 0 else None
        needs = tuple(dict.fromkeys(self.any(three // 4 + each) for each in range((0, 0, 1, 2)[three % 4])))
        options = [word for need in needs for word in ("--needs", need)] + (["--parent", parent] if parent else [])
        self.expect(self.model.create(name, parent, needs), "create", name, *options)

    def do_move(self, one: int, two: int, _: int) -> None:
        name, to = self.any(one), pick(STATES, two)
        if two % 7:  # mostly a legal one
            legal = {"pending": "running", "running": ("completed", "failed", "blocked")[two % 3]}
            to = legal.get(self.model.states.get(name, ""), "pending")
        self.expect(self.model.move(name, to), "move", name, to)

    def do_update(self, one: int, two: int, three: int) -> None:
        status = ("continue", "continue", "continue", "blocked", "completed", "done")[one % 6]
        task = self.any(two) if two % 3 else None
        main = Main(status, pick(NEXT, three), task, "Only that" if three % 5 == 0 else None)
        options = (*(("--task", task) if task else ()), *(("--focus", main.focus) if main.focus else ()))
        self.expect(self.model.update(main), "update", status, main.next, *options)

    def do_drop(self, one: int, _two: int, _three: int) -> None:
        name = self.any(one)
        self.expect(self.model.drop(name), "drop", name)

    def do_decompose(self, one: int, two: int, _: int) -> None:
        name, template = self.any(one), ("pair", "research", "nothing", None)[two % 4]
        auto = template is None and two % 8 < 4
        options = ("--template", template) if template else ("--auto",) if auto else ()
        self.expect(self.model.decompose(name, template, auto=auto), "decompose", name, *options)

    def do_answer(self, *_: int) -> None:
        self.expect(self.model.answer(), "answer", "The second.")

    def do_step(self, one: int, two: int, three: int) -> None:
        model = self.model
        agent = agents(model, one)
        most = two % 6 if two % 5 == 0 else None
        idle = 50 if three % 3 == 0 else 5
        limits = [*(["--max-steps", str(most)] if most is not None else []), "--max-idle", str(idle)]
        due, model.did = self.ahead(agent, most, idle), (None, None, None)
        if isinstance(due, Plan):
            due = self.begun(due, agent)
        done = self.expect(due, "step", *agent.options, *limits, "--json")
        if done.out:
            told = done.json
            self.same("what was done", model.did, (told["action"], told["task"], told["outcome"]))

    def ahead(self, agent: Agent, most: int | None, idle: int) -> int | Plan:
        """Say what a step or `begin` meets first."""
        if self.model.is_out:
            return 75
        self.model.recover()
        return self.model.look(agent.name, decomposes=agent.said.cuts, max_steps=most, max_idle=idle)

    def begun(self, plan: Plan, agent: Agent) -> int:
        if self.model.is_by_template(plan, decomposes=agent.said.cuts):
            return self.model.step_by_template(plan.task or "")
        self.model.begin(plan, agent.name)
        return self.model.end(agent.said)

    def do_killed(self, _one: int, _two: int, _three: int) -> None:
        """Let the program be killed while its agent runs."""
        agent = shell("kill -9 $PPID", Said())
        due = self.ahead(agent, None, 5)
        if isinstance(due, Plan):
            if self.model.is_by_template(due, decomposes=False):
                due = self.model.step_by_template(due.task or "")
            else:
                self.model.begin(due, agent.name, killed=True)
                due = -9
        done = run(*GITORCH, "step", *agent.options, cwd=self.sandbox.root)
        self.told.append(f"gitorch step, killed  -> {done.code}")
        self.same(f"exit code of a killed step ({done.err})", due, done.code)

    def do_begin(self, *_: int) -> None:
        own = Agent((), Said(), "own")
        due = self.ahead(own, None, 5)
        while isinstance(due, Plan) and self.model.is_by_template(due, decomposes=False):
            code = self.model.step_by_template(due.task or "")
            due = code if code != OK else self.ahead(own, None, 5)
        plan = due if isinstance(due, Plan) else None
        done = self.expect(OK if isinstance(due, Plan) else due, "begin", "--json")
        if plan is not None:
            self.model.begin(plan, "own")
            assert self.model.open is not None
            told = done.json
            due_now = (plan.action, plan.task, self.model.open.attempt)
            self.same("what was handed out", due_now, (told["action"], told["task"], told["attempt"]))

    def do_finish(self, one: int, _two: int, _three: int) -> None:
        said, exit_code = (
            (Said(), 0),
            (Said(), 0),
            (Said("failed", writes=False), 1),
            (Said("rate-limited", writes=False), 75),
            (Said(writes=False, silent=True), 0),
            (Said(writes=False, next="Look at the next thing", cost=Decimal("0.5")), 0),
            (Said("blocked", writes=False, question="Which one?"), 0),
        )[one % 7]
        options: list[str] = ["--exit", str(exit_code)]
        if said.writes and self.model.is_out:
            folder = f".tasks/{self.model.out}" if self.model.out else ".tasks/notes"
            for name in ("sources.md", "analysis.md", "report.md", "a.txt"):
                self.sandbox.write(f"{folder}/{name}", f"by hand {next(self.numbers)}\n")
        if said.next or said.question:
            path = self.sandbox.root.parent / "result.json"
            told = {"outcome": said.outcome, "next": said.next, "question": said.question}
            path.write_text(json.dumps({**told, "cost_usd": None if said.cost is None else float(said.cost)}))
            options += ["--result", str(path)]
        if self.model.is_out and self.model.states.get(self.model.out or "", "running") != "running":
            said = said._replace(writes=False)
        self.expect(self.model.finish(said), "finish", *options)

    def do_rewind(self, one: int, _two: int, _three: int) -> None:
        oid, then = self.heads[one % len(self.heads)]
        self.expect(self.model.rewind(then), "rewind", oid)

    def do_commit(self, *_: int) -> None:
        self.sandbox.write("w.txt", f"{next(self.numbers)}\n")
        self.sandbox.git("add", "w.txt")
        self.sandbox.git("commit", "-q", "-m", "ordinary work")
        self.told.append("git commit")
        self.model.worked = True

    def do_edit(self, one: int, two: int, three: int) -> None:
        """Change the state by hand: commands refuse, and `adopt` or putting back mends it."""
        name = self.any(two | 1)
        if self.model.open is not None:
            return
        edited = self.edited(one % 5, name, three)
        if edited is None:
            return
        self.told.append(f"by hand: way {one % 5}, {name}")
        others = (("update", "continue", "Go on"), ("step", "--agent-command", "true"), ("create", "zz"))
        for args in others[: 1 + two % 3]:
            self.expect(ERROR, *args)
        self.same("the last commit", self.head, self.sandbox.head())
        if edited.good and three % 3:
            self.adopt(edited, committed=three % 3 == 1)
            return
        self.told.append("put back")
        for path in (self.sandbox.root / ".tasks").iterdir():
            if path.is_file():
                path.unlink()
        self.sandbox.git("checkout", "--", ".")

    def edited(self, way: int, name: str, number: int) -> Edited | None:
        """Edit one thing; None where that cannot be."""
        states, bodies, tasks = dict(self.model.states), dict(self.model.bodies), self.sandbox.root / ".tasks"
        main = self.model.main
        if way < 2:
            if name not in states:
                return None
            path = tasks / f"[{states.pop(name)}]_{name}_task.md"
            if way == 1:
                path.unlink()
            else:
                states[name] = pick([state for state in STATES[:5] if state != self.model.states[name]], number)
                path.rename(tasks / f"[{states[name]}]_{name}_task.md")
        elif way == 2:
            if states.get("by-hand") == "pending":
                return None
            good = "by-hand" not in states  # else two files stand for one task
            (tasks / "[pending]_by-hand_task.md").write_text("---\n---\n\nx\n")
            return Edited({**states, "by-hand": "pending"}, {**bodies, "by-hand": Body()}, main, good)
        else:
            main = Main("continue" if way == 3 else "nonsense", f"By hand {next(self.numbers)}")
            (tasks / "MAIN_TASK").write_text(f"STATUS: {main.status}\nNEXT: {main.next}\n")
        return Edited(states, bodies, main, way != 4)

    def adopt(self, edited: Edited, *, committed: bool) -> None:
        if committed:
            self.sandbox.git("add", "-A", ".tasks")
            self.sandbox.git("commit", "-q", "-m", "by hand")
            self.told.append("git commit")
            self.expect(ERROR, "verify")
        self.expect(OK, "adopt", "--yes")
        self.model.become(edited.states, edited.bodies, edited.main)

    # comparing

    def compare(self) -> None:
        model = self.model
        told = json.loads(quickly(self.sandbox.root, "status", "--json").out)
        main = model.main or (None, None, None, None)
        self.same("MAIN_TASK", tuple(main), tuple(told[key] for key in ("status", "next", "task", "focus")))
        self.same("the work tree", None, told["difference"])
        counted = Counter(model.states.values())
        self.same("the counts", {state: counted[state] for state in STATES[:5]}, told["tasks"])
        listed = json.loads(quickly(self.sandbox.root, "list", "--json").out)["tasks"]
        self.same("the states", model.states, {task["name"]: task["state"] for task in listed})
        for task in listed:
            body = model.bodies[task["name"]]
            wanted = (body.parent, [*body.needs], body.kind)
            self.same(f"task {task['name']}", wanted, (task["parent"], task["needs"], task["kind"]))
        self.fold()
        head = self.sandbox.head()
        if head != self.head and model.open is None:
            self.heads.append((head, model.copy()))
        self.head = head

    def fold(self) -> None:
        """Go on with the states that the messages tell, and compare the sums where new ones are told."""
        log = self.sandbox.git("log", "--reverse", "-z", "--format=%B", f"{self.head}..HEAD")
        totals: list[tuple[str, str]] | None = None
        main: dict[str, str] | None = None
        for text in log.split("\0"):
            found = GO_ON.findall(text.rstrip("\n").rpartition("\n\n")[2])
            if not found or found[0][0] != "Event":
                continue
            moved = [re.split(": | -> ", value) for key, value in found if key == "State"]
            for name, _, after in moved:
                self.states[name] = after
                if after == "none":
                    del self.states[name]
            main = {key.lower(): value for key, value in found if key in {"Status", "Next", "Task", "Focus"}}
            told = [(key, value) for key, value in found if key in TOTALS]
            began = found[0][1] == "begin"
            anew = tuple(f"{name}: " for name, _, _ in moved if not began)  # what else moves a task makes it begin anew
            totals = told or (
                totals and [each for each in totals if each[0] != "Again" or not each[1].startswith(anew)]
            )
        self.same("the states by the messages", self.model.states, self.states)
        if main is not None:
            due = (
                {} if self.model.main is None else {k: v for k, v in self.model.main._asdict().items() if v is not None}
            )
            self.same("MAIN_TASK by the messages", due, main)
        if totals is not None:
            self.same("the sums", list(self.sums()), totals)

    def sums(self) -> Iterator[tuple[str, str]]:
        totals = self.model.totals
        yield "Total-Steps", str(totals.steps)
        if totals.cost is not None:
            yield "Total-Cost-USD", f"{totals.cost.normalize():f}"
        if totals.unpriced:
            yield "Total-Unpriced", str(totals.unpriced)
        yield "Idle", str(totals.idle)
        for name, again in sorted(self.model.again.items()):
            if (again.attempt, again.waits, again.answered) != (1, 0, False):
                waits = f", waits {again.waits}" if again.waits else ""
                yield "Again", f"{name}: attempt {again.attempt}{waits}{', answered' if again.answered else ''}"

    def end(self) -> None:
        """See that the record holds, and tells the same to another reader."""
        self.expect(OK, "verify")
        states, main = told_by_messages(self.sandbox)
        self.same("the states by the whole history", self.model.states, {**states})
        self.same("MAIN_TASK by the whole history", self.model.main, None if main is None else Main(*main))


TOTALS: Final = ("Total-Steps", "Total-Cost-USD", "Total-Unpriced", "Idle", "Again")
WEIGHTS: Final = {
    "start": 4,
    "create": 7,
    "move": 9,
    "update": 6,
    "drop": 2,
    "decompose": 3,
    "answer": 4,
    "step": 26,
    "killed": 1,
    "begin": 4,
    "finish": 6,
    "rewind": 3,
    "commit": 2,
    "edit": 3,
}


def sequence(seed: int) -> list[Op]:
    chance = random.Random(seed)  # noqa: S311 - for variety, not for secrets
    kinds = chance.choices(list(WEIGHTS), list(WEIGHTS.values()), k=LENGTH)
    first: list[Op] = [("start", chance.randrange(4), chance.randrange(3), 0)] if chance.random() < 0.8 else []
    return first + [(kind, *(chance.randrange(1 << 16) for _ in range(3))) for kind in kinds]  # type: ignore[misc]


class Stage:
    """Repositories to play in, copied from a pattern."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        self.pattern = folder / "pattern"
        sandbox = Sandbox.create(self.pattern, decoys=False)
        sandbox.commit("first", **{"w.txt": "0\n", ".tasks/templates/pair.yaml": OWN})
        agents_folder = home / ".config/gitorch/agents"
        agents_folder.mkdir(parents=True, exist_ok=True)
        (agents_folder / "cutter.yaml").write_text(CUTTER)
        self.templates = {
            "pair": locals_of(yaml.safe_load(OWN)),
            "cut": locals_of(yaml.safe_load(CUT)),
            "research": locals_of(yaml.safe_load((shipped("templates") / "research.yaml").read_text())),
        }

    def play(self, ops: list[Op], *, processes: bool = False) -> Play:
        root = self.folder / "play" / "repo"
        shutil.rmtree(root.parent, ignore_errors=True)
        shutil.copytree(self.pattern, root, symlinks=True)
        play = Play(root, Model(self.templates), processes=processes)
        try:
            for op in ops:
                play.do(op)
            play.end()
        except AssertionError as error:
            told = "\n".join(play.told)
            raise Difference(f"{error}\nops = {ops!r}\n{told}") from error
        return play

    def shrunk(self, ops: list[Op]) -> list[Op]:
        """Leave out what is not needed for the difference."""
        size = len(ops)
        while size:
            place = 0
            while place < len(ops):
                less = ops[:place] + ops[place + size :]
                if self.fails(less):
                    ops = less
                else:
                    place += size
            size //= 2
        return ops

    def fails(self, ops: list[Op]) -> bool:
        try:
            self.play(ops)
        except AssertionError:
            return True
        return False


def locals_of(template: dict[str, Any]) -> list[Local]:
    made = []
    for each in template["subtasks"]:
        body = Body(kind=each.get("kind", "execute"), focus=each.get("focus"), outputs="outputs" in each)
        made.append(Local(each["name"], body, tuple(each.get("needs", ()))))
    return made


def rounds(stage: Stage, seeds: range, say: Callable[[str], object]) -> int:
    """Play a sequence for each seed; gives how many commands that were."""
    began, done = time.monotonic(), 0
    codes: Counter[str] = Counter()
    for number, seed in enumerate(seeds, 1):
        ops = sequence(seed)
        processes = seed % 40 == 39
        try:
            told = stage.play(ops, processes=processes).told
            done += len(told)
            codes.update(line.rpartition("  -> ")[2] for line in told if "  -> " in line)
        except Difference as error:
            print(f"seed {seed}: {error}")  # noqa: T201 - pytest shows it with the failure
            small = stage.shrunk(ops)
            with pytest.raises(Difference) as caught:
                stage.play(small)
            pytest.fail(f"seed {seed} differs; the least of it: {caught.value}")
        if number % 100 == 0 or number == len(seeds):
            shown = ", ".join(f"{times} of {code}" for code, times in codes.most_common())
            seconds = time.monotonic() - began
            say(
                f"seeds {seeds[0]} to {seed}: {number} sequences, {done} commands, {seconds:.0f} s; exit codes: {shown}"
            )
    return done


@pytest.fixture
def stage(tmp_path: Path, sealed: Path) -> Stage:
    return Stage(tmp_path, sealed)


@pytest.mark.thorough
def test_the_program_does_what_the_model_says(stage: Stage) -> None:
    number = ROUNDS or SHORT
    assert rounds(stage, range(FIRST, FIRST + number), print) > number * LENGTH // 2


@pytest.mark.heavy
def test_the_program_does_what_the_model_says_in_thousands_of_sequences(stage: Stage) -> None:
    number = ROUNDS or LONG
    said = lambda text: print(text, file=sys.__stderr__)  # noqa: E731
    assert rounds(stage, range(FIRST, FIRST + number), said) > number * LENGTH // 2


def test_a_model_that_is_wrong_is_found_out(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    ops: list[Op] = [("create", 0, 1, 0), ("commit", 0, 0, 0), ("move", 9, 1, 0), ("move", 9, 3, 0)]
    stage.play(ops)
    close = Model.move
    monkeypatch.setattr(
        Model, "move", lambda model, name, to: close(model, name, "failed" if to == "completed" else to)
    )
    assert stage.fails(ops)
    assert [op[0] for op in stage.shrunk(ops)] == ["create", "move", "move"]
