"""How soon a killed worker's lanes move again when it is restarted at once, and where the time goes.

A worker under a load of 500 messages a second on Kafka and Redis is killed (SIGKILL) and started again under the same
name. The clock runs from the kill until each lane's position in Redis, as seen from outside, has gone on. The timeline
is the worker's own, of the median round.

    python -m bench.recovery [--rounds 5] [--partitions 24]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from itertools import islice

from bench.common import Row, Target, check_targets, say, show, write_results
from bench.rig import Rig
from bench.step import TOPIC, messages
from cem.ports import Unavailable
from cem.settings import Settings
from cem.stores import open_store
from cem.streams.connection import client_options
from cem.streams.producer import EventProducer, Outgoing
from tests.builders.records import LogRecord
from tests.servers.child import Child, wait_until

__all__ = ["main"]

HOUSEHOLDS, A_TURN, EVERY_S = 2_000, 50, 0.1


def write_until(stop: threading.Event, settings: Settings) -> None:
    """Write messages of all lanes, until `stop`."""

    async def run() -> None:
        number = 0
        async with EventProducer(client_options(settings)) as producer:
            left: Iterator[LogRecord] = iter(())
            while not stop.is_set():
                part = list(islice(left, A_TURN))
                if not part:
                    # All households in turn, so that every lane has something to do.
                    left = messages(HOUSEHOLDS, HOUSEHOLDS, number)
                    number += HOUSEHOLDS
                    continue
                await producer.send_many(Outgoing(r.topic, r.key, tuple(r.headers), r.value) for r in part)
                await asyncio.sleep(EVERY_S)

    asyncio.run(run())


async def positions(settings: Settings) -> dict[int, int]:
    """Return how many messages each lane has applied; none while Redis does not say."""
    store = open_store(settings.redis_url, settings.partitions)
    try:
        headers = await store.headers()
    except Unavailable:
        return {}
    finally:
        await store.close()
    return {lane: h.positions[TOPIC].next_offset for lane, h in headers.items() if TOPIC in h.positions}


def wait_moved(settings: Settings, before: dict[int, int]) -> None:
    """Return when every lane has gone on since `before`."""

    def moved() -> bool:
        now = asyncio.run(positions(settings))
        return all(now.get(lane, 0) > before.get(lane, 0) for lane in range(settings.partitions))

    wait_until(moved, timeout_s=120, what="every lane has moved", every_s=0.02)


def start(rig: Rig, name: str) -> Child:
    """Return the started worker."""
    began = {"BENCH_BEGAN": str(time.time())}
    return rig.start(name, "bench.recovery_worker", "--worker-id", "worker", **began)


def timeline(rig: Rig, name: str) -> list[tuple[str, float, float]]:
    """Return what the worker came to, after how many seconds, and how many of them of CPU."""
    lines = (rig.folder / f"{name}.log").read_text().splitlines()
    said = [line.split(" ", 3)[1:] for line in lines if line.startswith("TIMELINE ")]
    return [(what, float(since_s), float(cpu_s)) for since_s, cpu_s, what in said]


def main() -> int:
    """Measure, print, write `bench/results/recovery.json`; 1 when the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--partitions", type=int, default=24)
    asked = parser.parse_args()
    taken: list[tuple[float, str]] = []
    with Rig(partitions=asked.partitions) as rig:
        settings = Settings.from_env(rig.environ)
        stop = threading.Event()
        writer = threading.Thread(target=write_until, args=(stop, settings), daemon=True)
        writer.start()
        try:
            worker = start(rig, "first")
            wait_moved(settings, {})
            for number in range(asked.rounds):
                name = f"again-{number}"
                wait_until(lambda: _has_river(rig), timeout_s=60, what="River is imported")
                worker.kill()
                before, began = asyncio.run(positions(settings)), time.monotonic()
                worker = start(rig, name)
                wait_moved(settings, before)
                taken.append((time.monotonic() - began, name))
                say(f"lanes moved after {taken[-1][0]:.2f} s, load average {os.getloadavg()[0]:.1f}")
            wait_until(lambda: _has_river(rig), timeout_s=60, what="River is imported")
        finally:
            stop.set()
            writer.join(10)
        median = statistics.median_low(taken)
        lines = timeline(rig, median[1])
    show("From the start of the worker, the median round", ("", "s", "CPU s"), lines)
    rows = [
        Row("lanes move again, median", median[0], "s"),
        Row("lanes move again, longest", max(taken)[0], "s"),
        *(Row(what, since_s, "s") for what, since_s, _ in lines),
    ]
    good = check_targets(rows, (Target("lanes move again, median", most=4.0, of="value"),))
    write_results("recovery", rows, rounds=asked.rounds, partitions=asked.partitions)
    return 0 if good else 1


def _has_river(rig: Rig) -> bool:
    """Tell whether the newest worker has imported all that it ever does: what is killed is a worker in service."""
    newest = max(rig.folder.glob("*.log"), key=lambda path: path.stat().st_mtime)
    return "River is imported" in newest.read_text()


if __name__ == "__main__":
    sys.exit(main())
