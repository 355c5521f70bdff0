"""`gitorch status`. It starts few processes and imports little: people and loops call it often."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import NamedTuple

from gitorch import output
from gitorch.core import plan as planner
from gitorch.core import waiting
from gitorch.core.main_task import MainTask
from gitorch.core.names import TASK_STATES, TaskState
from gitorch.core.text import counted
from gitorch.core.waiting import Waiting
from gitorch.errors import Exit, GitorchError
from gitorch.git.locks import is_held
from gitorch.git.repository import Repository, open_repository
from gitorch.ledger import elsewhere
from gitorch.ledger.history import Recent, recent
from gitorch.ledger.outlines import read_outlines
from gitorch.ledger.state import WorkflowState, read_state, worktree_difference
from gitorch.loop.limits import show_cost


class Seen(NamedTuple):
    """What a repository shows now.

    Attributes:
        difference: what the work tree's state has that the last commit lacks.
        ready: the tasks that can run.
        stuck: where none can and the workflow is not over, why each cannot.
        parents: the tasks that have subtasks.
        now: what a step in this worktree is doing.
        other: where another branch has a workflow, and this one has none, what to do.
    """

    state: WorkflowState
    difference: str | None
    ready: list[str]
    stuck: list[Waiting]
    parents: set[str]
    latest: Recent | None
    branch: str | None
    now: Mapping[str, object] | None
    other: str | None

    @property
    def counts(self) -> dict[TaskState, int]:
        """Return the number of tasks in each state."""
        states = [*self.state.states.values()]
        return {state: states.count(state) for state in TASK_STATES}

    @property
    def limit(self) -> tuple[str, str] | None:
        """Return the agent whose limit holds and until when, None where none does."""
        last = self.latest.last if self.latest is not None and not self.latest.by_hand else None
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        if last is None or last.retry_at is None or last.retry_at <= now:
            return None
        return last.agent or "the agent", last.retry_at


def run(*, folder: str, as_json: bool) -> int:
    """Show the state."""
    repository = open_repository(folder)
    try:
        seen = _see(repository)
    finally:
        repository.close()
    if as_json:
        output.document(**_document(seen))
        return Exit.OK
    if seen.difference is not None:
        output.note(f"note: {seen.difference}")
    show(seen)
    return Exit.OK


def _see(repository: Repository) -> Seen:
    state = read_state(repository.objects)
    ready, stuck, parents = _look(repository, state)
    branch = repository.branch()
    return Seen(
        state=state,
        difference=None if repository.bare else worktree_difference(repository, state),
        ready=ready,
        stuck=stuck,
        parents=parents,
        latest=recent(repository.objects, state.commit) if state.commit is not None else None,
        branch=None if branch is None else branch.removeprefix("refs/heads/"),
        now=_under_way(repository),
        other=None if state.states or state.main_task is not None else elsewhere.hint(repository),
    )


def _document(seen: Seen) -> dict[str, object]:
    """Return the state for programs."""
    main = seen.state.main_task
    status, next_, task, focus = main if main is not None else (None, None, None, None)
    return {
        "status": status,
        "next": next_,
        "task": task,
        "focus": focus,
        "tasks": seen.counts,
        "running": seen.now,
        "difference": seen.difference,
        "ready": seen.ready,
        "branch": seen.branch,
        "totals": _totals(seen.latest),
        "retry_at": None if seen.limit is None else seen.limit[1],
        "elapsed": None if seen.now is None else _elapsed(seen.now),
        "waiting": [{"task": each.name, "reason": each.reason, "remedy": each.remedy} for each in seen.stuck],
    }


def show(seen: Seen) -> None:
    """Print the state for people."""
    main, state = seen.state.main_task, seen.state
    _show_main_task(main, state, len(seen.ready), seen.other)
    if state.states:
        output.say(f"📊 TASKS: {_counts(seen)}")
    if main is not None and main.status == "completed" and (left := waiting.left_open(state.states)) is not None:
        output.say(f"🚧 {left}")
    if seen.stuck and waiting.is_stuck(seen.stuck):
        output.lines(("🚧 NOTHING CAN RUN:", *(f"   {line}" for line in waiting.lines(seen.stuck))))
    if seen.branch is None:
        output.say("🔀 BRANCH: none, HEAD is detached")
    elif state.states or main is not None:
        output.say(f"🔀 BRANCH: {seen.branch}")
    if seen.latest is not None and seen.latest.fold.totals.steps and (state.states or main is not None):
        totals = seen.latest.fold.totals
        output.say(f"💰 SO FAR: {counted(totals.steps, 'step')}, {show_cost(totals)}")
    now, limit = seen.now, seen.limit
    if now is not None:
        elapsed = _elapsed(now)
        since = "" if elapsed is None else f", {output.duration(elapsed)}"
        output.say(f"⏳ NOW: {now['action']} {now['task'] or 'MAIN_TASK'} by {now['agent']}{since}")
    elif limit is not None:
        output.say(f"⏸️  LIMIT: waiting for {limit[0]} until {output.moment(limit[1])}")


def _show_main_task(main: MainTask | None, state: WorkflowState, ready: int, other: str | None) -> None:
    """Print MAIN_TASK in the guide's form."""
    if main is None:
        output.say(other or _without_main_task(state, ready))
        return
    signs = {"continue": "▶️ ", "completed": "✅", "blocked": "⛔"}
    output.say(f"{signs[main.status]} STATUS: {main.status.upper()}")
    output.say(f"📋 NEXT: {main.next}")
    if main.task is not None:
        output.say(f"🎯 CURRENT TASK: {main.task}")
    if main.focus is not None:
        output.say(f"💡 FOCUS: {main.focus}")


def _totals(latest: Recent | None) -> dict[str, object] | None:
    if latest is None:
        return None
    totals = latest.fold.totals
    cost = None if totals.cost_usd is None else float(totals.cost_usd)
    return {"steps": totals.steps, "cost_usd": cost, "seconds": float(totals.seconds), "unpriced": totals.unpriced}


def _elapsed(now: Mapping[str, object]) -> float | None:
    started = now["started"]
    return max(0.0, time.time() - started) if isinstance(started, float) else None


def _look(repository: Repository, state: WorkflowState) -> tuple[list[str], list[Waiting], set[str]]:
    """Return the tasks that can run; where none can and the workflow is not over, why; and the tasks with subtasks."""
    if not state.states or (state.main_task is not None and state.main_task.status == "completed"):
        return [], [], set()
    try:
        tasks = read_outlines(repository, state)
    except GitorchError as error:  # the state is known all the same
        output.note(f"note: {error.message}")
        return [], [], set()
    family = planner.family_of(tasks)
    ready = [name for name in sorted(state.states) if planner.can_run(name, state.states, tasks, family)]
    stuck = [] if ready else waiting.reasons(state.states, tasks)
    return ready, stuck, {task.parent for task in tasks.values() if task.parent is not None}


def _without_main_task(state: WorkflowState, ready: int) -> str:
    if not state.states:
        return "nothing to do: gitorch start NAME -d TEXT, or gitorch create NAME"
    if ready:
        return f"no MAIN_TASK yet; {counted(ready, 'task')} can run: gitorch run"
    if planner.is_open(state.states):
        return "no MAIN_TASK yet, and no task is ready"
    return "no MAIN_TASK yet: all tasks are completed"


def _counts(seen: Seen) -> str:
    """Count the tasks by state. No process works on a running task that has subtasks: it is counted by itself."""
    states = seen.state.states
    divided = sum(states.get(name) == "running" for name in seen.parents)
    numbers = [(name, number - divided if name == "running" else number) for name, number in seen.counts.items()]
    parts = [f"{number} {name}" for name, number in (*numbers, ("waiting for subtasks", divided)) if number]
    return f"{len(states)} ({', '.join(parts)})"


def _under_way(repository: Repository) -> dict[str, object] | None:
    """Read what a step in this worktree is doing right now."""
    folder = repository.git_dir / "gitorch"
    if not is_held(folder / "step.lock"):
        return None
    import json  # noqa: PLC0415 - as a rule nothing is under way

    try:
        values = json.loads((folder / "invocation.json").read_text())
        return {key: values[key] for key in ("id", "action", "task", "agent", "attempt", "started")}
    except (OSError, ValueError, KeyError):
        return None
