"""A group that has never committed has no offsets, also where the broker answers so in its own way."""

from __future__ import annotations

import asyncio
from typing import Any

from cem.streams.lag_reader import LagReader


class Admin:
    """aiokafka's client as it ends when the broker (the embedded one) answers null for the list of topics."""

    async def list_consumer_group_offsets(self, group: str) -> dict[Any, Any]:
        topics: Any = None
        return dict(topics)


class Reader(LagReader):
    """Asks that client."""

    async def _connected_admin(self) -> Any:
        return Admin()


def test_no_list_of_topics_is_no_offsets() -> None:
    """`cem lag --group NOBODY` says then that nobody has committed under that name."""
    assert asyncio.run(Reader({}).committed("nobody")) == {}
