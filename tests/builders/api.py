"""An API over fakes: a reader of states in a dictionary, a log in a list, a clock that stands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
from fastapi import FastAPI

from cem.api import Freshness, Services, create_app
from cem.domain.customer import Customer, encode_customer
from cem.domain.events import Received, decode
from cem.nba import INPUT_TOPICS
from cem.ports import Emission, LaneHeader, Position, Unavailable
from cem.streams.lag import LagReport, PartitionLag
from tests.builders.nba import NOW_MS, shipped_policy

PARTITIONS = 4


class FakeReader:
    """`CustomerReader` over a dictionary; `trouble` is raised, `hangs` never answers."""

    def __init__(self, *customers: Customer) -> None:
        self.states = {c.customer_id: encode_customer(c) for c in customers}
        self.index: list[tuple[str, int]] = []
        self.lane_headers: dict[int, LaneHeader] = {}
        self.trouble: Exception | None = None
        self.hangs = False
        self.reads = 0

    async def read(self, customer_id: str) -> bytes | None:
        self.reads += 1
        await self._trouble()
        return self.states.get(customer_id)

    async def newest(self, sorted_set: str, before_ms: int, limit: int) -> list[tuple[str, int]]:
        await self._trouble()
        assert sorted_set == "alerts"
        below = [(score, member) for member, score in self.index if score < before_ms]
        return [(member, score) for score, member in sorted(below, reverse=True)[:limit]]

    async def headers(self) -> dict[int, LaneHeader]:
        await self._trouble()
        return self.lane_headers

    async def _trouble(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.trouble is not None:
            raise self.trouble


class FakeLog:
    """Takes records; `trouble` is raised, `hangs` never acknowledges."""

    def __init__(self) -> None:
        self.emissions: list[Emission] = []
        self.trouble: Exception | None = None
        self.hangs = False

    def post(self, emission: Emission, done: Callable[[Any], None]) -> None:
        if self.hangs:
            return
        if self.trouble is None:
            self.emissions.append(emission)
        done(self.trouble)

    def received(self) -> list[Received]:
        """Return what a lane would read."""
        found = []
        for offset, e in enumerate(self.emissions):
            one = decode(_Record(e, offset))
            assert isinstance(one, Received), one
            found.append(one)
        return found


class _Record:
    def __init__(self, e: Emission, offset: int) -> None:
        self.topic, self.key, self.value, self.headers = e.topic, e.key, e.value, e.headers
        self.partition, self.offset, self.timestamp = 0, offset, NOW_MS


class FakeKeys:
    """The API's keys in a dictionary; expiry is kept, not obeyed."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.ttl_ms: dict[str, int | None] = {}
        self.trouble: Exception | None = None

    async def get_raw(self, key: str) -> bytes | None:
        return self.values.get(key)

    async def set_raw(
        self, key: str, value: bytes, *, ttl_ms: int | None = None, only_new: bool = False
    ) -> bool:
        if self.trouble is not None:
            raise self.trouble
        if only_new and key in self.values:
            return False
        if ttl_ms == 1:
            self.values.pop(key, None)
            return True
        self.values[key] = value
        self.ttl_ms[key] = ttl_ms
        return True


class StandingClock:
    """Shows one time."""

    def __init__(self, now_ms: int = NOW_MS) -> None:
        self.shown_ms = now_ms

    def now_ms(self) -> int:
        return self.shown_ms

    def at_ms(self, wall_ms: int) -> int:
        return self.shown_ms


def fresh(wall_ms: int = NOW_MS) -> Freshness:
    """Return freshness of lanes that have read everything half a second ago."""
    freshness = Freshness(INPUT_TOPICS, wall_ms=lambda: wall_ms)
    ends = {(topic, lane): 10 for topic in INPUT_TOPICS for lane in range(PARTITIONS)}
    freshness.observe(ends, {lane: header(10) for lane in range(PARTITIONS)}, wall_ms - 500)
    return freshness


def header(next_offset: int, timestamp_ms: int = 1) -> LaneHeader:
    """Return a lane's header with every topic at one position."""
    positions = {topic: Position(next_offset, timestamp_ms) for topic in INPUT_TOPICS}
    return LaneHeader("t", "", "w", NOW_MS, 0, "k", positions)


class Looked:
    """A look at the lag that found nothing unread."""

    report: LagReport | None = LagReport(0, 0.0, [PartitionLag("cem", "cem.calls", 0, 0, 0.0, "ok", "read")])
    trouble = ""


async def no_lane_states() -> list[bytes | None]:
    """Return what a store has of lanes that have nothing of their own yet."""
    return [None] * PARTITIONS


class Api:
    """The application with its fakes, and a client that talks to it without a socket."""

    def __init__(self, *customers: Customer, **over: Any) -> None:
        self.reader, self.log, self.keys, self.clock = (
            FakeReader(*customers),
            FakeLog(),
            FakeKeys(),
            StandingClock(),
        )
        ids = iter(range(1, 10_000))
        values: dict[str, Any] = {
            "reader": self.reader,
            "log": self.log,
            "keys": self.keys,
            "clock": self.clock,
            "policy": shipped_policy(),
            "freshness": fresh(),
            "partitions": PARTITIONS,
            "new_id": lambda: f"n{next(ids)}",
            "decision_deadline_ms": 2000,
            "decision_log_ms": 1000,
            "own_states": no_lane_states,
            "lag": Looked(),
        }
        self.services = Services(**{**values, **over})
        self.app: FastAPI = create_app(self.services)

    def get(self, path: str, **options: Any) -> httpx.Response:
        """Return the answer to a GET."""
        return self.request("GET", path, **options)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Return the answer to one request."""
        return asyncio.run(self.send(method, path, **options))

    async def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Return the answer, within a running loop."""
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
            return await client.request(method, path, **options)


def away() -> Unavailable:
    """Return what a store or log that is away raises."""
    return Unavailable("it is away")
