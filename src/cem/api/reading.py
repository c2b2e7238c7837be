"""Reading customers for decisions: one at once while it is quiet, and whoever comes meanwhile together.

A call of the store costs more than a state in it. So while reads are under way, the next wait for one to end and then
go in one round trip. After a failure everybody reads for himself for a while: on a cluster, one server that is away
must not hold up the customers of the others. Who gives up early has seen no failure: his caller had little time left,
or this process is busy, and reading one by one would make it busier.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from cem.ports import CustomerReader

__all__ = ["ReadMany", "Reads"]

#: Returns the customers' encoded states, in the order asked for; None for those that are not there.
ReadMany = Callable[[Sequence[str]], Awaitable[list[bytes | None]]]

#: Customers of one round trip.
_MOST: Final = 64
#: Round trips under way before others wait for them.
_AT_ONCE: Final = 1
#: How long (s) everybody reads for himself after a failure.
_ALONE_S: Final = 5.0
#: How long (s) a read must have been under way for its being given up to say something of the store.
_PATIENCE_S: Final = 0.02


class Reads:
    """Reads of single customers, in few calls of the store when there are many."""

    def __init__(
        self,
        reader: CustomerReader,
        read_many: ReadMany | None = None,
        *,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        """Take a reader of one customer and, if the store has it, one of many.

        patience_s: a read given up after less than this is no failure of the store.
        """
        self._reader = reader
        self._patience_s = patience_s
        self._read_many = read_many
        self._waiting: list[tuple[str, asyncio.Future[bytes | None]]] = []
        self._under_way = 0
        self._alone_until = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    async def read(self, customer_id: str) -> bytes | None:
        """Return the customer's encoded state, or None. Raises what the store raises."""
        loop = asyncio.get_running_loop()
        if self._read_many is None or loop.time() < self._alone_until:
            return await self._reader.read(customer_id)
        if self._under_way >= _AT_ONCE:
            found: asyncio.Future[bytes | None] = loop.create_future()
            self._waiting.append((customer_id, found))
            return await found
        self._under_way += 1
        began_s = loop.time()
        try:
            return await self._reader.read(customer_id)
        except asyncio.CancelledError:
            now_s = loop.time()
            if now_s - began_s >= self._patience_s:
                self._alone_until = now_s + _ALONE_S
            raise
        except BaseException:
            self._alone_until = loop.time() + _ALONE_S
            raise
        finally:
            self._ended(self._read_many)

    def _ended(self, read_many: ReadMany) -> None:
        """Go on with those who wait."""
        self._under_way -= 1
        self._waiting = [w for w in self._waiting if not w[1].done()]
        if self._waiting:
            self._under_way += 1
            task = asyncio.get_running_loop().create_task(self._read_waiting(read_many))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _read_waiting(self, read_many: ReadMany) -> None:
        batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
        try:
            states = await read_many([customer_id for customer_id, _ in batch])
            for (_, found), state in zip(batch, states, strict=True):
                if not found.done():
                    found.set_result(state)
        except Exception as error:
            self._alone_until = asyncio.get_running_loop().time() + _ALONE_S
            for _, found in batch:
                if not found.done():
                    found.set_exception(error)
        finally:
            self._ended(read_many)
