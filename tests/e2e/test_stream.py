"""The stream on real servers: what a worker that dies, waits or comes late leaves behind."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cem.domain.events import CallEnded, SmsRated
from cem.streams.producer import Outgoing
from tests.e2e.system import System, outgoing
from tests.servers.kafka import KafkaServer
from tests.servers.redis import RedisServer

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]

DAY_MS = 86_400_000


@pytest.fixture
def servers(start_kafka: Callable[..., KafkaServer]) -> Iterator[tuple[KafkaServer, RedisServer]]:
    """A Kafka and a Redis of the test's own."""
    with RedisServer() as redis:
        yield start_kafka(), redis


def messages(count: int, customers: int, seed: int) -> list[Outgoing]:
    """Return rated messages of random customers, each with an id of its own."""
    draw = random.Random(seed)
    now_ms = int(time.time() * 1000)
    records = []
    for number in range(count):
        customer = f"c{draw.randrange(customers)}"
        event = SmsRated(
            line=f"+8490{customer[1:]:0>7}",
            segments=draw.randrange(1, 4),
            destination="offnet",
            recipient=f"h{draw.randrange(50)}",
            in_allowance=draw.random() < 0.8,
            charge_minor=draw.randrange(30),
        )
        records.append(
            outgoing(event, customer, event_id=f"{seed}-{number}", time_ms=now_ms - draw.randrange(60_000))
        )
    return records


def test_killed_workers_lose_and_double_nothing(
    servers: tuple[KafkaServer, RedisServer], tmp_path: Path
) -> None:
    """After kill -9 of two workers at random moments, counts equal the log's and the digest equals a replay's."""
    kafka, redis = servers
    with System(kafka=kafka.bootstrap, redis=redis.url, state_dir=tmp_path, session_timeout_s=6) as system:
        system.command("topics", "create")
        records = messages(30_000, 500, seed=1)
        system.produce(records[:10_000])
        draw = random.Random(7)
        workers = {name: system.worker(name) for name in ("a", "b")}
        for round_ in range(4):
            time.sleep(draw.uniform(2.0, 6.0))
            system.produce(records[10_000 + 5_000 * round_ : 15_000 + 5_000 * round_])
            name = draw.choice(sorted(workers))
            workers[name].send_signal(signal.SIGKILL)
            workers[name].wait()
            workers[name] = system.worker(name)
        system.wait_read()
        for worker in workers.values():
            # One that was still starting has nothing to put in order.
            assert system.stop(worker) in (0, -signal.SIGTERM)
        replayed = system.json("replay")
        assert replayed["equal"], replayed["different"]
        assert replayed["replayed"]["digest"] == system.json("state", "digest")["digest"]
        wanted = Counter((record.key or b"").decode() for record in records)
        for customer_id in draw.sample(sorted(wanted), 25):
            assert sum(system.customer(customer_id).counts) == wanted[customer_id]
        emissions: dict[tuple[str, str], set[bytes]] = {}
        for record in system.read_topic("cem.alerts"):
            headers = dict(record.headers)
            key = (headers["ce_source"].decode(), headers["ce_id"].decode())
            emissions.setdefault(key, set()).add(record.value)
        assert all(len(copies) == 1 for copies in emissions.values())


def test_a_repeat_call_in_the_backlog_is_read_before_its_window_closes(
    servers: tuple[KafkaServer, RedisServer], tmp_path: Path
) -> None:
    """A worker that was down while a window ended judges it by what waits in the log, not by its clock."""
    kafka, redis = servers
    start_ms = 1_790_000_000_000
    with System(
        kafka=kafka.bootstrap, redis=redis.url, state_dir=tmp_path, clock="simulated", partitions=2
    ) as system:
        system.command("topics", "create")

        def call(number: int, at_ms: int) -> None:
            event = CallEnded(call_id=f"call-{number}", reason="bill", duration_s=120, resolution="resolved")
            system.produce(
                [outgoing(event, "father", event_id=f"e{number}", time_ms=at_ms, recorded_ms=at_ms)]
            )

        system.set_clock(start_ms)
        call(1, start_ms)
        worker = system.worker("w")
        system.wait_read()
        assert system.stop(worker) == 0
        # While it is down, the customer calls again half an hour before the window of seven days closes ...
        repeat_ms = start_ms + 7 * DAY_MS - 1_800_000
        system.set_clock(repeat_ms)
        call(2, repeat_ms)
        # ... and it comes back half an hour after.
        time.sleep(1.5)
        system.set_clock(start_ms + 7 * DAY_MS + 1_800_000)
        worker = system.worker("w")
        system.wait_read()
        deadline = time.monotonic() + 20
        while not (contacts := system.customer("father").contacts).repeated and time.monotonic() < deadline:
            time.sleep(0.3)
        assert system.stop(worker) == 0
        assert contacts.repeated == 1
        assert contacts.resolved == 0


def test_a_poison_storm_pauses_its_topic_until_somebody_resumes_it(
    servers: tuple[KafkaServer, RedisServer], tmp_path: Path
) -> None:
    """Bad records in a row pause their partition, not the others; each is a dead letter; resuming reads on."""
    kafka, redis = servers
    with System(
        kafka=kafka.bootstrap, redis=redis.url, state_dir=tmp_path, partitions=1, dead_letter_run=20
    ) as system:
        system.command("topics", "create")
        poison = [Outgoing("cem.calls", b"c1", (), b"{not json") for _ in range(60)]
        system.produce(poison)
        worker = system.worker("w")
        deadline = time.monotonic() + 60
        paused: list[dict[str, object]] = []
        while not paused and time.monotonic() < deadline:
            time.sleep(0.3)
            paused = system.json("dead-letters", "resume")["paused"]
        assert [(p["topic"], p["lane"]) for p in paused] == [("cem.calls", 0)]
        good = messages(50, 5, seed=3)
        system.produce(good)
        while system.positions().get(("cem.sms-usage", 0), 0) < 50 and time.monotonic() < deadline:
            time.sleep(0.2)
        assert system.positions()[("cem.sms-usage", 0)] == 50
        system.command("dead-letters", "resume", "cem.calls")
        system.wait_read()
        assert len(system.read_topic("cem.dead-letters")) == len(poison)
        assert system.stop(worker) == 0
