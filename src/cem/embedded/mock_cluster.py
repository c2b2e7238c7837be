"""librdkafka's in-process Kafka broker, out of the confluent-kafka wheel, through its C interface.

It speaks Kafka's protocol on a loopback port: produce, fetch, consumer groups, commits. It keeps little of each
partition, in memory (`cem.embedded.retention` makes it more), and cannot create topics over the protocol; here they
are created directly. A group works with one member at a time: a follower whose SyncGroup comes after the leader's is refused.
"""

from __future__ import annotations

import ctypes
import importlib.util
import secrets
from pathlib import Path
from typing import Any, Final

__all__ = ["CLUSTER_ID_PREFIX", "MockCluster", "MockClusterError", "is_embedded"]

_PRODUCER: Final = 0
_CONF_OK: Final = 0
#: The mock names itself after an address in memory: where the kernel does not randomise them, each start would
#: have the same id, and a worker would take a new, empty log for the one that it knows.
_OWN_NAME: Final = b"mockCluster"
_NAME_BYTES: Final = 32
#: How the ids of embedded clusters begin.
CLUSTER_ID_PREFIX: Final = "cem-embedded-"


def is_embedded(cluster_id: str) -> bool:
    """Tell whether a cluster of this id is an embedded one, also where it has the name that librdkafka gives it."""
    return cluster_id.startswith((CLUSTER_ID_PREFIX, _OWN_NAME.decode()))


class MockClusterError(RuntimeError):
    """The broker could not be started, or refused a topic."""


class MockCluster:
    """A running broker of one node. Close it, or end the process."""

    def __init__(self) -> None:
        self._lib = _library()
        conf = self._lib.rd_kafka_conf_new()
        reason = ctypes.create_string_buffer(512)
        # Errors only: it would warn that a client without a broker is of no use.
        if self._lib.rd_kafka_conf_set(conf, b"log_level", b"3", reason, len(reason)) != _CONF_OK:
            raise MockClusterError(reason.value.decode())
        # On success the handle owns the configuration.
        self._handle = self._lib.rd_kafka_new(_PRODUCER, conf, reason, len(reason))
        if not self._handle:
            raise MockClusterError(reason.value.decode())
        self._cluster = self._lib.rd_kafka_mock_cluster_new(self._handle, 1)
        if not self._cluster:
            self._lib.rd_kafka_destroy(self._handle)
            raise MockClusterError("the embedded Kafka broker could not listen on a loopback port")
        self._name()

    @property
    def bootstrap(self) -> str:
        """The address of the broker, host:port."""
        raw: bytes = self._lib.rd_kafka_mock_cluster_bootstraps(self._cluster)
        return raw.decode()

    def create_topic(self, name: str, partitions: int) -> None:
        """Make the topic be there with so many partitions. Raises MockClusterError if it is already."""
        error = self._lib.rd_kafka_mock_topic_create(self._cluster, name.encode(), partitions, 1)
        if error != 0:
            said: bytes = self._lib.rd_kafka_err2str(error)
            raise MockClusterError(f"topic {name}: {said.decode()}")

    def group_rebalance_delay(self, delay_ms: int) -> None:
        """Let a new consumer group wait so long for more members before its first assignment."""
        self._lib.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, delay_ms)

    def close(self) -> None:
        """Stop the broker and forget its log."""
        if self._cluster:
            self._lib.rd_kafka_mock_cluster_destroy(self._cluster)
            self._lib.rd_kafka_destroy(self._handle)
            self._cluster = None

    def _name(self) -> None:
        """Give the cluster an id that no other start has. The id is the first field of librdkafka's struct."""
        if ctypes.string_at(self._cluster, len(_OWN_NAME)) == _OWN_NAME:
            name = (CLUSTER_ID_PREFIX + secrets.token_hex(8)).encode()
            ctypes.memmove(self._cluster, name.ljust(_NAME_BYTES, b"\0"), _NAME_BYTES)


def _library() -> Any:
    """Load librdkafka through the extension module that links it: its symbols are found by way of its dependencies."""
    spec = importlib.util.find_spec("confluent_kafka")
    folders = [] if spec is None else spec.submodule_search_locations or []
    extension = next((path for folder in folders for path in Path(folder).glob("cimpl.*.so")), None)
    if extension is None:
        raise MockClusterError("the confluent-kafka package, whose broker is embedded, is not installed")
    lib = ctypes.CDLL(str(extension))
    pointer, text, size, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "rd_kafka_conf_new": (pointer, []),
        "rd_kafka_conf_set": (number, [pointer, text, text, text, size]),
        "rd_kafka_new": (pointer, [number, pointer, text, size]),
        "rd_kafka_destroy": (None, [pointer]),
        "rd_kafka_err2str": (text, [number]),
        "rd_kafka_mock_cluster_new": (pointer, [pointer, number]),
        "rd_kafka_mock_cluster_destroy": (None, [pointer]),
        "rd_kafka_mock_cluster_bootstraps": (text, [pointer]),
        "rd_kafka_mock_topic_create": (number, [pointer, text, number, number]),
        "rd_kafka_mock_group_initial_rebalance_delay_ms": (None, [pointer, ctypes.c_int32]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    return lib
