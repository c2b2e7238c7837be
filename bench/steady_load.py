"""A steady stream of text messages, and how soon each sampled one is seen in Redis; a process of its own.

Records are due on a fixed schedule. Every tenth is of a household that nothing else is said of; a reader asks Redis
every two milliseconds (`--poll-ms`) for those under way, and the delay runs from when the record was due to when a state that
counts it was read. Prints one JSON object a report, the last one of all the time.

    python -m bench.steady_load --kafka HOST:PORT --redis-port PORT --rate 1000 --seconds 60
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections import deque
from collections.abc import Iterator

from bench.households import household_id
from cem.domain.customer import FAMILIES, decode_customer
from cem.domain.events import SmsDestination, SmsRated, encode
from cem.settings import Settings
from cem.stores.connections import pack
from cem.stores.keys import CUSTOMER, LaneKeys
from cem.streams.connection import client_options
from cem.streams.partition import lane_of
from cem.streams.producer import EventProducer, Outgoing

__all__ = ["Steady", "main"]

TOPIC = "cem.sms-usage"
_FAMILY = FAMILIES.index(TOPIC)
#: Every how many records one is watched, and how many households take turns in that.
SAMPLE_EVERY, WATCHED = 10, 2_000
#: A record not seen after so long counts as seen then.
GIVE_UP_S = 30.0
#: Households are numbered from here, watched ones from there.
FIRST, FIRST_WATCHED = 1_000_000, 2_000_000


class Steady:
    """Sends on schedule and watches."""

    def __init__(
        self,
        settings: Settings,
        redis_port: int,
        rate: float,
        households: int,
        *,
        every_s: float = 0.001,
        poll_s: float = 0.002,
        numbered: bool = False,
    ) -> None:
        self.settings = settings
        self.every_s = every_s
        self.poll_s = poll_s
        #: Whether the source numbers its events: who does not has his ids remembered for an hour.
        self.numbered = numbered
        self.redis_port = redis_port
        self.rate = rate
        self.households = households
        self.lanes = [LaneKeys(lane, settings.partitions) for lane in range(settings.partitions)]
        self.sent = 0
        self.run_id = f"{time.time_ns():x}"
        #: How often each watched household was told of something, as Redis should count it.
        self.told: dict[int, int] = {}
        #: Household, count that is awaited, when it was due.
        self.under_way: deque[tuple[int, int, float]] = deque()
        self.delays_ms: list[float] = []
        self.worst_send_ms = 0.0
        self.over = False

    async def run(self, seconds: float, report_s: float) -> None:
        """Send for `seconds`; print a report every `report_s` and one of all at the end."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.redis_port)
        await self._learn_counts(reader, writer)
        watching = asyncio.create_task(self._watch(reader, writer))
        async with EventProducer(client_options(self.settings), linger_ms=0) as producer:
            began = time.perf_counter()
            reported, since = began, 0
            total = int(seconds * self.rate)
            while self.sent < total:
                now = time.perf_counter()
                due = min(total, int((now - began) * self.rate) + 1)
                if due > self.sent:
                    batch = list(self._records(due, began))
                    await producer.send_many(batch)
                    self.worst_send_ms = max(self.worst_send_ms, (time.perf_counter() - now) * 1000)
                if now - reported >= report_s:
                    self._report(self.delays_ms[since:], now - began)
                    reported, since = now, len(self.delays_ms)
                await asyncio.sleep(max(self.every_s, began + self.sent / self.rate - time.perf_counter()))
            took = time.perf_counter() - began
            self.over = True
            await watching
        writer.close()
        self._report(self.delays_ms, took)

    def _records(self, until: int, began: float) -> Iterator[Outgoing]:
        """Yield the records that are due, and note those that are watched."""
        while self.sent < until:
            number = self.sent
            self.sent += 1
            due = began + number / self.rate
            if number % SAMPLE_EVERY == 0:
                household = FIRST_WATCHED + number // SAMPLE_EVERY % WATCHED
                self.told[household] = self.told.get(household, 0) + 1
                self.under_way.append((household, self.told[household], due))
            else:
                household = FIRST + number * 7919 % self.households
            yield self._record(household, number)

    def _record(self, household: int, number: int) -> Outgoing:
        customer_id = household_id(household)
        event = SmsRated(
            line=f"+49{household:010d}",
            destination=SmsDestination.ONNET,
            recipient=f"r{number % 11}",
            in_allowance=True,
        )
        headers, value = encode(
            event,
            id=f"{self.run_id}-{number}",
            source=f"bench/steady-{self.run_id}" if self.numbered else "bench/steady",
            time_ms=int(time.time() * 1000),
            customer_id=customer_id,
            sequence=number + 1 if self.numbered else None,
        )
        return Outgoing(TOPIC, customer_id.encode(), headers, value)

    def _key(self, household: int) -> bytes:
        customer_id = household_id(household)
        return self.lanes[lane_of(customer_id, len(self.lanes))].of(CUSTOMER + customer_id)

    async def _learn_counts(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        households = range(FIRST_WATCHED, FIRST_WATCHED + WATCHED)
        for household, state in zip(
            households, await self._get(reader, writer, list(households)), strict=True
        ):
            if state is not None:
                self.told[household] = _count(state)

    async def _watch(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while self.under_way or not self.over:
            await asyncio.sleep(self.poll_s)
            if not self.under_way:
                continue
            waiting = list(self.under_way)
            states = await self._get(reader, writer, [household for household, _, _ in waiting])
            now = time.perf_counter()
            left: list[tuple[int, int, float]] = []
            for entry, state in zip(waiting, states, strict=True):
                _, count, due = entry
                if (state is not None and _count(state) >= count) or now - due > GIVE_UP_S:
                    self.delays_ms.append((now - due) * 1000)
                else:
                    left.append(entry)
            for _ in waiting:
                self.under_way.popleft()
            self.under_way.extendleft(reversed(left))

    async def _get(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, households: list[int]
    ) -> list[bytes | None]:
        """Return the states: one MGET, as one server holds all keys."""
        writer.write(pack([(b"MGET", *(self._key(h) for h in households))]))
        size = int((await reader.readline())[1:])
        found: list[bytes | None] = []
        for _ in range(size):
            length = int((await reader.readline())[1:])
            found.append(None if length < 0 else (await reader.readexactly(length + 2))[:-2])
        return found

    def _report(self, delays_ms: list[float], at_s: float) -> None:
        values = sorted(delays_ms)

        def at(share: float) -> float | None:
            return round(values[min(len(values) - 1, int(share * len(values)))], 1) if values else None

        found = {
            "at_s": round(at_s, 1),
            "sent": self.sent,
            "per_s": round(self.sent / at_s, 1),
            "watched": len(values),
            "waiting": len(self.under_way),
            "p50_ms": at(0.5),
            "p95_ms": at(0.95),
            "p99_ms": at(0.99),
            "max_ms": at(1.0),
            "worst_send_ms": round(self.worst_send_ms, 1),
        }
        print(json.dumps(found), flush=True)


def _count(state: bytes) -> int:
    counts = decode_customer(state).counts
    return counts[_FAMILY] if len(counts) > _FAMILY else 0


def main() -> None:
    """Run one load."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kafka", required=True)
    parser.add_argument("--redis-port", type=int, required=True)
    parser.add_argument("--partitions", type=int, default=24)
    parser.add_argument("--rate", type=float, default=1000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--report", type=float, default=10)
    parser.add_argument("--households", type=int, default=20_000)
    parser.add_argument("--every-ms", type=float, default=1, help="between two sends, at least")
    parser.add_argument("--poll-ms", type=float, default=2, help="between two looks at Redis")
    parser.add_argument("--numbered", action="store_true", help="as from a source that numbers its events")
    asked = parser.parse_args()
    settings = Settings.from_env({}, kafka_bootstrap=asked.kafka, partitions=asked.partitions)
    steady = Steady(
        settings,
        asked.redis_port,
        asked.rate,
        asked.households,
        every_s=asked.every_ms / 1000,
        poll_s=asked.poll_ms / 1000,
        numbered=asked.numbered,
    )
    asyncio.run(steady.run(asked.seconds, asked.report))


if __name__ == "__main__":
    main()
