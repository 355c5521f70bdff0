"""After a merge, a rebase or an amended commit: a word where the record does not fit any more, and never a failure."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import gitorch
from tests.hooks.server import Server, Story, install
from tests.sandbox import GITORCH, Ran, run

_BUILT: dict[str, Path] = {}


@pytest.fixture
def story(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Story:
    if "story" not in _BUILT:
        built = Story.begin(tmp_path_factory.mktemp("told") / "repo")
        built.record("two")
        for name in ("post-merge", "post-rewrite"):
            install(built.root / ".git" / "hooks", name)
        _BUILT["story"] = built.root
    shutil.copytree(_BUILT["story"], tmp_path / "repo")
    return Story(tmp_path / "repo")


def does(story: Story, *args: str, **env: str) -> str:
    """Run git, which succeeds, and give what the hooks said."""
    done = run("git", *args, cwd=story.root, env=env)
    assert done.code == 0, done.err
    return "".join(line for line in done.err.splitlines(keepends=True) if line.startswith(("gitorch: ", "error: ")))


@pytest.fixture
def elsewhere(story: Story, tmp_path: Path) -> Story:
    """Give another clone of the same server."""
    Server.create(tmp_path / "server.git", guarded=False)
    story.git("remote", "add", "origin", "../server.git")
    story.git("push", "-q", "-u", "origin", "main")
    run("git", "clone", "-q", "server.git", "elsewhere", cwd=tmp_path)
    return Story(tmp_path / "elsewhere")


@pytest.mark.thorough
def test_a_pull_of_what_fits_says_nothing(story: Story, elsewhere: Story) -> None:
    elsewhere.record("three")
    elsewhere.git("push", "-q")
    assert does(story, "pull", "--no-rebase") == ""
    assert story.head() == elsewhere.head()


@pytest.mark.parametrize("meanwhile", [False, True])
@pytest.mark.thorough
def test_a_pull_of_a_tampered_branch_is_told(story: Story, elsewhere: Story, *, meanwhile: bool) -> None:
    bad = elsewhere.rename("two", "pending", "completed")
    elsewhere.commit("more", more="x\n")
    elsewhere.git("push", "-q")
    if meanwhile:
        story.commit("here", here="x\n")
    said = does(story, "pull", "--no-rebase", "--no-edit")
    first, second = said.splitlines()
    assert first.startswith(f"gitorch: the record does not fit any more at {bad[:10]}: task state changed without a")
    for word in ("gitorch verify", "gitorch adopt", "git reflog"):
        assert word in second
    assert does(story, "merge", "main") == ""


@pytest.mark.thorough
def test_a_merge_that_mixes_two_states_is_told(story: Story) -> None:
    story.switch("side", "main")
    story.move("one", "running")
    story.switch("main")
    story.move("two", "running")
    first, second = does(story, "merge", "-q", "--no-edit", "side").splitlines()
    assert f"at {story.head()[:10]}: a merge without a record has a state that none of its parents has" in first
    assert "gitorch merge BRANCH" in second
    assert "gitorch merge --resolve" in second


@pytest.mark.thorough
def test_a_squash_of_records_is_told_while_it_is_staged(story: Story) -> None:
    story.switch("side", "main")
    story.commit("work", work="x\n")
    story.switch("main")
    assert does(story, "merge", "-q", "--squash", "side") == ""
    story.git("commit", "-q", "-m", "squashed")
    story.switch("side")
    story.record("three")
    story.switch("main")
    assert "they are recorded as one change" in does(story, "merge", "-q", "--squash", "side")


def rebase(story: Story, script: str, *args: str) -> str:
    """Rebase by a list of commits that a script of sed changes."""
    return does(story, "rebase", "-q", "-i", *args, GIT_SEQUENCE_EDITOR=f"sed -i -e '{script}'")


@pytest.mark.thorough
def test_a_rebase_that_keeps_the_records_in_order_says_nothing(story: Story) -> None:
    before = story.head()
    story.record("three")
    story.commit("more", more="x\n")
    story.record("four")
    assert rebase(story, "1{h;d};2G", "HEAD~3") == ""  # an ordinary commit comes before the record
    assert story.git("log", "-1", "--format=%s", f"{before}..HEAD~2") == "more\n"
    assert rebase(story, "", "--root", "--no-ff") == ""


def test_a_rebase_that_turns_two_records_around_is_told(story: Story) -> None:
    with gitorch.open(story.root) as workflow:
        workflow.update("continue", "Look again")
    story.record("three")
    first, second = rebase(story, "1{h;d};2G", "HEAD~2").splitlines()
    moved = story.git("rev-parse", "HEAD~1").strip()
    assert f"at {moved[:10]}: the message tells another MAIN_TASK than its tree holds" in first
    assert "gitorch adopt" in second


@pytest.mark.thorough
def test_a_rebase_that_drops_a_record_is_told(story: Story) -> None:
    story.record("three")
    story.commit("between", between="x\n")
    story.move("two", "running")
    story.git("mv", ".tasks/[running]_two_task.md", ".tasks/[blocked]_two_task.md")
    story.git("commit", "-q", "-m", "by hand")
    story.adopt("two", "running", "blocked")
    assert does(story, "commit", "-q", "--amend", "--no-edit", "--allow-empty") == ""
    assert "adopt does not fit what happened" in rebase(story, "4d", "--no-ff", "HEAD~5")


@pytest.mark.thorough
def test_an_amended_record_is_told_where_it_says_something_else(story: Story) -> None:
    assert does(story, "commit", "-q", "--amend", "--no-edit") == ""
    story.git("mv", ".tasks/[pending]_one_task.md", ".tasks/[failed]_one_task.md")
    first, _ = does(story, "commit", "-q", "--amend", "--no-edit").splitlines()
    assert f"at {story.head()[:10]}: message and tree differ: only its tree shows one: pending -> failed" in first


def by_hand(story: Story, *args: str, stdin: str = "") -> Ran:
    return run(*GITORCH, "hook", *args, cwd=story.root, stdin=stdin)


@pytest.mark.thorough
def test_whatever_happens_git_goes_on(story: Story) -> None:
    assert by_hand(story, "post-rewrite", "rebase", stdin="\none\n") == Ran(0, "", "")
    unknown = by_hand(story, "post-rewrite", "rebase", stdin=f"{'1' * 40} {'2' * 40}\n")
    assert (unknown.code, "could not be looked at" in unknown.err) == (0, True)
    assert by_hand(story, "post-merge", "0") == Ran(0, "", "")  # there is no ORIG_HEAD yet
    story.rename("two", "pending", "running")
    assert "does not fit any more" in by_hand(story, "post-merge", "0").err
    gone = Path(story.git("rev-parse", "--git-path", "objects").strip()) / story.git("rev-parse", "HEAD~2")[:2]
    shutil.rmtree(story.root / gone)
    done = by_hand(story, "post-merge", "0")
    assert (done.code, "could not be looked at" in done.err) == (0, True)
