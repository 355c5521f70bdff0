"""Tasks of one's own: they need no `start`, each gets its own NEXT, and where none can run it says why."""

from __future__ import annotations

import pytest

import gitorch
from gitorch.core.record import Totals
from gitorch.ledger.history import recent
from gitorch.loop.edit import NewTask
from tests.sandbox import Sandbox

WORK = 'echo "$GITORCH_TASK" > "$GITORCH_TASK.txt"; echo done'
SEEN = 'cp "$GITORCH_PROMPT_FILE" "$GITORCH_TASK_DIR/seen"; echo done'


@pytest.fixture
def two(sandbox: Sandbox) -> Sandbox:
    """Create `a`, and `b` that needs it, and nothing else."""
    with gitorch.open(sandbox.root) as workflow:
        workflow.create(NewTask("a", "Do a."))
        workflow.create(NewTask("b", "Do b.", needs=("a",)))
    return sandbox


def is_valid(sandbox: Sandbox) -> bool:
    assert sandbox("verify", "--json").json["problems"] == []
    return sandbox.decoys_untouched()


@pytest.mark.thorough
def test_they_run_without_a_start(two: Sandbox) -> None:
    assert "no MAIN_TASK yet; 1 task can run: gitorch run" in two("status").out
    done = two("run", "--agent-command", WORK)
    assert done.out.splitlines()[-1].startswith("completed: All tasks completed  [2 steps")
    assert two.states() == {"a": "completed", "b": "completed"}
    first = two.git("log", "--format=%B", "HEAD~3", "-1")
    assert "Gitorch-Event: begin\nGitorch-Status: continue\nGitorch-Next: Execute a task\nGitorch-Task: a\n" in first
    assert is_valid(two)


@pytest.mark.thorough
def test_the_first_step_may_be_a_decomposition(sandbox: Sandbox) -> None:
    sandbox("create", "big")
    path = ".tasks/[pending]_big_task.md"
    sandbox.commit(**{path: sandbox.read(path).replace("---\n", "---\ntemplate: research\n", 1)})
    assert sandbox("step", "--agent", "local", "--json").json["action"] == "decompose"
    assert "TASK: big-data-gathering" in sandbox.main_task()
    assert [each["task"] for each in sandbox("audit", "--json").json["invocations"]][-1] == "big"
    assert is_valid(sandbox)


@pytest.mark.thorough
def test_sums_and_limits_count_from_the_first_step(two: Sandbox) -> None:
    two("run", "--agent-command", WORK, "--max-steps", "1", code=30)
    two("run", "--agent-command", WORK, "--max-steps", "2", code=None)
    two.git("rm", "-q", ".tasks/MAIN_TASK")
    two.git("commit", "-q", "-m", "begin anew")
    two("adopt", "--yes")
    two("create", "c")
    with gitorch.open(two.root) as workflow:
        assert recent(workflow.repository.objects).fold.totals.steps == 2
    two("run", "--agent-command", WORK, "--max-steps", "1", code=None)
    assert two.states()["c"] == "completed"
    with gitorch.open(two.root) as workflow:
        totals: Totals = recent(workflow.repository.objects).fold.totals
    assert (totals.steps, totals.unpriced) == (1, 1)
    assert is_valid(two)


@pytest.mark.thorough
def test_a_failed_first_attempt_keeps_main_task(two: Sandbox) -> None:
    two("step", "--agent-command", "echo no >&2; exit 1")
    assert two.main_task() == "STATUS: continue\nNEXT: Execute a task\nTASK: a\n"
    assert two.states() == {"a": "pending", "b": "pending"}
    assert is_valid(two)


def test_without_any_task_it_says_how_to_begin(sandbox: Sandbox) -> None:
    for command in ("step", "run"):
        refused = sandbox(command, code=1)
        assert "error: nothing to do: there is no task yet\n" in refused.err
        assert "hint: gitorch start NAME -d TEXT, or gitorch create NAME\n" in refused.err
    assert sandbox("status").out == "nothing to do: gitorch start NAME -d TEXT, or gitorch create NAME\n"


@pytest.mark.thorough
def test_the_sentence_for_a_task_is_there_when_its_turn_comes(two: Sandbox) -> None:
    said = two("update", "continue", "Use PostgreSQL for b", "--task", "b", "--focus", "Only the storage")
    assert said.err == "note: b cannot run now: it waits for a (pending)\n"
    main_task = two.main_task()
    shown = two("prompt").out
    two("step", "--agent-command", SEEN)
    assert two.read(".tasks/a/seen") == shown
    assert "NEXT: Execute a task\nTASK: a\n" in shown
    assert "PostgreSQL" not in shown
    assert "Only the storage" not in shown
    assert two.main_task() == main_task
    shown = two("prompt").out
    two("step", "--agent-command", SEEN, code=10)
    assert two.read(".tasks/b/seen") == shown
    assert "NEXT: Use PostgreSQL for b\nFOCUS: Only the storage\nTASK: b\n" in shown
    assert is_valid(two)


@pytest.mark.thorough
def test_it_is_there_too_after_another_task_has_asked_a_question(two: Sandbox) -> None:
    two("update", "continue", "Use PostgreSQL for b", "--task", "b")
    two("step", "--agent-command", "gitorch move a blocked --reason 'Which port?'", code=20)
    assert "NEXT: Answer: Which port?" in two.main_task()
    two("answer", "5432")
    assert two.main_task() == "STATUS: continue\nNEXT: Use PostgreSQL for b\nTASK: b\n"
    assert "answer to the question asked before: 5432" in two("prompt").out
    assert is_valid(two)


@pytest.mark.thorough
def test_what_another_agent_proposes_does_not_replace_it(two: Sandbox) -> None:
    two("update", "continue", "Use PostgreSQL for b", "--task", "b")
    two("step", "--agent-command", f"gitorch update continue 'Go on'; {WORK}")
    assert "NEXT: Use PostgreSQL for b" in two.main_task()


@pytest.mark.thorough
def test_where_none_can_run_every_task_has_its_reason(two: Sandbox) -> None:
    path = ".tasks/[pending]_b_task.md"
    two("create", "alpha", "--needs", "a")
    two.commit(**{path: two.read(path).replace("- a\n", "- alpah\n")})
    for state in ("running", "failed"):
        two("move", "a", state)
    why = (
        "nothing can run:\n"
        "  a failed  (gitorch retry a, or gitorch skip a)\n"
        "  b needs alpah, and there is no such task; did you mean alpha?  (gitorch edit b)\n"
        "  alpha waits for a (failed)\n"
    )
    assert why in two("step", "--agent-command", WORK, code=20).err
    assert why in two("run", "--agent-command", WORK, code=20).err
    shown = two("status")
    assert "🚧 NOTHING CAN RUN:\n   a failed  (gitorch retry a" in shown.out
    assert {each["task"] for each in two("status", "--json").json["waiting"]} == {"a", "b", "alpha"}
    found = {each["what"]: each["hint"] for each in two("doctor", "--json", code=1).json["findings"]}
    assert found["nothing can run: a failed"] == "gitorch retry a, or gitorch skip a"
    assert found[f"{path}: needs: there is no task alpah; did you mean alpha?"] == "fix it: gitorch edit b"


@pytest.mark.thorough
def test_a_check_tells_its_agent_and_the_user_why(two: Sandbox) -> None:
    two("move", "a", "running")
    two("update", "continue", "Go on")
    assert "No task can run:\n  a is running\n  b waits for a (running)\n" in two("prompt").out
    asked = two("step", "--agent", "local", code=20)
    assert "a is running  (when it is done: gitorch move a completed)" in asked.err
    assert "Nothing can run: a is running; b waits for a (running). Which task should be" in asked.out


@pytest.mark.thorough
def test_a_question_of_an_agent_is_answered_not_explained(two: Sandbox) -> None:
    asked = two("run", "--agent-command", "gitorch update blocked 'Which colour?'; echo done", code=20)
    assert "cannot run" not in asked.err
    assert "answer it: gitorch answer 'TEXT'" in asked.err


@pytest.mark.thorough
def test_a_task_in_work_is_no_standstill(two: Sandbox) -> None:
    two("begin", "--json")
    assert "NOTHING CAN RUN" not in two("status").out
    assert "nothing can run" not in two("doctor", code=None).out
