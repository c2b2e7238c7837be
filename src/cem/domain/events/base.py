"""What all events share: the base class and the field types with their bounds.

A bound here is what a record must keep to; `envelope.decode` turns anything else into a `Reject`. Money is an
integer of minor units of the operator's one currency. A field that is absent is None or its stated default.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar

from msgspec import Meta, Struct

__all__ = [
    "AlertId",
    "Allowance",
    "Amount",
    "Charge",
    "CustomerId",
    "Days",
    "Event",
    "Fact",
    "Hash",
    "Id",
    "Label",
    "Language",
    "Line",
    "Moment",
    "Name",
    "Seconds",
    "Text",
    "Zone",
    "check_identifier",
]

#: No single amount of an operator's customer reaches this, in any currency's minor unit.
MINOR_LIMIT = 10**12
#: Integers that JSON readers with 64-bit floats still hold exactly.
EXACT = 2**53

#: A customer: the paying account.
CustomerId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")]
#: A thing with an id of the operator's own (call, bill, order, decision, representative, ...).
Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.:/-]{1,128}\Z")]
#: An alert: made of type, customer, subject and cause.
AlertId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.:+/-]{1,200}\Z")]
#: A digest; never a telephone number in E.164 (no "+").
Hash = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")]
#: A line: E.164, or the operator's own short name of it.
Line = Annotated[str, Meta(pattern=r"^[+0-9A-Za-z_.-]{1,32}\Z")]
#: A technical name: of an alert type, action, rule, treatment, model.
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.:-]{1,64}\Z")]
#: A category in the operator's own words: reason, queue, plan, product, area.
Label = Annotated[str, Meta(min_length=1, max_length=128)]
#: What somebody wrote or said.
Text = Annotated[str, Meta(max_length=8192)]
#: BCP 47, as in "en", "vi", "pt-BR".
Language = Annotated[str, Meta(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}\Z")]
#: A name of the IANA time zone database.
Zone = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_+/-]{1,64}\Z")]
#: Money that is charged or paid: minor units, never negative.
Charge = Annotated[int, Meta(ge=0, le=MINOR_LIMIT)]
#: Money that may run either way (credits, discounts, totals): minor units.
Amount = Annotated[int, Meta(ge=-MINOR_LIMIT, le=MINOR_LIMIT)]
#: A length of time in seconds, up to ten years.
Seconds = Annotated[float, Meta(ge=0, le=315_360_000)]
#: A number of days, up to a hundred years.
Days = Annotated[int, Meta(ge=0, le=36_525)]
#: A point in time with its offset from UTC (RFC 3339).
Moment = Annotated[datetime, Meta(tz=True)]
#: Segments of text messages that a plan includes a cycle.
Allowance = Annotated[int, Meta(ge=0, le=10_000_000)]
#: A value that was observed: number, text or truth.
Fact = Annotated[int, Meta(ge=-EXACT, le=EXACT)] | float | Annotated[str, Meta(max_length=512)] | bool


def check_identifier(value: str) -> None:
    """Raise ValueError unless `value` can stand in a record's key: printable, without space at its ends."""
    if not value.isprintable() or value != value.strip():
        raise ValueError("`value` must be printable, without space at its ends")


class Event(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Something that happened. One subclass per CloudEvents type; its time, source and id are in the envelope."""

    #: CloudEvents type.
    TYPE: ClassVar[str] = ""
    #: Topic that carries it.
    TOPIC: ClassVar[str] = ""
    #: True: keyed by customer_id. False: by what `key` returns (an identifier, or an object that people change).
    OF_CUSTOMER: ClassVar[bool] = True
    #: True: the data name the key too, and `key` returns it.
    NAMES_KEY: ClassVar[bool] = False

    def key(self) -> str | None:
        """Return the record key that the data imply, or None if they say nothing about it."""
        return None
