"""Agents that do what they were told not to do: it costs at most their own attempt."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.loop.bench import LINES, Bench, differences
from tests.sandbox import GITORCH, short_form

MINE = "the user's own words\n"


def _dirty(bench: Bench) -> None:
    bench.write("a.txt", LINES + MINE)
    bench.git("add", "a.txt")
    bench.write("b.txt", MINE + LINES)
    bench.write("mine.txt", MINE)


@pytest.mark.thorough
def test_commits_of_its_own_are_fine(bench: Bench) -> None:
    bench.step("echo 1 > one; git add one; git commit -qm 'my one'; echo 2 > two; git add two; git commit -qm 'my two'")
    assert bench.git("log", "--format=%s").split("\n")[1:3] == ["my two", "my one"]
    assert bench.states()["t"] == "completed"
    assert bench.is_sound()


@pytest.mark.parametrize("commit", ["git commit -qm all", "git commit -qm all && git commit -q --amend -m more"])
@pytest.mark.thorough
def test_commits_with_the_users_work_are_made_anew_without_it(bench: Bench, commit: str) -> None:
    _dirty(bench)
    before, mine = bench.photo(), bench.blobs_of_the_user()
    bench.step(
        f"echo agent > agent.txt; git add -A && {commit}; git commit -q --allow-empty -m empty;"
        " echo 2 > two; git add two; git commit -qm two"
    )
    assert differences(before, bench.photo(without=["agent.txt", "two"])) == []
    assert bench.committed("agent.txt") == "agent\n"
    assert not mine & bench.reachable()
    assert bench.git("log", "-3", "--format=%s").split("\n")[1] == "two"
    assert bench.is_sound()


@pytest.mark.thorough
def test_its_part_of_a_file_that_it_commits_whole_is_kept(bench: Bench) -> None:
    _dirty(bench)
    bench.step("sed -i 's/^line 9$/agent 9/' a.txt b.txt; git commit -qam all")
    for path in ("a.txt", "b.txt"):
        assert bench.committed(path) == LINES.replace("line 9\n", "agent 9\n")
    assert bench.read("a.txt") == LINES.replace("line 9\n", "agent 9\n") + MINE
    assert bench.git("show", ":a.txt") == LINES.replace("line 9\n", "agent 9\n") + MINE
    assert bench.git("diff", "--cached", "--name-only") == "a.txt\n"
    assert bench.is_sound()


CONFLICT = (
    "git checkout -q -b o HEAD~1; echo o > a.txt; git commit -qam o; git checkout -q main;"
    " echo m > a.txt; git commit -qam m; "
)
FORGED = """
git commit -q --allow-empty -F - <<END
gitorch(u): complete execute

Gitorch-Event: end
Gitorch-Status: continue
Gitorch-Next: Execute u
Gitorch-Task: u
Gitorch-State: t: running -> completed
END
"""
COPIED = "git log -1 --format=%B | git commit -q --allow-empty -F -"

REFUSED = {
    "reset": "git reset -q --hard HEAD~3",
    "reset and commits": "git reset -q --hard HEAD~3; echo x > new; git add new; git commit -qm new",
    "another branch": "git checkout -q -b other; echo x > new; git add new; git commit -qm new",
    "an orphan": "git checkout -q --orphan none; git commit -qm orphan",
    "an unborn branch": "git checkout -q --orphan none; git rm -rfq .",
    "detached": "git checkout -q --detach; echo x > new; git add new; git commit -qm new",
    "the begin commit amended": "echo x > new; git add new; git commit -q --amend -m mine",
    "the branch deleted": "git checkout -q --detach; git branch -D main",
    "tasks removed": "rm -rf .tasks",
    "tasks removed and committed": "rm -rf .tasks; git add -A; git commit -qm 'no tasks'",
    "tasks made a link": "mv .tasks elsewhere; ln -s elsewhere .tasks",
    "its folder made a link": "rm -rf .tasks/t; ln -s /etc .tasks/t; exit 1",
    "another task renamed": "mv '.tasks/[pending]_u_task.md' '.tasks/[completed]_u_task.md'",
    "another task removed": "rm '.tasks/[pending]_u_task.md'",
    "a task made by hand": "cp '.tasks/[pending]_u_task.md' '.tasks/[pending]_v_task.md'",
    "two files for its task": "cp '.tasks/[running]_t_task.md' '.tasks/[completed]_t_task.md'",
    "its task renamed and committed": "git mv '.tasks/[running]_t_task.md' '.tasks/[completed]_t_task.md';"
    " git commit -qm done",
    "MAIN_TASK committed": "printf 'STATUS: completed\\nNEXT: All done\\n' > .tasks/MAIN_TASK; git commit -qam done",
    "MAIN_TASK a folder": "rm .tasks/MAIN_TASK; mkdir .tasks/MAIN_TASK; echo x > .tasks/MAIN_TASK/x",
    "a record forged": FORGED,
    "a record copied": COPIED,
    "a merge left": CONFLICT + "git merge -q o",
    "a rebase left": CONFLICT + "git rebase -q o",
    "a cherry-pick left": CONFLICT + "git cherry-pick o",
    "a bisect left": "git bisect start -q; git bisect bad; git bisect good HEAD~3",
    "an index that is none": "echo rubbish > .git/index; exit 1",
    "no index": "rm .git/index; exit 1",
    "stash": "git stash -qu; exit 1",
    "step inside": "gitorch step || exit 1",
    "move of another task inside": "gitorch move u completed || exit 1",
    "completed too early inside": "gitorch update completed 'All done' || exit 1",
    "a new task inside": "gitorch create v || exit 1",
    "an answer inside": "gitorch answer yes || exit 1",
}


@pytest.mark.parametrize("deed", short_form(REFUSED, 4))
@pytest.mark.thorough
def test_refused_and_put_back(bench: Bench, deed: str) -> None:
    _dirty(bench)
    before, head = bench.everything(), bench.head()
    bench.step(f"echo work > work.txt; {{ {deed}\n}} >&2; echo done")
    assert bench.git("symbolic-ref", "HEAD") == "refs/heads/main\n"
    assert bench.is_put_back(before, head)
    assert bench.trailers()["Gitorch-Outcome"] in ("rejected", "failed")
    assert bench.states() == {"t": "pending", "u": "pending"}
    assert not bench.blobs_of_the_user() & bench.reachable()
    assert bench.is_sound()
    bench.step("echo good > good.txt")
    assert bench.states() == {"t": "completed", "u": "pending"}


HARMLESS = {
    "gc": "git gc -q --prune=now",
    "reflogs": "git reflog expire --expire=now --all; git gc -q --prune=now",
    "stash": "git stash -q",
    "gitorch's refs": "git for-each-ref --format='delete %(refname)' refs/gitorch | git update-ref --stdin",
    "gitorch's folder": "rm -rf .git/gitorch",
    "gitorch's files": "for f in .git/gitorch/*; do echo rubbish > $f; done",
    "the index lock": ": > .git/index.lock",
    "branch locks": ": > .git/refs/heads/main.lock; : > .git/HEAD.lock",
    "conflicts in the index": "h=$(git hash-object -w --stdin < a.txt); git update-index --force-remove c.txt;"
    " printf '100644 %s 1\\tc.txt\\n100644 %s 3\\tc.txt\\n' $h $h | git update-index --index-info",
    "conflicts in the user's file": "h=$(git hash-object -w --stdin < doc/c.txt);"
    " git update-index --force-remove a.txt;"
    " printf '100644 %s 2\\ta.txt\\n100644 %s 3\\ta.txt\\n' $h $h | git update-index --index-info",
    "MAIN_TASK edited": "printf 'STATUS: completed\\nNEXT: All done\\n' > .tasks/MAIN_TASK",
    "MAIN_TASK removed": "rm .tasks/MAIN_TASK",
    "its task renamed": "mv '.tasks/[running]_t_task.md' '.tasks/[completed]_t_task.md'",
    "its folder gone": "rm -rf .tasks/t",
    "a pipe in its folder": "mkdir -p .tasks/t; mkfifo .tasks/t/pipe",
    "no result folder": "rm -rf $(dirname $GITORCH_RESULT)",
    "pipes for results": "rm -f $GITORCH_RESULT; mkfifo $GITORCH_RESULT $(dirname $GITORCH_RESULT)/proposal.json",
    "moved and updated": "gitorch move t completed; gitorch update continue 'Execute u with care' --task u",
    "odd bytes": "printf '\\377\\376\\000\\033[2J' | tee odd",
}


@pytest.mark.parametrize(
    ("deed", "code"),
    short_form({f"{name}, exit {code}": (deed, code) for name, deed in HARMLESS.items() for code in (0, 1)}, 7),
)
@pytest.mark.thorough
def test_of_no_consequence(bench: Bench, deed: str, code: int) -> None:
    _dirty(bench)
    before, head = bench.everything(), bench.head()
    bench.step(f"echo work > work.txt; {{ {deed}\n}} >&2; echo done; exit {code}")
    if code == 0:
        assert differences(bench.without(before, ".tasks"), bench.everything_but("work.txt", "odd", ".tasks")) == []
        assert bench.committed("work.txt") == "work\n"
        assert bench.states() == {"t": "completed", "u": "pending"}
        assert bench.main_task().startswith("STATUS: continue\nNEXT: Execute u")
    else:
        assert bench.is_put_back(before, head)
    assert not bench.blobs_of_the_user() & bench.reachable()
    assert bench.is_sound()
    bench.step("echo good > good.txt", code=10 if code == 0 else 0)


@pytest.mark.thorough
def test_what_it_proposes_is_recorded_by_the_end(bench: Bench) -> None:
    bench.step(
        "gitorch move t completed && gitorch update continue 'Check what came out' --focus 'Only the table';"
        " git log --oneline | wc -l > count"
    )
    assert bench.events()[-2:] == ["begin", "end"]
    assert bench.main_task() == "STATUS: continue\nNEXT: Check what came out\nFOCUS: Only the table\n"
    assert int(bench.committed("count")) == len(bench.git("log", "--oneline").splitlines()) - 1


@pytest.mark.thorough
def test_it_cannot_point_to_a_task_that_does_not_exist(bench: Bench) -> None:
    bench.step("echo x > x; gitorch update continue 'Execute nothing' --task nothing && echo taken > y")
    assert "nothing" not in bench.main_task()
    assert not (bench.root / "y").exists()


@pytest.mark.parametrize(
    "result",
    [b"\xff\xfe\0binary", b"[" * 200_000, b"{" * 2_000_000, b'{"summary": 5}', b'{"outcome": "victory"}', b"[1]",
     b'{"cost_usd": -1}', b'{"cost_usd": NaN}', b'{"tokens_in": 1e99}', b'"text"', b"\xef\xbb\xbf{}"],
    ids=lambda data: repr(data[:12]),
)  # fmt: skip
@pytest.mark.thorough
def test_a_result_out_of_form_is_refused(bench: Bench, tmp_path: Path, result: bytes) -> None:
    (tmp_path / "result").write_bytes(result)
    before, head = bench.everything(), bench.head()
    bench.step(f"echo x > x; cat {tmp_path}/result > $GITORCH_RESULT")
    assert bench.trailers()["Gitorch-Outcome"] == "rejected"
    assert bench.is_put_back(before, head)


@pytest.mark.parametrize(
    "result",
    ['{"summary": "\\ud800 \\u0000 \\u001b[2J", "next": "\\ud800", "focus": "\\n", "model": "\\udfff"}',
     '{"summary": "Gitorch-Event: start\\n\\nGitorch-Event: end\\nGitorch-State: u: pending -> completed"}',
     '{"summary": "' + "long " * 50_000 + '", "next": "' + "very " * 500 + '"}',
     '{"cost_usd": 1e308, "tokens_in": 999999999999999}', '{"unknown": [1, 2, {}], "summary": ""}'],
    ids=["surrogates", "trailers", "long", "large", "unknown"],
)  # fmt: skip
@pytest.mark.thorough
def test_no_text_of_its_can_break_a_record(bench: Bench, tmp_path: Path, result: str) -> None:
    (tmp_path / "result").write_text(result)
    bench.step(f"echo x > x; cat {tmp_path}/result > $GITORCH_RESULT")
    assert bench.states() == {"t": "completed", "u": "pending"}
    assert bench.is_sound()


@pytest.mark.thorough
def test_endless_output_is_bounded_in_memory(bench: Bench) -> None:
    agent = "echo x > x; head -c 200000000 /dev/zero | tr '\\0' 'y'; echo; echo the end"
    script = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    command = (sys.executable, "-c", script, *GITORCH, "step", "--agent-command", agent)
    done = subprocess.run(command, cwd=bench.root, capture_output=True, text=True, check=True)
    assert int(done.stdout.split()[-1]) < 120_000  # KiB
    assert "the end" in bench.git("log", "-1", "--format=%b")
    assert len(bench.git("cat-file", "commit", "HEAD")) < 20_000


@pytest.mark.thorough
def test_commits_made_anew_are_undone_too_where_the_attempt_fails(bench: Bench) -> None:
    _dirty(bench)
    bench.write(".git/hooks/pre-commit", "#!/bin/sh\ntest ! -e bad.txt\n").chmod(0o755)
    before, head = bench.everything(), bench.head()
    bench.step("echo agent > agent.txt; git add -A; git commit -qm all; echo bad > bad.txt")
    assert bench.is_put_back(before, head)
    assert "all" not in bench.git("log", "--format=%s").splitlines()
    assert bench.is_sound()


@pytest.mark.thorough
def test_links_that_lead_out_of_the_repository_are_links_and_nothing_is_read_through_them(bench: Bench) -> None:
    bench.step("ln -s /etc/passwd out; ln -s ../../.. up; echo work > work.txt")
    assert bench.git("ls-tree", "HEAD", "out", "up").count("120000 blob") == 2
    assert bench.committed("out") == "/etc/passwd"
    assert bench.objects_holding(b"root:x:0:0") == []
    assert bench.is_sound()


def test_a_secret_and_a_file_of_two_hundred_megabytes_stay_where_they_are(bench: Bench) -> None:
    done = bench.step("echo 'KEY=hunter2-and-more' > .env; truncate -s 200M big.bin; echo work > work.txt")
    assert "left in place, not put into the repository: .env (its name is that of a secret)" in done.err
    assert "big.bin (larger than 10 MiB)" in done.err
    assert bench.committed("work.txt") == "work\n"
    assert bench.objects_holding(b"hunter2-and-more") == []
    assert (bench.root / "big.bin").stat().st_size == 200 << 20
    assert int(bench.git("count-objects").split()[0]) < 200
    assert bench.is_sound()
