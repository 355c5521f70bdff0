"""Secrets, large files and embedded repositories: never in any object, left in place, reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.loop.bench import LINES, Bench

KEY = "-----BEGIN OPENSSH PRIVATE " + "KEY-----\nc2VjcmV0\n"  # in two parts: this file holds no key
TOKEN = "ghp_" + "x1Y2z3" * 7
SECRETS = {
    ".env": "PASSWORD=hunter2-secret\n",
    "conf/.env.production": "PASSWORD=hunter2-secret\n",
    ".tasks/t/.env": "PASSWORD=hunter2-secret\n",
    "deploy/id_rsa": "hunter2-secret\n",
    "notes.md": f"the token is {TOKEN}\n",
    ".tasks/t/log.txt": KEY,
    "big.bin": "hunter2-secret" * 200,
    "[odd] name\n.pem": "hunter2-secret\n",
}


def _agent(tmp_path: Path) -> str:
    lines = ["import os, pathlib"]
    for name, text in SECRETS.items():
        lines.append(f"p = pathlib.Path({name!r}); p.parent.mkdir(parents=True, exist_ok=True); p.write_text({text!r})")
    lines.append(f"open('a.txt', 'a').write({TOKEN!r}); open('fine.txt', 'w').write('fine')")
    (tmp_path / "agent.py").write_text("\n".join(lines))
    return f"python3 {tmp_path}/agent.py"


@pytest.mark.parametrize("code", [0, 1])
@pytest.mark.parametrize("ignored", ["", ".env\n*.pem\n"])
@pytest.mark.thorough
def test_a_step_hashes_none_of_them(bench: Bench, tmp_path: Path, code: int, ignored: str) -> None:
    bench.git("config", "gitorch.maxFile", "2k")
    bench.write(".git/info/exclude", ignored)
    ran = bench.step(f"{_agent(tmp_path)}; exit {code}")
    for needle in (b"hunter2", TOKEN.encode(), KEY.encode()):
        assert bench.objects_holding(needle) == []
    for name, text in SECRETS.items():
        assert (bench.root / name).read_text() == text
    assert "notes.md" in ran.err
    assert "big.bin" in ran.err
    assert bench.committed("a.txt") == LINES
    if code == 0:
        assert bench.committed("fine.txt") == "fine"
    assert bench.is_sound()


@pytest.mark.thorough
def test_the_users_own_are_left_alone(bench: Bench) -> None:
    for name, text in SECRETS.items():
        bench.write(name, text)
    bench.git("config", "gitorch.maxFile", "2k")
    before = bench.photo()
    bench.step("echo x > x.txt")
    assert bench.photo(without=["x.txt"]) == before
    for needle in (b"hunter2", TOKEN.encode(), KEY.encode()):
        assert bench.objects_holding(needle) == []


@pytest.mark.parametrize(
    "deed",
    ["echo token: $T", "echo token: $T >&2; exit 1", 'gitorch move t blocked --reason "is $T it?"',
     """printf '{"summary": "used %s", "next": "Use %s"}' $T $T > $GITORCH_RESULT; echo > x"""],
)  # fmt: skip
@pytest.mark.thorough
def test_no_token_that_it_tells_gets_into_a_record(bench: Bench, deed: str) -> None:
    bench.step(deed, code=None, env={"T": TOKEN})
    assert bench.objects_holding(TOKEN.encode()) == []
    assert "[secret]" in bench.git("log", "-1", "--format=%B")
    assert bench.is_sound()


@pytest.mark.parametrize("code", [0, 1])
def test_repositories_inside_are_left_alone(bench: Bench, code: int) -> None:
    bench.step(
        "git init -q inner && echo x > inner/f && git -C inner add f && git -C inner commit -qm inner;"
        f" git init -q .tasks/t/empty && echo y > .tasks/t/empty/f; echo x > x.txt; exit {code}"
    )
    assert (bench.root / "inner/f").read_text() == "x\n"
    assert (bench.root / "inner/.git/HEAD").exists()
    assert (bench.root / ".tasks/t/empty/f").exists()
    assert not [line for line in bench.git("ls-tree", "-r", "HEAD").splitlines() if "inner" in line or "empty" in line]
    assert bench.is_sound()


@pytest.mark.thorough
@pytest.mark.parametrize("code", [0, 1])
@pytest.mark.parametrize(
    ("held", "deed"),
    [
        ("notes.txt", "grep -v ghp_ notes.txt > n; cat n > notes.txt; rm n"),
        ("big.bin", "truncate -s 10 big.bin"),
        ("vendor/kept.txt", "rm -rf vendor/.git"),
    ],
)
def test_what_was_held_before_and_is_no_more_stays_the_users(bench: Bench, held: str, deed: str, code: int) -> None:
    bench.git("config", "gitorch.maxfile", "1k")
    bench.write("notes.txt", f"mine\n{TOKEN}\n")
    bench.write("big.bin", "mine\n" * 1000)
    bench.git("init", "-q", "vendor")
    bench.write("vendor/kept.txt", "mine\n")
    done = bench.step(f"{deed}; echo made > made.txt; exit {code}")
    assert (f"left uncommitted: {held} (it lay there before" in done.err) == (code == 0)
    assert bench.read(held).startswith("mine\n")
    assert bench.git("ls-files", "--", held) == ""
    assert bench.git("log", "--format=%H", "--", held) == ""
    assert (bench.git("ls-files", "made.txt") != "") == (code == 0)
    assert bench.is_sound()


@pytest.mark.thorough
@pytest.mark.parametrize("code", [0, 1])
def test_a_held_file_is_held_under_another_name(bench: Bench, code: int) -> None:
    bench.write(".env", "PASSWORD=hunter2-secret\n")
    done = bench.step(f"mv .env settings.txt; echo made > made.txt; exit {code}")
    assert bench.read(".env" if code else "settings.txt") == "PASSWORD=hunter2-secret\n"
    assert bench.objects_holding(b"hunter2") == []
    assert ("settings.txt (it was .env" in done.err) == (code == 0)
    assert bench.is_sound()


@pytest.mark.thorough
def test_what_an_earlier_attempt_left_in_the_tasks_folder_can_be_made_good(bench: Bench) -> None:
    out = ".tasks/t/out.md"
    bench.step(f"echo {TOKEN} > {out}; exit 1")
    assert bench.read(out) == f"{TOKEN}\n"
    bench.step(f"echo clean > {out}")
    assert bench.committed(out) == "clean\n"


@pytest.mark.thorough
@pytest.mark.parametrize("code", [0, 1])
def test_commits_of_an_agent_that_adds_everything_are_made_anew_without_the_users_secrets(
    bench: Bench, code: int
) -> None:
    mine = {".env": "PASSWORD=hunter2-secret\n", "notes.md": f"the token is {TOKEN}\n"}
    for name, text in mine.items():
        bench.write(name, text)
    bench.git("init", "-q", "vendor")
    bench.git("-C", "vendor", "commit", "-q", "--allow-empty", "-m", "mine")
    before = bench.photo()
    bench.step(f"echo x > x.txt; git add -A; git commit -qm 'all of it'; exit {code}")
    assert bench.photo(without=["x.txt"]) == before
    assert ("x.txt" in bench.git("log", "--name-only", "--format=")) == (code == 0)
    assert not {*mine, "vendor"} & {*bench.git("log", "--name-only", "--format=").split()}
    assert bench.is_sound()
