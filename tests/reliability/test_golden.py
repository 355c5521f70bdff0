"""Histories of each version that was, kept for ever: they verify, audit and fold as they did, and work goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import gitorch
from tests.probe import Quick, told_by_messages, told_by_names
from tests.reliability.golden.make import HERE, expected, make
from tests.sandbox import quickly

BUNDLES = sorted(HERE.glob("*.bundle"))


@pytest.fixture(params=BUNDLES, ids=lambda path: path.stem)
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Quick, dict[str, Any]]:
    bundle: Path = request.param
    root = tmp_path / "golden"
    Quick(tmp_path).git("clone", "-q", str(bundle), str(root))
    return Quick(root), json.loads(bundle.with_suffix(".json").read_text())


def test_it_tells_what_it_told(kept: tuple[Quick, dict[str, Any]]) -> None:
    sandbox, told = kept
    now = expected(sandbox)
    now["status"] = {key: now["status"][key] for key in told["status"]}  # later versions say more
    assert now == told
    verified = sandbox("verify", "--json").json
    assert (verified["ok"], verified["checked"]) == (True, told["records"])


def test_it_holds_every_event_and_outcome(kept: tuple[Quick, dict[str, Any]]) -> None:
    sandbox, _ = kept
    told = sandbox.git("log", "--format=%(trailers:only,unfold)")
    events = "start create decompose begin end move update drop answer recover rewind adopt merge"
    outcomes = "completed failed blocked rate-limited timeout stalled interrupted rejected"
    for key, values in (("Event", events), ("Outcome", outcomes)):
        for value in values.split():
            assert f"Gitorch-{key}: {value}\n" in told, value
    keys = "Focus Attempt Agent Model Session Exit Duration Cost-USD Tokens-In Tokens-Cached Tokens-Out Check Reason"
    for (
        key
    ) in f"{keys} Question Retry-At Rescue Total-Steps Total-Cost-USD Total-Unpriced Total-Seconds Idle Again".split():
        assert f"Gitorch-{key}: " in told, key


@pytest.mark.thorough
def test_it_folds_to_the_tree_of_each_commit(kept: tuple[Quick, dict[str, Any]]) -> None:
    sandbox, _ = kept
    commits = sandbox.git("rev-list", "HEAD").split()
    for commit in commits:
        strays = sandbox.git("log", "-1", "--format=%s", commit).strip() in ADOPTED_LATER
        states, main = told_by_messages(sandbox, commit)
        names, text = told_by_names(sandbox, commit)
        assert strays or (states, main is None) == (names, text is None), commit
        assert main is None or text is not None
    assert len(commits) > 60


# what a person did behind gitorch's back; an `adopt` accounts for it
ADOPTED_LATER = ("a task without a record", "a change of state that nobody tells", "a task to be cut", "more time")


@pytest.mark.thorough
def test_work_goes_on_from_it(kept: tuple[Quick, dict[str, Any]]) -> None:
    sandbox, told = kept
    sandbox.git("branch", "side")
    sandbox("update", "continue", "Execute hand task", "--task", "hand-research-analysis")
    done = sandbox(
        "step", "--agent-command", 'echo x > x; echo y > "$GITORCH_TASK_DIR/sources.md"', "--json", code=None
    )
    assert done.code == 0, done
    sandbox("create", "later")
    sandbox.git("checkout", "-q", "side")
    sandbox("create", "beside")
    sandbox.git("checkout", "-q", "main")
    merged = sandbox("merge", "side", code=None)
    assert merged.code == 0 or "this git is too old" in merged.err
    assert merged.code != 0 or {"later", "beside"} <= sandbox.states().keys()
    assert sandbox("verify", "--json").json["ok"]
    sandbox("rewind", told["head"])
    with gitorch.open(sandbox.root) as workflow:
        assert workflow.state().states == workflow.state(told["head"]).states
    assert sandbox("verify", "--json").json["ok"]
    assert quickly(sandbox.root, "report", "-o", str(sandbox.root.parent / "page.html")).code == 0


def test_they_are_small() -> None:
    assert BUNDLES
    assert all(path.stat().st_size < 60_000 for path in BUNDLES)


@pytest.mark.heavy
def test_the_story_is_the_same_each_time(tmp_path: Path, sealed: Path) -> None:
    heads = {make(tmp_path / name, sealed).head() for name in ("one", "two")}
    assert len(heads) == 1
