"""The lanes' states: in Redis (one server, Sentinel, Cluster), in memory for tests, and in checkpoint files."""

from __future__ import annotations

from cem.stores.base import Timeouts
from cem.stores.errors import StoreBroken, StoreUnavailable
from cem.stores.memory import MemoryCore
from cem.stores.memory_store import MemoryStore
from cem.stores.redis_admin import ServerInfo
from cem.stores.redis_store import RedisStore, open_store
from cem.stores.url import StoreUrl, StoreUrlError

__all__ = [
    "MemoryCore",
    "MemoryStore",
    "RedisStore",
    "ServerInfo",
    "StoreBroken",
    "StoreUnavailable",
    "StoreUrl",
    "StoreUrlError",
    "Timeouts",
    "open_store",
]
