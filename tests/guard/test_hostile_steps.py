"""Agents that take the user's own work in, make it look new, or stop the next step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gitorch.git import trees
from gitorch.git.repository import open_repository
from gitorch.guard import snapshot
from tests.loop.bench import LINES, Bench, differences, wait_for

pytestmark = pytest.mark.thorough

MINE = "the user's own words\n"
SECRET = "PASSWORD=hunter2-secret\n"  # noqa: S105 - nobody's
TOKEN = "ghp_" + "x1Y2z3" * 7
OWN = "git add -A; git commit -qm own"


def names(bench: Bench) -> set[str]:
    return {*bench.git("log", "-m", "--name-only", "--format=").split("\n")}


def anywhere(bench: Bench, oid: str) -> bool:
    """Tell whether a blob lies in the work tree or under any ref."""
    kept = {line.split(" ")[0] for line in bench.git("rev-list", "--objects", "--all").splitlines()}
    lying = bench.git("hash-object", "--", *(f"./{p}" for p in bench.files() if (bench.root / p).is_file())).split()
    return oid in kept or oid in lying


# Staged only


def _staged_and_gone(b: Bench) -> None:
    b.write("new.txt", MINE)
    b.git("add", "new.txt")
    (b.root / "new.txt").unlink()


def _staged_and_reverted(b: Bench) -> None:
    b.write("a.txt", MINE)
    b.git("add", "a.txt")
    b.write("a.txt", LINES)


def _staged_removal(b: Bench) -> None:
    b.git("rm", "-q", "--cached", "a.txt")


def _staged_mode(b: Bench) -> None:
    b.git("update-index", "--chmod=+x", "a.txt")


@pytest.mark.parametrize("make", [_staged_and_gone, _staged_and_reverted, _staged_removal, _staged_mode])
def test_staged_alone_is_not_committed_by_a_commit_of_the_agents(bench: Bench, make: Callable[[Bench], None]) -> None:
    make(bench)
    before, mine = bench.photo(), bench.blobs_of_the_user()
    bench.step("echo x > x.txt; git add x.txt; git commit -qm own")
    assert differences(before, bench.photo(without=["x.txt"])) == []
    assert not mine & bench.reachable()


# Un-ignored


@pytest.mark.parametrize("code", [0, 1])
@pytest.mark.parametrize("deed", ["git checkout -q .", "git stash -q", "git reset -q --hard"])
def test_files_that_the_users_own_gitignore_hides(bench: Bench, deed: str, code: int) -> None:
    bench.write(".gitignore", "*.ignored\nlocal.cfg\n")  # uncommitted
    bench.write("local.cfg", MINE)
    bench.step(f"{deed}; echo x > x.txt; exit {code}")
    assert bench.read("local.cfg") == MINE
    assert "local.cfg" not in names(bench)


@pytest.mark.parametrize("code", [0, 1])
@pytest.mark.parametrize("deed", ["echo '!mine.ignored' >> .gitignore", "git rm -q .gitignore"])
def test_files_that_the_agent_lets_git_see(bench: Bench, deed: str, code: int) -> None:
    bench.write("mine.ignored", MINE)
    bench.step(f"{deed}; echo x > x.txt; exit {code}")
    assert bench.read("mine.ignored") == MINE
    assert "mine.ignored" not in names(bench)


@pytest.mark.parametrize("commit", ["git add -f .env; git commit -qm own", f"sed -i /env/d .gitignore; {OWN}"])
def test_an_ignored_secret_is_not_committed_by_a_commit_of_the_agents(bench: Bench, commit: str) -> None:
    bench.commit("ignore", **{".gitignore": ".env\n*.ignored\n"})
    bench.write(".env", SECRET)
    bench.step(f"echo x > x.txt; {commit}")
    assert ".env" not in names(bench)


# Renamed, and committed by the agent


@pytest.mark.parametrize(
    ("mine", "deed", "now"),
    [
        (".env", "mv .env settings.txt", "settings.txt"),
        (".env", "mv .env a.txt", "a.txt"),
        ("mine.txt", "mv mine.txt other.txt", "other.txt"),
        ("notes/mine.txt", "mv notes n2", "n2/mine.txt"),
        ("a.txt", "git mv a.txt z.txt", "z.txt"),
    ],
)
def test_renamed_and_committed_by_the_agent(bench: Bench, mine: str, deed: str, now: str) -> None:
    bench.write(mine, SECRET)
    oid = bench.git("hash-object", mine).strip()
    bench.step(f"{deed}; echo x > x.txt; {OWN}")
    assert oid not in bench.reachable(), now


# What the agent makes of a file is held back: it is not put back, and the user's version is nowhere


@pytest.mark.parametrize("code", [0, 1])
@pytest.mark.parametrize("mine", ["a.txt", "mine.txt"])
@pytest.mark.parametrize("deed", ["echo {t} > {m}", "head -c 5000 /dev/zero > {m}", "rm {m}; git init -q {m}"])
def test_the_users_file_made_one_that_is_held(bench: Bench, deed: str, mine: str, code: int) -> None:
    bench.git("config", "gitorch.maxfile", "4k")
    bench.write(mine, LINES + MINE)
    oid = bench.git("hash-object", mine).strip()
    bench.step(f"{deed.format(t=TOKEN, m=mine)}; echo x > x.txt; exit {code}")
    if code:
        assert bench.root.joinpath(mine).is_file()
        assert bench.read(mine) == LINES + MINE
    assert anywhere(bench, oid)


@pytest.mark.parametrize("deed", [f"echo {TOKEN} >> .tasks/MAIN_TASK", "head -c 20000000 /dev/zero > .tasks/MAIN_TASK"])
def test_main_task_made_one_that_is_held_stops_all_later_steps(bench: Bench, deed: str) -> None:
    bench.step(f"{deed}; exit 1", code=None)
    bench.step("echo good > good.txt")
    assert bench.committed("good.txt") == "good\n"


# Gitorch itself deletes the user's held file


@pytest.mark.parametrize(
    "deed",
    [
        "rm a.txt; mkdir a.txt; mv .env a.txt/.env",
        "rm -rf doc; mv .env doc",
        "rm a.txt; mkdir a.txt; mv mine.ignored a.txt/",
    ],
)
def test_putting_back_takes_no_held_file_away(bench: Bench, deed: str) -> None:
    bench.write(".env", SECRET)
    bench.write("mine.ignored", SECRET)
    bench.step(f"{deed}; exit 1")
    aside = [path.read_bytes() for path in bench.root.glob(".git/gitorch/aside/*/**/*") if path.is_file()]
    lying = [data for _, data in bench.files().values()]
    assert [*lying, *aside].count(SECRET.encode()) == 2


# The index after a failed attempt


@pytest.mark.parametrize(
    "deed",
    [
        "git add -N .",
        "git add -N w.txt",
        "git update-index --assume-unchanged a.txt",
        "git update-index --skip-worktree a.txt",
        "git update-index --no-skip-worktree b.txt",
        "git read-tree HEAD",
    ],
)
def test_the_index_is_as_before(bench: Bench, deed: str) -> None:
    bench.git("update-index", "--skip-worktree", "b.txt")
    bench.write("mine.txt", MINE)
    bench.git("status")
    before, head = bench.everything(), bench.head()
    bench.step(f"echo w > w.txt; {deed}; exit 1")
    assert bench.is_put_back(before, head)


def test_add_intent_of_everything_leaves_the_users_untracked_files_alone(bench: Bench) -> None:
    bench.write("mine.txt", MINE)
    bench.step("echo w > w.txt; git add -N .; git diff >&2")
    assert bench.git("ls-files", "mine.txt") == ""


# The branch cannot be put back


@pytest.mark.parametrize("code", [0, 1])
@pytest.mark.parametrize("deed", ["git update-ref -d HEAD", "git branch -m main main/x"])
def test_the_branch_is_put_back(bench: Bench, deed: str, code: int) -> None:
    bench.git("status")
    before, head = bench.everything(), bench.head()
    bench.step(f"echo w > w.txt; {deed}; exit {code}")
    assert bench.is_put_back(before, head)
    assert bench.is_sound()


# Steps that end with an error or a bug: agent's work is thrown away, and it counts as no attempt


@pytest.mark.parametrize(
    "deed",
    [
        "git rm -rq --cached .tasks; echo .tasks/ >> .gitignore; git add -A; git commit -qm ignore",  # has a bug
        "rm '.tasks/[running]_t_task.md'; mkdir '.tasks/[running]_t_task.md'; echo x > '.tasks/[running]_t_task.md/x'; "
        + OWN,  # has a bug
        "git symbolic-ref HEAD refs/heads/nope",  # has a bug
        f"cp '.tasks/[running]_t_task.md' '.tasks/[pending]_t_task.md'; {OWN}",
        f"git checkout -q HEAD~1 -- .; {OWN}",
        "mkdir 'new\nfolder'; echo x > 'new\nfolder/f'",
        "GIT_AUTHOR_DATE='1971-01-01T00:00:00Z' git commit -qam own",
    ],
)
def test_the_step_ends_as_an_attempt(bench: Bench, deed: str) -> None:
    bench.write("a.txt", LINES + MINE)
    bench.step(f"echo w > w.txt; git add w.txt; {deed}")
    assert bench.events()[-1] == "end"


# Attributes


@pytest.mark.parametrize(
    "deed",
    [
        "git rm -rq --cached b.txt doc; rm -rf doc b.txt; git reset -q; git checkout -q -- .",
        "rm -rf doc b.txt; git checkout -q -- .",
    ],
)
def test_line_ends_that_the_agents_attributes_have_changed_come_back(bench: Bench, deed: str) -> None:
    bench.git("status")
    before, head = bench.everything(), bench.head()
    bench.step(f"echo '* text=auto eol=crlf' > .gitattributes; {deed}; exit 1")
    assert bench.is_put_back(before, head)


# Sparse checkout


def test_what_a_sparse_checkout_leaves_out_is_not_deleted(bench: Bench) -> None:
    bench.git("status")  # the copy has other times
    bench.step("echo w > w.txt; git sparse-checkout set --no-cone /doc/ /.tasks/")
    assert {"a.txt", "b.txt"} <= {*bench.git("ls-tree", "--name-only", "HEAD").split()}


def test_what_the_agent_made_and_ignored_does_not_turn_up_as_the_users(bench: Bench) -> None:
    bench.git("status")
    before, head = bench.everything(), bench.head()
    bench.step("echo build/ >> .gitignore; mkdir build; echo x > build/x; exit 1")
    assert bench.is_put_back(before, head)


# What honest agents do, and the user's work beside it


def tree(bench: Bench) -> list[str]:
    return bench.git("ls-tree", "-r", "--name-only", "HEAD").split("\n")


@pytest.mark.parametrize("over", ["a.txt", "doc/c.txt", "mine.txt"])
def test_a_held_file_moved_over_another(bench: Bench, over: str) -> None:
    bench.write(".env", SECRET)
    bench.write(over, LINES + MINE)
    bench.step(f"mv .env {over}; exit 1")
    assert bench.read(over) == LINES + MINE
    assert bench.read(".env") == SECRET


@pytest.mark.parametrize(
    ("deed", "path", "there"),
    [
        (
            "git rm -q --cached log.txt; echo log.txt >> .gitignore; git add .gitignore; git commit -qm u",
            "log.txt",
            False,
        ),
        ("echo built > out.ignored; git add -f out.ignored; git commit -qm u", "out.ignored", True),
        (
            "mkdir dist; echo dist/ >> .gitignore; echo b > dist/b; git add -f dist .gitignore; git commit -qm u",
            "dist/b",
            True,
        ),
    ],
)
def test_commits_of_the_agents_stay(bench: Bench, deed: str, path: str, *, there: bool) -> None:
    bench.commit("log", **{"log.txt": "x\n"})
    bench.step(deed)
    assert (path in tree(bench)) == there


@pytest.mark.parametrize("flag", ["assume-unchanged", "skip-worktree"])
def test_what_the_user_had_flagged_can_be_committed_by_the_agent(bench: Bench, flag: str) -> None:
    bench.git("update-index", f"--{flag}", "a.txt")
    bench.step(f"git update-index --no-{flag} a.txt; echo agent >> a.txt; git commit -qam own")
    assert bench.committed("a.txt") == LINES + "agent\n"


@pytest.mark.parametrize("own", ["true", OWN])
@pytest.mark.parametrize("mine", [".env", "mine.txt"])
def test_empty_files_are_nobodys(bench: Bench, mine: str, own: str) -> None:
    bench.write(mine, "")
    bench.step(f"rm -f mine.txt; mkdir pkg; touch pkg/__init__.py; echo x > pkg/x.py; {own}")
    assert "pkg/__init__.py" in tree(bench)


@pytest.mark.parametrize("own", ["true", OWN])
def test_a_committed_file_that_a_held_one_is_a_copy_of(bench: Bench, own: str) -> None:
    bench.commit("ex", **{".env.example": "A=1\n"})
    bench.write(".env", "A=1\n")
    bench.step(f"mkdir conf; git mv .env.example conf/.env.example; {own}")
    assert "conf/.env.example" in tree(bench)


@pytest.mark.parametrize("flag", ["assume-unchanged", "skip-worktree"])
@pytest.mark.parametrize("commit", ["true", "git commit -qm own"])
def test_flags_of_what_the_agent_has_staged(bench: Bench, flag: str, commit: str) -> None:
    bench.git("update-index", f"--{flag}", "b.txt")
    bench.git("status")
    before = bench.git("ls-files", "-v", "b.txt")
    bench.step(f"git update-index --no-{flag} b.txt; echo x >> b.txt; git add b.txt; {commit}; exit 1")
    assert bench.git("ls-files", "-v", "b.txt") == before


@pytest.mark.parametrize("own", ["true", OWN])
def test_held_files_that_an_earlier_attempt_left_can_be_made_good(bench: Bench, own: str) -> None:
    bench.step(f"echo {TOKEN} > config.py; exit 1")
    bench.step(f"echo clean > config.py; {own}")
    assert bench.committed("config.py") == "clean\n"


@pytest.mark.parametrize("deed", ["git checkout -q --orphan z", "git symbolic-ref HEAD refs/heads/nope"])
def test_killed_on_a_branch_without_a_commit(bench: Bench, deed: str) -> None:
    run = bench.start("step", "--agent-command", f"{deed}; touch .git/done; sleep 100")
    wait_for((bench.root / ".git/done").exists)
    run.kill()
    run.communicate()
    bench.step("echo good > good.txt")
    assert bench.committed("good.txt") == "good\n"
    assert bench.is_sound()


@pytest.mark.parametrize("code", ["0", "1"])
def test_finished_on_a_branch_without_a_commit(bench: Bench, code: str) -> None:
    begun = bench("begin", "--json").json
    bench.git("checkout", "-q", "--orphan", "z", env=begun["env"])
    bench("finish", "--exit", code)
    assert bench.events()[-1] == "end"


@pytest.mark.parametrize("name", ['"my" key.pem', '"q".txt'])
def test_names_that_begin_with_a_quote(bench: Bench, name: str) -> None:
    bench.write(name, "x\n")
    bench.step("echo x > x.txt")
    assert "x.txt" in tree(bench)


@pytest.mark.parametrize("own", ["true", OWN])
def test_a_file_where_a_folder_was_ignored(bench: Bench, own: str) -> None:
    bench.commit("ig", **{".gitignore": "build/\n"})
    (bench.root / "build").mkdir()
    bench.step(f"rmdir build; echo script > build; {own}")
    assert "build" in tree(bench)


def test_a_new_secret_in_a_commit_of_the_agents(bench: Bench) -> None:
    ran = bench.step(f"echo {SECRET.strip()} > .env; echo x > x.txt; {OWN}")
    assert "not put into the repository" in ran.err
    assert bench.git("hash-object", ".env").strip() not in bench.reachable()
    assert "x.txt" in tree(bench)


def test_intent_to_add_of_a_file_that_is_gone(bench: Bench) -> None:
    bench.write("gone.txt", "x")
    bench.git("add", "-N", "gone.txt")
    (bench.root / "gone.txt").unlink()
    bench.git("status")
    before, head = bench.everything(), bench.head()
    bench.step("echo x > x.txt; git add x.txt; exit 1")
    assert bench.is_put_back(before, head)


_KILLER = """#!/bin/sh
[ "$1" = STATE ] && [ -f FOLDER/armed ] && grep -q refs/heads/main || exit 0
rm FOLDER/armed
kill -9 $(cat FOLDER/pid)
exit 1
"""


@pytest.mark.parametrize("state", ["prepared", "committed"])
def test_killed_while_commits_are_made_anew(bench: Bench, tmp_path: Path, state: str) -> None:
    hook = bench.write(
        ".git/hooks/reference-transaction", _KILLER.replace("STATE", state).replace("FOLDER", f"{tmp_path}")
    )
    hook.chmod(0o755)
    bench.write(".env", SECRET)
    bench.write("a.txt", LINES + MINE)
    bench.git("add", "a.txt")
    before, head = bench.photo(), bench.head()
    wait = f"while [ ! -f {tmp_path}/pid ]; do sleep 0.01; done"
    run = bench.start("step", "--agent-command", f"{wait}; echo w > w.txt; {OWN}; touch {tmp_path}/armed")
    (tmp_path / "pid").write_text(str(run.pid))
    run.communicate()
    assert run.returncode == -9
    hook.unlink()
    bench.step("exit 1")
    assert "recover" in bench.events()
    assert bench.photo() == before
    assert bench.git("diff", "--name-only", head, "HEAD", "--", ".", ":!.tasks") == ""
    assert bench.is_sound()


def test_files_that_an_editor_takes_away_while_they_are_read(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("gone.swp", "gone\nodd.swp", "stays.txt"):
        bench.write(name, MINE)
    before = bench.photo()
    repository = open_repository(bench.root)
    taken = snapshot.take(repository, "before", of=repository.index, task_dir=None)
    changed = trees.diff(repository, repository.objects.tree_of("HEAD"), taken.tree)
    paths = {path: new for path, (_, new) in changed.items()}
    real = repository.store.hash_files

    def late(some: list[str]) -> list[str]:
        (bench.root / "gone.swp").unlink(missing_ok=True)
        return real(some)

    monkeypatch.setattr(repository.store, "hash_files", late)
    found = snapshot.with_raw_bytes(repository, taken, paths)
    assert {"stays.txt", "gone\nodd.swp"} == {*found.exact}
    repository.close()
    assert bench.photo().files == {path: seen for path, seen in before.files.items() if path != "gone.swp"}
