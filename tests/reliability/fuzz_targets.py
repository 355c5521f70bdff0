"""What is fuzzed: each target takes bytes, and complains about all that is not as the docs say."""

from __future__ import annotations

import contextlib
import json
import random
import re
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple
from unittest import mock

from gitorch.agents import report as reports
from gitorch.agents import spec
from gitorch.agents.output import Heard, Listener
from gitorch.core import main_task as main_tasks
from gitorch.core import message, plain
from gitorch.core import task as task_files
from gitorch.core import template as templates
from gitorch.core.expand import expand
from gitorch.core.main_task import MainTask
from gitorch.core.moves import Change
from gitorch.core.record import Again, Check, Record, Totals
from gitorch.core.task import Task
from gitorch.core.text import is_unsafe, one_line
from gitorch.core.trailers import InvalidMessage
from gitorch.data import folder as shipped_folder
from gitorch.errors import GitorchError

PACKAGE: Final = Path(spec.__file__).parent


class Target(NamedTuple):
    """Something that takes bytes: `run` tells whether it took them, and raises where something is wrong."""

    run: Callable[[bytes], bool]
    seeds: list[bytes]


@contextlib.contextmanager
def refusing() -> Iterator[None]:
    """See that a refusal is one that people can read."""
    try:
        yield
    except GitorchError as error:
        check_refusal(error.message)
        raise


def check_refusal(text: str) -> None:
    assert text.isprintable(), text
    assert len(text) < 2000, text


def text_of(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def by_the_book(data: bytes) -> bool:
    """Judge MAIN_TASK by what docs/format.md says of it."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    lines = text.split("\n")
    if len(data) >= 400 or lines.pop() or not 1 <= len(lines) <= 4:
        return False
    pairs = [line.partition(": ") for line in lines]
    keys = [key for key, _, _ in pairs]
    wanted = [key for key in ("STATUS", "NEXT", "TASK", "FOCUS") if key in keys]
    if keys != wanted or keys[:2] != ["STATUS", "NEXT"]:
        return False
    values = {key: value for key, _, value in pairs}
    sentences = [values["NEXT"], *([values["FOCUS"]] if "FOCUS" in values else [])]
    return (
        values["STATUS"] in {"continue", "completed", "blocked"}
        and all(map(is_sentence, sentences))
        and ("TASK" not in values or is_name(values["TASK"]))
    )


def is_sentence(text: str) -> bool:
    plain_line = not any(
        unicodedata.category(c) in {"Cc", "Zl", "Zp"} or c in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
        for c in text
    )
    return bool(text) and plain_line and text == text.strip() and len(text.split()) <= 15 and len(text.encode()) <= 120


def is_name(text: str) -> bool:
    device = re.fullmatch("con|prn|aux|nul|com[1-9]|lpt[1-9]", text.split(".", 1)[0])
    form = re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,99}", text)
    return bool(form) and not text.endswith(".") and text not in {"templates", "main_task"} and not device


def run_main_task(data: bytes) -> bool:
    try:
        with refusing():
            read = main_tasks.parse(data)
    except GitorchError:
        assert not by_the_book(data)
        return False
    assert by_the_book(data)
    assert main_tasks.format(read).encode() == data
    return True


def main_task_target() -> Target:
    made = [
        MainTask("continue", "Execute a-b subtask", "a-b", "Weigh the evidence; separate facts from inference"),
        MainTask("blocked", "Größe: which?"),
        MainTask("completed", "All tasks completed", "x.1"),
        MainTask("continue", " ".join(["word"] * 15), "a" * 100, "é" * 60),
    ]
    return Target(run_main_task, [main_tasks.format(each).encode() for each in made])


def run_task(data: bytes) -> bool:
    try:
        with refusing():
            read = task_files.parse("some-task", data, "FILE")
    except GitorchError:
        return False
    same = read._replace(description=read.description.replace("\r\n", "\n").strip())
    assert task_files.parse("some-task", task_files.format(same).encode(), "FILE") == same
    return True


def task_target() -> Target:
    made = [
        Task(name="some-task", description="# some-task\n\nDo it."),
        Task(
            name="some-task",
            parent="p",
            needs=("a", "b.c"),
            order=7,
            kind="gather",
            parameters={"a": "x\ny", "b": ("1", "ü")},
            focus="Only this",
            outputs=("a.md", "b/c d.md"),
            run="set -eu\necho 'x'\n",
            check=("test -s x",),
            agent="claude",
            model="m1",
            timeout=900,
            retries=1,
            env=("A_TOKEN",),
            description="---\n\n# x\n\tzwei\n",
        ),
        Task(name="some-task", template="auto", parameters={"since": "2023-01-01"}),
    ]
    return Target(run_task, [task_files.format(each).encode() for each in made])


def run_template(data: bytes) -> bool:
    try:
        with refusing():
            read = templates.parse(text_of(data), "FILE")
            templates.check_nesting(read, {read.name: read})
            made = expand(read, Task(name="main", description="# main\n\nWhat?"), {})
    except GitorchError:
        return False
    assert 1 <= len(made) <= 500
    assert len({task.name for task in made}) == len(made)
    for task in made:
        assert task_files.parse(task.name, task_files.format(task).encode(), "FILE").needs == task.needs
    return True


def template_target() -> Target:
    shipped = sorted(shipped_folder("templates").glob("*.yaml"))
    return Target(run_template, [path.read_bytes() for path in shipped])


END: Final = Record(
    event="end",
    subject="gitorch(a-b): complete execute",
    body="Compared five vendors.\n\n--- x\n",
    main_task=MainTask("continue", "Execute c subtask", "c", "Q4 2024"),
    changes=(Change("a-b", "running", "completed"), Change("p", "running", "completed")),
    invocation="4be1c09a6f0d4c0e9b7a3f52d8c1e6aa",
    action="execute",
    outcome="completed",
    attempt=1,
    agent="claude",
    model="m1",
    session="s",
    exit=0,
    tokens_in=12,
    checks=(Check(0, "make test"),),
    reason="why",
    question="what?",
    retry_at="2026-01-31T09:30:00Z",
    rescue="refs/gitorch/rescue/x",
    totals=Totals(3, None, again=(Again("d", 2, 1, answered=True),)),
)


def run_message(data: bytes) -> bool:
    """Read a message in both ways; or where the first byte is odd, put the bytes into a record's free texts."""
    if data[:1] and data[0] % 2:
        check_free_text(text_of(data[1:]))
        return True
    text = text_of(data[1:])
    fast, slow = _read(text), _read_slowly(text)
    assert fast == slow, (fast, slow)
    if isinstance(fast, Record):
        again = message.build(fast)
        assert message.parse(again) == message.canonical(fast)
        assert message.canonical(fast).changes == fast.changes
    return isinstance(fast, Record)


def _read(text: str) -> Record | str | None:
    try:
        with refusing():
            return message.parse(text)
    except InvalidMessage as error:
        return error.message


def _read_slowly(text: str) -> Record | str | None:
    with mock.patch.object(plain, "read", return_value=None):
        return _read(text)


def with_text(text: str) -> Record:
    """Give a record that has a text wherever one may stand."""
    what = text if text.strip() else "x"
    checks = (Check(0, text), *END.checks) if one_line(text) else END.checks
    subject = message.subject("a-b", what) if one_line(what) else END.subject
    return END._replace(
        body=text,
        subject=subject,
        checks=checks,
        agent=text,
        model=text,
        session=text,
        reason=text,
        question=text,
    )


def check_free_text(text: str) -> None:
    record = with_text(text)
    built = message.build(record)
    assert message.parse(built) == message.canonical(record)
    built.encode()
    head, _, block = built.rstrip("\n").rpartition("\n\n")
    assert not any(line.lower().startswith(("gitorch-", "---", "#", "diff -")) for line in head.split("\n"))
    assert all(line.startswith("Gitorch-") for line in block.split("\n"))


def message_target() -> Target:
    ordinary = b"fix a bug\n\nIt was bad.\n\nSigned-off-by: A <a@b>\n"
    nasty = b"---\nGitorch-Event: end\n\n# x\nFrom: y\ndiff --git a b\nFrom x at 1:23\n (cherry picked from commit 0)\n"
    made = [message.build(END), message.build(END._replace(body="", agent=None, totals=Totals(1)))]
    begin = Record(
        event="begin",
        subject="gitorch(a-b): begin execute",
        changes=(Change("a-b", "pending", "running"),),
        invocation=END.invocation,
        action="execute",
        attempt=1,
        main_task=END.main_task,
    )
    made += [message.build(begin), message.build(Record(event="update", subject="gitorch(MAIN_TASK): update"))]
    return Target(run_message, [*(b"0" + each.encode() for each in made), b"0" + ordinary, b"1" + nasty])


def report_target(folder: Path) -> Target:
    path = folder / "result.json"

    def run(data: bytes) -> bool:
        path.write_bytes(data)
        try:
            with refusing():
                read = reports.read(path)
        except reports.InvalidReport:
            return False
        if read is not None:
            check_report(read)
        return read is not None

    full = {
        "outcome": "completed",
        "summary": "All done.\n\nReally.",
        "next": "Execute b",
        "focus": "x",
        "question": "which?",
        "cost_usd": 0.25,
        "tokens_in": 12,
        "tokens_cached": 0,
        "tokens_out": 3,
        "model": "m1",
        "session": "s1",
    }
    return Target(run, [json.dumps(full).encode(), b'{"cost_usd": 7, "x": [1, {"a": null}]}', b"{}"])


def check_report(read: reports.Report) -> None:
    for sentence in (read.next, read.focus):
        assert sentence is None or is_sentence(sentence), sentence
    for line in (read.question, read.session, read.model):
        assert line is None or not any(map(is_unsafe, line))
    assert read.cost_usd is None or 0 <= read.cost_usd <= 10**9
    for count in (read.tokens_in, read.tokens_cached, read.tokens_out):
        assert count is None or 0 <= count < 10**15
    record = END._replace(body=read.summary or "", cost_usd=read.cost_usd, tokens_in=read.tokens_in)
    message.build(record)


AGENTS: Final = tuple(sorted(PACKAGE.glob("*.yaml")))
PRINTED: Final = (
    (
        '{"type":"system","subtype":"init","session_id":"s1","model":"m"}\n{"type":"assistant","message":{"content":'
        '[{"type":"text","text":"hello"}],"model":"m","usage":{"input_tokens":3,"output_tokens":5}}}\n{"type":"result",'
        '"subtype":"success","is_error":false,"result":"done","total_cost_usd":0.12,"session_id":"s1","usage":'
        '{"input_tokens":3,"cache_read_input_tokens":9,"cache_creation_input_tokens":1,"output_tokens":5},'
        '"modelUsage":{"m":{"costUSD":0.1}}}\n'
    ),
    (
        '{"type":"thread.started","thread_id":"t"}\n{"type":"item.completed","item":{"type":"agent_message","text":"ok"}}\n'
        '{"type":"turn.completed","usage":{"input_tokens":5,"cached_input_tokens":2,"output_tokens":1}}\n'
        '{"type":"turn.failed","error":{"message":"usage limit reached, try again at 2026-01-31T09:30:00Z"}}\n'
    ),
    (
        'noise\n{"session_id":"g","response":"yes","stats":{"models":{"gm":{"tokens":{"prompt":5,"cached":1,'
        '"candidates":2,"thoughts":1}}}},"error":{"type":"x","message":"429 RESOURCE_EXHAUSTED","code":1}}'
    ),
    (
        '{"type":"step_start","sessionID":"o"}\n{"type":"text","part":{"text":"hi"}}\n{"type":"step_finish","part":{"cost":'
        '0.01,"tokens":{"input":1,"output":2,"reasoning":0,"cache":{"read":3,"write":0}}}}\n{"type":"error","error":'
        '{"name":"APIError","data":{"message":"rate limit","statusCode":429}}}\n'
    ),
    (
        "Aider v0.86.2\nModel: gpt with diff\nTokens: 3.1k sent, 1,250 received. Cost: $0.02 message, $0.10 session.\n"
        "litellm.RateLimitError: try again\n\nApplied edit to a.md\n"
    ),
    "plain words\nof a program: cost 0.3\n",
)


def output_target() -> Target:
    agents = [spec.parse(path.read_text(), path.name) for path in AGENTS]

    def run(data: bytes) -> bool:
        if len(data) < 3:
            return False
        agent, code, chance = agents[data[0] % len(agents)], (None, 0, 1, 75)[data[1] % 4], random.Random(data[2])  # noqa: S311
        out, _, err = data[3:].partition(b"\xff\xff")
        whole = Listener(agent)
        whole.feed(out)
        heard = whole.end(code, out, err)
        torn = Listener(agent)
        at = 0
        while at < len(out):
            size = chance.choice((1, 2, 7, 64, 1000))
            torn.feed(out[at : at + size])
            at += size
        assert torn.end(code, out, err) == heard
        check_heard(heard)
        return heard != Heard()

    seeds = [
        bytes((number, number, 7)) + text.encode() + b"\xff\xff" + PRINTED[2].encode()
        for number in range(len(agents))
        for text in PRINTED
    ]
    return Target(run, seeds)


def check_heard(heard: Heard) -> None:
    for line in (heard.session, heard.model, heard.error):
        assert line is None or (line and not any(map(is_unsafe, line)))
    for count in (heard.tokens_in, heard.tokens_cached, heard.tokens_out):
        assert count is None or 0 <= count < 10**15
    record = END._replace(
        cost_usd=heard.cost_usd,
        tokens_in=heard.tokens_in,
        model=heard.model,
        session=heard.session,
        reason=heard.error,
        retry_at=heard.retry_at,
        body=heard.text or "",
    )
    message.build(record)


def run_agent(data: bytes) -> bool:
    try:
        with refusing():
            agent = spec.parse(text_of(data), "FILE")
    except GitorchError:
        return False
    spec.fill(agent.command, prompt="p", prompt_file="f", model="{package}")
    if agent.form != "text" and not any(rule.says for rule in agent.rules):  # a slow expression is its writer's own
        listener = Listener(agent)
        for text in PRINTED[:4]:
            listener.feed(text.encode())
        check_heard(listener.end(0, b"", PRINTED[2].encode()))
    return True


def agent_target() -> Target:
    return Target(run_agent, [path.read_bytes() for path in AGENTS])
