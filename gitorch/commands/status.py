"""`gitorch status`. It starts few processes and imports little: people and loops call it often."""

from __future__ import annotations

from collections.abc import Mapping

from gitorch import output
from gitorch.core import plan as planner
from gitorch.core import waiting
from gitorch.core.names import TASK_STATES, TaskState
from gitorch.core.waiting import Waiting
from gitorch.errors import Exit, GitorchError
from gitorch.git.locks import is_held
from gitorch.git.repository import Repository, open_repository
from gitorch.ledger.outlines import read_outlines
from gitorch.ledger.state import WorkflowState, read_state, worktree_difference


def run(*, folder: str, as_json: bool) -> int:
    """Show the state."""
    repository = open_repository(folder)
    try:
        state = read_state(repository.objects)
        difference = None if repository.bare else worktree_difference(repository, state)
        ready, stuck = _look(repository, state)
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
            waiting=[{"task": each.name, "reason": each.reason, "remedy": each.remedy} for each in stuck],
        )
        return Exit.OK
    if difference is not None:
        output.note(f"note: {difference}")
    if main is None:
        output.say(_without_main_task(state, len(ready)))
    else:
        signs = {"continue": "▶️ ", "completed": "✅", "blocked": "⛔"}
        output.say(f"{signs[main.status]} STATUS: {main.status.upper()}")
        output.say(f"📋 NEXT: {main.next}")
        if main.task is not None:
            output.say(f"🎯 CURRENT TASK: {main.task}")
        if main.focus is not None:
            output.say(f"💡 FOCUS: {main.focus}")
    if state.states:
        output.say(f"📊 TASKS: {_counts(state, counts)}")
    if stuck and waiting.is_stuck(stuck):
        output.lines(("🚧 NOTHING CAN RUN:", *(f"   {line}" for line in waiting.lines(stuck))))
    if now is not None:
        output.say(f"⏳ NOW: {now['action']} {now['task'] or 'MAIN_TASK'} by {now['agent']}")
    return Exit.OK


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
    parts = [f"{number} {name}" for name, number in counts.items() if number]
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
