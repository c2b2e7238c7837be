"""Numbers that come as text, read exactly. Pure."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Final

__all__ = ["exact", "minor_units"]

#: Longer texts and larger exponents are no quantities; turning them into integers would take for ever.
_MAX_LENGTH: Final = 40
_MAX_EXPONENT: Final = 30


def exact(text: str) -> Decimal:
    """Return the finite number that `text` writes, with a point. Raises ValueError with a reason."""
    try:
        number = Decimal(text) if len(text) <= _MAX_LENGTH else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite() or "_" in text:
        raise ValueError(f"{text[:_MAX_LENGTH]!r} is no number")
    if abs(number.adjusted()) > _MAX_EXPONENT:
        if number == 0:
            return Decimal(0)
        raise ValueError(f"{text!r} is out of range")
    return number


def minor_units(text: str, decimals: int) -> int:
    """Return the amount in minor units: "12.5" with 2 decimals is 1250. Raises ValueError for a finer amount."""
    scaled = exact(text).scaleb(decimals)
    units = int(scaled)
    if units != scaled:
        raise ValueError(f"{text!r} has more than {decimals} decimals")
    return units
