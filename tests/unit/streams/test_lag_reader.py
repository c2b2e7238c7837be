"""What is remembered of Kafka between two looks at the lag."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cem.streams import lag_reader
from cem.streams.lag_reader import LagReader


class _Admin:
    """A cluster that is replaced by another one after it was asked."""

    asked = 0

    async def describe_cluster(self) -> dict[str, Any]:
        self.asked += 1
        return {"cluster_id": f"cluster-{self.asked}"}


def test_a_cluster_that_came_to_the_same_address_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a process that goes on, too: else each lane of the new one would seem to be unread for ever."""
    now = [100.0]
    monkeypatch.setattr(lag_reader.time, "monotonic", lambda: now[0])

    async def main() -> None:
        reader, admin = LagReader({}), _Admin()
        reader._admin = admin  # type: ignore[assignment]
        assert await reader.cluster_id() == "cluster-1"
        now[0] += 5
        assert await reader.cluster_id() == "cluster-1"
        now[0] += 60
        assert await reader.cluster_id() == "cluster-2"

    asyncio.run(main())
