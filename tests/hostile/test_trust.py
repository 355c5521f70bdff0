"""Commands in task files, templates and agent files of the repository: none runs that its user has not allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hostile.arena import Arena
from tests.sandbox import quickly, short_form

EVERY = (
    ("show", "u"),
    ("context", "u"),
    ("prompt",),
    ("templates", "list"),
    ("agents", "list"),
    ("doctor",),
    ("run", "--max-steps", "2"),
    ("create", "n"),
    ("decompose", "n", "--auto"),
    ("templates", "show", "mine"),
    ("agents", "show", "mine"),
    ("agents", "check", "mine"),
)
TASK = ".tasks/[pending]_u_task.md"
TEMPLATE = ".tasks/templates/mine.yaml"
AGENT = ".tasks/agents/mine.yaml"


def task(front: str) -> str:
    return f"---\n{front}\n---\n\n# u\n\nWhich gauges rust?\n"


def template(front: str) -> str:
    return f"name: mine\ndescription: Mine\nmatch: [n]\nsubtasks:\n  - name: one\n    description: x\n    {front}\n"


def agent(arena: Arena, name: str = "mine") -> str:
    weapon = arena.weapon("agent")
    return f"name: {name}\ndescription: Mine\ncommand: [{weapon}]\nversion: [{weapon}, --version]\n"


@pytest.mark.parametrize("key", short_form({"run": "run: {}", "check": "check: [{}]"}, 2))
@pytest.mark.thorough
def test_a_tasks_command_waits_to_be_allowed(arena: Arena, key: str) -> None:
    arena.commit("hostile", **{TASK: task(key.format(arena.touch))})
    (ran,) = arena.endures((("step",),))
    assert ran.code == 1
    assert "which you have not allowed yet" in ran.err
    assert "gitorch trust u" in ran.err
    arena.endures(EVERY)


def test_an_allowed_command_runs_until_it_is_changed(arena: Arena) -> None:
    arena.commit("theirs", **{TASK: task(f"run: {arena.touch}; echo x > x")})
    assert quickly(arena.root, "trust", "u", "--yes").code == 0
    with arena.copied() as copy:
        copy("step", code=10)
    assert arena.fired()
    arena.commit("one byte", **{TASK: task(f"run: {arena.touch}; echo x > y")})
    (ran,) = arena.endures((("step",),))
    assert "not allowed yet" in ran.err
    arena.commit("one variable", **{TASK: task(f"run: {arena.touch}; echo x > x\nenv: [A_TOKEN]")})
    (ran,) = arena.endures((("step",),))
    assert "not allowed yet" in ran.err


@pytest.mark.parametrize("key", short_form({"check": "check: [{}]", "run": "run: {}"}, 2))
@pytest.mark.thorough
def test_a_templates_command_waits_to_be_allowed(arena: Arena, key: str) -> None:
    arena.commit("hostile", **{TEMPLATE: template(key.format(arena.touch))})
    arena.commit("hostile", **{TASK: task("template: mine")})
    _, ran = arena.endures((("step",), ("step",)))
    assert "task u-one wants to run" in ran.err
    arena.endures(EVERY)


@pytest.mark.thorough
def test_an_agent_file_waits_to_be_allowed(arena: Arena) -> None:
    arena.commit("hostile", **{AGENT: agent(arena), TASK: task("agent: mine")})
    assert arena.fires(arena.weapon("agent"))
    (ran,) = arena.endures((("step",),))
    assert ran.code == 1
    assert "gitorch trust --agent mine" in ran.err
    arena.endures((*EVERY, ("step", "--agent", "mine"), ("prompt", "--agent", "mine")))
    assert quickly(arena.root, "trust", "--agent", "mine", "--yes").code == 0
    with arena.copied() as copy:
        quickly(copy.root, "agents", "list")
    assert arena.fired()
    arena.commit("one byte", **{AGENT: agent(arena) + "\n"})
    arena.endures((*EVERY, ("step", "--agent", "mine")))


@pytest.mark.thorough
def test_an_agent_file_takes_no_shipped_or_own_agents_place(arena: Arena) -> None:
    own = Path.home() / ".config/gitorch/agents/own.yaml"
    own.parent.mkdir(parents=True)
    own.write_text("name: own\ndescription: Own\ncommand: [sh, -c, echo mine > mine]\n")
    arena.commit("hostile", **{f".tasks/agents/{name}.yaml": agent(arena, name) for name in ("local", "own", "claude")})
    arena.endures((("agents", "list"), ("doctor",)))
    for name in ("own", "local"):
        with arena.copied() as copy:
            quickly(copy.root, "step", "--agent", name)
        assert not arena.fired()


BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nneeds: [*c, *c]"
YAML = {
    "a call": "kind: !!python/object/apply:os.system ['{}']",
    "a new object": "kind: !!python/object/new:os.system ['{}']",
    "a module": "kind: !!python/module:antigravity ''",
    "a name": "kind: !!python/name:os.system ''",
    "a bomb": BOMB,
    "a long bomb": "a: &a [" + "x," * 200 + "]\n" + "".join(f"b{n}: &b{n} [*a, *a]\n" for n in range(50)) + "kind: x",
    "itself": "kind: &a [*a]",
    "a merge": "x-a: &a {{kind: gather}}\n<<: *a",
    "deep": "needs: " + "[" * 3000 + "]" * 3000,
    "a second document": "kind: gather\n--- !!python/object/apply:os.system ['{}']",
}


@pytest.mark.parametrize("text", short_form(YAML, 10))
@pytest.mark.parametrize("path", [TASK, TEMPLATE, AGENT])
@pytest.mark.thorough
def test_yaml_is_only_data(arena: Arena, path: str, text: str) -> None:
    front = text.replace("{}", arena.touch.replace("'", "")).replace("{{", "{").replace("}}", "}")
    whole = {
        TASK: task(front),
        TEMPLATE: f"name: mine\ndescription: Mine\n{front}\nsubtasks: []\n",
        AGENT: f"{front}\n{agent(arena)}",
    }
    arena.commit("hostile", **{path: whole[path]})
    command = {
        TASK: ("show", "u"),
        TEMPLATE: ("templates", "check", TEMPLATE),
        AGENT: ("agents", "check", "mine"),
    }
    if path == AGENT:  # even its allowing reads nothing but data
        assert quickly(arena.root, "trust", "--agent", "mine", "--yes").code in (0, 1)
    (ran,) = arena.endures((command[path],))
    assert ran.code == 1
    assert ran.err.startswith("error: ")
    arena.endures((("status",), ("step",), ("decompose", "t", "--auto"), ("agents", "list"), ("doctor",)))
