"""What must not keep a sender of webhooks from sending: strange answers, another log, a Kafka that is away."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import web

from cem.alerts.delivery.plan import Answer
from cem.webhooks.post import Poster
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
