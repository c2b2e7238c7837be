"""What the customer has brought in, how that compares, and how many like him stay: packed, for few events touch it."""

from __future__ import annotations

import struct

import msgspec

from cem.domain.quantiles import Population
from cem.domain.state.lane import LaneSection

__all__ = [
    "VALUES",
    "Cohort",
    "Money",
    "Value",
    "Values",
    "has_brought",
    "pack_cohort",
    "pack_money",
    "unpack_cohort",
    "unpack_money",
]

_MONEY = struct.Struct("<dfI")
#: Where the newest time is in it.
_LAST_AT = 12
_COHORT = struct.Struct("<HHHH")


class Money(msgspec.Struct, gc=False):
    """His payments and purchases, each weighing half as much every `HALF_LIFE_S` (see `cem.domain.facts.value`)."""

    #: Minor units, and how many, as they weigh at `EPOCH_S`.
    amount: float = 0.0
    number: float = 0.0
    #: The newest one (s since the epoch); 0 = none yet.
    last_s: int = 0


class Cohort(msgspec.Struct, gc=False):
    """Of customers of his tenure in his lane: months seen and customers who left, not bound and bound by a term."""

    free_months: int = 0
    free_left: int = 0
    bound_months: int = 0
    bound_left: int = 0


class Value(msgspec.Struct, array_like=True, gc=False):
    """Both packed (b"" = nothing known yet), and the scores with the day on which they were made.

    A customer counts in his lane's populations while `scored_day` is set.
    """

    money: bytes = b""
    cohort: bytes = b""
    #: 1 + 25 (R - 1) + 5 (F - 1) + (M - 1); 0 = not scored.
    scores: int = 0
    #: Day (since the epoch, UTC) of scores and cohort.
    scored_day: int = 0


def unpack_money(value: Value) -> Money:
    """Return what has been brought in."""
    return Money(*_MONEY.unpack(value.money)) if value.money else Money()


def has_brought(value: Value) -> bool:
    """Return whether he has ever paid or bought anything: of `unpack_money` whether there is a newest time."""
    return any(value.money[_LAST_AT:])


def pack_money(value: Value, money: Money) -> None:
    """Keep what has been brought in; the number to 24 bits."""
    value.money = _MONEY.pack(money.amount, money.number, min(money.last_s, 2**32 - 1))


def unpack_cohort(value: Value) -> Cohort:
    """Return how many like him stay."""
    return Cohort(*_COHORT.unpack(value.cohort)) if value.cohort else Cohort()


def pack_cohort(value: Value, free_months: int, free_left: int, bound_months: int, bound_left: int) -> None:
    """Keep how many like him stay; numbers too large for 16 bits are both made smaller, their ratio kept."""
    if free_months > 65_535 or free_left > 65_535:
        free_months, free_left = _fitting(free_months, free_left)
    if bound_months > 65_535 or bound_left > 65_535:
        bound_months, bound_left = _fitting(bound_months, bound_left)
    value.cohort = _COHORT.pack(free_months, free_left, bound_months, bound_left)


def _fitting(months: int, left: int) -> tuple[int, int]:
    most = max(months, left)
    return months * 65_535 // most, left * 65_535 // most


class Values(msgspec.Struct, array_like=True, gc=False):
    """What a lane keeps of all its customers to compare one with them."""

    #: Of their newest payments or purchases by day (since the epoch), and of `Money.number` and `Money.amount`.
    recency: Population = msgspec.field(default_factory=Population)
    frequency: Population = msgspec.field(default_factory=Population)
    money: Population = msgspec.field(default_factory=Population)
    #: By band of tenure, four numbers each: `Cohort` in its order.
    stays: list[int] = []


VALUES = LaneSection("values", Values)
