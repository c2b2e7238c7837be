"""What lag is measured on, asked of Kafka: partitions' ends, when their oldest unread records came in, who reads them."""

from __future__ import annotations

import asyncio
import contextlib
import time
import zlib
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import (
    CorruptRecordException,
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    IncompatibleBrokerVersion,
    KafkaError,
    NotCoordinatorForGroupError,
    for_code,
)

from cem.ports import Unavailable
from cem.streams.lag import Partition
from cem.streams.offsets import know_topics, log_bounds
from cem.streams.stopping import start_client, stop_consumer

__all__ = ["GroupFacts", "LagReader"]

#: Bytes asked for to see one record; Kafka sends a whole batch of records at least.
_GLANCE_BYTES: Final = 32 * 1024
#: A partition that brings no record for so long has none at or after the offset asked for.
_QUIET_S: Final = 2.0
#: Looks a few seconds apart ask for the cluster's id only now and then.
_SAME_CLUSTER_S: Final = 30.0

#: What a batch raises that a broker's disk, or a producer, has damaged.
_DAMAGED: Final = (CorruptRecordException, ValueError, EOFError, zlib.error)
#: A new cluster makes the topic of its groups at their first use; a coordinator that moves is away for a moment.
_NO_COORDINATOR: Final = (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    NotCoordinatorForGroupError,
)


class GroupFacts(msgspec.Struct, frozen=True):
    """A consumer group as its coordinator knows it."""

    #: Kafka's word: Stable, Empty, Dead (not there), PreparingRebalance, CompletingRebalance.
    state: str
    #: What its members have been given.
    assigned: frozenset[Partition]


class LagReader:
    """Reads no topic from end to end and joins no group. Connects at the first use; not for several tasks at once."""

    def __init__(self, options: Mapping[str, Any], *, deadline_s: float = 10.0) -> None:
        """Take aiokafka's connection `options`. deadline_s: longest time that one question may take."""
        self._options = dict(options)
        self._deadline_s = deadline_s
        self._consumer: AIOKafkaConsumer | None = None
        self._admin: AIOKafkaAdminClient | None = None
        #: The cluster's id, and when (monotonic s) it was asked for.
        self._cluster_id = "", 0.0
        #: Oldest unread records seen last: a partition that stands still is not read again.
        self._seen: dict[Partition, tuple[int, int]] = {}

    async def stop(self) -> None:
        """Close the connections."""
        consumer, self._consumer = self._consumer, None
        admin, self._admin = self._admin, None
        if consumer is not None:
            await stop_consumer(consumer, within_s=1.0)
        if admin is not None:
            with contextlib.suppress(TimeoutError, KafkaError, OSError):
                async with asyncio.timeout(2.0):
                    await admin.close()

    async def cluster_id(self) -> str:
        """Return Kafka's id of the cluster: another may have come to the address. Raises Unavailable."""
        known, asked_at = self._cluster_id
        if not known or time.monotonic() - asked_at > _SAME_CLUSTER_S:
            async with self._asking("its cluster id"):
                admin = await self._connected_admin()
                known = str((await admin.describe_cluster())["cluster_id"])
            self._cluster_id = known, time.monotonic()
        return known

    async def bounds(self, partitions: Iterable[Partition]) -> dict[Partition, tuple[int, int]]:
        """Return each partition's first offset and the next one to be written, leaving out those that are not there.

        Raises Unavailable.
        """
        wanted = [TopicPartition(topic, number) for topic, number in partitions]
        async with self._asking("its partitions' ends"):
            consumer = await self._connected()
            await know_topics(consumer, {tp.topic for tp in wanted})
            found = await log_bounds(consumer, [tp for tp in wanted if _is_there(consumer, tp)])
        return {(tp.topic, tp.partition): bounds for tp, bounds in found.items()}

    async def oldest_ms(self, offsets: Mapping[Partition, int]) -> dict[Partition, int]:
        """Return the time of ingestion (ms) of the first record at or after each offset, where there is one.

        Compaction may have taken the record at the offset itself. One that is damaged is left out. Raises Unavailable.
        """
        found = {
            key: self._seen[key][1]
            for key, offset in offsets.items()
            if key in self._seen and self._seen[key][0] == offset
        }
        left = {TopicPartition(*key): offset for key, offset in offsets.items() if key not in found}
        if left:
            async with self._asking("its oldest unread records"):
                consumer = await self._connected()
                try:
                    await _glance(consumer, left, found)
                except _DAMAGED:
                    # One at a time, so that a damaged partition hides no other.
                    for tp, offset in list(left.items()):
                        with contextlib.suppress(*_DAMAGED):
                            await _glance(consumer, {tp: offset}, found)
                consumer.unsubscribe()
        self._seen = {key: (offsets[key], timestamp) for key, timestamp in found.items()}
        return found

    async def group(self, name: str) -> GroupFacts | None:
        """Return what the coordinator knows of the group; None while there is none, or from a broker that does not tell.

        Raises Unavailable.
        """
        async with self._asking(f"the members of group {name}"):
            admin = await self._connected_admin()
            try:
                (answer,) = await admin.describe_consumer_groups([name])
            except (IncompatibleBrokerVersion, *_NO_COORDINATOR):
                return None
            code, _, state, _, _, members, *_ = answer.groups[0]
            if code:
                error = for_code(code)
                if issubclass(error, _NO_COORDINATOR):
                    return None
                raise error(f"group {name}")
        assigned = {
            (tp.topic, tp.partition)
            for _, _, _, _, assignment, *_ in members
            if assignment
            for tp in ConsumerProtocolMemberAssignment.decode(assignment).partitions()
        }
        return GroupFacts(state, frozenset(assigned))

    async def committed(self, group: str) -> dict[Partition, int]:
        """Return the offsets that the group has committed. Raises Unavailable."""
        async with self._asking(f"the offsets of group {group}"):
            admin = await self._connected_admin()
            try:
                found = await admin.list_consumer_group_offsets(group)
            except TypeError:
                # The embedded broker names no topics at all (null) where nothing was committed; aiokafka wants a list.
                found = {}
        # -1 means that nothing was ever committed.
        return {(tp.topic, tp.partition): found.offset for tp, found in found.items() if found.offset >= 0}

    async def _connected(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            consumer = AIOKafkaConsumer(
                **self._options,
                group_id=None,
                enable_auto_commit=False,
                # An offset that retention has passed meanwhile: the oldest record is the first one still there.
                auto_offset_reset="earliest",
                fetch_max_wait_ms=100,
                max_partition_fetch_bytes=_GLANCE_BYTES,
                # Only the time of ingestion is looked at, and that of a damaged record tells how long it waits.
                check_crcs=False,
            )
            try:
                await start_client(consumer)
            except BaseException:
                await stop_consumer(consumer, within_s=1.0)
                raise
            self._consumer = consumer
        return self._consumer

    async def _connected_admin(self) -> AIOKafkaAdminClient:
        if self._admin is None:
            admin = AIOKafkaAdminClient(**self._options, request_timeout_ms=int(self._deadline_s * 1000))
            try:
                await start_client(admin)
            except BaseException:
                with contextlib.suppress(TimeoutError, KafkaError):
                    await admin.close()
                raise
            self._admin = admin
        return self._admin

    @contextlib.asynccontextmanager
    async def _asking(self, what: str) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._deadline_s):
                yield
        except (TimeoutError, KafkaError, OSError) as error:
            await self.stop()
            said = str(error) or type(error).__name__
            raise Unavailable(f"Kafka cannot be asked for {what}: {said}") from error


async def _glance(
    consumer: AIOKafkaConsumer, left: dict[TopicPartition, int], found: dict[Partition, int]
) -> None:
    """Move what is seen of `left` to `found`. Raises one of _DAMAGED for a batch that cannot be read."""
    consumer.assign(list(left))
    for tp, offset in left.items():
        consumer.seek(tp, offset)
    loop = asyncio.get_running_loop()
    quiet_at = loop.time() + _QUIET_S
    while left and loop.time() < quiet_at:
        batches = await consumer.getmany(timeout_ms=250)
        for tp, records in batches.items():
            if records and tp in left:
                found[tp.topic, tp.partition] = records[0].timestamp
                del left[tp]
                consumer.pause(tp)
                quiet_at = loop.time() + _QUIET_S


def _is_there(consumer: AIOKafkaConsumer, tp: TopicPartition) -> bool:
    return tp.partition in (consumer.partitions_for_topic(tp.topic) or ())
