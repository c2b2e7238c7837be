"""What workers say of lanes that they have stopped, for other processes to show: a short-lived key per lane in the store.

A lane's position shows that it does not move, not why. The worker that found out says so under `cem:stopped:LANE`, again
and again while it lasts; what nobody repeats is forgotten, so nothing has to be taken back when the lane goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import msgspec

from cem.ports import LaneStopped, Unavailable
from cem.streams.clock import wall_ms
from cem.streams.lane import Lane

__all__ = ["StoppedLane", "StoppedLanes", "read_stopped"]

logger = logging.getLogger(__name__)

_EVERY_S: Final = 5.0
#: What is not said again for so long is over; the last word of a worker that ends stands as long.
_LASTS_MS: Final = 20_000


class StoppedLane(msgspec.Struct, frozen=True):
    """Why a lane is not read on, by the worker that has it."""

    reason: str
    worker: str
    #: Wall milliseconds at which it was found.
    since_ms: int


class RawStore(Protocol):
    """The part of `cem.stores` that is needed here: values outside the lanes. Raises Unavailable."""

    async def get_raw(self, key: str) -> bytes | None: ...

    async def set_raw(
        self, key: str, value: bytes, *, ttl_ms: int | None = None, only_new: bool = False
    ) -> bool: ...


def _key(lane: int) -> str:
    return f"cem:stopped:{lane}"


async def read_stopped(store: RawStore, lanes: Sequence[int]) -> Mapping[int, StoppedLane]:
    """Return what workers say of these lanes; one of which nobody says anything is left out. Raises Unavailable."""
    found = await asyncio.gather(*(store.get_raw(_key(lane)) for lane in lanes))
    said: dict[int, StoppedLane] = {}
    for lane, raw in zip(lanes, found, strict=True):
        if raw is not None:
            try:
                said[lane] = msgspec.json.decode(raw, type=StoppedLane)
            except msgspec.DecodeError:  # of another version: that it is stopped is worth more than why
                said[lane] = StoppedLane("its worker's log says why", "", 0)
    return said


class StoppedLanes:
    """Keeps saying to the store which lanes of this worker are stopped, until they go on or leave."""

    def __init__(self, store: RawStore, worker: str) -> None:
        self._store = store
        self._worker = worker
        self._stopped: dict[int, StoppedLane] = {}
        self._news = asyncio.Event()

    def note(self, lane: Lane) -> None:
        """Take note that a lane has opened or stopped."""
        if lane.stopped is None:
            self._stopped.pop(lane.number, None)
            return
        self._stopped[lane.number] = StoppedLane(lane.stopped, self._worker, wall_ms())
        self._news.set()

    async def run(self, owned: Mapping[int, object]) -> None:
        """Say it at once and every few seconds, for ever. `owned` are the lanes that this worker has, as they change."""
        while True:
            try:
                async with asyncio.timeout(_EVERY_S):
                    await self._news.wait()
            except TimeoutError:
                pass
            self._news.clear()
            for number in [n for n in self._stopped if n not in owned]:
                del self._stopped[number]
            await self.say()

    async def say(self) -> None:
        """Say once which lanes are stopped. While the store is away nobody hears it: the worker's log has it, too."""
        for number, stopped in sorted(self._stopped.items()):
            try:
                await self._store.set_raw(_key(number), msgspec.json.encode(stopped), ttl_ms=_LASTS_MS)
            except (Unavailable, LaneStopped, OSError) as error:
                logger.debug("that lane %d is stopped cannot be told: %s", number, error)
