"""The in-memory twin of the Redis store: for tests, the fault simulation and runs that keep nothing.

Its coroutines never wait for anything, so they can be stepped by `send(None)` without an event loop.
"""

from __future__ import annotations

import heapq
from collections.abc import AsyncIterator, Mapping, Sequence

from cem.domain.subjects import state_suffix
from cem.ports import Emission, LaneHeader, LaneImage, Save, SaveAnswer
from cem.stores.codec import check_sorted_set
from cem.stores.keys import check_outside
from cem.stores.memory import MemoryCore
from cem.stores.restoring import Values, restore_lane
from cem.stores.scanning import Scanning
from cem.streams.partition import home_of

__all__ = ["MemoryStore"]


class MemoryStore(Scanning):
    """`StateStore` and `CustomerReader` in memory."""

    def __init__(self, partitions: int = 24, *, core: MemoryCore | None = None) -> None:
        """Several stores around one core are several clients of one Redis."""
        self.partitions = partitions
        self.core = core or MemoryCore()
        self._meta: dict[str, str] = {}
        self._raw: dict[str, bytes] = {}

    @property
    def shown(self) -> str:
        """The store's name for messages."""
        return "memory"

    async def open_lane(self, lane: int) -> LaneImage:
        return self.core.open_lane(lane)

    async def load(self, lane: int, suffixes: Sequence[str]) -> tuple[str, list[bytes | None]]:
        return self.core.load(lane, suffixes)

    async def save(self, lane: int, save: Save) -> SaveAnswer:
        return self.core.save(lane, save)

    async def apply_unchecked(self, lane: int, save: Save, drop: Sequence[str] = ()) -> SaveAnswer:
        return self.core.apply_unchecked(lane, save, drop)

    async def due(self, lane: int, until_ms: int, limit: int) -> tuple[str, list[str]]:
        return self.core.due(lane, until_ms, limit)

    async def read(self, customer_id: str) -> bytes | None:
        return self._value(customer_id)

    async def read_many(self, customer_ids: Sequence[str]) -> list[bytes | None]:
        return [self._value(c) for c in customer_ids]

    async def newest(self, sorted_set: str, before_ms: int, limit: int) -> list[tuple[str, int]]:
        check_sorted_set(sorted_set)
        found: list[tuple[int, str]] = []
        for lane in self.core.lanes():
            kept = self.core.sorted_sets(lane).get(sorted_set)
            if kept is not None:
                found += [(score, member) for member, score in kept.below(before_ms, limit)]
        return [(member, score) for score, member in heapq.nlargest(limit, found)]

    async def headers(self) -> dict[int, LaneHeader]:
        headers = {lane: self.core.header_of(lane) for lane in self.core.lanes()}
        return {lane: header for lane, header in headers.items() if header is not None}

    async def token_of(self, lane: int) -> str:
        return self.core.token_of(lane)

    async def every_suffix(self, lane: int) -> AsyncIterator[list[str]]:
        yield [*self.core.values(lane), *self.core.sorted_sets(lane)]

    async def scan_values(self, lane: int, prefix: str = "") -> AsyncIterator[tuple[str, bytes]]:
        for suffix, value in self.core.values(lane).items():
            if suffix.startswith(prefix):
                yield suffix, value

    async def sorted_set(self, lane: int, name: str) -> dict[str, int]:
        check_sorted_set(name)
        kept = self.core.sorted_sets(lane).get(name)
        return {} if kept is None else kept.items()

    async def sorted_sets(self, lane: int) -> list[str]:
        return list(self.core.sorted_sets(lane))

    async def restore_lane(
        self,
        lane: int,
        header: LaneHeader,
        values: Values,
        sorted_sets: Mapping[str, Mapping[str, int]],
        outbox: Sequence[Emission] = (),
    ) -> None:
        await restore_lane(self, lane, header, values, sorted_sets, outbox)

    async def meta(self) -> dict[str, str]:
        return dict(self._meta)

    async def set_meta(self, facts: Mapping[str, str]) -> None:
        self._meta.update(facts)

    async def get_raw(self, key: str) -> bytes | None:
        check_outside(key)
        return self._raw.get(key)

    async def set_raw(
        self, key: str, value: bytes, *, ttl_ms: int | None = None, only_new: bool = False
    ) -> bool:
        """Set a key outside the lanes; nothing expires here, because nothing here knows the time."""
        check_outside(key)
        if only_new and key in self._raw:
            return False
        self._raw[key] = value
        return True

    async def swap_raw(self, key: str, first: int, last: int, expected: bytes, value: bytes) -> bool:
        check_outside(key)
        if self._raw.get(key, b"")[first : last + 1] != expected:
            return False
        self._raw[key] = value
        return True

    async def close(self) -> None:
        """Nothing is open."""

    def _value(self, subject: str) -> bytes | None:
        _, (value,) = self.core.load(home_of(subject, self.partitions), [state_suffix(subject)])
        return value
