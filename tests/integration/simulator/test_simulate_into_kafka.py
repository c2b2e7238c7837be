"""`cem simulate` into a real Kafka, with the clock in a real Redis: history, live, killed, and going on."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from cem.domain.events import Received, decode
from cem.simulator import Parameters, open_world
from cem.stores import open_store
from cem.streams.clock import read_anchors
from cem.streams.topics import CUSTOMER_TOPICS
from tests.servers.child import wait_until
from tests.servers.kafka import KafkaServer
from tests.servers.redis import RedisServer

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

LANES = 2
_seeds = itertools.count(101)


@pytest.fixture(scope="module")
def server() -> Iterator[KafkaServer]:
    """A Kafka of this module's own: the topics' names are fixed."""
    with KafkaServer() as started:
        yield started


class Cem:
    """The command with a state directory, a store and an operator of one test's own."""

    def __init__(self, server: KafkaServer, redis_url: str, folder: Path) -> None:
        self.server = server
        self.redis_url = redis_url
        self.folder = folder
        self.seed = next(_seeds)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CEM_")}
        self.environ = kept | {
            "CEM_KAFKA_BOOTSTRAP": server.bootstrap,
            "CEM_REDIS_URL": redis_url,
            "CEM_PARTITIONS": str(LANES),
            "CEM_STATE_DIR": str(folder / "state"),
            "CEM_CLOCK": "simulated",
            "CEM_API_URL": "http://127.0.0.1:9",
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "cem", *arguments],
            env=self.environ,
            cwd=self.folder,
            text=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def simulate(self, *arguments: str) -> subprocess.Popen[str]:
        return self.start("simulate", "--seed", str(self.seed), *arguments)

    def end(self, process: subprocess.Popen[str], number: int = signal.SIGTERM) -> tuple[int, str]:
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
        return process.returncode, err

    def events(self) -> list[Received]:
        """What the test's operator has said, in the order of each partition."""
        found = []
        for record in asyncio.run(_records(self.server.bootstrap)):
            received = decode(record)
            assert isinstance(received, Received), received
            if received.source.startswith(f"/simulator/{self.seed}/"):
                found.append(received)
        return found

    def clock(self) -> tuple[int, float]:
        """The newest anchor's time and speed."""

        async def read() -> tuple[int, float]:
            store = open_store(self.redis_url, LANES)
            try:
                anchors = await read_anchors(store)
            finally:
                await store.close()
            return (anchors[-1].sim_ms, anchors[-1].speed) if anchors else (0, -1.0)

        return asyncio.run(read())


async def _records(bootstrap: str) -> list[ConsumerRecord]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, lane) for topic in CUSTOMER_TOPICS for lane in range(LANES)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        left = {tp: end for tp, end in (await consumer.end_offsets(partitions)).items() if end}
        found: list[ConsumerRecord] = []
        while left:
            for tp, records in (await consumer.getmany(timeout_ms=500)).items():
                found += records
                if records and records[-1].offset + 1 >= left.get(tp, 1 << 62):
                    del left[tp]
        return found
    finally:
        await consumer.stop()


@pytest.fixture
def cem(server: KafkaServer, tmp_path: Path) -> Iterator[Cem]:
    """The command on the module's Kafka and a Redis of the test's own, with the topics made."""
    with RedisServer() as redis:
        command = Cem(server, redis.url, tmp_path)
        with command.start("topics", "create") as process:
            process.communicate(timeout=60)
        assert process.returncode == 0
        yield command


def each_once(events: list[Received]) -> dict[tuple[str, str], list[int]]:
    """Return the numbers of each customer and source as they first came; repeats are left out as a lane leaves them."""
    numbers: dict[tuple[str, str], list[int]] = defaultdict(list)
    for event in events:
        seen = numbers[(event.source, event.customer_id)]
        assert event.sequence is not None
        if not seen or event.sequence > seen[-1]:
            seen.append(event.sequence)
    return numbers


def without_holes(events: list[Received]) -> bool:
    """Return whether every customer's records of a source are numbered from 1 on, each of them there."""
    return all(seen == list(range(1, len(seen) + 1)) for seen in each_once(events).values())


def test_the_history_arrives_as_the_world_says_it(cem: Cem) -> None:
    """Record for record; the clock stands where the history ends."""
    with cem.simulate("--customers", "15", "--history", "5", "--no-live", "--fresh") as process:
        _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    world = open_world(Parameters(customers=15, seed=cem.seed), live_from_day=5)
    expected = world.advance(world.asks_from_ms - 1)
    got = {(e.source, e.id): e for e in cem.events()}
    assert len(got) == len(expected)
    for event in expected:
        received = got[(event.source, event.id)]
        assert (received.event, received.time_ms, received.ingested_ms) == (
            event.event,
            event.time_ms,
            event.recorded_ms,
        )
    assert cem.clock() == (world.now_ms, 0.0)


def test_it_lives_on_and_a_second_run_goes_on_where_it_stopped(cem: Cem) -> None:
    """No hole, no second history; without an API the representatives say so and go on."""
    arguments = ("--customers", "40", "--history", "2", "--speed", "7200", "--set", "questions_per_week=20")
    process = cem.simulate(*arguments)
    wait_until(lambda: cem.clock()[1] > 0, timeout_s=60, what="the live part")
    began_ms = cem.clock()[0]
    wait_until(
        lambda: any(e.type == "call.ended" and e.time_ms > began_ms for e in cem.events()),
        timeout_s=60,
        what="a call",
    )
    code, err = cem.end(process)
    assert code == 0, err
    assert "representatives go on without it" in err
    stopped_ms, speed = cem.clock()
    assert speed == 0
    before = cem.events()
    assert without_holes(before)

    process = cem.simulate(*arguments)
    wait_until(lambda: len(cem.events()) > len(before) + 20, timeout_s=60, what="going on")
    code, err = cem.end(process, signal.SIGINT)
    assert code == 0, err
    assert "going on with" in err
    assert cem.clock()[0] > stopped_ms
    after = cem.events()
    assert without_holes(after)
    assert len({(e.source, e.id) for e in after}) == len(after), "a clean stop leaves nothing to send again"


def test_after_a_kill_nothing_is_missing_and_no_id_has_two_contents(cem: Cem) -> None:
    """In the history and in the live part: what is sent again is the same, byte for byte."""
    arguments = ("--customers", "60", "--history", "20", "--speed", "7200", "--set", "questions_per_week=5")
    process = cem.simulate(*arguments)
    wait_until(lambda: len(cem.events()) > 500, timeout_s=60, what="some history")
    process.kill()
    process.communicate(timeout=60)
    process = cem.simulate(*arguments)
    wait_until(lambda: cem.clock()[1] > 0, timeout_s=120, what="the live part")
    so_far = len(cem.events())
    wait_until(lambda: len(cem.events()) > so_far + 50, timeout_s=60, what="some life")
    process.kill()
    process.communicate(timeout=60)
    so_far = len(cem.events())
    process = cem.simulate(*arguments)
    wait_until(lambda: len(cem.events()) > so_far + 50, timeout_s=60, what="the live part again")
    code, err = cem.end(process)
    assert code == 0, err
    events = cem.events()
    assert without_holes(events)
    contents: dict[tuple[str, str], Received] = {}
    for event in events:
        same = contents.setdefault((event.source, event.id), event)
        assert (same.event, same.time_ms, same.sequence) == (event.event, event.time_ms, event.sequence)


def test_two_simulators_in_one_state_directory_are_one_too_many(cem: Cem) -> None:
    """The second says so and ends."""
    process = cem.simulate("--customers", "10", "--speed", "60")
    wait_until(lambda: cem.clock()[1] > 0, timeout_s=60, what="the first")
    with cem.simulate("--customers", "10") as second:
        _, err = second.communicate(timeout=60)
    assert second.returncode == 1
    assert "another cem simulate uses" in err
    assert cem.end(process)[0] == 0


def test_a_rate_is_kept(cem: Cem) -> None:
    """--rate sends so many events a second, whatever the hour of the world."""
    process = cem.simulate("--customers", "40", "--history", "1", "--rate", "200")
    wait_until(lambda: cem.clock()[1] > 0, timeout_s=60, what="the live part")
    begun = len(cem.events())
    wait_until(lambda: len(cem.events()) > begun + 1000, timeout_s=60, what="a thousand events")
    assert cem.end(process)[0] == 0
    assert without_holes(cem.events())


def catches(pid: int, number: int) -> bool:
    """Return whether the process has said what it does on the signal."""
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line
    )
    return bool(int(status["SigCgt"], 16) >> number - 1 & 1)


def test_on_the_walls_clock_the_history_ends_now(cem: Cem) -> None:
    """Nothing is recorded in the future, an hour lasts an hour, and no simulated clock is set."""
    cem.environ["CEM_CLOCK"] = "wall"
    with cem.simulate("--customers", "30", "--history", "2", "--no-live") as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    now_ms = time.time() * 1000
    events = cem.events()
    assert without_holes(events)
    assert now_ms - 6 * 3_600_000 < max(event.ingested_ms for event in events) < now_ms
    assert min(event.ingested_ms for event in events) > now_ms - 3 * 86_400_000
    assert cem.clock() == (0, -1.0)
    process = cem.simulate("--customers", "30")
    wait_until(lambda: catches(process.pid, signal.SIGTERM), timeout_s=60, what="a stop is heard")
    time.sleep(3)
    assert cem.end(process)[0] == 0
    assert max(event.ingested_ms for event in cem.events()) <= time.time() * 1000
