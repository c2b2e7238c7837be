"""The key that the webhooks' secrets are made of, as a running sender finds it."""

from __future__ import annotations

import asyncio

import pytest

from tests.builders.in_loop import in_loop, until
from tests.builders.webhook_site import KEY, site_of
from tests.servers.redis import RedisServer

pytestmark = pytest.mark.redis


@in_loop
async def key_comes_later(redis: RedisServer) -> None:
    async with site_of(redis) as site:
        site.key = None
        site.source.say(0)
        site.start()
        async with asyncio.timeout(20):
            while not (await site.states.load(site.name)).totals.unsigned:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert not site.consumer.requests
        # Looked at as often as the lease is prolonged, not as often as the loop can.
        assert site.asked < 20
        site.key = KEY
        await until(lambda: site.consumer.taken == [0])
        await site.stop()
        assert (await site.states.load(site.name)).totals.unsigned == ""


def test_a_key_that_is_made_while_the_sender_runs_is_taken_up(redis_server: RedisServer) -> None:
    """Until then nothing is sent, the notes say why, and the sender sleeps; then what waits is sent."""
    key_comes_later(redis_server)
