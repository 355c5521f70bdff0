"""Agent files: what they may say, where they are found, and which of them are used."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitorch.agents import spec
from gitorch.core.yamlnode import YamlError
from gitorch.loop import roster
from tests.sandbox import Sandbox

GOOD = "name: mine\ndescription: an agent of my own\ncommand: [sh, -c, 'echo said: $0', '{prompt}']\n"


def test_the_shipped_files_are_well_formed_and_named_as_the_contract_has_them() -> None:
    sources = roster.sources(None)
    assert set(sources) == {"aider", "claude", "codex", "gemini", "local", "opencode"}
    for name, source in sources.items():
        agent = roster.read(source)
        assert agent.name == name
        assert name == "local" or (agent.version and agent.tested and agent.figures), name


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "name: is missing"),
        ("name: ../x\ndescription: d\ncommand: [a]", "name: '../x'"),
        ("name: a\ndescription: d", "command: is missing"),
        ("name: a\ndescription: d\ncommand: [a]\nmodel: [--model]", "model: {model} is missing in it"),
        ("name: a\ndescription: d\ncommand: [a]\nbudget: [x]", "budget: {budget} is missing in it"),
        ("name: a\ndescription: d\ncommand: [a]\nidle: soon", "idle: a time like"),
        ("name: a\ndescription: d\ncommand: [a]\nstop: HUP", "stop: 'HUP' is unknown"),
        ("name: a\ndescription: d\ncommand: [a]\noutput: xml", "output: 'xml' is unknown"),
        ("name: a\ndescription: d\ncommand: [a]\nfigure: {}", "figure: unknown key; did you mean figures?"),
        ("name: a\ndescription: d\ncommand: [a]\noutput: json\nfigures: {text: '[?'}", "a.yaml:5: text: "),
        ("name: a\ndescription: d\ncommand: [a]\nfigures: {text: 'no group'}", "with a group is wanted"),
        ("name: a\ndescription: d\ncommand: [a]\nfigures: {text: '('}", "no regular expression"),
        ("name: a\ndescription: d\ncommand: [a]\nfigures: {cost: x}", "cost: unknown key"),
        ("name: a\ndescription: d\ncommand: [a]\noutcomes: [{outcome: failed}]", "tell by when, says or exit"),
        ("name: a\ndescription: d\ncommand: [a]\noutcomes: [{outcome: done, exit: [1]}]", "'done' is unknown"),
        ("name: a\ndescription: d\ncommand: [a]\noutcomes: [{outcome: failed, exit: [256]}]", "from 0 to 255"),
        ("name: a\ndescription: d\ncommand: [a]\noutcomes: [{outcome: failed, when: x}]", "says is for text"),
    ],
)
def test_a_fault_is_told_with_file_line_and_key(text: str, problem: str) -> None:
    with pytest.raises(YamlError) as caught:
        spec.parse(text, "a.yaml")
    assert problem in caught.value.message
    assert caught.value.message.startswith("a.yaml:")


def test_values_are_put_into_words_once_and_words_stay_whole() -> None:
    words = spec.fill(("{prompt}", "x{model}y", "{other}"), prompt="a {model} 'b' {package}", model="m")
    assert words == ["a {model} 'b' {package}", "xmy", "{other}"]


@pytest.fixture
def ready(sandbox: Sandbox) -> Sandbox:
    sandbox("create", "t", "-d", "Say {model} and {prompt_file}.")
    sandbox("update", "continue", "Execute t", "--task", "t")
    return sandbox


@pytest.mark.thorough
def test_the_users_own_file_is_found_and_its_args_are_added(ready: Sandbox, sealed: Path) -> None:
    folder = sealed / ".config/gitorch/agents"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(
        'name: mine\ndescription: d\ncommand: [sh, -c, \'printf "%s;" "$@" && cat\', x]\n'
        "model: [--model, '{model}']\nbudget: ['--usd={budget}']\n"
    )
    ready.git("config", "gitorch.mine.args", "--more 'two words'")
    ready("step", "--agent", "mine", "--model", "m 1", "--max-cost", "2.50")
    said = ready.git("log", "-1", "--format=%b")
    assert "--model;m 1;--usd=2.5;--more;two words;You are one invocation" in said
    assert "Say {model} and {prompt_file}." in said
    assert "Gitorch-Agent: mine" in said
    listed = {row["name"]: row for row in ready("agents", "list", "--json").json["agents"]}
    assert listed["mine"]["installed"] is True
    assert ready("agents", "show", "mine").out == (folder / "mine.yaml").read_text()


@pytest.mark.thorough
def test_args_that_no_shell_could_read_are_refused_and_nothing_is_left_open(ready: Sandbox) -> None:
    ready.git("config", "gitorch.local.args", "'open")
    refused = ready("step", code=1)
    assert "gitorch.local.args" in refused.err
    assert ready.states() == {"t": "pending"}


@pytest.mark.thorough
def test_a_file_in_the_repository_is_not_used_until_it_is_allowed(ready: Sandbox) -> None:
    path = ready.write(".tasks/agents/mine.yaml", GOOD)
    refused = ready("step", "--agent", "mine", code=1)
    assert "which you have not allowed yet" in refused.err
    assert "gitorch trust --agent mine" in refused.err
    assert ready.states() == {"t": "pending"}
    shown = ready("trust", "--agent", "mine", "--yes")
    assert "echo said" in shown.out
    path.write_text(GOOD + "# changed\n")
    assert ready("step", "--agent", "mine", code=1).err == refused.err
    path.write_text(GOOD)
    ready("step", "--agent", "mine")
    assert "said: You are one invocation" in ready.git("log", "-1", "--format=%b")


@pytest.mark.thorough
def test_a_file_in_the_repository_cannot_stand_in_for_a_shipped_one_unseen(ready: Sandbox) -> None:
    ready.write(".tasks/agents/local.yaml", GOOD.replace("mine", "local"))
    ready.commit(**{"models.md": "Say which model it is.\n"})
    ready("step", code=10)
    assert "said:" not in ready.git("log", "-1", "--format=%b")


@pytest.mark.thorough
def test_trust_of_agents_is_refused_inside_an_invocation(ready: Sandbox) -> None:
    ready.write(".tasks/agents/mine.yaml", GOOD)
    refused = ready("trust", "--agent", "mine", "--yes", code=1, env={"GITORCH_INVOCATION": "0" * 32})
    assert "inside an invocation" in refused.err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("step", "--agent", "claud"), "did you mean claude?"),
        (("agents", "check", "nobody"), "there is no agent 'nobody'"),
        (("agents", "show", "../x"), "there is no agent"),
    ],
)
@pytest.mark.thorough
def test_unknown_agents(ready: Sandbox, args: tuple[str, ...], said: str) -> None:
    assert said in ready(*args, code=2).err


@pytest.mark.thorough
def test_a_check_does_a_real_round_trip(sandbox: Sandbox, sealed: Path) -> None:
    checked = sandbox("agents", "check", "local", "--json").json
    assert (checked["ok"], checked["outcome"], checked["cost_usd"]) == (True, "completed", 0)
    folder = sealed / ".config/gitorch/agents"
    folder.mkdir(parents=True)
    (folder / "bad.yaml").write_text("name: bad\ndescription: d\ncommand: [sh, -c, 'echo no key >&2; exit 3']\n")
    (folder / "gone.yaml").write_text("name: gone\ndescription: from somewhere\ncommand: [no-such-program]\n")
    failed = sandbox("agents", "check", "bad", code=1)
    assert "✗ failed, exit 3: no key, cost unknown" in failed.out
    assert "no-such-program is not installed" in sandbox("agents", "check", "gone", code=1).err
    rows = {row["name"]: row["installed"] for row in sandbox("agents", "list", "--json").json["agents"]}
    assert (rows["bad"], rows["gone"]) == (True, False)
