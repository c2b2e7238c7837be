"""An end point of webhooks whole: alerts, a consumer on a port of its own, the senders to it, and their notes in a Redis."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import msgspec
from aiohttp import web

from cem.alerts.delivery.endpoint import EndPoint
from cem.alerts.delivery.plan import Limits
from cem.alerts.delivery.signing import key_check, secret_of, show_secret
from cem.domain.events import ControlWebhookRegistered
from cem.ports import Emission
from cem.stores import RedisStore, Timeouts
from cem.stores.webhook_states import WebhookStates
from cem.webhooks.means import Means
from cem.webhooks.metrics import WebhookMetrics
from cem.webhooks.post import Poster
from cem.webhooks.sender import EndPointSender
from examples.webhook_receiver import Inbox
from tests.builders.alert_log import T0_MS, FakeAlerts
from tests.builders.api import FakeLog, StandingClock
from tests.servers.redis import RedisServer

__all__ = ["KEY", "Site", "site_of"]

KEY = b"k" * 40
Answering = Callable[[web.Request, dict[str, Any]], Awaitable[web.StreamResponse]]


class Consumer:
    """A consumer on a port of its own: verifies with the example's code, and then answers as a test says."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.requests: list[dict[str, Any]] = []
        self.taken: list[int] = []
        self.url = ""
        self.tell: Callable[[str], None] = lambda message_id: None
        self.now_s: Callable[[], float] = time.time
        self.inbox = Inbox(show_secret(secret_of(KEY, name, 1)))
        self.answer: Answering = self.accept

    async def accept(self, request: web.Request, message: dict[str, Any]) -> web.StreamResponse:
        return web.Response(status=204)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        message = self.inbox.take(headers, body, self.now_s()) or json.loads(body)
        self.requests.append({"id": headers["webhook-id"], "path": request.path, **message})
        response = await self.answer(request, message)
        if 200 <= response.status < 300:
            self.tell(headers["webhook-id"])
            self.taken.append(message["data"]["evidence"]["number"])
        return response


class NoLog:
    """`Log` of a topic that the source answers for whole; `end` is where an end point begins."""

    async def bounds(self, partition: int, topics: Any) -> dict[str, tuple[int, int]]:
        return dict.fromkeys(topics, (0, 0))


class Audit(FakeLog):
    """Takes records, and tells of each which messages it says to have expired."""

    def __init__(self, tell: Callable[[str, str], None]) -> None:
        super().__init__()
        self._tell = tell

    async def publish(self, emissions: Sequence[Emission]) -> None:
        self.emissions += emissions
        for emission in emissions:
            self._tell("expired", json.loads(emission.value or b"")["message_id"])


class Site:
    """Alerts, a consumer and the senders to it."""

    def __init__(self, redis: RedisServer) -> None:
        self.name = f"crm-{uuid.uuid4().hex[:6]}"
        self.consumer = Consumer(self.name)
        self.source = FakeAlerts(2)
        #: What became of messages, in order: ("taken" or "expired", id).
        self.story: list[tuple[str, str]] = []
        self.audit = Audit(lambda what, id_: self.story.append((what, id_)))
        self.consumer.tell = lambda id_: self.story.append(("taken", id_))
        self.clock = StandingClock(T0_MS)
        self.store = RedisStore(redis.url, 2, timeouts=Timeouts(work_s=20.0, read_s=20.0, connect_s=5.0))
        self.states = WebhookStates(self.store)
        self.registered: list[EndPoint] = []
        self.key: bytes | None = KEY
        #: How often a sender has asked for the key.
        self.asked = 0
        self.senders: list[tuple[EndPointSender, asyncio.Task[None]]] = []
        self.poster: Poster | None = None
        self.metrics = WebhookMetrics()

    def read_key(self) -> bytes | None:
        self.asked += 1
        return self.key

    def point(self, **over: Any) -> EndPoint:
        record = ControlWebhookRegistered(
            webhook_id=self.name, url=self.consumer.url, key_check=key_check(KEY), by="test"
        )
        return EndPoint(self.name, msgspec.structs.replace(record, **over), 0)

    def start(
        self,
        *,
        lease_ms: int = 600,
        limits: Limits | None = None,
        timeout_s: float = 1.0,
        moved_clock: bool = False,
        **over: Any,
    ) -> EndPointSender:
        """Start a sender. With `moved_clock` its schedule, too, is in the time that the test shows."""

        async def register(point: EndPoint) -> None:
            self.registered.append(point)

        if moved_clock:
            self.consumer.now_s = lambda: self.clock.now_ms() / 1000
        self.poster = self.poster or Poster(("127.0.0.1",), timeout_s=timeout_s)
        means = Means(
            source=self.source, log=NoLog(), states=self.states, publisher=self.audit, poster=self.poster,  # type: ignore[arg-type]
            clock=self.clock, key=self.read_key, environ={}, register=register, lease_ms=lease_ms, limits=limits or Limits(),
            metrics=self.metrics, **({"wall_ms": self.clock.now_ms} if moved_clock else {}),
        )  # fmt: skip
        sender = EndPointSender(self.point(**over), means)
        self.senders.append((sender, asyncio.create_task(sender.run())))
        return sender

    async def kill(self) -> None:
        """End the sender last started as a kill does: what it would still note or release does not happen."""
        sender, task = self.senders.pop()
        sender._save = _never  # type: ignore[method-assign]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def stop(self) -> None:
        for _, task in self.senders:
            task.cancel()
        await asyncio.gather(*(task for _, task in self.senders), return_exceptions=True)
        self.senders.clear()


async def _never(*args: object, **kwargs: object) -> None:
    return None


@contextlib.asynccontextmanager
async def site_of(redis: RedisServer) -> AsyncIterator[Site]:
    site = Site(redis)
    app = web.Application()
    app.router.add_post("/{path:.*}", site.consumer.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    tcp = web.TCPSite(runner, "127.0.0.1", 0)
    await tcp.start()
    site.consumer.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield site
    finally:
        await site.stop()
        await runner.cleanup()
        if site.poster is not None:
            await site.poster.close()
        await site.store.close()
