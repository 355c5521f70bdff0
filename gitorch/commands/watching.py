"""The display while steps run: a live line on a terminal, plain lines in a pipe; and what ^C does."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from gitorch import output
from gitorch.agents import descendants
from gitorch.core.message import NO_TASK
from gitorch.core.plan import Plan
from gitorch.core.record import Totals
from gitorch.core.text import counted, shortened
from gitorch.loop.limits import show_cost

_REDRAW: Final = 0.5  # seconds
_LEAST: Final = 12  # columns that are worth showing more in


class Interrupts:
    """Counts the user's wishes to stop: each ^C is one, a request to terminate is as good as two."""

    def __init__(self) -> None:
        self.count = 0

    def _on_int(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1

    def _on_term(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 2

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Catch signals instead of dying of them, and let no descendant slip away: the process is all ours."""
        descendants.adopt_orphans()
        wanted = {signal.SIGINT: self._on_int, signal.SIGTERM: self._on_term, signal.SIGHUP: self._on_term}
        before = {number: signal.signal(number, handler) for number, handler in wanted.items()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class Live:
    """Shows one invocation after another. `stop_at` wishes to stop end the agent that runs."""

    def __init__(self, interrupts: Interrupts, *, stop_at: int, quiet: bool = False) -> None:
        self._interrupts = interrupts
        self._stop_at = stop_at
        self._quiet = quiet
        self._terminal = output.is_terminal(sys.stderr) and not quiet
        self._what = ("", "", "", "")  # what runs: the action, the task, the agent, the attempt
        self._drawn = 0.0
        self._told = False
        self._totals = Totals()
        self._done = ""
        self._doing = ""
        self._noted: set[str] = set()
        self.progress: Callable[[], str] = str  # asked when an invocation begins, for its line

    def began(self, plan: Plan, agent: str, attempt: int | None, totals: Totals) -> None:
        """Say what has begun."""
        again = f", attempt {attempt}" if attempt is not None and attempt > 1 else ""
        self._what = (f"… {plan.action} ", plan.task or NO_TASK, f" by {agent}", again)
        self._drawn = 0.0
        self._totals = totals
        self._doing = ""
        self._done = self.progress()
        if not self._terminal and not self._quiet:
            output.note(f"{''.join(self._what)}  [{self._sums()}]")

    def tick(self, seconds: float) -> bool:
        """Redraw the live line; return whether the agent is to be stopped."""
        stop = self._interrupts.count >= self._stop_at
        if self._interrupts.count and not stop and not self._told:
            self._told = True
            self.note("the run stops when this step has ended; press ^C again to stop its agent now")
        if self._terminal and time.monotonic() - self._drawn > _REDRAW:
            self._drawn = time.monotonic()
            self._draw(self._line(seconds, self._width()))
        return stop

    def doing(self, text: str) -> None:
        """Remember what the agent is doing, for the live line."""
        self._doing = text

    def _width(self) -> int:
        """Return how many columns a line may take now."""
        return output.columns(sys.stderr) - 1

    def _line(self, seconds: float, width: int) -> str:
        """Return what runs: action, task and time, then what fits of the rest. A long name is cut first."""
        action, name, agent, again = self._what
        elapsed = f"  {output.duration(seconds)}"
        for after in (agent + again, agent, ""):
            room = width - len(action + after + elapsed)
            if room >= min(len(name), _LEAST):
                break
        line = action + shortened(name, max(room, _LEAST)) + after + elapsed
        left = width - len(line)
        if self._doing:
            return f"{line}  {self._doing}" if left >= _LEAST else line
        sums = f"  [{self._sums()}]"
        return line + sums if len(sums) <= left else line

    def _draw(self, line: str) -> None:
        """Draw the live line within the terminal's width as it is now: a longer one would wrap, and stay."""
        output.draw(f"\r\x1b[K{output.harmless(output.fit(line, self._width()))}")

    def note(self, text: str) -> None:
        """Print something that the user should know, once, and that a limit cannot be kept once for all steps."""
        about = text.partition(":")[0] if text.startswith("--max-cost") else text
        if about in self._noted:
            return
        self._noted.add(about)
        self.wipe()
        output.note(output.paint("note:", "yellow", sys.stderr) + " " + text)

    def wipe(self) -> None:
        """Remove the live line."""
        if self._terminal:
            output.draw("\r\x1b[K")

    def countdown(self, seconds: float, reason: str) -> None:
        """Wait visibly; a wish to stop ends the wait."""
        end = time.monotonic() + seconds
        if not self._terminal:
            output.note(f"… waiting {output.duration(seconds)}: {reason}")
        while (left := end - time.monotonic()) > 0 and not self._interrupts.count:
            if self._terminal:
                self._draw(f"… continuing in {output.duration(left)}: {reason}")
            time.sleep(min(0.2, left))
        self.wipe()

    def _sums(self) -> str:
        done = f", {self._done}" if self._done else ""
        return f"{counted(self._totals.steps, 'step')}, {show_cost(self._totals)}{done}"
