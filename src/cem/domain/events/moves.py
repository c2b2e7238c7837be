"""What one customer's lane sends to another's when customers are merged or split (`cem.inbox`, keyed by the receiver).

The records from one customer to another are numbered 0, 1, 2, ... over both types, and are folded in that order.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from cem.domain.events.base import CustomerId, Event, Line, Name

__all__ = ["StateForwarded", "StateMoved"]

TOPIC = "cem.inbox"

Number = Annotated[int, Meta(ge=0, le=2**53)]
#: Bytes of a record may be eleven megabytes, and escapes or base64 make them longer.
_MOST = 64 * 2**20


class StateMoved(Event, frozen=True, kw_only=True):
    """All that is kept of a customer, or of one of his lines, belongs to another customer from now on."""

    TYPE: ClassVar[str] = "state.moved"
    TOPIC: ClassVar[str] = TOPIC

    of: Annotated[CustomerId, Meta(description="Whose it was. Used for: the order of what follows.")]
    number: Annotated[
        Number, Meta(description="Its place in what the one sends the other. Used for: folding it in turn.")
    ]
    state: Annotated[
        str, Meta(max_length=_MOST, description="The state's bytes in base64. Used for: taking it in.")
    ]
    line: Annotated[
        Line | None, Meta(description="The line alone, where only it moved. Used for: its events' way back.")
    ] = None


class StateForwarded(Event, frozen=True, kw_only=True):
    """A record of one customer belongs to another, to whom he or his line has moved."""

    TYPE: ClassVar[str] = "state.forwarded"
    TOPIC: ClassVar[str] = TOPIC

    of: Annotated[CustomerId, Meta(description="Whose it was. Used for: the order of what is sent.")]
    number: Annotated[
        Number, Meta(description="Its place in what the one sends the other. Used for: folding it in turn.")
    ]
    through: Annotated[
        Annotated[tuple[CustomerId, ...], Meta(max_length=64)],
        Meta(description="Customers that it has come through. Used for: ending circles."),
    ]
    topic: Annotated[Name, Meta(description="Topic of the record. Used for: reading it.")]
    headers: Annotated[
        Annotated[
            dict[Annotated[str, Meta(max_length=256)], Annotated[str, Meta(max_length=65_536)]],
            Meta(max_length=256),
        ],
        Meta(description="The record's headers. Used for: reading it."),
    ]
    data: Annotated[
        str, Meta(max_length=_MOST, description="The record's value. Used for: folding it as it came.")
    ]
