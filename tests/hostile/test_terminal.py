"""Texts that steer a terminal: people's output holds no control character but line ends and tabs."""

from __future__ import annotations

import json
import re

import pytest

from gitorch import output
from tests.hostile.arena import READING, STEERS, WRITING, Arena, steering
from tests.sandbox import Ran, quickly, short_form

ESCAPES = {
    "colour": "\x1b[31m",
    "link": "\x1b]8;;http://nobody.invalid\x07",
    "title": "\x1b]0;mine\x07",
    "bell": "\x07\x08",
    "one byte": "\x9b2J\x90\x9d",
    "direction": "\u202e\u2066\u2069",
    "lines": "\x85\u2028\r",
}
EVIL = "".join(ESCAPES.values())
NAME = "f" + EVIL.replace("/", "") + ".txt"
TEMPLATE = (
    f"name: mine\ndescription: {json.dumps('d' + EVIL)}\nmatch: [n]\nparameters:\n  p: {json.dumps('v' + EVIL)}\n"
    f"subtasks:\n  - name: one\n    description: {json.dumps('s' + EVIL)}\n    focus: go\n"
    f"    outputs: [{json.dumps('o' + EVIL.replace('/', '') + '.md')}]\n"
)
WHOLE = re.compile(r"\x1b\[\d+m[^\x1b]*\x1b\[0m")
SGR = re.compile(r"\x1b\[(?:0|1|2|3[1-6])m|\r\x1b\[K")
AGENT = r"""printf 'said \033[31m\302\2332J\342\200\256\n'; printf '\033[31mno\302\233\n' >&2
for each in f*.txt new*; do echo more >> "$each"; done; cp f*.txt made"$(printf '\033[31m\302\233')".txt
cat > "$GITORCH_RESULT" <<'END'
{"summary": "s\u001b[31m\u202e", "next": "n\u001b]8;;x\u0007\u202e", "model": "m\u001b", "session": "s\u009b"}
END
"""


def fill(arena: Arena) -> None:
    """Put escapes wherever git and gitorch's formats let somebody put them."""
    arena.git("config", "user.name", f"N{EVIL}".replace("\u2028", "").replace("\r", ""))
    arena.write(".tasks/[pending]_u_task.md", f"---\n---\n\n# u\n\nWhich gauges {EVIL} rust?\n")
    arena.write(f".tasks/[pending]_x{EVIL.replace('/', '')}_task.md", "---\n---\n")
    arena.write(NAME, f"gauges {EVIL}\n")
    arena.write(f".tasks/t/{NAME}", f"gauges {EVIL}\n")
    arena.write("a.txt", f"gauges {EVIL}\n")
    arena.write(".tasks/templates/mine.yaml", TEMPLATE)
    arena.write(f".tasks/agents/a{EVIL.replace('/', '')}.yaml", f"name: a\ndescription: {json.dumps(EVIL)}\n")
    arena.git("add", "-A")
    arena.git("commit", "-q", "-m", f"gitorch(u): m {EVIL}\n\nGitorch-Reason: {EVIL}")
    arena.git("switch", "-q", "-c", "b\x9b\u202e")
    arena.write(NAME, f"my own gauges {EVIL}\n")
    arena.write(f"new{NAME}", f"my own gauges {EVIL}\n")


COMMANDS = (
    ("blame", NAME),
    ("blame", NAME, "HEAD"),
    ("templates", "show", "mine"),
    ("agents", "show", f"a{EVIL.replace('/', '')}"),
    ("trust", "--agent", f"a{EVIL.replace('/', '')}", "--yes"),
    ("agents", "list"),
    ("fork", "HEAD", "-b", "c\x9b\u202e"),
    ("merge", "no\x9b\u202e"),
    ("show", f"no{EVIL}"),
    ("blame", f"no{EVIL}"),
    ("templates", "check", f"no{EVIL}"),
    ("log", f"no{EVIL}"),
)


def all_of(arena: Arena) -> list[tuple[list[str], Ran]]:
    """Run all commands, and steps that succeed and fail with words of the agent's."""
    done = []
    steps = (("step", "--agent-command", AGENT), ("step", "--agent-command", AGENT + "exit 3"))
    for command in (*COMMANDS, *steps, *READING, *WRITING):
        if command[:2] in (("export", "json"), ("export", "otlp")):
            continue  # for programs
        args = [arena.invocation() if word == "INVOCATION" else word for word in command]
        done.append((args, quickly(arena.root, *args)))
    return done


def test_escapes_are_there_in_what_git_shows(arena: Arena) -> None:
    fill(arena)
    shown = arena.git("log", "-1", "--format=%an %B") + arena.git("show", "HEAD:a.txt") + arena.git("branch")
    assert {"\x1b", "\x07", "\x9b", "\u202e"} <= {*shown}


@pytest.mark.thorough
def test_no_output_for_people_steers_a_terminal(arena: Arena) -> None:
    fill(arena)
    done = all_of(arena)
    found = [each for args, ran in done for each in steering(ran, args)]
    assert found == []
    assert not [ran for _, ran in done if "has a bug" in ran.err]
    said = "".join(ran.out + ran.err for _, ran in done)
    for piece in ("left uncommitted: f\ufffd", "d\ufffd", "a\ufffd"):
        assert piece in said


@pytest.mark.thorough
def test_on_a_terminal_there_are_no_escapes_but_our_own_colours(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(arena)
    monkeypatch.setattr(output, "is_terminal", lambda _stream: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    done = all_of(arena)
    coloured = [ran for _, ran in done if SGR.search(ran.out + ran.err)]
    assert len(coloured) > len(done) // 3
    found = []
    for args, ran in done:
        found += steering(Ran(ran.code, SGR.sub("", ran.out), SGR.sub("", ran.err)), args)
        assert "\x1b" not in WHOLE.sub("", ran.out)  # each colour ends
    assert found == []


@pytest.mark.parametrize("text", short_form({**ESCAPES}, 7))
def test_main_task_takes_no_escapes(arena: Arena, text: str) -> None:
    for args in (("update", "continue", f"Go{text}on"), ("update", "continue", "Go on", "--focus", f"x{text}y")):
        assert quickly(arena.root, *args).code == 2
    arena.write(".tasks/MAIN_TASK", f"STATUS: continue\nNEXT: Go{text}on\n")
    arena.commit_all()
    for ran in arena.endures((("status",), ("prompt",), ("step",))):
        assert ran.code == 1
        assert not STEERS.search(ran.err)
