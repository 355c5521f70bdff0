"""Beside and inside the pre-commit framework, as it really is; and prek, which does the same.

Those that let it build its environments want a package index: they run with --heavy, or with REQUIRE_FRAMEWORK, with
which nothing is skipped.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from gitorch.hooks.found import CLIENT
from tests.hooks.shims import Shims
from tests.sandbox import Ran, Sandbox, run
from tests.test_packaging import IGNORED, ROOT

TYPES = [name for name in CLIENT if not name.startswith("post-")]
REQUIRED = bool(os.environ.get("REQUIRE_FRAMEWORK"))


@dataclass(frozen=True)
class Project(Shims):
    """A repository that uses the framework."""

    framework: tuple[str, ...] = ()

    def run(self, *args: str, code: int = 0) -> Ran:
        done = run(*self.framework, *args, cwd=self.root)
        assert done.code == code, f"{args}: {done.out}{done.err}"
        return done

    def configure(self, repos: dict[Path, list[str]]) -> None:
        """List hooks of other repositories, each at its last commit."""
        text = f"default_install_hook_types: [{', '.join(TYPES)}]\nrepos:\n"
        for path, ids in repos.items():
            rev = Sandbox(path).head()
            listed = "".join(f"      - id: {each}\n" for each in ids)
            text += f"  - repo: {path}\n    rev: {rev}\n    hooks:\n{listed}"
        self.commit("hooks", **{".pre-commit-config.yaml": text})

    def theirs(self) -> int:
        """Count how often the other project's hook has run since it was asked last."""
        log = self.root / ".git/theirs"
        count = len(log.read_text().splitlines()) if log.exists() else 0
        log.unlink(missing_ok=True)
        return count


def _framework(name: str) -> tuple[str, ...]:
    found = shutil.which(name)
    if found is not None:
        return (found,)
    if name == "pre-commit" and importlib.util.find_spec("pre_commit"):
        return (sys.executable, "-m", "pre_commit")
    assert not REQUIRED, f"{name} is wanted and not there"
    pytest.skip(f"{name} is not installed")


@pytest.fixture(scope="module")
def caches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a place for the environments that the framework builds: they are built once."""
    return tmp_path_factory.mktemp("caches")


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a clone of this checkout as it is now."""
    folder = tmp_path_factory.mktemp("ours") / "gitorch"
    shutil.copytree(ROOT, folder, ignore=IGNORED)
    return _committed(folder)


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give another project's repository, with a hook that notes each run, and refuses what says `bad`."""
    folder = tmp_path_factory.mktemp("others") / "hook"
    folder.mkdir()
    (folder / ".pre-commit-hooks.yaml").write_text(
        "- {id: theirs, name: theirs, entry: theirs.sh, language: script, stages: [pre-commit], always_run: true}\n"
    )
    (folder / "theirs.sh").write_text(
        '#!/bin/sh\necho x >> "$(git rev-parse --git-dir)/theirs"\n! git diff --cached | grep -q "^+bad"\n'
    )
    (folder / "theirs.sh").chmod(0o755)
    return _committed(folder)


def _committed(folder: Path) -> Path:
    identity = {f"GIT_{role}_{what}": "x@x" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    for command in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "all")):
        assert run("git", *command, cwd=folder, env=identity).code == 0
    return folder


@pytest.fixture(params=["pre-commit", "prek"])
def project(request: pytest.FixtureRequest, tmp_path: Path, caches: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    made = Project(Shims.new(tmp_path / "project").root, _framework(request.param))
    monkeypatch.setenv("PRE_COMMIT_HOME", str(caches / "pre-commit"))
    monkeypatch.setenv("PREK_HOME", str(caches / "prek"))
    made("start", "a", "-d", "What is wanted")
    return made


@pytest.fixture
def inside(project: Project, ours: Path, others: Path, request: pytest.FixtureRequest) -> Project:
    """Give a project whose framework runs our hooks, and another one's."""
    if not REQUIRED and not request.config.getoption("--heavy"):
        pytest.skip("wants a package index: run with --heavy")
    ids = ["gitorch", "gitorch-prepare-commit-msg", "gitorch-commit-msg", "gitorch-pre-push"]
    project.configure({ours: ids, others: ["theirs"]})
    project.run("install")
    return project


@pytest.fixture
def beside(project: Project, others: Path) -> Project:
    """Give a project whose framework runs another one's hook, and which has ours by themselves."""
    project.configure({others: ["theirs"]})
    project.run("install")
    project("hooks", "install")
    return project


def move(project: Project, old: str, new: str) -> None:
    project.git("mv", f".tasks/[{old}]_a_task.md", f".tasks/[{new}]_a_task.md")


def lands(project: Project, *args: str) -> str:
    done = project.tried("commit", "-q", *args)
    assert done.code == 0, done.err + done.out
    project("verify")
    return project.git("log", "-1", "--format=%B")


def refused(project: Project, *args: str) -> str:
    head = project.head()
    done = project.tried("commit", *args)
    assert done.code == 1
    assert project.head() == head
    return done.out + done.err


def _by_hand(project: Project) -> None:
    move(project, "pending", "running")
    message = lands(project, "-m", "begin with it")
    assert message.count("Gitorch-Event: ") == 1
    assert "begin with it" in message
    assert project.theirs() == 1
    lands(project, "--amend", "-m", "begun with it")
    assert project.git("log", "-1", "--format=%B").count("Gitorch-Event: ") == 1
    assert "error: " in refused(project, "--allow-empty", "-m", "forged\n\nGitorch-Event: end")
    project.theirs()
    project.edit("fine")
    assert "Gitorch-" not in lands(project, "-m", "other")
    project.edit("bad")
    refused(project, "-m", "bad")
    assert project.theirs() == 2
    project.edit("fine")
    project.git("rm", "-q", ".tasks/MAIN_TASK")
    assert "error: " in refused(project, "-m", "deleted alone")


def _push(project: Project, remote: Path) -> None:
    project.git("init", "-q", "--bare", str(remote))
    project.git("remote", "add", "origin", str(remote))
    assert project.tried("push", "-q", "origin", "HEAD").code == 0
    move(project, "running", "completed")
    project.git("commit", "-q", "--no-verify", "-m", "cut\n\nGitorch-Event: end")
    assert project.tried("push", "origin", "HEAD").code == 1


@pytest.mark.thorough
def test_it_runs_our_hooks(inside: Project, tmp_path: Path) -> None:
    _by_hand(inside)
    inside.git("checkout", "-q", "HEAD", "--", ".tasks")
    _push(inside, tmp_path / "remote.git")


@pytest.mark.thorough
def test_what_it_runs_is_not_installed_too(inside: Project) -> None:
    inside("hooks", "install")
    rows = inside("hooks", "status", "--json").json["hooks"]
    states = {row["name"]: row["state"] for row in rows}
    assert {name for name, state in states.items() if state == "framework"} == set(TYPES)
    assert not list(inside.hooks.glob("*.legacy"))


def test_ours_run_behind_its_script(beside: Project, tmp_path: Path) -> None:
    assert sorted(path.name for path in beside.hooks.glob("*.legacy")) == sorted(f"{name}.legacy" for name in TYPES)
    _by_hand(beside)
    beside.git("checkout", "-q", "HEAD", "--", ".tasks")
    _push(beside, tmp_path / "remote.git")


def test_its_own_installation_may_be_repeated(beside: Project) -> None:
    beside.run("install")
    beside("hooks", "install")
    move(beside, "pending", "running")
    assert lands(beside, "-m", "x").count("Gitorch-Event: ") == 1
    assert beside.theirs() == 1


def test_it_takes_over_a_place_that_was_ours(project: Project, others: Path) -> None:
    project.hook("pre-commit", "echo mine >> .git/mine")
    project("hooks", "install")
    project.configure({others: ["theirs"]})
    project.run("install")
    states = {row["name"]: row["state"] for row in project("hooks", "status", "--json").json["hooks"]}
    assert set(states.values()) == {"installed"}
    (project.root / ".git/mine").unlink()
    _by_hand(project)
    assert (project.root / ".git/mine").read_text().startswith("mine\n")
    project("hooks", "uninstall")
    assert (project.hooks / "pre-commit.legacy").read_text() == "#!/bin/sh\necho mine >> .git/mine\n"
    assert [path.name for path in project.hooks.glob("*.legacy")] == ["pre-commit.legacy"]


def test_when_it_goes_ours_are_in_their_places_again(beside: Project) -> None:
    for name in TYPES:
        beside.run("uninstall", "-t", name)
    assert not list(beside.hooks.glob("*.legacy"))
    rows = beside("hooks", "status", "--json").json["hooks"]
    assert {(row["state"], row["behind"]) for row in rows} == {("installed", False)}
    move(beside, "pending", "running")
    assert "Gitorch-Event: " in lands(beside, "-m", "x")
    assert beside.theirs() == 0


def test_when_it_throws_ours_away_status_tells(beside: Project) -> None:
    beside.run("install", "-f")
    states = {row["name"]: row["state"] for row in beside("hooks", "status", "--json").json["hooks"]}
    assert {name for name, state in states.items() if state == "missing"} == set(TYPES)
    beside("hooks", "install")
    assert beside("hooks", "status", "--json").json["ok"]
