"""A pool has as many connections as were needed at one moment, up to its limit, and trusts none that lay for long."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cem.stores.connections import IDLE_S, Pool
from cem.stores.topology import CONNECTIONS, Node
from cem.stores.url import StoreUrl


class Wire:
    """A connection that answers once it may."""

    def __init__(self, may_answer: asyncio.Event) -> None:
        self.is_connected = False
        self.opened = 0
        self._may_answer = may_answer

    async def connect(self) -> None:
        self.is_connected = True
        self.opened += 1

    async def can_read(self) -> bool:
        return False

    async def send_packed_command(self, parts: list[bytes], *, check_health: bool) -> None: ...

    async def read_response(self, *, disable_decoding: bool) -> bytes:
        await self._may_answer.wait()
        return b"+OK"

    async def disconnect(self, *, nowait: bool = False) -> None:
        self.is_connected = False


def test_what_was_idle_for_long_is_opened_anew_before_it_is_used() -> None:
    """Three at once open three connections, and they stay; one that lay for minutes is not trusted as it is."""

    async def main() -> None:
        may_answer = asyncio.Event()
        made: list[Wire] = []
        now_s = 1_000.0

        def connect() -> Any:
            made.append(Wire(may_answer))
            return made[-1]

        pool = Pool(connect, limit=8, now_s=lambda: now_s)

        async def three_at_once() -> None:
            together = [asyncio.create_task(pool.exchange(b"PING", 1)) for _ in range(3)]
            await asyncio.sleep(0)
            may_answer.set()
            await asyncio.gather(*together)

        await three_at_once()
        assert (len(made), pool.idle) == (3, 3)
        for _ in range(5):
            now_s += IDLE_S / 4
            await pool.exchange(b"PING", 1)
        assert (len(made), pool.idle) == (3, 3)
        assert sorted(wire.opened for wire in made) == [1, 1, 1]
        may_answer.clear()
        await three_at_once()
        assert (len(made), pool.idle) == (3, 3)
        assert sorted(wire.opened for wire in made) == [1, 2, 2]

    asyncio.run(main())


def test_a_crowd_shares_the_connections_of_a_node(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes when all are busy waits for one: a busy moment opens no more, and everybody is answered."""

    async def main() -> None:
        may_answer = asyncio.Event()
        made: list[Wire] = []

        def connect() -> Any:
            made.append(Wire(may_answer))
            return made[-1]

        node = Node(StoreUrl.parse("redis://localhost"), ("localhost", 6379), connect_timeout_s=1)
        monkeypatch.setattr(node, "_connect", connect)
        crowd = [asyncio.create_task(node.pool("save").exchange(b"PING", 1)) for _ in range(5 * CONNECTIONS)]
        await asyncio.sleep(0)
        assert len(made) == CONNECTIONS
        may_answer.set()
        assert await asyncio.gather(*crowd) == [[b"+OK"]] * len(crowd)
        assert (len(made), node.pool("save").idle) == (CONNECTIONS, CONNECTIONS)

    asyncio.run(main())
