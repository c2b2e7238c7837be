"""Plain requests on the hot path: a head that came whole and says nothing unusual is read and answered without h11.

Reading a request and writing its answer with h11 costs a third of what a decision costs in all. Most requests need
nothing of what it knows: a GET without a body whose head came in one piece and asks for nothing special. `plain_head`
takes those alone, and less than h11 would; whatever it does not take goes to h11 untouched, so what a request means does
not depend on who read it. The answer goes out in one piece.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, Final, Protocol

from starlette.types import ASGIApp, Message, Scope

__all__ = ["PlainCycle", "Plainly", "plain_head", "scope_of"]

#: Whether the path (as it stands in the head) is one whose answers are whole: no streams.
Plainly = Callable[[bytes], object]

#: Longest head that is read here.
_MOST: Final = 16 * 1024
_HEAD: Final = re.compile(
    rb"GET (/[A-Za-z0-9_./-]*)(?:\?([!-~]*))? HTTP/1\.1\r\n((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~]*\r\n)+)\r\n"
).fullmatch
#: What these say concerns more than the answer: the body, the connection, another protocol.
_UNUSUAL: Final = frozenset(
    {
        b"content-length",
        b"transfer-encoding",
        b"expect",
        b"upgrade",
        b"trailer",
        b"te",
        b"http2-settings",
        b"proxy-connection",
        b"keep-alive",
    }
)
_CLOSE: Final = (b"connection", b"close")
_STATUS: Final = {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n".encode() for s in HTTPStatus}


def plain_head(data: bytes, plainly: Plainly) -> tuple[bytes, bytes, list[tuple[bytes, bytes]]] | None:
    """Return path, query and headers (names in lower case) of a plain GET; None: it is for h11.

    `data` must be all that came since the last request.
    """
    if len(data) > _MOST:
        return None
    match = _HEAD(data)
    if match is None:
        return None
    path, query, lines = match.groups()
    if not plainly(path):
        return None
    headers: list[tuple[bytes, bytes]] = []
    hosts = 0
    for line in lines[:-2].split(b"\r\n"):
        name, _, value = line.partition(b":")
        name, value = name.lower(), value.strip(b" \t")
        if name == b"host":
            hosts += 1
        elif name in _UNUSUAL or (name == b"connection" and value.lower() != b"keep-alive"):
            return None
        headers.append((name, value))
    return (path, query or b"", headers) if hosts == 1 else None


class _Flow(Protocol):
    """What uvicorn knows of a connection's buffer."""

    @property
    def write_paused(self) -> bool: ...

    async def drain(self) -> None: ...


class _Nobody:
    """Stands where uvicorn's own cycle has the event of a body that goes on."""

    def set(self) -> None:
        """Do nothing: nobody waits."""


_NOBODY: Final = _Nobody()


class PlainCycle:
    """One plain request and its answer; to uvicorn's protocol what its own cycle is."""

    __slots__ = (
        "_default_headers",
        "_flow",
        "_head",
        "_logger",
        "_on_response",
        "_parts",
        "_scope",
        "_transport",
        "disconnected",
        "keep_alive",
        "response_complete",
    )

    message_event = _NOBODY

    def __init__(
        self,
        scope: Scope,
        transport: asyncio.Transport,
        flow: _Flow,
        default_headers: Sequence[tuple[bytes, bytes]],
        on_response: Callable[[], None],
        logger: logging.Logger,
    ) -> None:
        self._scope = scope
        self._transport = transport
        self._flow = flow
        self._default_headers = default_headers
        self._on_response = on_response
        self._logger = logger
        #: The answer's head, not sent yet; None: it has not begun.
        self._head: tuple[int, list[tuple[bytes, bytes]]] | None = None
        self._parts: list[bytes] = []
        self.disconnected = False
        self.keep_alive = True
        self.response_complete = False

    async def run(self, app: ASGIApp) -> None:
        """Have the application answer; whatever happens in it, the client hears something or is hung up on."""
        try:
            await app(self._scope, self.receive, self.send)
        except BaseException as error:  # a task's cancellation, too, must not leave the connection waiting
            self._logger.error("Exception in ASGI application\n", exc_info=error)
        else:
            if not self.response_complete and not self.disconnected:
                self._logger.error("ASGI callable returned without completing response.")
        if not self.response_complete and not self.disconnected:
            self._parts.clear()
            self._head = (500, [(b"content-type", b"text/plain; charset=utf-8"), _CLOSE])
            self._answer(b"Internal Server Error")

    async def receive(self) -> Message:
        """Return that there is no body."""
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, message: Message) -> None:
        """Keep the answer until it is whole, then send it."""
        if self._head is None:
            if message["type"] != "http.response.start":
                raise RuntimeError(f"the answer began with {message['type']}")
            self._head = (message["status"], list(message.get("headers", ())))
            return
        if message["type"] != "http.response.body" or self.response_complete:
            raise RuntimeError(f"{message['type']} came after the answer's head or end")
        self._parts.append(message.get("body", b""))
        if message.get("more_body", False):
            return
        if self._flow.write_paused and not self.disconnected:
            await self._flow.drain()
        if not self.disconnected:
            self._answer(b"".join(self._parts))

    def _answer(self, body: bytes) -> None:
        """Write head and body in one piece."""
        assert self._head is not None, "an answer has a head"
        status, given = self._head
        lines = [_STATUS[status]]
        close = not self.keep_alive
        sized = False
        for header in (*self._default_headers, *given):
            name, value = header
            lines.append(b"%b: %b\r\n" % header)
            sized = sized or name == b"content-length"
            close = close or (name == b"connection" and value.lower() == b"close")
        if not sized:
            lines.append(b"content-length: %d\r\n" % len(body))
        lines.append(b"\r\n")
        lines.append(body)
        self.response_complete = True
        self._transport.write(b"".join(lines))
        if close:
            self._transport.close()
        self._on_response()


def scope_of(
    path: bytes,
    query: bytes,
    headers: list[tuple[bytes, bytes]],
    connection: dict[str, Any],
    state: dict[str, Any],
) -> Scope:
    """Return the ASGI scope of a plain request; `connection` is what all requests of its connection share."""
    return {
        **connection,
        "path": path.decode("ascii"),
        "raw_path": path,
        "query_string": query,
        "headers": headers,
        "state": state.copy(),
    }
