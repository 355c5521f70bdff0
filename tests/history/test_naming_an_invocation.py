"""What names an invocation for show names it for rewind and fork, too."""

from __future__ import annotations

from pathlib import Path

import pytest

import gitorch
from gitorch.loop.ahead import Options
from tests.history.sides import Sides, worked, wrote
from tests.probe import refused
from tests.sandbox import Sandbox

_MADE: dict[str, Sides] = {}


@pytest.fixture
def sides(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Sides:
    """Give a workflow in which `a` was done here, and `b` on the branch `side`."""
    if "sides" not in _MADE:
        made = Sides.begin(tmp_path_factory.mktemp("named") / "repo")
        made.on("side", worked("b"))
        made.on("main", worked("a"))
        _MADE["sides"] = made
    return _MADE["sides"].copy(tmp_path / "repo")


def ids(sides: Sides, *revs: str) -> dict[str | None, str]:
    with gitorch.open(sides.root) as workflow:
        return {each.task: each.id for each in workflow.invocations(*revs) if each.id is not None}


def forked_from(sides: Sides, name: str) -> str:
    sides("fork", name, "-b", "forked")
    return sides.git("rev-parse", "forked").strip()


@pytest.mark.thorough
def test_every_name_of_one_leads_all_three_to_it(sides: Sides) -> None:
    identity, end = ids(sides)["z"], sides.git("log", "--format=%H", "--grep=Gitorch-Event: end").split()[-1]
    sides.git("tag", "done", end)
    began = sides.git("rev-parse", "done^").strip()
    tree = sides.git("rev-parse", "done:.tasks")
    names = (identity, identity[:6], identity[:9].upper(), identity.upper(), end, end[:8], began, "done", "done^")
    for number, name in enumerate(names):
        assert sides("show", name, "--json").json["invocation"] == identity, name
        sides("fork", name, "-b", f"fork-{number}")
        assert sides.git("rev-parse", f"fork-{number}").strip() == end, name
        sides("rewind", name)
        assert sides.git("rev-parse", "HEAD:.tasks") == tree, name
        sides("rewind", "HEAD~1")


@pytest.mark.thorough
def test_one_on_another_branch_is_told_and_forked_from_and_not_rewound_to(sides: Sides) -> None:
    identity, end = ids(sides, "side")["b"], sides.git("rev-parse", "side").strip()
    began = sides.git("rev-parse", "side^").strip()
    assert identity not in ids(sides).values()
    for name in (identity, identity[:10].upper(), "side", began):
        shown = sides("show", name, "--json").json
        assert (shown["invocation"], shown["outcome"], shown["commits"]) == (identity, "completed", [began, end])
        refused(sides, "rewind", name, says="is not in the history of this branch")
    assert forked_from(sides, began) == end


@pytest.mark.thorough
def test_one_on_a_branch_alone_where_head_has_no_commit_yet(sides: Sides) -> None:
    identity, end = ids(sides)["a"], sides.head()
    sides.git("symbolic-ref", "HEAD", "refs/heads/nothing-yet")
    assert sides("show", identity[:8], "--json").json["invocation"] == identity
    assert forked_from(sides, identity[:8]) == end


@pytest.mark.thorough
def test_one_that_is_open_here_and_has_ended_elsewhere(sides: Sides) -> None:
    with gitorch.open(sides.root) as workflow:
        workflow.begin(Options())
    begun = sides.head()
    sides.git("branch", "from-its-midst")
    sides.commit("its work", **{"work.txt": "x\n"})
    with gitorch.open(sides.root) as workflow:
        workflow.finish(code=0)
    end, identity = sides.head(), sides.trailer("Invocation")
    sides.on("from-its-midst")
    assert sides("show", identity, "--json").json["ended"] is None
    for number, name in enumerate((identity, begun)):
        sides("fork", name, "-b", f"fork-{number}")
        assert sides.git("rev-parse", f"fork-{number}").strip() == end


@pytest.mark.thorough
def test_one_that_has_ended_by_a_clock_put_back(sides: Sides, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git goes by the clock: beside a merged branch it lists the end after all that was before."""
    with gitorch.open(sides.root) as workflow:
        workflow.begin(Options())
    begun = sides.head()
    sides.git("branch", "beside")
    work = sides.commit("its work", **{"work.txt": "x\n"})
    with monkeypatch.context() as patch:
        patch.setenv("GIT_COMMITTER_DATE", "2020-01-01T00:00:00Z")
        sides("finish", "--exit", "0", code=None)
    end, identity = sides.head(), sides.trailer("Invocation")
    sides.on("beside", wrote("beside.txt", "x\n"))
    sides.git("switch", "-q", "main")
    sides.git("merge", "-q", "--no-ff", "-m", "join", "beside")
    commits = sides.git("log", "--format=%H").split()
    assert commits.index(end) > commits.index(begun)
    for number, name in enumerate((identity, identity[:8], begun)):
        shown = sides("show", name, "--json").json
        assert (shown["ended"] is not None, shown["commits"]) == (True, [begun, work, end])
        sides("fork", name, "-b", f"fork-{number}")
        assert sides.git("rev-parse", f"fork-{number}").strip() == end


@pytest.mark.thorough
def test_one_that_is_open_on_another_branch_alone_is_told_with_its_work(sides: Sides) -> None:
    sides.on("side")
    with gitorch.open(sides.root) as workflow:
        workflow.begin(Options())
    begun, identity = sides.head(), sides.trailer("Invocation")
    work = sides.commit("its work", **{"work.txt": "x\n"})
    sides.on("main")
    shown = sides("show", identity, "--json").json
    assert (shown["ended"], shown["commits"], shown["files"]) == (None, [begun, work], ["work.txt"])
    for name in (identity, begun):
        refused(sides, "fork", name, "-b", "forked", says="has not ended")


@pytest.mark.thorough
def test_several_that_begin_alike_are_told_by_all_three(sandbox: Sandbox) -> None:
    sides = Sides(sandbox.root)
    sides("create", "a")
    sides("create", "b")
    sides("update", "continue", "Execute a task", "--task", "a")
    sides.work()
    identity, message = ids(sides)["a"], sides.git("log", "-1", "--format=%B")
    other = identity[:8] + ("0" * 24 if identity[8:] != "0" * 24 else "1" * 24)
    sides.git("commit", "-q", "--no-verify", "--allow-empty", "-m", message.replace(identity, other))
    for command in (("show", identity[:7]), ("rewind", identity[:7]), ("fork", identity[:7], "-b", "forked")):
        done = refused(sides, *command, says=f"2 invocations begin with {identity[:7]}")
        assert identity in done.err
        assert other in done.err


@pytest.mark.parametrize("name", ["nothing", "", "-x", "a\nb", "abcde", "f" * 32, "HEAD:z.txt"])
def test_what_names_nothing(sides: Sides, name: str) -> None:
    assert sides("show", "--", name, code=None).code != 0
    for command in (("rewind", "--", name), ("fork", "-b", "forked", "--", name)):
        refused(sides, *command, code=2, says="is not an invocation or a commit")
