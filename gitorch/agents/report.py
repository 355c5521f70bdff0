"""What an agent says about its work: the JSON it may leave, and what it printed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from gitorch.core import main_task as main_tasks
from gitorch.core.amounts import amount
from gitorch.core.text import one_line, paragraphs
from gitorch.errors import GitorchError

_MAX_BYTES: Final = 1024 * 1024
Claim = Literal["completed", "failed", "blocked"]
_CLAIMS: Final[tuple[Claim, ...]] = ("completed", "failed", "blocked")


class Report(NamedTuple):
    """An agent's own words about an invocation, checked for form. None stands for what it did not say."""

    outcome: Claim | None = None
    summary: str | None = None
    next: str | None = None
    focus: str | None = None
    question: str | None = None
    cost_usd: Decimal | None = None
    tokens_in: int | None = None
    tokens_cached: int | None = None
    tokens_out: int | None = None
    session: str | None = None
    model: str | None = None


class InvalidReport(GitorchError):
    """The result file is not what it should be."""


def read(path: Path) -> Report | None:
    """Read a result file; None where the agent wrote none.

    Raises:
        InvalidReport: it is not a JSON object of the known keys and types.
    """
    try:
        if not path.is_file() or path.stat().st_size == 0:
            return None
        if path.stat().st_size > _MAX_BYTES:
            raise InvalidReport(f"the result file is larger than {_MAX_BYTES} bytes")
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidReport(f"the result file is no JSON: {one_line(str(error), 80)}") from None
    if not isinstance(values, dict):
        raise InvalidReport("the result file holds no JSON object")
    return parse(values)


def parse(values: Mapping[str, Any]) -> Report:
    """Check a report's values: those of a result file, or what a function gave.

    Raises:
        InvalidReport: one of them is not of its type.
    """
    claim = next((claim for claim in _CLAIMS if claim == values.get("outcome")), None)
    if claim is None and values.get("outcome") is not None:
        raise InvalidReport(f"the result's outcome is none of {', '.join(_CLAIMS)}")
    texts: dict[str, str | None] = {}
    for key in ("summary", "next", "focus", "question", "session", "model"):
        value = values.get(key)
        if value is not None and not isinstance(value, str):
            raise InvalidReport(f"the result's {key} is no text")
        texts[key] = value or None
    cost = values.get("cost_usd")
    if cost is not None and (isinstance(cost, bool) or not _is_amount(cost)):
        raise InvalidReport("the result's cost_usd is no amount")
    counts: dict[str, int | None] = {}
    for key in ("tokens_in", "tokens_cached", "tokens_out"):
        value = values.get(key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10**15):
            raise InvalidReport(f"the result's {key} is no count")
        counts[key] = value
    return Report(
        outcome=claim,
        summary=paragraphs(texts["summary"]) if texts["summary"] else None,
        next=main_tasks.shorten(texts["next"]) if texts["next"] else None,
        focus=main_tasks.shorten(texts["focus"]) if texts["focus"] else None,
        question=one_line(texts["question"]) if texts["question"] else None,
        cost_usd=None if cost is None else amount(min(cost, 10**9)),
        tokens_in=counts["tokens_in"],
        tokens_cached=counts["tokens_cached"],
        tokens_out=counts["tokens_out"],
        session=one_line(texts["session"], 100) if texts["session"] else None,
        model=one_line(texts["model"], 100) if texts["model"] else None,
    )


def _is_amount(value: Any) -> bool:
    if isinstance(value, int):
        return value >= 0  # it may be too large for a float
    return isinstance(value, float | Decimal) and math.isfinite(value) and value >= 0
