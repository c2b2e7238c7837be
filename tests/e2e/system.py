"""A whole deployment on a real Kafka and a real Redis, driven as its users drive it: by commands and by records."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cem.domain.customer import Customer, decode_customer
from cem.domain.events import Event, encode
from cem.ports import LaneHeader
from cem.settings import Settings
from cem.stores import RedisStore, Timeouts, open_store
from cem.streams.clock import Anchor, write_anchor
from cem.streams.connection import client_options
from cem.streams.log_reader import KafkaLog
from cem.streams.producer import EventProducer, Outgoing
from cem.streams.topics import LANE_TOPICS

__all__ = ["System", "outgoing"]


def outgoing(
    event: Event,
    customer_id: str,
    *,
    event_id: str,
    time_ms: int,
    source: str = "test",
    recorded_ms: int | None = None,
) -> Outgoing:
    """Return `event` as a record of its topic."""
    headers, value = encode(
        event, id=event_id, source=source, time_ms=time_ms, customer_id=customer_id, recorded_ms=recorded_ms
    )
    return Outgoing(event.TOPIC, customer_id.encode(), headers, value)


class System:
    """Settings, worker processes and a few questions. Ends its processes when closed."""

    def __init__(
        self, *, kafka: str, redis: str, state_dir: Path, partitions: int = 4, **settings: object
    ) -> None:
        self.settings = Settings.from_env(
            {}, kafka_bootstrap=kafka, redis_url=redis, state_dir=state_dir, partitions=partitions, **settings
        )
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("CEM_")},
            "CEM_KAFKA_BOOTSTRAP": kafka,
            "CEM_REDIS_URL": redis,
            "CEM_STATE_DIR": str(state_dir),
            "CEM_PARTITIONS": str(partitions),
            **{f"CEM_{name.upper()}": str(value) for name, value in settings.items()},
        }
        self.state_dir = state_dir
        self.processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()

    # -- commands ----------------------------------------------------------------------------------------------

    def command(self, *arguments: str, code: int | None = 0) -> str:
        """Run `cem ARGUMENTS` and return what it printed; `code` is the exit code it must have (None: any)."""
        done = subprocess.run(
            [sys.executable, "-m", "cem", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert code is None or done.returncode == code, (
            f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """Run a command with --json and return what it printed."""
        return json.loads(self.command(*arguments, "--json"))

    def start(self, *arguments: str, name: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start `cem ARGUMENTS` in the background, logging to `NAME.log`."""
        with (self.state_dir / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "cem", *arguments],
                env={**self.environment, **environment},
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)
        return process

    def worker(self, worker_id: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a worker."""
        return self.start("worker", "--worker-id", worker_id, name=worker_id, **environment)

    def stop(self, process: subprocess.Popen[bytes], within_s: float = 15.0) -> int:
        """End a process in an orderly way and return its exit code."""
        process.send_signal(signal.SIGTERM)
        return process.wait(within_s)

    def log(self, name: str) -> str:
        """Return what the process of that name has logged."""
        return (self.state_dir / f"{name}.log").read_text()

    def _store(self) -> RedisStore:
        # The machine may be busy: an answer that comes late is an answer here.
        timeouts = Timeouts(work_s=5.0, read_s=5.0)
        return open_store(self.settings.redis_url, self.settings.partitions, timeouts=timeouts)

    # -- records and states ------------------------------------------------------------------------------------

    def produce(self, records: Iterable[Outgoing]) -> None:
        """Write records and wait until they are acknowledged."""

        async def run() -> None:
            async with EventProducer(client_options(self.settings)) as producer:
                await producer.send_many(records)

        asyncio.run(run())

    def headers(self) -> Mapping[int, LaneHeader]:
        """Return the headers of all lanes that have been saved."""

        async def run() -> Mapping[int, LaneHeader]:
            store = self._store()
            try:
                return await store.headers()
            finally:
                await store.close()

        return asyncio.run(run())

    def positions(self) -> dict[tuple[str, int], int]:
        """Return how far each lane has applied each topic."""
        headers = self.headers()
        return {(t, lane): p.next_offset for lane, h in headers.items() for t, p in h.positions.items()}

    def bounds(self, topics: Sequence[str] = LANE_TOPICS) -> dict[tuple[str, int], tuple[int, int]]:
        """Return the first offset that each partition still has, and its end."""

        async def run() -> dict[tuple[str, int], tuple[int, int]]:
            log = KafkaLog(client_options(self.settings))
            try:
                lanes = range(self.settings.partitions)
                return {(t, p): both for p in lanes for t, both in (await log.bounds(p, topics)).items()}
            finally:
                await log.stop()

        return asyncio.run(run())

    def ends(self, topics: Sequence[str] = LANE_TOPICS) -> dict[tuple[str, int], int]:
        """Return the end of each partition."""
        return {at: end for at, (_, end) in self.bounds(topics).items()}

    def wait_read(self, within_s: float = 120.0, *, still_s: float = 0.0) -> None:
        """Return when every record has been applied.

        still_s: beyond `within_s` it may go on while no pause between two moves of any lane is longer: a slow machine
        is waited for, a lane that stands still is not.
        """
        ends = {key: end for key, end in self.ends().items() if end}
        behind = dict(ends)
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            try:
                positions = self.positions()
            except Exception:  # Redis may be the one that is down in this test
                positions = {}
            now_behind = {
                key: end - positions.get(key, 0) for key, end in ends.items() if positions.get(key, 0) < end
            }
            if not now_behind:
                return
            if now_behind != behind:
                behind = now_behind
                deadline = max(deadline, time.monotonic() + still_s)
            time.sleep(0.2)
        raise AssertionError(f"still unread after {within_s} s, and nothing moved for {still_s} s: {behind}")

    def customer(self, customer_id: str) -> Customer:
        """Return the customer's state."""

        async def run() -> bytes | None:
            store = self._store()
            try:
                return (await store.read_many([customer_id]))[0]
            finally:
                await store.close()

        data = asyncio.run(run())
        assert data is not None, f"nothing is known of {customer_id}"
        return decode_customer(data)

    def read_topic(self, topic: str) -> list[Any]:
        """Return all records of a topic, by partition and offset."""

        async def run() -> list[Any]:
            log = KafkaLog(client_options(self.settings))
            try:
                found: list[Any] = []
                for partition in range(self.settings.partitions):
                    first, end = (await log.bounds(partition, [topic]))[topic]
                    found.extend(await log.read(topic, partition, first, end))
                return found
            finally:
                await log.stop()

        return asyncio.run(run())

    def set_clock(self, sim_ms: int, speed: float = 0.0) -> None:
        """Let the simulated clock show `sim_ms` from now on."""

        async def run() -> None:
            store = self._store()

            try:
                await write_anchor(store, Anchor(time.time_ns() // 1_000_000, sim_ms, speed))
            finally:
                await store.close()

        asyncio.run(run())
