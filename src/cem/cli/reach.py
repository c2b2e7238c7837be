"""Makes sure, before a command begins, that the servers which it needs are there and let it in."""

from __future__ import annotations

from cem.cli.errors import UNREACHABLE, Failure
from cem.ports import Unavailable
from cem.settings import Settings
from cem.stores import open_store
from cem.streams.probe import probe_kafka

__all__ = ["require_kafka", "require_redis"]


async def require_kafka(settings: Settings) -> None:
    """Return when Kafka takes us in. Raises Failure (exit code 4) with one sentence otherwise."""
    try:
        await probe_kafka(settings)
    except Unavailable as error:
        raise Failure(str(error), UNREACHABLE) from None


async def require_redis(settings: Settings) -> None:
    """Return when every Redis server answers. Raises Failure (exit code 4) with one sentence otherwise."""
    store = open_store(settings.redis_url, settings.partitions)
    try:
        await store.server_info()
    except Unavailable as error:
        raise Failure(f"{error} (CEM_REDIS_URL)", UNREACHABLE) from None
    finally:
        await store.close()
