"""Streams of alerts: as they come, resumed without loss, cut when not read, ended with the process."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cem.api.stream_position import read_position, write_position
from cem.domain.events.alerts import TellWhom
from cem.domain.events.enums import Tell
from tests.builders.alert_log import FakeAlerts
from tests.builders.api import Api
from tests.builders.in_loop import in_loop, until


class Client:
    """One open stream: what has arrived, by event."""

    def __init__(self, app: Any, query: str = "", last: str = "", *, reads: bool = True) -> None:
        self.text = ""
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.ended = False
        self._reads = asyncio.Event()
        if reads:
            self._reads.set()
        self._leave = asyncio.Event()
        headers = [(b"host", b"x"), *([(b"last-event-id", last.encode())] if last else [])]
        self._scope = {
            "type": "http", "method": "GET", "path": "/v1/alerts/stream", "raw_path": b"/v1/alerts/stream",
            "query_string": query.encode(), "headers": headers, "scheme": "http", "http_version": "1.1",
            "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1), "root_path": "",
        }  # fmt: skip
        self.task = asyncio.create_task(app(self._scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        await self._leave.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        await self._reads.wait()
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])
        else:
            self.text += message["body"].decode()
            self.ended = not message.get("more_body", False)

    def blocks(self) -> list[dict[str, str]]:
        """Return the fields of each block so far."""
        whole = self.text.split("\n\n")[:-1]
        return [dict(line.partition(": ")[::2] for line in block.split("\n")) for block in whole]

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(b["data"]) for b in self.blocks() if b.get("event", "").startswith("alert.")]

    def numbers(self) -> list[int]:
        return [e["data"]["evidence"]["number"] for e in self.events()]

    def last(self) -> str:
        return next(b["id"] for b in reversed(self.blocks()) if "id" in b)

    async def leave(self) -> None:
        self._leave.set()
        await asyncio.wait_for(self.task, 5)

    def go_on(self) -> None:
        self._reads.set()

    def stop_reading(self) -> None:
        self._reads.clear()


@contextlib.asynccontextmanager
async def streaming(
    source: FakeAlerts, *queries: str, **options: Any
) -> AsyncIterator[tuple[Api, list[Client]]]:
    api = Api(alerts=source)
    streams = api.app.state.streams
    for name, value in options.items():
        setattr(streams, name, value)
    clients = [Client(api.app, query) for query in queries]
    try:
        await until(lambda: all("retry:" in c.text or c.status not in (0, 200) for c in clients))
        yield api, clients
    finally:
        for client in clients:
            client.go_on()
            await client.leave()
        await until(lambda: streams.open == 0)


@in_loop
async def test_alerts_come_as_they_are_said_to_every_client() -> None:
    """With the object of GET /v1/alerts as data, one id for all clients, and headers that proxies obey."""
    source = FakeAlerts()
    source.say(1)
    async with streaming(source, "", "") as (_, (one, two)):
        said = source.say(2, partition=1)
        await until(lambda: len(one.events()) == len(two.events()) == 1)
        (event,) = one.events()
        assert (event["id"], event["type"]) == (said.id, "alert.opened")
        assert event["data"] == json.loads(said.data)
        assert one.last() == two.last()
        assert one.headers[b"content-type"].startswith(b"text/event-stream")
        assert one.headers[b"cache-control"] == b"no-store"


@pytest.mark.parametrize("by", ["header", "query"])
@in_loop
async def test_a_client_that_comes_back_goes_on_behind_what_it_had(by: str) -> None:
    """Over all partitions: nothing twice, nothing left out."""
    source = FakeAlerts(3)
    async with streaming(source, "") as (api, (client,)):
        for number in range(9):
            source.say(number, partition=number % 3)
        await until(lambda: len(client.numbers()) == 9)
        place = client.blocks()[5]["id"]
        had = [json.loads(b["data"])["data"]["evidence"]["number"] for b in client.blocks()[1:6]]
        again = Client(api.app, *(("", place) if by == "header" else (f"since={place}",)))
        source.say(9)
        await until(lambda: len(again.numbers()) == 5)
        assert sorted(had + again.numbers()) == list(range(10))
        await again.leave()


@in_loop
async def test_from_the_start_comes_all_that_the_log_has() -> None:
    """What memory no longer has is read from the log."""
    source = FakeAlerts(1)
    for number in range(500):
        source.say(number)
    source.first, source.memory = [20], [400]
    async with streaming(source, "since=start") as (_, (client,)):
        await until(lambda: len(client.numbers()) == 480)
        assert client.numbers() == list(range(20, 500))
        assert "event: lost" not in client.text


@in_loop
async def test_what_the_log_has_lost_is_said() -> None:
    """A client that was away for longer than the log keeps must know."""
    source = FakeAlerts(1)
    for number in range(10):
        source.say(number)
    source.first = source.memory = [6]
    async with streaming(source, f"since={write_position(7, [2])}") as (_, (client,)):
        await until(lambda: len(client.numbers()) == 4)
        assert {"event": "lost", "data": '{"partition":0,"records":4}'} in client.blocks()


@in_loop
async def test_of_another_log_everything_is_new() -> None:
    """Its offsets mean something else."""
    source = FakeAlerts(1)
    source.say(1)
    async with streaming(source, f"since={write_position(8, [1])}") as (_, (client,)):
        await until(lambda: client.numbers() == [1])


@in_loop
async def test_a_stream_ends_with_its_log() -> None:
    """Kafka is another one: offsets of the old log would leave out what the new one has. The client begins there."""
    source = FakeAlerts(1)
    async with streaming(source, "") as (api, (client,)):
        for number in range(3):
            source.say(number)
        await until(lambda: client.numbers() == [0, 1, 2])
        source.replace(8)
        source.say(10)
        await until(lambda: client.ended)
        again = Client(api.app, last=client.last())
        await until(lambda: again.numbers() == [10])
        await again.leave()


@in_loop
async def test_filters_and_the_heartbeats_id_passes_what_was_not_wanted() -> None:
    """So who filters much need not read it all again when he comes back."""
    source = FakeAlerts(1)
    query = "type=repeat_call,sms_allowance&severity=error&tier=alert"
    async with streaming(source, query, heartbeat_s=0.05) as (_, (client,)):
        source.say(1)
        source.say(2, severity="critical")
        source.say(3, severity="critical", tier="notice")
        source.say(4, severity="critical", type="sms_velocity")
        source.say(5, severity="critical", holdout=True)
        source.say(6, severity="critical", tell=TellWhom(who=Tell.NOBODY))
        await until(lambda: "still here" in client.text.rpartition("alert.opened")[2])
        assert client.numbers() == [2]
        assert read_position(client.last()) == (7, [6])


@in_loop
async def test_a_client_that_does_not_read_is_cut_and_the_others_are_not() -> None:
    """Nothing is collected for it."""
    source = FakeAlerts(1)
    async with streaming(source, "", "", send_s=0.2) as (api, (slow, quick)):
        slow.stop_reading()
        for number in range(50):
            source.say(number)
        await until(lambda: slow.task.done())
        await until(lambda: len(quick.numbers()) == 50)
        assert api.services.metrics.streams_cut._value.get() == 1
        assert not quick.task.done()


@in_loop
async def test_a_client_that_falls_behind_memory_is_cut() -> None:
    """It comes back, and reads the log at its own pace."""
    source = FakeAlerts(1)
    async with streaming(source, "") as (_, (slow,)):
        source.say(0)
        await until(lambda: len(slow.numbers()) == 1)
        slow.stop_reading()
        source.say(1)
        await asyncio.sleep(0.02)
        for number in range(2, 400):
            source.say(number)
        source.memory = [390]
        slow.go_on()
        await until(lambda: slow.task.done())
        again = Client(Api(alerts=source).app, "", slow.last())
        await until(lambda: len(again.numbers()) + len(slow.numbers()) == 400)
        await again.leave()


@in_loop
async def test_streams_end_with_the_process() -> None:
    """Each client is told so by a whole answer, and comes back to another process."""
    source = FakeAlerts(1)
    async with streaming(source, "", "") as (api, clients):
        api.app.state.streams.end()
        await until(lambda: all(c.task.done() for c in clients))
        assert all(c.ended for c in clients)
        assert (await api.send("GET", "/v1/alerts/stream")).status_code == 503


@in_loop
async def test_bounds_and_refusals() -> None:
    """Too many clients, a log that is away, and parameters that are none."""
    source = FakeAlerts(1)
    async with streaming(source, "", most=1) as (api, _):
        answer = await api.send("GET", "/v1/alerts/stream")
        assert (answer.status_code, answer.json()["type"].rsplit("/")[-1]) == (503, "too-many-streams")
    for query in ("since=nonsense", "since=AAAA", "type=unknown", "severity=loud", "tier=no"):
        answer = await Api(alerts=source).send("GET", f"/v1/alerts/stream?{query}")
        assert answer.status_code == 422, query
    answer = await Api(alerts=source).send("GET", "/v1/alerts/stream", headers={"Last-Event-ID": "x!"})
    assert answer.json()["errors"][0]["in"] == "header"


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 2**53), min_size=1, max_size=64))
def test_a_position_is_read_as_it_was_written(log_id: int, offsets: list[int]) -> None:
    """And is nothing but letters, digits, - and _."""
    text = write_position(log_id, offsets)
    assert read_position(text) == (log_id, offsets)
    assert text.replace("-", "").replace("_", "").isalnum()


@given(st.text(max_size=40))
def test_any_other_text_is_refused_or_is_a_position(text: str) -> None:
    """Never another exception."""
    with contextlib.suppress(ValueError):
        assert read_position(text)[1]
