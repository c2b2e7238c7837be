"""Connections to one server: each serves one caller at a time, and none is used again after a doubt.

redis-py makes the connections (TLS, sign-in, parsing); what is sent over them and how often is decided here. Its
`Redis` client would send a command again after a lost reply (ten times by default), and spends about twice the CPU
of this pool on a GET.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, Final

from redis.asyncio.connection import (
    AbstractConnection,
    Connection,
    SSLConnection,
    UnixDomainSocketConnection,
)
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError

from cem.stores.url import Address, StoreUrl

__all__ = ["IDLE_S", "Command", "Pool", "connector", "pack"]

#: A command and its arguments.
Command = Sequence[bytes]

#: A connection that nobody has used for so long is opened anew before it is used (s): what lies between, a firewall, a
#: load balancer, may have forgotten it without a word, and a save over it would be one in doubt.
IDLE_S: Final = 240.0

_KNOWN_SIZES: Final = 4096
#: The end of one argument and the length of the next.
_SIZES: Final = tuple(b"\r\n$%d\r\n" % size for size in range(_KNOWN_SIZES))


def pack(commands: Iterable[Command]) -> bytes:
    """Return the commands as Redis reads them (RESP)."""
    parts: list[bytes] = []
    add = parts.append
    for command in commands:
        add(b"*%d" % len(command))
        for argument in command:
            # Formatting each length anew would take three times as long.
            size = len(argument)
            add(_SIZES[size] if size < _KNOWN_SIZES else b"\r\n$%d\r\n" % size)
            add(argument)
        add(b"\r\n")
    return b"".join(parts)


def connector(
    url: StoreUrl, address: Address, *, connect_timeout_s: float, sentinel: bool = False
) -> Callable[[], AbstractConnection]:
    """Return a function that makes (but does not open) connections to `address` with the rights that `url` gives."""
    options: dict[str, Any] = {
        "db": 0 if sentinel else url.db,
        "username": url.sentinel_username if sentinel else url.username,
        "password": url.sentinel_password if sentinel else url.password,
        # Deadlines are set around whole exchanges; a time-out of every single read costs a task each.
        "socket_timeout": None,
        "socket_connect_timeout": connect_timeout_s,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        # No CLIENT SETINFO: Redis before 7.2 does not know it, and a restricted user may not say it.
        "driver_info": None,
    }
    host, port = address
    if port == 0:
        return lambda: UnixDomainSocketConnection(path=host, **options)
    options |= {"host": host, "port": port, "socket_keepalive": True}
    if url.tls:
        options |= url.tls_options
        return lambda: SSLConnection(**options)
    return lambda: Connection(**options)


class Pool:
    """Connections to one server for one purpose, as many as were needed at one moment, up to a limit.

    Idle ones wait in a stack, so it is the same few that work. None is closed for being idle: the limit is low, and
    whoever looks at a server's clients sees a number that stays.
    """

    def __init__(
        self,
        connect: Callable[[], AbstractConnection],
        *,
        limit: int,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connect = connect
        self._now_s = now_s
        #: The longest idle first, with since when (s).
        self._idle: list[tuple[AbstractConnection, float]] = []
        self._slots = asyncio.Semaphore(limit)
        #: Exchanges under way.
        self.busy = 0
        self._closed = False

    async def exchange(self, payload: bytes, replies: int) -> list[Any]:
        """Send `payload` once and return that many replies; an error that Redis answers is a value among them.

        Any exception, cancellation included, closes the connection: a reply still on its way can then never be
        taken for the answer to another question.
        """
        async with self._slots:
            connection, since_s = self._idle.pop() if self._idle else (self._connect(), self._now_s())
            self.busy += 1
            try:
                if connection.is_connected and (
                    self._now_s() - since_s > IDLE_S
                    or await connection.can_read()  # the server has closed it meanwhile
                ):
                    await connection.disconnect(nowait=True)
                if not connection.is_connected:
                    await connection.connect()  # type: ignore[no-untyped-call]
                await connection.send_packed_command([payload], check_health=False)
                answers: list[Any] = []
                for _ in range(replies):
                    try:
                        answers.append(await connection.read_response(disable_decoding=True))
                    except ResponseError as error:
                        answers.append(error)
            except BaseException:
                with suppress(Exception):
                    await connection.disconnect(nowait=True)
                raise
            finally:
                self.busy -= 1
            if self._closed:
                await connection.disconnect(nowait=True)
            else:
                self._idle.append((connection, self._now_s()))
            return answers

    @property
    def idle(self) -> int:
        """How many connections wait for work."""
        return len(self._idle)

    async def drop_idle(self) -> None:
        """Close the connections that wait for work: after one broke, the others are likely to be dead as well."""
        idle, self._idle = self._idle, []
        for connection, _ in idle:
            with suppress(Exception):
                await connection.disconnect(nowait=True)

    async def close(self) -> None:
        """Close the idle connections; those at work are closed when their exchange ends."""
        self._closed = True
        idle, self._idle = self._idle, []
        for connection, _ in idle:
            with suppress(Exception):
                await connection.disconnect()
