"""A store at a Redis that a test breaks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from cem.stores import RedisStore, Timeouts
from tests.builders.stores import under_deadline

__all__ = ["HASTY", "PARTITIONS", "PATIENT", "run_with_store"]

PARTITIONS: Final = 6
PATIENT: Final = Timeouts(work_s=20.0, read_s=20.0, connect_s=5.0)
HASTY: Final = Timeouts(work_s=0.3, read_s=0.3, connect_s=0.3)


def run_with_store(
    url: str, scenario: Callable[[RedisStore], Awaitable[None]], timeouts: Timeouts = PATIENT
) -> None:
    """Run the scenario with a store at `url`."""

    async def main() -> None:
        store = RedisStore(url, PARTITIONS, timeouts=timeouts)
        try:
            await scenario(store)
        finally:
            await store.close()

    under_deadline(main())
