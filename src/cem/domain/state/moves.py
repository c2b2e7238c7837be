"""Where a customer or his lines have gone, and what comes from others: the numbers that keep it in order."""

from __future__ import annotations

import msgspec

__all__ = ["Gone", "Held", "Inflow", "Moves"]


class Held(msgspec.Struct, array_like=True, gc=False):
    """A record that came before its turn."""

    number: int
    #: Whether it is `state.moved`; else `state.forwarded`.
    moved: bool
    #: The event as JSON.
    event: bytes


class Inflow(msgspec.Struct, array_like=True, gc=False):
    """What another customer's lane sends."""

    of: str
    #: The number whose turn it is.
    next: int = 0
    #: Ordered by number.
    held: list[Held] = []


class Gone(msgspec.Struct, array_like=True, gc=False):
    """A line that belongs to another customer from an instant (ms, event time) on."""

    line: str
    to: str
    since_ms: int


class Moves(msgspec.Struct, array_like=True, gc=False):
    """Merges and splits that the customer takes part in."""

    #: Whom he goes on as; "" = himself.
    into: str = ""
    #: Numbers given so far to what is sent to each customer.
    sent: dict[str, int] = {}
    gone: list[Gone] = []
    inflows: list[Inflow] = []
    #: Customers that go on as this one, those merged into them among them.
    absorbed: list[str] = []
