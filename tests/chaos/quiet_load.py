"""Messages of which nothing falls due, so that states stay as they are while nothing is written."""

from __future__ import annotations

import random
import time

from cem.domain.events import SmsRated
from cem.domain.events.enums import SmsDestination
from cem.streams.producer import Outgoing
from tests.e2e.system import outgoing

__all__ = ["quiet_messages"]


def quiet_messages(first: int, stop: int, *, customers: int, seed: int) -> list[Outgoing]:
    """Return the messages numbered from `first` to before `stop`: few a customer, all within its allowance."""
    draw = random.Random(f"{seed} {first}")
    now_ms = time.time_ns() // 1_000_000
    records = []
    for number in range(first, stop):
        customer = draw.randrange(customers)
        event = SmsRated(
            line=f"+8492{customer:0>7}",
            segments=draw.randrange(1, 4),
            destination=SmsDestination.ONNET,
            recipient=f"h{draw.randrange(40)}",
            in_allowance=True,
        )
        records.append(
            outgoing(event, f"q-{customer}", event_id=f"q{number}", time_ms=now_ms - draw.randrange(5_000))
        )
    return records
