"""CPU of a text message that knows only its line, beside one that knows its customer.

In process, over the memory store: the same messages once straight to the customers, once through the inbox: the
identifier's lane (read, link, pass on, save) and then the customer's. Not counted: what Kafka and its client cost for
the second record, which is a producer's business as it is for every record.

    python -m bench.inbox [--households 100] [--messages 20000]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import sys
import time
from collections.abc import Sequence

from bench.common import Row, Target, check_targets, say, show, write_results
from bench.households import household_id
from bench.step import BATCH, household_records
from cem.domain.events import Event, IdentifierLinked, SmsDestination, SmsRated, encode
from cem.pipeline import LanePipeline, Limits
from cem.streams.topics import CUSTOMER_TOPICS
from tests.builders.one_lane import OneLane
from tests.builders.records import LogRecord

__all__ = ["main"]

INBOX = "cem.inbox"
TOPIC = "cem.sms-usage"
RUNS = 5


def line_of(household: int, which: int) -> str:
    """Return a line's number; no two households share one."""
    return f"+49151{household:07}{which}"


def _record(topic: str, key: str, event: Event, event_id: str, at_ms: int, offset: int) -> LogRecord:
    headers, value = encode(event, id=event_id, source="bench/inbox", time_ms=at_ms, customer_id=key)
    return LogRecord(topic, 0, offset, at_ms, key.encode(), value, headers)


class _Lane:
    """One lane that plays both parts: the identifiers' and the customers'."""

    def __init__(self, households: int) -> None:
        self.lane = OneLane()
        self.lane.inputs.update(household_records(households))
        self.households = households
        self.now_ms = int(time.time() * 1000)
        self.pipeline: LanePipeline[object, object] = self.lane.owner(Limits(customers=BATCH))

    async def prepare(self) -> None:
        """Fold the households' year, and link their lines."""
        await self.pipeline.open()
        for topic in ("cem.profiles", *(t for t in CUSTOMER_TOPICS if t != "cem.profiles")):
            await self.apply(self.lane.inputs[topic])
        links = []
        for number in range(2 * self.households):
            line = line_of(number // 2, number % 2)
            link = IdentifierLinked(kind="line", value=line, customer_id=household_id(number // 2))
            links.append(_record(INBOX, f"line:{line}", link, f"l{number}", self.now_ms, 0))
        await self.apply(self.placed(INBOX, links))

    def placed(self, topic: str, records: Sequence[LogRecord]) -> list[LogRecord]:
        """Append the records to the log and return them with their places."""
        log = self.lane.inputs[topic]
        first = len(log)
        placed = [r._replace(topic=topic, offset=first + n) for n, r in enumerate(records)]
        log += placed
        return placed

    async def apply(self, records: Sequence[LogRecord]) -> float:
        """Return the CPU seconds that applying the records takes."""
        began = time.process_time()
        for start in range(0, len(records), BATCH):
            await self.pipeline.apply(records[0].topic, records[start : start + BATCH], self.now_ms)
        return time.process_time() - began

    def messages(self, count: int, run: str, *, inbox: bool) -> list[LogRecord]:
        """Return messages of today, keyed by line or by customer."""
        found = []
        for number in range(count):
            household, which = number * 7919 % self.households, number // self.households % 2
            line = line_of(household, which)
            event = SmsRated(
                line=line,
                destination=SmsDestination.ONNET,
                recipient=f"r{number % 11}",
                in_allowance=True,
            )
            key = f"line:{line}" if inbox else household_id(household)
            found.append(_record("", key, event, f"{run}-{number}", self.now_ms - 60_000 + number // 100, 0))
        return self.placed(INBOX if inbox else TOPIC, found)


async def measure(households: int, count: int) -> tuple[list[float], list[float], list[float]]:
    """Return CPU us a message of several runs: straight; through the inbox, both lanes; of it the identifier's."""
    rig = _Lane(households)
    await rig.prepare()
    # As a worker does with what its start has made.
    gc.collect()
    gc.freeze()
    straight, through, first_leg = [], [], []
    for run in range(RUNS + 1):
        cost = await rig.apply(rig.messages(count, f"d{run}", inbox=False))
        rig.lane.published.clear()
        first = await rig.apply(rig.messages(count, f"i{run}", inbox=True))
        sent = [e for e in rig.lane.published if e.topic == TOPIC]
        assert len(sent) == count, "every message finds its customer"
        passed = [LogRecord(TOPIC, 0, 0, rig.now_ms, e.key, e.value, e.headers) for e in sent]
        second = await rig.apply(rig.placed(TOPIC, passed))
        if run:
            straight.append(cost / count * 1e6)
            through.append((first + second) / count * 1e6)
            first_leg.append(first / count * 1e6)
        say(f"run {run}: straight {cost / count * 1e6:.1f}, through {(first + second) / count * 1e6:.1f} us")
    return straight, through, first_leg


def main() -> int:
    """Measure, print, write `bench/results/inbox.json`; 1 when the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--households", type=int, default=100)
    parser.add_argument("--messages", type=int, default=20_000)
    asked = parser.parse_args()
    straight, through, first_leg = asyncio.run(measure(asked.households, asked.messages))
    ratio = statistics.median(b / a for a, b in zip(straight, through, strict=True))
    rows = [
        Row("straight to the customer", statistics.median(straight), "us/record"),
        Row("through the inbox", statistics.median(through), "us/record", "straight to the customer", ratio),
        Row("of it, the identifier's lane", statistics.median(first_leg), "us/record"),
    ]
    show("A message that knows only its line", ("", "", ""), [(r.name, r.value, r.unit) for r in rows])
    good = check_targets(rows, (Target("through the inbox", most=1.6),))
    write_results("inbox", rows, households=asked.households, messages=asked.messages)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
