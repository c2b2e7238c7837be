"""What the world is to be told: messages of ours to customers, as `cem.outreach` asks for them."""

from __future__ import annotations

from datetime import datetime

import msgspec

from cem.domain.events import OutreachRequested, Received, decode
from cem.domain.events.enums import Tell
from cem.ports import Record

__all__ = ["Errand", "errand_of"]


class Errand(msgspec.Struct, frozen=True, omit_defaults=True):
    """A message to be delivered to a household. Times are milliseconds of the lanes' clock."""

    customer_id: str
    contact_id: str
    channel: str
    expires_ms: int
    send_after_ms: int = 0
    action: str = ""
    decision_id: str = ""
    #: It goes to the user of a line, who does not speak for the household.
    to_user: bool = False
    #: Line (or bill, ...) that the alert behind it is about.
    about: str = ""


def errand_of(record: Record) -> Errand | None:
    """Return what the record asks for; None if it asks for nothing."""
    received = decode(record)
    if not isinstance(received, Received) or not isinstance(received.event, OutreachRequested):
        return None
    event = received.event
    return Errand(
        received.customer_id,
        event.contact_id,
        str(event.channel),
        _ms(event.expires),
        0 if event.send_after is None else _ms(event.send_after),
        event.action or "",
        event.decision_id or "",
        event.who is Tell.USER,
        # An alert's id is made of type, customer, subject and cause.
        (event.alert_id or "").partition(f":{received.customer_id}:")[2].partition(":")[0],
    )


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
