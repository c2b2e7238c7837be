"""What the doctor asks Kafka: who it is, which topics it has, where each partition begins and ends."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.conn import create_conn
from aiokafka.errors import KafkaError

from cem.cli.doctor.lanes import Unread
from cem.ports import Unavailable
from cem.settings import Settings
from cem.streams.connection import client_options
from cem.streams.log_reader import KafkaLog
from cem.streams.offsets import log_bounds
from cem.streams.probe import probe_kafka
from cem.streams.stopping import start_client
from cem.streams.topic_admin import TopicState, describe_topics

__all__ = ["LogFacts", "ask_log", "oldest_age_s", "release_of"]

_DEADLINE_S: Final = 15.0
_FETCH: Final = 1
#: Highest version of the Fetch request to the release that brought it.
_RELEASES: Final = {12: "2.7", 13: "3.1", 15: "3.5", 16: "3.7", 17: "3.9", 18: "4.1"}


class LogFacts(msgspec.Struct, frozen=True):
    """Kafka as it is."""

    server: str
    cluster_id: str
    brokers: int
    #: The release, at least, by the protocol it speaks.
    release: str
    topics: dict[str, TopicState]
    bounds: dict[tuple[str, int], tuple[int, int]]


def release_of(fetch_version: int) -> str:
    """Return the oldest Kafka release that speaks this version of Fetch."""
    known = [version for version in _RELEASES if version <= fetch_version]
    return _RELEASES[max(known)] if known else "before 2.7"


async def ask_log(settings: Settings) -> LogFacts:
    """Return the facts. Raises Unavailable with one sentence, SettingsError."""
    server = await probe_kafka(settings)
    log = KafkaLog(client_options(settings))
    try:
        cluster_id = await log.cluster_id()
    finally:
        await log.stop()
    topics = await describe_topics(settings)
    try:
        async with asyncio.timeout(_DEADLINE_S):
            release = await _release(settings, server)
            brokers, bounds = await _bounds(settings, topics)
    except TimeoutError:
        raise Unavailable(f"Kafka at {server} did not answer within {_DEADLINE_S:g} s") from None
    except (KafkaError, OSError) as error:
        raise Unavailable(f"Kafka at {server}: {str(error) or type(error).__name__}") from None
    return LogFacts(server, cluster_id, brokers, release, topics, bounds)


async def oldest_age_s(settings: Settings, unread: Sequence[Unread]) -> float | None:
    """Return the age in seconds of the oldest of these unread records by its time of ingestion; None if unknown."""
    log = KafkaLog(client_options(settings))
    timestamps: list[int] = []
    try:
        for lane in sorted({item.partition for item in unread}):
            offsets = {item.topic: item.offset for item in unread if item.partition == lane}
            timestamps += [record.timestamp for record in (await log.peek(lane, offsets)).values()]
    except Unavailable:
        return None
    finally:
        await log.stop()
    return max(0.0, time.time() - min(timestamps) / 1000) if timestamps else None


async def _release(settings: Settings, server: str) -> str:
    options = client_options(settings)
    options.pop("bootstrap_servers")
    host, _, port = server.rpartition(":")
    connection = await create_conn(host.strip("[]"), int(port), **options)
    try:
        versions: dict[int, tuple[int, int]] = connection._versions
        return release_of(versions.get(_FETCH, (0, 0))[1])
    finally:
        closing: Any = connection.close()
        if closing is not None:
            await closing


async def _bounds(
    settings: Settings, topics: dict[str, TopicState]
) -> tuple[int, dict[tuple[str, int], tuple[int, int]]]:
    partitions = [TopicPartition(state.name, n) for state in topics.values() for n in range(state.partitions)]
    consumer = AIOKafkaConsumer(**client_options(settings))
    await start_client(consumer)
    try:
        brokers = len(consumer._client.cluster.brokers())
        bounds = await log_bounds(consumer, partitions)
        return brokers, {(tp.topic, tp.partition): found for tp, found in bounds.items()}
    finally:
        with contextlib.suppress(KafkaError):
            await consumer.stop()
