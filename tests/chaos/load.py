"""Seeded, self-checking records: what the producer of a chaos test writes, and what it knows of it.

Every record has an id of its own (`SEED-NUMBER`) and its checksum is kept, so that whoever reads the log can say of
each record whether it is one that was written. A share of them is written twice (same id, at another offset), a
share is about something that happened long ago, and on request a share is broken on purpose (header `chaos-broken`).
"""

from __future__ import annotations

import random
import time
from array import array
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from zlib import crc32

from cem.domain.events import (
    BillIssued,
    CallEnded,
    Event,
    InteractionRecorded,
    PaymentMade,
    SmsRated,
    TaskDue,
)
from cem.domain.events.enums import Channel, PaymentMethod, Resolution, SmsDestination
from cem.streams.producer import Outgoing
from tests.e2e.system import outgoing

__all__ = ["BROKEN", "SOURCE", "Load", "Made", "number_of"]

#: First part of the source of every record of a load; the topic's name follows.
SOURCE = "/chaos/"
#: Header of a record that cannot be used, on purpose.
BROKEN = "chaos-broken"
DAY_MS = 86_400_000
WEEK_MS = 7 * DAY_MS

Made = tuple[int, Outgoing]

#: A duplicate follows its first copy within so many records.
_RECENT = 200
_REASONS = ("bill", "fault", "plan", "delivery")
_DESTINATIONS = (SmsDestination.ONNET, SmsDestination.OFFNET, SmsDestination.INTERNATIONAL)


class Load:
    """Makes records; `next_many` is its only mutator besides `acknowledge`."""

    def __init__(
        self,
        seed: int,
        *,
        customers: int = 300,
        duplicates: float = 0.03,
        late: float = 0.02,
        broken: float = 0.0,
    ) -> None:
        """Take the number of customers and the shares of repeated, late and broken records."""
        self.seed = seed
        self.customers = [f"k{seed}-{number}" for number in range(customers)]
        self.duplicates = duplicates
        self.late = late
        self.broken = broken
        #: By number: the checksum of the record's value, and whether its producer heard that the log has it.
        self.checksums = array("I")
        self.acknowledged = bytearray()
        #: Copies handed out on purpose.
        self.repeated = 0
        self._draw = random.Random(seed)
        self._recent: deque[Made] = deque(maxlen=_RECENT)

    @property
    def made(self) -> int:
        """How many different records there are so far."""
        return len(self.checksums)

    def next_many(self, count: int) -> list[Made]:
        """Return `count` further records, repeats among them, each with its number."""
        draw = self._draw
        made: list[Made] = []
        for _ in range(count):
            if self._recent and draw.random() < self.duplicates:
                self.repeated += 1
                made.append(draw.choice(self._recent))
                continue
            one = self._next()
            self._recent.append(one)
            made.append(one)
        return made

    def acknowledge(self, made: Sequence[Made]) -> None:
        """Note that the log has these records, by its own word."""
        for number, _ in made:
            self.acknowledged[number] = 1

    def _next(self) -> Made:
        draw = self._draw
        number = self.made
        customer = draw.choice(self.customers)
        now_ms = time.time_ns() // 1_000_000
        time_ms = now_ms - draw.randrange(5_000)
        if draw.random() < self.late:
            time_ms -= draw.randrange(10_000, 30 * DAY_MS)
        event, time_ms = self._event(customer, number, now_ms, time_ms)
        record = outgoing(
            event, customer, event_id=f"{self.seed}-{number}", time_ms=time_ms, source=SOURCE + event.TOPIC
        )
        if event.TOPIC == "cem.billing":
            # This source numbers its events, so its repeats are found by a watermark and not by their ids.
            numbered = (*record.headers, ("ce_sequence", b"%d" % (number + 1)))
            record = Outgoing(record.topic, record.key, numbered, record.value)
        if self.broken and draw.random() < self.broken:
            marked = (*record.headers, (BROKEN, b"1"))
            record = Outgoing(record.topic, record.key, marked, b"{not json" + (record.value or b""))
        self.checksums.append(crc32(record.value or b""))
        self.acknowledged.append(0)
        return number, record

    def _event(self, customer: str, number: int, now_ms: int, time_ms: int) -> tuple[Event, int]:
        """Return an event and its time. Some fall due within seconds, so that ticks happen."""
        draw = self._draw
        kind = draw.random()
        line = f"+84{customer.partition('-')[2]:0>9}"
        if kind < 0.84:
            return (
                SmsRated(
                    line=line,
                    segments=draw.randrange(1, 4),
                    destination=draw.choice(_DESTINATIONS),
                    recipient=f"h{draw.randrange(40)}",
                    in_allowance=draw.random() < 0.8,
                    charge_minor=draw.randrange(30),
                ),
                time_ms,
            )
        if kind < 0.91:
            if draw.random() < 0.3:
                # Its window of seven days closes in a few seconds; so does the alert that it raised.
                time_ms = now_ms - WEEK_MS + draw.randrange(3_000, 20_000)
            return (
                CallEnded(
                    call_id=f"call-{number}",
                    reason=draw.choice(_REASONS),
                    duration_s=draw.randrange(0, 2),
                    resolution=draw.choice((Resolution.RESOLVED, Resolution.UNRESOLVED)),
                ),
                time_ms,
            )
        if kind < 0.94:
            due = datetime.fromtimestamp((now_ms + draw.randrange(1_000, 15_000)) / 1000, UTC)
            return TaskDue(task_id=f"task-{number % 997}", due=due, by="rep-1"), time_ms
        if kind < 0.97:
            return BillIssued(bill_id=f"bill-{number}", total_minor=draw.randrange(500, 9_000)), time_ms
        if kind < 0.985:
            paid = draw.randrange(500, 9_000)
            return PaymentMade(amount_minor=paid, method=PaymentMethod.CARD), time_ms
        return (
            InteractionRecorded(
                interaction_id=f"i-{number}", channel=Channel.CHAT, reason=draw.choice(_REASONS)
            ),
            time_ms,
        )


def number_of(event_id: str, seed: int) -> int | None:
    """Return the number of a load's record; None if the id is not one of its ids."""
    prefix, _, number = event_id.rpartition("-")
    return int(number) if prefix == str(seed) and number.isdigit() else None
