"""Records of a fetch are what aiokafka itself would hand over, made in a shorter way."""

from __future__ import annotations

import inspect
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, READ_UNCOMMITTED, FetchResult, PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from cem.streams.records import LogRecord, use_log_records

TP = TopicPartition("cem.calls", 3)
FIELDS = ("topic", "partition", "offset", "timestamp", "timestamp_type", "key", "value", "headers")


def a_batch(first: int, count: int, compression: int = 0) -> bytes:
    """Return a batch of `count` records; the broker gives it its first offset."""
    builder = DefaultRecordBatchBuilder(2, compression, 0, -1, -1, -1, 1_000_000)
    for n in range(count):
        headers = [("ce_id", b"%d" % n)] if n % 2 else []
        builder.append(n, 1_700_000_000_000 + n, None if n == 1 else b"k%d" % n, b"v" * n, headers)
    data = bytearray(builder.build())
    data[:8] = first.to_bytes(8, "big")
    return bytes(data)


def a_fetcher(data: bytes, offset: int, isolation: int = READ_UNCOMMITTED) -> tuple[Any, Any]:
    """Return a fetcher that has fetched `data` for the partition, from `offset` on, and the partition's state."""
    state = SimpleNamespace(paused=False, position=offset)
    state.consumed_to = lambda position: setattr(state, "position", position)
    assignment = SimpleNamespace(active=True, state_value=lambda tp: state)
    fetcher = SimpleNamespace(_records={})
    use_log_records(fetcher)
    use_log_records(fetcher)
    records = PartitionRecords(TP, MemoryRecords(data), None, offset, None, None, True, isolation)
    fetcher._records[TP] = FetchResult(TP, assignment=assignment, partition_records=records, backoff=0)
    return fetcher, state


@pytest.mark.parametrize("compression", [0, 1], ids=["plain", "gzip"])
@pytest.mark.parametrize("offset", [10, 13, 16])
def test_records_are_those_of_aiokafka(offset: int, compression: int) -> None:
    """Every field is as aiokafka has it, from the offset on that was asked for, over several batches."""
    data = a_batch(10, 5, compression) + a_batch(20, 4)
    theirs = list(PartitionRecords(TP, MemoryRecords(data), None, offset, None, None, True, READ_UNCOMMITTED))
    fetcher, state = a_fetcher(data, offset)
    ours = fetcher._records[TP].getall()
    assert [[getattr(r, f) for f in FIELDS] for r in ours] == [
        [getattr(r, f) for f in FIELDS] for r in theirs
    ]
    assert all(type(record) is LogRecord for record in ours)
    assert state.position == 24
    assert not fetcher._records[TP].has_more()


def test_a_part_may_be_taken() -> None:
    """No more than asked for are handed over; the rest follows, and the position stands between them."""
    fetcher, state = a_fetcher(a_batch(10, 5), 10)
    result = fetcher._records[TP]
    assert [r.offset for r in result.getall(3)] == [10, 11, 12]
    assert state.position == 13
    assert result.has_more()
    assert [r.offset for r in result.getall(3)] == [13, 14]
    assert not result.has_more()


def test_nothing_is_taken_after_a_seek() -> None:
    """What was fetched before the position moved is not handed over."""
    fetcher, state = a_fetcher(a_batch(10, 5), 10)
    state.position = 12
    assert fetcher._records[TP].getall(3) == []
    assert not fetcher._records[TP].has_more()


def test_a_damaged_batch_ends_the_unpacking() -> None:
    """A wrong check sum is raised, and leaves the ended generator by which the damaged partition is found."""
    data = bytearray(a_batch(10, 5))
    data[-1] ^= 1
    fetcher, _ = a_fetcher(bytes(data), 10)
    with pytest.raises(CorruptRecordException):
        fetcher._records[TP].getall()
    unpacking = fetcher._records[TP]._partition_records._records_iterator
    assert inspect.getgeneratorstate(unpacking) == inspect.GEN_CLOSED


def test_transactions_are_left_to_aiokafka() -> None:
    """Where aborted transactions must be left out, aiokafka's own unpacking does it."""
    fetcher, _ = a_fetcher(a_batch(10, 5), 10, READ_COMMITTED)
    taken = fetcher._records[TP].getall()
    assert [r.offset for r in taken] == [10, 11, 12, 13, 14]
    assert not any(type(record) is LogRecord for record in taken)
