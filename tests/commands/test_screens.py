"""What people see: each screen at 80 and at 40 columns, as text files that somebody has read.

`pytest tests/commands/test_screens.py --update-screens` writes them again; read the difference before you commit it.
"""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from gitorch import output
from gitorch.cli import cli
from gitorch.commands import watching
from gitorch.core.plan import Plan
from gitorch.core.record import Totals
from gitorch.help import EVERYDAY, FURTHER, summary
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


def widest(text: str) -> int:
    return max(map(len, text.splitlines()), default=0)


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
        file = SCREENS / str(width) / f"{name}.txt"
        if pytestconfig.getoption("--update-screens"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(ran.out)
        elif not file.is_file() or file.read_text() != ran.out:
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


@pytest.mark.parametrize("width", [80, 40, 20, 5])
def test_live_lines_and_countdowns_stay_within_the_terminal(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(output, "columns", lambda _: width)
    live = watching.Live(watching.Interrupts(), stop_at=1)
    live.progress = lambda: "3/12 tasks done"
    live.began(Plan("execute", "fix-login-bug-tests"), "claude", 2, Totals(steps=11))
    live.tick(750.0)
    live.countdown(0.1, "claude asked to try again later, because the limit of its subscription is reached " * 3)
    drawn = [re.sub(r"\x1b\[K", "", line) for line in screen.getvalue().split("\r")]
    assert max(map(len, drawn)) < width
    assert any(line.startswith("… execute fix-login"[: width - 2]) for line in drawn)


def test_a_line_is_cut_by_the_columns_that_its_characters_take() -> None:
    assert output.fit("plain", 5) == "plain"
    assert output.fit("plainer", 5) == "plai…"
    assert output.fit("日本語の文", 7) == "日本語…"
    assert output.fit("anything", 0) == ""


def test_every_finished_line_names_the_agent(sandbox: Sandbox) -> None:
    sandbox("create", "a", "-d", "do a")
    assert "✓ execute a by command: completed" in sandbox("run", "--agent-command", "echo x > x; echo done").out
