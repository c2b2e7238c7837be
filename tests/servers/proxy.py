"""A TCP proxy on loopback that can do to a connection what networks do: delay, stall, cut, reset, swallow replies.

    with TcpProxy(("127.0.0.1", 6379)) as proxy:
        ... connect to proxy.address ...
        proxy.swallow_replies()      # requests still arrive; their replies do not

It runs in a thread of its own, so that tests with and without an event loop can use it. The faults hold for
connections that are open as well as for new ones.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar

from tests.servers.child import free_port

__all__ = ["TcpProxy"]

T = TypeVar("T")


class _Link:
    """One client's connection with its counterpart at the target."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client = client
        self.server = server
        self.sent = 0
        #: The server's end is gone, and the client has not been told.
        self.abandoned = False

    def close(self) -> None:
        for writer in (self.client, self.server):
            writer.close()

    def reset(self) -> None:
        for writer in (self.client, self.server):
            _break(writer)

    def abandon(self) -> None:
        self.abandoned = True
        _break(self.server)


def _break(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):  # it may have ended already
        wire = writer.get_extra_info("socket")
        # Closing with a linger time of zero sends RST instead of FIN.
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class TcpProxy:
    """Forwards connections to `target`. As a context manager it listens on entry."""

    def __init__(self, target: tuple[str, int], *, port: int | None = None) -> None:
        """Prepare a proxy on `port` (default: a free one); nothing listens yet."""
        self.target = target
        self.port = port or free_port()
        #: Seconds that each piece of data waits, in either direction.
        self.delay_s = 0.0
        #: Bytes a second in either direction; 0 is no limit.
        self.bandwidth = 0
        #: Largest piece that is handed on at once; 0 is no limit.
        self.slice_bytes = 0
        #: Connections accepted so far.
        self.accepted = 0
        #: What to count in replies (within one piece of data), and how often it was there.
        self.looked_for: bytes = b""
        self.found = 0
        self._swallow_after: int | None = None
        self._refusing = False
        self._links: set[_Link] = set()
        self._loop = asyncio.new_event_loop()
        self._flowing = asyncio.Event()
        self._answering = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name=f"proxy-{self.port}", daemon=True)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return "127.0.0.1", self.port

    def swallow_replies(self, *, after_bytes: int = 0) -> None:
        """Forward requests, but cut a connection instead of its reply.

        `after_bytes`: let so many bytes of requests pass on a connection before its replies are swallowed.
        """
        self._do(lambda: setattr(self, "_swallow_after", after_bytes))

    def pause(self) -> None:
        """Hold all data back, in both directions; connections stay open and new ones are accepted."""
        self._do(self._flowing.clear)

    def hold_replies(self) -> None:
        """Forward requests and hold their replies back until `resume`."""
        self._do(self._answering.clear)

    def resume(self) -> None:
        """Let everything flow again, what was held back included; swallow and refuse nothing any more."""

        def effect() -> None:
            self._swallow_after = None
            self._refusing = False
            self._flowing.set()
            self._answering.set()

        self._do(effect)

    def cut(self) -> None:
        """Close all connections now (FIN)."""
        self._do(lambda: [link.close() for link in list(self._links)])

    def reset(self) -> None:
        """Break all connections now (RST)."""
        self._do(lambda: [link.reset() for link in list(self._links)])

    def abandon(self) -> None:
        """Leave all connections half open: the server's end is gone, the client's hears nothing any more.

        As after a power cut at the other side. New connections are served.
        """
        self._do(lambda: [link.abandon() for link in list(self._links)])

    def heal(self) -> None:
        """Be a good network again: no delay, no limit, nothing held back."""

        def effect() -> None:
            self.delay_s = 0.0
            self.bandwidth = self.slice_bytes = 0

        self._do(effect)
        self.resume()

    def refuse(self) -> None:
        """Break all connections, and each new one as soon as it is made, until `resume`."""
        self._do(lambda: setattr(self, "_refusing", True))
        self.reset()

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._links)

    def start(self) -> Self:
        """Listen."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(5)
        return self

    def close(self) -> None:
        """Close everything."""
        if not self._thread.is_alive():
            return
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _do(self, effect: Callable[[], Any]) -> None:
        async def inside() -> None:
            effect()

        asyncio.run_coroutine_threadsafe(inside(), self._loop).result(5)

    async def _listen(self) -> None:
        self._flowing.set()
        self._answering.set()
        self._server = await asyncio.start_server(self._accept, *self.address)

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        for link in list(self._links):
            link.reset()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            far_reader, far_writer = await asyncio.open_connection(*self.target)
        except OSError:
            writer.transport.abort()
            return
        link = _Link(writer, far_writer)
        self._links.add(link)
        if self._refusing:
            link.reset()
        try:
            pumps = [
                asyncio.ensure_future(self._pump(reader, far_writer, link, requests=True)),
                asyncio.ensure_future(self._pump(far_reader, writer, link, requests=False)),
            ]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
        except asyncio.CancelledError:
            pass  # the proxy closes
        finally:
            self._links.discard(link)
            link.close()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: _Link, *, requests: bool
    ) -> None:
        try:
            while data := await reader.read(65536):
                if not requests and self.looked_for:
                    self.found += data.count(self.looked_for)
                rest = memoryview(data)
                while rest and not link.abandoned:
                    # What is set may change while the data is on its way.
                    size = self.slice_bytes or len(rest)
                    piece, rest = rest[:size], rest[size:]
                    if self.delay_s:
                        await asyncio.sleep(self.delay_s)
                    await self._flowing.wait()
                    if not requests:
                        await self._answering.wait()
                    if not requests and self._swallow_after is not None and link.sent > self._swallow_after:
                        return  # the reply is lost, and its connection with it
                    if link.abandoned:
                        break
                    writer.write(piece)
                    await writer.drain()
                    if requests:
                        link.sent += len(piece)
                    if self.bandwidth:
                        await asyncio.sleep(len(piece) / self.bandwidth)
        except OSError:
            if not link.abandoned:
                return
        if link.abandoned and not requests:
            await asyncio.Event().wait()  # until the client gives up and its pump ends
