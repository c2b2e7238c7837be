"""Typical households for benchmarks: the two-line family of a year, ended today, under any number of ids."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterable
from functools import lru_cache

import msgspec

from cem.domain.events import DecisionMade, encode
from cem.stores.connections import pack
from cem.stores.keys import CUSTOMER, LaneKeys
from cem.streams.partition import lane_of
from tests.builders.customers import HOUR
from tests.builders.one_lane import LANE, OneLane
from tests.builders.records import LogRecord
from tests.builders.typical_customer import typical_events

__all__ = ["fill_redis", "household_id", "state_of"]


def household_id(number: int) -> str:
    """Return the id of household `number`: eight characters, as an operator's account number."""
    return f"C{number:07d}"


_FIRST = household_id(0).encode()


@lru_cache(maxsize=1)
def _one() -> bytes:
    return asyncio.run(_lived())


async def _lived() -> bytes:
    """Return what the product's own pipeline keeps of the household: folds, ticks, segments."""
    lane = OneLane()
    pipeline = lane.owner()
    await pipeline.open()
    events = typical_events()
    shift = int(time.time() * 1000) - HOUR - max(at_ms for at_ms, _ in events)
    first = household_id(0)
    for number, (at_ms, event) in enumerate(events):
        about = (
            msgspec.structs.replace(event, customer_id=first) if isinstance(event, DecisionMade) else event
        )
        log, time_ms = lane.inputs[event.TOPIC], at_ms + shift
        headers, value = encode(about, id=f"y{number}", source="bench", time_ms=time_ms, customer_id=first)
        log.append(LogRecord(event.TOPIC, LANE, len(log), time_ms, _FIRST, value, headers))
        while await pipeline.tick(time_ms):
            pass
        await pipeline.apply(event.TOPIC, log[-1:], time_ms)
    if lane.published and any(e.topic == "cem.dead-letters" for e in lane.published):
        raise RuntimeError("a record of the typical household was refused")
    return lane.core.values(LANE)[CUSTOMER + first]


def state_of(number: int) -> bytes:
    """Return the encoded state of household `number`."""
    # Equal lengths, so the id can be put in its place.
    return _one().replace(_FIRST, household_id(number).encode(), 1)


def fill_redis(port: int, numbers: Iterable[int], partitions: int, *, batch: int = 2000) -> None:
    """Write the states, and their names, where a worker would have. Raises RuntimeError when Redis refuses one."""
    lanes = [LaneKeys(lane, partitions) for lane in range(partitions)]
    with socket.create_connection(("127.0.0.1", port)) as connection:
        replies = connection.makefile("rb")
        waiting: list[bytes] = []
        for number in numbers:
            customer_id = household_id(number)
            keys = lanes[lane_of(customer_id, partitions)]
            suffix = CUSTOMER + customer_id
            state = state_of(number)
            waiting.append(pack([(b"SET", keys.of(suffix), state), (b"SADD", keys.names, suffix.encode())]))
            if len(waiting) == batch:
                _send(connection, replies, waiting)
        _send(connection, replies, waiting)


def _send(connection: socket.socket, replies: Iterable[bytes], waiting: list[bytes]) -> None:
    connection.sendall(b"".join(waiting))
    lines = iter(replies)
    for _ in range(2 * len(waiting)):
        reply = next(lines)
        if reply[:1] not in (b"+", b":"):
            raise RuntimeError(f"Redis answered {reply!r}")
    waiting.clear()
