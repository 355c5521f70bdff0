"""Inputs that nobody would write: each is taken or refused in a way that people can read. The long form is fuzz.py."""

from __future__ import annotations

import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

import gitorch
from gitorch.agents import report, spec
from gitorch.agents.output import Listener
from gitorch.agents.report import InvalidReport
from gitorch.core import message
from gitorch.core import task as task_files
from gitorch.core import template as templates
from gitorch.core.trailers import InvalidMessage
from gitorch.core.yamlnode import YamlError
from gitorch.errors import GitorchError
from gitorch.loop.edit import NewTask
from tests.probe import refused
from tests.reliability import fuzz, fuzz_trailers
from tests.reliability.fuzz_mutate import Mutator, shrink
from tests.reliability.fuzz_targets import AGENTS, END, Target, run_message
from tests.sandbox import Sandbox

SEED: Final = int(os.environ.get("GITORCH_SEED", "1"))
ROUNDS: Final = int(os.environ.get("GITORCH_ROUNDS", "1"))
RUNS: Final = {
    "main-task": 1500,
    "task": 400,
    "template": 150,
    "message": 300,
    "trailers": 200,
    "report": 400,
    "output": 300,
    "agent": 300,
    "arguments": 6,
    "history": 8,
}
MOST: Final = 64 * 1024 * 1024  # bytes that reading one input may take


@pytest.mark.parametrize("name", fuzz.NAMES)
@pytest.mark.thorough
def test_inputs_are_taken_or_refused(tmp_path: Path, name: str) -> None:
    made = fuzz.target(name, tmp_path)
    mutator = Mutator(made.seeds, SEED)
    taken = 0
    for data in made.seeds if RUNS[name] > 100 else ():
        taken += take(name, made, data)
    for _ in range(RUNS[name] * ROUNDS):
        data = mutator.next()
        if take(name, made, data):
            taken += 1
            mutator.keep(data)
    assert taken


def take(name: str, made: Target, data: bytes) -> bool:
    try:
        with fuzz.limited():
            return made.run(data)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a fault
        pytest.fail(f"{name}, seed {SEED}: {type(error).__name__}: {error} with {data!r}")


def test_the_same_seed_gives_the_same_inputs() -> None:
    first, second = (Mutator([b"one\ntwo", b"three"], 7) for _ in range(2))
    assert [first.next() for _ in range(50)] == [second.next() for _ in range(50)]


def test_a_fault_is_found_and_made_small() -> None:
    def run(data: bytes) -> bool:
        assert b"NEXT: \n" not in data
        return True

    made = Target(run, [b"STATUS: continue\nNEXT: Go on\n", b"NEXT: \r\n"])
    mutator = Mutator(made.seeds, 1)
    bad = next(data for data in iter(mutator.next, None) if fuzz.fault(made, data))
    assert shrink(bad, lambda less: fuzz.fault(made, less) is not None) == b"NEXT: \n"


@pytest.mark.thorough
def test_the_long_form_runs_as_a_program(tmp_path: Path) -> None:
    words = (sys.executable, "-m", "tests.reliability.fuzz", "main-task", "--runs", "300", "--engine", "seeded")
    here = Path(fuzz.__file__).parents[2]
    env = {**os.environ, "PYTHONPATH": str(here)}
    done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    assert "300 runs" in done.stdout
    assert "0 crashes" in done.stdout


def test_the_long_form_is_guided_by_coverage(tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="atheris is not installed")
    words = (sys.executable, "-m", "tests.reliability.fuzz", "task", "--runs", "2000", "--engine", "atheris")
    env = {**os.environ, "PYTHONPATH": str(Path(fuzz.__file__).parents[2])}
    done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    assert "Done 2000" in done.stdout + done.stderr
    assert "cov: " in done.stdout + done.stderr


@pytest.mark.heavy
@pytest.mark.parametrize("name", fuzz.NAMES)
def test_a_hundred_times_as_many_inputs_are_taken_or_refused(tmp_path: Path, name: str) -> None:
    made = fuzz.target(name, tmp_path)
    mutator = Mutator(made.seeds, SEED)
    taken = 0
    for _ in range(RUNS[name] * 100 * ROUNDS):
        data = mutator.next()
        if take(name, made, data):
            taken += 1
            mutator.keep(data)
    print(f"{name}: {RUNS[name] * 100 * ROUNDS} inputs, {taken} taken, seed {SEED}", file=sys.__stderr__)
    assert taken


def test_git_itself_takes_no_free_text_for_a_trailer(tmp_path: Path) -> None:
    judge = fuzz_trailers.Judge(tmp_path)
    for seed in fuzz_trailers.target(tmp_path / "seeds").seeds * fuzz_trailers.ALONE:
        judge.take(seed)
    judge.flush()
    assert judge.judged > fuzz_trailers.ALONE


HEAD: Final = "gitorch(a): x\n\nGitorch-Event: adopt\n"
LARGE: Final[dict[str, Callable[[], object]]] = {
    "a record of many states": lambda: message.parse(
        HEAD + "".join(f"Gitorch-State: t{number}: pending -> running\n" for number in range(20_000)) + "Acked-by: a\n"
    ),
    "a body of risky lines": lambda: message.parse("gitorch(a): x\n\n" + " from 1:2" * 200_000 + "\n\n" + HEAD[15:]),
    "deep lists": lambda: templates.parse("[" * 250_000, "FILE"),
    "deep blocks": lambda: templates.parse("- " * 120_000, "FILE"),
    "aliases of aliases": lambda: templates.parse(
        "a0: &a0 x\n" + "".join(f"a{n}: &a{n} [{f'*a{n - 1}, ' * 9}]\n" for n in range(1, 20)), "FILE"
    ),
    "a wide list": lambda: task_files.parse("a", b"---\nneeds: [" + b"b," * 60_000 + b"]\n---\n", "FILE"),
    "many keys": lambda: task_files.parse(
        "a", b"---\n" + b"".join(b"k%d: 1\n" % n for n in range(10_000)) + b"---\n", "FILE"
    ),
    "nothing but comments": lambda: task_files.parse("a", b"---\n" + b"#\n" * 120_000 + b"---\n", "FILE"),
}


@pytest.mark.parametrize("read", LARGE.values(), ids=LARGE.keys())
@pytest.mark.thorough
def test_large_inputs_take_bounded_memory(read: Callable[[], object]) -> None:
    tracemalloc.start()
    try:
        with fuzz.limited():
            read()
    except GitorchError as error:
        assert error.message.isprintable()  # noqa: PT017 - to be read is right too
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < MOST


# what the long form has found


def listener(name: str) -> Listener:
    path = next(path for path in AGENTS if path.stem == name)
    return Listener(spec.parse(path.read_text(), path.name))


@pytest.mark.parametrize(
    ("agent", "line"),
    [
        ("opencode", b'{"type": "step_finish", "part": {"cost": "free"}}\n'),
        ("gemini", b'{"type": "result", "stats": {"total_tokens": "many"}}\n'),
    ],
)
def test_a_figure_of_another_type_than_the_agent_file_expects_is_unknown(agent: str, line: bytes) -> None:
    hears = listener(agent)
    hears.feed(line)
    heard = hears.end(0, line, b"")
    assert heard.cost_usd is None
    assert heard.model is None


def test_a_cost_larger_than_any_float_is_cut_like_others(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text('{"cost_usd": ' + "9" * 400 + "}")
    read = report.read(path)
    assert read is not None
    assert read.cost_usd == 10**9
    path.write_text('{"cost_usd": -' + "9" * 400 + "}")
    with pytest.raises(InvalidReport):
        report.read(path)


AGENT: Final = "name: mine\ndescription: x\ncommand: x\noutput: json\n"


@pytest.mark.parametrize(
    "keys",
    [
        "figures: {text: '" + "[" * 5000 + "'}",
        "figures: {text: '[?a\N{ZERO WIDTH JOINER}]'}",
        "figures: {text: 'a=" + "b" * 5000 + "'}",
        "outcomes: [{outcome: failed, says: 'a{4294967296}'}]",
        "outcomes: [{outcome: failed, says: '" + "(" * 5000 + "'}]",
        "outcomes: [{outcome: failed, exit: '" + "0" * 5000 + "'}]",
        "outcomes: [{outcome: failed, exit: '٣'}]",
    ],
    ids=["deep", "unprintable", "long", "repeated", "deep-pattern", "long-code", "other-digits"],
)
def test_a_bad_expression_is_refused_in_one_short_printable_line(keys: str) -> None:
    with pytest.raises(YamlError) as caught:
        spec.parse(AGENT + keys, "FILE")
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 500


def test_a_pattern_that_python_may_read_otherwise_one_day_gives_no_warning() -> None:
    agent = spec.parse(AGENT + "outcomes: [{outcome: failed, says: '[[a]'}]", "FILE")
    assert Listener(agent).end(0, b"[", b"").outcome == "failed"


def test_the_key_of_a_trailer_is_shown_printable() -> None:
    text = message.build(END._replace(body=""))
    for key in ("Gitorch-\udcff: x\n", "Gitorch-\x1b: x\n", "Gitorch-\u202e: x\n"):
        with pytest.raises(InvalidMessage) as caught:
            message.parse(text + key * 2)
        assert caught.value.message.isprintable()
    assert not run_message(b"0" + text.encode() + b"Gitorch-\xff: x\n" * 2)


def test_decompose_of_a_task_that_is_not_there_is_refused(sandbox: Sandbox) -> None:
    sandbox.commit()
    refused(sandbox, "decompose", "nobody", says="there is no task 'nobody'")


@pytest.mark.thorough
def test_an_agent_that_does_nothing_has_failed_whatever_others_commit_meanwhile(sandbox: Sandbox) -> None:
    sandbox.commit("first", file="x\n")
    with gitorch.open(sandbox.root) as workflow:
        workflow.create(NewTask(name="t"))
        for meanwhile in (
            lambda: workflow.create(NewTask(name="u")),
            lambda: sandbox.commit("ordinary", file="y\n"),
        ):
            workflow.update("continue", "Execute t", task="t")
            workflow.begin()
            meanwhile()
            step = workflow.finish(code=0)
            assert step.outcome == "failed"
            assert (step.reason or "").startswith("it ended without changing or saying anything")
        workflow.begin()
        sandbox.write(".tasks/t/work.md", "done\n")
        assert workflow.finish(code=0).outcome == "completed"
        assert workflow.verify().problems == []
