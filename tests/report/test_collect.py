from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import gitorch
from gitorch.core.text import is_unsafe
from gitorch.errors import GitorchError
from gitorch.ledger.history import record_of, stream
from gitorch.report import collect as collecting
from gitorch.report import diffs, file, page
from gitorch.report.links import commit_base
from gitorch.report.safe import cut, script_json, shown
from tests.report.history import HOSTILE, Story, generate
from tests.sandbox import Sandbox, quickly, run


def embedded(text: str, name: str) -> Any:
    match = re.search(rf'<script type="application/json" id="{name}"[^>]*>(.*?)</script>', text, re.DOTALL)
    assert match is not None
    return json.loads(match[1])


def states_at(data: dict[str, Any], point: int) -> dict[str, str]:
    """Fold the page's own numbers, as its script does."""
    states: dict[str, str] = {}
    for number in range(point + 1):
        for moves in (data["points"]["jumps"].get(str(number), []), data["points"]["moves"][number]):
            for task, code in zip(moves[::2], moves[1::2], strict=True):
                states[data["tasks"][task]["name"]] = data["states"][code % len(data["states"])]
    return {name: state for name, state in states.items() if state != "none"}


def printed(sandbox: Sandbox) -> str:
    done = quickly(sandbox.root, "report", "-o", "-")
    assert done.code == 0, done.err
    return done.out


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Story]:
    root = tmp_path_factory.mktemp("history") / "bare.git"
    return root, generate(root, 30)


@pytest.mark.thorough
def test_the_page_of_a_real_run_tells_what_the_audit_tells(sandbox: Sandbox) -> None:
    sandbox.commit("notes", **{"notes.md": "The program warns above 3.5 metres.\n"})
    sandbox("start", "gauge-review", "-d", "When does it warn?")
    sandbox("run")
    assert sandbox("report").out.startswith("wrote gitorch-report.html")
    text = sandbox.read("gitorch-report.html")
    data = embedded(text, "data")
    told = sandbox("audit", "--json").json["invocations"]
    assert len(data["invocations"]) == len(told) == 5
    for ours, theirs in zip(data["invocations"], told, strict=True):
        main = data["mains"][ours["before"]] if "before" in ours else None
        assert (main or [None] * 4)[1] == theirs["next"]
        assert (main or [None] * 4)[3] == theirs["focus"]
        assert data["tasks"][ours["task"]]["name"] == theirs["task"]
        assert ours.get("outcome") == theirs["outcome"]
        assert ours.get("summary") == theirs["summary"]
        assert ours.get("files", []) == theirs["files"]
        assert [data["commits"][number][0] for number in ours["commits"]] == theirs["commits"]
    assert "parent" in data["tasks"][1]
    assert data["tasks"][2]["needs"] == [1]
    diff = embedded(text, "diffs")["5"]["files"][0]
    assert diff["path"] == ".tasks/gauge-review-synthesis/report.md"
    assert diff["kind"] == "added"
    assert diff["text"].startswith("@@ -0,0 +1")


def test_states_at_each_point_are_those_of_the_commits(history: tuple[Path, Story]) -> None:
    root, story = history
    with gitorch.open(root) as workflow:
        data = json.loads(collecting.collect(workflow.repository).data)
        records = [commit for commit, _, _ in workflow.records()][::-1]
        assert len(data["points"]["moves"]) == len(records)
        for point in range(0, len(records), 7):
            assert states_at(data, point) == workflow.state(records[point]).states
    assert len(data["tasks"]) == len(story._states)


@pytest.mark.thorough
def test_states_are_true_on_every_branch_of_a_merged_history(sandbox: Sandbox) -> None:
    sandbox("create", "one")
    sandbox("create", "two")
    sandbox.git("branch", "side")
    sandbox("move", "one", "running")
    sandbox.git("checkout", "-q", "side")
    sandbox("move", "two", "blocked")
    sandbox.git("merge", "-q", "--no-edit", "main")
    sandbox("create", "three")
    with gitorch.open(sandbox.root) as workflow:
        history = collecting.collect(workflow.repository)
        data = json.loads(history.data)
        logged = list(stream(workflow.repository, "HEAD", oldest_first=True))
        records = [each.commit for each in logged if record_of(each.message) is not None]
        for point, commit in enumerate(records):
            assert states_at(data, point) == workflow.state(commit).states
    assert len(records) == 5
    assert data["points"]["jumps"]
    assert history.agrees


@pytest.mark.thorough
def test_a_shallow_clone_begins_with_the_states_that_it_holds(sandbox: Sandbox, tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        sandbox("create", name)
    run("git", "clone", "-q", "--depth", "2", sandbox.root.as_uri(), str(tmp_path / "clone"), cwd=tmp_path)
    with gitorch.open(tmp_path / "clone") as workflow:
        data = json.loads(collecting.collect(workflow.repository).data)
    assert len(data["points"]["moves"]) == 2
    assert states_at(data, 0) == {"one": "pending", "two": "pending"}
    assert states_at(data, 1) == {"one": "pending", "two": "pending", "three": "pending"}


def test_it_says_so_where_records_do_not_lead_to_the_tree(sandbox: Sandbox) -> None:
    sandbox("create", "one")
    (sandbox.root / ".tasks/[pending]_one_task.md").rename(sandbox.root / ".tasks/[failed]_one_task.md")
    sandbox.git("add", "-A", ".tasks")
    sandbox.git("commit", "-q", "-m", "by stealth")
    assert "do not lead to what the last commit holds" in printed(sandbox)


def test_dropped_tasks_keep_their_place(sandbox: Sandbox) -> None:
    sandbox("create", "whole")
    sandbox("create", "part", "--parent", "whole")
    sandbox("drop", "part")
    data = embedded(printed(sandbox), "data")
    assert data["tasks"][1] == {"name": "part", "parent": 0, "text": "# part\n\npart"}


def test_a_bare_clone_gives_the_same_page_as_often_as_asked(history: tuple[Path, Story], tmp_path: Path) -> None:
    root, _ = history
    run("git", "clone", "-q", "--bare", str(root), str(tmp_path / "again.git"), cwd=tmp_path)
    with gitorch.open(root) as first, gitorch.open(tmp_path / "again.git") as second:
        assert first.report() == second.report() == second.report("main")


@pytest.mark.thorough
def test_a_diff_is_bounded_and_names_what_it_leaves_out(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diffs, "MAX_FILES", 6)
    agent = (
        'cat > /dev/null; mkdir -p "src dir"; seq 10000 > long.txt; head -c 5000 /dev/zero | tr "\\0" w > wide.txt;'
        'head -c 3000 /dev/urandom > data.bin; printf "a\\nb\\n" > "src dir/tab\tand \\"quote\\".txt";'
        "printf 'é\\r\\n\\303\\050\\n' > 'a-ümlaut.txt'; for n in 1 2 3 4; do echo $n > z$n; done; git rm -q old.txt"
    )
    sandbox.commit("before", **{"old.txt": "gone\n"})
    sandbox("create", "job", "-d", "Do it.")
    sandbox("update", "continue", "Execute job task", "--task", "job")
    sandbox("step", "--agent-command", agent, code=10)
    text = printed(sandbox)
    (diff,) = embedded(text, "diffs").values()
    files = {each["path"]: each for each in diff["files"]}
    assert len(files) == 6
    assert diff["more"] == 4
    assert files["data.bin"]["binary"]
    assert "text" not in files["data.bin"]
    assert files["long.txt"]["added"] == 10_000
    assert files["long.txt"]["cut"]
    assert len(files["long.txt"]["text"]) <= diffs.MAX_FILE
    assert files["old.txt"]["kind"] == "removed"
    assert files['src dir/tab\tand "quote".txt']["text"].endswith("+a\n+b")
    assert files["a-ümlaut.txt"]["text"].endswith("+é\n+\ufffd(")
    assert "… [line cut]" in files["wide.txt"]["text"]
    (invocation,) = [each for each in embedded(text, "data")["invocations"] if each["by"] == "step"]
    assert len(invocation["files"]) == 10


def test_long_lines_are_cut_and_odd_bytes_marked() -> None:
    made = diffs.FileDiff(path="x")
    made.add(b"+" + b"w" * 5000)
    made.add(b"+caf\xc3\x28\xff\r")
    made.add("-\u202eevil".encode())
    assert made.lines[0] == "+" + "w" * (diffs.MAX_LINE - 1) + "… [line cut]"
    assert made.lines[1:] == ["+caf\ufffd(\ufffd", "-\ufffdevil"]
    assert (made.added, made.removed) == (2, 1)


def test_diffs_are_left_out_from_the_oldest_once_there_is_no_room(
    history: tuple[Path, Story], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "DIFFS", (3000, 3000))
    root, _ = history
    with gitorch.open(root) as workflow:
        found = collecting.collect(workflow.repository)
    worked = [n for n, each in enumerate(found.invocations, 1) if each.files]
    assert found.diffs
    assert sorted(found.diffs) == worked[-len(found.diffs) :]
    assert sum(len(text.encode()) for text in found.diffs.values()) <= 3000


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://example.invalid/owner/repo", "https://example.invalid/owner/repo/commit/"),
        ("https://example.invalid/owner/repo.git/", "https://example.invalid/owner/repo/commit/"),
        ("http://example.invalid:3000/o/r.git", "http://example.invalid:3000/o/r/commit/"),
        ("https://name:secret@example.invalid/o/r", "https://example.invalid/o/r/commit/"),
        ("git@example.invalid:owner/repo.git", "https://example.invalid/owner/repo/commit/"),
        ("ssh://git@example.invalid:2222/owner/repo.git", "https://example.invalid/owner/repo/commit/"),
        ("javascript:alert(1)//example.invalid/o/r", None),
        ("data:text/html,<b>x</b>", None),
        ("/srv/git/repo.git", None),
        ("../repo.git", None),
        ("C:/repo", None),
        ("file:///srv/repo.git", None),
        ("https://example.invalid/o/r?x=1", None),
        ("https://exa\"mple.invalid/o'/<r>", None),
        ("https://example.invalid/../r", None),
        ("https://example.invalid:99999/o/r", None),
        ("", None),
    ],
)
def test_only_web_addresses_become_links(url: str, base: str | None) -> None:
    assert commit_base({"remote.origin.url": url}, None) == base


def test_a_link_base_stands_before_the_remote() -> None:
    config = {"remote.origin.url": "https://example.invalid/o/r"}
    assert commit_base(config, "https://other.invalid/o/r/") == "https://other.invalid/o/r/commit/"
    for wrong in ("javascript:alert(1)", "git@example.invalid:o/r", "example"):
        with pytest.raises(GitorchError, match="no web address"):
            commit_base(config, wrong)


@pytest.mark.parametrize("text", HOSTILE)
def test_json_in_a_script_holds_nothing_that_could_end_it(text: str) -> None:
    written = script_json({text: [text]})
    assert not re.search("[<>&\u2028\u2029]", written)
    assert json.loads(written) == {text: [text]}


@pytest.mark.thorough
def test_what_hides_or_turns_text_is_marked() -> None:
    unsafe = {chr(code) for code in range(0x110000) if is_unsafe(chr(code))} - {"\n", "\t"}
    assert shown("".join(sorted(unsafe))) == "\ufffd" * len(unsafe)
    assert shown("a\r\nb\tc é 中 😀") == "a\nb\tc é 中 😀"
    assert cut("abcdef", 4) == ("abcd", 2)


def test_the_parts_that_are_put_in_are_not_searched_for_places(sandbox: Sandbox) -> None:
    sandbox("create", "one")
    sandbox("update", "continue", "Read {{data}} & {{script}} <b>", "--task", "one")
    text = printed(sandbox)
    assert "Read {{data}} &amp; {{script}} &lt;b&gt;" in text
    assert text.count("<script") == text.count("</script>") == 3


def test_without_script_there_is_a_table_of_the_first_invocations(
    history: tuple[Path, Story], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "WITHOUT_SCRIPT", 3)
    with gitorch.open(history[0]) as workflow:
        text = workflow.report()
    (table,) = re.findall(r"<noscript>(.*?)</noscript>", text, re.DOTALL)
    assert table.count("<tr>") == 4
    assert "The first 3 of" in table


def test_a_report_is_replaced_and_nothing_else_is(sandbox: Sandbox) -> None:
    sandbox("create", "one")
    assert quickly(sandbox.root, "report", "-o", "page.html").code == 0
    assert quickly(sandbox.root, "report", "-o", "page.html").code == 0
    for name in ("mine.html", "folder", "link.html"):
        if name == "mine.html":
            sandbox.write(name, "<p>mine</p>")
        elif name == "folder":
            (sandbox.root / name).mkdir()
        else:
            (sandbox.root / name).symlink_to("page.html")
        assert "use another name: -o FILE" in quickly(sandbox.root, "report", "-o", name).err
    assert sandbox.read("mine.html") == "<p>mine</p>"
    assert not [path for path in sandbox.root.iterdir() if path.name.startswith(".page")]
    assert oct((sandbox.root / "page.html").stat().st_mode & 0o777) == oct(0o666 & ~_umask())


def _umask() -> int:
    return int(run("sh", "-c", "umask", cwd=Path("/")).out, 8)


def test_a_page_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "page.html"
    file.write(path, page.MARK + "old")

    def fail(*_: object) -> None:
        raise OSError("no room")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="no room"):
        file.write(path, page.MARK + "new")
    assert path.read_text() == page.MARK + "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_reported_is_said_plainly(sandbox: Sandbox) -> None:
    def refused(*args: str) -> str:
        done = quickly(sandbox.root, "report", *args)
        assert done.code != 0
        return done.err

    assert "nothing is recorded here yet" in refused()
    sandbox.commit("work", **{"a.txt": "a\n"})
    assert "nothing is recorded here yet" in refused()
    assert "is not a commit" in refused("nowhere")
    assert "no web address" in refused("--link-base", "javascript:alert(1)")
    assert not (sandbox.root / "gitorch-report.html").exists()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_stand_out_from_what_is_behind_them(theme: str) -> None:
    style = page._asset("style.css")
    start = style.index(":root {") if theme == "light" else style.index(':root[data-theme="dark"]')
    colours = dict(re.findall(r"--(\w+): (#\w{6});", style[start : style.index("}", start)]))
    for behind in ("page", "card", "soft"):
        for text in ("text", "muted", "accent", "pending", "running", "completed", "failed", "blocked"):
            assert contrast(colours[text], colours[behind]) >= 4.5, (text, behind)
    for behind in ("added", "removed"):
        assert contrast(colours["text"], colours[behind]) >= 4.5
    assert contrast(colours["edge"], colours["card"]) >= 3


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_both_dark_themes_are_one() -> None:
    style = page._asset("style.css")
    system, chosen = (
        re.findall(r"--\w+: [^;]+;", style[style.index(mark) : style.index("}", style.index(mark))])
        for mark in (':root:not([data-theme="light"])', ':root[data-theme="dark"]')
    )
    assert system == chosen


def test_scripts_never_write_markup() -> None:
    for name in page._SCRIPTS:
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|Function\(|DOMParser|fetch\(|XMLHttp",
            page._asset(f"js/{name}.js"),
        ), name
    assert {path.stem for path in (page._ASSETS / "js").iterdir()} == set(page._SCRIPTS)
