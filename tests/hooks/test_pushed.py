"""Pushes: what breaks the record or takes some of it away is refused whole, and all else comes in."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from tests.hooks.server import Server, Story, install
from tests.ledger.rewriting import Commit
from tests.ledger.tales import Tale
from tests.ledger.test_tampering import WAYS, build, tampering
from tests.sandbox import GITORCH, Ran, Sandbox, run, short_form

NOBODY = "0" * 40
_BUILT: dict[str, Path] = {}


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server.create(tmp_path / "server.git")


@pytest.fixture
def story(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Story:
    if "story" not in _BUILT:
        _BUILT["story"] = Story.begin(tmp_path_factory.mktemp("told") / "repo").root
    shutil.copytree(_BUILT["story"], tmp_path / "repo")
    return Story(tmp_path / "repo")


@pytest.fixture(scope="module")
def tampered_with(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tampering") / "repo"


def check_way(root: Path, folder: Path, name: str, seed: int) -> None:
    """Push a tampered history to a server that has nothing, its honest beginning, or the honest history."""
    print(f"{name}, seed {seed}")  # noqa: T201 - pytest shows it where the test fails
    with tampering(root, f"{name} {seed}") as made:
        honest = set(Sandbox(root).git("rev-list", "HEAD").split())
        bad = WAYS[name][0](made)
        stored = made.history.store()
        tip = stored[made.history.line[-1]]
        begun = _common(made.history.line, stored, honest)
    named = f"main: commit {stored[bad][:10]}: "
    empty = Server.create(folder / "empty.git")
    assert named in empty.refuses(root, f"{tip}:refs/heads/main")
    if begun is not None:
        ahead = Server.create(folder / "begun.git", guarded=False)
        ahead.takes(root, f"{begun}:refs/heads/main")
        ahead.guard()
        assert named in ahead.refuses(root, f"{tip}:refs/heads/main")
    whole = Server.create(folder / "whole.git", guarded=False)
    whole.takes(root, "HEAD:refs/heads/main")
    whole.guard()
    assert "main: the record would be rewritten: " in whole.refuses(root, f"+{tip}:refs/heads/main")


def _common(line: list[Commit], stored: dict[Commit, str], honest: set[str]) -> str | None:
    """Give the last commit before anything was changed."""
    kept = [oid for oid in map(stored.get, line) if oid in honest]
    return kept[-1] if kept else None


@pytest.mark.thorough
@pytest.mark.parametrize("name", short_form({name: name for name in WAYS}, 40))
def test_a_push_of_a_tampered_history_is_refused(name: str, tampered_with: Path, tmp_path: Path) -> None:
    if not tampered_with.exists():
        build(tampered_with)
    check_way(tampered_with, tmp_path, name, 7)


@pytest.mark.heavy
@pytest.mark.parametrize("seed", range(200, 201))
def test_tampering_at_other_places_is_refused_too(seed: int, tampered_with: Path, tmp_path: Path) -> None:
    if not tampered_with.exists():
        build(tampered_with)
    for name in WAYS:
        check_way(tampered_with, tmp_path / name.replace(" ", "-"), name, seed)


def check_tale(folder: Path, seed: int, steps: int) -> None:
    """Push an honest history in portions, some of them as branches of their own."""
    tale = Tale(folder / "repo", seed)
    tale.tell(steps)
    print(f"seed {seed}, {steps} steps: {', '.join(tale.told)}")  # noqa: T201 - pytest shows it where the test fails
    root, git = tale.sandbox.root, tale.sandbox.git
    server = Server.create(folder / "server.git")
    line = git("rev-list", "--first-parent", "--reverse", "HEAD").split()
    stops = sorted(tale.chance.sample(range(len(line)), min(3, len(line))))
    for commit in dict.fromkeys([*(line[stop] for stop in stops), line[-1]]):
        server.takes(root, f"{commit}:refs/heads/main")
    others = tale.chance.choices(git("rev-list", "HEAD").split(), k=3)
    late = Server.create(folder / "late.git")
    late.takes(root, *(f"{commit}:refs/heads/{number}" for number, commit in enumerate(others)))
    late.takes(root, "HEAD:refs/heads/main", *(f":refs/heads/{number}" for number in range(len(others))))
    assert late.branches() == server.branches() == {"main": line[-1]}


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(1))
def test_an_honest_history_comes_in_by_portions(seed: int, tmp_path: Path) -> None:
    check_tale(tmp_path, seed, 6)


@pytest.mark.heavy
@pytest.mark.parametrize("ten", range(30, 34))
def test_many_honest_histories_come_in_by_portions(ten: int, tmp_path: Path) -> None:
    for seed in range(ten * 10, ten * 10 + 10):
        check_tale(tmp_path / str(seed), seed, 15)


@pytest.mark.thorough
def test_all_that_is_refused_is_named_in_one_verdict(server: Server, story: Story) -> None:
    server.takes(story.root, "main", "main:third")
    story.switch("side", "main")
    there = story.rename("one", "pending", "completed")
    story.switch("other", "main")
    other = story.rename("one", "pending", "failed")
    story.switch("main")
    story.record("good")
    err = server.refuses(story.root, "main", "side", "+other", "+HEAD~2:refs/heads/third")
    assert f"side: commit {there[:10]}: task state changed without a record: one: pending -> completed" in err
    assert f"other: commit {other[:10]}: task state changed without a record" in err
    assert "third" not in err  # what it had, main has
    assert ("main: " in err, "gitorch adopt" in err) == (False, True)
    server.takes(story.root, "main", "+HEAD~2:refs/heads/third")


@pytest.mark.thorough
def test_only_new_commits_are_judged(server: Server, story: Story) -> None:
    (server.root / "hooks" / "pre-receive").unlink()
    story.rename("one", "pending", "completed")
    server.takes(story.root, "main")
    server.guard()
    story.record("good")
    server.takes(story.root, "main:new")
    server.takes(story.root, "main")
    story.switch("another", "main")
    bad = story.rename("good", "pending", "running")
    story.switch("again", "another")
    assert f"another: commit {bad[:10]}" in server.refuses(story.root, "another")
    err = server.refuses(story.root, "another:main", "again")
    assert f"main: commit {bad[:10]}" in err
    assert f"again: commit {bad[:10]}" in err


@pytest.mark.thorough
def test_what_one_branch_has_adopted_another_has_not(server: Server, story: Story) -> None:
    server.takes(story.root, "main")
    bad = story.rename("one", "pending", "completed")
    story.switch("without", "main")
    story.commit("on the side", side="x\n")
    story.switch("main")
    story.adopt("one", "pending", "completed")
    story.switch("with", "main")
    story.record("two")
    err = server.refuses(story.root, "with", "without")
    assert f"without: commit {bad[:10]}" in err
    assert "with: " not in err
    server.takes(story.root, "main", "with")


@pytest.mark.thorough
def test_a_branch_goes_where_another_has_its_records(server: Server, story: Story) -> None:
    server.takes(story.root, "main", "main:copy")
    mine = story.record("two")
    server.takes(story.root, "main:side")
    err = server.refuses(story.root, ":side")
    assert f"side: the record would be rewritten: {mine[:10]} (gitorch(two): " in err
    assert "gitorch merge" in err
    server.takes(story.root, ":side", "main:moved")
    server.takes(story.root, ":copy")
    assert server.branches().keys() == {"main", "moved"}


@pytest.mark.thorough
def test_a_branch_of_ordinary_commits_may_be_forced_and_go(server: Server, story: Story) -> None:
    server.takes(story.root, "main")
    story.switch("side", "main")
    story.commit("work", work="x\n")
    server.takes(story.root, "side")
    story.git("commit", "-q", "--amend", "-m", "better")
    server.takes(story.root, "+side")
    server.takes(story.root, ":side")


@pytest.mark.parametrize("change", ["record", "body", "merged", "spoilt"])
@pytest.mark.thorough
def test_a_forced_push_that_loses_a_part_of_the_record_is_refused(change: str, server: Server, story: Story) -> None:
    kept = story.head()
    lost = LOSSES[change](story)
    (server.root / "hooks" / "pre-receive").unlink()
    server.takes(story.root, "main", f"{kept}:refs/heads/other")
    server.guard()
    story.git("checkout", "-q", "-B", "main", kept)
    story.commit("instead", work="x\n")
    err = server.refuses(story.root, "+main")
    assert f"main: the record would be rewritten: {lost[:10]} (" in err


def _record_lost(story: Story) -> str:
    return story.record("two")


def _body_lost(story: Story) -> str:
    return story.commit("in words", **{".tasks/[pending]_one_task.md": "---\n---\n# one, in other words\n"})


def _merge_lost(story: Story) -> str:
    base = story.head()
    for branch in ("left", "right"):
        story.switch(branch, base)
        story.commit(branch, **{f".tasks/one/{branch}.md": "x\n"})
    story.switch("main")
    story.git("merge", "-q", "--no-ff", "-m", "join", "left", "right")
    return story.git("rev-parse", "left").strip()


def _spoilt_lost(story: Story) -> str:
    story.git("commit", "-q", "--allow-empty", "-m", "gitorch(x): cut\n\nGitorch-Event: nothing\n")
    return story.head()


LOSSES: dict[str, Callable[[Story], str]] = {
    "record": _record_lost,
    "body": _body_lost,
    "merged": _merge_lost,
    "spoilt": _spoilt_lost,
}


@pytest.mark.thorough
def test_a_merge_that_alone_has_both_sides_may_not_be_lost(server: Server, story: Story) -> None:
    _merge_lost(story)
    server.takes(story.root, "main", "left", "right")
    err = server.refuses(story.root, ":main")
    assert f"rewritten: {story.head()[:10]} (join)" in err


@pytest.mark.thorough
def test_a_branch_with_another_name_is_judged_as_the_one_it_names(server: Server, story: Story) -> None:
    story.record("two")
    server.takes(story.root, "main")
    server.git("symbolic-ref", "refs/heads/alias", "refs/heads/main")
    err = server.refuses(story.root, "+HEAD~1:refs/heads/alias")
    assert "main: the record would be rewritten" in err


@pytest.mark.thorough
def test_tags_and_other_refs_pass(server: Server, story: Story) -> None:
    story.rename("one", "pending", "completed")
    story.git("tag", "-a", "-m", "as it was", "v1")
    server.takes(story.root, "v1", "main:refs/notes/x", "main:refs/tags/light")
    server.takes(story.root, ":refs/tags/light", "+HEAD~1:refs/notes/x")
    server.refuses(story.root, "main", "main:refs/tags/light")
    assert server.branches() == {}


@pytest.mark.thorough
def test_a_repository_without_tasks_is_pushed_as_ever(server: Server, tmp_path: Path) -> None:
    sandbox = Sandbox.create(tmp_path / "plain", decoys=False)
    sandbox.commit(file="x\n")
    server.takes(sandbox.root, "main", "main:side")
    sandbox.git("commit", "-q", "--amend", "-m", "better")
    server.takes(sandbox.root, "+main", ":side")


@pytest.mark.thorough
def test_ids_of_64_digits(tmp_path: Path) -> None:
    server = Server.create(tmp_path / "server.git", object_format="sha256")
    story = Story.begin(tmp_path / "repo", object_format="sha256")
    server.takes(story.root, "main")
    story.record("two")
    server.takes(story.root, "main", "main:side")
    server.takes(story.root, ":side")
    bad = story.rename("one", "pending", "completed")
    assert f"main: commit {bad[:10]}: " in server.refuses(story.root, "main")
    assert f"new: commit {bad[:10]}: " in server.refuses(story.root, "main:new")
    assert "would be rewritten" in server.refuses(story.root, "+main~2:main")


@pytest.mark.thorough
def test_a_push_from_a_shallow_clone_is_judged_where_the_server_has_the_rest(
    server: Server, story: Story, tmp_path: Path
) -> None:
    server.takes(story.root, "main")
    run("git", "clone", "-q", "--depth=1", f"file://{server.root}", "shallow", cwd=tmp_path)
    shallow = Story(tmp_path / "shallow")
    shallow.record("two")
    server.takes(shallow.root, "main")
    shallow.rename("one", "pending", "completed")
    assert "task state changed" in server.refuses(shallow.root, "main")


@pytest.mark.parametrize("allowed", ["false", pytest.param("true", marks=pytest.mark.thorough)])
def test_a_push_from_a_shallow_clone_is_refused_where_history_is_missing(
    allowed: str, story: Story, tmp_path: Path
) -> None:
    behind = Server.create(tmp_path / "behind.git")
    behind.git("config", "receive.shallowUpdate", allowed)
    behind.takes(story.root, "main")
    story.record("two")
    story.record("three")
    run("git", "clone", "-q", "--depth=1", f"file://{story.root}", "shallow", cwd=tmp_path)
    for branch in ("main", "new"):
        before = behind.contents()
        done = behind.push(tmp_path / "shallow", f"+HEAD:refs/heads/{branch}")
        assert done.code != 0
        assert "error: the history of what is pushed cannot be read" in done.err
        assert "git fetch --unshallow" in done.err
        assert behind.contents() == before


@pytest.mark.thorough
def test_a_server_that_is_shallow_itself(story: Story, tmp_path: Path) -> None:
    story.record("two")
    run("git", "clone", "-q", "--bare", "--depth=1", f"file://{story.root}", "cut.git", cwd=tmp_path)
    server = Server(tmp_path / "cut.git")
    server.guard()
    story.move("two", "running")
    server.takes(story.root, "main", "main:side")
    bad = story.rename("one", "pending", "completed")
    assert f"main: commit {bad[:10]}: " in server.refuses(story.root, "main")


@pytest.fixture
def client(story: Story, tmp_path: Path) -> Story:
    """Give a repository that judges what goes out, and whose server judges nothing."""
    Server.create(tmp_path / "server.git", guarded=False)
    story.git("remote", "add", "origin", "../server.git")
    story.git("push", "-q", "-u", "origin", "main")
    install(story.root / ".git" / "hooks", "pre-push")
    return story


def push(story: Story, *args: str) -> Ran:
    return run("git", "push", "-q", *args, cwd=story.root)


def goes_out(story: Story, *args: str) -> None:
    done = push(story, *args)
    assert (done.code, done.err) == (0, "")


def stays(story: Story, *args: str) -> str:
    done = push(story, *args)
    assert done.code != 0, "it was pushed"
    assert "error: push refused: " in done.err, done.err
    return done.err


@pytest.mark.thorough
def test_what_breaks_the_record_does_not_go_out(client: Story) -> None:
    client.record("two")
    goes_out(client, "origin", "main")
    bad = client.rename("one", "pending", "completed")
    assert f"main: commit {bad[:10]}: task state changed" in stays(client, "origin", "main")
    assert f"new: commit {bad[:10]}: " in stays(client, "origin", "main:new")
    goes_out(client, "origin", "main:refs/tags/v1", "HEAD~1:refs/heads/good")
    goes_out(client, "origin", ":good")
    there = client.git("ls-remote", "--heads", "origin").split()
    assert there == [client.git("rev-parse", "HEAD~1").strip(), "refs/heads/main"]


@pytest.mark.thorough
def test_what_the_other_side_has_is_not_judged_again(client: Story) -> None:
    client.rename("one", "pending", "completed")
    goes_out(client, "--no-verify", "origin", "main")
    client.record("two")
    goes_out(client, "origin", "main", "main:new")
    assert "task state changed" in stays(client, "../server.git", "main:another")  # nothing is known of that one
    client.record("three")
    goes_out(client, "../server.git", "main")  # but of this branch it is


@pytest.mark.thorough
def test_a_branch_that_moved_on_unseen_is_judged_by_what_was_fetched(client: Story, tmp_path: Path) -> None:
    run("git", "clone", "-q", "server.git", "other", cwd=tmp_path)
    other = Story(tmp_path / "other")
    other.commit("elsewhere", other="x\n")
    other.git("push", "-q")
    bad = client.rename("one", "pending", "completed")
    err = stays(client, "--force", "origin", "main")
    assert f"main: commit {bad[:10]}: " in err
    client.git("checkout", "-q", "-B", "main", "HEAD~1")
    client.record("two")
    goes_out(client, "--force", "origin", "main")


@pytest.mark.thorough
def test_an_invocation_under_way_goes_out(client: Story) -> None:
    client("begin", "--agent", "local")
    assert client.git("log", "-1", "--format=%B").count("Gitorch-Event: begin") == 1
    goes_out(client, "origin", "main")


def by_framework(story: Story, **values: str) -> Ran:
    """Call the hook as pre-commit does: without git's arguments and input."""
    env = {"PRE_COMMIT": "1", **{f"PRE_COMMIT_{key}": value for key, value in values.items()}}
    return run(*GITORCH, "hook", "pre-push", cwd=story.root, env=env)


@pytest.mark.thorough
def test_the_frameworks_variables_say_what_is_pushed(client: Story) -> None:
    good = client.record("two")
    bad = client.rename("one", "pending", "completed")
    names = {"REMOTE_NAME": "origin", "REMOTE_BRANCH": "refs/heads/main", "LOCAL_BRANCH": "refs/heads/main"}
    done = by_framework(client, FROM_REF=good, TO_REF=bad, **names)
    assert done.code == 1
    assert f"main: commit {bad[:10]}: " in done.err
    assert by_framework(client, FROM_REF=good, TO_REF=bad, **{**names, "REMOTE_BRANCH": "refs/tags/x"}).code == 0
    assert f"main: commit {bad[:10]}" in by_framework(client, **names).err  # all of it, says the framework
    assert by_framework(client, **{**names, "LOCAL_BRANCH": good}).code == 0
    assert f"HEAD: commit {bad[:10]}: " in by_framework(client, FROM_REF="origin/main", TO_REF="HEAD").err
    assert by_framework(client).code == 0
    gone = by_framework(client, TO_REF="nothing")
    assert (gone.code, "is no commit: nothing" in gone.err) == (1, True)


@pytest.mark.parametrize("hook", ["pre-receive", "pre-push"])
def test_what_is_no_push_is_a_wrong_use(hook: str, story: Story) -> None:
    done = run(*GITORCH, "hook", hook, "origin", "url", cwd=story.root, stdin="main\n")
    assert done.code == 2
    assert "is not of the form" in done.err


def test_a_name_of_a_revision_may_have_blanks(client: Story) -> None:
    head = client.head()
    line = f"HEAD@{{1 day ago}} {head} refs/heads/new {NOBODY}\n"
    assert run(*GITORCH, "hook", "pre-push", "origin", "url", cwd=client.root, stdin=line).code == 0


@pytest.mark.thorough
def test_the_order_of_branches_does_not_matter(server: Server, story: Story) -> None:
    tips = [story.head(), *(story.record(f"more-{number}") for number in range(4))]
    chance = random.Random(5)  # noqa: S311 - for variety, not for secrets
    names = [f"b{number}" for number in range(len(tips))]
    server.takes(story.root, *(f"{tip}:refs/heads/{name}" for name, tip in zip(names, tips, strict=True)))
    chance.shuffle(names)
    turned = [f"+{server.branches()[one]}:refs/heads/{other}" for one, other in pairwise([*names, names[0]])]
    server.takes(story.root, *turned)
    assert sorted(server.branches().values()) == sorted(tips)


@pytest.mark.thorough
def test_what_was_put_back_on_a_side_branch_is_seen(server: Server, story: Story) -> None:
    server.takes(story.root, "main")
    story.switch("side", "main")
    bad = story.rename("one", "pending", "completed")
    story.rename("one", "completed", "pending")
    story.switch("main")
    story.commit("here", here="x\n")
    story.git("merge", "-q", "--no-ff", "-m", "join", "side")
    assert f"main: commit {bad[:10]}: " in server.refuses(story.root, "main")


@pytest.mark.thorough
def test_a_forged_message_alone_is_seen(server: Server, story: Story) -> None:
    server.takes(story.root, "main")
    story.git("commit", "-q", "--allow-empty", "-m", "gitorch(x): done\n\ngitorch-event: update")
    assert f"main: commit {story.head()[:10]}: " in server.refuses(story.root, "main")


def traced(server: Server, *lines: str) -> list[str]:
    """Let the hook judge what is there already, and list the git commands that it needs for it."""
    trace = server.root.parent / "trace"
    trace.unlink(missing_ok=True)
    stdin = "".join(f"{line}\n" for line in lines)
    done = run(*GITORCH, "hook", "pre-receive", cwd=server.root, stdin=stdin, env={"GIT_TRACE2_EVENT": str(trace)})
    assert done == Ran(0, "", "")
    events = [json.loads(line) for line in trace.read_text().splitlines()]
    return [event["name"] for event in events if event["event"] == "cmd_name"]


@pytest.mark.thorough
def test_many_branches_and_ordinary_commits_cost_little(server: Server, story: Story) -> None:
    tips = [story.record("two"), story.record("three")]
    plain = [story.commit(f"plain {number}", plain=f"{number}\n") for number in range(2)]
    server.takes(story.root, "main:refs/tags/all")
    few = traced(server, *(f"{NOBODY} {tip} refs/heads/{tip}" for tip in tips))
    many = traced(server, *(f"{NOBODY} {tips[number % 2]} refs/heads/{number}" for number in range(40)))
    assert many == few
    assert len(few) < 12
    server.git("update-ref", "refs/heads/main", plain[0])
    ordinary = traced(server, f"{plain[0]} {plain[1]} refs/heads/main")
    assert {"log", "cat-file"}.isdisjoint(ordinary)  # nothing of what was before is read


@pytest.mark.thorough
def test_a_replace_ref_hides_nothing(server: Server, story: Story) -> None:
    harmless = story.git("commit-tree", "-m", "harmless", "-p", "HEAD", "HEAD^{tree}").strip()
    kept = story.record("two")
    bad = story.rename("one", "pending", "completed")
    server.takes(story.root, f"{kept}:refs/heads/main", f"{harmless}:refs/tags/x", f"{bad}:refs/tags/y")
    server.git("replace", bad, kept)
    assert f"main: commit {bad[:10]}: " in server.refuses(story.root, "main")
    server.git("replace", kept, harmless)
    assert f"rewritten: {kept[:10]} (gitorch(two)" in server.refuses(story.root, "+main~2:main")
