"""What a workflow's state should be after each command, by docs/format.md, docs/commands.md and docs/agents.md."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, NamedTuple

LEGAL: Final = {
    "pending": {"running", "blocked"},
    "running": {"completed", "failed", "blocked", "pending"},
    "failed": {"pending"},
    "blocked": {"pending"},
    "completed": {"pending"},
}
OK, ERROR, USAGE, COMPLETED, BLOCKED, LIMIT, LATER = 0, 1, 2, 10, 20, 30, 75
ATTEMPTS: Final = 3
IDLE: Final = 5


class Body(NamedTuple):
    """What a task file says."""

    parent: str | None = None
    needs: tuple[str, ...] = ()
    order: int = 0
    kind: str = "execute"
    template: str | None = None
    focus: str | None = None
    outputs: bool = False


class Main(NamedTuple):
    """MAIN_TASK."""

    status: str
    next: str
    task: str | None = None
    focus: str | None = None


class Plan(NamedTuple):
    """What the next invocation does."""

    action: str
    task: str | None
    aside: bool = False


class Said(NamedTuple):
    """What an agent does and says: files it leaves, and its result or its proposals."""

    outcome: str = "completed"
    writes: bool = True
    next: str | None = None
    focus: str | None = None
    question: str | None = None
    proposes: Main | None = None
    cost: Decimal | None = None
    silent: bool = False
    cuts: bool = False


class Local(NamedTuple):
    """A subtask as a template has it."""

    name: str
    body: Body
    needs: tuple[str, ...] = ()


@dataclass
class Totals:
    steps: int = 0
    cost: Decimal | None = None
    unpriced: int = 0
    idle: int = 0


@dataclass
class Again:
    attempt: int = 1
    waits: int = 0
    answered: bool = False


@dataclass
class Open:
    """An invocation that has begun and not ended."""

    plan: Plan
    attempt: int | None
    agent: str
    main: Main
    killed: bool


@dataclass
class Model:
    """The state, and what each command makes of it. A command gives the exit code it should have."""

    templates: dict[str, list[Local]]
    states: dict[str, str] = field(default_factory=dict)
    bodies: dict[str, Body] = field(default_factory=dict)
    main: Main | None = None
    totals: Totals = field(default_factory=Totals)
    again: dict[str, Again] = field(default_factory=dict)
    open: Open | None = None
    waiting: str | None = None  # the agent whose limit lasts
    worked: bool = False
    did: tuple[str | None, str | None, str | None] = (None, None, None)  # action, task, outcome of the last step

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name == "main" and (value is None or (isinstance(value, Main) and value.status == "continue")):
            self.went_on = value

    def copy(self) -> Model:
        return copy.deepcopy(self)

    # relations between tasks

    def children(self, name: str) -> list[str]:
        return [each for each in self.states if self.bodies[each].parent == name]

    def ancestors(self, name: str) -> Iterator[str]:
        seen = {name}
        at = self.bodies[name].parent
        while at is not None and at in self.states and at not in seen:
            yield at
            seen.add(at)
            at = self.bodies[at].parent

    def waits_for(self, name: str) -> list[str]:
        needs = [need for each in (name, *self.ancestors(name)) for need in self.bodies[each].needs]
        return [*needs, *self.children(name)]

    def is_broken(self, name: str) -> bool:
        """Tell whether a task names others that are not there, or waits for itself."""
        body = self.bodies[name]
        if any(other not in self.states for other in (*body.needs, *([body.parent] if body.parent else []))):
            return True
        seen, todo = {name}, [name]
        while todo:
            for other in self.waits_for(todo.pop()):
                if other == name:
                    return True
                if other not in seen and other in self.states and self.states[other] != "completed":
                    seen.add(other)
                    todo.append(other)
        return False

    def can_run(self, name: str | None) -> bool:
        if name is None or self.states.get(name) != "pending":
            return False
        if any(self.states[child] != "completed" for child in self.children(name)):
            return False
        above = list(self.ancestors(name))
        if any(self.states[each] in {"failed", "blocked"} for each in above):
            return False
        needs = [need for each in (name, *above) for need in self.bodies[each].needs]
        return all(self.states.get(need) == "completed" for need in needs)

    def will_run(self, name: str) -> bool:
        """Tell whether a task runs once what it waits for is completed, as things are."""
        if self.states.get(name) != "pending" or any(
            self.states[child] != "completed" for child in self.children(name)
        ):
            return False
        seen, todo = {name}, [name]
        while todo:
            at = todo.pop()
            if self.states.get(at) not in {"pending", "running"} or self.is_broken(at):
                return False
            if any(self.states[above] in {"failed", "blocked"} for above in self.ancestors(at)):
                return False
            more = [
                other for other in self.waits_for(at) if self.states.get(other) != "completed" and other not in seen
            ]
            seen.update(more)
            todo += more
        return True

    def outlasts(self, main: Main | None, task: str | None) -> bool:
        """Tell whether MAIN_TASK stays after work on a task: it is about another one that is still to run."""
        if main is None or main.status != "continue" or main.task in {None, task}:
            return False
        return main.task is not None and self.will_run(main.task)

    def ready(self) -> list[str]:
        def rank(name: str) -> list[tuple[int, str]]:
            chain = [name, *self.ancestors(name)]
            above = self.bodies[chain[-1]].parent
            gone = [(0, above)] if above is not None and above not in self.states else []  # taken away by hand
            return [*gone, *((self.bodies[each].order, each) for each in reversed(chain))]

        return sorted((name for name in self.states if self.can_run(name)), key=rank)

    @property
    def is_open(self) -> bool:
        return any(state != "completed" for state in self.states.values())

    # changes

    def change(self, name: str, after: str | None, *, event: str) -> list[tuple[str, str | None, str | None]]:
        """Move a task and the parents that follow; forget what was known of them for another try."""
        before = self.states.get(name)
        made: list[tuple[str, str | None, str | None]] = [(name, before, after)]
        above = list(self.ancestors(name)) if name in self.bodies else []
        if after is None:
            del self.states[name]
        else:
            self.states[name] = after
        if after in {"completed", None}:
            made += self._close(above)
        elif after == "running":
            made += [self._set(each, "running") for each in above if self.states[each] == "pending"]
        elif after == "pending" and before == "completed":
            made += [self._set(each, "pending") for each in above if self.states[each] == "completed"]
        if event not in {"begin", "recover"}:
            for each, _, _ in made:
                self.again.pop(each, None)
        return made

    def _set(self, name: str, after: str) -> tuple[str, str | None, str | None]:
        before, self.states[name] = self.states[name], after
        return (name, before, after)

    def _close(self, above: list[str]) -> Iterator[tuple[str, str | None, str | None]]:
        for parent in above:
            left = [self.states[child] for child in self.children(parent)]
            if self.states[parent] != "running" or any(state != "completed" for state in left):
                return
            yield self._set(parent, "completed" if left else "pending")
            if not left:
                return

    @property
    def out(self) -> str | None:
        """The task of an invocation that is out to a loop: it is nobody else's then."""
        return self.open.plan.task if self.open is not None and not self.open.killed else None

    @property
    def is_out(self) -> bool:
        return self.open is not None and not self.open.killed

    # commands by hand

    def start(self, name: str, focus: str | None) -> int:
        if self.is_out:
            return LATER
        if (self.main is not None and self.main.status != "completed") or name in self.states:
            return ERROR
        self.states[name], self.bodies[name] = "pending", Body(template="auto", focus=focus)
        self.main = Main("continue", f"Decompose {name} task", name, focus)
        self.totals, self.again, self.waiting = Totals(), {}, None
        return OK

    def create(self, name: str, parent: str | None, needs: tuple[str, ...]) -> int:
        others = (*needs, *([parent] if parent else []))
        if name in others:
            return USAGE
        if name in self.states or any(other not in self.states for other in others):
            return ERROR
        if parent is not None and (self.states[parent] == "completed" or parent == self.out):
            return ERROR
        siblings = [body.order for each, body in self.bodies.items() if each in self.states and body.parent == parent]
        before = self.bodies.get(name)
        self.states[name], self.bodies[name] = "pending", Body(parent, needs, max(siblings, default=0) + 1)
        if self.is_broken(name):
            del self.states[name]
            if before is not None:
                self.bodies[name] = before
            return ERROR
        self.again.pop(name, None)
        return OK

    def move(self, name: str, to: str) -> int:
        if to not in LEGAL:
            return USAGE
        now = self.states.get(name)
        if now is None:
            return ERROR
        if now == to:
            return OK
        if name == self.out or to not in LEGAL[now]:
            return ERROR
        if to == "completed" and any(self.states[child] != "completed" for child in self.children(name)):
            return ERROR
        self.change(name, to, event="move")
        return OK

    def update(self, main: Main) -> int:
        if main.status not in {"continue", "completed", "blocked"} or len(main.next.split()) > 15:
            return USAGE
        if main.task is not None and main.task not in self.states:
            return ERROR
        self.main, self.waiting = main, None
        return OK

    def drop(self, name: str) -> int:
        if name not in self.states or name == self.out or self.children(name):
            return ERROR
        if any(name in self.bodies[each].needs for each in self.states):
            return ERROR
        if self.main is not None and self.main.task == name and self.main.status != "completed":
            return ERROR
        tried = self.copy()
        made = tried.change(name, None, event="drop")
        if any(each == self.out for each, _, _ in made):
            return ERROR
        self.change(name, None, event="drop")
        return OK

    def decompose(self, name: str, template: str | None, *, auto: bool) -> int:
        if name in self.states and not auto and template is None and self.bodies[name].template is None:
            return USAGE
        if name not in self.states or name == self.out or self.children(name):
            return ERROR
        if self.states[name] not in {"pending", "running"}:
            return ERROR
        made = self.subtasks(name, template)
        if made is None:
            return ERROR
        if self.states[name] == "pending":
            self.change(name, "running", event="decompose")
        self._add(made)
        return OK

    def subtasks(self, name: str, template: str | None) -> dict[str, Body] | None:
        """Give what a template makes of a task; None where that cannot be."""
        wanted = template or self.bodies[name].template
        if wanted in {None, "auto"}:
            wanted = "pair" if "pair" in name.split("-") else "research"
        local = self.templates.get(wanted or "")
        if local is None:
            return None
        made = {
            f"{name}-{each.name}": each.body._replace(
                parent=name, needs=tuple(f"{name}-{need}" for need in each.needs), order=number
            )
            for number, each in enumerate(local, 1)
        }
        return None if any(each in self.states or len(each) > 100 for each in made) else made

    def _add(self, made: dict[str, Body]) -> None:
        for name, body in made.items():
            self.states[name], self.bodies[name] = "pending", body
            self.again.pop(name, None)

    def answer(self) -> int:
        if self.main is None and not self.states:
            return ERROR
        now = self.main or self.first_main()
        if now.status != "blocked":
            return ERROR
        stuck = sorted(name for name, state in self.states.items() if state in {"failed", "blocked"})
        chosen = now.task if now.task in stuck else next(iter(stuck), None)
        if chosen is not None:
            self.change(chosen, "pending", event="answer")
            self.again[chosen] = Again(answered=True)
        stays = chosen is not None and self.outlasts(self.went_on, chosen)
        self.main, self.waiting = self.went_on if stays else self.next_main(chosen), None
        return OK

    def rewind(self, then: Model) -> int:
        """Go back to what was after an earlier command."""
        if self.is_out:
            return LATER
        self.recover()
        self.become(then.states, then.bodies, then.main)
        return OK

    def become(self, states: dict[str, str], bodies: dict[str, Body], main: Main | None) -> None:
        """Take over a state; of tasks that are there the file stays as it is."""
        for name in self.states.keys() | states.keys():
            if self.states.get(name) != states.get(name):
                self.again.pop(name, None)
            if name not in self.states:
                self.bodies[name] = bodies[name]
        self.states, self.main = dict(states), main

    # planning

    def next_main(self, prefer: str | None) -> Main:
        ready = self.ready()
        if ready:
            name = prefer if prefer in ready else ready[0]
            lineage = [*reversed(list(self.ancestors(name))), name]
            focus = next((self.bodies[each].focus for each in lineage if self.bodies[each].focus), None)
            what = "subtask" if self.bodies[name].parent else "task"
            return Main("continue", f"{self.own_action(name).capitalize()} {name} {what}", name, focus)
        for state in ("failed", "blocked"):
            stuck = sorted(name for name, now in self.states.items() if now == state)
            if stuck:
                return Main("blocked", f"Decide about {state} task {stuck[0]}", stuck[0])
        if self.is_open:
            return Main("continue", "Check status: no task can run")
        return Main("completed", "All tasks completed")

    def first_main(self) -> Main:
        """Give what a workflow without MAIN_TASK begins with."""
        due = self.next_main(None)
        stuck = due.status == "continue" and due.task is None
        return Main("blocked", "Decide what to do: no task can run") if stuck else due

    def own_action(self, name: str) -> str:
        return "decompose" if self.bodies[name].template and not self.children(name) else self.bodies[name].kind

    def plan(self, main: Main) -> Plan:
        verb = main.next.split()[0].lower()
        verb = verb if verb in {"decompose", "gather", "execute", "synthesize", "check"} else ""
        name = main.task
        if name is None or not self.can_run(name):
            ready = self.ready()
            if (verb == "check" and name is None) or not ready:
                return Plan("check", None)
            return Plan(self.own_action(ready[0]), ready[0])
        own = self.own_action(name)
        if verb in {"", own} or (verb == "decompose" and self.children(name)):
            return Plan(own, name)
        if verb == "check":
            return Plan("check", name, aside=True)
        return Plan(own, name) if own == "decompose" else Plan(verb, name, aside=verb == "gather")

    # steps

    def count(self, changes: list[tuple[str, str | None, str | None]], said: Said | None, *, counts_cost: bool) -> None:
        """Add an invocation to the sums."""
        self.totals.steps += 1
        if said is not None and said.cost is not None:
            self.totals.cost = (self.totals.cost or Decimal(0)) + said.cost
        elif counts_cost:
            self.totals.unpriced += 1
        progress = self.worked or any(each[1:] != ("running", "pending") for each in changes)
        if progress:
            self.totals.idle = 0
        elif said is None or said.outcome != "rate-limited":
            self.totals.idle += 1
        self.worked = False

    def recover(self) -> None:
        """Close an invocation whose process was killed."""
        if self.open is None:
            return
        task, self.open = self.open.plan.task, None
        changes = []
        if task is not None and self.states.get(task) == "running":
            changes = self.change(task, "pending", event="recover")
        self.count(changes, None, counts_cost=True)
        self.waiting = None

    def look(self, agent: str, *, decomposes: bool, max_steps: int | None, max_idle: int) -> int | Plan:
        """Say what comes next, or with what exit code nothing does."""
        if self.main is None and not self.states:
            return ERROR
        main, totals = (self.first_main(), Totals()) if self.main is None else (self.main, self.totals)
        if main.status != "continue":
            return COMPLETED if main.status == "completed" else BLOCKED
        if (max_steps is not None and totals.steps >= max_steps) or totals.idle >= max_idle:
            return LIMIT
        plan = self.plan(main)
        if plan.task is not None and self.is_broken(plan.task):
            return ERROR
        if self.waiting == agent and not self.is_by_template(plan, decomposes=decomposes):
            return LATER
        return plan

    def is_by_template(self, plan: Plan, *, decomposes: bool) -> bool:
        if plan.action != "decompose" or plan.task is None:
            return False
        fits = self.bodies[plan.task].template != "auto" or "pair" in plan.task.split("-")
        return fits or not decomposes

    def step_by_template(self, name: str) -> int:
        made = self.subtasks(name, None)
        if made is None:
            return ERROR
        self.worked = False  # the sums that come now count what was done before
        if self.main is None:
            self.totals, self.again = Totals(), {}
        changes = self.change(name, "running", event="decompose")
        self._add(made)
        self.count(changes, None, counts_cost=False)
        self.main = self.main if self.outlasts(self.main, name) else self.next_main(None)
        self.waiting = None
        self.did = ("decompose", name, "completed")
        return OK

    def begin(self, plan: Plan, agent: str, *, killed: bool = False) -> None:
        attempt = None
        first = self.first_main() if self.main is None else self.main
        if plan.task is not None:
            attempt = self.again.get(plan.task, Again()).attempt
            self.change(plan.task, "running", event="begin")
        if self.main is None:
            self.main, self.totals, self.again = first, Totals(), {}
        self.worked = False
        self.open = Open(plan, attempt, agent, self.main, killed)

    def end(self, said: Said) -> int:
        """End the open invocation by what its agent did and said."""
        assert self.open is not None
        begun, self.open = self.open, None
        plan, task = begun.plan, begun.plan.task
        said = self._judged(said, plan)
        self.worked = self.worked or (said.writes and said.outcome in {"completed", "blocked"})
        changes: list[tuple[str, str | None, str | None]] = []
        cut = said.cuts and said.outcome == "completed" and plan.action == "decompose"
        if task is not None and cut:
            made = self.subtasks(task, "cut") or {}
            self._add(made)
            changes = [(name, None, "pending") for name in made]
        elif task is not None:
            known = self.again.get(task, Again())
            after = self._after(said, begun)
            changes = self.change(task, after, event="end")
            if after == "pending":
                failed = said.outcome in {"failed", "rejected"}
                waits = known.waits + 1 if said.outcome == "rate-limited" else 0
                self.again[task] = Again((begun.attempt or 1) + failed, waits, known.answered)
        self.count(changes, said, counts_cost=True)
        self.main = self._main_after(said, begun)
        self.waiting = begun.agent if said.outcome == "rate-limited" else None
        self.did = (plan.action, task, said.outcome)
        if said.outcome == "rate-limited":
            return LATER
        return {"completed": COMPLETED, "blocked": BLOCKED}.get(self.main.status, OK)

    def _judged(self, said: Said, plan: Plan) -> Said:
        """Judge a claim: what was promised must be there, and something changed or said."""
        if said.outcome != "completed" or plan.task is None or plan.aside:
            return said
        if plan.action == "decompose":
            good = said.cuts and self.subtasks(plan.task, "cut") is not None
            return said if good else said._replace(outcome="rejected")
        if self.bodies[plan.task].outputs and not said.writes:
            return said._replace(outcome="rejected")
        return said._replace(outcome="failed") if said.silent and not said.writes else said

    @staticmethod
    def _after(said: Said, begun: Open) -> str:
        if said.outcome == "completed":
            return "pending" if begun.plan.aside else "completed"
        if said.outcome == "blocked":
            return "blocked"
        last = said.outcome in {"failed", "rejected"} and (begun.attempt or 1) >= ATTEMPTS
        return "failed" if last else "pending"

    def _main_after(self, said: Said, begun: Open) -> Main:
        task, now = begun.plan.task, self.main
        assert now is not None
        if said.outcome == "blocked":
            return Main("blocked", f"Answer: {said.question}", task)
        if said.outcome != "completed":
            failed = task is not None and self.states.get(task) == "failed"
            return Main("blocked", f"Decide about failed task {task}", task) if failed else now
        if now != begun.main and (now.status != "continue" or now.task not in {None, task}):
            return now
        proposed = said.proposes
        if proposed is not None and proposed.status == "completed" and self.is_open:
            proposed = None
        stays = task is not None and self.outlasts(now, task)
        if stays and (proposed is None or proposed.status == "continue"):
            return now
        if proposed is not None:
            return proposed
        due = self.next_main(task)
        if task is None and due.status == "continue" and due.task is None:
            return Main("blocked", "Decide what to do: no task can run")
        if due.status == "continue":
            return due._replace(next=said.next or due.next, focus=said.focus or due.focus)
        return due

    def finish(self, said: Said) -> int:
        """Take back the invocation that is out."""
        if self.open is None or self.open.killed:
            return ERROR
        if self.open.plan.task is not None and self.states.get(self.open.plan.task) != "running":
            self.recover()
            return ERROR
        return self.end(said)
