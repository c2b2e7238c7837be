"""The order in which rows are learnt, and which of them are not. Pure: a shuffle has its seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Protocol, TypeVar

import msgspec

__all__ = ["Order", "arranged", "parse_order"]


class Order(msgspec.Struct, frozen=True):
    """As the file has them, by time, or shuffled."""

    by_time: bool = False
    seed: int | None = None


class Arrangeable(Protocol):
    """What a row must say of itself."""

    @property
    def time_ms(self) -> int | None: ...

    @property
    def held_out(self) -> bool: ...


R = TypeVar("R", bound=Arrangeable)


def parse_order(text: str) -> Order:
    """Return the order that "file", "time" or "shuffle:SEED" names. Raises ValueError with a sentence."""
    if text == "file":
        return Order()
    if text == "time":
        return Order(by_time=True)
    name, colon, seed = text.partition(":")
    if name == "shuffle" and colon and seed.isdecimal():
        return Order(seed=int(seed))
    raise ValueError(f"{text!r} is none of file, time, shuffle:SEED (such as shuffle:42)")


def arranged(rows: Sequence[R], order: Order, holdout_share: float | None = None) -> tuple[list[R], list[R]]:
    """Return the rows to learn, in order, and those held out: the rows that say so, or the last share of the order.

    A row without a time comes after those with one. Rows that are held out by the map do not take part in a shuffle.
    """
    if holdout_share is None:
        learnt = [row for row in rows if not row.held_out]
        held_out = [row for row in rows if row.held_out]
        return _ordered(learnt, order), held_out
    everything = _ordered(list(rows), order)
    cut = len(everything) - round(holdout_share * len(everything))
    return everything[:cut], everything[cut:]


def _ordered(rows: list[R], order: Order) -> list[R]:
    if order.by_time:
        return sorted(rows, key=lambda row: (row.time_ms is None, row.time_ms or 0))
    if order.seed is not None:
        shuffled = list(rows)
        random.Random(order.seed).shuffle(shuffled)  # noqa: S311 (an order to be repeated, no secret)
        return shuffled
    return rows
