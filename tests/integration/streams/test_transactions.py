"""Records of a transactional producer: what ends its transactions has an offset, but is no record."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from cem.domain.events import CallEnded
from tests.e2e.system import System, outgoing
from tests.servers.kafka import KafkaServer
from tests.servers.redis import RedisServer

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]


def test_a_transaction_marker_at_the_end_leaves_nothing_unread(
    start_kafka: Callable[..., KafkaServer], tmp_path: Path
) -> None:
    """A lane whose partition ends with a marker is read to the end: the watchdog finds nothing that stands still."""
    kafka = start_kafka()
    with (
        RedisServer() as redis,
        System(
            kafka=kafka.bootstrap, redis=redis.url, state_dir=tmp_path, partitions=1, stuck_after_s=4
        ) as system,
    ):
        system.command("topics", "create")
        event = CallEnded(call_id="c1", reason="bill", duration_s=1)
        record = outgoing(event, "a1", event_id="e1", time_ms=int(time.time() * 1000))

        async def produce() -> None:
            producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id="upstream")
            await producer.start()
            async with producer.transaction():
                await producer.send(record.topic, record.value, record.key, headers=list(record.headers))
            await producer.stop()

        asyncio.run(produce())
        assert system.ends()[("cem.calls", 0)] == 2
        worker = system.worker("w")
        deadline = time.monotonic() + 60
        while system.positions().get(("cem.calls", 0)) != 1:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        with pytest.raises(subprocess.TimeoutExpired):
            worker.wait(12)  # longer than a lane may stand still: it must outlive that
        assert system.stop(worker) == 0
