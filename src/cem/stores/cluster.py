"""Which server has a slot in a Redis Cluster: the slot map, kept current by what the servers answer."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from redis.exceptions import RedisError

from cem.stores.connections import pack
from cem.stores.errors import StoreUnavailable, from_transport
from cem.stores.keys import SLOTS
from cem.stores.topology import LOOKUP_TIMEOUT_S, Lookup, Node, show
from cem.stores.url import Address, StoreUrl

__all__ = ["ClusterTopology"]


class ClusterTopology:
    """The primaries of a Redis Cluster. The URL's addresses are where the search begins; any living one will do."""

    def __init__(self, url: StoreUrl, *, connect_timeout_s: float) -> None:
        self._url = url
        self._connect_timeout_s: Final = connect_timeout_s
        self._nodes: dict[Address, Node] = {}
        self._slots: list[Node | None] = [None] * SLOTS
        self._doubted: set[Address] = set()
        self._lookup = Lookup(self._refresh)

    async def node(self, slot: int) -> Node:
        node = self._slots[slot]
        if node is None or node.address in self._doubted:
            await self._lookup.result()
            node = self._slots[slot]
            if node is None:
                msg = f"no node of the cluster {self._url.shown} serves slot {slot}"
                raise StoreUnavailable(msg)
        return node

    async def primaries(self) -> list[Node]:
        if self._doubted or None in self._slots:
            await self._lookup.result()
        found = {n.address: n for n in self._slots if n is not None}
        return [found[a] for a in sorted(found)]

    def at(self, address: Address) -> Node:
        if address not in self._nodes:
            self._nodes[address] = Node(self._url, address, connect_timeout_s=self._connect_timeout_s)
        return self._nodes[address]

    def doubt(self, node: Node) -> None:
        self._doubted.add(node.address)

    def moved(self, slot: int, address: Address) -> None:
        before = self._slots[slot]
        self._slots[slot] = self.at(address)
        if before is not None:
            # Where one slot has moved, others have too.
            self._doubted.add(before.address)

    async def close(self) -> None:
        await self._lookup.close()
        for node in self._nodes.values():
            await node.close()

    async def _refresh(self) -> None:
        known = dict.fromkeys((*self._nodes, *self._url.addresses))
        # Nodes in doubt last: a dead one takes a whole time-out.
        order = sorted(known, key=lambda a: a in self._doubted)
        trouble: list[str] = []
        for address in order:
            try:
                async with asyncio.timeout(LOOKUP_TIMEOUT_S):
                    payload = pack([(b"CLUSTER", b"SLOTS")])
                    (ranges,) = await self.at(address).pool("work").exchange(payload, 1)
                if isinstance(ranges, Exception):
                    raise ranges
            except (RedisError, OSError, TimeoutError) as error:
                trouble.append(_explain(error, address))
                continue
            if not ranges:
                trouble.append(f"{show(address)} knows no slots yet")
                continue
            self._learn(ranges, address)
            return
        raise StoreUnavailable(
            f"no node of the cluster {self._url.shown} says who serves what: {'; '.join(trouble)}"
        )

    def _learn(self, ranges: list[Any], asked: Address) -> None:
        slots: list[Node | None] = [None] * SLOTS
        for first, last, primary, *_ in ranges:
            # A node that does not know its own name leaves it out: it is the one that was asked.
            host = primary[0].decode() if primary[0] else ""
            node = self.at((asked[0] if host in {"", "?"} else host, int(primary[1])))
            slots[first : last + 1] = [node] * (last - first + 1)
        self._slots = slots
        self._doubted.clear()


def _explain(error: Exception, address: Address) -> str:
    if "cluster support disabled" in str(error):
        return f"{show(address)} is not a cluster: write redis://{show(address)} in CEM_REDIS_URL"
    return str(from_transport(error, show(address)))
