"""The real `claude`, driven by gitorch, against a scripted server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gitorch.agents.output import Heard, Listener
from gitorch.loop import environment, roster
from tests.agents.conftest import Claude
from tests.agents.protocols.messages import (
    Messages,
    Turn,
    Usage,
    bash,
    call,
    error,
    overloaded,
    rate_limited,
    refuse,
    say,
)
from tests.agents.server import Request, Response
from tests.loop.bench import Bench, wait_for
from tests.sandbox import Ran, Sandbox, run

SCRIPTS = ".claude/skills/task-creator/scripts"
HASTY = "from gitorch.__main__ import main; from gitorch.loop import claim; claim._FIRST_WAIT = 1; main()"
GATHERING, ANALYSIS, SYNTHESIS = (f"ai-research-{part}" for part in ("data-gathering", "analysis", "synthesis"))

needs_proc = pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")


@pytest.fixture
def mark() -> Iterator[str]:
    """Give a number of seconds that no other process sleeps, and leave none behind that does."""
    mark = f"1000.{os.getpid()}{time.monotonic_ns()}"
    yield mark
    for pid in running(mark):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def write(path: str, content: str, usage: Usage | None = None) -> Turn:
    return call("Write", usage, file_path=path, content=content)


def move(name: str, state: str, *more: str) -> Turn:
    return bash(" ".join(["python", f"{SCRIPTS}/change_task_state.py", name, state, *more]))


def ends(sandbox: Sandbox) -> list[dict[str, Any]]:
    """Give the records of agents' invocations, the oldest first."""
    records = [json.loads(line) for line in sandbox("log", "--json").out.splitlines()]
    return [record for record in reversed(records) if record["event"] == "end"]


def tool_results(request: Request) -> list[dict[str, Any]]:
    """Give what came of the tools that were called last."""
    content = request.body["messages"][-1]["content"]
    return [block for block in content if isinstance(block, dict) and block["type"] == "tool_result"]


def figures(result: dict[str, Any]) -> dict[str, Any]:
    """Give what the program says of itself, under the names that the records have."""
    models = result["modelUsage"]
    figures: dict[str, Any] = {"cost_usd": round(result["total_cost_usd"], 6), "session": result["session_id"]}
    if models:
        cached = sum(used["cacheReadInputTokens"] for used in models.values())
        fresh = sum(used["inputTokens"] + used["cacheCreationInputTokens"] for used in models.values())
        figures |= {"tokens_in": fresh + cached, "tokens_cached": cached, "model": ", ".join(models)}
        figures["tokens_out"] = sum(used["outputTokens"] for used in models.values())
    return figures


def running(word: str) -> dict[int, str]:
    """Give the processes that have a word in their command line."""
    found: dict[int, str] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with suppress(OSError):
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                found |= {int(folder.name): line} if word in line else {}
    return found


def is_seen(word: str, program: subprocess.Popen[str]) -> bool:
    """Wait for a program's end; tell whether a process with a word in its command line ran meanwhile."""
    seen = False
    while program.poll() is None:
        seen = seen or bool(running(word))
        time.sleep(0.02)
    program.communicate()
    return seen


def run_hastily(sandbox: Sandbox, *options: str, code: int) -> Ran:
    """Run gitorch as a program that waits a second where it would wait a minute."""
    ran = run(sys.executable, "-c", HASTY, "run", "--agent", "claude", *options, cwd=sandbox.root)
    assert ran.code == code, ran
    return ran


def limit_over_soon(_: Request) -> Response:
    return rate_limited(
        {
            "anthropic-ratelimit-unified-status": "rejected",
            "anthropic-ratelimit-unified-representative-claim": "five_hour",
            "anthropic-ratelimit-unified-reset": str(int(time.time()) + 2),
        }
    )


def test_a_research_workflow_in_which_all_happens_that_can(claude: Claude, sandbox: Sandbox) -> None:
    claude.keep_output()
    claude.has_a_subscription()
    sandbox.commit(**{"README.md": "# Sample\n"})
    sandbox("init", "--claude")
    sandbox("start", "ai-research", "-d", "What do agents cost?")
    gathering = [
        write(f".tasks/{GATHERING}/sources.md", "- README.md:1 'Sample'\n", Usage(1200, 300, 4000, 150)),
        move(GATHERING, "completed"),
        bash(f"python {SCRIPTS}/update_main_task.py continue 'Weigh the costs' --task {ANALYSIS} --focus 'Mind dates'"),
        say("Found one source.", Usage(90, 10, 5600, 31)),
    ]
    overrun = bash("gitorch status", Usage(1_000_000, 0, 0, 100_000))
    asking = [move(ANALYSIS, "blocked", "--reason", "'Which year?'"), say("I asked.", Usage(70, 0, 900, 12))]
    readme = str(sandbox.root / "README.md")
    analysis = [
        call("Read", file_path=readme),
        call("Edit", file_path=readme, old_string="# Sample", new_string="# Example"),
        write(f".tasks/{ANALYSIS}/analysis.md", "Little is known of 2025.\n"),
        move(ANALYSIS, "completed"),
        say("Weighed."),
    ]
    synthesis = [
        write(f".tasks/{SYNTHESIS}/report.md", "They cost little.\n"),
        move(SYNTHESIS, "completed"),
        say("All is said."),
    ]
    with Messages(limit_over_soon, overloaded(), *gathering, refuse(), overrun, *asking) as server:
        claude.speaks_to(server)
        # two limits are waited for; the third attempt would be over the budget
        run_hastily(sandbox, "--max-cost", "2", code=30)
        run_hastily(sandbox, "--max-cost", "50", code=20)
        assert "Which year?" in sandbox("status").out
        sandbox("answer", "The year 2025")
        server.script.add(*analysis, *synthesis)
        run_hastily(sandbox, "--max-cost", "50", code=0)
        assert server.script.left == 0
        assert "The year 2025" in server.asked[-len(analysis + synthesis)].text

    results = [block for request in server.asked for block in tool_results(request)]
    assert not [block for block in results if block.get("is_error")]
    records = ends(sandbox)
    assert [(record["states"][0]["name"], record["outcome"], record["attempt"]) for record in records] == [
        (GATHERING, "rate-limited", 1),
        (GATHERING, "unavailable", 1),
        (GATHERING, "completed", 1),
        (ANALYSIS, "failed", 1),
        (ANALYSIS, "failed", 2),
        (ANALYSIS, "blocked", 3),
        (ANALYSIS, "completed", 1),
        (SYNTHESIS, "completed", 1),
    ]
    reasons = [
        "session limit",
        "529 Overloaded",
        None,
        "Usage Policy",
        "Reached maximum budget ($1.98",
        None,
        None,
        None,
    ]
    for record, reason in zip(records, reasons, strict=True):
        assert (reason or "") in record.get("reason", "")
        assert ("reason" in record) == (reason is not None)
    assert records[2]["body"] == "Found one source."
    assert (records[2]["next"], records[2]["focus"]) == ("Weigh the costs", "Mind dates")
    assert records[5]["question"] == "Which year?"

    said = [figures(result) for result in claude.results()]
    assert [{key: record.get(key) for key in each} for record, each in zip(records, said, strict=True)] == said
    assert records[-1]["total_cost_usd"] == round(sum(each["cost_usd"] for each in said), 6) > 4
    assert records[-1]["total_unpriced"] == 0

    assert sandbox.main_task() == "STATUS: completed\nNEXT: All tasks completed\n"
    assert sandbox.git("show", "HEAD:README.md") == "# Example\n"
    assert sandbox.git("show", f"HEAD:.tasks/{SYNTHESIS}/report.md") == "They cost little.\n"
    assert sandbox.status() == ""
    assert sandbox("verify", "--json").json["ok"]
    assert sandbox.decoys_untouched()


def test_what_is_uncommitted_stays_as_it_is(claude: Claude, bench: Bench) -> None:
    bench.write("a.txt", "mine\n" + bench.read("a.txt"))
    bench.write("staged.txt", "staged\n")
    bench.git("add", "staged.txt")
    bench.write("staged.txt", "staged, then changed\n")
    bench.write("new.txt", "new\n")
    before = bench.photo(without=["a.txt"])
    edit = call("Edit", file_path=str(bench.root / "a.txt"), old_string="line 30\n", new_string="line thirty\n")
    read = call("Read", file_path=str(bench.root / "a.txt"))
    with Messages(read, edit, bash("gitorch move t completed"), say("Done.")) as server:
        claude.speaks_to(server)
        bench("step", "--agent", "claude")
    assert bench.photo(without=["a.txt"]) == before
    assert bench.read("a.txt").startswith("mine\nline 1\n")
    assert bench.read("a.txt").endswith("line thirty\n")
    assert bench.git("show", "HEAD:a.txt") == bench.read("a.txt").removeprefix("mine\n")
    assert bench.states()["t"] == "completed"
    assert bench.is_sound()


def test_what_is_not_allowed_is_not_done(claude: Claude, bench: Bench) -> None:
    commands = ["touch $HOME/x", 'python -c \'open("x", "w")\'', "git commit --allow-empty -m x", "touch ../x"]
    files = [str(bench.root.parent / "x"), ".git/hooks/x", ".claude/settings.json", ".tasks/MAIN_TASK"]
    tries = [*map(bash, commands), *(write(file, "x\n") for file in files)]
    head = bench.head()
    with Messages(*tries, say("Nothing went.")) as server:
        claude.speaks_to(server)
        bench("step", "--agent", "claude")
        refused = [block["is_error"] for request in server.asked for block in tool_results(request)]
    assert refused == [True] * len(tries)
    assert not [folder for folder in (bench.root.parent, bench.root, Path.home()) if (folder / "x").exists()]
    assert not [file for file in files[:-1] if (bench.root / file).exists()]
    assert bench.git("rev-parse", "HEAD~2").strip() == head  # begin and end, and nothing else
    assert bench.trailers()["Gitorch-Outcome"] == "failed"  # it has said something, and done nothing
    assert "Bash(git commit --allow-empty -m x)" in bench.trailers()["Gitorch-Reason"]
    assert bench.is_sound()


def test_the_guard_holds_whatever_is_allowed(claude: Claude, bench: Bench) -> None:
    bench.git("config", "gitorch.claude.args", "--permission-mode bypassPermissions")
    bench.write("new.txt", "mine\n")
    before, head = bench.photo(), bench.head()
    tries = [bash(line) for line in ("git reset --hard", "git stash -u", "git commit --amend", "git push --force")]
    with Messages(*tries, bash("gitorch move t failed --reason 'Nothing went'"), say("Nothing went.")) as server:
        claude.speaks_to(server)
        bench("step", "--agent", "claude")
        answers = [block for request in server.asked for block in tool_results(request)]
    assert [block["is_error"] for block in answers] == [True] * len(tries) + [False]
    assert bench.photo() == before
    assert bench.git("rev-parse", "HEAD~2").strip() == head  # begin and end, and nothing else
    assert bench.trailers()["Gitorch-Outcome"] == "failed"
    assert "Nothing went" in bench.trailers()["Gitorch-Reason"]


def test_the_users_own_arguments_loosen_what_is_allowed(claude: Claude, bench: Bench) -> None:
    bench.git("config", "gitorch.claude.args", "--allowedTools 'Bash(make:*)'")
    with Messages(bash("make --version"), bash("gitorch status"), bash("perl -v"), say("Done.")) as server:
        claude.speaks_to(server)
        bench("step", "--agent", "claude", "--model", "claude-haiku-4-5")
        refused = [block["is_error"] for request in server.asked for block in tool_results(request)]
    assert refused == [False, False, True]
    assert bench.trailers()["Gitorch-Model"] == "claude-haiku-4-5"


def test_what_several_models_and_a_second_answer_cost_counts_once(claude: Claude, bench: Bench) -> None:
    claude.keep_output()
    claude.monkeypatch.setenv("CLAUDE_CODE_DISABLE_BACKGROUND_TASKS", "0")

    def answer(request: Request) -> Turn:
        of_helper = "haiku" in request.body["model"]
        # the helper ends when the first answer is long given
        return Turn("Helped.", usage=Usage(100, 10, 20, 30), wait=2) if of_helper else say("Done.", Usage(1, 2, 3, 4))

    helper = {"description": "help", "prompt": "Help.", "subagent_type": "general-purpose", "model": "haiku"}
    start = Turn(calls=(("Agent", {**helper, "run_in_background": True}),))
    with Messages(start, answer, answer, answer) as server:
        claude.speaks_to(server)
        bench("step", "--agent", "claude")
        assert server.script.left == 0
    first, second = (doc for doc in claude.calls()[0] if doc["type"] == "result")
    assert first["total_cost_usd"] < second["total_cost_usd"]
    record = ends(bench)[-1]
    said = figures(second)
    assert {key: record[key] for key in said} == said
    assert (record["tokens_in"], record["tokens_out"]) == (10 + 130 + 6 + 6, 5 + 30 + 4 + 4)
    assert "claude-haiku" in record["model"]
    assert ", " in record["model"]


@needs_proc
def test_nothing_runs_on_in_the_background(claude: Claude, bench: Bench, mark: str) -> None:
    bench.git("config", "gitorch.claude.args", "--permission-mode bypassPermissions")
    lines = [
        f"sleep {mark} &",
        f"setsid sleep {mark} &",
        f"nohup env -i sleep {mark} >/dev/null 2>&1 &",
        f"(setsid env -i sh -c 'sleep {mark} & sleep {mark}' >/dev/null 2>&1 &)",
        "true",
    ]
    sleeping: list[str] = []

    def all_sleep() -> bool:
        sleeping[:] = [line for line in running(mark).values() if line.startswith("sleep")]
        return len(sleeping) == 5

    def look(_: Request) -> Turn:
        wait_for(all_sleep)
        return bash("gitorch status")

    with Messages(bash("\n".join(lines)), look, bash("gitorch move t completed"), say("Done.")) as server:
        claude.speaks_to(server)
        bench("step", "--agent", "claude")
    assert len(sleeping) == 5
    assert running(mark) == {}
    assert bench.trailers()["Gitorch-Outcome"] == "completed"


@needs_proc
def test_a_timeout_ends_it_with_its_commands(claude: Claude, bench: Bench, mark: str) -> None:
    bench.git("config", "gitorch.claude.args", "--permission-mode bypassPermissions")
    path = ".tasks/[pending]_t_task.md"
    text = bench.read(path)
    for seconds in (4, 20, 60):  # where the machine is so slow that it has not come far, it gets more time
        bench.commit(**{path: text.replace("---\n", f"---\ntimeout: {seconds}s\n", 1)})
        with Messages(bash(f"setsid sleep {mark} & sleep {mark}", Usage(77))) as server:
            claude.speaks_to(server)
            seen = is_seen(mark, bench.start("step", "--agent", "claude"))
        assert running(mark) == {}
        assert bench.trailers()["Gitorch-Outcome"] == "timeout"
        if seen:
            break
    assert bench.trailers()["Gitorch-Tokens-In"] == "77"  # asked politely, it tells what it has spent
    assert bench.is_sound()


def test_of_an_overload_nobody_knows_when_it_ends(claude: Claude, bench: Bench) -> None:
    with Messages(overloaded()) as server:
        claude.speaks_to(server)
        began = time.time()
        bench("run", "--agent", "claude", "--no-wait", code=75)
        bench("step", "--agent", "claude", code=75)
        assert len(server.asked) == 1
    at = datetime.fromisoformat(bench.trailers()["Gitorch-Retry-At"].replace("Z", "+00:00"))
    assert began + 55 < at.timestamp()
    assert bench.states()["t"] == "pending"


def test_a_key_that_is_not_accepted_stops_the_run(claude: Claude, bench: Bench) -> None:
    with Messages(error(401, "authentication_error", "invalid x-api-key")) as server:
        claude.speaks_to(server)
        stopped = bench("run", "--agent", "claude", code=1)
    assert "hint: log in: run claude, then type /login" in stopped.err
    assert bench.trailers()["Gitorch-Outcome"] == "unavailable"
    assert bench.states()["t"] == "pending"
    assert "Invalid API key" in bench.trailers()["Gitorch-Reason"]


def test_it_cuts_a_task_that_no_template_fits(claude: Claude, sandbox: Sandbox) -> None:
    name = "new-grammar"
    sandbox("start", name, "-d", "Port the parser to the new grammar.")
    subtasks = """\
name: new-grammar
description: First the grammar, then the code.
subtasks:
  - name: grammar
    kind: gather
    description: |
      List the rules that have changed.
    outputs: [rules.md]
  - name: code
    kind: execute
    description: Change the code.
    needs: [grammar]
"""
    wrong = subtasks.replace("[grammar]", "[grammer]")
    with Messages(
        write(f".tasks/{name}/subtasks.yaml", wrong),
        say("Cut, with a slip."),
        write(f".tasks/{name}/subtasks.yaml", subtasks),
        say("Cut."),
        write(f".tasks/{name}-grammar/rules.md", "None.\n"),
        say("Listed."),
        write("parser.c", "int parse;\n"),
        say("Ported."),
    ) as server:
        claude.speaks_to(server)
        sandbox("run", "--agent", "claude")
        assert server.script.left == 0
        assert f".tasks/{name}/subtasks.yaml" in server.asked[0].text
        assert "grammer" in server.asked[2].text  # the second attempt hears what was wrong
    assert sandbox.states() == {name: "completed", f"{name}-grammar": "completed", f"{name}-code": "completed"}
    assert [(record["action"], record["outcome"]) for record in ends(sandbox)] == [
        ("decompose", "rejected"),
        ("decompose", "completed"),
        ("gather", "completed"),
        ("execute", "completed"),
    ]
    assert sandbox("verify", "--json").json["ok"]


# --- what it prints, shortened: these tests need no program

SONNET = {"inputTokens": 10, "outputTokens": 5, "cacheReadInputTokens": 3, "cacheCreationInputTokens": 2}
HAIKU = {"inputTokens": 100, "outputTokens": 50, "cacheReadInputTokens": 30, "cacheCreationInputTokens": 20}
RESULT = {"type": "result", "subtype": "success", "is_error": False, "session_id": "s1", "api_error_status": None}


def heard(*documents: dict[str, Any], code: int) -> Heard:
    listener = Listener(roster.load(None, "claude"))
    listener.feed("".join(json.dumps(document) + "\n" for document in documents).encode())
    return listener.end(code, b"", b"")


def test_sums_over_models_and_the_last_of_two_results() -> None:
    first = RESULT | {"result": "One.", "total_cost_usd": 0.1, "modelUsage": {"sonnet": SONNET}}
    second = RESULT | {"result": "Two.", "total_cost_usd": 0.30000000000000004}
    second |= {"modelUsage": {"sonnet": SONNET, "haiku": HAIKU}}
    allowed = {"type": "rate_limit_event", "rate_limit_info": {"status": "allowed", "resetsAt": 1795374575}}
    after = {"type": "system", "subtype": "task_notification", "session_id": "s1"}
    assert heard(allowed, first, second, after, code=0) == Heard(
        text="Two.",
        cost_usd=Decimal("0.3"),
        tokens_in=165,
        tokens_cached=33,
        tokens_out=55,
        session="s1",
        model="sonnet, haiku",
    )


@pytest.mark.parametrize(("status", "outcome"), [(429, "rate-limited"), (503, "unavailable"), (529, "unavailable")])
def test_a_busy_server_is_waited_for(status: int, outcome: str) -> None:
    said = {"is_error": True, "api_error_status": status, "result": "API Error", "total_cost_usd": 0, "modelUsage": {}}
    told = heard(RESULT | said, code=1)
    assert (told.outcome, told.error, told.cost_usd, told.retry_at) == (outcome, "API Error", Decimal(0), None)


def test_a_subscriptions_limit_tells_when_it_is_over() -> None:
    limit = {"status": "rejected", "resetsAt": 1795374575, "rateLimitType": "five_hour"}
    said = {"is_error": True, "result": "You've hit your session limit · resets 7:09pm (UTC)", "total_cost_usd": 0}
    told = heard({"type": "rate_limit_event", "rate_limit_info": limit}, RESULT | said, code=1)
    assert (told.outcome, told.retry_at) == ("rate-limited", "2026-11-22T19:09:35Z")


@pytest.mark.parametrize(
    ("status", "outcome", "temporary"),
    [
        (None, "failed", False),
        (400, "failed", False),
        (401, "unavailable", False),
        (404, "unavailable", False),
        (500, "unavailable", True),
    ],
)
def test_other_errors_are_no_rate_limit(status: int | None, outcome: str, temporary: bool) -> None:
    told = heard(RESULT | {"is_error": True, "api_error_status": status, "result": "No such model"}, code=1)
    assert (told.outcome, told.error) == (outcome, "No such model")
    assert (told.rule is not None and told.rule.temporary) is temporary


def test_words_of_limits_in_an_answer_are_none() -> None:
    told = heard(RESULT | {"result": "The API says 429: you've hit your limit, usage limit reached"}, code=0)
    assert (told.outcome, told.error) == (None, None)


def test_a_spent_budget_is_an_error_that_costs() -> None:
    said = {"subtype": "error_max_budget_usd", "is_error": True, "errors": ["Reached maximum budget ($0.5)"]}
    usage = {"usage": {"input_tokens": 0}, "total_cost_usd": 7.5, "modelUsage": {"sonnet": SONNET}}
    told = heard(RESULT | said | usage, code=1)
    assert (told.outcome, told.error) == ("failed", "Reached maximum budget ($0.5)")
    assert (told.cost_usd, told.tokens_in) == (Decimal("7.5"), 15)


def test_it_does_not_take_itself_for_a_session_inside_another(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_CODE_SESSION_ID", "AI_AGENT"):
        monkeypatch.setenv(key, "1")
    monkeypatch.setenv("CLAUDE_CODE_DISABLE_BACKGROUND_TASKS", "0")
    env = environment.for_agent(roster.load(None, "claude"))
    assert {key: value for key, value in env.items() if key.startswith(("CLAUDE", "AI_AGENT"))} == {
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "0",
    }
