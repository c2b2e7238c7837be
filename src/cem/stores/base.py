"""What the parts of the Redis store share: the client, the lanes' key names, the deadlines."""

from __future__ import annotations

from typing import Final

import msgspec

from cem.stores.client import RedisClient
from cem.stores.keys import LaneKeys
from cem.stores.url import StoreUrl

__all__ = ["RedisBase", "Timeouts"]


class Timeouts(msgspec.Struct, frozen=True):
    """Deadlines of one call, connecting included, in seconds."""

    #: A worker's calls and saves. Redis may hold a reply back for two seconds while its disk is slow.
    work_s: float = 5.0
    #: A read of the API.
    read_s: float = 0.05
    #: Opening a connection, within the above.
    connect_s: float = 2.0


class RedisBase:
    """A connection to the store of a deployment with so many partitions. Nothing is opened before the first call."""

    def __init__(self, url: str, partitions: int, *, timeouts: Timeouts | None = None) -> None:
        """Open nothing yet. Raises StoreUrlError if `url` cannot be used."""
        self.partitions: Final = partitions
        self.timeouts: Final = timeouts or Timeouts()
        self.client: Final = RedisClient(StoreUrl.parse(url), connect_timeout_s=self.timeouts.connect_s)
        self._keys: dict[int, LaneKeys] = {}

    @property
    def shown(self) -> str:
        """The store's URL without secrets."""
        return self.client.shown

    def keys(self, lane: int) -> LaneKeys:
        """Return the names of the lane's keys."""
        keys = self._keys.get(lane)
        if keys is None:
            keys = self._keys[lane] = LaneKeys(lane, self.partitions)
        return keys

    async def close(self) -> None:
        """Close all connections. Calls that are under way end first, or fail."""
        await self.client.close()
