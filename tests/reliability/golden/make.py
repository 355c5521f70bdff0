"""Write the history of the present format to a bundle, with what is expected of it."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import gitorch
from tests.probe import Quick
from tests.reliability.golden.story import Story, stopped_clock
from tests.sandbox import Sandbox, quickly

HERE = Path(__file__).parent


def make(root: Path, home: Path) -> Story:
    """Tell the story in a new repository."""
    story = Story(Sandbox.create(root, decoys=False).root)
    story.git("config", "commit.gpgSign", "false")
    with stopped_clock() as clock:
        story.tell(clock, home)
    return story


def expected(sandbox: Sandbox) -> dict[str, Any]:
    """Give all that is told of a history's last commit."""
    told = {command: quickly(sandbox.root, command, "--json").json for command in ("audit", "list", "status")}
    return {"head": sandbox.head(), "records": len(Quick(sandbox.root)("log", "--json").out.splitlines()), **told}


def write() -> None:
    """Write both files; those of a version that is out are never made anew."""
    bundle = HERE / f"{gitorch.__version__}.bundle"
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder, "home")
        home.mkdir()
        settings = home / ".gitconfig"
        settings.write_text("[init]\n\tdefaultBranch = main\n[user]\n\tname = T\n\temail = t@example.invalid\n")
        env = {"HOME": str(home), "GIT_CONFIG_GLOBAL": str(settings), "GIT_CONFIG_NOSYSTEM": "1", "TZ": "UTC"}
        env |= {"XDG_CONFIG_HOME": str(home / ".config"), "LC_ALL": "C.UTF-8"}
        with mock.patch.dict(os.environ, env):
            story = make(Path(folder, "repo"), home)
            story.git("gc", "-q", "--aggressive", "--prune=now")
            if bundle.exists():
                print(story.head(), json.loads(bundle.with_suffix(".json").read_text())["head"])  # noqa: T201 - a program
                return
            story.git("bundle", "create", "-q", str(bundle), "main", "HEAD")
            clone = Path(folder, "clone")
            story.git("clone", "-q", str(bundle), str(clone))
            text = json.dumps(expected(Sandbox(clone)), indent=1, ensure_ascii=False)
            bundle.with_suffix(".json").write_text(text + "\n")
            print(story.head(), bundle.stat().st_size)  # noqa: T201 - a program
