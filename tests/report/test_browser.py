from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import gitorch
from tests.report.browser import PROGRAM, Browser
from tests.report.history import HOSTILE, Story, generate
from tests.report.test_collect import embedded, states_at
from tests.sandbox import Sandbox

# roles of what can be worked with, and of what stands for a picture or a part of the page
NAMED = {
    *("button", "link", "textbox", "searchbox", "combobox", "slider", "spinbutton", "DisclosureTriangle"),
    *("image", "img", "region", "navigation", "search", "table"),
}
SCROLLS = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
COUNTS = "[...document.querySelectorAll('#counts .number')].map(each => each.textContent.replaceAll(',', ''))"
OPENERS = "[...document.querySelectorAll('#rows .opener')]"
FOUND = "document.getElementById('found').textContent"


class Opened(NamedTuple):
    page: Path
    data: dict[str, Any]
    story: Story


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if PROGRAM is None:
        assert not os.environ.get("REQUIRE_BROWSER"), "Chromium is wanted and not there"
        pytest.skip("Chromium is not installed")
    made = Browser(tmp_path_factory.mktemp("browser"))
    yield made
    made.close()


def write(folder: Path, invocations: int, *, again: int = 1, hostile: bool = False) -> Opened:
    story = generate(folder / "bare.git", invocations, again=again, hostile=hostile)
    with gitorch.open(folder / "bare.git") as workflow:
        text = workflow.report(link_base="https://example.invalid/o/r")
    page = folder / "page.html"
    page.write_text(text)
    return Opened(page, embedded(text, "data"), story)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    return write(tmp_path_factory.mktemp("hostile"), 8, hostile=True)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    return write(tmp_path_factory.mktemp("plain"), 108)


def nameless(browser: Browser) -> list[str]:
    nodes = browser.accessible()
    roles = {node["nodeId"]: node["role"]["value"] for node in nodes}
    assert {"slider", "button", "table", "main", "banner", "contentinfo"} <= set(roles.values())
    return [
        node["role"]["value"]
        for node in nodes
        if node["role"]["value"] in NAMED and not node.get("name", {}).get("value", "").strip()
    ]


def go_to(browser: Browser, point: int) -> None:
    browser.js(
        f"(() => {{ const slider = document.getElementById('moment'); slider.value = {point};"
        "slider.dispatchEvent(new Event('input', { bubbles: true })); })()"
    )
    browser.settle()


def choose(browser: Browser, field: str, value: str) -> str:
    browser.js(
        f"(() => {{ const field = document.getElementById({json.dumps(field)}); field.value = {json.dumps(value)};"
        "field.dispatchEvent(new Event('input', { bubbles: true })); })()"
    )
    browser.settle(150)
    found = browser.js(FOUND)
    assert isinstance(found, str)
    return found


def check_states(browser: Browser, opened: Opened, point: int) -> None:
    go_to(browser, point)
    states = list(states_at(opened.data, point).values())
    assert browser.js(COUNTS) == [str(states.count(name)) for name in opened.data["states"][1:]]
    main = opened.data["mains"][opened.data["points"]["main"][point]]
    lines = browser.js("[...document.querySelectorAll('#main-task dd')].map(each => each.textContent)")
    assert lines == [line or "none" for line in main]


def is_sound(browser: Browser) -> None:
    assert browser.complaints() == []
    assert browser.requests() == []
    assert nameless(browser) == []


@pytest.mark.parametrize("width", [360, 1400])
@pytest.mark.thorough
def test_hostile_text_stays_text(browser: Browser, hostile: Opened, width: int) -> None:
    browser.size(width, 800, phone=width < 700)
    browser.open(hostile.page)
    browser.js(f"{OPENERS}.forEach(each => each.click())")
    browser.js("document.querySelectorAll('details').forEach(each => each.open = true)")
    browser.settle()
    assert (
        browser.js("document.querySelectorAll('img, iframe, object, embed, b, base, form:not(#filters)').length") == 0
    )
    assert browser.js("document.querySelectorAll('script').length") == 3
    assert browser.js(
        "[...document.links].every(each => /^(https:..example.invalid.o.r.commit.|file:)/.test(each.href))"
    )
    shown = browser.js("document.getElementById('rows').textContent")
    for text in HOSTILE:
        assert text.replace("\u202e", "\ufffd").replace("\u2066", "\ufffd")[:1000] in shown
    assert not set("\u202e\u2066") & set(browser.js("document.body.innerText"))
    assert not browser.js(SCROLLS)
    is_sound(browser)


@pytest.mark.thorough
def test_the_page_lets_no_other_script_or_style_in(browser: Browser, plain: Opened) -> None:
    browser.open(plain.page)
    browser.js(
        "for (const [tag, text] of [['script', 'window.entered = true'], ['style', 'body { display: none }']])"
        "document.body.append(Object.assign(document.createElement(tag), { textContent: text }))"
    )
    browser.js("document.body.setAttribute('onclick', 'window.entered = true'); document.body.click()")
    browser.js("new Image().src = 'https://example.invalid/picture.png'")
    browser.settle()
    assert browser.js("window.entered") is None
    assert browser.js("getComputedStyle(document.body).display") == "block"
    assert len(browser.complaints()) >= 4


@pytest.mark.thorough
def test_a_real_run_can_be_read_at_any_width(browser: Browser, sandbox: Sandbox) -> None:
    sandbox.commit("notes", **{"notes.md": "The program warns above 3.5 metres.\n"})
    sandbox("start", "gauge-review", "-d", "When does it warn?")
    sandbox("run")
    sandbox("report")
    for width in (360, 800, 1400):
        browser.size(width, 800, phone=width < 700)
        browser.open(sandbox.root / "gitorch-report.html")
        assert browser.js(f"{OPENERS}.length") == 5
        assert not browser.js(SCROLLS)
        assert browser.complaints() == []
    browser.js("document.getElementById('as-graph').click()")
    assert browser.js("document.querySelectorAll('#graph .node').length") == 4
    assert browser.js("document.querySelectorAll('#graph .edge.need').length") == 3
    assert browser.js("document.querySelector('#graph .node').dataset.state") == "completed"
    go_to(browser, 2)
    states = browser.js("[...document.querySelectorAll('#graph .node .state')].map(each => each.textContent)")
    assert states == ["◐ running", "◐ running", "○ pending", "○ pending"]
    is_sound(browser)


@pytest.mark.thorough
def test_the_slider_shows_the_states_of_its_point(browser: Browser, plain: Opened) -> None:
    browser.size(1400, 900)
    browser.open(plain.page)
    last = len(plain.data["points"]["time"]) - 1
    for point in (0, 49, 50, 51, 137, last - 1, last):
        check_states(browser, plain, point)
    browser.js("document.getElementById('moment').focus()")
    browser.press("ArrowLeft", "ArrowLeft")
    browser.settle()
    assert f"Event {last - 1} of {last + 1}" in browser.js("document.getElementById('moment-text').textContent")
    assert browser.js("document.getElementById('moment').getAttribute('aria-valuetext')").startswith("Event")
    browser.settle(450)
    assert "Task graph" in browser.js("document.getElementById('moment-live').textContent")
    is_sound(browser)


@pytest.mark.thorough
def test_invocations_are_opened_by_keyboard(browser: Browser, plain: Opened) -> None:
    browser.size(1400, 900)
    browser.open(plain.page)
    browser.js(f"{OPENERS}[0].focus()")
    browser.press("ArrowDown", "ArrowDown", "Enter")
    browser.settle()
    assert browser.js(f"{OPENERS}.map(each => each.ariaExpanded).indexOf('true')") == 2
    detail = browser.js("document.querySelector('.detail').innerText")
    for word in ("Next", "Focus", "Summary", "Moves", "Diff", "Tokens", "Commits"):
        assert word in detail
    assert browser.js("document.querySelector('.detail a').href").startswith("https://example.invalid/o/r/commit/")
    browser.press("Enter")
    assert browser.js("document.querySelectorAll('.detail').length") == 0
    browser.press("ArrowRight", "End")
    assert browser.js("document.activeElement.closest('tr').id") == "row-100"
    browser.press("ArrowLeft")
    assert browser.js("document.activeElement.closest('tr').id") == "row-1"
    is_sound(browser)


@pytest.mark.thorough
def test_filters_find_what_the_data_holds(browser: Browser, plain: Opened) -> None:
    browser.size(1400, 900)
    browser.open(plain.page)
    every = plain.data["invocations"]
    failed = [each for each in every if each.get("outcome") == "failed"]
    assert choose(browser, "filter-outcome", "failed").startswith(f"{len(failed)} invocation")
    some = [each for each in failed if each.get("agent") == "codex"]
    assert choose(browser, "filter-agent", "codex").startswith(f"{len(some)} invocation")
    browser.js("document.querySelector('#filters button').click()")
    assert browser.js(FOUND).startswith(f"{len(every)} invocations")
    analyses = [each for each in every if plain.data["tasks"][each["task"]]["name"].endswith("-analysis")]
    assert choose(browser, "filter-task", "-Analysis").startswith(f"{len(analyses)} invocation")
    assert choose(browser, "filter-search", "nothing is like this").startswith("No invocation")
    browser.js("document.querySelector('#filters button').click()")
    browser.js("document.getElementById('as-list').click(); document.querySelector('#tree .name').click()")
    roots = [each for each in every if plain.data["tasks"][each["task"]]["name"] == "gauge-review"]
    assert browser.js(FOUND).startswith(f"{len(roots)} invocation")
    browser.js("document.querySelector('#filters button').click()")
    commit = plain.data["commits"][every[20]["commits"][0]][0]
    assert choose(browser, "filter-search", commit).startswith("1 invocation ")
    assert browser.js(f"{OPENERS}[0].closest('tr').id") == "row-21"
    is_sound(browser)


@pytest.mark.thorough
def test_an_address_names_an_invocation(browser: Browser, plain: Opened) -> None:
    browser.open(plain.page)
    browser.js("window.old = true; location.hash = '#invocation-120'; setTimeout(() => location.reload()); 0")
    browser.wait_for("!window.old && document.activeElement?.closest('tr') ? true : false")
    assert browser.js("document.activeElement.closest('tr').id") == "row-120"
    assert browser.js(f"{OPENERS}.filter(each => each.ariaExpanded === 'true').length") == 1


@pytest.mark.thorough
def test_tasks_in_one_state_can_be_listed(browser: Browser, plain: Opened) -> None:
    browser.size(1400, 900)
    browser.open(plain.page)
    go_to(browser, 60)
    states = states_at(plain.data, 60)
    pending = [name for name, state in states.items() if state == "pending"]
    browser.js("document.querySelector('#counts .chip').click()")
    names = browser.js("[...document.querySelectorAll('#tree .name')].map(each => each.textContent)")
    assert sorted(names) == sorted(pending)


@pytest.mark.thorough
def test_the_theme_follows_the_system_or_the_reader(browser: Browser, plain: Opened) -> None:
    def background() -> str:
        colour = browser.js("getComputedStyle(document.body).backgroundColor")
        assert isinstance(colour, str)
        return colour

    browser.prefer(color_scheme="light")
    browser.open(plain.page)
    light = background()
    browser.prefer(color_scheme="dark")
    dark = background()
    assert light != dark
    browser.js("document.getElementById('theme').click()")
    assert background() == light
    browser.js("document.getElementById('theme').click()")
    browser.prefer(color_scheme="light")
    assert background() == dark
    browser.js("document.getElementById('theme').click()")
    assert background() == light


@pytest.mark.thorough
def test_all_invocations_are_printed(browser: Browser, plain: Opened) -> None:
    browser.open(plain.page)
    browser.js("dispatchEvent(new Event('beforeprint'))")
    assert browser.js(f"{OPENERS}.length") == len(plain.data["invocations"])
    browser("Emulation.setEmulatedMedia", media="print")
    assert browser.js("getComputedStyle(document.getElementById('filters')).display") == "none"
    assert browser.js("getComputedStyle(document.querySelector('.timeline thead')).display") == "table-header-group"
    browser("Emulation.setEmulatedMedia", media="")
    browser.js("dispatchEvent(new Event('afterprint'))")
    assert browser.js(f"{OPENERS}.length") == 50


def test_without_script_a_table_is_there(browser: Browser, hostile: Opened) -> None:
    browser("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.size(360, 800, phone=True)
        browser("Page.navigate", url=hostile.page.as_uri())
        browser("Page.bringToFront")
        for _ in range(100):
            nodes = browser.accessible()
            names = [node.get("name", {}).get("value", "") for node in nodes]
            if any("This page loads nothing" in name for name in names):
                break
    finally:
        browser("Emulation.setScriptExecutionDisabled", value=False)
    assert [node for node in nodes if node["role"]["value"] == "table"]
    assert "slider" not in {node["role"]["value"] for node in nodes}
    assert set(HOSTILE) & set(names)
    assert not [node for node in nodes if node["role"]["value"] in ("image", "img")]


@pytest.mark.heavy
def test_five_thousand_invocations_are_as_pleasant(browser: Browser, tmp_path: Path) -> None:
    opened = write(tmp_path, 2700, again=8)
    assert len(opened.data["invocations"]) >= 5000
    assert opened.page.stat().st_size < 10_000_000
    for width in (360, 1400):
        is_quick(browser, opened, width)


@pytest.mark.heavy
def test_ten_thousand_tasks_are_usable(browser: Browser, tmp_path: Path) -> None:
    story = Story()
    story.create("gauge-review", event="start")
    for number in range(10_000):
        above = f"task-{number // 20:05}" if number >= 20 else "gauge-review"
        story._parents[f"task-{number:05}"] = above
    story.many(list(story._parents)[1:])
    for number in range(9_000, 9_100):
        story._complete(f"task-{number:05}", "execute")
    story.write(tmp_path / "bare.git")
    with gitorch.open(tmp_path / "bare.git") as workflow:
        text = workflow.report()
    page = tmp_path / "page.html"
    page.write_text(text)
    opened = Opened(page, embedded(text, "data"), story)
    assert len(opened.data["tasks"]) == 10_001
    is_quick(browser, opened, 1400)
    assert browser.js("document.querySelectorAll('#tree li').length") < 1000


def is_quick(browser: Browser, opened: Opened, width: int) -> None:
    browser.size(width, 800, phone=width < 700)
    browser.open(opened.page)
    last = len(opened.data["points"]["time"]) - 1
    for point in (0, last // 3, last):
        check_states(browser, opened, point)
    each = browser.js(
        "(async () => { const slider = document.getElementById('moment'); const begun = performance.now();"
        f"for (let n = 0; n < 40; n++) {{ slider.value = (n * 7919) % {last};"
        "slider.dispatchEvent(new Event('input', { bubbles: true })); await new Promise(requestAnimationFrame); }"
        "return (performance.now() - begun) / 40; })()"
    )
    assert each < 1000  # a safety net: it is one frame, some 16 ms
    assert browser.js("document.querySelectorAll('*').length") < 6000
    assert not browser.js(SCROLLS)
    is_sound(browser)
