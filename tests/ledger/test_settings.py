"""Whatever a user has set in git's configuration, records stay records."""

from __future__ import annotations

import pytest

from tests.probe import Quick, quickly, told_by_messages
from tests.sandbox import Sandbox

HOSTILE = {
    "core.commentChar": "g",
    "commit.cleanup": "scissors",
    "commit.template": "/nonexistent",
    "commit.verbose": "true",
    "trailer.separators": "%",
    "trailer.where": "start",
    "trailer.ifexists": "doNothing",
    "trailer.gitorch-event.key": "Other-Event",
    "trailer.gitorch-event.command": "false",
    "trailer.sign.key": "Signed-off-by",
    "i18n.commitEncoding": "ISO-8859-1",
    "i18n.logOutputEncoding": "UTF-16",
    "diff.external": "false",
    "diff.renames": "copies",
    "diff.noprefix": "true",
    "diff.mnemonicPrefix": "true",
    "diff.relative": "true",
    "diff.orderFile": ".git/config",
    "diff.ignoreSubmodules": "all",
    "diff.submodule": "log",
    "diff.algorithm": "patience",
    "core.quotePath": "true",
    "core.abbrev": "4",
    "core.autocrlf": "true",
    "core.eol": "crlf",
    "core.pager": "false",
    "pager.log": "false",
    "core.editor": "false",
    "core.askPass": "false",
    "core.hooksPath": "/nonexistent",
    "core.warnAmbiguousRefs": "false",
    "core.whitespace": "fix",
    "log.showSignature": "true",
    "log.date": "raw",
    "log.decorate": "full",
    "log.follow": "true",
    "log.mailmap": "true",
    "log.diffMerges": "combined",
    "log.showRoot": "false",
    "log.abbrevCommit": "true",
    "format.pretty": "fuller",
    "format.notes": "*",
    "notes.displayRef": "*",
    "status.showUntrackedFiles": "no",
    "status.short": "true",
    "status.branch": "true",
    "status.renames": "copies",
    "status.relativePaths": "false",
    "status.submoduleSummary": "true",
    "color.ui": "always",
    "color.status": "always",
    "column.ui": "always",
    "alias.log": "!false",
    "alias.update-ref": "!false",
    "alias.cat-file": "!false",
    "fetch.prune": "true",
    "fetch.recurseSubmodules": "true",
    "submodule.recurse": "true",
    "push.default": "nothing",
    "merge.conflictStyle": "diff3",
    "merge.ff": "only",
    "pull.rebase": "true",
    "rebase.autoSquash": "true",
    "rerere.enabled": "true",
    "user.useConfigOnly": "true",
    "help.autoCorrect": "immediate",
    "interactive.diffFilter": "false",
    "grep.patternType": "perl",
    "versionsort.suffix": "-",
    "protocol.allow": "never",
    "credential.helper": "!false",
    "gc.auto": "1",
    "gc.autoDetach": "false",
}


@pytest.fixture
def hostile(sandbox: Sandbox) -> Sandbox:
    sandbox.commit(**{"notes.md": "What is over semiconductors and their research.\n"})
    for key, value in HOSTILE.items():
        sandbox.git("config", key, value)
    # a decoy whose name could be taken for the revision, and refs that make 'HEAD' ambiguous
    sandbox.write("HEAD", "decoy\n")
    return sandbox


@pytest.mark.thorough
def test_a_whole_workflow_runs_under_hostile_settings(hostile: Sandbox) -> None:
    text = "Grüße — 日本 🎉\n\n# heading\n\nGitorch-Event: end\n---\ngit: a line that begins with the comment character"
    hostile("start", "semiconductor-research", "-d", text, "--focus", "Über alles — 日本")
    hostile.git("update-ref", "refs/heads/HEAD", "HEAD")
    hostile.git("update-ref", "refs/tags/HEAD", "HEAD")
    hostile("run", env={"GIT_EXTERNAL_DIFF": "false", "GIT_PAGER": "false", "GIT_DIFF_OPTS": "-u0"})
    hostile("create", "by-hand", "-d", text)
    hostile.write(".tasks/by-hand/ü.md", "work\r\nmore\n")
    hostile("move", "by-hand", "running")
    hostile("move", "by-hand", "completed", "--reason", "Grüße")
    hostile("update", "completed", "Schluß mit 日本")
    report = hostile("verify", "--json").json
    assert report["ok"], report
    assert report["checked"] == hostile("log", "--json").out.count("\n") == 12
    states, main = told_by_messages(hostile)
    assert states == hostile.states()
    assert main is not None
    assert main.next == "Schluß mit 日本"
    assert hostile("status", "--json").json["difference"] is None
    assert "\x1b" not in hostile("status").out + hostile("log").out


@pytest.mark.parametrize(
    ("setting", "attributes"),
    [
        (("core.autocrlf", "true"), ""),
        (("core.autocrlf", "input"), ""),
        (("core.eol", "crlf"), "* text=auto\n"),
        (("core.eol", "lf"), "* text eol=crlf\n"),
        (("core.eol", "lf"), ".tasks/** text eol=crlf\n"),
    ],
)
def test_line_ends_that_git_made_on_checkout_are_no_difference(
    sandbox: Sandbox, setting: tuple[str, str], attributes: str
) -> None:
    sandbox.commit(**{".gitattributes": attributes})
    quickly(sandbox, "start", "research-x")
    clone = Quick(sandbox.root.parent / "clone")
    sandbox.git("-c", "=".join(setting), "clone", "-q", ".", str(clone.root))
    clone.git("config", *setting)
    clone.git("checkout", "-q", "HEAD", "--", ".")
    assert clone("status", "--json").json["difference"] is None
    clone("step")
    clone("update", "continue", "Go on")
    clone("move", "research-x-analysis", "running")
    assert clone("verify", "--json").json["ok"]
    assert clone("status", "--json").json["difference"] is None
