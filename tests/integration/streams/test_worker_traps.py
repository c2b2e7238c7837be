"""Traps of Kafka's clients that only a real Kafka shows: a worker meets each, and nothing is lost or doubled."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

from cem.domain.events import SmsRated
from cem.streams.producer import Outgoing
from tests.e2e.system import System, outgoing
from tests.servers.child import wait_until
from tests.servers.kafka import KafkaServer
from tests.servers.redis import RedisServer

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]

TOPIC = "cem.sms-usage"
CUSTOMERS = 40


@pytest.fixture
def system(start_kafka: Callable[..., KafkaServer], tmp_path: Path) -> Iterator[System]:
    """A deployment of two lanes on a Kafka and a Redis of the test's own, with its topics and no worker."""
    kafka = start_kafka()
    with (
        RedisServer() as redis,
        System(
            kafka=kafka.bootstrap, redis=redis.url, state_dir=tmp_path, partitions=2, session_timeout_s=2
        ) as made,
    ):
        made.kafka, made.redis = kafka, redis  # type: ignore[attr-defined]
        made.command("topics", "create")
        yield made


def messages(first: int, count: int) -> list[Outgoing]:
    """Return rated messages, one after the other from all customers."""
    event = SmsRated(
        line="+84901", segments=1, destination="onnet", recipient="h", in_allowance=True, charge_minor=0
    )
    now_ms = int(time.time() * 1000)
    return [
        outgoing(event, f"c{n % CUSTOMERS}", event_id=f"m{n}", time_ms=now_ms)
        for n in range(first, first + count)
    ]


def counted(system: System, per_customer: int) -> None:
    """Demand that each customer's messages have been counted once each."""
    for number in range(0, CUSTOMERS, 7):
        assert sum(system.customer(f"c{number}").counts) == per_customer


def commit(system: System, offset_of: Callable[[int, int], int]) -> None:
    """Make Kafka's committed offsets of the workers' group what `offset_of(lane, end)` says."""
    ends = system.ends([TOPIC])
    places = [TopicPartition(TOPIC, lane, offset_of(lane, end)) for (_, lane), end in ends.items()]
    admin = AdminClient({"bootstrap.servers": system.settings.kafka_bootstrap})
    request = [ConsumerGroupTopicPartitions(system.settings.group, places)]

    def altered() -> bool:
        try:
            for done in admin.alter_consumer_group_offsets(request).values():
                done.result()
        except Exception:  # the group still has the worker that was killed
            return False
        return True

    wait_until(altered, timeout_s=20, what="the group is empty", every_s=0.3)


def test_trap_01_a_worker_reads_on_at_its_lanes_whatever_kafka_has_committed(system: System) -> None:
    """Committed offsets ahead of one lane and behind another neither skip a record nor count one twice.

    The first worker dies before it ever commits: what Kafka then has of the group is not there at all (trap 3), and
    later as wrong as can be (traps 1, 2 and 5).
    """
    system.produce(messages(0, 200))
    first = system.worker("w", CEM_CRASH_AT="saved:1")
    assert first.wait(60) == 137
    worker = system.worker("w")
    system.wait_read()
    counted(system, 5)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    system.produce(messages(200, 200))
    commit(system, lambda lane, end: end if lane == 0 else 0)
    worker = system.worker("w")
    system.wait_read()
    counted(system, 10)
    assert system.stop(worker) == 0


def test_trap_18_a_damaged_batch_stops_its_lane_only(system: System) -> None:
    """A byte that turned on the broker's disk stops the lane that reads it, aloud; the other goes on, and nothing is skipped."""
    kafka: KafkaServer = system.kafka  # type: ignore[attr-defined]
    system.produce(messages(0, 80))
    worker = system.worker("w", CEM_METRICS_PORT="23051")
    system.wait_read()
    assert system.stop(worker) == 0
    system.produce(messages(80, 80))
    reached = system.positions()
    kafka.stop()
    (segment,) = (kafka.data_dir / "data" / f"{TOPIC}-0").glob("*.log")
    damaged = bytearray(segment.read_bytes())
    damaged[-3] ^= 0xFF
    segment.write_bytes(bytes(damaged))
    kafka.start()
    worker = system.worker("w", CEM_METRICS_PORT="23051")
    end = system.ends([TOPIC])[TOPIC, 1]
    wait_until(
        lambda: system.positions()[TOPIC, 1] == end and "lane 0 stopped" in system.log("w"),
        timeout_s=60,
        what="lane 1 goes on and lane 0 says that it is stopped",
    )
    assert worker.poll() is None
    assert re.search(rf"lane 0 stopped: lane 0: {TOPIC}\[0\] cannot be read from offset \d+", system.log("w"))
    assert "the log is damaged there" in system.log("w")
    assert system.positions()[TOPIC, 0] == reached[TOPIC, 0]
    told = {r["partition"]: r for r in system.json("lag")["partitions"] if r["topic"] == TOPIC}
    assert told[0]["verdict"] == "stall"
    assert "the log is damaged there" in told[0]["reason"]
    assert told[1]["verdict"] == "ok"
    system.produce(messages(160, 40))
    end = system.ends([TOPIC])[TOPIC, 1]
    wait_until(lambda: system.positions()[TOPIC, 1] == end, timeout_s=30, what="lane 1 goes on")
    assert system.stop(worker) == 0


def test_trap_13_records_deleted_under_a_running_worker_stop_its_lane(system: System) -> None:
    """Retention that overtakes a worker is no reason to skip: the lane names the range; --accept-loss goes on behind it."""
    kafka: KafkaServer = system.kafka  # type: ignore[attr-defined]
    system.produce(messages(0, 80))
    worker = system.worker("w")
    system.wait_read()
    worker.send_signal(signal.SIGSTOP)
    # The fetch that is under way is answered with the first of these; those after it go before they are read.
    system.produce(messages(80, 80))
    system.produce(messages(160, 80))
    lost = system.ends([TOPIC])[TOPIC, 0] - 2
    kafka.delete_records({(TOPIC, 0): lost})
    worker.send_signal(signal.SIGCONT)
    wait_until(lambda: "lane 0 stopped" in system.log("w"), timeout_s=60, what="lane 0 stops")
    assert re.search(rf"Kafka no longer has {TOPIC}\[0\] offsets \d+ to {lost - 1}: ", system.log("w"))
    end = system.ends([TOPIC])[TOPIC, 1]
    wait_until(lambda: system.positions()[TOPIC, 1] == end, timeout_s=60, what="lane 1 goes on")
    assert system.stop(worker) == 0
    worker = system.worker("w", CEM_ACCEPT_LOSS="1")
    system.wait_read()
    assert system.stop(worker) == 0


def test_trap_15_a_worker_ends_in_time_when_nobody_answers(system: System) -> None:
    """With Kafka and Redis both gone, SIGTERM to exit takes ten seconds at most."""
    system.produce(messages(0, 80))
    worker = system.worker("w")
    system.wait_read()
    system.kafka.kill()  # type: ignore[attr-defined]
    system.redis.kill()  # type: ignore[attr-defined]
    time.sleep(1.0)
    began = time.monotonic()
    assert system.stop(worker, within_s=30) == 0
    assert time.monotonic() - began <= 10.0


def test_a_broker_replaced_under_a_worker_is_noticed(
    system: System, start_kafka: Callable[..., KafkaServer]
) -> None:
    """Another cluster at the same address is not taken for the old one: the lanes stop and name both."""
    kafka: KafkaServer = system.kafka  # type: ignore[attr-defined]
    system.produce(messages(0, 80))
    worker = system.worker("w")
    system.wait_read()
    old = kafka.cluster_id
    kafka.kill()
    new = start_kafka(port=kafka.port)
    system.command("topics", "create")
    # More than the old one had: the worker finds records where it stands.
    system.produce(messages(80, 120))
    said = f"'{old}', but this is cluster '{new.cluster_id}'"
    # Whatever it is busy with: the worker either says it or has ended over something else, which its log tells.
    wait_until(
        lambda: said in system.log("w") or worker.poll() is not None, timeout_s=180, what="the worker notices"
    )
    assert said in system.log("w"), system.log("w")[-5000:]
    assert worker.wait(60) == 1
    assert "CEM_ADOPT_NEW_LOG=1" in system.log("w")


def test_an_emission_beyond_the_topics_limit_stops_the_lane(system: System) -> None:
    """A record that the broker will not take is not offered for ever: the sentence names topic and setting."""
    kafka: KafkaServer = system.kafka  # type: ignore[attr-defined]
    kafka.configure_topic("cem.dead-letters", max_message_bytes=300)
    system.produce([Outgoing(TOPIC, b"c1", (), b"{" + b"x" * 500)])
    worker = system.worker("w")
    wait_until(lambda: "stopped: " in system.log("w"), timeout_s=60, what="the lane stops")
    assert re.search(r"cem\.dead-letters.*max\.message\.bytes", system.log("w"))
    kafka.configure_topic("cem.dead-letters", max_message_bytes=1_000_000)
    assert system.stop(worker) == 0
    worker = system.worker("w")
    wait_until(
        lambda: len(system.read_topic("cem.dead-letters")) == 1, timeout_s=60, what="the letter is published"
    )
    assert system.stop(worker) == 0
