"""The setting that allows a denied tool call."""

from __future__ import annotations

import shlex

import pytest

from gitorch.agents.denials import how_to_allow, prefix_of
from gitorch.agents.spec import Agent
from gitorch.loop import roster


def agent(name: str) -> Agent:
    return roster.read(roster.sources(None)[name])


@pytest.mark.parametrize(
    ("command", "prefix"),
    [
        ("python -m pytest -q tests", "python -m pytest"),
        ("npm run test -- --watch", "npm run"),
        ("make", "make"),
        ("pytest tests/x.py", "pytest"),
        ("./tools/check --all", "./tools/check"),
        ("git commit -m 'a b'", "git commit"),
        ("cd src && make -j2", "make"),
        ("make; rm x", "make"),
        ('"quoted program" x', None),
        ('"$(evil)" x', None),
        ("FOO=1 make", None),
        ("", None),
    ],
)
def test_a_command_is_known_by_its_first_words(command: str, prefix: str | None) -> None:
    assert prefix_of(command) == prefix


def test_the_setting_keeps_what_the_user_has_allowed_already() -> None:
    args = "--allowedTools 'Bash(make:*)'"
    setting = how_to_allow(agent("claude"), ["Write /etc/x", "Bash(python -m pytest -q)"], args)
    assert setting is not None
    *command, value = shlex.split(setting)
    assert command == ["git", "config", "gitorch.claude.args"]
    assert shlex.split(value) == [
        *("--allowedTools", "Bash(make:*)"),
        *("--allowedTools", "Bash(python -m pytest:*)"),
    ]


def test_each_agent_has_the_words_of_its_own_program() -> None:
    assert "run_shell_command(make)" in str(how_to_allow(agent("gemini"), ["run_shell_command(make)"]))
    assert '"npm test *": "allow"' in str(how_to_allow(agent("opencode"), ["bash(npm test)"]))
    assert how_to_allow(agent("claude"), ["Write /etc/x"]) is None
    assert how_to_allow(agent("aider"), ["x(y)"]) is None
