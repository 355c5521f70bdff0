"""Where measuring is done: a temporary folder with a home of its own, the programs, and the stopwatch."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.programs import Programs
from tests.bench.stopwatch import Samples, Stopwatch, Way

_SETTINGS = (
    "[user]\n\tname = A U Thor\n\temail = author@example.invalid\n[init]\n\tdefaultBranch = main\n[gc]\n\tauto = 0\n"
)
_KEPT = ("PATH", "TMPDIR", "LANG")


@dataclass
class Place:
    """Everything that a part needs.

    Attributes:
        root: a temporary folder.
        programs: gitorch and its neighbours.
        portion: 1 for the full measurement; smaller ones make fewer rounds and smaller repositories.
    """

    root: Path
    programs: Programs
    portion: float = 1.0
    say: Callable[[str], None] = print
    made: dict[str, Path] = field(default_factory=dict)
    env: dict[str, str] = field(init=False)
    watch: Stopwatch = field(init=False)

    def __post_init__(self) -> None:
        home = self.root / "home"
        home.mkdir(parents=True)
        (home / ".gitconfig").write_text(_SETTINGS)
        self.env = {key: os.environ[key] for key in _KEPT if key in os.environ} | {
            "PATH": self.programs.path(),
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "GIT_CEILING_DIRECTORIES": str(self.root),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "TASKMASTER_SKIP_AUTO_UPDATE": "1",
            "NO_UPDATE_NOTIFIER": "1",
        }
        self.watch = Stopwatch(self.root, self.env)

    def rounds(self, full: int) -> int:
        """Give how many rounds to make where the full measurement makes so many."""
        return max(2, round(full * self.portion))

    def many(self, full: int) -> int:
        """Give how large a repository to make where the full measurement makes it so large."""
        return max(20, round(full * min(1.0, self.portion)))

    def in_turns(self, rounds: int, ways: list[Way]) -> Samples:
        """Measure these in turns, in as many rounds as the portion allows."""
        return self.watch.in_turns(self.rounds(rounds), ways)

    def run(self, *command: str, cwd: Path, stdin: bytes | None = None, codes: tuple[int, ...] = (0,)) -> str:
        """Run something that is not measured."""
        done = subprocess.run(command, cwd=cwd, env=self.env, input=stdin, capture_output=True, check=False)
        if done.returncode not in codes:
            said = done.stderr.decode(errors="replace")[-1000:]
            raise RuntimeError(f"{' '.join(command)[:200]} ended with {done.returncode}: {said}")
        return done.stdout.decode(errors="replace")

    def git(self, cwd: Path, *args: str, stdin: bytes | None = None) -> str:
        """Run git, unmeasured."""
        return self.run("git", *args, cwd=cwd, stdin=stdin)

    def gitorch(self, cwd: Path, *args: str) -> str:
        """Run the installed gitorch, unmeasured."""
        return self.run(self.programs.gitorch, *args, cwd=cwd)

    def machine(self) -> dict[str, str]:
        """Tell what it was measured on."""
        cpus = os.cpu_count() or 0
        return {
            "processor": f"{cpus} of {_processor()}",
            "system": f"{platform.system()} {platform.release()}",
            "python": self.run(self.programs.python, "--version", cwd=self.root).split()[-1],
            "git": self.run("git", "--version", cwd=self.root).split()[2],
            "gitorch": self.run(self.programs.gitorch, "--version", cwd=self.root).split()[-1],
        }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
