"""What people see: each screen at 80 and at 40 columns, as text files that somebody has read.

`pytest tests/commands/test_screens.py --update-screens` writes them again; read the difference before you commit it.
"""

from __future__ import annotations

import io
import re
import shlex
from pathlib import Path

import pytest

from gitorch import output
from gitorch.cli import cli
from gitorch.commands import status, watching
from gitorch.core.fold import Fold
from gitorch.core.plan import Plan
from gitorch.core.record import Record, Totals
from gitorch.help import EVERYDAY, FURTHER, summary
from gitorch.ledger.history import Recent
from gitorch.ledger.state import Files, WorkflowState
from tests.docs import commands
from tests.sandbox import Sandbox, quickly

SCREENS = Path(__file__).parent / "screens"
WIDTHS = (80, 40)
CALLS = {
    "everyday": [],
    "all": ["help", "--all"],
    "agents": ["agents"],
    "hooks": ["hooks"],
    "templates": ["templates"],
    **{"-".join(words): [*words, "-h"] for words, _ in commands()},
}


AGENT = ("--agent-command", "echo x >> parser.py; echo done")
SESSION: list[tuple[str, ...]] = [
    ("status",),
    ("list",),
    ("audit",),
    ("create", "write-parser", "-d", "Write the parser."),
    ("create", "test-parser", "-d", "Test it.", "--needs", "write-parser"),
    ("status",),
    ("run", *AGENT, "--max-steps", "1"),
    ("status",),
    ("run", *AGENT, "--max-steps", "1"),
    ("step", "--agent-command", "echo 'cannot import parser' >&2; exit 1"),
    ("run", *AGENT),
    ("step", *AGENT),
    ("status",),
    ("list",),
    ("list", "--by-state"),
    ("log",),
    ("audit",),
    ("show", "write-parser"),
    ("retry", "test-parser"),
    ("run", "--agent-command", "echo no >&2; exit 1", "--max-attempts", "1"),
    ("status",),
    ("skip", "test-parser", "--reason", "tested by hand"),
    ("verify",),
    ("archive",),
    ("status",),
    ("start", "chip-research", "-d", "Analyze the chip market."),
    ("run", "--agent", "local", "--max-steps", "1"),
    ("status",),
    ("list",),
]
ERRORS: list[tuple[str, ...]] = [
    ("nonsense",),
    ("next",),
    ("statsu",),
    ("agents", "lst"),
    ("help", "run", "step"),
    ("run", "--max-step", "3"),
    ("run", "--max-steps", "x"),
    ("run", "--max-cost", "much"),
    ("run", "--max-time", "long"),
    ("run", "--agent", "claud"),
    ("step", "--agent", "local", "--agent-command", "x"),
    ("start",),
    ("start", "My Task"),
    ("create", "a", "--needs", "nothing"),
    ("create", "write-parser"),
    ("move", "nothing", "running"),
    ("move", "write-parser", "done"),
    ("move", "write-parser", "completed"),
    ("retry", "write-parser"),
    ("update", "done", "x"),
    ("update", "continue", "x", "--task", "write-parsr"),
    ("answer",),
    ("archive",),
    ("show", "nothing"),
    ("rewind", "nothing"),
    ("report", "nothing"),
    ("log", "--task", "nothing"),
    ("log", "--since", "nothing"),
    ("log", "--action", "nothing"),
    ("blame", "nothing"),
    ("export", "svg"),
    ("export",),
    ("decompose", "write-parser"),
    ("templates", "show", "nothing"),
    ("templates", "check", "nothing.yaml"),
    ("agents", "show", "nothing"),
    ("finish",),
    ("merge",),
    ("fork", "HEAD"),
]


def widest(text: str) -> int:
    return max(map(len, text.splitlines()), default=0)


def expected(name: str, text: str, config: pytest.Config) -> str:
    """Return the text of a screen's file, which is written first where the option asks for it."""
    file = SCREENS / name
    if config.getoption("--update-screens"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return file.read_text() if file.is_file() else ""


def steady(text: str) -> str:
    """Return a text without what differs from run to run."""
    text = re.sub(r"\b(?=[a-f]*\d)[0-9a-f]{8,40}\b", lambda found: ("0123456789" * 4)[: len(found[0])], text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "2026-01-31 12:00", text)
    return re.sub(r"\b\d\.\d s", "0.1 s", text)


def transcript(sandbox: Sandbox, calls: list[tuple[str, ...]]) -> str:
    """Run commands; return what a person who typed them has on the screen."""
    shown = []
    for args in calls:
        ran = sandbox(*args, code=None)
        code = f"[exit {ran.code}]\n" if ran.code else ""
        shown.append(f"$ gitorch {shlex.join(args)}\n{ran.err}{ran.out}{code}")
    return steady("\n".join(shown))


@pytest.mark.thorough
def test_a_session_from_the_first_task_to_the_next_workflow(sandbox: Sandbox, pytestconfig: pytest.Config) -> None:
    seen = transcript(sandbox, SESSION)
    assert seen == expected("session.txt", seen, pytestconfig)


@pytest.mark.thorough
def test_what_people_get_wrong(sandbox: Sandbox, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["gitorch"])
    sandbox("create", "write-parser", "-d", "Write the parser.")
    seen = transcript(sandbox, ERRORS)
    assert seen == expected("errors.txt", seen, pytestconfig)
    # a hint may be longer: a command in it has to stay on one line
    assert not [line for line in seen.splitlines() if line.startswith("error:") and len(line) > 80]


@pytest.mark.parametrize("width", WIDTHS)
def test_every_help_screen_is_as_somebody_has_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr("sys.argv", ["gitorch"])
    wrong = []
    for name, args in CALLS.items():
        ran = quickly(tmp_path, *args)
        assert (ran.code, ran.err) == (0, "")
        assert widest(ran.out) <= width, name
        if expected(f"{width}/{name}.txt", ran.out, pytestconfig) != ran.out:
            wrong.append(name)
    assert not wrong, "pytest --update-screens writes these again"


def test_the_everyday_screen_has_at_most_24_lines_at_80_columns() -> None:
    assert len((SCREENS / "80/everyday.txt").read_text().splitlines()) <= 24


@pytest.mark.parametrize("args", [[], ["help"], ["-h"], ["--help"]], ids=str)
def test_four_ways_to_the_same_screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: list[str]) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("sys.argv", ["gitorch"])
    ran = quickly(tmp_path, *args)
    assert (ran.code, ran.out, ran.err) == (0, (SCREENS / "80/everyday.txt").read_text(), "")


def test_every_command_is_listed_once_and_its_summary_fits_a_line() -> None:
    listed = [name for table in (EVERYDAY, FURTHER) for names in table.values() for name in names]
    assert sorted(listed) == sorted(name for name, command in cli.commands.items() if not command.hidden)
    for _, command in commands():
        assert len(summary(command)) <= 62, summary(command)
        assert not summary(command).endswith("…")


@pytest.mark.parametrize(
    ("word", "meant"),
    [("next", "step"), ("add", "create"), ("resume", "run"), ("undo", "rewind"), ("ls", "list"), ("statsu", "status")],
)
def test_a_word_that_is_no_command_gets_the_command_that_is_meant(tmp_path: Path, word: str, meant: str) -> None:
    ran = quickly(tmp_path, word)
    assert ran.code == 2
    assert f"'{meant}'" in ran.err


def test_help_of_a_command_is_that_of_its_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["gitorch"])
    assert quickly(tmp_path, "help", "agents", "check").out == quickly(tmp_path, "agents", "check", "-h").out
    assert quickly(tmp_path, "help", "nonsense").code == 2


class Terminal(io.StringIO):
    """A terminal of some columns."""

    def isatty(self) -> bool:
        return True


def drawn(width: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the live lines of an invocation, and of a wait, in a terminal of some columns."""
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(output, "columns", lambda _: width)
    monkeypatch.setattr("time.sleep", lambda _: None)
    live = watching.Live(watching.Interrupts(), stop_at=1)
    live.progress = lambda: "3/12 tasks done"
    for name in ("a", "fix-login-bug-tests", "semiconductor-research-data-gathering"):
        live.began(Plan("execute", name), "claude", 2, Totals(steps=11))
        live.tick(750.0)
        live.doing("Bash: python -m pytest tests/test_login.py")
        monkeypatch.setattr(live, "_drawn", 0.0)
        live.tick(751.0)
    live.countdown(0.01, "claude asked to try again later, because the limit of its subscription is reached " * 3)
    lines = [re.sub(r"\x1b\[K", "", line) for line in screen.getvalue().split("\r")]
    return [*dict.fromkeys(re.sub(r"\b0\.0 s", "9.0 s", line) for line in lines if line)]


@pytest.mark.parametrize("width", WIDTHS)
def test_live_lines_are_as_somebody_has_read_them(
    monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config, width: int
) -> None:
    seen = "\n".join(drawn(width, monkeypatch)) + "\n"
    assert seen == expected(f"{width}/live.txt", seen, pytestconfig)


@pytest.mark.parametrize("width", [80, 40, 20, 5])
def test_live_lines_and_countdowns_stay_within_the_terminal(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    lines = drawn(width, monkeypatch)
    assert max(map(len, lines)) < width
    assert all(line.startswith("… "[:width]) for line in lines)


def test_a_line_is_cut_by_the_columns_that_its_characters_take() -> None:
    assert output.fit("plain", 5) == "plain"
    assert output.fit("plainer", 5) == "plai…"
    assert output.fit("日本語の文", 7) == "日本語…"
    assert output.fit("anything", 0) == ""


def test_every_finished_line_names_the_agent(sandbox: Sandbox) -> None:
    sandbox("create", "a", "-d", "do a")
    assert "✓ execute a by command: completed" in sandbox("run", "--agent-command", "echo x > x; echo done").out


def test_status_says_whose_limit_holds_and_until_when(capsys: pytest.CaptureFixture[str]) -> None:
    last = Record(event="end", subject="", agent="claude", retry_at="2100-01-31T05:25:00Z")
    latest = Recent(fold=Fold(Totals(steps=1)), begin=None, last=last)
    seen = status.Seen(
        WorkflowState(None, None, {}, Files({}, {}), None), None, [], [], set(), latest, "main", None, None
    )
    status.show(seen)
    assert "LIMIT: waiting for claude until 2100-01-31 05:25 (in " in capsys.readouterr().out
    status.show(seen._replace(latest=latest._replace(by_hand=True)))
    assert "LIMIT" not in capsys.readouterr().out
