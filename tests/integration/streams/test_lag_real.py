"""Lag on a real Kafka and Redis: exact in records and seconds, whoever reads or does not."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from confluent_kafka import Producer

from cem.domain.events import CallEnded
from cem.stores import Timeouts, open_store
from cem.streams.connection import client_options
from cem.streams.lag import Look
from cem.streams.lag_look import look_at_group, look_at_lanes
from cem.streams.lag_reader import LagReader
from cem.streams.partition import lane_of
from cem.streams.producer import Outgoing
from cem.streams.reject_window import DeadLetterLimits
from cem.streams.topics import CUSTOMER_TOPICS
from tests.builders.stores import under_deadline
from tests.e2e.system import System, outgoing
from tests.servers.child import wait_until
from tests.servers.kafka import KafkaServer
from tests.servers.redis import RedisServer

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]

CALLS = "cem.calls"
PARTITIONS = 3


@pytest.fixture
def system(start_kafka: Callable[..., KafkaServer], tmp_path: Path) -> Iterator[System]:
    """A deployment of its own, with topics and without a worker; five dead letters in a row pause a partition."""
    with (
        RedisServer() as redis,
        System(
            kafka=start_kafka().bootstrap,
            redis=redis.url,
            state_dir=tmp_path,
            partitions=PARTITIONS,
            dead_letter_run=5,
        ) as made,
    ):
        made.command("topics", "create")
        yield made


def call(number: int, customer_id: str) -> Outgoing:
    """Return the record of a call."""
    event = CallEnded(call_id=f"call-{number}", reason="bill", duration_s=60, resolution="resolved")
    return outgoing(event, customer_id, event_id=f"e{number}", time_ms=int(time.time() * 1000))


def lag_of(system: System, *options: str) -> dict[tuple[str, int], dict[str, Any]]:
    """Return what `cem lag --json` says, by topic and partition."""
    report = system.json("lag", *options)
    assert list(report) == ["total_records", "max_seconds", "partitions"]
    found = {(row["topic"], row["partition"]): row for row in report["partitions"]}
    assert report["total_records"] == sum(row["lag_records"] for row in found.values())
    assert report["max_seconds"] == max(row["lag_seconds"] for row in found.values())
    return found


def look(system: System) -> Look:
    """Return one look at the lanes."""

    async def main() -> Look:
        settings = system.settings
        reader = LagReader(client_options(settings))
        store = open_store(settings.redis_url, settings.partitions, timeouts=Timeouts(read_s=5.0))
        try:
            return await look_at_lanes(
                reader,
                store,
                group=settings.group,
                topics=CUSTOMER_TOPICS,
                lanes=settings.partitions,
                rule=DeadLetterLimits(settings.dead_letter_share, settings.dead_letter_run),
            )
        finally:
            await reader.stop()
            await store.close()

    return under_deadline(main())


def test_the_lag_of_a_stopped_worker_is_exact(system: System) -> None:
    """Without a worker the lag is each unread record and the age of the oldest; with one it goes to 0, and stays."""
    assert {row["lag_records"] for row in lag_of(system).values()} == {0}
    system.produce(call(n, f"c{n % 7}") for n in range(40))
    wanted = Counter(lane_of(f"c{n % 7}", PARTITIONS) for n in range(40))
    before_s = time.time()
    found = lag_of(system)
    after_s = time.time()
    first: dict[int, float] = {}
    for record in system.read_topic(CALLS):
        first.setdefault(record.partition, record.timestamp / 1000)
    for partition in range(PARTITIONS):
        row = found[CALLS, partition]
        assert row["lag_records"] == wanted[partition]
        if wanted[partition]:
            assert row["verdict"] == "stop"
            assert before_s - first[partition] - 0.002 <= row["lag_seconds"] <= after_s - first[partition]
            assert "no member of the group has it" in row["reason"]

    worker = system.worker("w")
    system.wait_read()
    assert {row["lag_records"] for row in lag_of(system).values()} == {0}
    assert {row["verdict"] for row in lag_of(system).values()} == {"ok"}
    assert system.stop(worker) == 0

    # Only what comes after it has stopped is unread, and its age is that of the first such record.
    read = {record.partition: record.offset + 1 for record in system.read_topic(CALLS)}
    system.produce(call(100 + n, "c1") for n in range(3))
    lane = lane_of("c1", PARTITIONS)
    oldest = next(r for r in system.read_topic(CALLS) if (r.partition, r.offset) == (lane, read[lane]))
    seen = look(system).partitions[CALLS, lane].sample
    assert seen is not None
    assert (seen.position, seen.lag_records, seen.oldest_ms) == (read[lane], 3, oldest.timestamp)


def test_a_paused_partition_stalls_and_says_why(system: System) -> None:
    """Too many dead letters in a row pause a partition; what waits behind them is a stall with that reason."""
    lane = lane_of("c1", PARTITIONS)
    worker = system.worker("w")
    system.produce(Outgoing(CALLS, b"c1", (), b"no json at all") for _ in range(5))
    system.wait_read()
    paused = lag_of(system)[CALLS, lane]
    assert (paused["verdict"], paused["lag_records"]) == ("warn", 0)
    system.produce([call(1, "c1"), call(2, "c1")])
    row = lag_of(system)[CALLS, lane]
    assert (row["verdict"], row["lag_records"]) == ("stall", 2)
    assert "5 records in a row" in row["reason"]
    others = {key: r["verdict"] for key, r in lag_of(system).items() if key != (CALLS, lane)}
    assert set(others.values()) == {"ok"}
    assert system.stop(worker) == 0


def test_a_worker_that_is_killed_is_told_as_gone(system: System) -> None:
    """Once Kafka has noticed that the only worker is gone, what waits is a stop."""
    worker = system.worker("w", CEM_SESSION_TIMEOUT_S="6")
    system.produce([call(1, "c1")])
    system.wait_read()
    worker.kill()
    worker.wait()
    system.produce([call(2, "c1")])
    key = (CALLS, lane_of("c1", PARTITIONS))
    wait_until(lambda: lag_of(system)[key]["verdict"] == "stop", timeout_s=60, what="the verdict is stop")


def test_holes_in_the_log_are_stepped_over(system: System) -> None:
    """An offset without a record, as compaction and transactions leave them, has the age of the next record there."""
    producer = Producer(
        {"bootstrap.servers": system.settings.kafka_bootstrap, "transactional.id": "t", "log_level": 0}
    )
    producer.init_transactions()
    for number in range(2):
        producer.begin_transaction()
        producer.produce(CALLS, b"{}", b"k", partition=0, timestamp=1_700_000_000_000 + number)
        producer.commit_transaction()

    async def main() -> tuple[dict[Any, Any], dict[Any, Any]]:
        reader = LagReader(client_options(system.settings))
        try:
            # Offset 1 and the last one are the marks that the transactions left.
            bounds = await reader.bounds([(CALLS, 0), ("cem.nowhere", 0), (CALLS, 99)])
            return bounds, await reader.oldest_ms({(CALLS, 0): 1})
        finally:
            await reader.stop()

    bounds, oldest = under_deadline(main())
    assert bounds == {(CALLS, 0): (0, 4)}
    assert oldest == {(CALLS, 0): 1_700_000_000_001}


def test_other_groups_are_measured_by_their_commits(system: System) -> None:
    """A group of any consumer lags by what it has committed; one that never committed is no group."""
    system.produce(call(n, "c1") for n in range(10))
    lane = lane_of("c1", PARTITIONS)

    async def main() -> Look:
        options = client_options(system.settings)
        consumer = AIOKafkaConsumer(**options, group_id="auditors", enable_auto_commit=False)
        await consumer.start()
        consumer.assign([TopicPartition(CALLS, lane)])
        await consumer.commit({TopicPartition(CALLS, lane): 4})
        await consumer.stop()
        reader = LagReader(options)
        try:
            return await look_at_group(reader, "auditors")
        finally:
            await reader.stop()

    partitions = under_deadline(main()).partitions
    assert list(partitions) == [(CALLS, lane)]
    sample = partitions[CALLS, lane].sample
    assert sample is not None
    assert (sample.position, sample.lag_records) == (4, 6)
    (row,) = lag_of(system, "--group", "auditors").values()
    assert (row["group"], row["lag_records"], row["verdict"]) == ("auditors", 6, "stop")
    system.command("lag", "--group", "nobody", code=1)


def test_what_cannot_be_reached_is_exit_code_4(system: System) -> None:
    """Without Kafka, or without Redis, there is no report but a sentence and the code for scripts."""
    kafka, redis = system.environment["CEM_KAFKA_BOOTSTRAP"], system.environment["CEM_REDIS_URL"]
    system.environment["CEM_KAFKA_BOOTSTRAP"] = "127.0.0.1:1"
    assert system.command("lag", "--json", code=4) == ""
    system.environment |= {"CEM_KAFKA_BOOTSTRAP": kafka, "CEM_REDIS_URL": "redis://127.0.0.1:1/0"}
    assert system.command("lag", "--json", code=4) == ""
    system.environment["CEM_REDIS_URL"] = redis


def test_a_look_takes_no_part_in_the_group(system: System) -> None:
    """Looking commits nothing and joins nothing: the group is as unknown to Kafka as before."""
    system.produce([call(1, "c1")])
    lag_of(system)

    async def main() -> Any:
        reader = LagReader(client_options(system.settings))
        try:
            return await reader.group(system.settings.group), await reader.committed(system.settings.group)
        finally:
            await reader.stop()

    facts, committed = asyncio.run(main())
    assert facts is None or (facts.assigned, committed) == (frozenset(), {})
