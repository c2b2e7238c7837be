"""The Kafka that the other integration tests stand on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from tests.servers.child import free_port, wait_until
from tests.servers.kafka import ROOT, KafkaServer
from tests.servers.proxy import TcpProxy

pytestmark = pytest.mark.kafka


def produce(bootstrap: str, topic: str, *values: str) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all"})
    for value in values:
        producer.produce(topic, value.encode(), partition=0)
    assert producer.flush(20) == 0


def read_all(bootstrap: str, topic: str, count: int) -> list[str]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "reader", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
    try:
        return [m.value().decode() for m in consumer.consume(count, timeout=20)]
    finally:
        consumer.close()


def test_keeps_records_over_kill_and_restart(start_kafka: Callable[..., KafkaServer]) -> None:
    """Acknowledged records are there after SIGKILL and after a restart, on the same port and cluster id."""
    server = start_kafka()
    address, cluster = server.bootstrap, server.cluster_id
    server.create_topics("kept", partitions=1)
    produce(server.bootstrap, "kept", "a")
    server.kill()
    assert not server.alive
    server.start()
    produce(server.bootstrap, "kept", "b")
    server.restart()
    assert (server.bootstrap, server.cluster_id) == (address, cluster)
    assert read_all(server.bootstrap, "kept", 2) == ["a", "b"]


def test_topic_settings_reach_the_broker(kafka_server: KafkaServer, topic_prefix: str) -> None:
    """A record over the topic's `max.message.bytes` is refused, one below it is taken."""
    topic = f"{topic_prefix}small"
    kafka_server.create_topics(topic, partitions=1, max_message_bytes=2000)
    produce(kafka_server.bootstrap, topic, "x" * 100)
    refused: list[object] = []
    producer = Producer({"bootstrap.servers": kafka_server.bootstrap})
    producer.produce(topic, b"x" * 5000, on_delivery=lambda error, _: refused.append(error))
    producer.flush(20)
    assert refused[0] is not None


def test_a_server_dies_with_its_starter() -> None:
    """When the process that started a server is killed, the server goes too: a crashed run leaves no orphan."""
    code = (
        "from pathlib import Path; import tempfile, time; from tests.servers.child import Child;"
        "log = Path(tempfile.mkdtemp()) / 'log';"
        "print(Child(['sleep', '600'], log=log).pid, flush=True); time.sleep(600)"
    )
    starter = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert starter.stdout is not None
    child = int(starter.stdout.readline())
    os.kill(starter.pid, signal.SIGKILL)
    starter.wait()
    starter.stdout.close()
    wait_until(lambda: not _runs(child), timeout_s=20, what="the child's end")


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in {"Z", "X"}


def test_who_comes_by_a_proxy_stays_with_it(start_kafka: Callable[..., KafkaServer]) -> None:
    """The node names the proxy's address to those who came through it, and its own to others."""
    front = free_port()
    server = start_kafka(fronts=[front])
    server.create_topics("fronted", partitions=1)
    with TcpProxy(server.behind(front), port=front) as proxy:
        produce(f"127.0.0.1:{front}", "fronted", "a", "b")
        accepted = proxy.accepted
        assert accepted >= 1
        assert read_all(server.bootstrap, "fronted", 2) == ["a", "b"]
        assert proxy.accepted == accepted
        assert read_all(f"127.0.0.1:{front}", "fronted", 2) == ["a", "b"]


def test_deleted_records_are_gone(start_kafka: Callable[..., KafkaServer]) -> None:
    """By offset, as retention does it; or by retention itself."""
    server = start_kafka(
        properties={"log.retention.check.interval.ms": 200, "log.initial.task.delay.ms": 200}
    )
    server.create_topics("old", partitions=1)
    produce(server.bootstrap, "old", "a", "b", "c")
    server.delete_records({("old", 0): 2})
    consumer = Consumer({"bootstrap.servers": server.bootstrap, "group.id": "reader"})
    try:
        assert consumer.get_watermark_offsets(TopicPartition("old", 0), timeout=20) == (2, 3)
        server.configure_topic("old", retention_ms=1)
        wait_until(
            lambda: consumer.get_watermark_offsets(TopicPartition("old", 0), timeout=20) == (3, 3),
            timeout_s=60,
            what="retention has taken the rest",
        )
    finally:
        consumer.close()
