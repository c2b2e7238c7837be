"""Sends commands to the server that has the slot, within a deadline, and never twice on its own.

Following a cluster's MOVED and ASK is no repetition: a server that answers so has not done anything. A read may be
tried a second time, within the same deadline, when its connection turned out to be dead.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Any, Final, Literal

from redis.exceptions import (
    AskError,
    ClusterDownError,
    MovedError,
    NoScriptError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from cem.stores.cluster import ClusterTopology
from cem.stores.connections import Command, pack
from cem.stores.errors import ConnectionLost, StoreUnavailable, from_reply, from_transport
from cem.stores.scripts import Script
from cem.stores.topology import Node, SentinelTopology, SingleTopology, Topology
from cem.stores.url import StoreUrl
from cem.stores.waves import Waves

__all__ = ["Purpose", "RedisClient"]

#: Saves have connections of their own, so that nothing else can ever be answered by their replies, or they by its.
Purpose = Literal["save", "work", "read"]

_REDIRECTS: Final = 5
_ASKING: Final[Command] = (b"ASKING",)
#: Stands for the answer that a lost connection did not bring.
_ONCE_MORE: Final = object()


class RedisClient:
    """Commands by slot, on one server, behind Sentinel or on a cluster."""

    def __init__(self, url: StoreUrl, *, connect_timeout_s: float) -> None:
        self.shown: Final = url.shown
        self.topology: Final = _topology(url, connect_timeout_s)
        self._waves: dict[Purpose, Waves] = {}

    async def run(
        self,
        slot: int,
        commands: Sequence[Command],
        *,
        purpose: Purpose,
        timeout_s: float,
        again: bool = False,
    ) -> list[Any]:
        """Return the replies to `commands`, which all concern `slot`, in one round trip.

        With `again`, a lost connection is answered by one more try. Raises StoreUnavailable or StoreBroken.
        """
        at: list[Node] = []
        try:
            async with asyncio.timeout(timeout_s):
                try:
                    return await self._redirected(slot, commands, purpose, at)
                except ConnectionLost:
                    if not again:
                        raise
                    return await self._redirected(slot, commands, purpose, at)
        except TimeoutError:
            raise self._too_late(at, timeout_s) from None

    async def read_together(
        self, slot: int, commands: Sequence[Command], *, purpose: Purpose, timeout_s: float
    ) -> list[Any]:
        """Return what `run` would, `again`; what others ask for in the same turn of the loop travels along."""
        until = asyncio.get_running_loop().time() + timeout_s
        met: tuple[Node, list[Any]] | None = None
        try:
            met = await self._ride(slot, commands, purpose, timeout_s)
            if _first_error(met[1]) is None:
                return met[1]
        except ConnectionLost:
            pass  # tried once more
        at: list[Node] = []
        try:
            async with asyncio.timeout_at(until):
                return await self._redirected(slot, commands, purpose, at, met)
        except TimeoutError:
            raise self._too_late(at, timeout_s) from None

    async def run_script(
        self,
        slot: int,
        script: Script,
        keys: Sequence[bytes],
        arguments: Sequence[bytes],
        *,
        timeout_s: float,
    ) -> Any:
        """Return the script's answer. It is sent once; a second time only to a server that did not know it.

        Scripts that are run in the same turn of the loop travel together.
        """
        tail = (b"%d" % len(keys), *keys, *arguments)
        commands = [(b"EVALSHA", script.sha1, *tail)]
        until = asyncio.get_running_loop().time() + timeout_s
        met = await self._ride(slot, commands, "save", timeout_s)
        if not isinstance(met[1][0], RedisError):
            return met[1][0]
        at: list[Node] = []
        try:
            async with asyncio.timeout_at(until):
                try:
                    (answer,) = await self._redirected(slot, commands, "save", at, met)
                except NoScriptError:
                    # It forgot its scripts (restart, failover, SCRIPT FLUSH) and so has not run this one.
                    (answer,) = await self._redirected(slot, [(b"EVAL", script.text, *tail)], "save", at)
                return answer
        except TimeoutError:
            raise self._too_late(at, timeout_s) from None

    async def run_each(
        self,
        requests: Sequence[tuple[int, Command]],
        *,
        purpose: Purpose,
        timeout_s: float,
        again: bool = False,
    ) -> list[Any]:
        """Return the reply to each (slot, command), in order, in one round trip to every server concerned."""
        at: list[Node] = []
        replies: list[Any] = [None] * len(requests)

        async def ask(node: Node, places: list[int]) -> None:
            at.append(node)
            try:
                answers = await self._exchange(node, [requests[i][1] for i in places], purpose)
            except ConnectionLost:
                if not again:
                    raise
                answers = [_ONCE_MORE] * len(places)
            for place, answer in zip(places, answers, strict=True):
                if answer is _ONCE_MORE or isinstance(answer, AskError):  # MovedError is one
                    slot, command = requests[place]
                    (replies[place],) = await self._redirected(slot, [command], purpose, at)
                elif isinstance(answer, RedisError):
                    raise from_reply(answer, node.name)
                else:
                    replies[place] = answer

        try:
            async with asyncio.timeout(timeout_s):
                places: dict[Node, list[int]] = defaultdict(list)
                for index, (slot, _) in enumerate(requests):
                    places[await self.topology.node(slot)].append(index)
                if len(places) == 1:
                    await ask(*places.popitem())
                else:
                    # All of them end before an error is raised: nothing is left running.
                    ended = await asyncio.gather(
                        *(ask(n, p) for n, p in places.items()), return_exceptions=True
                    )
                    for failure in ended:
                        if failure is not None:
                            raise failure
        except TimeoutError:
            raise self._too_late(at, timeout_s) from None
        return replies

    async def on_node(self, node: Node, command: Command, *, timeout_s: float) -> Any:
        """Return the reply of this very server."""
        try:
            async with asyncio.timeout(timeout_s):
                (answer,) = await self._exchange(node, [command], "work")
        except TimeoutError:
            raise self._too_late([node], timeout_s) from None
        if isinstance(answer, RedisError):
            raise from_reply(answer, node.name)
        return answer

    def _too_late(self, at: Sequence[Node], timeout_s: float) -> StoreUnavailable:
        for node in at:
            # Perhaps a primary of the past that hangs: look it up before the next use.
            self.topology.doubt(node)
        name = at[-1].name if at else self.shown
        return StoreUnavailable(f"Redis at {name} did not answer within {timeout_s * 1000:.0f} ms")

    async def close(self) -> None:
        """Close all connections."""
        await self.topology.close()

    async def _ride(
        self, slot: int, commands: Sequence[Command], purpose: Purpose, timeout_s: float
    ) -> tuple[Node, list[Any]]:
        """Return the server of `slot` and what it answers, errors included."""
        waves = self._waves.get(purpose)
        if waves is None:
            waves = self._waves[purpose] = Waves(
                self.topology.node, partial(self._sent, purpose=purpose), self._too_late
            )
        return await waves.ride(slot, pack(commands), len(commands), timeout_s)

    async def _redirected(
        self,
        slot: int,
        commands: Sequence[Command],
        purpose: Purpose,
        at: list[Node],
        met: tuple[Node, list[Any]] | None = None,
    ) -> list[Any]:
        """Return the replies, following the cluster; `met` is what a server has answered already."""
        asking: Node | None = None
        error: ResponseError | None = None
        for _ in range(_REDIRECTS):
            if met is not None:
                (node, answers), met = met, None
                at.append(node)
            else:
                node = asking or await self.topology.node(slot)
                at.append(node)
                answers = await self._exchange(node, commands, purpose, asking=asking is not None)
            asking = None
            error = _first_error(answers)
            if error is None:
                return answers
            if isinstance(error, NoScriptError):
                raise error
            if not isinstance(error, AskError):
                if isinstance(error, ReadOnlyError | ClusterDownError) or "READONLY" in str(error):
                    self.topology.doubt(node)
                    await node.drop_idle()
                raise from_reply(error, node.name)
            address = (error.host or node.address[0], int(error.port))
            if isinstance(error, MovedError):
                self.topology.moved(slot, address)
            else:
                asking = self.topology.at(address)
        msg = (
            f"Redis at {at[-1].name} sent us on {_REDIRECTS} times ({error}): the cluster is being rearranged"
        )
        raise StoreUnavailable(msg)

    async def _exchange(
        self, node: Node, commands: Sequence[Command], purpose: Purpose, *, asking: bool = False
    ) -> list[Any]:
        sent = list(commands)
        if asking:
            sent = _with_asking(sent)
        answers = await self._sent(node, pack(sent), len(sent), purpose=purpose)
        return [a for a, c in zip(answers, sent, strict=True) if c is not _ASKING] if asking else answers

    async def _sent(self, node: Node, payload: bytes, replies: int, *, purpose: Purpose) -> list[Any]:
        try:
            return await node.pool(purpose).exchange(payload, replies)
        except (RedisError, OSError) as error:
            self.topology.doubt(node)
            await node.drop_idle()
            raise from_transport(error, node.name) from error


def _with_asking(commands: list[Command]) -> list[Command]:
    # ASKING holds for one command, or for the whole transaction that it stands before.
    if commands[0][0] == b"MULTI":
        return [_ASKING, *commands]
    return [part for command in commands for part in (_ASKING, command)]


def _first_error(answers: list[Any]) -> ResponseError | None:
    for answer in answers:
        if isinstance(answer, ResponseError):
            return answer
        if isinstance(answer, list):
            for inner in answer:
                if isinstance(inner, ResponseError):
                    return inner
    return None


def _topology(url: StoreUrl, connect_timeout_s: float) -> Topology:
    if url.kind == "cluster":
        return ClusterTopology(url, connect_timeout_s=connect_timeout_s)
    if url.kind == "sentinel":
        return SentinelTopology(url, connect_timeout_s=connect_timeout_s)
    return SingleTopology(url, connect_timeout_s=connect_timeout_s)
