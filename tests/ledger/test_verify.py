"""verify: it passes on every honest history, and names the first commit of every other."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import gitorch
from gitorch.ledger.verify import verify_since
from tests.probe import Quick, quickly, told_by_messages, told_by_names
from tests.sandbox import GITORCH, Sandbox, run

FAIL = ("--agent-command", "exit 1")


def holds(sandbox: Sandbox) -> None:
    """Check the history by verify and by an oracle: names in each tree against the messages up to there."""
    report = sandbox("verify", "--json").json
    assert report["ok"], report
    for line in sandbox.git("rev-list", "--first-parent", "--reverse", "--parents", "HEAD").splitlines():
        commit, *parents = line.split()
        if len(parents) > 1:
            break  # the oracle reads no merges
        _agree(sandbox, commit)


def _agree(sandbox: Sandbox, commit: str) -> None:
    states, main = told_by_messages(sandbox, commit)
    names, text = told_by_names(sandbox, commit)
    assert states == names
    if main is not None and text is not None:
        pairs = zip(("STATUS", "NEXT", "TASK", "FOCUS"), main, strict=True)
        assert text == "".join(f"{key}: {value}\n" for key, value in pairs if value is not None)
    else:
        assert (main, text) == (None, None)


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    """Return a repository in which the built-in agent finds something for each workflow."""
    sandbox = Quick(Sandbox.create(tmp_path / "repo").root)
    sandbox.commit(**{"words.md": "Words on rivers, and on features.\n"})
    return sandbox


_BUILT: dict[str, Path] = {}


@pytest.fixture
def ran(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """Give a workflow with a failing attempt, plain commits between, and work done by hand; made once, then copied."""
    if not _BUILT:
        built = Quick(Sandbox.create(tmp_path_factory.mktemp("built") / "repo").root)
        _build(built)
        _BUILT["ran"] = built.root
    shutil.copytree(_BUILT["ran"], tmp_path / "repo")
    return Quick(tmp_path / "repo")


def _build(sandbox: Sandbox) -> None:
    sandbox.commit(
        file="x\n", **{"notes.md": "Notes on the main work: deep, far, signed, homeless, tide, wanted, hand.\n"}
    )
    sandbox("start", "main-research", "-d", "What is wanted")
    sandbox("step")
    sandbox.commit("between", file="y\n")
    sandbox("step", *FAIL)
    sandbox.commit("between", **{".tasks/notes.md": "n\n"})
    sandbox("step")
    sandbox("create", "hand", "--needs", "main-research-data-gathering")
    sandbox("move", "hand", "running")
    sandbox("move", "hand", "blocked", "--reason", "What now?")
    sandbox("move", "hand", "pending")
    sandbox("update", "continue", "Execute hand", "--task", "hand")


@pytest.mark.thorough
def test_a_run_by_machine_and_by_hand_holds(ran: Sandbox) -> None:
    holds(ran)
    ran("drop", "hand")
    ran("run")
    holds(ran)


@pytest.mark.thorough
def test_an_ordinary_merge_holds_and_the_workflow_goes_on(ran: Sandbox) -> None:
    ran.git("checkout", "-qb", "side", "HEAD~3")
    ran.commit("side work", side="x\n")
    ran.git("checkout", "-q", "main")
    ran.git("merge", "-q", "--no-ff", "-m", "join", "side")
    ran("run")
    holds(ran)


@pytest.mark.thorough
def test_a_workflow_on_a_feature_branch_merged_with_a_merge_commit(sandbox: Sandbox) -> None:
    sandbox.commit(file="x\n")
    sandbox.git("checkout", "-qb", "feature")
    sandbox("start", "feature-research", "-d", "Which rivers?")
    sandbox("step")
    sandbox("step")
    sandbox.git("checkout", "-q", "main")
    # main touches .tasks too, though no state: the merged folder equals neither parent's
    sandbox.commit("a note beside the tasks", **{".tasks/README.md": "about tasks\n"})
    sandbox.git("merge", "-q", "--no-ff", "-m", "land it", "feature")
    holds(sandbox)
    before = sandbox("log", "--json", "-n1").json["total_steps"]
    assert before == 2
    after = sandbox("step", "--json").json
    assert after["exit"] == 0
    assert sandbox("log", "--json", "-n1").json["total_steps"] == 3  # the sums go on from the feature branch
    sandbox("run")
    holds(sandbox)


def test_a_feature_branch_squashed_is_found(sandbox: Sandbox) -> None:
    sandbox.commit(file="x\n")
    sandbox.git("checkout", "-qb", "feature")
    sandbox("start", "feature-research", "-d", "Which rivers?")
    sandbox.git("checkout", "-q", "main")
    sandbox.git("merge", "-q", "--squash", "feature")
    sandbox.git("commit", "-q", "--no-edit")
    _first_bad(sandbox, sandbox.head(), "without a record")


@pytest.mark.parametrize("how", ["rebase", "cherry-pick", "latin-1 rebase", "signoff"])
@pytest.mark.thorough
def test_records_moved_in_order_hold(sandbox: Sandbox, how: str) -> None:
    first = sandbox.commit(file="x\n")
    sandbox.git("checkout", "-qb", "feature")
    sandbox("start", "feature-research", "-d", "Grüße — über alles")
    sandbox("step")
    sandbox("step", *FAIL)
    sandbox("update", "continue", "Größe messen")
    sandbox.commit("plain", plain="x\n")
    sandbox("step")
    sandbox.git("checkout", "-q", "main")
    sandbox.commit("meanwhile", other="x\n")
    if how == "cherry-pick":
        sandbox.git("cherry-pick", "-x", "--allow-empty", f"{first}..feature")
    else:
        sandbox.git("checkout", "-q", "feature")
        if how.startswith("latin"):
            sandbox.git("config", "i18n.commitEncoding", "ISO-8859-1")
        sandbox.git("rebase", "-q", *(["--signoff"] if how == "signoff" else []), "main")
        sandbox.git("config", "i18n.commitEncoding", "UTF-8")
    assert sandbox("verify", "--json").json["ok"]
    sandbox("run")
    if not how.startswith("latin"):  # the oracle reads no such messages
        holds(sandbox)
    assert sandbox("verify", "--json").json["ok"]


@pytest.mark.thorough
def test_two_branches_with_a_workflow_each_joined_by_choosing_one(sandbox: Sandbox) -> None:
    sandbox.commit(file="x\n")
    sandbox.git("checkout", "-qb", "other")
    sandbox("start", "other-research", "-d", "Which rivers?")
    sandbox("step")
    sandbox.git("checkout", "-q", "main")
    sandbox("start", "main-research", "-d", "Which rivers?")
    sandbox("step")
    sandbox("step")
    sandbox.git("merge", "-q", "-s", "ours", "-m", "keep ours", "other")
    holds(sandbox)
    sandbox("run")
    holds(sandbox)
    sandbox.git("checkout", "-q", "other")
    sandbox.git("merge", "-q", "-s", "ours", "-m", "keep the other", "main")
    sandbox("step")
    assert sandbox("log", "--json", "-n1").json["total_steps"] == 2
    holds(sandbox)


@pytest.mark.thorough
def test_a_workflow_after_a_workflow_counts_anew(sandbox: Sandbox) -> None:
    sandbox("start", "one-research", "-d", "Which rivers?")
    sandbox("run")
    sandbox("start", "two-research", "-d", "Which rivers?")
    sandbox("run")
    assert sandbox("log", "--json", "-n1").json["total_steps"] == 4
    holds(sandbox)


@pytest.mark.thorough
def test_a_range_and_another_branch_can_be_verified(ran: Sandbox) -> None:
    ran.git("branch", "here")
    for rev in ("here", "HEAD~2", "HEAD~4..HEAD", "HEAD~6..here~1"):
        assert ran("verify", rev, "--json").json["ok"], rev
    assert ran("verify", "nothing", code=1).err.startswith(f"error: {ran.root}: the history of 'nothing'")


def _first_bad(sandbox: Sandbox, commit: str, says: str, *options: str) -> None:
    report = sandbox("verify", "--json", *options, code=1).json
    assert not report["ok"]
    assert report["problems"][0]["commit"] == commit, report
    assert any(says in problem["problem"] for problem in report["problems"] if problem["commit"] == commit), report


def _amend(sandbox: Sandbox, change: Callable[[str], str]) -> None:
    text = change(sandbox.git("log", "-1", "--format=%B"))
    sandbox.git("commit", "-q", "--amend", "--allow-empty", "--cleanup=verbatim", "-m", text)


def _rename_by_hand(sandbox: Sandbox) -> None:
    sandbox.git("mv", ".tasks/[pending]_hand_task.md", ".tasks/[completed]_hand_task.md")
    sandbox.git("commit", "-qm", "done by hand")


def _edit_main_task(sandbox: Sandbox) -> None:
    sandbox.commit("by hand", **{".tasks/MAIN_TASK": "STATUS: completed\nNEXT: All done\n"})


def _amend_tree(sandbox: Sandbox) -> None:
    sandbox("create", "extra")
    sandbox.git("mv", ".tasks/[pending]_extra_task.md", ".tasks/[running]_extra_task.md")
    sandbox.git("commit", "-q", "--amend", "--no-edit")


def _amend_main_task(sandbox: Sandbox) -> None:
    sandbox("create", "extra")
    sandbox.write(".tasks/MAIN_TASK", "STATUS: continue\nNEXT: Another thing\n")
    sandbox.git("add", ".tasks/MAIN_TASK")
    sandbox.git("commit", "-q", "--amend", "--no-edit")


def _amend_text(change: Callable[[str], str]) -> Callable[[Sandbox], None]:
    def spoil(sandbox: Sandbox) -> None:
        sandbox("create", "extra")
        _amend(sandbox, change)

    return spoil


def _amend_end(change: Callable[[str], str]) -> Callable[[Sandbox], None]:
    def spoil(sandbox: Sandbox) -> None:
        sandbox("step")
        _amend(sandbox, change)

    return spoil


def _revert(sandbox: Sandbox) -> None:
    sandbox("create", "extra")
    sandbox.git("revert", "--no-edit", "HEAD")


def _nobodys_merge(sandbox: Sandbox) -> None:
    sandbox.git("branch", "side")
    sandbox("create", "ours")
    sandbox.git("checkout", "-q", "side")
    sandbox("create", "theirs")
    sandbox.git("checkout", "-q", "main")
    sandbox.git("merge", "-q", "-m", "both", "side")


def _two_files_by_a_merge(sandbox: Sandbox, *before: str) -> None:
    sandbox.git("branch", "side")
    if before:
        sandbox(*before, code=None)
    sandbox("move", "hand", "running")
    sandbox.git("checkout", "-q", "side")
    sandbox("move", "hand", "blocked")
    sandbox.git("checkout", "-q", "main")
    sandbox.git("merge", "-q", "--no-commit", "side", ok=False)
    sandbox.git("add", "-A", ".tasks")
    sandbox.git("commit", "-qm", "both files")


def _other_id(text: str) -> str:
    head, _, rest = text.partition("Gitorch-Invocation: ")
    return f"{head}Gitorch-Invocation: {'0' * 32}{rest[32:]}"


SPOILT: dict[str, tuple[Callable[[Sandbox], None], str]] = {
    "a task file renamed by a plain commit": (_rename_by_hand, "without a record: hand: pending -> completed"),
    "MAIN_TASK edited by a plain commit": (_edit_main_task, "MAIN_TASK changed without a record"),
    "a record amended to hold another state": (_amend_tree, "extra: none -> running"),
    "a record amended to hold another MAIN_TASK": (_amend_main_task, "another MAIN_TASK"),
    "trailers cut off": (_amend_text(lambda text: text.split("\n\n")[0]), "without a record"),
    "the event cut out": (_amend_text(lambda text: text.replace("Gitorch-Event: create\n", "")), "Event is missing"),
    "a state cut out": (
        _amend_text(lambda text: text.replace("Gitorch-State: extra: none -> pending\n", "")),
        "only its tree shows extra: none -> pending",
    ),
    "trailers doubled": (
        _amend_text(lambda text: text.strip() + "\nGitorch-Event: create\n"),
        "Gitorch-Event stands there twice",
    ),
    "a trailer forged": (
        _amend_text(lambda text: text.strip() + "\nGitorch-State: main-research: running -> completed\n"),
        "only it names main-research: running -> completed",
    ),
    "an unknown trailer": (_amend_text(lambda text: text.strip() + "\nGitorch-Foo: x\n"), "is unknown"),
    "another event": (_amend_text(lambda text: text.replace("Event: create", "Event: update")), "illegal move"),
    "a body after the trailers": (_amend_text(lambda text: text.strip() + "\n\nP.S.\n"), "outside the last paragraph"),
    "wrong totals": (_amend_end(lambda text: text.replace("Total-Steps: 4", "Total-Steps: 5")), "the totals are"),
    "a cost forged": (_amend_end(lambda text: text.replace("Cost-USD: 0\n", "Cost-USD: 9\n", 1)), "the totals are"),
    "an end of another invocation": (_amend_end(_other_id), "ends without having begun"),
    "a revert of a record": (_revert, "without a record: extra: pending -> none"),
    "a merge with states of nobody": (_nobodys_merge, "a state that none of its parents has"),
    "a merge with two files for one task": (
        _two_files_by_a_merge,
        "task hand has two files, [blocked]_hand_task.md and [running]_hand_task.md",
    ),
}


@pytest.mark.parametrize("way", SPOILT)
@pytest.mark.thorough
def test_what_does_not_hold_is_found_and_named(ran: Sandbox, way: str) -> None:
    spoil, says = SPOILT[way]
    spoil(ran)
    _first_bad(ran, ran.head(), says)
    # what comes after it does not hide it, nor does an honest commit get the blame
    bad = ran.head()
    ran.commit("later", later="x\n")
    assert ran("verify", "--json", code=1).json["problems"][0]["commit"] == bad


@pytest.mark.thorough
def test_a_bare_clone_names_the_first_bad_commit_too(ran: Sandbox) -> None:
    _rename_by_hand(ran)
    bad = ran.head()
    ran("create", "after", code=0)
    ran.git("clone", "-q", "--bare", ".", "../bare.git")
    bare = Sandbox(ran.root.parent / "bare.git")
    assert bare("verify", "--json", code=1).json == ran("verify", "--json", code=1).json
    assert f"the first commit with a problem is {bad}" in bare("verify", code=1).out


@pytest.mark.thorough
def test_a_missing_end_is_found_where_the_task_begins_again(ran: Sandbox) -> None:
    ran("step", *FAIL)
    ran("step", *FAIL)
    second, _, first = ran.git("log", "-n3", "--skip=1", "--format=%H").split()
    ran.git("reset", "-q", "--hard", first)  # its end is lost
    ran("move", "hand", "pending")
    ran.git("cherry-pick", second)
    _first_bad(ran, ran.head(), "has no end")


def test_an_open_invocation_is_a_warning(ran: Sandbox, tmp_path: Path) -> None:
    ran("step", "--agent-command", "echo x > x; echo done")
    ran.git("reset", "-q", "--hard", "HEAD^")
    report = ran("verify", "--json").json
    assert report["ok"]
    assert "is open" in report["warnings"][0]["problem"]
    assert not list(tmp_path.glob("nothing"))


def test_an_illegal_move_is_found(ran: Sandbox) -> None:
    ran.git("mv", ".tasks/[pending]_hand_task.md", ".tasks/[completed]_hand_task.md")
    states = "Gitorch-State: hand: pending -> completed"
    mirror = "Gitorch-Status: continue\nGitorch-Next: Execute hand\nGitorch-Task: hand"
    ran.git("commit", "-qm", f"gitorch(hand): move\n\nGitorch-Event: move\n{mirror}\n{states}\n")
    _first_bad(ran, ran.head(), "illegal move hand: pending -> completed")


def test_names_that_only_look_like_tasks_are_nobodys_business(ran: Sandbox) -> None:
    odd = (
        ".tasks/[done]_x_task.md",
        ".tasks/[pending]_X_task.md",
        ".tasks/[pending]_d_task.md/f",
        "[pending]_t_task.md",
    )
    ran.commit("look-alikes", **dict.fromkeys((*odd, ".tasks/hand/[pending]_n_task.md"), "x\n"))
    assert ran("verify", "--json").json["ok"]
    assert "d" not in Sandbox(ran.root)("list", "--json").out.split('"name": "')[0]
    assert {"x", "d", "n", "t"}.isdisjoint(ran.states())


@pytest.mark.thorough
def test_since_judges_only_what_came_after(ran: Sandbox) -> None:
    _rename_by_hand(ran)
    bad = ran.head()
    ran("create", "after")
    assert ran("verify", "--json", code=1).json["problems"][0]["commit"] == bad
    report = ran("verify", "--since", bad, "--json").json
    assert (report["ok"], report["checked"], report["problems"]) == (True, 1, [])
    assert report["range"] == {"since": bad, "to": ran.head()}
    assert ran("verify", "--since", f"{bad}~1", "--json", code=1).json["problems"][0]["commit"] == bad
    assert ran("verify", "--since", bad).out == f"ok: 1 record since {bad[:10]}, all valid\n"
    assert ran("verify", "--since", "HEAD", "--json").json["checked"] == 0
    zeros = ran("verify", "--since", "0" * 40, "--json", code=1).json  # what hooks give for a new branch
    assert zeros["range"] == {"since": None, "to": ran.head()}


@pytest.mark.thorough
def test_since_what_is_told_before_counts_for_the_sums(ran: Sandbox) -> None:
    ran(
        "step",
        "--agent-command",
        "git commit -q --allow-empty -m own; echo x > own.txt; git add -A; git commit -qm own",
    )
    ran("step")
    for back in range(1, 12):  # between a begin and its end too
        report = ran("verify", "--since", f"HEAD~{back}", "--json").json
        assert (report["ok"], report["problems"]) == (True, []), back
    ran("step", code=10)
    _amend(ran, lambda text: text.replace("Total-Steps: ", "Total-Steps: 7"))
    assert "the totals are" in ran("verify", "--since", "HEAD~1", code=1).out


@pytest.mark.thorough
def test_since_the_midst_of_an_invocation_what_was_done_before_is_no_idling(sandbox: Sandbox) -> None:
    meanwhile: tuple[Callable[[], object], ...] = (
        sandbox.commit,
        lambda: sandbox("create", "other"),
        lambda: sandbox.commit(file="x\n"),
        lambda: sandbox.commit(**{"src/file": "x\n"}),
        lambda: sandbox.commit(**{".tasks/notes.md": "n\n"}),
        lambda: sandbox.git("merge", "-q", "-s", "ours", "-m", "join", "side"),
    )
    sandbox("create", "one")
    sandbox("update", "continue", "Execute one task", "--task", "one")
    sandbox.git("branch", "side", sandbox.git("commit-tree", "-p", "HEAD", "-m", "side", "HEAD^{tree}").strip())
    midst: list[str] = []
    for do in meanwhile:
        sandbox("begin", "--max-attempts", "9")
        do()
        midst.append(sandbox.head())
        sandbox("finish", "--exit", "1", "--max-attempts", "9", code=None)
    idle = sandbox.git("log", "--reverse", "--format=%(trailers:key=Gitorch-Idle,valueonly,separator=)").split()
    assert idle == ["1", "2", "0", "0", "0", "0"]
    with gitorch.open(sandbox.root) as workflow:
        for commit in midst:
            assert workflow.verify(since=commit).problems == []


def test_the_sums_at_a_commit_are_the_same_from_wherever_it_is_judged_even_from_itself(ran: Sandbox) -> None:
    """An agent may have committed nothing but work of the user's, and then nothing is left to judge."""
    tip = ran.head()
    with gitorch.open(ran.root) as workflow:
        for base in (tip, f"{tip}~1", f"{tip}~4"):
            report, fold = verify_since(workflow.repository, base, tip)
            assert (report.problems, fold.totals.steps, fold.worked) == ([], 3, False), base


@pytest.mark.parametrize("rev", ["nothing", "-x", "HEAD:file"])
def test_since_a_commit_that_is_not_there_is_refused(ran: Sandbox, rev: str) -> None:
    assert "is not a commit" in ran("verify", f"--since={rev}", code=1).err
    assert "a range cannot be used with --since" in ran("verify", "HEAD~2..HEAD", "--since", "HEAD~1", code=2).err


def test_a_change_before_may_be_adopted_after(sandbox: Sandbox) -> None:
    sandbox.commit(**{".tasks/[pending]_old_task.md": "---\n---\n# old\n"})
    before = sandbox.head()
    sandbox.git("commit", "-q", "--allow-empty", "-m", ADOPT.format(name="old"))
    assert sandbox("verify", "--json").json["ok"]
    assert sandbox("verify", "--since", before, "--json").json["ok"]
    told = ADOPT.format(name="old") + "Gitorch-State: other: none -> pending\n"
    sandbox.git("commit", "-q", "--amend", "--allow-empty", "-m", told)
    for since in ([], ["--since", before]):
        _first_bad(sandbox, sandbox.head(), "it names other: none -> pending", *since)


ADOPT = "gitorch(x): adopt\n\nGitorch-Event: adopt\nGitorch-State: {name}: none -> pending\n"


def test_a_shallow_clone_says_from_where(ran: Sandbox) -> None:
    ran.git("clone", "-q", "--depth=6", f"file://{ran.root}", "../shallow")
    shallow = Sandbox(ran.root.parent / "shallow")
    report = shallow("verify", "--json").json
    assert report["ok"], report
    first = shallow.git("rev-list", "--reverse", "HEAD").split()[0]
    assert [warning["commit"] for warning in report["warnings"]] == [first]
    assert "a shallow clone begins here" in report["warnings"][0]["problem"]
    assert shallow("verify", "--since", "HEAD~2", "--json").json["warnings"] == []
    _rename_by_hand(shallow)
    _first_bad(shallow, shallow.head(), "without a record")


@pytest.mark.thorough
def test_a_shallow_clone_may_begin_at_any_record_and_that_is_judged_by_its_own_tree(ran: Sandbox) -> None:
    for depth in (1, 2, 3):
        ran.git("clone", "-q", f"--depth={depth}", f"file://{ran.root}", f"../shallow-{depth}")
        assert Quick(ran.root.parent / f"shallow-{depth}")("verify", "--json").json["problems"] == []
    ran("begin")
    ran.git("clone", "-q", "--depth=1", f"file://{ran.root}", "../open")
    cut, left = Quick(ran.root.parent / "open")("verify", "--json").json["warnings"]
    assert ("a shallow clone begins here" in cut["problem"], "is open" in left["problem"]) == (True, True)
    _amend_tree(ran)
    ran.git("clone", "-q", "--depth=1", f"file://{ran.root}", "../spoilt")
    _first_bad(Quick(ran.root.parent / "spoilt"), ran.head(), "only it names extra: none -> pending")


@pytest.mark.thorough
def test_branches_that_move_tasks_of_one_name_have_no_two_files(sandbox: Sandbox) -> None:
    sandbox.commit("first")
    sandbox.git("branch", "side")
    for branch, states in (("side", ("running", "completed")), ("main", ("running",))):
        sandbox.git("checkout", "-q", branch)
        sandbox("create", "same", "-d", f"On {branch}")
        for state in states:
            sandbox("move", "same", state)
    sandbox.git("merge", "-q", "-s", "ours", "-m", "keep ours", "side")
    assert sandbox("verify", "--json").json["problems"] == []


@pytest.mark.thorough
def test_after_a_merge_that_holds_two_files_the_sums_go_on_from_its_first_side(ran: Sandbox) -> None:
    _two_files_by_a_merge(ran, "step", *FAIL)
    bad = ran.head()
    ran.git("rm", "-q", ".tasks/[[]blocked]_hand_task.md")
    ran.git("commit", "-qm", "mend")
    mended = ran.head()
    ran("move", "hand", "pending")
    ran("step", *FAIL, code=None)
    assert [each["commit"] for each in ran("verify", "--json", code=1).json["problems"]] == [bad, mended]


def test_what_is_adopted_is_a_warning_of_the_commit_that_did_it(ran: Sandbox) -> None:
    _rename_by_hand(ran)
    bad = ran.head()
    quickly(ran, "adopt", "--yes")
    report = ran("verify", "--json").json
    said = "task state changed without a record: hand: pending -> completed (adopted later)"
    assert (report["ok"], report["warnings"]) == (True, [{"commit": bad, "problem": said}])


def test_a_record_of_the_same_task_settles_what_was_unrecorded_and_no_other_does(ran: Sandbox) -> None:
    def unrecorded() -> tuple[str, ...]:
        with gitorch.open(ran.root) as workflow:
            return tuple(map(str, workflow.verify().unrecorded))

    _rename_by_hand(ran)
    assert unrecorded() == ("hand: pending -> completed",)
    ran("create", "other")
    assert unrecorded() == ("hand: pending -> completed",)
    ran("move", "hand", "pending")
    assert unrecorded() == ()
    assert not ran("verify", "--json", code=1).json["ok"]


def test_a_tree_out_of_form_is_told_and_not_read_in_part(ran: Sandbox) -> None:
    folder = subprocess.run(("git", "cat-file", "tree", "HEAD:.tasks"), cwd=ran.root, capture_output=True, check=True)
    program = ("git", "hash-object", "-t", "tree", "-w", "--literally", "--stdin")
    odd = folder.stdout + b"100648 zz\0" + b"\1" * 20
    oid = subprocess.run(program, cwd=ran.root, input=odd, capture_output=True, check=True).stdout.decode().strip()
    listed = ran.git("ls-tree", "HEAD").replace(ran.git("rev-parse", "HEAD:.tasks").strip(), oid)
    tree = run("git", "mktree", cwd=ran.root, stdin=listed).out.strip()
    ran.git("update-ref", "HEAD", ran.git("commit-tree", "-p", "HEAD", "-m", "odd", tree).strip())
    done = quickly(ran, "list")
    assert done.code == 1
    assert f"tree {oid} is out of form" in done.err


@pytest.mark.thorough
def test_a_fork_of_long_ago_is_read_again(ran: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    ran.git("checkout", "-q", "-b", "side", "HEAD~6")
    ran.commit("on the side", side="x\n")
    ran.git("checkout", "-q", "main")
    ran.git("merge", "-q", "--no-ff", "-m", "join", "side")
    ran("step", "--agent-command", "echo x > x; echo done")
    monkeypatch.setattr("gitorch.ledger.checker._REMEMBERED", 1)
    holds(ran)


@pytest.mark.thorough
def test_a_hook_judges_a_push_before_it_is_let_in(ran: Sandbox) -> None:
    ran.git("clone", "-q", "--bare", ".", "../bare.git")
    bare = Sandbox(ran.root.parent / "bare.git")
    hook = bare.root / "hooks" / "pre-receive"
    program = shlex.join(GITORCH)
    hook.write_text(
        f'#!/bin/sh\nwhile read -r old new ref; do {program} verify --since "$old" "$new" || exit 1; done\n'
    )
    hook.chmod(0o755)
    ran("create", "good")
    ran.git("push", "-q", "../bare.git", "main", "main:new")
    _rename_by_hand(ran)
    done = run("git", "push", "../bare.git", "main", cwd=ran.root)
    assert done.code != 0
    assert f"the first commit with a problem is {ran.head()}" in done.err
    assert bare.git("rev-parse", "main").strip() == ran.git("rev-parse", "HEAD~1").strip()
