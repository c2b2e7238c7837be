"""How the API reads requests: in order, from pieces, and from nobody who sends a head for ever."""

from __future__ import annotations

import asyncio
import functools
import re
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from cem.api import protocol
from cem.api.protocol import MOST_HEAD, PatientProtocol
from tests.builders.api import Api
from tests.builders.typical_customer import typical_customer

CUSTOMER = typical_customer().customer_id
TARGET = f"/v1/customers/{CUSTOMER}/next-best-action"


def head(*lines: str, target: str = f"{TARGET}?reason=billing") -> bytes:
    """Return a request's head with these lines besides its first one and its host."""
    return "\r\n".join([f"GET {target} HTTP/1.1", "Host: cem", *lines, "", ""]).encode("latin-1")


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


@functools.cache
def _app() -> Any:
    """Return an application that knows one customer; to make one takes longer than any of these tests."""
    return Api(typical_customer()).app


class Line:
    """One connection to the application, as uvicorn serves it."""

    def __init__(self, app: Any = None) -> None:
        app = app or _app()
        config = uvicorn.Config(app, http=PatientProtocol, ws="none", log_config=None)  # type: ignore[arg-type]
        config.load()
        self.state = ServerState()
        self.protocol = PatientProtocol(config, self.state, {})
        self.wire = Wire()
        self.protocol.connection_made(self.wire)

    async def say(self, *pieces: bytes) -> bytes:
        """Return what is answered to the pieces until nothing is under way."""
        before = len(self.wire.written)
        for piece in pieces:
            self.protocol.data_received(piece)
        while under_way := self.state.tasks:
            await asyncio.wait(under_way)
            await asyncio.sleep(0)  # what was pipelined is begun
        return b"".join(self.wire.written[before:])


def test_requests_that_come_early_or_in_pieces_are_answered_in_their_order() -> None:
    """Four requests, cut and put together in ways that networks do."""

    async def run() -> None:
        line = Line(Api(typical_customer()).app)
        asked, livez = head(), head(target="/livez")
        found = await line.say(asked, asked, livez[:9], livez[9:] + asked[:30], asked[30:])
        assert re.findall(rb"decision_id\":\"[^\"]*\.n(\d)", found) == [b"1", b"2", b"3"]
        assert found.count(b"HTTP/1.1 200 OK") == 4
        starts = [m.start() for m in re.finditer(rb"HTTP/1.1 200 OK", found)]
        assert b"decision_id" not in found[starts[2] : starts[3]]
        assert line.wire.reading

    asyncio.run(run())


@pytest.mark.parametrize(
    ("before", "begun"),
    [
        pytest.param([], [], id="nothing at all"),
        pytest.param([], [head()[:20]], id="the first head in part"),
        pytest.param([head()], [head()[:20]], id="a later head in part"),
        pytest.param([head()], [b"\r\n"], id="an empty line before a head, which ends the keep-alive timer"),
        pytest.param([], [head() + head()[:20]], id="the head behind a whole request"),
        pytest.param([head("Content-Length: 3") + b"abc"], [b"GET"], id="a head behind a body"),
    ],
)
def test_whoever_begins_a_head_and_does_not_end_it_is_hung_up_on(
    before: list[bytes], begun: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever in the life of a connection he begins it."""
    monkeypatch.setattr(protocol, "HEAD_S", 0.05)

    async def run() -> None:
        line = Line()
        for request in before:
            assert b"200 OK" in await line.say(request)
        await line.say(*begun)
        for _ in range(100):
            if line.wire.closed:
                return
            await asyncio.sleep(0.02)
        raise AssertionError("the connection is still open")

    asyncio.run(run())


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([head()], id="one head"),
        pytest.param([head()[:20], head()[20:]], id="one in pieces"),
        pytest.param([head() + b"\r\n"], id="an empty line after it"),
        pytest.param([head("Content-Length: 3"), b"a"], id="a body under way"),
    ],
)
def test_whoever_has_sent_his_head_is_not_hurried(
    pieces: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes after the head has its own deadlines."""
    monkeypatch.setattr(protocol, "HEAD_S", 0.05)

    async def run() -> None:
        line = Line()
        await line.say(*pieces)
        await asyncio.sleep(0.2)
        assert not line.wire.closed

    asyncio.run(run())


@pytest.mark.parametrize("body", [b"abc", b"a"])
def test_a_body_behind_its_answer_does_not_hold_the_connection(body: bytes) -> None:
    """uvicorn's keep-alive timer goes on, whether the body comes whole or never ends."""

    async def run() -> None:
        line = Line()
        assert b"200 OK" in await line.say(head("Content-Length: 3"))
        timer = line.protocol.timeout_keep_alive_task
        assert timer is not None
        await line.say(body)
        assert line.protocol.timeout_keep_alive_task is timer and not timer.cancelled()
        if len(body) == 3:
            assert b"200 OK" in await line.say(head())
            assert timer.cancelled() and line.protocol.timeout_keep_alive_task is not None

    asyncio.run(run())


def test_whoever_listens_to_an_answer_has_all_the_time_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if an empty line came meanwhile."""
    monkeypatch.setattr(protocol, "HEAD_S", 0.05)

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.3)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def run() -> None:
        line = Line(slow)
        line.protocol.data_received(head())
        assert b"204 No Content" in await line.say(b"\r\n")

    asyncio.run(run())


@pytest.mark.parametrize("ends", [False, True])
def test_a_head_without_end_is_refused_and_a_long_one_is_not(ends: bool) -> None:
    """64 KiB are surely enough."""

    async def run() -> None:
        line = Line()
        found = await line.say(head()[:-2])
        for _ in range(MOST_HEAD // 1024 - 2 if ends else MOST_HEAD // 1024 + 2):
            found += await line.say(b"x: " + b"y" * 1019 + b"\r\n")
            if line.wire.closed:
                break
        if ends:
            assert b"200 OK" in await line.say(b"\r\n")
        else:
            assert found.startswith(b"HTTP/1.1 400 ") and line.wire.closed

    asyncio.run(run())


@pytest.mark.parametrize(
    "nonsense",
    [
        head("name: a\x00b"),
        head(" folded: line"),
        head("Content-Length: 3", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
        head("Content-Length: 3", "Content-Length: 4") + b"abc",
        b"\x16\x03\x01\x02\x00\x01\x00",
    ],
)
def test_what_means_two_things_or_none_is_refused(nonsense: bytes) -> None:
    """Nobody behind a proxy smuggles a request past it."""

    async def run() -> None:
        line = Line()
        found = await line.say(nonsense)
        assert found.startswith(b"HTTP/1.1 400 ") and line.wire.closed

    asyncio.run(run())


def test_a_request_under_way_is_answered_before_a_stop_and_the_connection_closed() -> None:
    """A stop waits for answers, not for connections."""

    async def run() -> None:
        line = Line()
        line.protocol.data_received(head())
        line.protocol.shutdown()
        assert not line.wire.closed
        assert (await line.say()).startswith(b"HTTP/1.1 200 OK")
        assert line.wire.closed

    asyncio.run(run())


def test_who_hangs_up_meanwhile_is_not_written_to() -> None:
    """Nor is anything raised."""

    async def run() -> None:
        line = Line()
        line.protocol.data_received(head())
        line.protocol.connection_lost(None)
        assert await line.say() == b""

    asyncio.run(run())


def test_an_application_that_fails_or_says_nothing_is_answered_for() -> None:
    """The client hears of it, and does not wait."""

    async def fails(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("a bug")

    async def silent(scope: Scope, receive: Receive, send: Send) -> None:
        assert await receive() == {"type": "http.request", "body": b"", "more_body": False}

    async def run() -> None:
        for app in (fails, silent):
            line = Line(app)
            assert (await line.say(head())).startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
            assert line.wire.closed

    asyncio.run(run())
