"""HTTP/1.1 as the API speaks it: uvicorn's protocol over httptools, with the deadline and the bound that it lacks.

httptools parses in C, for a third of what h11 takes. uvicorn waits for a head as long as bytes of it come, and takes one
of any size; here both have an end.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["HEAD_S", "MOST_HEAD", "PatientProtocol"]

#: A connection that has not sent a whole request head within so long is closed.
HEAD_S: Final = 5.0
#: Bytes of which a head is surely whole, or its sender is refused.
MOST_HEAD: Final = 64 * 1024


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1, but nobody holds a connection by saying nothing, or one byte a second.

    The deadline runs from the connection's start, and whenever something of a head has come, be it the empty lines that
    may stand before one. While nothing has, between two requests, uvicorn's keep-alive timer runs.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting: asyncio.TimerHandle | None = None
        #: Bytes of the head that is under way, as they came in turns that did not end it.
        self._came = 0
        #: Whether what came last ended a message, and whether the next bytes are of a head.
        self._ended = False
        self._in_head = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._waiting = self.loop.call_later(HEAD_S, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._ended = False
        self._came += len(data)
        # A body that comes behind its answer: uvicorn would end the keep-alive timer and not begin another.
        behind = self.cycle if not self._in_head and self._is_answered() else None
        timer = self.timeout_keep_alive_task
        if behind is not None:
            self.timeout_keep_alive_task = None
        super().data_received(data)
        if behind is not None and timer is not None:
            if behind is self.cycle:
                self.timeout_keep_alive_task = timer
            else:
                timer.cancel()
        if self._ended or not self._in_head or self.transport.is_closing():
            return
        if self._came > MOST_HEAD:
            self.send_400_response("Request head is too large.")
        elif self._waiting is None:
            self._waiting = self.loop.call_later(HEAD_S, self._too_slow)

    def on_message_begin(self) -> None:
        self._ended = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._stop_waiting()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._ended = self._in_head = True
        self._came = 0
        super().on_message_complete()

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _is_answered(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _too_slow(self) -> None:
        self._waiting = None
        if not self._is_answered():
            # Whoever listens to a stream has all the time that it takes; it may be that nothing more comes.
            self._waiting = self.loop.call_later(HEAD_S, self._too_slow)
        elif not self.transport.is_closing():
            self.transport.close()
