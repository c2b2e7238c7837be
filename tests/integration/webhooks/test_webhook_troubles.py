"""What must not keep a sender of webhooks from sending: strange answers, another log, a Kafka that is away."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from aiohttp import web

from cem.alerts.delivery.plan import Answer
from cem.ports import Emission, Unavailable
from cem.webhooks.post import Poster
from tests.builders.alert_log import T0_MS
from tests.builders.in_loop import in_loop, until
from tests.builders.webhook_site import site_of
from tests.servers.redis import RedisServer

pytestmark = pytest.mark.redis

#: Instants, as far as they are any, that Python's numbers for times do not take.
STRANGE = (
    "Mon, 1 Jan 2020 00:00:00 +99999999999999",
    "Mon, 01 Jan 0001 00:00:00 -0000",
    "soon",
    "-5",
    "9" * 400,
)


@in_loop
async def strange_answers(redis: RedisServer) -> None:
    async with site_of(redis) as site:

        async def strange(request: web.Request, message: dict[str, Any]) -> web.StreamResponse:
            number = message["data"]["evidence"]["number"]
            return web.Response(status=200, headers={"Retry-After": STRANGE[number]})

        site.consumer.answer = strange
        for number in range(len(STRANGE)):
            site.source.say(number, "C1")
        site.start()
        await until(lambda: site.consumer.taken == [*range(len(STRANGE))])


def test_a_strange_wish_to_wait_holds_nobody_back(redis_server: RedisServer) -> None:
    """A Retry-After that is no instant is none; the message is delivered, and the customer's next one follows."""
    strange_answers(redis_server)


class _Failing(Poster):
    """Fails in its first request in a way that nobody has thought of."""

    asked = 0

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        self.asked += 1
        if self.asked == 1:
            raise RuntimeError("not thought of")
        return await super().post(url, headers, body)


@in_loop
async def unforeseen(redis: RedisServer) -> None:
    async with site_of(redis) as site:
        site.poster = _Failing(("127.0.0.1",))
        site.source.say(0, "C1")
        site.source.say(1, "C1")
        site.start(moved_clock=True)
        attempts: list[Any] = []
        while not attempts:
            attempts = await site.states.attempts(site.name, 10)
            await asyncio.sleep(0.01)
        assert (attempts[0].outcome, attempts[0].error) == ("failed", "not sent: RuntimeError")
        site.clock.shown_ms += 60_000
        site.source.say(2, "C2")
        await until(lambda: sorted(site.consumer.taken) == [0, 1, 2])


def test_a_request_that_fails_in_an_unforeseen_way_is_made_again(redis_server: RedisServer) -> None:
    """It has failed as any other: else the customer would hear nothing any more."""
    unforeseen(redis_server)


@in_loop
async def another_log(redis: RedisServer) -> None:
    async with site_of(redis) as site:
        for number in range(5):
            site.source.say(number, f"C{number}")
        site.start()
        await until(lambda: sorted(site.consumer.taken) == [0, 1, 2, 3, 4])
        site.source.replace(8)
        site.source.say(10, "C1")
        await until(lambda: 10 in site.consumer.taken)


def test_of_another_log_everything_is_sent(redis_server: RedisServer) -> None:
    """Kafka was replaced under the sender: the old offsets must not pass for some of the new log's."""
    another_log(redis_server)


@in_loop
async def nothing_is_recorded(redis: RedisServer) -> None:
    async with site_of(redis) as site:
        away = asyncio.Event()
        usual = site.audit.publish

        async def publish(emissions: Sequence[Emission]) -> None:
            if away.is_set():
                await asyncio.sleep(1.0)  # longer than the lease lasts
                raise Unavailable("Kafka is away")
            await usual(emissions)

        async def refuses_the_first(request: web.Request, message: dict[str, Any]) -> web.StreamResponse:
            return web.Response(status=500 if message["data"]["evidence"]["number"] == 0 else 204)

        site.audit.publish = publish  # type: ignore[method-assign]
        site.consumer.answer = refuses_the_first
        site.source.say(0, "C1", before_ms=T0_MS + 5_000)
        site.source.say(1, "C1")
        site.start(lease_ms=600)
        await until(lambda: len(site.consumer.requests) == 1)
        away.set()
        site.clock.shown_ms = T0_MS + 6_000
        for number in range(2, 22):
            site.source.say(number, f"C{number}", partition=1)
            await until(lambda number=number: number in site.consumer.taken, within_s=0.9)  # type: ignore[misc]
            await asyncio.sleep(0.1)
        assert site.audit.emissions == []
        assert 1 not in site.consumer.taken
        away.clear()
        site.source.say(22, "C22")
        await until(lambda: 1 in site.consumer.taken)
        assert [record.type for record in site.audit.received()] == ["webhook.expired"]


def test_what_expires_while_kafka_is_away_holds_back_no_other_customer(redis_server: RedisServer) -> None:
    """Others have their alerts in time, over one lease, however long Kafka takes to refuse the record of it."""
    nothing_is_recorded(redis_server)


@in_loop
async def nothing_old_is_read(redis: RedisServer) -> None:
    async with site_of(redis) as site:
        for number in range(3):
            site.source.say(number, "C1")
        site.source.memory, site.source.away = [3, 0], True
        site.source.say(3, "C2", partition=1)
        site.start()
        await until(lambda: site.consumer.taken == [3])
        site.source.say(4, "C3", partition=1)
        await until(lambda: site.consumer.taken == [3, 4])
        site.source.away = False
        site.source.say(5, "C4", partition=1)
        await until(lambda: sorted(site.consumer.taken) == [*range(6)])
        assert [number for number in site.consumer.taken if number < 3] == [0, 1, 2]


def test_old_alerts_that_cannot_be_read_hold_back_no_new_ones(redis_server: RedisServer) -> None:
    """Kafka is away, and memory does not go back far enough in one partition: the others' alerts are sent."""
    nothing_old_is_read(redis_server)
