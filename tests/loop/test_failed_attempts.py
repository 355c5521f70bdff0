"""A failed attempt costs nothing but itself: all is as it was, what it made is kept, and the next one knows why."""

from __future__ import annotations

import shutil

import pytest

from gitorch.guard import restore
from tests.loop.bench import LINES, Bench

MESS = "echo junk > junk.txt; echo spoilt >> a.txt; rm b.txt; git mv doc papers; git add -A; git commit -qm mine; "


def _dirty(bench: Bench) -> None:
    bench.write("a.txt", LINES + "mine\n")
    bench.git("add", "a.txt")
    bench.write("a.txt", LINES + "mine, and more\n")
    bench.write("mine.txt", "untracked\n")


def _task(bench: Bench, **keys: str) -> None:
    """Give the task front matter, as a person would, and allow its commands."""
    path = ".tasks/[pending]_t_task.md"
    text = bench.read(path).replace("---\n", "---\n" + "".join(f"{key}: {value}\n" for key, value in keys.items()), 1)
    bench.commit("the task's keys", **{path: text})
    bench("trust", "t", "--yes")


@pytest.mark.parametrize(
    ("keys", "ending", "outcome", "reason"),
    [
        ({}, "echo it broke >&2; exit 3", "failed", "exit 3: it broke"),
        ({}, "kill -SEGV $$", "failed", "exit -11"),
        ({"outputs": "[out.md]"}, "true", "rejected", "output out.md is missing"),
        ({"outputs": "[out.md]"}, "mkdir -p $GITORCH_TASK_DIR; : > $GITORCH_TASK_DIR/out.md", "rejected", "is empty"),
        ({"check": "['grep -q good result.txt']"}, "echo bad > result.txt", "rejected", "check failed with exit 1"),
        ({"check": "['echo no; kill -9 $$']"}, "true", "rejected", "check failed"),
        ({"timeout": "1s"}, "sleep 600", "timeout", "time limit"),
        ({}, "gitorch move t failed --reason 'could not'", "failed", "could not"),
        ({}, """printf '{"outcome": "failed", "summary": "no luck"}' > $GITORCH_RESULT""", "failed", "no luck"),
        ({}, "printf '{{{' > $GITORCH_RESULT", "rejected", "no JSON"),
    ],
)
@pytest.mark.thorough
def test_all_is_put_back_and_the_next_attempt_knows_why(
    bench: Bench, keys: dict[str, str], ending: str, outcome: str, reason: str
) -> None:
    if keys:
        _task(bench, **keys)
    _dirty(bench)
    before, head = bench.everything(), bench.head()
    bench.step(MESS + ending)
    assert bench.is_put_back(before, head)
    trailers = bench.trailers()
    assert trailers["Gitorch-Outcome"] == outcome
    assert reason in trailers["Gitorch-Reason"]
    assert bench.states() == {"t": "pending", "u": "pending"}
    kept = trailers["Gitorch-Rescue"]
    assert kept == f"refs/gitorch/rescue/{trailers['Gitorch-Invocation']}"
    assert bench.committed("junk.txt", kept) == "junk\n"
    assert "mine" not in bench.git("log", "--format=%s").split()
    prompt = bench("prompt").out
    assert "attempt 2" in prompt
    assert reason in prompt
    assert bench.is_sound()


def test_an_agent_that_neither_does_nor_says_anything_has_not_completed(bench: Bench) -> None:
    bench.step("true")
    assert bench.trailers()["Gitorch-Outcome"] == "failed"


@pytest.mark.thorough
def test_after_the_last_attempt_the_workflow_waits_for_an_answer(bench: Bench) -> None:
    failing = ("step", "--stop-on-failure", "--agent-command", MESS + "exit 1")
    codes = [bench(*failing, code=None).code for _ in range(3)]
    assert codes == [0, 0, 20]
    assert bench.states()["t"] == "failed"
    assert bench.main_task().startswith("STATUS: blocked\n")
    assert bench.step("true", code=20).code == 20
    bench("answer", "Use the other tool.")
    assert bench.states()["t"] == "pending"
    assert "Use the other tool." in bench("prompt").out
    bench.step('grep -q "Use the other tool." && echo fine > done.txt')
    assert bench.states()["t"] == "completed"
    assert bench.is_sound()


@pytest.mark.thorough
def test_a_question_blocks_the_workflow_and_keeps_the_work(bench: Bench) -> None:
    ran = bench.step("echo half > half.txt; gitorch move t blocked --reason 'Which year?'", code=20)
    assert "Which year?" in ran.out
    assert bench.trailers()["Gitorch-Question"] == "Which year?"
    assert bench.committed("half.txt") == "half\n"
    bench("answer", "2024")
    assert "2024" in bench("prompt").out
    assert bench.is_sound()


@pytest.mark.thorough
def test_asked_to_try_again_later_it_is_no_attempt(bench: Bench) -> None:
    before, head = bench.everything(), bench.head()
    ran = bench.step(MESS + "echo rate limit reached >&2; exit 75", code=75)
    assert bench.is_put_back(before, head)
    trailers = bench.trailers()
    assert trailers["Gitorch-Outcome"] == "rate-limited"
    assert "Gitorch-Retry-At" in trailers
    assert bench.step("echo too early", code=75).out != ran.out
    assert bench.events()[-1] == "end"
    assert "attempt 2" not in bench("prompt").out
    assert bench.is_sound()


@pytest.mark.thorough
def test_leftovers_of_several_attempts_are_kept_apart(bench: Bench) -> None:
    for word in ("one", "two"):
        bench.step(f"echo {word} > junk.txt; exit 1")
    kept = bench.git("log", "--format=%(trailers:key=Gitorch-Rescue,valueonly,separator=)").split()
    assert [bench.committed("junk.txt", ref) for ref in kept] == ["two\n", "one\n"]


@pytest.mark.thorough
def test_a_branch_that_cannot_be_moved_leaves_no_ref_of_ours(bench: Bench) -> None:
    head, log = bench.head(), bench.root / ".git/logs/refs/heads/main"
    log.unlink()
    bench.write(".git/logs/refs/heads/main/in the way", "git finds out when it moves the branch")
    done = bench.step("echo done", code=1)
    assert "error: " in done.err
    assert str(bench.root) in done.err
    assert bench.head() == head
    assert bench.git("for-each-ref", "refs/gitorch") == ""
    shutil.rmtree(log)
    bench.step("exit 1")
    begin = bench.git("log", "-1", "--format=%B", "HEAD~1").strip()  # one that never began, as a full disk leaves it
    never = bench.git("commit-tree", "-p", "HEAD", "-m", begin, "HEAD^{tree}").strip()
    bench.git("update-ref", restore.anchor_ref("0" * 32), never)
    bench.step("echo done")
    assert bench.git("for-each-ref", "refs/gitorch") == ""
    assert bench.is_sound()
