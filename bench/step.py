"""CPU a text message costs the product's real stream job: every fact and detector, households of a year.

In process: the lane's own pipeline, decoding, fold, detectors, journal entry, encoding and save over the memory store,
without network: once with hot states in the lane's cache, once with every state loaded and decoded anew. Then the real
thing: a worker on Kafka and Redis that catches up with a backlog, CPU of worker and Redis as the kernel counts it.

    python -m bench.step [--households 300] [--messages 30000] [--backlog 200000] [--no-stream]
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence

import msgspec

from bench.common import CpuClock, Row, Target, check_targets, say, show, write_results
from bench.households import household_id
from bench.rig import Rig, settle
from cem.domain.events import DecisionMade, Event, SmsDestination, SmsRated, encode
from cem.pipeline import Limits
from cem.ports import Unavailable
from cem.settings import Settings
from cem.stores import open_store
from cem.streams.connection import client_options
from cem.streams.producer import EventProducer, Outgoing
from cem.streams.topics import CUSTOMER_TOPICS
from tests.builders.one_lane import OneLane
from tests.builders.records import LogRecord
from tests.builders.typical_customer import CHILD, PAYER, typical_events

__all__ = ["applied_records", "main", "send_messages"]

TOPIC = "cem.sms-usage"
BATCH = 500
Apply = Callable[[str, Sequence[LogRecord], int], Awaitable[None]]
RUNS = 3
#: How often a household of `in_process` writes: two lines, a message each every hour, day and night.
MESSAGE_EVERY_MS = 1_800_000


def household_records(households: int) -> dict[str, list[LogRecord]]:
    """Return a year of each household by topic, ended an hour ago: each topic in order of time."""
    found: dict[str, list[LogRecord]] = {topic: [] for topic in CUSTOMER_TOPICS}
    for moment in household_year(households):
        records = found[moment[0].topic]
        records += (r._replace(offset=len(records) + n) for n, r in enumerate(moment))
    return found


def household_year(households: int) -> Iterator[list[LogRecord]]:
    """Yield what happens to all households, ended an hour ago: a list for each event, one record a household."""
    events = typical_events()
    shift = int(time.time() * 1000) - 3_600_000 - events[-1][0]
    for number, (at_ms, event) in enumerate(events):
        moment = []
        for household in range(households):
            about = event
            if isinstance(event, DecisionMade):
                about = msgspec.structs.replace(event, customer_id=household_id(household))
            moment.append(_record(about, household, f"y{number}", at_ms + shift, 0))
        yield moment


def messages(count: int, households: int, first_offset: int, every_ms: int = 0) -> Iterator[LogRecord]:
    """Yield text messages, the households in turn: of today, or from now on one of each household `every_ms`."""
    now_ms = int(time.time() * 1000)
    for number in range(count):
        offset = first_offset + number
        at_ms = now_ms - 60_000 + number // 100
        if every_ms:
            at_ms = now_ms + offset * every_ms // households
        event = SmsRated(
            line=(PAYER, CHILD)[number // households % 2],
            destination=SmsDestination.ONNET,
            recipient=f"r{number % 11}",
            in_allowance=True,
        )
        yield _record(event, number * 7919 % households, f"m{offset}", at_ms, offset)


def _record(event: Event, household: int, event_id: str, at_ms: int, offset: int) -> LogRecord:
    customer_id = household_id(household)
    headers, value = encode(
        event, id=f"{event_id}-{household}", source="bench/step", time_ms=at_ms, customer_id=customer_id
    )
    return LogRecord(event.TOPIC, 0, offset, at_ms, customer_id.encode(), value, headers)


async def in_process(households: int, count: int) -> tuple[float, float, dict[str, float]]:
    """Return CPU us a message with hot states, and with states loaded for each batch, and a record of each topic while
    the households' year was folded: lower quartiles of the batches, for what else runs on the machine only adds.
    """
    lane = OneLane()
    pipeline = lane.owner(Limits(customers=BATCH))
    await pipeline.open()
    costs: dict[str, list[float]] = {}
    for moment in household_year(households):
        # As a worker does whose clock goes on: who is due is woken before the next record comes.
        while await pipeline.tick(moment[0].timestamp):
            pass
        costs.setdefault(moment[0].topic, []).extend(await _costs(lane, pipeline.apply, moment))
    by_topic = {topic: _quartile(found) for topic, found in costs.items()}
    done = 0
    found = []
    for cached in (100_000, 1):
        pipeline = lane.owner(Limits(customers=BATCH, cached=cached))
        await pipeline.open()
        costs_now: list[float] = []
        for run in range(RUNS + 1):
            fresh = list(messages(count, households, done, MESSAGE_EVERY_MS))
            done += count
            taken = await _costs(lane, pipeline.apply, fresh)
            costs_now += taken if run else []
        found.append(_quartile(costs_now))
    return found[0], found[1], by_topic


async def _costs(lane: OneLane, apply: Apply, records: Sequence[LogRecord]) -> list[float]:
    """Return CPU us a record of each batch, applied at the time of its last record."""
    costs = []
    for start in range(0, len(records), BATCH):
        log = lane.inputs[records[0].topic]
        batch = [r._replace(offset=len(log) + n) for n, r in enumerate(records[start : start + BATCH])]
        log += batch
        began = time.process_time()
        await apply(batch[0].topic, batch, batch[-1].timestamp)
        costs.append((time.process_time() - began) / len(batch) * 1e6)
    return costs


def _quartile(costs: list[float]) -> float:
    return sorted(costs)[len(costs) // 4]


def on_the_stream(backlog: int, households: int) -> dict[str, float]:
    """Return CPU us a message of worker, Redis and Kafka, a backlog long, and the bytes it left on Kafka's disk."""
    with Rig() as rig:
        settings = Settings.from_env(rig.environ)
        worker = rig.worker()
        asyncio.run(send_messages(settings, 20_000, households, 0))
        _wait_applied(rig, settings, 20_000)
        settle(1)
        assert rig.kafka.child is not None
        clock = CpuClock({"worker": worker.pid, "Redis": rig.redis.pid, "Kafka": rig.kafka.child.pid})
        before = _log_bytes(rig)
        asyncio.run(send_messages(settings, backlog, households, 20_000))
        _wait_applied(rig, settings, 20_000 + backlog)
        _, cpu = clock.read()
        kept = _log_bytes(rig) - before
    return {**{name: used / backlog * 1e6 for name, used in cpu.items()}, "bytes": kept / backlog}


def _log_bytes(rig: Rig) -> int:
    """Return what Kafka's segments hold: messages, journal, emissions. Their indexes are allocated ahead."""
    return sum(segment.stat().st_size for segment in rig.kafka.data_dir.rglob("*.log"))


async def send_messages(settings: Settings, count: int, households: int, first: int) -> None:
    """Write text messages of so many households, the first with the id `first`."""
    async with EventProducer(client_options(settings)) as producer:
        for start in range(0, count, 5000):
            part = messages(min(5000, count - start), households, first + start)
            await producer.send_many(Outgoing(r.topic, r.key, tuple(r.headers), r.value) for r in part)


async def applied_records(rig: Rig, settings: Settings) -> int:
    """Return how many messages the lanes have applied, as Redis has it; 0 while it does not say."""
    store = open_store(rig.redis.url, settings.partitions)
    try:
        headers = await store.headers()
    except Unavailable:
        return 0
    finally:
        await store.close()
    return sum(h.positions[TOPIC].next_offset for h in headers.values() if TOPIC in h.positions)


def _wait_applied(rig: Rig, settings: Settings, total: int) -> None:
    deadline = time.monotonic() + 600
    while asyncio.run(applied_records(rig, settings)) < total:
        if time.monotonic() > deadline:
            raise RuntimeError("the worker does not catch up")
        time.sleep(0.2)


def main() -> int:
    """Measure, print, write `bench/results/step.json`; 1 when the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--households", type=int, default=300)
    parser.add_argument("--messages", type=int, default=30_000)
    parser.add_argument("--backlog", type=int, default=200_000)
    parser.add_argument("--no-stream", action="store_true")
    asked = parser.parse_args()
    say("in process ...")
    hot, loaded, by_topic = asyncio.run(in_process(asked.households, asked.messages))
    rows = [Row("step, hot states", hot, "us/record"), Row("step, states loaded", loaded, "us/record")]
    rows += [Row(f"step, {topic}", cost, "us/record") for topic, cost in by_topic.items()]
    say(f"hot {hot:.1f}, loaded {loaded:.1f} us a record")
    if not asked.no_stream:
        found = on_the_stream(asked.backlog, 20_000)
        rows += [
            Row(f"{name} on the stream", found[name], "us/record") for name in ("worker", "Redis", "Kafka")
        ]
        rows.append(Row("Kafka's disk", found["bytes"], "bytes/record"))
    show("What a text message costs", ("", "", ""), [(r.name, r.value, r.unit) for r in rows])
    good = check_targets(
        rows,
        (
            Target("step, hot states", most=30, of="value"),
            Target("step, states loaded", most=30, of="value"),
            Target("worker on the stream", most=30, of="value"),
        ),
    )
    write_results("step", rows, households=asked.households, messages=asked.messages, backlog=asked.backlog)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
