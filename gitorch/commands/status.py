"""`gitorch status`. It starts few processes and imports little: people and loops call it often."""

from __future__ import annotations

from collections.abc import Mapping

from gitorch import output
from gitorch.core.names import TASK_STATES, TaskState
from gitorch.errors import Exit
from gitorch.git.locks import is_held
from gitorch.git.repository import Repository, open_repository
from gitorch.ledger.state import WorkflowState, read_state, worktree_difference


def run(*, folder: str, as_json: bool) -> int:
    """Show the state."""
    repository = open_repository(folder)
    try:
        state = read_state(repository.objects)
        difference = None if repository.bare else worktree_difference(repository, state)
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
            status=status, next=next_, task=task, focus=focus, tasks=counts, running=now, difference=difference
        )
        return Exit.OK
    if difference is not None:
        output.note(f"note: {difference}")
    if main is None:
        output.say("There is no workflow here yet. Begin one: gitorch start NAME -d 'what is wanted'")
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
    if now is not None:
        output.say(f"⏳ NOW: {now['action']} {now['task'] or 'MAIN_TASK'} by {now['agent']}")
    return Exit.OK


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
