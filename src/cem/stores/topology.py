"""Which server has a slot, when there is one server, or one that Sentinel names.

A topology knows addresses, not data. Looking one up may take longer than a caller can wait (a dead node has to time
out first), so look-ups run in a task of their own, which goes on when a caller gives up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, Generic, Protocol, TypeVar

from redis.exceptions import RedisError

from cem.stores.connections import Pool, connector, pack
from cem.stores.errors import StoreUnavailable, from_transport
from cem.stores.url import Address, StoreUrl

__all__ = ["Lookup", "Node", "SentinelTopology", "SingleTopology", "Topology", "show"]

#: One server's answer to "who is where" may take so long.
LOOKUP_TIMEOUT_S: Final = 1.0
#: Connections to one server for one purpose (saves, work, reads); further callers wait for a free one. Redis does one
#: thing at a time, and what is asked in one turn travels together, so more than a few would only wait over there.
CONNECTIONS: Final = 8

T = TypeVar("T")


def show(address: Address) -> str:
    """Return the address for a message."""
    return address[0] if address[1] == 0 else f"{address[0]}:{address[1]}"


class Node:
    """One Redis server, with a pool of connections for each purpose."""

    def __init__(self, url: StoreUrl, address: Address, *, connect_timeout_s: float) -> None:
        self.address = address
        self.name = show(address)
        self._connect = connector(url, address, connect_timeout_s=connect_timeout_s)
        self._pools: dict[str, Pool] = {}

    def pool(self, purpose: str) -> Pool:
        """Return the connections for `purpose`."""
        pool = self._pools.get(purpose)
        if pool is None:
            pool = self._pools[purpose] = Pool(self._connect, limit=CONNECTIONS)
        return pool

    async def drop_idle(self) -> None:
        """Close all connections that wait for work."""
        for pool in self._pools.values():
            await pool.drop_idle()

    async def close(self) -> None:
        """Close the connections."""
        for pool in self._pools.values():
            await pool.close()


class Topology(Protocol):
    """Finds the server of a slot."""

    async def node(self, slot: int) -> Node:
        """Return the primary that serves `slot`. Raises StoreUnavailable if none is known."""

    async def primaries(self) -> list[Node]:
        """Return all primaries."""

    def at(self, address: Address) -> Node:
        """Return the server at `address`, which a server named."""

    def doubt(self, node: Node) -> None:
        """Take note that `node` failed: before it is used again, it is looked up anew."""

    def moved(self, slot: int, address: Address) -> None:
        """Take note that `slot` is served at `address`."""

    async def close(self) -> None: ...


class SingleTopology:
    """One server has everything."""

    def __init__(self, url: StoreUrl, *, connect_timeout_s: float) -> None:
        self._node = Node(url, url.addresses[0], connect_timeout_s=connect_timeout_s)

    async def node(self, slot: int) -> Node:
        return self._node

    async def primaries(self) -> list[Node]:
        return [self._node]

    def at(self, address: Address) -> Node:
        msg = f"Redis at {self._node.name} belongs to a cluster: write redis+cluster://{self._node.name} in CEM_REDIS_URL"
        raise StoreUnavailable(msg, retryable=False)

    def doubt(self, node: Node) -> None:
        """Nothing to look up: the address is what the URL says."""

    def moved(self, slot: int, address: Address) -> None:
        self.at(address)

    async def close(self) -> None:
        await self._node.close()


class Lookup(Generic[T]):
    """A look-up that several callers share and that outlives those who give up."""

    def __init__(self, look: Callable[[], Awaitable[T]]) -> None:
        self._look = look
        self._task: asyncio.Task[T] | None = None

    async def result(self) -> T:
        """Return what the look-up that is under way (or begins now) finds; raises what it raises."""
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._look())
            self._task.add_done_callback(_retrieve)
        return await asyncio.shield(self._task)

    async def close(self) -> None:
        """End a look-up that is under way."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await self._task


class SentinelTopology:
    """The primary that the sentinels name; asked again whenever it fails or turns read-only."""

    def __init__(self, url: StoreUrl, *, connect_timeout_s: float) -> None:
        self._url = url
        self._connect_timeout_s = connect_timeout_s
        # In the order in which they are asked: the one that answered last comes first.
        self._sentinels = [
            (a, Pool(connector(url, a, connect_timeout_s=LOOKUP_TIMEOUT_S, sentinel=True), limit=2))
            for a in url.addresses
        ]
        self._nodes: dict[Address, Node] = {}
        self._primary: Node | None = None
        self._lookup = Lookup(self._find)

    async def node(self, slot: int) -> Node:
        if self._primary is None:
            self._primary = await self._lookup.result()
        return self._primary

    async def primaries(self) -> list[Node]:
        return [await self.node(0)]

    def at(self, address: Address) -> Node:
        if address not in self._nodes:
            self._nodes[address] = Node(self._url, address, connect_timeout_s=self._connect_timeout_s)
        return self._nodes[address]

    def doubt(self, node: Node) -> None:
        if node is self._primary:
            self._primary = None

    def moved(self, slot: int, address: Address) -> None:
        msg = "the servers behind Sentinel belong to a cluster: write redis+cluster://... in CEM_REDIS_URL"
        raise StoreUnavailable(msg, retryable=False)

    async def close(self) -> None:
        await self._lookup.close()
        for _, pool in self._sentinels:
            await pool.close()
        for node in self._nodes.values():
            await node.close()

    async def _find(self) -> Node:
        trouble: list[str] = []
        for entry in list(self._sentinels):
            sentinel, pool = entry
            command = (b"SENTINEL", b"GET-MASTER-ADDR-BY-NAME", self._url.service.encode())
            try:
                answer = await _ask(pool, command)
                if answer is None:
                    trouble.append(f"{show(sentinel)} does not know {self._url.service!r}")
                    continue
                node = self.at((answer[0].decode(), int(answer[1])))
                # A sentinel may name a server whose promotion has not happened yet.
                role = await _ask(node.pool("work"), (b"ROLE",))
            except (RedisError, OSError, TimeoutError) as error:
                trouble.append(str(from_transport(error, show(sentinel))))
                continue
            if role[0] != b"master":
                trouble.append(f"{node.name}, named by {show(sentinel)}, is not a primary yet")
                continue
            self._sentinels.remove(entry)
            self._sentinels.insert(0, entry)
            return node
        raise StoreUnavailable(f"no primary for {self._url.shown}: {'; '.join(trouble)}")


async def _ask(pool: Pool, command: tuple[bytes, ...]) -> Any:
    async with asyncio.timeout(LOOKUP_TIMEOUT_S):
        (answer,) = await pool.exchange(pack([command]), 1)
    if isinstance(answer, Exception):
        raise answer
    return answer


def _retrieve(task: asyncio.Task[Any]) -> None:
    # All callers may have given up; asyncio would complain that nobody looked at the exception.
    if not task.cancelled():
        task.exception()
