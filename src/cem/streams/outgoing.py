"""Records on their way: to which partition each goes, and the batch that it leaves in."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from cem.ports import Emission
from cem.streams.partition import lane_of, murmur2
from cem.streams.topic_admin import TopicsWrong
from cem.streams.topics import spec_of

__all__ = ["Batch", "Outgoing", "RecordTooLarge", "Target", "largest_record", "target_of"]

#: Kafka's default for the largest batch that a topic takes (`max.message.bytes`).
_DEFAULT_TOPIC_BYTES = 1_048_588


class RecordTooLarge(ValueError):
    """A record beyond what its topic takes; it was not sent (it would break the sequence), the producer goes on."""


class Outgoing(msgspec.Struct, frozen=True, gc=False):
    """A record to publish. `cem.ports.Emission` does as well: only the names of the fields matter."""

    topic: str
    key: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    value: bytes | None
    #: None: murmur2 of the key; without a key, the partitions in turn.
    partition: int | None = None


class Batch:
    """Records of one partition on their way: open for more, then sent, then acknowledged."""

    __slots__ = ("builder", "done", "records", "size")

    def __init__(self, builder: BatchBuilder, done: asyncio.Future[int]) -> None:
        self.builder = builder
        self.records = 0
        self.size = 0
        #: Offset of the first record once all in-sync replicas have it.
        self.done = done

    def append(self, event: Outgoing | Emission, now_ms: int, limit: int) -> bool:
        """Add the record; False when the batch is full. Raises RecordTooLarge."""
        headers = list(event.headers)
        size = DefaultRecordBatchBuilder.estimate_size_in_bytes(event.key, event.value, headers)
        if size > limit:
            raise RecordTooLarge(f"a record of {size:,} bytes; topic {event.topic} takes {limit:,}")
        added = self.builder.append(timestamp=now_ms, key=event.key, value=event.value, headers=headers)
        if added is None:
            return False
        self.records += 1
        self.size += added.size
        return True


class Target:
    """One partition: its open batch, and the lock that keeps its batches in order."""

    __slots__ = ("limit", "lock", "open", "partition", "topic")

    def __init__(self, topic: str, partition: int, limit: int) -> None:
        self.topic = topic
        self.partition = partition
        #: Largest record, in bytes.
        self.limit = limit
        self.open: Batch | None = None
        self.lock = asyncio.Lock()


def target_of(event: Outgoing | Emission, targets: Sequence[Target], next_keyless: int) -> Target:
    """Return the partition, of its topic's, that the record goes to. Raises TopicsWrong."""
    if event.partition is not None:
        if event.partition >= len(targets):
            raise TopicsWrong(f"topic {event.topic} has no partition {event.partition}")
        return targets[event.partition]
    if event.key is not None:
        try:
            return targets[lane_of(event.key.decode(), len(targets))]
        except UnicodeDecodeError:
            return targets[(murmur2(event.key) & 0x7FFFFFFF) % len(targets)]
    # Without a key a batch is filled before the next partition has its turn.
    return targets[next_keyless % len(targets)]


def largest_record(topic: str) -> int:
    """Return the largest record that a topic takes, in bytes."""
    try:
        return spec_of(topic).max_message_bytes
    except KeyError:
        return _DEFAULT_TOPIC_BYTES
