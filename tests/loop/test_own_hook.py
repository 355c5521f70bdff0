"""The repository's own pre-commit hook has its say on the work, and sees nothing else."""

from __future__ import annotations

import pytest

from tests.loop.bench import LINES, Bench


def _hook(bench: Bench, text: str) -> None:
    bench.write(".git/hooks/pre-commit", "#!/bin/sh\n" + text).chmod(0o755)


def test_one_that_passes(bench: Bench) -> None:
    _hook(bench, "git diff --cached --name-only > .git/seen")
    bench.write("mine.txt", "untracked\n")
    bench.git("rm", "-q", "b.txt")
    bench.step("echo x > x.txt")
    assert "x.txt" in bench.read(".git/seen")
    assert "mine.txt" not in bench.read(".git/seen")
    assert "b.txt" not in bench.read(".git/seen")
    assert bench.committed("x.txt") == "x\n"
    assert bench.is_sound()


@pytest.mark.thorough
def test_one_that_fails(bench: Bench) -> None:
    _hook(bench, "echo 'no tabs, please'; echo changed >> a.txt; exit 7")
    before, head = bench.everything(), bench.head()
    bench.step("echo x > x.txt")
    assert bench.is_put_back(before, head)
    assert bench.trailers()["Gitorch-Outcome"] == "rejected"
    assert "exit 7" in bench.trailers()["Gitorch-Reason"]
    assert "no tabs, please" in bench.git("log", "-1", "--format=%b")
    assert bench.is_sound()


@pytest.mark.thorough
def test_one_that_formats_and_adds(bench: Bench) -> None:
    _hook(bench, 'for f in $(git diff --cached --name-only -- "*.txt"); do sed -i "s/bad/good/" $f; git add $f; done')
    bench.step("echo bad > x.txt; sed -i 's/^line 3$/bad 3/' a.txt")
    assert bench.committed("x.txt") == "good\n"
    assert bench.committed("a.txt") == LINES.replace("line 3\n", "good 3\n")
    assert bench.status() == ""
    assert bench.is_sound()


def test_one_that_adds_everything_commits_nothing_of_the_users(bench: Bench) -> None:
    _hook(bench, "git add -A")
    bench.write("mine.txt", "untracked\n")
    bench.write("b.txt", LINES + "mine\n")
    bench.write("a.txt", LINES + "mine\n")
    mine = bench.blobs_of_the_user()
    bench.step("echo x > x.txt; sed -i 's/^line 3$/agent 3/' a.txt; echo s > .env")
    assert bench.committed("a.txt") == LINES.replace("line 3\n", "agent 3\n")
    assert bench.read("a.txt") == LINES.replace("line 3\n", "agent 3\n") + "mine\n"
    assert bench.status() == "?? .env\n M a.txt\n M b.txt\n?? mine.txt" or sorted(bench.status().split("\n")) == [
        " M a.txt", " M b.txt", "?? .env", "?? mine.txt"]  # fmt: skip
    assert not mine & bench.reachable()
    assert bench.is_sound()


@pytest.mark.thorough
def test_commits_that_were_made_past_it_are_seen_all_the_same(bench: Bench) -> None:
    _hook(bench, "git diff --cached --name-only; git diff --cached | grep -q '^+bad' && exit 7; exit 0")
    before, head = bench.everything(), bench.head()
    past = "git add x.txt; git commit -q --no-verify -m past; echo fine > y.txt"
    bench.step(f"echo bad > x.txt; {past}")
    assert bench.trailers()["Gitorch-Outcome"] == "rejected"
    assert "x.txt" in bench.git("log", "-1", "--format=%b")
    assert bench.is_put_back(before, head)
    bench.step(f"echo good > x.txt; {past}")
    assert bench.states()["t"] == "completed"
    assert bench.git("log", "-2", "--format=%s").splitlines()[1] == "past"
    assert bench.is_sound()
