"""Records of `cem.control` that are keyed by what people set: an end point, a brake."""

from __future__ import annotations

import secrets

from cem.domain.events import Event, encode
from cem.ports import Emission, Publisher
from cem.streams.clock import wall_ms
from cem.streams.topics import CONTROL

__all__ = ["set_object"]


async def set_object(publisher: Publisher, event: Event, *, source: str) -> None:
    """Write a record of `cem.control` that is keyed by its object. Raises Unavailable."""
    key = event.key()
    assert key is not None
    now_ms = wall_ms()
    headers, value = encode(
        event, id=f"{key}/{now_ms}-{secrets.token_hex(4)}", source=source, time_ms=now_ms, customer_id=key
    )
    await publisher.publish([Emission(CONTROL, key.encode(), value, headers)])
