from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitorch.core import task, template
from gitorch.core.expand import expand
from gitorch.core.task import Task
from gitorch.core.template import Template, check_nesting, choose
from gitorch.core.yamlnode import YamlError
from gitorch.errors import GitorchError

from .strategies import nasty_text

PARENT = Task(name="p", agent="claude", model="big", description="# p\n\nLook at chips.")
HEAD = "name: t\ndescription: a template\nparameters:\n  topic: chips\n  vendors: [A, B]\nsubtasks:\n"
PLAIN = HEAD + "  - {name: a, description: d}\n"


def one(*subtasks: str, parameters: str = "{topic: chips, vendors: [A, B]}") -> Template:
    body = "".join(f"  - {{description: d, {subtask}}}\n" for subtask in subtasks)
    return template.parse(f"name: t\ndescription: x\nparameters: {parameters}\nsubtasks:\n{body}", "f")


def named(name: str, *nested: str) -> Template:
    subtasks = [f"name: s{number}, template: {other}" for number, other in enumerate(nested)] or ["name: s"]
    return one(*subtasks)._replace(name=name)


def test_a_template_is_read() -> None:
    text = PLAIN + "    # end\nmatch: [chip, market]\n"
    read = template.parse(text, "f")
    assert (read.name, read.match, read.subtasks[0].name, read.subtasks[0].line) == ("t", ("chip", "market"), "a", 7)
    assert read.parameters == {"topic": "chips", "vendors": ("A", "B")}


BAD = {
    "nothing": ("", "f:1: name: is missing"),
    "text": ("hello", "f:1: a template must be keys with values"),
    "name": (PLAIN.replace("name: t", "name: T"), "f:1: name: 'T': use a-z"),
    "no-description": (PLAIN.replace("description: a template", "description:"), "f:2: description: is missing"),
    "unknown-key": (PLAIN + "subtaks: x\n", "f:8: subtaks: unknown key; did you mean subtasks?"),
    "no-subtasks": ("name: t\ndescription: d\n", "f:1: subtasks: a list of at least one subtask is wanted"),
    "empty-subtasks": ("name: t\ndescription: d\nsubtasks: []\n", "f:3: subtasks: a list of at least one"),
    "subtasks-map": ("name: t\ndescription: d\nsubtasks: {a: b}\n", "f:3: subtasks: a list of at least one"),
    "too-many": (
        "name: t\ndescription: d\nsubtasks:\n" + "".join(f"- {{name: a{n}, description: d}}\n" for n in range(501)),
        "f:4: subtasks: 501 subtasks, 500 are allowed",
    ),
    "subtask-text": (HEAD + "  - hello\n", "f:7: a subtask must be keys with values"),
    "no-subtask-name": (HEAD + "  - description: d\n", "f:7: name: is missing"),
    "no-subtask-description": (HEAD + "  - name: a\n", "f:7: description: is missing"),
    "unknown-subtask-key": (
        PLAIN + "  - {name: b, description: d, nedes: a}\n",
        "f:8: nedes: unknown key; did you mean needs?",
    ),
    "unknown-kind": (PLAIN + "  - name: b\n    kind: gathr\n", "f:9: kind: 'gathr' is unknown; did you mean gather?"),
    "unknown-need": (PLAIN + "  - {name: bee, description: d, needs: ba}\n", "f:8: needs: 'ba' is no subtask here"),
    "doubled-name": (PLAIN + "  - {name: a, description: d}\n", "f:7: name: 'a' is taken by another subtask"),
    "own-need": (HEAD + "  - {name: a, description: d, needs: a}\n", "f:7: needs: a circle: a needs a"),
    "match": (PLAIN + "match: [A*]\n", "f:8: match: 'A*' cannot be part of a task's name"),
    "output": (PLAIN + "  - {name: b, description: d, outputs: ../x}\n", "f:8: outputs: '../x': it leaves"),
    "absolute-output": (PLAIN + "  - {name: b, description: d, outputs: /x}\n", "f:8: outputs: '/x': a plain path"),
    "placeholder": (
        PLAIN + "  - {name: b, description: 'on {topci}'}\n",
        "f:8: description: {topci} is no parameter; did you mean topic?",
    ),
    "focus-placeholder": (PLAIN + "  - {name: b, description: d, focus: '{x}'}\n", "f:8: focus: {x} is no parameter"),
    "output-placeholder": (
        PLAIN + "  - {name: b, description: d, outputs: '{x}'}\n",
        "f:8: outputs: {x} is no parameter",
    ),
    "item-without-foreach": (
        PLAIN + "  - {name: b, description: '{item}'}\n",
        "f:8: description: {item} is no parameter",
    ),
    "name-placeholder": (PLAIN + "  - {name: 'b-{topic}', description: d}\n", "f:8: name: 'b-{topic}': use a-z"),
    "name-item": (PLAIN + "  - {name: 'b-{item}', description: d}\n", "f:8: name: 'b-{item}': use a-z"),
    "name-brace": (PLAIN + "  - {name: 'b{{', description: d}\n", "f:8: name: 'b{{': use a-z"),
    "foreach": (
        PLAIN + "  - {name: b, description: d, foreach: vendor}\n",
        "f:8: foreach: 'vendor' is no parameter; did you mean vendors?",
    ),
    "foreach-empty": (PLAIN + "  - {name: b, description: d, foreach: []}\n", "f:8: foreach: the list is empty"),
    "foreach-blank": (PLAIN + "  - {name: b, description: d, foreach: ['', ' ']}\n", "f:8: foreach: the list is empty"),
    "foreach-map": (
        PLAIN + "  - {name: b, description: d, foreach: {x: y}}\n",
        "f:8: foreach: a list of texts is wanted",
    ),
    "nested-run": (
        PLAIN + "  - {name: b, description: d, template: x, run: ls}\n",
        "f:8: run: a subtask with a template",
    ),
    "nested-unknown": (PLAIN + "  - {name: b, description: d, template: {nam: x}}\n", "f:8: name: is missing"),
    "nested-placeholder": (
        PLAIN + "  - {name: b, description: d, template: {name: x, parameters: {topic: '{y}'}}}\n",
        "f:8: template: {y} is no parameter",
    ),
    "parameter-name": (PLAIN.replace("topic:", "Topic:"), "f:4: Topic: a parameter's name has"),
    "parameter-built-in": (PLAIN.replace("topic:", "item:"), "f:4: item: a parameter's name has"),
    "parameter-value": (PLAIN.replace("[A, B]", "[[A]]"), "f:5: vendors: text or a list of texts is wanted"),
    "parameter-key": (PLAIN.replace("chips", "{defualt: x}"), "f:4: defualt: unknown key; did you mean default?"),
}


@pytest.mark.parametrize(("text", "problem"), BAD.values(), ids=BAD.keys())
def test_every_error_names_file_line_and_key(text: str, problem: str) -> None:
    with pytest.raises(YamlError) as caught:
        template.parse(text, "f")
    assert caught.value.message.startswith(problem)
    assert caught.value.message.isprintable()
    assert caught.value.hint


@given(nasty_text, st.sampled_from(["{}", HEAD + "{}", PLAIN + "{}: x", PLAIN + "match: {}", HEAD + "  - {}\n"]))
def test_any_text_is_read_or_refused(text: str, frame: str) -> None:
    try:
        expand(template.parse(frame.replace("{}", text), "f"), PARENT, {})
    except GitorchError as error:
        assert error.message.isprintable()  # noqa: PT017 - the other way is right too


def test_a_circle_of_needs_is_shown() -> None:
    with pytest.raises(
        YamlError, match=r"f:\d: needs: a circle: (a needs b needs c|b needs c needs a|c needs a needs b)"
    ):
        one("name: a, needs: b", "name: b, needs: c", "name: c, needs: a")


@pytest.mark.parametrize("unknown", ["nowhere", "inn"])
def test_an_unknown_nested_template_is_refused(unknown: str) -> None:
    library = {"inner": named("inner")}
    with pytest.raises(YamlError, match=f"f:5: template: '{unknown}' is unknown; "):
        check_nesting(named("outer", unknown), library)


def test_circles_of_nested_templates_are_shown() -> None:
    library = {"a": named("a", "b"), "b": named("b", "c"), "c": named("c", "a"), "self": named("self", "self")}
    with pytest.raises(YamlError, match="template: a circle: a contains b contains c contains a"):
        check_nesting(library["a"], library)
    with pytest.raises(YamlError, match="a circle: self contains self"):
        check_nesting(library["self"], library)
    with pytest.raises(YamlError, match="a circle: a contains b contains c contains a"):
        check_nesting(named("outer", "a"), library)


def test_a_nested_template_gets_only_parameters_it_knows() -> None:
    outer = one("name: a, template: {name: inner, parameters: {topci: x}}")
    with pytest.raises(YamlError, match="inner has no parameter 'topci'; did you mean topic"):
        check_nesting(outer, {"inner": named("inner")})
    check_nesting(one("name: a, template: {name: inner, parameters: {topic: x}}"), {"inner": named("inner")})


@pytest.mark.thorough
def test_doubling_templates_are_checked_quickly_and_long_chains_end() -> None:
    doubling = {f"t{n}": named(f"t{n}", f"t{n + 1}", f"t{n + 1}") for n in range(19)}
    began = time.monotonic()
    check_nesting(doubling["t0"], {**doubling, "t19": named("t19")})
    assert time.monotonic() - began < 1
    chain = {f"t{n}": named(f"t{n}", f"t{n + 1}") for n in range(3000)}
    with pytest.raises(YamlError, match="nested more than 20 deep"):
        check_nesting(chain["t0"], chain)


def test_the_longest_match_chooses() -> None:
    library = [
        named("a")._replace(match=("market",)),
        named("b")._replace(match=("market-research", "chip")),
        named("c")._replace(match=("market",)),
    ]
    chosen = {
        name: choose(name, library) for name in ("chip-market-research", "eu-market", "market", "supermarket", "x")
    }
    assert {name: found and found.name for name, found in chosen.items()} == {
        "chip-market-research": "b", "eu-market": "a", "market": "a", "supermarket": None, "x": None,
    }  # fmt: skip


def test_expansion_keeps_order_and_needs_lead_to_all_that_was_expanded() -> None:
    read = one(
        "name: gather, kind: gather",
        "name: vendor, foreach: vendors, needs: gather, model: small",
        "name: 'check-{item}-x', foreach: [One, Two], needs: vendor",
        "name: sum, needs: [gather, 'check-{item}-x']",
    )
    made = expand(read, PARENT, {})
    assert [each.name for each in made] == [
        "p-gather", "p-vendor-a", "p-vendor-b", "p-check-one-x", "p-check-two-x", "p-sum",
    ]  # fmt: skip
    assert [each.order for each in made] == [1, 2, 3, 4, 5, 6]
    assert made[1].needs == ("p-gather",)
    assert made[3].needs == made[4].needs == ("p-vendor-a", "p-vendor-b")
    assert made[5].needs == ("p-gather", "p-check-one-x", "p-check-two-x")
    assert {each.parent for each in made} == {"p"}
    assert [each.agent for each in made] == ["claude"] * 6
    assert [each.model for each in made] == ["big", "small", "small", "big", "big", "big"]


def test_placeholders_are_filled_once_and_doubled_braces_are_plain() -> None:
    read = template.parse(
        HEAD + "  - name: a\n    foreach: vendors\n    outputs: '{item}.md'\n    focus: Mind {item} in {topic}\n"
        "    touches: ['src/{item}/**', 'x.{{a,b}']\n"
        "    description: '{task}|{topic}|{vendors}|{item}|{{topic}|{description}|{Other}'\n",
        "f",
    )
    made = expand(read, PARENT, {"topic": "{item} {vendors}"})
    assert made[0].description == "# p-a-a\n\np|{item} {vendors}|A, B|A|{topic}|Look at chips.|{Other}"
    assert made[1].outputs == ("B.md",)
    assert made[1].touches == ("src/B/**", "x.{a,b}")
    assert made[1].focus == "Mind B in {item} {vendors}"


def test_nested_templates_get_their_parameters_filled() -> None:
    inner = "{name: inner, parameters: {topic: '{item} in {topic}', vendors: ['{item}']}}"
    read = one(f"name: a, foreach: vendors, template: {inner}")
    made = expand(read, PARENT, {})
    assert made[1].template == "inner"
    assert made[1].parameters == {"topic": "B in chips", "vendors": ("B",)}


def test_parameters_reach_commands_as_values_and_never_as_text() -> None:
    made = expand(one("name: a, foreach: vendors, run: 'echo {topic} $x'", "name: b"), PARENT, {"topic": "; rm -rf /"})
    assert made[0].run == "echo {topic} $x"
    assert made[0].parameters == {"topic": "; rm -rf /", "vendors": ("A", "B"), "item": "A"}
    assert made[-1].parameters == {}


def test_a_text_is_split_at_commas_for_foreach() -> None:
    made = expand(one("name: a, foreach: vendors"), PARENT, {"vendors": " X , Y,, "})
    assert [each.name for each in made] == ["p-a-x", "p-a-y"]


REFUSED: dict[str, tuple[str, dict[str, str | tuple[str, ...]], str]] = {
    "unknown parameter": ("name: a", {"topci": "x"}, "template t has no parameter 'topci'; did you mean topic?"),
    "empty list": (
        "name: a, foreach: vendors",
        {"vendors": ()},
        "f:5: foreach: the list is empty: give it with --param vendors=A,B,C",
    ),
    "empty text": ("name: a, foreach: vendors", {"vendors": " , "}, "f:5: foreach: the list is empty"),
    "one slug": ("name: a, foreach: vendors", {"vendors": ("A b", "a-B")}, "f:5: foreach: 'a-a-b' comes out twice"),
    "same item": ("name: a, foreach: vendors", {"vendors": ("A", "A")}, "f:5: foreach: 'a-a' comes out twice"),
    "too many": (
        "name: a, foreach: vendors",
        {"vendors": tuple(map(str, range(501)))},
        "f: 501 subtasks, 500 are allowed",
    ),
    "output leaves": ("name: a, outputs: '{topic}'", {"topic": "../../x"}, "f:5: outputs: '../../x': it leaves"),
    "output absolute": (
        "name: a, outputs: '{topic}'",
        {"topic": "/etc/passwd"},
        "f:5: outputs: '/etc/passwd': a plain",
    ),
    "touches leaves": ("name: a, touches: 'src/{topic}'", {"topic": "../x"}, "f:5: touches: 'src/../x': a part"),
    "output empty": ("name: a, outputs: '{topic}'", {"topic": ""}, "f:5: outputs: '': a plain path"),
    "long focus": ("name: a, focus: '{topic}'", {"topic": "w " * 20}, "f:5: focus: "),
    "focus of two lines": ("name: a, focus: '{topic}'", {"topic": "a\nb"}, "f:5: focus: 'a\\nb': it has line breaks"),
}


@pytest.mark.parametrize(("subtask", "given_values", "problem"), REFUSED.values(), ids=REFUSED.keys())
def test_expansion_refuses(subtask: str, given_values: dict[str, str | tuple[str, ...]], problem: str) -> None:
    with pytest.raises(GitorchError) as caught:
        expand(one(subtask), PARENT, given_values)
    assert caught.value.message.startswith(problem)
    assert caught.value.message.isprintable()


def test_two_subtasks_that_come_out_the_same_are_refused() -> None:
    with pytest.raises(YamlError, match="'a-x' comes out twice"):
        expand(one("name: a, foreach: [X]", "name: a-x"), PARENT, {})


def test_a_name_that_gets_too_long_is_refused() -> None:
    with pytest.raises(YamlError, match=r"f:5: name: .* it has 102 characters, 100 are allowed"):
        expand(one("name: a"), PARENT._replace(name="n" * 100), {})


def test_a_huge_list_is_refused_quickly() -> None:
    began = time.monotonic()
    with pytest.raises(YamlError, match="60000 subtasks, 500 are allowed"):
        expand(one("name: a, foreach: vendors"), PARENT, {"vendors": tuple(map(str, range(60_000)))})
    assert time.monotonic() - began < 1


@given(nasty_text, st.lists(nasty_text, max_size=3).map(tuple))
@pytest.mark.thorough
def test_whatever_is_expanded_can_be_written_and_read(topic: str, vendors: tuple[str, ...]) -> None:
    read = template.parse(
        HEAD + "  - name: a\n    foreach: vendors\n    run: 'true'\n    timeout: 300h\n    outputs: 'x/{item}'\n"
        "    description: 'on {topic} and {item}'\n",
        "f",
    )
    try:
        made = expand(read, PARENT, {"topic": topic, "vendors": vendors})
    except GitorchError:
        return
    for each in made:
        written = task.format(each).encode(errors="surrogatepass")
        if "\0" not in topic + "".join(vendors) and not any(
            "\ud800" <= char <= "\udfff" for char in topic + "".join(vendors)
        ):
            again = task.parse(each.name, written, "f")
            assert again._replace(description="") == each._replace(description="")


def _descriptions(parent: Task, items: tuple[str, ...] = ()) -> dict[str, str]:
    text = HEAD + "  - {name: a, description: '{description}'" + (", foreach: vendors}\n" if items else "}\n")
    parsed = template.parse(text, "f")
    return {made.name: made.description for made in expand(parsed, parent, {"vendors": items} if items else {})}


def test_items_of_any_script_make_names_that_differ_and_stay() -> None:
    items = ("日本", "中国", "Zürich", "Straße", "中国 AI", "日本 AI", "Łódź", "!!")
    names = list(_descriptions(Task(name="p"), items))
    assert names[2:4] == ["p-a-zurich", "p-a-strasse"]
    assert len(set(names)) == len(items)
    assert list(_descriptions(Task(name="p"), tuple(reversed(items)))) == names[::-1]


def test_only_the_heading_that_gitorch_wrote_is_left_out_of_a_description() -> None:
    text = "# p\n\n# Background\n\nFacts.\n\n# p\n\nMore."
    (made,) = _descriptions(Task(name="p", description=text)).values()
    assert made == "# p-a\n\n# Background\n\nFacts.\n\n# p\n\nMore."
    (other,) = _descriptions(Task(name="p", description="# My own heading\n\nFacts.")).values()
    assert other == "# p-a\n\n# My own heading\n\nFacts."
