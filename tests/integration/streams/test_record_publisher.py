"""Single records are published by librdkafka as the lanes' publisher would: acknowledged, in their lane, with a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, KafkaException

from cem.embedded.broker import start_broker
from cem.ports import Emission, LaneStopped, Record, Unavailable
from cem.settings import Settings
from cem.streams.connection import client_options, confluent_options
from cem.streams.log_reader import KafkaLog
from cem.streams.record_publisher import RecordPublisher
from cem.streams.topics import DECISIONS
from tests.servers.child import free_port

LANES = 3


def _settings(address: str) -> Settings:
    return Settings.from_env({}, kafka_bootstrap=address, partitions=LANES)


def _emission(number: int, lane: int | None = 1) -> Emission:
    return Emission(DECISIONS, b"c1", b"%d" % number, (("ce_id", b"d%d" % number),), partition=lane)


def test_what_is_published_is_on_the_log_when_the_call_returns(tmp_path: Path) -> None:
    """In its partition, in order, with key and headers; many at a time, from several calls that wait side by side."""

    async def scenario() -> Sequence[Record]:
        broker, address = await start_broker(LANES, tmp_path / "broker.log")
        publisher = RecordPublisher(confluent_options(_settings(address)))
        log = KafkaLog(client_options(_settings(address)))
        try:
            await publisher.publish([])
            await publisher.publish([_emission(0)])
            await asyncio.gather(*(publisher.publish([_emission(n), _emission(n, 2)]) for n in range(1, 50)))
            assert (await log.bounds(2, [DECISIONS]))[DECISIONS] == (0, 49)
            return await log.read(DECISIONS, 1, 0, 50)
        finally:
            await publisher.stop()
            await log.stop()
            await broker.stop(5)

    records = asyncio.run(scenario())
    assert [record.value for record in records] == [b"%d" % n for n in range(50)]
    assert all(record.key == b"c1" for record in records)
    assert [dict(record.headers)["ce_id"] for record in records] == [b"d%d" % n for n in range(50)]


def test_a_caller_that_no_longer_waits_takes_nothing_away(tmp_path: Path) -> None:
    """Its record is published all the same, and so are the others'."""

    async def scenario() -> tuple[int, int]:
        broker, address = await start_broker(LANES, tmp_path / "broker.log")
        publisher = RecordPublisher(confluent_options(_settings(address)))
        log = KafkaLog(client_options(_settings(address)))
        try:
            impatient = asyncio.create_task(publisher.publish([_emission(1)]))
            await asyncio.sleep(0)
            impatient.cancel()
            await publisher.publish([_emission(2)])
            return (await log.bounds(1, [DECISIONS]))[DECISIONS]
        finally:
            await publisher.stop()
            await log.stop()
            await broker.stop(5)

    assert asyncio.run(scenario()) == (0, 2)


def test_a_kafka_that_is_away_is_given_up_after_the_deadline() -> None:
    """Whoever waits is told so, and a stop does not wait for it."""

    async def scenario() -> None:
        options = confluent_options(_settings(f"127.0.0.1:{free_port()}"))
        publisher = RecordPublisher(options, deadline_s=0.5)
        with pytest.raises(Unavailable, match="has not acknowledged 1 record"):
            await publisher.publish([_emission(1)])
        with pytest.raises(Unavailable, match="cannot be reached"):
            await publisher.publish([])
        await publisher.stop()

    asyncio.run(scenario())


def test_a_record_larger_than_is_taken_is_refused() -> None:
    """It would not pass however often it were tried."""

    async def scenario() -> None:
        options = confluent_options(_settings(f"127.0.0.1:{free_port()}"))
        publisher = RecordPublisher(options, max_request_bytes=2000)
        large = Emission(DECISIONS, b"c1", b"x" * 3000, (), partition=0)
        with pytest.raises(LaneStopped, match=r"larger than the topic takes"):
            await publisher.publish([large])
        await publisher.stop()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, "give CEM_KAFKA_USERNAME the right"),
        (KafkaError._AUTHENTICATION, "check CEM_KAFKA_USERNAME"),
    ],
)
def test_a_refusal_says_what_to_change(code: int, said: str) -> None:
    """It is not tried again: a person has to act first."""
    publisher = RecordPublisher({})
    reason = publisher._reason(KafkaException(KafkaError(code)), "not published")
    assert isinstance(reason, Unavailable)
    assert not reason.retryable
    assert said in str(reason)
