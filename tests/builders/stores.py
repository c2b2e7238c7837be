"""Builders for saves and headers, and small helpers around stores."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from cem.ports import NO_TOKEN, Emission, LaneHeader, Position, Save, SaveAnswer, StateStore

__all__ = ["emission", "everything", "header", "save", "saved", "under_deadline", "with_store"]

T = TypeVar("T")


def header(
    token: str, previous: str = NO_TOKEN, *, lane_time_ms: int = 1_700_000_000_000, tick: int = 0
) -> LaneHeader:
    """Return a header with a position and dead-letter counts."""
    return LaneHeader(
        token, previous, "worker-1/abc", lane_time_ms, tick, "cluster-1",
        {"cem.calls": Position(7, 1_700_000_000_000, 0xDEADBEEF)}, 5, {"cem.calls": (1, 2, 3)},
    )  # fmt: skip


def emission(text: str) -> Emission:
    """Return an emission that carries `text`."""
    return Emission("cem.alerts", b"customer", text.encode(), (("ce_id", b"calls/3/7/alert"),))


def save(
    token: str,
    expected: str = NO_TOKEN,
    values: Mapping[str, bytes | None] | None = None,
    *,
    due: Mapping[str, int | None] | None = None,
    alerts: Mapping[str, int | None] | None = None,
    outbox: Sequence[Emission] = (),
) -> Save:
    """Return a save that brings `token` to a lane that carries `expected`."""
    sorted_sets = {
        name: members for name, members in (("due", due), ("alerts", alerts)) if members is not None
    }
    return Save(expected, header(token, expected), values or {}, sorted_sets, outbox)


async def saved(store: StateStore, lane: int, change: Save) -> SaveAnswer:
    """Apply `change` and demand that it was saved."""
    answer = await store.save(lane, change)
    assert answer.outcome == "saved", answer
    return answer


def under_deadline(main: Coroutine[Any, Any, T], seconds: float = 60.0) -> T:
    """Run `main` in an event loop of its own; hanging is failing."""

    async def bounded() -> T:
        async with asyncio.timeout(seconds):
            return await main

    return asyncio.run(bounded())


def with_store(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Turn `async def test(self, store)` into a test that takes the fixture `make_store` and closes what it made."""

    def wrapped(self: Any, make_store: Callable[[], Any]) -> None:
        async def main() -> None:
            store = make_store()
            try:
                await test(self, store)
            finally:
                await store.close()

        under_deadline(main())

    wrapped.__name__ = test.__name__
    wrapped.__doc__ = test.__doc__
    return wrapped


async def everything(store: Any, lane: int) -> tuple[Any, ...]:
    """Return all that the store holds of a lane."""
    image = await store.open_lane(lane)
    values = {suffix: value async for suffix, value in store.scan_values(lane)}
    return image, values, {name: await store.sorted_set(lane, name) for name in await store.sorted_sets(lane)}
