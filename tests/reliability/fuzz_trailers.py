"""No free text is ever taken for a trailer: judged by the real git, many messages at a time."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

from gitorch.core import message
from tests.reliability.fuzz_targets import Target, text_of, with_text

BATCH: Final = 200  # messages that one `git log` looks at
ALONE: Final = 20  # of so many messages, one is given to `git interpret-trailers`
_READING: Final = ("-c", "log.showSignature=false", "-c", "trailer.separators=:", "-c", "core.commentChar=#")
_WHO: Final = b"committer T <t@example.invalid> 1700000000 +0000\n"


class Judge:
    """Collects messages, and asks git what their trailers are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "trailers.git"
        subprocess.run(("git", "init", "-q", "--bare", str(self.folder)), check=True)
        self.waiting: list[str] = []
        self.judged = 0

    def take(self, data: bytes) -> bool:
        """Build a message around a text; git judges it with others, and now and then alone."""
        built = message.build(with_text(text_of(data)))
        self.waiting.append(built)
        self.judged += 1
        if self.judged % ALONE == 0:
            assert self._git("interpret-trailers", "--parse", text=built) == block_of(built), built
        if len(self.waiting) >= BATCH:
            self.flush()
        return True

    def flush(self) -> None:
        """Ask git of all that wait."""
        built, self.waiting = self.waiting, []
        stream = b"".join(
            b"commit refs/heads/all\nmark :%d\n%sdata %d\n%s\n" % (number, _WHO, len(text.encode()), text.encode())
            for number, text in enumerate(built, 1)
        )
        self._git("fast-import", "--quiet", "--force", text="reset refs/heads/all\n\n" + stream.decode())
        shown = self._git("log", "-z", "--reverse", "--format=%(trailers:only)", "refs/heads/all").split("\0")[:-1]
        for text, trailers in zip(built, shown, strict=True):
            assert trailers.strip("\n") + "\n" == block_of(text), text

    def _git(self, *args: str, text: str = "") -> str:
        done = subprocess.run(
            ("git", "-C", str(self.folder), *_READING, *args), input=text.encode(), capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()


def block_of(built: str) -> str:
    return built.rpartition("\n\n")[2]


def target(folder: Path) -> Target:
    """Make the target ready."""
    lines = (
        b"---\nGitorch-Event: end\n\n# x\n",
        b"Signed-off-by: A <a@b>\nGitorch-State: a: none -> pending",
        b"words\n\nAcked-by: x\n (cherry picked from commit 0)\n",
        b"From: y\ndiff --git a b\n\nFrom x at 1:23\n\tcontinued: yes\n",
        "Größe\u2028Gitorch-Event: end\x85# x\r\ngitorch-next: y".encode(),
        b"a: b\nc: d\ne: f\n\n\n\n---\n+++\n",
    )
    return Target(Judge(folder).take, list(lines))
