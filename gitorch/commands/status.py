"""`gitorch status`. It starts few processes and imports little: people and loops call it often."""

from __future__ import annotations

import time
from collections.abc import Mapping

from gitorch import output
from gitorch.core import plan as planner
from gitorch.core import waiting
from gitorch.core.main_task import MainTask
from gitorch.core.names import TASK_STATES, TaskState
from gitorch.core.waiting import Waiting
from gitorch.errors import Exit, GitorchError
from gitorch.git.locks import is_held
from gitorch.git.repository import Repository, open_repository
from gitorch.ledger import elsewhere
from gitorch.ledger.history import Recent, recent
from gitorch.ledger.outlines import read_outlines
from gitorch.ledger.state import WorkflowState, read_state, worktree_difference
from gitorch.loop.limits import show_cost


def run(*, folder: str, as_json: bool) -> int:
    """Show the state."""
    repository = open_repository(folder)
    try:
        state = read_state(repository.objects)
        difference = None if repository.bare else worktree_difference(repository, state)
        ready, stuck = _look(repository, state)
        latest = recent(repository.objects, state.commit) if state.commit is not None else None
        branch = repository.branch()
        other = None if state.states or state.main_task is not None else elsewhere.hint(repository)
    finally:
        repository.close()
    main = state.main_task
    counts = dict.fromkeys(TASK_STATES, 0)
    for each in state.states.values():
        counts[each] += 1
    now = _under_way(repository)
    if as_json:
        status, next_, task, focus = main if main is not None else (None, None, None, None)
        output.document(
            status=status,
            next=next_,
            task=task,
            focus=focus,
            tasks=counts,
            running=now,
            difference=difference,
            ready=ready,
            branch=None if branch is None else branch.removeprefix("refs/heads/"),
            totals=_totals(latest),
            retry_at=_retry_at(latest),
            elapsed=None if now is None else _elapsed(now),
            waiting=[{"task": each.name, "reason": each.reason, "remedy": each.remedy} for each in stuck],
        )
        return Exit.OK
    if difference is not None:
        output.note(f"note: {difference}")
    _show(state, counts, ready, stuck, latest, branch, now, other)
    return Exit.OK


def _show(
    state: WorkflowState,
    counts: Mapping[TaskState, int],
    ready: list[str],
    stuck: list[Waiting],
    latest: Recent | None,
    branch: str | None,
    now: Mapping[str, object] | None,
    other: str | None,
) -> None:
    """Print all of it for people."""
    main = state.main_task
    _tell(main, state, len(ready), other)
    if state.states:
        output.say(f"📊 TASKS: {_counts(state, counts)}")
    if stuck and waiting.is_stuck(stuck):
        output.lines(("🚧 NOTHING CAN RUN:", *(f"   {line}" for line in waiting.lines(stuck))))
    if branch is None:
        output.say("🔀 BRANCH: none, HEAD is detached")
    elif state.states or main is not None:
        output.say(f"🔀 BRANCH: {branch.removeprefix('refs/heads/')}")
    if latest is not None and latest.fold.totals.steps:
        totals = latest.fold.totals
        output.say(f"💰 SO FAR: {output.counted(totals.steps, 'step')}, {show_cost(totals)}")
    if now is not None:
        elapsed = _elapsed(now)
        since = "" if elapsed is None else f", {output.duration(elapsed)}"
        output.say(f"⏳ NOW: {now['action']} {now['task'] or 'MAIN_TASK'} by {now['agent']}{since}")
    until = _retry_at(latest)
    if until is not None and now is None:
        output.say(f"⏸️  LIMIT: waiting until {until}, as the agent asked")


def _tell(main: MainTask | None, state: WorkflowState, ready: int, other: str | None) -> None:
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


def _retry_at(latest: Recent | None) -> str | None:
    """Return until when the last agent's limit holds, None where it is over."""
    until = latest.last.retry_at if latest is not None and latest.last is not None and not latest.by_hand else None
    return until if until is not None and until > time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()) else None


def _elapsed(now: Mapping[str, object]) -> float | None:
    started = now["started"]
    return max(0.0, time.time() - started) if isinstance(started, float) else None


def _look(repository: Repository, state: WorkflowState) -> tuple[list[str], list[Waiting]]:
    """List the tasks that can run, by name; where there are none and the workflow is not over, why each cannot."""
    if not state.states or (state.main_task is not None and state.main_task.status == "completed"):
        return [], []
    try:
        tasks = read_outlines(repository, state)
    except GitorchError as error:  # the state is known all the same
        output.note(f"note: {error.message}")
        return [], []
    family = planner.family_of(tasks)
    ready = [name for name in sorted(state.states) if planner.can_run(name, state.states, tasks, family)]
    return ready, [] if ready else waiting.reasons(state.states, tasks)


def _without_main_task(state: WorkflowState, ready: int) -> str:
    if not state.states:
        return "nothing to do: gitorch start NAME -d TEXT, or gitorch create NAME"
    if ready:
        return f"no MAIN_TASK yet: {ready} {'task' if ready == 1 else 'tasks'} ready; gitorch run does them"
    if planner.is_open(state.states):
        return "no MAIN_TASK yet, and no task is ready"
    return "no MAIN_TASK yet: all tasks are completed"


def _counts(state: WorkflowState, counts: Mapping[TaskState, int]) -> str:
    """Count the tasks by state; `running` is what has begun, which may wait for its subtasks."""
    words = {"running": "begun"}
    parts = [f"{number} {words.get(name, name)}" for name, number in counts.items() if number]
    return f"{len(state.states)} ({', '.join(parts)})"


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
