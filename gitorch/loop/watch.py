"""Somebody who looks on while steps run."""

from __future__ import annotations

from typing import Protocol

from gitorch.core.plan import Plan
from gitorch.core.record import Totals


class Watch(Protocol):
    """Somebody who looks on while a step runs, and may stop it."""

    def began(self, plan: Plan, agent: str, attempt: int | None, totals: Totals) -> None:
        """Hear that an invocation has begun, and the sums before it."""

    def tick(self, seconds: float) -> bool:
        """Hear that it still runs; give True to have the agent stopped."""

    def doing(self, text: str) -> None:
        """Be told in a line what the agent is doing: its last words or tool call."""

    def note(self, text: str) -> None:
        """Hear something that the user should know."""


class Silent:
    """Looks on, and says nothing."""

    def began(self, plan: Plan, agent: str, attempt: int | None, totals: Totals) -> None:
        """Hear that an invocation has begun, and the sums before it."""

    def tick(self, seconds: float) -> bool:  # noqa: ARG002 - the protocol's
        """Never stop the agent."""
        return False

    def doing(self, text: str) -> None:
        """Be told what the agent is doing."""

    def note(self, text: str) -> None:
        """Hear something that the user should know."""
