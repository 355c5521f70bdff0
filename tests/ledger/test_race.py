"""Many writers at once: nothing is lost, nothing doubled, nothing mixed."""

from __future__ import annotations

import subprocess
import sys

from gitorch.core import message
from tests.probe import told_by_messages
from tests.sandbox import Sandbox

WRITERS = 8
EACH = 10

# the program itself, ten times in one process: what is raced is git, not Python's start
_WRITER = """
import sys
from gitorch import cli
me, each = sys.argv[1], int(sys.argv[2])
for turn in range(each):
    commands = (["create", f"task-{me}-{turn}"], ["update", "continue", f"Sentence {turn} of {me}"],
                ["move", f"task-{me}-{turn - 2}", "running"])
    code = 75
    while code == 75:
        code = cli.run(commands[turn % 3])
    if code:
        sys.exit(f"{commands[turn % 3]}: exit {code}")
"""

_PLAIN = """
import pathlib, subprocess, sys, time
me = sys.argv[1]
for turn in range(10):
    pathlib.Path(f"plain-{me}-{turn}").write_text("plain")
    for _ in range(500):  # plain git gives up at once where another holds the lock
        done = subprocess.run(["git", "add", f"plain-{me}-{turn}"], stderr=subprocess.DEVNULL).returncode == 0
        done = done and subprocess.run(["git", "commit", "-qm", f"plain {me} {turn}"],
            stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL).returncode == 0
        if done:
            break
        time.sleep(0.005)
    else:
        sys.exit(1)
"""


def test_eight_writers_beside_plain_commits_lose_and_mix_nothing(sandbox: Sandbox) -> None:
    sandbox("start", "race-research")
    sandbox.write("staged", "the user's\n")
    sandbox.git("add", "staged")
    sandbox.git("commit", "-qm", "the user's")
    sandbox.write("edited", "the user's, untracked\n")
    commands = [[sys.executable, "-c", _WRITER, str(number), str(EACH)] for number in range(WRITERS)]
    commands += [[sys.executable, "-c", _PLAIN, "p"]]
    running = [
        subprocess.Popen(command, cwd=sandbox.root, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for command in commands
    ]
    for process in running:
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
    _nothing_is_lost_or_doubled(sandbox)
    _no_record_holds_a_foreign_file(sandbox)
    report = sandbox("verify", "--json").json
    assert report["ok"], report
    assert report["checked"] == 1 + WRITERS * EACH
    assert sandbox.status() == "?? edited"
    assert told_by_messages(sandbox)[0] == sandbox.states()
    sandbox.git("fsck", "--strict")


def _nothing_is_lost_or_doubled(sandbox: Sandbox) -> None:
    subjects = sandbox.git("log", "--format=%s").splitlines()
    assert len(subjects) == len(set(subjects)) == 2 + WRITERS * EACH + 10
    assert len(sandbox.states()) == 1 + WRITERS * 4
    for me in range(WRITERS):
        for turn in range(EACH):
            wanted = (
                f"gitorch(task-{me}-{turn}): create task",
                f"gitorch(MAIN_TASK): update: continue, Sentence {turn} of {me}",
                f"gitorch(task-{me}-{turn - 2}): move pending -> running",
            )[turn % 3]
            assert wanted in subjects
    assert all(f"plain p {turn}" in subjects for turn in range(10))


def _no_record_holds_a_foreign_file(sandbox: Sandbox) -> None:
    for commit in sandbox.git("rev-list", "HEAD").split():
        paths = sandbox.git("diff-tree", "--root", "--no-commit-id", "-r", "--name-only", "-z", commit).split("\0")
        record = message.parse(sandbox.git("log", "-1", "--format=%B", commit))
        if record is None:
            assert all(path.startswith(("plain-", "staged")) for path in paths if path)
        else:
            assert all(path.startswith(".tasks/") for path in paths if path)
