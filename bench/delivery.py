"""How soon an alert reaches its consumers: on cem.alerts, over server-sent events, by webhook.

Customers call a second time about the same, a few each second, while text messages of other households keep the worker
busy. The delay runs from when such a call was due to be sent to when each consumer has the alert that it opens, all
taken in one process by one clock.

    python -m bench.delivery [--rate 1000] [--alerts 5] [--seconds 60]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import re
import secrets
import subprocess
import sys
import time
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from aiokafka import AIOKafkaConsumer, TopicPartition

from bench.common import ROOT, Row, Target, check_targets, say, show, write_results
from bench.rig import Rig
from bench.steady import load_command
from cem.domain.events import CallStarted, encode
from cem.settings import Settings
from cem.streams.connection import client_options
from cem.streams.offsets import know_topics
from cem.streams.producer import EventProducer, Outgoing
from cem.streams.topics import ALERTS
from tests.servers.child import Child, die_with_parent, free_port

__all__ = ["main"]

_WAYS = ("cem.alerts", "server-sent event", "webhook")
#: Milliseconds at the 95th percentile.
_MOST = {"cem.alerts": 60.0, "server-sent event": 120.0, "webhook": 250.0}
_WARM_UP = 10
_LAST_S = 5.0


class Arrivals:
    """When each alert was caused, and when each consumer had it."""

    def __init__(self) -> None:
        self.due: dict[str, float] = {}
        self.seen: dict[str, dict[str, float]] = {way: {} for way in _WAYS}

    def note(self, way: str, data: bytes) -> None:
        """Take note of the customers whose alerts are in `data`."""
        now = time.perf_counter()
        for found in re.findall(rb'"customer_id":"(D[0-9a-z]+)"', data):
            self.seen[way].setdefault(found.decode(), now)

    def delays_ms(self, way: str) -> list[float]:
        """Return the delays of that way, the warm-up left out, ascending."""
        measured = list(self.due)[_WARM_UP:]
        seen = self.seen[way]
        return sorted((seen[c] - self.due[c]) * 1000 for c in measured if c in seen)


def main() -> int:
    """Measure, print, write `bench/results/delivery.json`; 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=1000, help="text messages a second beside the calls")
    parser.add_argument("--alerts", type=float, default=5, help="alerts a second")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--partitions", type=int, default=24)
    asked = parser.parse_args()
    port = free_port()
    with Rig(partitions=asked.partitions) as rig:
        rig.environ["CEM_WEBHOOK_ALLOW"] = "127.0.0.1"
        rig.worker()
        _, url = rig.api()
        rig.cem("webhooks", "add", f"http://127.0.0.1:{port}/", "--id", "bench")
        sender = rig.start("webhooks", "cem", "webhooks", "deliver")
        _ready(sender, rig)
        load = subprocess.Popen(
            load_command(rig, rate=asked.rate, seconds=asked.seconds + 15, report_s=1000),
            stdout=subprocess.DEVNULL,
            cwd=ROOT,
            preexec_fn=die_with_parent,
        )
        try:
            arrivals = asyncio.run(_measure(rig, url, port, asked.alerts, asked.seconds))
        finally:
            load.terminate()
            load.wait()
    rows: list[Row] = []
    lines = []
    for way in _WAYS:
        delays = arrivals.delays_ms(way)
        if not delays:
            say(f"nothing arrived over {way}")
            return 1
        shares = {
            share: delays[min(len(delays) - 1, int(len(delays) * share))] for share in (0.5, 0.95, 0.99)
        }
        rows += [Row(f"{way} p{round(share * 100)}", value, "ms") for share, value in shares.items()]
        lines.append((way, len(delays), *shares.values(), delays[-1]))
    show("From the call to the consumer, ms", ("consumer", "alerts", "p50", "p95", "p99", "worst"), lines)
    write_results("delivery", rows, rate=asked.rate, alerts_per_s=asked.alerts, seconds=asked.seconds)
    return 0 if check_targets(rows, [Target(f"{w} p95", most=m, of="value") for w, m in _MOST.items()]) else 1


def _ready(sender: Child, rig: Rig) -> None:
    log = rig.folder / "webhooks.log"
    sender.wait_ready(lambda: log.exists() and "ready" in log.read_text(), timeout_s=60)


async def _measure(rig: Rig, url: str, port: int, alerts: float, seconds: float) -> Arrivals:
    arrivals = Arrivals()
    runner = await _receiver(arrivals, port)
    settings = Settings.from_env(rig.environ)
    options = client_options(settings)
    consumer = AIOKafkaConsumer(**options, enable_auto_commit=False)
    await consumer.start()
    await know_topics(consumer, [ALERTS])
    partitions = [TopicPartition(ALERTS, p) for p in range(rig.partitions)]
    consumer.assign(partitions)
    await consumer.seek_to_end(*partitions)
    tasks = [
        asyncio.create_task(_read_topic(consumer, arrivals)),
        asyncio.create_task(_read_stream(url, arrivals)),
    ]
    try:
        async with EventProducer(options, linger_ms=0) as producer:
            await _calls(producer, arrivals, alerts, seconds)
        await asyncio.sleep(_LAST_S)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await consumer.stop()
        await runner.cleanup()
    return arrivals


async def _calls(producer: EventProducer, arrivals: Arrivals, alerts: float, seconds: float) -> None:
    """Have each customer call once, then, one after the other on schedule, again about the same."""
    run = secrets.token_hex(3)
    customers = [f"D{run}{n:05d}" for n in range(_WARM_UP + int(alerts * seconds))]
    await producer.send_many([_call(customer, "first") for customer in customers])
    await asyncio.sleep(3.0)
    began = time.perf_counter()
    for number, customer in enumerate(customers):
        due = began + number / alerts
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        arrivals.due[customer] = due
        await producer.send_many([_call(customer, "second")])


def _call(customer: str, which: str) -> Outgoing:
    event = CallStarted(call_id=f"{customer}-{which}", reason="network")
    headers, value = encode(
        event,
        id=f"{customer}-{which}",
        source="bench",
        time_ms=time.time_ns() // 1_000_000,
        customer_id=customer,
    )
    return Outgoing("cem.calls", customer.encode(), headers, value)


async def _read_topic(consumer: AIOKafkaConsumer, arrivals: Arrivals) -> None:
    while True:
        for records in (await consumer.getmany(timeout_ms=1000)).values():
            for record in records:
                arrivals.note("cem.alerts", record.value)


async def _read_stream(url: str, arrivals: Arrivals) -> None:
    timeout = aiohttp.ClientTimeout(total=None)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.get(f"{url}/v1/alerts/stream") as answer,
    ):
        assert answer.status == 200, f"{urlsplit(url).netloc}: {answer.status}"
        async for line in answer.content:
            arrivals.note("server-sent event", line)


async def _receiver(arrivals: Arrivals, port: int) -> web.AppRunner:
    async def take(request: web.Request) -> web.Response:
        arrivals.note("webhook", await request.read())
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return runner


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
