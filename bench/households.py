"""Typical households for benchmarks: the two-line family of a year, ended today, under any number of ids."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable
from functools import lru_cache

from cem.domain.customer import decode_customer, encode_customer
from cem.stores.keys import CUSTOMER, LaneKeys
from cem.streams.partition import lane_of
from tests.builders.customers import HOUR, household
from tests.builders.typical_customer import typical_events

__all__ = ["fill_redis", "household_id", "state_of"]


def household_id(number: int) -> str:
    """Return the id of household `number`: eight characters, as an operator's account number."""
    return f"C{number:07d}"


@lru_cache(maxsize=1)
def _one() -> bytes:
    events = typical_events()
    newest = max(at_ms for at_ms, _ in events)
    shift = int(time.time() * 1000) - HOUR - newest
    moved = [(at_ms + shift, event) for at_ms, event in events]
    return encode_customer(household(moved, customer_id=household_id(0))[0])


def state_of(number: int) -> bytes:
    """Return the encoded state of household `number`."""
    customer = decode_customer(_one())
    customer.customer_id = household_id(number)
    return encode_customer(customer)


def fill_redis(port: int, numbers: Iterable[int], partitions: int, *, batch: int = 2000) -> None:
    """Write the states where a worker would have written them. Raises RuntimeError when Redis refuses one."""
    lanes = [LaneKeys(lane, partitions) for lane in range(partitions)]
    with socket.create_connection(("127.0.0.1", port)) as connection:
        replies = connection.makefile("rb")
        waiting: list[bytes] = []
        for number in numbers:
            customer_id = household_id(number)
            key = lanes[lane_of(customer_id, partitions)].of(CUSTOMER + customer_id)
            state = state_of(number)
            waiting.append(
                b"*3\r\n$3\r\nSET\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n" % (len(key), key, len(state), state)
            )
            if len(waiting) == batch:
                _send(connection, replies, waiting)
        _send(connection, replies, waiting)


def _send(connection: socket.socket, replies: Iterable[bytes], waiting: list[bytes]) -> None:
    connection.sendall(b"".join(waiting))
    for _, reply in zip(waiting, replies, strict=False):
        if reply != b"+OK\r\n":
            raise RuntimeError(f"Redis answered {reply!r}")
    waiting.clear()
