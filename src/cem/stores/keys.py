"""The names of everything in the store, and which lane and slot they belong to.

A lane's keys are `cem:{TAG}:SUFFIX`. Redis Cluster hashes only the tag in braces, so a lane's keys share a slot and
one script can change them together. Suffixes: `lane` (hash: token, header), `outbox` (string), `names` (set: the
suffixes of all that follows), sorted sets (`due`, `alerts`), and values, whose suffixes contain a colon
(`c:<customer_id>`, `s:<kind>:<value>`).
"""

from __future__ import annotations

from binascii import crc_hqx
from functools import cache
from itertools import count
from typing import Final

__all__ = [
    "CLOCK_KEY",
    "CUSTOMER",
    "META_KEY",
    "OWN_SUFFIXES",
    "SLOTS",
    "LaneKeys",
    "check_outside",
    "slot_of",
    "tag",
]

SLOTS: Final = 16_384
#: Prefix of the suffix of a customer's hot state.
CUSTOMER: Final = "c:"
#: Suffixes that can be neither a value's nor a sorted set's.
OWN_SUFFIXES: Final = frozenset({"lane", "outbox", "names"})
META_KEY: Final = "cem:meta"
CLOCK_KEY: Final = "cem:clock"


def slot_of(key: bytes) -> int:
    """Return the cluster slot of `key`: CRC-16 (XMODEM) of its hash tag, or of all of it without one."""
    start = key.find(b"{")
    if start >= 0:
        end = key.find(b"}", start + 1)
        if end > start + 1:
            key = key[start + 1 : end]
    return crc_hqx(key, 0) % SLOTS


def check_outside(key: str) -> bytes:
    """Return the bytes of a key outside the lanes. Raises ValueError if it is not one."""
    if not key.startswith("cem:") or key.startswith("cem:{"):
        msg = f"{key!r} is not a key outside the lanes (cem:...)"
        raise ValueError(msg)
    return key.encode()


@cache
def tag(lane: int, partitions: int) -> str:
    """Return the lane's hash tag: the first of `LANE.0`, `LANE.1`, ... whose slot lies where the lane belongs.

    Lane p of P belongs to the middle half of the p-th of P equal ranges of slots. So N nodes with equal shares of
    the slots hold equal shares of the lanes (to two), and exactly equal ones when N divides P. Raises ValueError for
    a lane that is none of them, or more lanes than there are sixteenths of slots.
    """
    if not 0 <= lane < partitions <= SLOTS // 16:
        msg = f"lane {lane} of {partitions}: must be 0 <= lane < partitions <= {SLOTS // 16}"
        raise ValueError(msg)
    first = (4 * lane + 1) * SLOTS // (4 * partitions)
    stop = (4 * lane + 3) * SLOTS // (4 * partitions)
    return next(t for n in count() if first <= slot_of((t := f"{lane}.{n}").encode()) < stop)


class LaneKeys:
    """The names of one lane's keys, as bytes."""

    __slots__ = ("due", "lane", "names", "outbox", "prefix", "slot")

    def __init__(self, lane: int, partitions: int) -> None:
        self.prefix: Final = f"cem:{{{tag(lane, partitions)}}}:".encode()
        self.slot: Final = slot_of(self.prefix)
        self.lane: Final = self.of("lane")
        self.outbox: Final = self.of("outbox")
        self.names: Final = self.of("names")
        self.due: Final = self.of("due")

    def of(self, suffix: str) -> bytes:
        """Return the key of `suffix`."""
        return self.prefix + suffix.encode()

    def all(self) -> bytes:
        """Return a pattern (SCAN ... MATCH) of the lane's keys; a tag holds no character that a pattern knows."""
        return self.prefix + b"*"
