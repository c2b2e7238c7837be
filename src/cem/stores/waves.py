"""Exchanges that are wanted in the same turn of the event loop travel in one write over one connection.

Lanes of a worker come out of a fetch, and out of an acknowledgement of Kafka, many at a time, each with a save of a
few records. Alone each would cost a connection's write and read, a deadline and several turns of the loop: three times
what the save itself costs. A *wave* holds what was asked for in one turn; it leaves at the turn's end, under one
deadline. What one of its exchanges is answered concerns no other; a connection that breaks is every one's of its wave.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any, Final

from cem.stores.topology import Node

__all__ = ["ALONE_BYTES", "Waves"]

#: What is larger leaves by itself: it costs more than its journey, and whoever came behind it would wait.
ALONE_BYTES: Final = 16_384

Answers = tuple[Node, list[Any]]


class _Rider:
    """One exchange of a wave."""

    __slots__ = ("future", "payload", "replies", "slot")

    def __init__(self, slot: int, payload: bytes, replies: int, future: asyncio.Future[Answers]) -> None:
        self.slot = slot
        self.payload = payload
        self.replies = replies
        self.future = future


class Waves:
    """The waves of one purpose."""

    def __init__(
        self,
        find: Callable[[int], Awaitable[Node]],
        exchange: Callable[[Node, bytes, int], Awaitable[list[Any]]],
        too_late: Callable[[list[Node], float], Exception],
    ) -> None:
        """Take who finds a slot's server, who sends to it and reads so many replies, and the error of a deadline."""
        self._find = find
        self._exchange = exchange
        self._too_late = too_late
        self._open: dict[float, list[_Rider]] = {}
        self._under_way: set[asyncio.Task[None]] = set()

    async def ride(self, slot: int, payload: bytes, replies: int, timeout_s: float) -> Answers:
        """Return the server that has `slot` and its replies, errors among them. It is sent once.

        Raises what finding, sending and the deadline raise. Whoever is cancelled leaves the others of its wave alone.
        """
        loop = asyncio.get_running_loop()
        rider = _Rider(slot, payload, replies, loop.create_future())
        if len(payload) > ALONE_BYTES:
            self._leave(timeout_s, [rider])
        elif (wave := self._open.get(timeout_s)) is not None:
            wave.append(rider)
        else:
            self._open[timeout_s] = [rider]
            loop.call_soon(self._leave, timeout_s)
        return await rider.future

    def _leave(self, timeout_s: float, wave: list[_Rider] | None = None) -> None:
        riders = self._open.pop(timeout_s) if wave is None else wave
        task = asyncio.get_running_loop().create_task(self._travel(riders, timeout_s))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _travel(self, riders: list[_Rider], timeout_s: float) -> None:
        """Have every rider answered, with an error if need be."""
        at: list[Node] = []
        try:
            async with asyncio.timeout(timeout_s):
                groups: dict[Node, list[_Rider]] = defaultdict(list)
                for rider in riders:
                    try:
                        groups[await self._find(rider.slot)].append(rider)
                    except Exception as error:
                        _fail([rider], error)
                if len(groups) == 1:
                    await self._send(*groups.popitem(), at)
                else:
                    await asyncio.gather(*(self._send(node, group, at) for node, group in groups.items()))
        except TimeoutError:
            _fail(riders, self._too_late(at, timeout_s))
        except BaseException as error:
            for rider in riders:
                rider.future.cancel()
            if not isinstance(error, asyncio.CancelledError):
                raise

    async def _send(self, node: Node, riders: list[_Rider], at: list[Node]) -> None:
        at.append(node)
        try:
            answers = await self._exchange(
                node, b"".join([r.payload for r in riders]), sum(r.replies for r in riders)
            )
        except Exception as error:
            _fail(riders, error)
            return
        end = 0
        for rider in riders:
            begin, end = end, end + rider.replies
            if not rider.future.done():
                rider.future.set_result((node, answers[begin:end]))


def _fail(riders: list[_Rider], error: Exception) -> None:
    for rider in riders:
        if not rider.future.done():
            rider.future.set_exception(error)
