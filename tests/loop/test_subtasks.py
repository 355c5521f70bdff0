"""Decomposition by an agent: checked like a template's file, applied in one commit or refused with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.loop.fake import fake, says
from tests.sandbox import Sandbox

GOOD = """\
name: moon-base
description: by trade
subtasks:
  - {name: survey, kind: gather, description: Look at the site., outputs: [site.md]}
  - {name: build, description: "Build {task}.", needs: [survey]}
  - {name: plans, template: research, description: Find out about plans.}
"""
WRITE = "cat > .tasks/moon-base/subtasks.yaml <<'YAML'\n%s\nYAML\n"


@pytest.fixture
def moon(sandbox: Sandbox) -> Sandbox:
    sandbox.commit("one", **{"a.txt": "a\n"})
    sandbox("start", "moon-base", "-d", "Build a base on the moon")
    return sandbox


def agent(home: Path, yaml: str, more: str = "decomposes: true") -> tuple[str, str]:
    return fake(home, WRITE % yaml + says(text="Cut by trade.", cost=0.1), more)


@pytest.mark.thorough
def test_the_agent_is_asked_where_no_template_fits(moon: Sandbox, sealed: Path) -> None:
    chosen = agent(sealed, GOOD)
    moon.git("config", "gitorch.agent", "fake")
    prompt = moon("prompt").out
    assert "ACTION: decompose" in prompt
    assert "Write .tasks/moon-base/subtasks.yaml" in prompt
    assert "Build a base on the moon" in prompt
    done = moon("step", *chosen)
    assert "decompose moon-base by fake: completed" in done.out
    assert moon.states() == {
        "moon-base": "running",
        "moon-base-survey": "pending",
        "moon-base-build": "pending",
        "moon-base-plans": "pending",
    }
    subjects = moon.git("log", "-2", "--format=%s").splitlines()
    assert subjects == ["gitorch(moon-base): decompose into 3 subtasks", "gitorch(moon-base): begin decompose"]
    changed = moon.git("-c", "core.quotePath=false", "show", "--format=", "--name-only", "HEAD").splitlines()
    assert changed == [
        ".tasks/MAIN_TASK",
        ".tasks/[pending]_moon-base-build_task.md",
        ".tasks/[pending]_moon-base-plans_task.md",
        ".tasks/[pending]_moon-base-survey_task.md",
        ".tasks/moon-base/subtasks.yaml",
    ]
    assert moon.main_task() == ("STATUS: continue\nNEXT: Gather moon-base-survey subtask\nTASK: moon-base-survey\n")
    assert "Build moon-base." in moon.read(".tasks/[pending]_moon-base-build_task.md")
    assert moon("verify").code == 0
    moon(
        "run",
        "--agent-command",
        'mkdir -p "$GITORCH_TASK_DIR"; for f in site sources analysis report; do'
        ' echo x > "$GITORCH_TASK_DIR/$f.md"; done',
    )
    assert set(moon.states().values()) == {"completed"}
    assert moon("verify").code == 0
    assert moon.decoys_untouched()


@pytest.mark.parametrize(
    ("yaml", "reason"),
    [
        ("name: x", "description: is missing"),
        ("{", "subtasks.yaml:"),
        (GOOD.replace("needs: [survey]", "needs: [nothing]"), "'nothing' is no subtask here"),
        (GOOD.replace("name: survey", "name: Survey"), "name: 'Survey'"),
        (GOOD.replace("template: research", "template: none-such"), "'none-such' is unknown"),
        (GOOD.replace("outputs: [site.md]", "outputs: [../../x]"), "it leaves the task's folder"),
        (
            GOOD.replace("kind: gather, description", "run: make all, description"),
            "run: leave it out: that is for the user to say",
        ),
        (GOOD + "extra: 1\n", "extra: unknown key"),
    ],
)
@pytest.mark.thorough
def test_with_a_fault_it_is_refused_and_the_next_attempt_is_told(
    moon: Sandbox, sealed: Path, yaml: str, reason: str
) -> None:
    states, status = moon.states(), moon.status()
    done = moon("step", *agent(sealed, yaml))
    assert reason in done.out
    assert moon.states() == states
    assert moon.status() == status
    assert not (moon.root / ".tasks/moon-base/subtasks.yaml").exists()
    moon.git("config", "gitorch.agent", "fake")
    assert reason[:30] in moon("prompt").out
    assert moon("verify").code == 0
    moon("step", *agent(sealed, GOOD))
    assert len(moon.states()) == 4
    assert moon("verify").code == 0


@pytest.mark.thorough
def test_nothing_or_a_link_in_its_place_is_refused(moon: Sandbox, sealed: Path) -> None:
    assert "subtasks.yaml is missing" in moon("step", *fake(sealed, says(text="I did not."))).out
    moon.write("elsewhere.yaml", GOOD)
    link = "ln -s ../../elsewhere.yaml .tasks/moon-base/subtasks.yaml\n"
    assert "no plain file" in moon("step", *fake(sealed, link + says(text="ok"))).out
    assert moon.states() == {"moon-base": "pending"}


@pytest.mark.thorough
def test_a_name_that_is_taken_is_refused(moon: Sandbox, sealed: Path) -> None:
    moon("create", "moon-base-survey")
    moon("update", "continue", "Decompose moon-base", "--task", "moon-base")
    assert "there is a task moon-base-survey already" in moon("step", *agent(sealed, GOOD)).out
    assert moon.states() == {"moon-base": "pending", "moon-base-survey": "pending"}


def test_a_template_that_fits_and_an_agent_that_cannot_are_left_to_templates(moon: Sandbox, sealed: Path) -> None:
    moon("step", *agent(sealed, GOOD, more=""))
    assert "moon-base-data-gathering" in moon.states()
    assert "begin" not in moon.git("log", "--format=%s")
