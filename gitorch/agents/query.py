"""Where something stands in what a program prints: JMESPath for JSON documents, regular expressions for text."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal

Form = Literal["json-lines", "json", "text"]
Query = Callable[[Any], list[Any]]

_NUMBER: Final = re.compile(r"(\d[\d,]*\.?\d*|\.\d+)([kKmM]?)")
# what evaluating an expression may raise, JMESPath's own errors among them: `'a' < `1`` is a TypeError
_MISFITS: Final = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
_FACTORS: Final = {"": 1, "k": 1000, "m": 1_000_000}


def compile_query(expression: str, form: Form) -> Query:
    """Make a query of an expression.

    For JSON it is JMESPath (https://jmespath.org), asked of a list of documents; all values in what it gives count,
    however deeply they are nested. For text it is a regular expression, and its first group is the value.

    Raises:
        ValueError: the expression is not well formed.
    """
    if form == "text":
        pattern = compile_pattern(expression)
        if pattern.groups < 1:
            raise ValueError("a regular expression with a group is wanted")
        return lambda text: [match[1] for match in pattern.finditer(text) if match[1]]
    import jmespath  # noqa: PLC0415 - agents that print no JSON do not pay for it
    from jmespath.exceptions import JMESPathError  # noqa: PLC0415

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a literal that is no JSON is text, of old
            compiled = jmespath.compile(expression)
    except (JMESPathError, RecursionError) as error:
        raise ValueError(" ".join(str(error).split())) from None

    def ask(documents: Any) -> list[Any]:
        try:
            return list(_values(compiled.search(documents)))
        except _MISFITS:  # a document of another shape than the expression expects
            return []

    return ask


def compile_pattern(expression: str) -> re.Pattern[str]:
    """Make a pattern of a regular expression.

    Raises:
        ValueError: it is not well formed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what another version of Python may read otherwise
            return re.compile(expression, re.IGNORECASE | re.MULTILINE)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"no regular expression: {error}") from None


def _values(found: Any) -> Iterator[Any]:
    """Give the values in what an expression gave, one after another."""
    if isinstance(found, list):
        for item in found:
            yield from _values(item)
    elif isinstance(found, dict):
        for item in found.values():
            yield from _values(item)
    elif found is not None and found is not False and found != "":  # 0 is a figure
        yield found


def number(value: Any) -> Decimal | None:
    """Read a figure that is not negative; in text it may have thousands commas, and end in k or M."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    match = _NUMBER.fullmatch(str(value).strip()) if isinstance(value, str) else None
    try:
        read = Decimal(match[1].replace(",", "")) * _FACTORS[match[2].lower()] if match else Decimal(str(value))
    except InvalidOperation:
        return None
    return read if read.is_finite() and read >= 0 else None
