"""Bad input: each is refused with one error and a hint, without a traceback, and changes nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.probe import assert_one_error, quickly, refused, unchanged
from tests.sandbox import GITORCH, Sandbox, run, short_form

GOOD = b"STATUS: continue\nNEXT: Go on\n"
WORDS = b"STATUS: continue\nNEXT: " + b"w " * 15 + b"w\n"
BAD_MAIN_TASKS: dict[str, tuple[bytes, str]] = {
    "binary rubbish": (bytes(range(256)), "not UTF-8"),
    "zeros": (b"\0" * 299 + b"\n", "none of STATUS"),
    "ten megabytes": (b"STATUS: continue\n" * 600_000, "must stay under 400"),
    "CRLF": (GOOD.replace(b"\n", b"\r\n"), "line ends are CRLF"),
    "a key twice": (GOOD + b"NEXT: Go on\n", "NEXT stands there twice"),
    "16 words": (WORDS, "it has 16 words"),
    "unknown status": (GOOD.replace(b"continue", b"done"), "'done': one of continue"),
    "no status": (b"NEXT: Go on\n", "STATUS is missing"),
    "no next": (b"STATUS: continue\n", "NEXT is missing"),
    "empty": (b"", "the file is empty"),
    "no line end": (GOOD[:-1], "no line end"),
    "an unknown key": (GOOD + b"NOTE: x\n", "'NOTE: x' is none of"),
    "out of order": (b"NEXT: Go on\nSTATUS: continue\n", "out of order"),
    "a bad task": (GOOD + b"TASK: ../x\n", "TASK '../x'"),
    "a byte order mark": (b"\xef\xbb\xbf" + GOOD, "none of STATUS"),
    "markdown": (b"# Main task\n\n- do it\n", "'# Main task' is none of"),
    "escapes": (b"STATUS: continue\nNEXT: \x1b[31mred\n", "control characters"),
}


_BUILT: dict[str, Path] = {}


@pytest.fixture
def started(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """Give a workflow with one task; made once, then copied."""
    if not _BUILT:
        built = Sandbox.create(tmp_path_factory.mktemp("built") / "repo")
        built("create", "one")
        built("update", "continue", "Go on")
        _BUILT["started"] = built.root
    shutil.copytree(_BUILT["started"], tmp_path / "repo")
    return Sandbox(tmp_path / "repo")


@pytest.mark.parametrize("kind", BAD_MAIN_TASKS)
@pytest.mark.thorough
def test_a_bad_main_task_in_the_work_tree(started: Sandbox, kind: str) -> None:
    data, says = BAD_MAIN_TASKS[kind]
    started.write(".tasks/MAIN_TASK", data)
    done = refused(started, "update", "continue", "Go on", says=says)
    assert len(done.err) < 500
    assert ".tasks/MAIN_TASK" in done.err
    assert "hint: put MAIN_TASK back as the last commit holds it" in done.err


@pytest.mark.parametrize("kind", BAD_MAIN_TASKS)
@pytest.mark.thorough
def test_a_bad_main_task_that_is_committed(started: Sandbox, kind: str) -> None:
    data, says = BAD_MAIN_TASKS[kind]
    started.write(".tasks/MAIN_TASK", data)
    started.git("add", ".tasks/MAIN_TASK")
    started.git("commit", "-qm", "spoilt")
    refused(started, "step", says=says)
    assert quickly(started, "update", "continue", "Go anew").code == 0  # writes it anew, as the hint says
    assert started.main_task() == "STATUS: continue\nNEXT: Go anew\n"
    found = quickly(started, "verify", "--json").json["problems"]
    assert {problem["commit"] for problem in found} == {started.git("rev-parse", "HEAD^").strip()}


def _folder(path: Path) -> None:
    path.mkdir()
    (path / "file").write_text("x\n")


def _link(path: Path) -> None:
    (path.parent / "target").write_bytes(GOOD)
    path.symlink_to("target")


@pytest.mark.parametrize("make", [_folder, _link, os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
@pytest.mark.thorough
def test_a_main_task_that_is_no_plain_file(started: Sandbox, make: Callable[[Path], None]) -> None:
    path = started.root / ".tasks/MAIN_TASK"
    path.unlink()
    make(path)
    for args in (("update", "continue", "Go on"), ("create", "x"), ("status",), ("step",)):
        refused(started, *args, says=".tasks/MAIN_TASK is no plain file")


def test_a_missing_main_task(started: Sandbox) -> None:
    (started.root / ".tasks/MAIN_TASK").unlink()
    refused(started, "create", "x", says="MAIN_TASK is missing")
    assert started("status").code == 0


@pytest.mark.parametrize("make", [lambda path: path.write_text("x"), lambda path: path.symlink_to("elsewhere")])
@pytest.mark.thorough
def test_a_tasks_folder_that_is_none(sandbox: Sandbox, make: Callable[[Path], None]) -> None:
    (sandbox.root / ".tasks").rename(sandbox.root / "elsewhere")
    make(sandbox.root / ".tasks")
    for args in (("start", "x"), ("create", "x"), ("init",), ("status",)):
        refused(sandbox, *args, says=".tasks")


HEAD = b"---\nkind: execute\n---\n\n# one\n"
BAD_TASKS: dict[str, tuple[bytes, str]] = {
    "no front matter": (b"# one\n\njust text\n", "no front matter"),
    "empty": (b"", "no front matter"),
    "no end": (b"---\nkind: execute\n", "has no end"),
    "a bomb": (b"---\na: &a [x,x]\nb: &b [*a,*a]\nneeds: [*b,*b]\n---\n", "anchors and aliases"),
    "nested deeply": (b"---\nneeds: " + b"[" * 5000 + b"]" * 5000 + b"\n---\n", "nest"),  # ours, or libyaml's words
    "a Python object": (b"---\nkind: !!python/object/apply:os.system ['touch pwned']\n---\n", "is not allowed"),
    "a date tag": (b"---\nkind: !!timestamp 2024-01-01\n---\n", "is not allowed"),
    "no UTF-8": (HEAD + b"\xff\xfe\n", "not UTF-8"),
    "a key twice": (b"---\nkind: gather\nkind: execute\n---\n", "stands there twice"),
    "an unknown kind": (b"---\nkind: exeucte\n---\n", "did you mean execute?"),
    "an unknown key": (b"---\nneed: x\n---\n", "did you mean needs?"),
    "a list": (b"---\n- x\n---\n", "must be keys with values"),
    "outputs outside": (b"---\noutputs: [../../x]\n---\n", "it leaves the task's folder"),
    "its own need": (b"---\nneeds: one\n---\n", "no other task's name"),
    "two megabytes": (HEAD + b"x" * (2 << 20), "larger than 1024 KiB"),
}


@pytest.mark.parametrize("kind", BAD_TASKS)
@pytest.mark.thorough
def test_a_bad_task_file(started: Sandbox, kind: str) -> None:
    data, says = BAD_TASKS[kind]
    started.write(".tasks/[pending]_one_task.md", data)
    started.git("add", ".tasks")
    started.git("commit", "-qm", "spoilt")
    for args in (("step",), ("show", "one")):
        done = refused(started, *args, says=says)
        assert ".tasks/[pending]_one_task.md" in done.err
    assert not (started.root / "pwned").exists()


@pytest.mark.thorough
def test_beside_a_bad_task_file_what_needs_it_not_goes_on(started: Sandbox) -> None:
    started.commit("spoilt", **{".tasks/[pending]_one_task.md": "# one\n"})
    for args in (("move", "one", "running"), ("list",), ("create", "two"), ("drop", "one")):
        refused(started, *args, says="no front matter")
    for args in (("status",), ("verify",), ("log",), ("update", "continue", "Mend it")):
        started(*args)
    assert "[pending]_one_task.md" in started("doctor", code=1).out


@pytest.mark.thorough
def test_two_files_for_one_task(started: Sandbox) -> None:
    started.write(".tasks/[failed]_one_task.md", HEAD)
    for args in (("create", "x"), ("status",)):
        refused(started, *args, says="two files")
    started.git("add", ".tasks")
    started.git("commit", "-qm", "both")
    for args in (("create", "x"), ("status",), ("list",), ("step",)):
        refused(started, *args, says="two files")
    assert started("verify", "--json", code=1).json["problems"][0]["commit"] == started.head()


BAD_NAMES = {
    "a/b": "try a-b",
    "..": "for example",
    ".hidden": "try hidden",
    "x" * 300: "300 characters",
    "Chips": "try chips",
    "": "empty",
    "ünï": "try ",
    "日本": "for example",
    "two\nlines": "try two-lines",
    "a b": "try a-b",
    "main_task": "reserved",
    "templates": "reserved",
    "con": "Windows",
    "end.": "ends in a dot",
    "[pending]": "try pending",
    "a\x1b[31m": "try a-31m",
    "$(touch pwned)": "try touch-pwned",
}


@pytest.mark.parametrize("name", BAD_NAMES, ids=lambda name: repr(name[:12]))
def test_a_bad_name(started: Sandbox, name: str) -> None:
    done = refused(started, "create", name, code=2, says=BAD_NAMES[name])
    assert "\x1b" not in done.err


@pytest.mark.parametrize("command", ["start", "drop", "show", "context", "decompose"])
def test_a_bad_name_to_any_command(started: Sandbox, command: str) -> None:
    refused(
        started, command, "../x", *(["--auto"] if command == "decompose" else []), code=2, says="not a valid task name"
    )


def test_a_name_that_looks_like_an_option(started: Sandbox) -> None:
    refused(started, "create", "-rf", code=2)
    refused(started, "create", "--", "-rf", code=2, says="not a valid task name")


REFUSED: dict[str, tuple[tuple[str, ...], int, str]] = {
    "an unknown task": (("move", "oen", "running"), 1, "did you mean one?"),
    "an unknown task to show": (("show", "oen"), 1, "did you mean one?"),
    "an unknown task to drop": (("drop", "oen"), 1, "there is no task 'oen'"),
    "an unknown task for context": (("context", "oen"), 1, "there is no task 'oen'"),
    "an unknown task to decompose": (("decompose", "oen", "--auto"), 1, "there is no task 'oen'"),
    "an unknown task in an update": (("update", "continue", "Go", "--task", "oen"), 1, "there is no task 'oen'"),
    "an unknown state": (("move", "one", "done"), 2, "one of: pending"),
    "an illegal move": (("move", "one", "completed"), 1, "from pending it may go to blocked or running"),
    "an unknown need": (("create", "x", "--needs", "oen"), 1, "there is no task 'oen'"),
    "an unknown parent": (("create", "x", "--parent", "oen"), 1, "there is no task 'oen'"),
    "its own parent": (("create", "x", "--parent", "x"), 2, "a task cannot be its own parent"),
    "its own need": (("create", "x", "--needs", "x"), 2, "'x' is no other task's name"),
    "a need that is its parent": (("create", "x", "--parent", "one", "--needs", "one"), 1, "could never run"),
    "a name that is taken": (("create", "one"), 1, "there is a task one already"),
    "a name that is taken to start": (("start", "one"), 1, "a workflow is open"),
    "an unknown template": (("decompose", "one", "--template", "reserch"), 1, "did you mean research?"),
    "an unknown template to show": (("templates", "show", "reserch"), 1, "did you mean research?"),
    "no template": (("decompose", "one"), 2, "does not name a template"),
    "both ways to choose": (("decompose", "one", "--auto", "--template", "research"), 2, "cannot be used together"),
    "a parameter without value": (("decompose", "one", "--auto", "--param", "topic"), 2, "KEY=VALUE"),
    "an unknown parameter": (("decompose", "one", "--auto", "--param", "tpoic=x"), 1, "has no parameter 'tpoic'"),
    "a status that is none": (("update", "done", "Go on"), 2, "'done' is not a valid STATUS"),
    "an empty sentence": (("update", "continue", ""), 2, "it is empty"),
    "a long sentence": (("update", "continue", "w " * 16), 2, "NEXT"),
    "two lines": (("update", "continue", "a\nSTATUS: completed"), 2, "line breaks"),
    "a long focus": (("update", "continue", "Go", "--focus", "x" * 121), 2, "121 bytes"),
    "no amount": (("step", "--max-cost", "nan"), 2, "not a valid amount"),
    "a negative amount": (("step", "--max-cost", "-1"), 2, "not a valid amount"),
    "an infinite amount": (("run", "--max-cost", "inf"), 2, "not a valid amount"),
    "no amount at all": (("run", "--max-cost", "ten"), 2, "not a valid amount"),
    "no time": (("run", "--max-time", "soon"), 2, "not a valid time"),
    "negative steps": (("run", "--max-steps", "-1"), 2, "max-steps"),
    "no attempts": (("run", "--max-attempts", "0"), 2, "max-attempts"),
    "two agents": (("step", "--agent", "local", "--agent-command", "x"), 2, "cannot be used together"),
    "an unknown agent": (("step", "--agent", "lcoal"), 2, "did you mean local?"),
    "an unknown command": (("nonsense",), 2, "there is no command 'nonsense'"),
    "an unknown option": (("status", "--nonsense"), 2, "there is no option"),
    "an argument too many": (("status", "x"), 2, "unexpected"),
    "an argument too few": (("update", "continue"), 2, "is missing"),
    "a revision that is none": (("log", "nothing"), 1, "'nothing'"),
    "a revision that is an option": (("log", "--", "--output=pwned"), 2, "not a revision"),
    "a revision to verify": (("verify", "nothing"), 1, "'nothing'"),
    "an option to verify": (("verify", "--", "--output=pwned"), 2, "not a revision"),
    "a small budget": (("context", "one", "--budget", "1"), 2, "budget"),
    "nothing is asked": (("answer", "x"), 1, "there is no question"),
    "an empty answer": (("answer", "  "), 2, "the answer is empty"),
    "a template file that is none": (("templates", "check", "nothing.yaml"), 1, "is not a file"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_refused(started: Sandbox, kind: str) -> None:
    args, code, says = REFUSED[kind]
    refused(started, *args, code=code, says=says, hint="did you mean" not in says)
    assert not (started.root / "pwned").exists()


def test_without_a_command_the_help_is_shown(started: Sandbox) -> None:
    with unchanged(started):
        done = started(code=None)
    assert (done.code, done.err) == (0, "")
    assert "help --all" in done.out


def test_a_move_to_the_present_state_is_no_commit(started: Sandbox) -> None:
    with unchanged(started):
        assert "pending already" in started("move", "one", "pending").out


def test_a_parent_with_open_subtasks_cannot_be_completed(started: Sandbox) -> None:
    started("create", "child", "--parent", "one")
    started("move", "child", "running")
    refused(started, "move", "one", "completed", says="open subtasks: child")
    started("move", "child", "completed")
    assert started.states() == {"one": "completed", "child": "completed"}
    refused(started, "create", "late", "--parent", "one", says="parent one is completed")


def test_a_need_that_waits_for_the_parent_is_refused(started: Sandbox) -> None:
    started("create", "after", "--needs", "one")
    refused(started, "create", "child", "--parent", "one", "--needs", "after", says="waits for")


def test_a_taken_name_leaves_nothing_half_created(started: Sandbox) -> None:
    started("create", "one-analysis")
    refused(started, "decompose", "one", "--auto", says="would create one-analysis")
    assert started.states().keys() == {"one", "one-analysis"}


BAD_TEMPLATES = {
    "a circle": "  - {name: a, description: d, needs: b}\n  - {name: b, description: d, needs: a}\n",
    "a nested circle": "  - {name: a, description: d, template: own}\n",
    "an unknown kind": "  - {name: a, description: d, kind: think}\n",
    "an unknown need": "  - {name: a, description: d, needs: b}\n",
    "an unknown nested template": "  - {name: a, description: d, template: reserch}\n",
    "no description": "  - {name: a}\n",
    "a bad name": "  - {name: ../a, description: d}\n",
    "a Python tag": "  - {name: !!python/name:os.system a, description: d}\n",
}


@pytest.mark.parametrize("kind", BAD_TEMPLATES)
@pytest.mark.thorough
def test_a_bad_template_of_the_repository(started: Sandbox, kind: str) -> None:
    text = f"name: own\ndescription: d\nsubtasks:\n{BAD_TEMPLATES[kind]}"
    started.write(".tasks/templates/own.yaml", text)
    started.commit("a template", **{".tasks/templates/own.yaml": text})
    for args in (("decompose", "one", "--template", "own"), ("templates", "check", ".tasks/templates/own.yaml")):
        done = refused(started, *args)
        assert ".tasks/templates/own.yaml:" in done.err


def _piped(sandbox: Sandbox, line: str) -> subprocess.CompletedProcess[str]:
    program = " ".join(f"'{part}'" for part in GITORCH)
    return subprocess.run(
        ("bash", "-o", "pipefail", "-c", line.replace("gitorch", program)),
        cwd=sandbox.root,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.thorough
def test_a_reader_that_goes_away_is_no_error(started: Sandbox) -> None:
    for number in range(40):
        started.git("commit", "-q", "--allow-empty", "-m", f"plain {number}")
    for line in ("gitorch log | head -1", "gitorch log --json | true", "gitorch context one | true"):
        done = _piped(started, line)
        assert (done.returncode, done.stderr) == (0, ""), line


_CLOSED = ("<&- >&- 2>&-", ">&-", "2>&-", "<&-", ">&- 2>&-")


@pytest.mark.parametrize("closed", short_form({each: each for each in _CLOSED}, 5))
@pytest.mark.thorough
def test_closed_streams_harm_nothing(started: Sandbox, closed: str) -> None:
    for command in ("status", "log", "list --json", "--help", "create made", "move made running", "verify"):
        done = _piped(started, f"gitorch {command} {closed}")
        assert (done.returncode, done.stderr) == (0, ""), command
    assert _piped(started, f"gitorch nonsense {closed}").returncode == 2
    assert started.states()["made"] == "running"
    started.git("fsck", "--strict")


def test_a_full_disk_under_the_output_is_told(started: Sandbox) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    done = _piped(started, "gitorch list >/dev/full")
    assert done.returncode == 1
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_a_user_types_reaches_no_shell_and_no_terminal(started: Sandbox) -> None:
    started("create", "evil", "-d", "\x1b]0;title\x07 `touch pwned` $(touch pwned)\r\nGitorch-Event: end")
    assert "\x1b" not in started("show", "evil").out + started("log").out
    assert not (started.root / "pwned").exists()
    assert started("verify", "--json").json["ok"]


def test_a_folder_that_is_missing_is_wrong_usage(tmp_path: Path) -> None:
    done = run(*GITORCH, "-C", "nowhere", "init", cwd=tmp_path)
    assert done.code != 0
    assert_one_error(done, hint=False)
    assert list(tmp_path.iterdir()) == []
