"""A coroutine whose first step is made before anybody awaits it."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any, cast

import pytest

from cem.streams.at_once import Started
from cem.streams.transport import Consumer


def test_what_never_waits_is_over_at_its_first_step() -> None:
    """Its result is there without a turn of the loop."""

    async def quick() -> int:
        return 7

    started = Started(quick())
    assert (started.over, started.result) == (True, 7)


def test_what_waits_goes_on_in_the_task_that_awaits_it() -> None:
    """It gets the results and the exceptions of what it waits for, and its own come out."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        good, bad = loop.create_future(), loop.create_future()

        async def slow() -> list[Any]:
            found: list[Any] = [await good]
            await asyncio.sleep(0)
            try:
                await bad
            except KeyError as error:
                found.append(error.args)
            return found

        started = Started(slow())
        assert not started.over
        loop.call_soon(good.set_result, 1)
        loop.call_later(0.001, bad.set_exception, KeyError("b"))
        assert await started == [1, ("b",)]

    asyncio.run(main())


def test_who_is_cancelled_meanwhile_is_cancelled_where_it_waits() -> None:
    """Its own clean-up runs."""

    async def main() -> None:
        cleaned: list[str] = []

        async def waits() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                cleaned.append("up")

        started = Started(waits())

        async def awaits() -> None:
            await started

        task = asyncio.create_task(awaits())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert cleaned == ["up"]

    asyncio.run(main())


def test_a_delivery_that_must_wait_ends_when_the_flow_is_suspended() -> None:
    """As without the short cut: whichever of delivery and suspension is first ends the wait."""

    async def main() -> None:
        consumer = cast(Any, Consumer.__new__(Consumer))
        consumer._stopped, consumer._crashed = asyncio.Event(), asyncio.Event()
        consumer.loop = asyncio.get_running_loop()
        suspended, room = asyncio.Event(), asyncio.Event()
        delivered: list[str] = []

        async def deliver(name: str) -> None:
            if name == "waits":
                await room.wait()
            delivered.append(name)

        found = await consumer.wait_first(deliver("at once"), suspended.wait())
        assert (delivered, found.stopped) == (["at once"], False)
        consumer.loop.call_soon(suspended.set)
        await consumer.wait_first(deliver("waits"), suspended.wait())
        room.set()
        await asyncio.sleep(0)
        assert delivered == ["at once"]
        room.clear()
        suspended.clear()
        consumer.loop.call_soon(room.set)
        await consumer.wait_first(deliver("waits"), suspended.wait())
        assert delivered == ["at once", "waits"]

    asyncio.run(main())


def test_a_delivery_that_fails_at_once_leaves_nothing_to_await() -> None:
    """Its exception comes out, and the other waits are closed: one never awaited would be warned of."""

    async def main() -> None:
        consumer = cast(Any, Consumer.__new__(Consumer))
        consumer._stopped, consumer._crashed = asyncio.Event(), asyncio.Event()

        async def deliver() -> None:
            raise KeyError("agent")

        suspended = asyncio.Event().wait()
        with pytest.raises(KeyError):
            await consumer.wait_first(deliver(), suspended)
        assert inspect.getcoroutinestate(suspended) == inspect.CORO_CLOSED

    asyncio.run(main())
