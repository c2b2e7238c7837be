"""What a count of the log says that the customers' states must hold: nothing of the product's own folding is used.

The declared rule of repeats, word for word: a record with a number in its source counts if its source has not
reached that number for this customer; any other counts if its source and id have not been seen for this customer.
The product remembers ids for an hour (1,024 of them at most); a load keeps its copies closer together than that, and
`Count.check_window` says so if it did not.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from cem.settings import Settings
from cem.streams.connection import confluent_options
from cem.streams.topics import CONTROL, CUSTOMER_TOPICS, spec_of
from tests.chaos.load import BROKEN, SOURCE, Load, number_of

__all__ = ["Count", "LogEntry", "count_log", "read_log"]

#: (topic, partition, offset, timestamp in ms, key, value, headers)
LogEntry = tuple[str, int, int, int, bytes | None, bytes | None, list[tuple[str, bytes]]]

_IDS_FOR_AN_HOUR = 1_024


@dataclass
class Count:
    """The log as counted by hand."""

    #: Records in the log.
    records: int = 0
    #: Customer to topic to records that count.
    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    #: Customer to records that repeat others.
    repeats: Counter[str] = field(default_factory=Counter)
    #: (topic, partition, offset) of the records that were broken on purpose.
    broken: set[tuple[str, int, int]] = field(default_factory=set)
    #: Records that the producer was told to be in the log, and are not.
    lost: int = 0
    #: Records that are not what was written.
    changed: int = 0
    #: Most ids of one customer.
    most_ids: int = 0
    first_ms: int = 0
    last_ms: int = 0

    @property
    def counted(self) -> int:
        """How many records count."""
        return sum(sum(topics.values()) for topics in self.counts.values())

    def check_window(self) -> None:
        """Raise if the run was longer, or a customer had more ids, than the product has to remember."""
        assert self.most_ids <= _IDS_FOR_AN_HOUR, (
            f"{self.most_ids} ids of one customer: use more customers, or this count is not the declared rule"
        )
        assert self.last_ms - self.first_ms < 3_600_000, (
            "a run of more than an hour: ids were forgotten meanwhile"
        )


def count_log(settings: Settings, load: Load | None) -> Count:
    """Return the count of everything on the customers' topics; `load` knows what should be there."""
    count = Count()
    seen: dict[str, set[tuple[bytes, bytes]]] = defaultdict(set)
    reached: dict[tuple[bytes, bytes], int] = {}
    found = bytearray(load.made) if load is not None else bytearray()
    for topic, partition, offset, at_ms, key, value, pairs in read_log(settings, CUSTOMER_TOPICS):
        key, value, headers = key or b"", value or b"", dict(pairs)
        if topic == CONTROL and b":" in key:
            continue  # about a thing, such as a policy, and not about a customer
        count.records += 1
        count.first_ms = min(count.first_ms or at_ms, at_ms)
        count.last_ms = max(count.last_ms, at_ms)
        source, event_id = headers.get("ce_source", b""), headers.get("ce_id", b"")
        if load is not None and source.startswith(SOURCE.encode()):
            number = number_of(event_id.decode(), load.seed)
            if number is None or number >= len(found) or load.checksums[number] != crc32(value):
                count.changed += 1
            else:
                found[number] = 1
        if BROKEN in headers:
            count.broken.add((topic, partition, offset))
            continue
        customer = key.decode()
        sequence = headers.get("ce_sequence")
        if sequence is not None:
            number = int(sequence)
            if number <= reached.get((key, source), -1):
                count.repeats[customer] += 1
                continue
            reached[key, source] = number
        elif (source, event_id) in seen[customer]:
            count.repeats[customer] += 1
            continue
        else:
            seen[customer].add((source, event_id))
        count.counts[customer][topic] += 1
    if load is not None:
        count.lost = sum(
            1 for acked, there in zip(load.acknowledged, found, strict=False) if acked and not there
        )
    count.most_ids = max(map(len, seen.values()), default=0)
    return count


def read_log(settings: Settings, topics: Sequence[str]) -> Iterator[LogEntry]:
    """Yield all records of the topics, in order within each partition."""
    options: dict[str, Any] = {k: v for k, v in confluent_options(settings).items() if k != "partitioner"} | {
        "group.id": "chaos-count",
        "enable.auto.commit": False,
        "enable.partition.eof": False,
        "auto.offset.reset": "earliest",
        "queued.max.messages.kbytes": 32_768,
        "log_level": 0,
    }
    consumer = Consumer(options)
    try:
        left: dict[tuple[str, int], int] = {}
        for topic in topics:
            for partition in range(spec_of(topic).partitions(settings.partitions)):
                first, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=30)
                if end > first:
                    left[topic, partition] = end
        if not left:
            return
        consumer.assign([TopicPartition(t, p, OFFSET_BEGINNING) for t, p in left])
        while left:
            messages = consumer.consume(5_000, timeout=0.2)
            for message in messages:
                error = message.error()
                if error is not None:
                    raise KafkaException(error)
                topic, partition, offset = message.topic(), message.partition(), message.offset()
                end = left.get((topic, partition))
                if end is None or offset >= end:
                    continue
                headers = message.headers() or []
                at_ms = message.timestamp()[1]
                yield topic, partition, offset, at_ms, message.key(), message.value(), headers
                if offset + 1 >= end:
                    del left[topic, partition]
            if not messages:
                # What ends a partition may be no record (a marker): its position has passed it all the same.
                for at in consumer.position([TopicPartition(t, p) for t, p in left]):
                    if at.offset >= left[at.topic, at.partition]:
                        del left[at.topic, at.partition]
    finally:
        consumer.close()
