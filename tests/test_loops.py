"""The loops of docs/loops.md, run as they stand there."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import yaml

from tests.sandbox import Ran, Sandbox, run

PAGE = (Path(__file__).parents[1] / "docs/loops.md").read_text(encoding="utf-8")
AGENT = 'cat > /dev/null; for f in sources analysis report; do echo x > "$GITORCH_TASK_DIR/$f.md"; done; echo Done so.'


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def shell(sandbox: Sandbox, script: str, *args: str, env: dict[str, str] | None = None) -> Ran:
    done = run("bash", "-c", script, "bash", *args, cwd=sandbox.root, env=env)
    assert done.code == 0, done.out + done.err
    return done


@pytest.fixture
def review(sandbox: Sandbox) -> Sandbox:
    sandbox.commit("one", **{"src/gauge.py": "print('gauge')\n"})
    sandbox("start", "gauge-review", "-d", "Which readings are thrown away?")
    return sandbox


def is_done(sandbox: Sandbox) -> bool:
    assert set(sandbox.states().values()) == {"completed"}
    assert sandbox.main_task().startswith("STATUS: completed\n")
    assert sandbox("verify").code == 0
    assert sandbox.decoys_untouched()
    return True


@pytest.mark.thorough
def test_the_simplest(review: Sandbox) -> None:
    done = run("bash", "-c", blocks("sh")[0], cwd=review.root)
    assert done.out.count("next: ") == 4
    assert is_done(review)


@pytest.mark.thorough
def test_by_hand(review: Sandbox) -> None:
    both, plain = blocks("sh")[1:3]
    assert "✓ gather gauge-review-data-gathering by local: completed" in shell(review, f"set -e\n{both}").out
    before = len(review.git("log", "--format=%h").split())
    shell(review, f"set -e\n{plain}")
    assert len(review.git("log", "--format=%h").split()) == before + 3
    assert review.states()["gauge-review-analysis"] == "completed"
    assert review("verify").code == 0


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
@pytest.mark.thorough
def test_in_the_shell(review: Sandbox) -> None:
    (script,) = blocks("bash")
    done = shell(review, script, "sh", "-c", AGENT)
    assert "✅ STATUS: COMPLETED" in done.out
    assert "Done so." in review.git("log", "-1", "--format=%b")
    assert is_done(review)


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
@pytest.mark.thorough
def test_in_the_shell_with_an_agent_that_fails_once_and_asks_once(review: Sandbox, tmp_path: Path) -> None:
    (script,) = blocks("bash")
    odd = (
        f"case $GITORCH_TASK in *gathering) [ -e {tmp_path}/f ] || {{ touch {tmp_path}/f; exit 3; }} ;;"
        f" *analysis) [ -e {tmp_path}/b ] || {{ touch {tmp_path}/b;"
        f' gitorch move "$GITORCH_TASK" blocked --reason "Which one?"; exit 0; }} ;; esac; {AGENT}'
    )
    done = shell(review, script, "sh", "-c", odd)
    assert "⛔ STATUS: BLOCKED" in done.out
    review("answer", "The first")
    shell(review, script, "sh", "-c", odd)
    outcomes = review.git("log", "--reverse", "--format=%(trailers:key=Gitorch-Outcome,valueonly,separator=)").split()
    assert outcomes == ["failed", "completed", "blocked", "completed", "completed"]
    assert is_done(review)


def test_in_python(review: Sandbox) -> None:
    (script,) = blocks("python")
    python = shutil.which("python3") or "python3"
    done = run(python, "-c", script, cwd=review.root)
    assert done.out.splitlines()[-1] == "completed", done.err
    assert "Gitorch-Model: some-model" in review.git("log", "-1", "--format=%b")
    assert is_done(review)


@pytest.mark.thorough
def test_in_ci_one_step_for_each_job(review: Sandbox, tmp_path: Path) -> None:
    (text,) = blocks("yaml")
    steps = {step.get("name"): step for step in yaml.safe_load(text)["jobs"]["step"]["steps"]}
    origin = tmp_path / "origin.git"
    run("git", "clone", "-q", "--bare", str(review.root), str(origin), cwd=tmp_path)
    env = {key: value for key, value in steps["Step"]["env"].items() if "secrets." not in value}
    script = steps["Step"]["run"].replace("--agent claude", "--agent local")
    assert script != steps["Step"]["run"]
    jobs = 0
    code = "0"
    while code == "0":
        jobs += 1
        clone = tmp_path / f"job{jobs}"
        run("git", "clone", "-q", str(origin), str(clone), cwd=tmp_path)
        told = tmp_path / f"output{jobs}"
        shell(Sandbox(clone), script, env={**env, "GITHUB_OUTPUT": str(told)})
        code = told.read_text().strip().removeprefix("code=")
    assert (jobs, code) == (4, "10")
    review.git("pull", "-q", str(origin), "main")
    assert is_done(review)
    assert "gitorch@example.com" in review.git("log", "-1", "--format=%ae")
