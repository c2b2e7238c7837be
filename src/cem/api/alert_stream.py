"""`GET /v1/alerts/stream`: alerts as server-sent events, resumable, for any number of clients over one reader of the log.

A client is a place in the log and nothing else: no queue is kept for it. One that takes what it is sent too slowly is
disconnected, and goes on where it was when it comes back with `Last-Event-ID`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from cem.alerts.delivery.message import Message, Wanted
from cem.api.metrics import ApiMetrics
from cem.api.parameters import invalid
from cem.api.problems import Problem
from cem.api.stream_position import read_position, write_position
from cem.ports import LaneStopped, Unavailable
from cem.streams.alert_feed import AlertSource

__all__ = ["START", "AlertStreams", "EventStream"]

_log = logging.getLogger(__name__)

#: What `since` takes beside a position: everything that the log still has.
START: Final = "start"
#: Milliseconds after which a client that lost us comes back.
_HELLO: Final = b"retry: 2000\n\n"
_PIECE: Final = 200
_CHUNK_BYTES: Final = 48 * 1024
#: Clients that read the log itself, because memory does not go back so far, at a time.
_BEHIND: Final = 4
_WAIT_FOR_LOG_S: Final = 2.0
_PAUSE_S: Final = 1.0

_position = lru_cache(maxsize=4096)(write_position)


class AlertStreams:
    """All open streams of this process."""

    def __init__(
        self,
        source: AlertSource,
        metrics: ApiMetrics,
        *,
        heartbeat_s: float = 15.0,
        send_s: float = 10.0,
        most: int = 1000,
    ) -> None:
        """Take where alerts come from; how long a client may be silent to, how long it may take to read, how many."""
        self.source = source
        self.metrics = metrics
        self.heartbeat_s = heartbeat_s
        self.send_s = send_s
        self.most = most
        self.open = 0
        self.behind = asyncio.Semaphore(_BEHIND)
        self.ending = asyncio.Event()

    def end(self) -> None:
        """End all streams: the process stops, and clients may go elsewhere."""
        self.ending.set()

    async def begin(self, wanted: Wanted, last_event_id: str | None, since: str | None) -> EventStream:
        """Return the stream from the place that the client names (its end, if none). Raises Problem."""
        if self.open >= self.most or self.ending.is_set():
            raise _later("too-many-streams", f"{self.most} streams are open in this process")
        try:
            async with asyncio.timeout(_WAIT_FOR_LOG_S):
                await self.source.started()
        except TimeoutError:
            raise _later("log-unavailable", "alerts cannot be read now") from None
        return EventStream(self, wanted, self._place(last_event_id, since))

    def _place(self, last_event_id: str | None, since: str | None) -> list[int]:
        source = self.source
        name, text = ("Last-Event-ID", last_event_id) if last_event_id else ("since", since)
        if not text:
            return [source.next_offset(p) for p in range(source.lanes)]
        if text == START:
            return [0] * source.lanes
        try:
            log_id, offsets = read_position(text)
        except ValueError:
            place = "header" if last_event_id else "query"
            raise invalid(name, "send the id of an event of this stream, unchanged", place) from None
        if log_id != source.log_id:
            # Another log: nothing of this one has been seen.
            return [0] * source.lanes
        return [*offsets, *[0] * source.lanes][: source.lanes]


class EventStream(Response):
    """The answer: one client's stream, without an end."""

    media_type = "text/event-stream"

    def __init__(self, streams: AlertStreams, wanted: Wanted, place: list[int]) -> None:
        self.status_code = 200
        self.background = None
        # A proxy that collected the answer would hold back every alert.
        self.init_headers({"x-accel-buffering": "no"})
        self._streams = streams
        self._wanted = wanted
        self._place = place
        #: The log that the place is one of.
        self._log_id = streams.source.log_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        streams = self._streams
        streams.open += 1
        streams.metrics.streams.set(streams.open)
        ways = [
            asyncio.ensure_future(_gone(receive)),
            asyncio.ensure_future(streams.ending.wait()),
            asyncio.ensure_future(self._send_all(send)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            *_, ended = await asyncio.gather(*ways, return_exceptions=True)
            streams.open -= 1
            streams.metrics.streams.set(streams.open)
        if isinstance(ended, TimeoutError):
            streams.metrics.streams_cut.inc()
            _log.info("a stream of alerts was cut: its client does not read")
            return
        if isinstance(ended, Exception) and not isinstance(ended, OSError):
            raise ended
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(1.0):
                await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_all(self, send: Send) -> None:
        """Send what there is and what comes. Raises TimeoutError when the client does not take it."""
        streams, source, place = self._streams, self._streams.source, self._place
        async with asyncio.timeout(streams.send_s):
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await self._write(send, _HELLO)
        live = False
        while (
            source.log_id == self._log_id
        ):  # of another log the client has seen nothing: it comes back, and begins there
            version = source.version
            for partition in range(source.lanes):
                while place[partition] < source.next_offset(partition):
                    behind = place[partition] < source.held_from(partition)
                    if behind and live:
                        # It has read more slowly than alerts come for as long as memory goes back.
                        raise TimeoutError
                    await self._forward(send, partition, behind)
            live = True
            if source.version != version:
                continue
            await source.changed(version, streams.heartbeat_s)
            if source.version == version:
                # The id tells how far it has read even if nothing of that was for it.
                await self._write(send, b": still here\nid: " + self._id() + b"\n\n")

    async def _forward(self, send: Send, partition: int, behind: bool) -> None:
        """Send the next piece of a partition."""
        source, place = self._streams.source, self._place
        try:
            if behind:
                async with self._streams.behind:
                    piece = await source.read(partition, place[partition], _PIECE)
            else:
                piece = await source.read(partition, place[partition], _PIECE)
        except (Unavailable, LaneStopped) as error:
            _log.warning("alerts of long ago cannot be read: %s", error)
            await asyncio.sleep(_PAUSE_S)
            return
        if piece.lost:
            lost = b'event: lost\ndata: {"partition":%d,"records":%d}\n\n' % (partition, piece.lost)
            if place[partition]:  # from the very start nothing was promised
                await self._write(send, lost)
        chunk = bytearray()
        for message in piece.messages:
            place[partition] = message.offset + 1
            if self._wanted.takes(message):
                chunk += self._event(message)
                if len(chunk) > _CHUNK_BYTES:
                    await self._write(send, bytes(chunk))
                    chunk.clear()
        place[partition] = max(place[partition], piece.next)
        if chunk:
            await self._write(send, bytes(chunk))

    def _event(self, message: Message) -> bytes:
        return b"id: %b\nevent: %b\ndata: %b\n\n" % (self._id(), message.event.encode(), message.line())

    def _id(self) -> bytes:
        return _position(self._log_id, tuple(self._place)).encode()

    async def _write(self, send: Send, data: bytes) -> None:
        async with asyncio.timeout(self._streams.send_s):
            await send({"type": "http.response.body", "body": data, "more_body": True})


async def _gone(receive: Receive) -> None:
    """Return when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _later(slug: str, detail: str) -> Problem:
    return Problem(slug, detail, headers={"Retry-After": "2"})


def names(values: Sequence[str]) -> tuple[str, ...]:
    """Return the names in repeated or comma-separated values."""
    return tuple(name for value in values for name in value.split(",") if name)
