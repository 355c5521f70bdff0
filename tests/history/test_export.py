"""Exports, read by the formats' own tools."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitorch.core.audit import Invocation
from gitorch.core.names import TaskState
from gitorch.core.record import Check, Outcome, Record
from gitorch.core.task import Task
from gitorch.core.text import one_line
from gitorch.export import dot, mermaid, otlp
from gitorch.export.nodes import Graph
from tests.history import formats
from tests.history.story import HOSTILE, Story, copied
from tests.sandbox import Sandbox, quickly

HOSTILE_TEXTS = (
    HOSTILE,
    '"]:::failed\n  evil --> t0\nclick t0 call alert()',
    "1. list",
    "- list",
    "# no heading",
    "`markdown **text**`",
    "end",
    "%% comment %%{init: {}}%%",
    "style a:b#35; classDef x:y#1;",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "<br>&quot;&amp;#35;",
    "\\",
    '\\"',
    "\\N \\G \\l \\n",
    "\U0001d4b3 日本 \u200b \u2067 ﬂ°",
    "[a](javascript:alert(1))",
    "$$x^2$$",
)


def _export(story: Sandbox, form: str, *args: str) -> str:
    done = quickly(story.root, "export", form, *args)
    assert (done.code, done.err) == (0, "")
    return done.out


def _graph(*tasks: Task, **states: TaskState) -> Graph:
    return Graph({task.name: task for task in tasks}, {task.name: states.get(task.name, "pending") for task in tasks})


HOSTILE_GRAPH = _graph(
    Task(name="root"),
    *(
        Task(name=f"t{number}", parent="root", needs=(f"t{number - 1}",) if number else (), focus=text)
        for number, text in enumerate(HOSTILE_TEXTS)
    ),
    Task(name="end", description=HOSTILE_TEXTS[1]),
    Task(name="subgraph", needs=("end", "con.x_y-z")),
    t1="completed",
    t2="running",
    t3="failed",
    t4="blocked",
)
# circles and a task that needs its own parent: only hand edits make such, and a graph has to show them too
TANGLED = _graph(
    Task(name="a", parent="b"),
    Task(name="b", parent="a"),
    Task(name="c", parent="b", needs=("b", "c", "gone")),
    Task(name="d", parent="gone"),
    Task(name="e", needs=("f",)),
    Task(name="f", needs=("e",)),
    Task(name="g", parent="e"),
    Task(name="h", parent="g"),
)
DEEP = _graph(Task(name="n0"), *(Task(name=f"n{number}", parent=f"n{number - 1}") for number in range(1, 60)))

GRAPHS = {"hostile": HOSTILE_GRAPH, "tangled": TANGLED, "deep": DEEP, "empty": _graph()}


# -- JSON


def test_json_is_the_audit_with_what_the_task_files_say(story: Story) -> None:
    told, audit = json.loads(_export(story, "json")), quickly(story.root, "audit", "--json").json
    listed = {task["name"]: task for task in story("list", "--json").json["tasks"]}
    assert {task["name"] for task in told["tasks"]} == listed.keys()
    for task in told["tasks"]:
        assert {key: task[key] for key in listed[task["name"]]} == listed[task["name"]]
    told["tasks"] = [{"name": task["name"], "way": task["way"]} for task in told["tasks"]]
    assert told == audit


def test_of_an_earlier_revision(story: Story) -> None:
    told = json.loads(_export(story, "json", "HEAD~1"))
    assert told["rev"] == "HEAD~1"
    assert {task["name"]: task["state"] for task in told["tasks"]}["draw-chart"] == "running"
    assert "draw-chart<br>" in _export(story, "mermaid", "HEAD~1")
    start = story.git("log", "--format=%H", "--grep=start workflow").strip()
    assert len(_spans(json.loads(_export(story, "otlp", start)))) == 2


@pytest.mark.thorough
def test_tasks_taken_away_have_no_state_and_spoiled_ones_a_name(story: Story, tmp_path: Path) -> None:
    mine = copied(story, tmp_path / "copy")
    mine("create", "short-lived", "-d", "x")
    mine("drop", "short-lived")
    spoiled = next((mine.root / ".tasks").glob("*notes_task.md"))
    spoiled.write_text("no front matter\n")
    mine.git("commit", "-qam", "spoil it")
    done = quickly(mine.root, "export", "json")
    assert "notes" in done.err
    told = {task["name"]: (task["state"], task["kind"]) for task in done.json["tasks"]}
    assert told["short-lived"] == (None, None)
    assert told["notes"] == ("completed", "execute")


# -- Mermaid


def _read_mermaid(graph: Graph) -> tuple[dict[str, dict[str, Any]], Any]:
    """Let Mermaid's parser read all the graphs at once; gives the nodes of one by id, and all that is in it."""
    graphs = list(GRAPHS.values())
    charts = ("".join(line + "\n" for line in mermaid.flowchart(each)) for each in graphs)
    read = formats.mermaid(*charts)[graphs.index(graph)]
    return {node["id"]: node for node in read["nodes"]}, read


def _label(graph: Graph, name: str) -> str:
    return name + (f"<br>{graph.title(name)}" if graph.title(name) else "")


@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
@pytest.mark.thorough
def test_mermaid_reads_all_tasks_needs_parents_and_states(graph: Graph) -> None:
    nodes, read = _read_mermaid(graph)
    names = {node["text"].split("<br>")[0]: key for key, node in nodes.items()}
    assert names.keys() == graph.drawn() | set(graph.missing())
    for name in graph.drawn():
        node = nodes[names[name]]
        assert node["text"] == _label(graph, name)
        assert node["classes"] == [graph.states[name]]
    assert {(edge["start"], edge["end"]) for edge in read["edges"]} == {
        (names[need], names[name]) for need, name in graph.needs()
    }
    inside = {parent: children for parent, children in graph.inside().items() if parent is not None}
    groups = {group["title"]: group for group in read["groups"]}
    assert groups.keys() == inside.keys()
    for parent, children in inside.items():
        own = {names[child] if child not in inside else groups[child]["id"] for child in children}
        assert own <= set(groups[parent]["nodes"])
        assert groups[parent]["classes"] == [graph.states[parent]]
    assert {"pending", "running", "completed", "failed", "blocked", "missing"} <= set(read["classes"])


@pytest.mark.thorough
def test_mermaid_reads_a_real_workflow(story: Story) -> None:
    (read,) = formats.mermaid(_export(story, "mermaid"))
    assert [group["title"] for group in read["groups"]] == ["tide"]
    assert len(read["nodes"]) == 3
    assert len(read["edges"]) == 1


@settings(deadline=None)
@given(st.text())
def test_no_text_gets_out_of_a_mermaid_label(text: str) -> None:
    written = mermaid.text(text)
    assert re.fullmatch(r"(?:[^\W_]|[ ,]|(?<=[A-Za-z0-9])[-._](?=[A-Za-z0-9])|#[0-9]+;)*", written)
    assert re.sub("#([0-9]+);", lambda match: chr(int(match[1])), written) == text


# -- Graphviz


@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
@pytest.mark.thorough
def test_graphviz_draws_all_tasks_needs_and_parents(graph: Graph) -> None:
    svg = ET.fromstring(formats.graphviz("".join(line + "\n" for line in dot.digraph(graph))))  # noqa: S314 - Graphviz made it
    found: dict[str, list[list[str]]] = {"node": [], "edge": [], "cluster": []}
    for group in svg.iter("{http://www.w3.org/2000/svg}g"):
        kind = (group.get("class") or "").split(" ")[0]
        if kind in found:
            found[kind].append([text.text or "" for text in group.iter("{http://www.w3.org/2000/svg}text")])
    boxes = [[name, *([graph.title(name)] if graph.title(name) else [])] for name in graph.drawn()]
    boxes += [[name] for name in graph.missing()]
    seen = sorted([" ".join(text).replace("\xa0", " ") for text in found["node"]])
    assert seen == sorted(" ".join(box).replace("\xa0", " ") for box in boxes)
    assert len(found["edge"]) == len(list(graph.needs()))
    assert sorted(text[0] for text in found["cluster"]) == sorted(name for name in graph.inside() if name is not None)


@pytest.mark.thorough
def test_graphviz_draws_a_real_workflow(story: Story) -> None:
    svg = formats.graphviz(_export(story, "dot")).decode()
    assert "read&#45;gauges" in svg
    assert 'class="node completed"' in svg


# -- OpenTelemetry


def _spans(request: dict[str, Any]) -> list[dict[str, Any]]:
    spans: list[dict[str, Any]] = request["resourceSpans"][0]["scopeSpans"][0]["spans"]
    return [{**span, "attributes": _values(span)} for span in spans]


def _values(span: dict[str, Any]) -> dict[str, Any]:
    return {each["key"]: next(iter(each["value"].values())) for each in span["attributes"]}


def test_protobuf_reads_the_traces(story: Story) -> None:
    request = json.loads(_export(story, "otlp"))
    read = formats.otlp(request)
    spans = read.resource_spans[0].scope_spans[0].spans
    assert len(spans) == len(_spans(request)) == 7
    assert {len(span.trace_id) for span in spans} == {16}
    assert {len(span.span_id) for span in spans} == {8}
    assert all(span.end_time_unix_nano >= span.start_time_unix_nano > 10**18 for span in spans)


def test_a_span_for_each_invocation_in_one_trace(story: Story) -> None:
    *spans, root = _spans(json.loads(_export(story, "otlp")))
    assert {span["traceId"] for span in spans} == {root["traceId"]}
    assert {span["parentSpanId"] for span in spans} == {root["spanId"]}
    assert len({span["spanId"] for span in (*spans, root)}) == 7
    assert (root["name"], "parentSpanId" in root) == ("invoke_workflow tide", False)
    assert root["attributes"]["gen_ai.operation.name"] == "invoke_workflow"
    assert root["attributes"]["gitorch.workflow.cost_usd"] == 0.75
    done = next(span for span in spans if span["attributes"].get("gitorch.invocation") == story.invocation("completed"))
    assert done["name"] == "invoke_agent function"
    assert "status" not in done
    wanted = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.agent.name": "function",
        "gen_ai.conversation.id": "s-2",
        "gen_ai.request.model": "claude-9",
        "gen_ai.response.model": "claude-9",
        "gen_ai.usage.input_tokens": "1200",
        "gen_ai.usage.cache_read.input_tokens": "200",
        "gen_ai.usage.output_tokens": "34",
        "gitorch.task": "read-gauges",
        "gitorch.action": "execute",
        "gitorch.outcome": "completed",
        "gitorch.attempt": "2",
        "gitorch.cost_usd": 0.5,
        "gitorch.next": "Execute read-gauges task",
        "gitorch.focus": 'Facts "first" <i>',
    }
    assert {key: done["attributes"].get(key) for key in wanted} == wanted
    failed = next(span for span in spans if span["attributes"].get("gitorch.outcome") == "failed")
    assert failed["status"] == {"code": 2, "message": "In vain"}
    assert failed["attributes"]["error.type"] == "failed"
    by_hand = [span for span in spans if span["attributes"]["gitorch.by"] == "hand"]
    assert len(by_hand) == 3
    assert not any(key.startswith("gen_ai.") for span in by_hand for key in span["attributes"])


def test_the_same_history_gives_the_same_traces_in_any_clone(story: Story, tmp_path: Path) -> None:
    story.git("clone", "-q", "--bare", str(story.root), str(tmp_path / "bare.git"))
    assert _export(Sandbox(tmp_path / "bare.git"), "otlp") == _export(story, "otlp")


def _invocation(commit: str, *events: Any, end: Record | None = None, **values: Any) -> Invocation:
    made = Invocation(by="step" if end is not None else "hand", events=list(events), commits=[commit], **values)
    made.end = end
    return made


def test_each_start_begins_a_trace() -> None:
    found = [
        _invocation("a", "create", began=1, ended=1),
        _invocation("b", "start", began=5, ended=5),
        _invocation("c", "update", began=7, ended=9),
        _invocation("d", "create", "start", began=20, ended=20),
    ]
    spans = list(otlp.spans(found))
    traces = [span["traceId"] for span in spans]
    assert [traces.count(trace) for trace in dict.fromkeys(traces)] == [2, 3, 2]
    root = spans[4]
    assert (root["startTimeUnixNano"], root["endTimeUnixNano"]) == ("5000000000", "9000000000")


def test_gates_are_events_and_a_run_is_as_long_as_it_said() -> None:
    checks = (Check(0, "make"), Check(2, "make test"))
    end = Record(event="end", subject="s", agent="x", checks=checks, duration=Decimal("2.5"), outcome="rejected")
    (span, _) = otlp.spans([_invocation("a", "begin", "end", end=end, began=10, ended=11)])
    assert span["endTimeUnixNano"] == "12500000000"
    assert [event["name"] for event in span["events"]] == ["gitorch.check"] * 2
    assert _values(span["events"][1]) == {"gitorch.check.command": "make test", "gitorch.check.exit_code": "2"}
    assert span["status"]["code"] == 2


@pytest.mark.parametrize(
    ("outcome", "failed"),
    [("completed", False), ("blocked", False), ("timeout", True), ("stalled", True), ("interrupted", True)],
)
def test_status_tells_what_failed(outcome: Outcome, failed: bool) -> None:
    end = Record(event="end", subject="s", outcome=outcome)
    (span, _) = otlp.spans([_invocation("a", "begin", "end", end=end, began=1, ended=2)])
    assert ("status" in span) is failed


def test_a_tasks_own_command_and_work_by_hand_are_no_generative_ai() -> None:
    end = Record(event="end", subject="s", outcome="completed", agent="run")
    (span, _) = otlp.spans([_invocation("a", "begin", "end", end=end, began=1, ended=2, action="execute")])
    assert span["name"] == "execute by command"
    assert not any(key.startswith("gen_ai.") for key in _values(span))


def test_hostile_texts_stay_texts_in_traces() -> None:
    found = []
    for number, text in enumerate(HOSTILE_TEXTS):
        line = one_line(text)
        end = Record(event="end", subject="s", agent=line, model=line, session=line, reason=line, outcome="failed")
        found.append(_invocation(str(number), "begin", "end", end=end, began=1, ended=2, task=line))
    request = json.loads("".join(otlp.traces("0", found)))
    read = formats.otlp(request)
    for span, text in zip(read.resource_spans[0].scope_spans[0].spans, HOSTILE_TEXTS, strict=False):
        assert span.status.message == one_line(text)


# -- all


@pytest.mark.parametrize("form", ["json", "mermaid", "dot", "otlp"])
def test_into_a_file_or_a_pipe(story: Story, tmp_path: Path, form: str) -> None:
    expected = _export(story, form)
    target = tmp_path / "out"
    target.write_text("before")
    assert quickly(story.root, "export", form, "-o", str(target)).out == f"wrote {target}\n"
    assert target.read_text() == expected
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert _export(story, form, "-o", "-") == expected
    link = tmp_path / "link"
    link.symlink_to(target)
    quickly(story.root, "export", form, "HEAD~1", "-o", str(link))
    assert link.is_symlink()
    assert target.read_text() == _export(story, form, "HEAD~1")


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("svg",), 2, "svg"),
        (("dot", "nowhere"), 1, "'nowhere'"),
        (("otlp", "nowhere"), 1, "'nowhere'"),
        (("json", "-o", "."), 2, "is a directory"),
        (("dot", "-o", "no/such/folder"), 2, "no such directory"),
    ],
)
def test_what_cannot_be_done_is_told(story: Story, args: tuple[str, ...], code: int, said: str) -> None:
    done = quickly(story.root, "export", *args)
    assert done.code == code
    assert said in done.err
    assert done.out == ""


@pytest.mark.parametrize("form", ["json", "mermaid", "dot", "otlp"])
def test_where_nothing_is_recorded(tmp_path: Path, form: str) -> None:
    told = _export(Sandbox.create(tmp_path / "repo"), form)
    if form in ("json", "otlp"):
        assert json.loads(told)
    elif form == "dot":
        assert formats.graphviz(told)
    else:
        assert told.startswith("flowchart TD\n")
