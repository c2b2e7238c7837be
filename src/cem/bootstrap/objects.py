"""Records of `cem.control` that are keyed by what they set: an end point, a brake, whether a type is told."""

from __future__ import annotations

import secrets

from cem.bootstrap.parts import Parts
from cem.domain.events import Event, encode
from cem.ports import Emission, Publisher
from cem.settings import Settings
from cem.streams.clock import wall_ms
from cem.streams.control_feed import ControlFeed, Setting
from cem.streams.topics import CONTROL

__all__ = ["objects_set", "set_object"]


async def objects_set(parts: Parts, settings: Settings, prefixes: tuple[str, ...]) -> dict[str, Setting]:
    """Return the newest record of each key that begins with one of `prefixes`, as of now. Raises Unavailable."""
    feed = ControlFeed(parts.options, parts.log, settings.partitions, prefixes)
    await feed.read_once()
    return feed.settings


async def set_object(publisher: Publisher, event: Event, *, source: str) -> None:
    """Write a record of `cem.control` that is keyed by its object. Raises Unavailable."""
    key = event.key()
    assert key is not None
    now_ms = wall_ms()
    headers, value = encode(
        event, id=f"{key}/{now_ms}-{secrets.token_hex(4)}", source=source, time_ms=now_ms, customer_id=key
    )
    await publisher.publish([Emission(CONTROL, key.encode(), value, headers)])
