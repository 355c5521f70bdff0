"""Figures with a decimal point, as trailers hold them."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from gitorch.core.names import quote

_MAX_AMOUNT: Final = 10**11


def plain(number: Decimal) -> str:
    """Write a decimal number without exponent and without trailing zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def amount(value: float | str | Decimal, places: int = 6) -> Decimal:
    """Round a figure to what a trailer holds.

    Raises:
        ValueError: it is no number, not finite, negative, or more than a trailer holds.
    """
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        raise ValueError(f"{quote(str(value))} is no number") from None
    if not number.is_finite() or not 0 <= number < _MAX_AMOUNT:
        raise ValueError(f"{quote(str(value))} is no amount from 0 to {_MAX_AMOUNT}")
    return abs(Decimal(plain(round(number, places))))
