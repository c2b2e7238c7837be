"""The two clocks: the wall, and a simulated one that the simulator drives through anchors kept in the store.

An *anchor* says: when the wall showed `wall_ms`, the simulated clock showed `sim_ms` and ran `speed` simulated
seconds a second. The simulator writes them under one key; worker and API poll that key.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from cem.ports import LaneStopped, Unavailable

__all__ = [
    "ANCHORS_KEPT",
    "CLOCK_KEY",
    "POLL_S",
    "Anchor",
    "AnchorStore",
    "SimulatedClock",
    "WallClock",
    "follow",
    "read_anchors",
    "wall_ms",
    "write_anchor",
]

CLOCK_KEY: Final = "cem:clock"
ANCHORS_KEPT: Final = 100
POLL_S: Final = 0.25

_log = logging.getLogger(__name__)


class Anchor(msgspec.Struct, frozen=True):
    """One fixed point of the simulated clock; it holds until the next anchor's `wall_ms`."""

    wall_ms: int
    sim_ms: int
    #: Simulated seconds a second; 0 stands still.
    speed: float

    def at_ms(self, wall_ms: int) -> int:
        """Return the simulated time when the wall shows `wall_ms`; before the anchor, the anchor's own."""
        return self.sim_ms + int(max(0, wall_ms - self.wall_ms) * self.speed)


class AnchorStore(Protocol):
    """The part of `cem.stores` that is needed here: values outside the lanes. Raises Unavailable."""

    async def get_raw(self, key: str) -> bytes | None: ...

    async def set_raw(self, key: str, value: bytes) -> object: ...


def wall_ms() -> int:
    """Return the wall's milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class WallClock:
    """The machine's clock, as `cem.ports.Clock`."""

    def now_ms(self) -> int:
        return wall_ms()

    def at_ms(self, wall_ms: int) -> int:
        return wall_ms


class SimulatedClock:
    """The simulator's clock, as `cem.ports.Clock`, by the anchors last given to `update`.

    Before the first anchor time has not begun: it shows 0. It never goes back, even if an anchor says so.
    """

    def __init__(self, anchors: Sequence[Anchor] = ()) -> None:
        self._anchors: tuple[Anchor, ...] = ()
        self._latest_ms = 0
        self.update(anchors)

    @property
    def anchors(self) -> tuple[Anchor, ...]:
        """The anchors in force, oldest first."""
        return self._anchors

    @property
    def speed(self) -> float:
        """Simulated seconds a second now; 0 before the first anchor."""
        return self._anchors[-1].speed if self._anchors else 0.0

    def update(self, anchors: Sequence[Anchor]) -> None:
        """Replace the anchors."""
        self._anchors = tuple(sorted(anchors, key=lambda anchor: anchor.wall_ms))

    def now_ms(self) -> int:
        self._latest_ms = max(self._latest_ms, self.at_ms(wall_ms()))
        return self._latest_ms

    def at_ms(self, wall_ms: int) -> int:
        if not self._anchors:
            return 0
        for anchor in reversed(self._anchors):
            if anchor.wall_ms <= wall_ms:
                return anchor.at_ms(wall_ms)
        return self._anchors[0].sim_ms


async def read_anchors(store: AnchorStore) -> list[Anchor]:
    """Return the anchors in the store, oldest first; none when there is no simulated clock."""
    raw = await store.get_raw(CLOCK_KEY)
    return msgspec.json.decode(raw, type=list[Anchor]) if raw else []


async def write_anchor(store: AnchorStore, anchor: Anchor) -> None:
    """Append `anchor` to the store's and drop the oldest beyond ANCHORS_KEPT. One writer at a time: the simulator."""
    anchors = [*await read_anchors(store), anchor][-ANCHORS_KEPT:]
    await store.set_raw(CLOCK_KEY, msgspec.json.encode(anchors))


async def follow(clock: SimulatedClock, store: AnchorStore, every_s: float = POLL_S) -> None:
    """Keep `clock` on the store's anchors until cancelled. While the store is away the last anchors hold."""
    away = False
    while True:
        try:
            clock.update(await read_anchors(store))
            if away:
                _log.info("the simulated clock is back")
            away = False
        except (OSError, Unavailable, LaneStopped, msgspec.DecodeError) as error:
            if not away:
                _log.warning("the simulated clock cannot be read (%s); the last anchors hold", error)
            away = True
        await asyncio.sleep(every_s)
