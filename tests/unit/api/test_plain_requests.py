"""Requests of the hot path that are read without h11: what they mean and get does not depend on who read them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from cem.api import is_hot
from cem.api.plain_requests import plain_head
from cem.api.serve import PatientProtocol
from tests.builders.api import Api
from tests.builders.typical_customer import typical_customer

CUSTOMER = typical_customer().customer_id
TARGET = f"/v1/customers/{CUSTOMER}/next-best-action"


def head(*lines: str, target: str = f"{TARGET}?reason=billing", host: str = "Host: cem") -> bytes:
    """Return a request's head with these lines besides its first one and its host."""
    return "\r\n".join([f"GET {target} HTTP/1.1", *filter(None, [host]), *lines, "", ""]).encode("latin-1")


class Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = False
        self.reading = True

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if data:
            self.written.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


class Line:
    """One connection to the application, as uvicorn serves it."""

    def __init__(self, app: Any, plainly: Callable[[bytes], object] | None) -> None:
        config = uvicorn.Config(
            app,
            http=partial(PatientProtocol, plainly=plainly),
            ws="none",
            log_config=None,  # type: ignore[arg-type]
        )
        config.load()
        self.state = ServerState()
        self.state.default_headers = [(b"date", b"now")]
        self.protocol = PatientProtocol(config, self.state, {}, plainly=plainly)
        self.wire = Wire()
        self.protocol.connection_made(self.wire)

    async def say(self, *pieces: bytes) -> bytes:
        """Return what is answered to the pieces until nothing is under way."""
        before = len(self.wire.written)
        for piece in pieces:
            self.protocol.data_received(piece)
        while under_way := self.state.tasks:
            await asyncio.wait(under_way)
            await asyncio.sleep(0)  # what came too early becomes a request of its own
        return b"".join(self.wire.written[before:])


def said(app: Any, pieces: list[bytes], plainly: Callable[[bytes], object] | None) -> tuple[bytes, bool, int]:
    """Return the answer, whether the connection was closed after it, and in how many writes it went out."""

    async def run() -> tuple[bytes, bool, int]:
        line = Line(app, plainly)
        found = await line.say(*pieces)
        return found, line.wire.closed, len(line.wire.written)

    return asyncio.run(run())


def like(answer: bytes) -> bytes:
    """Return the answer without what each request has of its own."""
    return re.sub(rb"[0-9a-f]{16}|\.n[0-9]", b"", answer)


@pytest.mark.parametrize(
    "request_",
    [
        head(),
        head(target=TARGET),
        head("Accept: application/json", "User-Agent:  a desktop\t", "connection: Keep-Alive"),
        head("request-id: abcdefgh-1", "traceparent: 00-" + "a" * 32 + "-" + "b" * 16 + "-01"),
        head(target=f"{TARGET}?reason=a%20b&channel=best"),
        head(target=f"{TARGET}?wrong=1"),
        head(target=f"{TARGET}?"),
        head(target=f"{TARGET}?text={'a' * 9000}"),
        head(target="/v1/customers/nobody/next-best-action"),
    ],
)
def test_a_plain_request_is_answered_as_h11_would_have_it_answered_but_in_one_write(request_: bytes) -> None:
    assert plain_head(request_, is_hot) is not None
    quick, closed, writes = said(Api(typical_customer()).app, [request_], is_hot)
    slow, slow_closed, _ = said(Api(typical_customer()).app, [request_], None)
    assert like(quick) == like(slow)
    assert quick.startswith(b"HTTP/1.1 ")
    assert closed is slow_closed is False
    assert writes == 1


@pytest.mark.parametrize(
    "request_",
    [
        head("Connection: close"),
        head("Connection: upgrade", "Upgrade: websocket"),
        head("Content-Length: 0"),
        head("Content-Length: 3") + b"abc",
        head("Transfer-Encoding: chunked") + b"0\r\n\r\n",
        head("Expect: 100-continue"),
        head(host=""),
        head("Host: another"),
        head(" folded: line"),
        head("a b: c"),
        head("name : value"),
        head("name: v\xe4lue"),
        head("name: a\x00b"),
        head("a: b\nc: d"),
        head() + head(),
        head().replace(b"HTTP/1.1", b"HTTP/1.0"),
        head().replace(b"\r\n", b"\n"),
        head().replace(b"GET", b"HEAD"),
        head(target=TARGET + "/"),
        head(target=TARGET.replace("next", "%6eext")),
        head(target=f"http://cem{TARGET}"),
        head(target="/livez"),
        head("x: " + "y" * 20_000),
        head()[:-2],
    ],
)
def test_whatever_is_not_plain_is_left_to_h11(request_: bytes) -> None:
    assert plain_head(request_, is_hot) is None
    mixed, closed, _ = said(Api(typical_customer()).app, [request_], is_hot)
    alone, alone_closed, _ = said(Api(typical_customer()).app, [request_], None)
    assert like(mixed) == like(alone)
    assert closed is alone_closed


def test_requests_that_came_too_early_or_in_pieces_are_answered_in_their_order() -> None:
    async def run() -> None:
        line = Line(Api(typical_customer()).app, is_hot)
        plain, livez = head(), head(target="/livez")
        found = await line.say(plain, plain, livez[:9], livez[9:] + plain[:30], plain[30:])
        assert re.findall(rb"decision_id\":\"[^\"]*\.n(\d)", found) == [b"1", b"2", b"3"]
        assert found.count(b"HTTP/1.1 200 OK") == 4
        third = [m.start() for m in re.finditer(rb"HTTP/1.1 200 OK", found)]
        assert b"decision_id" not in found[third[2] : third[3]]
        assert line.wire.reading

    asyncio.run(run())


def test_a_slow_head_after_a_plain_request_is_waited_for_no_longer_than_any_other() -> None:
    async def run() -> None:
        line = Line(Api(typical_customer()).app, is_hot)
        await line.say(head())
        assert line.protocol._waiting is None
        await line.say(head()[:20])
        assert line.protocol._waiting is not None
        await line.say(head()[20:])
        assert line.protocol._waiting is None

    asyncio.run(run())


def test_a_plain_request_under_way_is_answered_before_a_stop_and_the_connection_closed() -> None:
    async def run() -> None:
        line = Line(Api(typical_customer()).app, is_hot)
        line.protocol.data_received(head())
        line.protocol.shutdown()
        assert not line.wire.closed
        assert (await line.say()).startswith(b"HTTP/1.1 200 OK")
        assert line.wire.closed

    asyncio.run(run())


def test_who_hangs_up_meanwhile_is_not_written_to() -> None:
    async def run() -> None:
        line = Line(Api(typical_customer()).app, is_hot)
        line.protocol.data_received(head())
        line.protocol.connection_lost(None)
        assert await line.say() == b""

    asyncio.run(run())


def test_an_application_that_fails_or_says_nothing_is_answered_for_as_uvicorn_does() -> None:
    async def fails(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("a bug")

    async def silent(scope: Scope, receive: Receive, send: Send) -> None:
        assert await receive() == {"type": "http.request", "body": b"", "more_body": False}

    for app in (fails, silent):
        quick, closed, _ = said(app, [head()], is_hot)
        slow, slow_closed, _ = said(app, [head()], None)
        assert quick.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
        assert closed and slow_closed
        assert quick.endswith(b"\r\n\r\nInternal Server Error") and b"Internal Server Error" in slow
