"""What one commit of the ledger says, as data."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Literal, NamedTuple, get_args

from gitorch.core.main_task import MainTask
from gitorch.core.moves import Change

Event = Literal[
    "start",
    "create",
    "decompose",
    "begin",
    "end",
    "move",
    "update",
    "drop",
    "answer",
    "recover",
    "rewind",
    "adopt",
    "merge",
    "abandon",
    "archive",
]
Action = Literal["decompose", "gather", "execute", "synthesize", "check"]
Outcome = Literal[
    "completed",
    "failed",
    "blocked",
    "rate-limited",
    "timeout",
    "stalled",
    "interrupted",
    "rejected",
    "unavailable",
]
EVENTS: Final[tuple[Event, ...]] = get_args(Event)
ACTIONS: Final[tuple[Action, ...]] = get_args(Action)
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
# outcomes after which the same task is waited for, or goes on once somebody has done something
PUT_OFF: Final = frozenset[Outcome | None]({"rate-limited", "unavailable", "interrupted"})
# outcomes that use up one of a task's attempts
ATTEMPTS: Final = frozenset[Outcome | None]({"failed", "timeout", "stalled", "rejected"})


class Check(NamedTuple):
    """A gate that gitorch ran: its exit code and its command line."""

    exit: int
    command: str


class Again(NamedTuple):
    """A task that is to be tried again, and what its next invocation has to know of the earlier ones.

    Attributes:
        name: the task.
        attempt: the number of the attempt to come.
        waits: how many invocations in a row have hit a rate limit, the latest being one of them.
        answered: whether the user has answered a question since the task was made or moved.
    """

    name: str
    attempt: int = 1
    waits: int = 0
    answered: bool = False


class Totals(NamedTuple):
    """Running sums since the workflow's `start`; times are seconds.

    `cost_usd` is None while no cost is known, `unpriced` the number of invocations whose cost is unknown. `again` holds
    the tasks to be tried again, by name.
    """

    steps: int = 0
    cost_usd: Decimal | None = None
    seconds: Decimal = Decimal(0)
    idle: int = 0
    unpriced: int = 0
    again: tuple[Again, ...] = ()


class Record(NamedTuple):
    """What one commit of the ledger says. Unknown figures are None, never zero."""

    event: Event
    subject: str
    body: str = ""
    main_task: MainTask | None = None
    changes: tuple[Change, ...] = ()
    invocation: str | None = None
    action: Action | None = None
    outcome: Outcome | None = None
    attempt: int | None = None
    agent: str | None = None
    model: str | None = None
    session: str | None = None
    exit: int | None = None
    duration: Decimal | None = None
    cost_usd: Decimal | None = None
    tokens_in: int | None = None
    tokens_cached: int | None = None
    tokens_out: int | None = None
    checks: tuple[Check, ...] = ()
    reason: str | None = None
    question: str | None = None
    retry_at: str | None = None
    rescue: str | None = None
    totals: Totals | None = None


def task_of(record: Record) -> str | None:
    """Give the task that a record is about: the one its first change names, unless an invocation has made that."""
    made = record.event == "end" and bool(record.changes) and record.changes[0].before is None
    return record.changes[0].name if record.changes and not made else None
