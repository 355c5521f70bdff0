"""An invocation is cut off, and HEAD is not where it was: its agent went elsewhere, or a person did since."""

from __future__ import annotations

import pytest

import gitorch
from gitorch.agents.report import Report
from gitorch.ledger.history import recent
from tests.loop.bench import Bench


@pytest.fixture
def dirty(bench: Bench) -> Bench:
    """Give a workflow with uncommitted work, and a branch from before it."""
    bench.git("branch", "old", "HEAD~2")
    bench.write("a.txt", "mine\n")
    bench.write("secret.txt", "secret\n")
    return bench


def _cut(bench: Bench, agent: str) -> None:
    bench.step(f"{agent}; kill -9 $PPID", code=None)


@pytest.mark.parametrize(
    "agent",
    [
        pytest.param("git add -A; git commit -q --amend -m x", id="it amends"),
        pytest.param("git reset -q --hard old", id="it resets the branch"),
        pytest.param("git stash -q; git checkout -q old", id="it goes to another branch"),
        pytest.param("git checkout -q --orphan z; git commit -qam z", id="it makes another root"),
        pytest.param("git checkout -q --detach old -f", id="it detaches HEAD"),
        pytest.param("git update-ref HEAD old; git reset -q --hard", id="it moves the ref itself"),
        pytest.param("git symbolic-ref HEAD refs/heads/old; git reset -q --hard", id="it moves HEAD itself"),
        pytest.param("git branch -qm gone; git checkout -q old -f", id="it renames the branch"),
        pytest.param("git reset -q --hard old; git branch -qm gone", id="it resets, and renames"),
        pytest.param("git reset -q --hard old; git checkout -q --orphan x", id="it resets, and goes where nothing is"),
    ],
)
@pytest.mark.thorough
def test_where_its_agent_has_gone_all_is_put_back(dirty: Bench, agent: str) -> None:
    before = dirty.photo()
    _cut(dirty, agent)
    done = dirty.step("echo done > done.txt")
    assert "recovered an invocation that was cut off: t" in done.out + done.err
    assert dirty.events()[-3:] == ["recover", "begin", "end"]
    assert dirty.git("symbolic-ref", "--short", "HEAD") == "main\n"
    assert dirty.photo(without=["done.txt"]) == before
    assert "secret.txt" not in dirty.git("log", "--format=", "--name-only", "main")
    assert dirty.is_sound()


@pytest.mark.thorough
def test_a_workflow_cannot_be_started_before_it_is_closed(dirty: Bench) -> None:
    before = dirty.photo()
    _cut(dirty, "git reset -q --hard old")
    refused = dirty("start", "w", "-d", "x", code=1)
    assert "was cut off" in refused.err
    dirty.step("echo done > done.txt")
    assert dirty.photo(without=["done.txt"]) == before


@pytest.mark.thorough
def test_a_person_who_went_to_another_branch_is_sent_back(dirty: Bench) -> None:
    dirty.git("checkout", "-q", "a.txt")
    _cut(dirty, "echo half > half.txt")
    dirty.git("switch", "-q", "old")
    refused = dirty.step("echo done > done.txt", code=1)
    assert "an invocation was cut off on branch main: t" in refused.err
    assert dirty.read("half.txt") == "half\n"
    dirty.git("switch", "-q", "main")
    dirty.step("echo done > done.txt")
    assert dirty.events()[-3:] == ["recover", "begin", "end"]
    assert not (dirty.root / "half.txt").exists()


@pytest.mark.thorough
def test_a_person_who_took_it_off_the_branch_finds_the_snapshot(dirty: Bench) -> None:
    _cut(dirty, "echo half > half.txt")
    dirty.git("reset", "-q", "--hard", "HEAD~1")
    done = dirty.step("echo done > done.txt")
    ref = dirty.git("for-each-ref", "--format=%(refname)", "refs/gitorch").strip()
    assert f"your files before it are under {ref}" in done.out + done.err
    assert dirty.git("show", f"{ref}:a.txt") == "mine\n"
    with gitorch.open(dirty.root) as workflow:
        assert workflow.verify().problems == []


@pytest.mark.thorough
def test_one_that_had_ended_is_forgotten(dirty: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gitorch.loop.invocation.clear", lambda *_: None)
    with gitorch.open(dirty.root) as workflow:
        workflow.step(agent=lambda _: Report(outcome="completed", summary="done"))
    monkeypatch.undo()
    dirty.git("stash", "-qu")
    dirty.git("switch", "-q", "old")
    assert (dirty.root / ".git/gitorch/invocation.json").exists()
    dirty.step("true", code=None)
    assert not (dirty.root / ".git/gitorch/invocation.json").exists()
    assert dirty.git("for-each-ref", "refs/gitorch") == ""


@pytest.mark.parametrize("killed", [True, False])
@pytest.mark.thorough
def test_what_a_person_commits_on_the_branch_meanwhile_stays(dirty: Bench, *, killed: bool) -> None:
    before = dirty.photo()
    there = dirty.root.parent / "there"
    stray = "echo x > x.txt; git add x.txt; git commit -qm own; git checkout -q -b other HEAD~1"
    commit = f"git worktree add -q -f {there} main; git -C {there} commit -q --allow-empty -m 'my work'"
    person = f'env -u GIT_REFLOG_ACTION sh -c "{commit}"'
    dirty.step(f"{stray}; {person}; {'kill -9 $PPID' if killed else 'exit 1'}", code=None)
    dirty.step("echo done > done.txt", code=None)
    assert dirty.git("symbolic-ref", "--short", "HEAD") == "main\n"
    subjects = dirty.git("log", "--format=%s").splitlines()
    assert "my work" in subjects
    assert "own" not in subjects
    assert dirty.photo(without=["done.txt"]) == before


@pytest.mark.thorough
def test_one_that_was_closed_elsewhere_leaves_the_snapshot(dirty: Bench) -> None:
    _cut(dirty, "echo wrecked > secret.txt")
    dirty.git("switch", "-q", "old")
    there = Bench(dirty.root.parent / "there")
    dirty.git("worktree", "add", "-q", str(there.root), "main")
    there.step("echo x > x.txt")
    done = dirty.step("true", code=None)
    assert "your files before it are under refs/gitorch/rescue/" in done.out + done.err
    ref = dirty.git("for-each-ref", "--format=%(refname)", "refs/gitorch/rescue").split()
    assert "secret\n" in [dirty.git("show", f"{each}:secret.txt", ok=False) for each in ref]


def test_a_begin_that_was_written_anew_is_closed_and_all_is_put_back(dirty: Bench) -> None:
    before = dirty.photo()
    _cut(dirty, "echo wrecked > secret.txt")
    dirty.git("commit", "-q", "--amend", "--no-edit", "--allow-empty", "--only", "--date=2020-01-01T00:00:00")
    done = dirty.step("echo done > done.txt")
    assert "recovered" in done.out + done.err
    assert dirty.photo(without=["done.txt"]) == before
    assert dirty.is_sound()


@pytest.mark.thorough
def test_an_end_that_the_agent_has_forged_ends_nothing(dirty: Bench) -> None:
    before = dirty.photo()
    sums = "Gitorch-Total-Steps: 1\\nGitorch-Total-Seconds: 0\\nGitorch-Idle: 0"
    text = "s/begin/end/; s/pending -> running/running -> completed/; /Attempt/i Gitorch-Outcome: completed"
    move = "git mv '.tasks/[running]_t_task.md' '.tasks/[completed]_t_task.md'"
    forge = f"git log -1 --format=%B | sed -e '{text}' -e '/Attempt/a {sums}' > ../text; {move}"
    _cut(dirty, f"echo wrecked > secret.txt; {forge}; git commit -q --no-verify -F ../text")
    with gitorch.open(dirty.root) as workflow:
        assert recent(workflow.repository.objects).begin is None
    done = dirty.step("echo done > done.txt", code=None)
    assert "recovered an invocation that was cut off: t" in done.out + done.err
    assert dirty.events()[-3:] == ["recover", "begin", "end"]
    assert dirty.photo(without=["done.txt"]) == before
