"""Reading customers for the API and the command line, each call within a short deadline."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from cem.domain.subjects import lane_subject, state_suffix
from cem.ports import LaneHeader
from cem.stores.base import RedisBase
from cem.stores.codec import RESTORING, check_sorted_set, decode_header
from cem.stores.connections import Command
from cem.stores.errors import damaged
from cem.streams.partition import home_of

__all__ = ["RedisReader"]


class RedisReader(RedisBase):
    """`CustomerReader` on Redis. A call is tried a second time, within its deadline, if its connection was dead."""

    async def read(self, customer_id: str) -> bytes | None:
        """Return the encoded hot state of the customer (or another subject), or None. Raises StoreUnavailable, StoreBroken."""
        keys = self.keys(home_of(customer_id, self.partitions))
        command = (b"GET", keys.of(state_suffix(customer_id)))
        (value,) = await self.client.run(
            keys.slot, [command], purpose="read", timeout_s=self.timeouts.read_s, again=True
        )
        return None if value is None else bytes(value)

    async def read_many(self, customer_ids: Sequence[str]) -> list[bytes | None]:
        """Return the customers' encoded hot states in the order asked for; None for those that are not there."""
        places: dict[int, list[int]] = defaultdict(list)
        for index, customer_id in enumerate(customer_ids):
            places[home_of(customer_id, self.partitions)].append(index)
        requests: list[tuple[int, Command]] = []
        for lane, indexes in places.items():
            keys = self.keys(lane)
            suffixes = [state_suffix(customer_ids[i]) for i in indexes]
            requests.append((keys.slot, (b"MGET", *map(keys.of, suffixes))))
        found: list[bytes | None] = [None] * len(customer_ids)
        for indexes, values in zip(places.values(), await self._read_each(requests), strict=True):
            for index, value in zip(indexes, values, strict=True):
                found[index] = value
        return found

    async def own_states(self) -> list[bytes | None]:
        """Return each lane's own state (`cem.domain.state.lane`) in order; None of one that has none yet."""
        requests: list[tuple[int, Command]] = []
        for lane in range(self.partitions):
            keys = self.keys(lane)
            requests.append((keys.slot, (b"GET", keys.of(state_suffix(lane_subject(lane))))))
        return list(await self._read_each(requests))

    async def newest(self, sorted_set: str, before_ms: int, limit: int) -> list[tuple[str, int]]:
        """Return (member, score) with score < before_ms over all lanes, newest first (ties by name descending)."""
        check_sorted_set(sorted_set)
        if limit <= 0:
            return []
        below, count = b"(%d" % before_ms, b"%d" % limit
        requests: list[tuple[int, Command]] = []
        for lane in range(self.partitions):
            keys = self.keys(lane)
            requests.append(
                (
                    keys.slot,
                    (
                        b"ZREVRANGEBYSCORE",
                        keys.of(sorted_set),
                        below,
                        b"-inf",
                        b"WITHSCORES",
                        b"LIMIT",
                        b"0",
                        count,
                    ),
                )
            )
        found = [
            (int(float(score)), member.decode())
            for flat in await self._read_each(requests)
            for member, score in zip(flat[::2], flat[1::2], strict=True)
        ]
        return [(member, score) for score, member in heapq.nlargest(limit, found)]

    async def headers(self) -> dict[int, LaneHeader]:
        """Return the header of each lane that has been saved, and is not half of itself."""
        requests: list[tuple[int, Command]] = [
            (self.keys(lane).slot, (b"HMGET", self.keys(lane).lane, b"token", b"header"))
            for lane in range(self.partitions)
        ]
        found: dict[int, LaneHeader] = {}
        for lane, (token, header) in enumerate(await self._read_each(requests)):
            if token is None or token.startswith(RESTORING.encode()):
                continue
            if header is None:
                raise damaged(lane, "the store has a token of it but no header")
            found[lane] = decode_header(header, token.decode(), lane)
        return found

    async def _read_each(self, requests: Sequence[tuple[int, Command]]) -> list[Any]:
        return await self.client.run_each(
            requests, purpose="read", timeout_s=self.timeouts.read_s, again=True
        )
