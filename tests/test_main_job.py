"""The main job: a workflow from `start` to `completed`, by the installed program."""

from __future__ import annotations

import pytest

from tests.sandbox import Sandbox


@pytest.mark.thorough
def test_a_workflow_runs_to_its_end_by_itself(sandbox: Sandbox) -> None:
    sandbox.commit("notes", **{"notes.md": "The market of semiconductors for AI grows.\n"})
    sandbox.program("start", "semiconductor-research", "-d", "Analyze semiconductor industry AI chip market")
    codes = []
    while (done := sandbox("step", code=None)).code == 0:
        codes.append(done.code)
        assert len(codes) < 10
    assert done.code == 10
    assert sandbox.main_task().startswith("STATUS: completed\n")
    assert set(sandbox.states().values()) == {"completed"}
    events = sandbox.git("log", "--reverse", "--format=%(trailers:key=Gitorch-Event,valueonly,separator=)").split()
    assert events == ["start", "decompose", "begin", "end", "begin", "end", "begin", "end"]
    for output in ("data-gathering/sources.md", "analysis/analysis.md", "synthesis/report.md"):
        assert sandbox.read(f".tasks/semiconductor-research-{output}")
    assert sandbox("step", code=10).out
    assert sandbox("verify", "--json").json["ok"]
    assert sandbox.status() == ""
    assert sandbox.decoys_untouched()


def test_the_guides_example_done_by_hand(sandbox: Sandbox) -> None:
    name = "semiconductor-research"
    sandbox.program("create", name, "--description", "Analyze semiconductor industry AI chip market")
    sandbox.program("update", "continue", "Decompose semiconductor-research task", "--task", name)
    assert sandbox("status", "--json").json["next"] == "Decompose semiconductor-research task"
    made = sandbox.program("decompose", name, "--auto").out.split()
    assert made == [f"[pending]_{name}-{part}_task.md" for part in ("data-gathering", "analysis", "synthesis")]
    sandbox.program(
        *("update", "continue", "Execute data-gathering subtask", "--task", f"{name}-data-gathering"),
        *("--focus", "Focus on Q4 2024 data"),
    )
    assert sandbox.main_task() == (
        "STATUS: continue\nNEXT: Execute data-gathering subtask\n"
        f"TASK: {name}-data-gathering\nFOCUS: Focus on Q4 2024 data\n"
    )
    for part in ("data-gathering", "analysis", "synthesis"):
        sandbox.program("move", f"{name}-{part}", "running")
        sandbox.write(f".tasks/{name}-{part}/notes.md", f"notes on {part}\n")
        sandbox.program("move", f"{name}-{part}", "completed")
    sandbox.program("update", "completed", "All research completed")
    assert sandbox.main_task() == "STATUS: completed\nNEXT: All research completed\n"
    assert set(sandbox.states().values()) == {"completed"}
    assert sandbox.git("show", f"HEAD:.tasks/{name}-analysis/notes.md") == "notes on analysis\n"
    story = sandbox.git("log", "--reverse", "--format=%(trailers:key=Gitorch-State,valueonly)").split("\n")
    assert [line for line in story if line.startswith(f"{name}: ")] == [
        f"{name}: none -> pending",
        f"{name}: pending -> running",
        f"{name}: running -> completed",
    ]
    assert sandbox("verify", "--json").json["ok"]
    assert sandbox.decoys_untouched()
