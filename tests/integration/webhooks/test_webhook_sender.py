"""The webhooks' sender against consumers that fail, hang, redirect, refuse or are gone, with its notes in a real Redis."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import pytest
from aiohttp import web

from cem.alerts.delivery.message import Message
from cem.domain.events import ControlWebhookReplayed
from cem.streams.control_feed import Setting
from cem.webhooks.post import Poster
from tests.builders.alert_log import T0_MS
from tests.builders.in_loop import in_loop, until
from tests.builders.webhook_site import Site, site_of
from tests.servers.redis import RedisServer

pytestmark = pytest.mark.redis


@in_loop
async def alerts_arrive_signed(redis: RedisServer) -> None:
    async with site_of(redis) as site:
        said = [site.source.say(n, f"C{n % 3}", partition=n % 3 % 2) for n in range(20)]
        site.start()
        await until(lambda: len(site.consumer.taken) == 20)
        assert {r["id"] for r in site.consumer.requests} == {m.id for m in said}
        assert site.consumer.requests[0]["type"] == "alert.opened"
        assert site.consumer.requests[0]["data"] == json.loads(
            next(m for m in said if m.id == site.consumer.requests[0]["id"]).data
        )


def test_alerts_arrive_signed_as_a_receiver_verifies_them(redis_server: RedisServer) -> None:
    """Each once, by the example's own code; every request went through its verification."""
    alerts_arrive_signed(redis_server)


@in_loop
async def fails_then_takes(redis: RedisServer) -> None:
    async with site_of(redis) as site:
        seen: Counter[str] = Counter()

        async def moody(request: web.Request, message: dict[str, Any]) -> web.StreamResponse:
            number = message["data"]["evidence"]["number"]
            seen[message["data"]["customer_id"]] += 1
            if number == 0 and seen["C0"] == 1:
                # What follows a redirect would be asked for at another path.
                return web.Response(status=307, headers={"Location": "/elsewhere"})
            if number == 1 and seen["C1"] == 1:
                await asyncio.sleep(3)
            return web.Response(status=200, body=b"x" * 1_000_000 if number == 2 else b"ok")

        site.consumer.answer = moody
        for n in range(9):
            site.source.say(n, f"C{n % 3}")
        site.start(timeout_s=0.5)
        # Whoever hangs may take what nobody waits for any more, so one is perhaps taken twice.
        await until(lambda: set(site.consumer.taken) == set(range(9)), within_s=30)
        for customer in range(3):
            mine = [n for n in site.consumer.taken if n % 3 == customer]
            assert mine == sorted(mine)
        assert {r["path"] for r in site.consumer.requests} == {"/hook"}
        async with asyncio.timeout(20):
            while len(attempts := await site.states.attempts(site.name, 100)) < 11:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await site.stop()
        assert Counter(a.outcome for a in attempts) == {"delivered": 9, "failed": 2}
        assert {(a.status, a.error) for a in attempts if a.outcome == "failed"} == {
            (307, ""),
            (0, "no answer within 0.5 s"),
        }


def test_a_consumer_that_hangs_redirects_or_says_too_much(redis_server: RedisServer) -> None:
    """Each failure is tried again after its pause; other customers' alerts do not wait; order is kept."""
    fails_then_takes(redis_server)


@in_loop
async def gone(redis: RedisServer) -> None:
    async with site_of(redis) as site:

        async def no_more(request: web.Request, message: dict[str, Any]) -> web.StreamResponse:
            return web.Response(status=410)

        site.consumer.answer = no_more
        site.source.say(0)
        sender = site.start()
        await until(lambda: bool(site.registered))
        assert (site.registered[0].record.enabled, site.registered[0].record.reason) == (
            False,
            "it answered 410 Gone",
        )
        site.source.say(1, "C2")
        await asyncio.sleep(0.3)
        assert len(site.consumer.requests) == 1
        site.consumer.answer = site.consumer.accept
        sender.change(site.point())
        await until(lambda: sorted(site.consumer.taken) == [0, 1], within_s=30)


def test_410_turns_an_end_point_off_until_it_is_recovered(redis_server: RedisServer) -> None:
    """Nothing is lost by it."""
    gone(redis_server)


@in_loop
async def expires(redis: RedisServer) -> None:
    async with site_of(redis) as site:

        async def broken(request: web.Request, message: dict[str, Any]) -> web.StreamResponse:
            return web.Response(status=500)

        site.consumer.answer = broken
        site.source.say(0, "C1", before_ms=T0_MS + 5_000)
        site.source.say(1, "C1")
        sender = site.start()
        await until(lambda: len(site.consumer.requests) == 1)
        site.consumer.answer = site.consumer.accept
        site.clock.shown_ms = T0_MS + 6_000
        await until(lambda: site.consumer.taken == [1])
        (record,) = site.audit.received()
        assert (record.type, record.topic, record.customer_id) == ("webhook.expired", "cem.audit", "C1")
        event: Any = record.event
        assert (event.webhook_id, event.attempts, event.status) == (site.name, 1, 500)
        assert event.place == "0/0"
        wish = ControlWebhookReplayed(webhook_id=site.name, by="test", place="0/0")
        sender.again(Setting(wish, 5, 0))
        await until(lambda: site.consumer.taken == [1, 0])
        await site.stop()
        site.start().again(Setting(wish, 5, 0))
        site.source.say(2, "C1")
        await until(lambda: site.consumer.taken == [1, 0, 2])


def test_noise_is_recorded_and_not_sent_unless_somebody_wants_it(redis_server: RedisServer) -> None:
    """The next of the customer goes on; a wish is fulfilled once, also over a restart."""
    expires(redis_server)


@in_loop
async def killed(redis: RedisServer) -> None:
    async with site_of(redis) as site:
        for n in range(300):
            site.source.say(n, f"C{n % 11}", partition=n % 11 % 2)

        async def slow(request: web.Request, message: dict[str, Any]) -> web.StreamResponse:
            await asyncio.sleep(0.002)
            return web.Response(status=204)

        site.consumer.answer = slow
        for life in range(6):
            site.start(lease_ms=300)
            least = len(site.consumer.taken) + 20
            await until(lambda least=least: len(site.consumer.taken) >= min(300, least))  # type: ignore[misc]
            await site.kill()
            if life == 3:
                site.source.say(300 + life, "C1")
        site.start(lease_ms=300)
        await until(lambda: set(site.consumer.taken) == {*range(300), 303}, within_s=30)
        first = list(dict.fromkeys(site.consumer.taken))
        for customer in range(11):
            mine = [n for n in first if n < 300 and n % 11 == customer]
            assert mine == sorted(mine)
        assert len(site.consumer.taken) < 450


def test_a_sender_killed_again_and_again_leaves_none_out(redis_server: RedisServer) -> None:
    """The next life goes on from the notes, once the lease of the dead one has run out; order is kept."""
    killed(redis_server)


MINUTE_MS = 60_000


@in_loop
async def away_for_an_hour(redis: RedisServer) -> None:
    async with site_of(redis) as site:
        consumer, clock = site.consumer, site.clock

        async def down(request: web.Request, message: dict[str, Any]) -> web.StreamResponse:
            return web.Response(status=503)

        consumer.answer = down
        said: list[Message] = []

        def say(count: int) -> None:
            for n in range(len(said), len(said) + count):
                # Every third is of use for twenty minutes, the others for a day.
                use_ms = 20 * MINUTE_MS if n % 3 == 0 else 24 * 60 * MINUTE_MS
                before_ms = clock.shown_ms + use_ms
                said.append(
                    site.source.say(n, f"C{n % 7}", n % 7 % 2, at_ms=clock.shown_ms, before_ms=before_ms)
                )

        async def a_minute() -> None:
            """Let a minute pass, and the sender find out."""
            clock.shown_ms += MINUTE_MS
            say(2)
            await asyncio.sleep(0.03)

        site.start(lease_ms=2_000, moved_clock=True)
        for _ in range(30):
            await a_minute()
        await until(lambda: bool(consumer.requests))
        await site.kill()
        site.start(lease_ms=2_000, moved_clock=True)
        for _ in range(30):
            await a_minute()
        assert not consumer.taken
        # Down for an hour: what went stale is over; nobody may wait for it any more.
        stale = {m.id for m in said if m.expires_ms <= clock.shown_ms}
        await until(lambda: stale <= {id_ for what, id_ in site.story if what == "expired"})
        consumer.answer = consumer.accept
        async with asyncio.timeout(20):
            while not {m.id for m in said} <= {id_ for _, id_ in site.story}:
                clock.shown_ms += 1_000
                site.source.say(clock.shown_ms, "C9", at_ms=clock.shown_ms)
                await asyncio.sleep(0.03)
        verify(site, said, stale)
        await site.stop()
        attempts = await site.states.attempts(site.name, 1_000)
        assert stale <= {a.message_id for a in attempts if a.outcome == "expired"}
        shown = site.metrics.registry.get_sample_value
        labels = {"endpoint": site.name, "outcome": "expired"}
        assert (shown("cem_webhook_messages_total", labels) or 0) >= len(stale)


def verify(site: Site, said: list[Message], stale: set[str]) -> None:
    """Each alert is delivered or recorded as expired, not both; of a customer none comes before an earlier one."""
    ours = {m.id: m for m in said}
    expired: set[str] = set()
    for record in site.audit.received():
        event: Any = record.event
        message = ours[event.message_id]
        expired.add(message.id)
        assert (record.type, record.customer_id) == ("webhook.expired", message.customer_id)
        assert message.expires_ms <= record.time_ms
    assert expired >= stale
    assert len(stale) > 10
    assert {id_ for what, id_ in site.story if what == "taken" and id_ in ours} == ours.keys() - expired
    when = {id_: n for n, (_, id_) in reversed(list(enumerate(site.story)))}
    for customer in {m.customer_id for m in said}:
        mine = [m for m in said if m.customer_id == customer]
        for n, m in enumerate(mine):
            assert m.id in expired or all(when[earlier.id] < when[m.id] for earlier in mine[:n])


def test_a_consumer_down_for_an_hour_and_a_sender_killed_meanwhile(redis_server: RedisServer) -> None:
    """Every alert is delivered, or, past its time, recorded as expired and reported; each customer's in order."""
    away_for_an_hour(redis_server)


@in_loop
async def two_senders(redis: RedisServer) -> None:
    async with site_of(redis) as site:
        site.start(lease_ms=2_000)
        site.start(lease_ms=2_000)
        for n in range(60):
            site.source.say(n, f"C{n % 5}")
            await asyncio.sleep(0.005)
        await until(lambda: len(site.consumer.taken) >= 60)
        await asyncio.sleep(0.2)
        assert sorted(site.consumer.taken) == list(range(60))


def test_of_two_processes_one_sends(redis_server: RedisServer) -> None:
    """The lease is one's; nothing is sent twice."""
    two_senders(redis_server)


@in_loop
async def inner(redis: RedisServer) -> None:
    async with site_of(redis) as site:
        poster = Poster(())
        try:
            port = site.consumer.url.rpartition(":")[2].split("/")[0]
            for url in (
                site.consumer.url,
                f"https://127.0.0.1:{port}/",
                f"https://localhost:{port}/",
                f"https://[::1]:{port}/",
            ):
                answer = await poster.post(url, {}, b"{}")
                assert answer.status == 0
                assert "public" in answer.error or "https" in answer.error, answer
            assert not site.consumer.requests
        finally:
            await poster.close()


def test_no_way_leads_inside_not_even_by_a_name(redis_server: RedisServer) -> None:
    """A name that resolves to an inner address is refused as it is connected to."""
    inner(redis_server)
