"""What is asked of Redis in one turn of the loop travels together, and is answered apart."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from cem.stores.errors import ConnectionLost, StoreUnavailable
from cem.stores.topology import Node
from cem.stores.waves import ALONE_BYTES, Waves


class _Server:
    """Two servers (of the even and of the odd slots) that answer each line of a payload with that line."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []
        self.hangs = False
        self.broken: set[str] = set()
        self.waves = Waves(self._find, self._exchange, lambda at, s: StoreUnavailable(f"late after {s} s"))

    async def _find(self, slot: int) -> Node:
        if slot < 0:
            raise StoreUnavailable("nobody has the slot")
        return cast(Node, "odd" if slot % 2 else "even")

    async def _exchange(self, node: Node, payload: bytes, replies: int) -> list[Any]:
        self.sent.append((str(node), payload))
        if str(node) in self.broken:
            raise ConnectionLost("broken")
        if self.hangs:
            await asyncio.sleep(60)
        await asyncio.sleep(0)
        lines = payload.splitlines()
        assert len(lines) == replies
        return lines

    async def ask(self, slot: int, payload: bytes, timeout_s: float = 5.0) -> list[Any]:
        _, answers = await self.waves.ride(slot, payload, payload.count(b"\n"), timeout_s)
        return answers


def test_what_is_asked_in_one_turn_is_written_once_and_answered_apart() -> None:
    """Each gets the replies to its own commands; the next turn's travel by themselves."""

    async def scenario() -> None:
        server = _Server()
        answers = await asyncio.gather(
            server.ask(0, b"a\nb\n"), server.ask(2, b"c\n"), server.ask(4, b"d\ne\n")
        )
        assert answers == [[b"a", b"b"], [b"c"], [b"d", b"e"]]
        assert await server.ask(0, b"f\n") == [b"f"]
        assert server.sent == [("even", b"a\nb\nc\nd\ne\n"), ("even", b"f\n")]

    asyncio.run(scenario())


def test_a_broken_connection_is_only_of_those_who_travelled_over_it() -> None:
    """Those of another server, and of a slot that nobody has, have answers of their own."""

    async def scenario() -> None:
        server = _Server()
        server.broken = {"odd"}
        asked = (server.ask(0, b"a\n"), server.ask(1, b"b\n"), server.ask(3, b"c\n"), server.ask(-1, b"d\n"))
        found: list[Any] = list(await asyncio.gather(*asked, return_exceptions=True))
        assert found[0] == [b"a"]
        assert [type(error) for error in found[1:]] == [ConnectionLost, ConnectionLost, StoreUnavailable]

    asyncio.run(scenario())


def test_who_gives_up_leaves_the_others_alone() -> None:
    """A lane that is interrupted while its save is under way takes no other lane's answer with it."""

    async def scenario() -> None:
        server = _Server()
        gone = asyncio.ensure_future(server.ask(0, b"a\n"))
        stays = asyncio.ensure_future(server.ask(0, b"b\n"))
        await asyncio.sleep(0)
        gone.cancel()
        assert await stays == [b"b"]
        with pytest.raises(asyncio.CancelledError):
            await gone

    asyncio.run(scenario())


def test_the_deadline_is_every_ones() -> None:
    """Nobody waits longer for a Redis that hangs than its deadline."""

    async def scenario() -> None:
        server = _Server()
        server.hangs = True
        found = await asyncio.gather(
            server.ask(0, b"a\n", 0.01), server.ask(1, b"b\n", 0.01), return_exceptions=True
        )
        assert [str(error) for error in found] == ["late after 0.01 s"] * 2

    asyncio.run(scenario())


def test_what_is_large_travels_by_itself() -> None:
    """A large save is not waited for by small ones."""

    async def scenario() -> None:
        server = _Server()
        large = b"x" * ALONE_BYTES + b"\n"
        await asyncio.gather(server.ask(0, b"a\n"), server.ask(0, large), server.ask(0, b"b\n"))
        assert sorted(payload for _, payload in server.sent) == sorted([b"a\nb\n", large])

    asyncio.run(scenario())
