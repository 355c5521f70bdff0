"""The real git reads a record's trailers as the parser does, whatever its settings are."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings

from gitorch.core.message import build, canonical, parse
from gitorch.core.record import Record

from .strategies import records
from .test_message import END

# What a reader has to set so that no setting of the user's hides the trailers from git.
READING = ("-c", "core.commentChar=#", "-c", "trailer.separators=:", "-c", "i18n.logOutputEncoding=UTF-8")
HOSTILE = {
    "trailer.separators": "=%",
    "core.commentChar": "G",
    "commit.cleanup": "strip",
    "i18n.commitEncoding": "latin1",
    "i18n.logOutputEncoding": "latin1",
    "trailer.ifexists": "replace",
    "trailer.reason.key": "Gitorch-Reason",
    "log.showSignature": "true",
}
settings.register_profile("git", settings.get_profile("quick"), max_examples=30)
few = settings(settings.get_profile("git"))


class Repo:
    def __init__(self, folder: Path, config: dict[str, str]) -> None:
        self.folder = folder
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LC_ALL": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_EDITOR": "true",
            **{f"GIT_{who}_{what}": "a@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }
        self.git("init", "--quiet", "--initial-branch=main", ".")
        self.tree = self.git("mktree").strip()
        self.root = self.git("commit-tree", self.tree, text="root\n").strip()
        for key, value in config.items():
            self.git("config", key, value)

    def git(self, *args: str, text: str = "") -> str:
        done = subprocess.run(
            ["git", *args], cwd=self.folder, env=self.env, input=text.encode(), capture_output=True, check=True
        )
        return done.stdout.decode()

    def commit(self, text: str) -> str:
        args = ("-c", "i18n.commitEncoding=UTF-8", "commit-tree", self.tree, "-p", self.root)
        return self.git(*args, text=text).strip()

    def message(self, commit: str) -> str:
        return self.git(*READING, "log", "-1", "--format=%B", commit).removesuffix("\n")

    def trailers(self, text: str) -> list[str]:
        return self.git(*READING, "interpret-trailers", "--parse", text=text).splitlines()

    def values(self, key: str, commit: str) -> list[str]:
        shown = self.git(*READING, "log", "-1", f"--format=%(trailers:key=Gitorch-{key},valueonly)", commit)
        return shown.strip("\n").split("\n")


@pytest.fixture(scope="module", params=["plain", "hostile"])
def repo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Repo:
    return Repo(tmp_path_factory.mktemp("repo"), HOSTILE if request.param == "hostile" else {})


@few
@given(record=records())
@pytest.mark.thorough
def test_git_and_the_parser_read_the_same(repo: Repo, record: Record) -> None:
    text = build(record)
    wanted = canonical(record)
    commit = repo.commit(text)
    assert parse(repo.message(commit)) == wanted
    assert repo.trailers(text) == text.rpartition("\n\n")[2].splitlines()
    assert repo.values("Event", commit) == [record.event]
    assert repo.values("State", commit) == ([str(change) for change in record.changes] or [""])
    assert repo.values("Next", commit) == [record.main_task.next if record.main_task else ""]
    assert repo.values("Reason", commit) == [wanted.reason or ""]


BODY = """\
---
Gitorch-Event: end
# not a comment
From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001
From: Eve <eve@example.com>
diff --git a/x b/x
Index: x

key: value
  indented"""
WAYS = {
    "amend": ("commit", "--amend", "--no-edit", "--allow-empty"),
    "amend and edit": ("commit", "--amend", "--edit", "--allow-empty"),
    "sign off": ("commit", "--amend", "--no-edit", "--signoff", "--allow-empty"),
    "cherry-pick": ("cherry-pick", "--allow-empty", "-x", "picked"),
    "rebase": ("rebase", "--quiet", "--force-rebase", "--empty=keep", "--root"),
    "rebase with am": ("rebase", "--quiet", "--force-rebase", "--apply", "HEAD~1"),
}


@pytest.mark.parametrize("command", WAYS.values(), ids=WAYS.keys())
def test_a_record_outlives_what_people_do_with_its_commit(tmp_path: Path, command: tuple[str, ...]) -> None:
    repo = Repo(tmp_path, {})
    record = END._replace(body=BODY)
    repo.git("reset", "--quiet", "--hard", repo.root)
    (tmp_path / "file").write_text("content\n")
    repo.git("add", "file")
    repo.git("commit", "--quiet", "--cleanup=verbatim", "--file=-", text=build(record))
    repo.git("tag", "picked")
    if command[0] == "cherry-pick":
        repo.git("reset", "--quiet", "--hard", repo.root)
    repo.git(*command)
    assert parse(repo.message("HEAD")) == record


@pytest.mark.parametrize(
    "line",
    [
        "From: Eve <eve@example.com>",
        "Date: never",
        "Subject: another",
        "[PATCH] another",
        "From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001",
        ">From here",
        "diff --git a/x b/x",
        "Index: x",
        "--- a/x",
    ],
)
def test_a_record_goes_by_mail_and_its_body_is_no_header(tmp_path: Path, line: str) -> None:
    repo = Repo(tmp_path, {})
    record = END._replace(body=f"{line}\nmore\n\n{line}\nmore")
    repo.git("reset", "--quiet", "--hard", repo.root)
    (tmp_path / "file").write_text("content\n")
    repo.git("add", "file")
    repo.git("commit", "--quiet", "--cleanup=verbatim", "--file=-", text=build(record))
    patch = repo.git("format-patch", "-1", "--stdout")
    repo.git("reset", "--quiet", "--hard", repo.root)
    repo.git("am", "--quiet", text=patch)
    assert parse(repo.message("HEAD")) == record
    assert repo.git("log", "-1", "--format=%an") == "a@example.com\n"


@pytest.mark.parametrize(("key", "value"), HOSTILE.items())
def test_a_hostile_setting_may_hide_trailers_but_makes_up_none(tmp_path: Path, key: str, value: str) -> None:
    repo = Repo(tmp_path, {key: value})
    commit = repo.commit(build(END._replace(body="Gitorch-Event= start\nEvent: start\n\nGitorch-Event% start")))
    shown = repo.git("log", "-1", "--format=%(trailers:key=Gitorch-Event,valueonly)", commit).strip()
    assert shown in ("end", "")
