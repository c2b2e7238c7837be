"""The partitioner agrees with everybody else who writes to the same topics."""

from __future__ import annotations

import ctypes
import importlib.util
from pathlib import Path

import pytest
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.partitioner import murmur2 as aiokafka_murmur2
from hypothesis import example, given
from hypothesis import strategies as st

from cem.streams.partition import lane_of, murmur2


@pytest.fixture(scope="module")
def librdkafka() -> ctypes.CDLL:
    """The library inside the confluent-kafka wheel."""
    spec = importlib.util.find_spec("confluent_kafka")
    assert spec is not None and spec.origin is not None
    folder = Path(spec.origin).parents[1] / "confluent_kafka.libs"
    (path,) = folder.glob("librdkafka*")
    library = ctypes.CDLL(str(path))
    library.rd_kafka_msg_partitioner_murmur2_random.restype = ctypes.c_int32
    library.rd_kafka_msg_partitioner_murmur2_random.argtypes = [
        ctypes.c_void_p,
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_int32,
        ctypes.c_void_p,
        ctypes.c_void_p,
    ]
    return library


@given(st.binary(max_size=200))
@example(b"")
@example(b"\xff" * 7)
def test_murmur2_equals_aiokafkas(data: bytes) -> None:
    """Every byte string hashes as in aiokafka."""
    assert murmur2(data) == aiokafka_murmur2(data)


@given(st.text(max_size=60), st.integers(1, 1024))
@example("", 7)
@example("line:+4915112345678", 24)
def test_lane_of_equals_both_clients_partitioners(librdkafka: ctypes.CDLL, key: str, partitions: int) -> None:
    """A key has one lane, whichever client wrote the record."""
    lane = lane_of(key, partitions)
    data = key.encode()
    everywhere = list(range(partitions))
    assert lane == DefaultPartitioner()(data, everywhere, everywhere)
    assert lane == librdkafka.rd_kafka_msg_partitioner_murmur2_random(
        None, data, len(data), partitions, None, None
    )
