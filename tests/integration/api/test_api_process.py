"""`cem api` as a process on a real Kafka and a real Redis: what it answers, records, survives, and how it stops."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from cem.api import hash_key
from cem.domain.customer import encode_customer
from cem.domain.events import DecisionMade, OutcomeRecorded, Received, decode
from cem.nba import load_policy, replay
from cem.stores import open_store
from cem.streams.partition import lane_of
from cem.streams.topics import ALERTS, LANE_TOPICS
from tests.builders.nba import shipped_texts
from tests.builders.stores import save, saved
from tests.builders.typical_customer import typical_customer
from tests.servers.kafka import KafkaServer
from tests.servers.redis import RedisServer

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

LANES = 4
KEY = "a key of more than sixteen characters"
CUSTOMER = typical_customer().customer_id
NBA = f"/v1/customers/{CUSTOMER}/next-best-action"


class System:
    """Kafka, Redis with one customer, and what an API process of it needs."""

    def __init__(self, kafka: KafkaServer, redis: RedisServer, folder: Path) -> None:
        self.kafka, self.redis, self.folder = kafka, redis, folder
        self.environ = {
            "CEM_KAFKA_BOOTSTRAP": kafka.bootstrap,
            "CEM_REDIS_URL": redis.url,
            "CEM_PARTITIONS": str(LANES),
            "CEM_STATE_DIR": str(folder),
            # Two busy cores are no reason to fall back here.
            "CEM_DECISION_DEADLINE_MS": "1000",
            "CEM_DECISION_LOG_MS": "900",
        }

    def api(self, **more: str) -> ApiProcess:
        """Return a started API process."""
        return ApiProcess({**self.environ, **more})

    def records(self, topic: str) -> list[Received]:
        """Return what a lane would read of the topic."""
        return asyncio.run(_read(self.kafka.bootstrap, topic))


class ApiProcess:
    """One `cem api` on a port of its own; as a context manager it is gone at the end."""

    def __init__(self, environ: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cem", "api", "--port", "0"],
            env={**os.environ, **environ},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        self.url = ""
        for line in self.process.stderr:
            if "listens on" in line:
                self.url = line.split()[-1]
                break
        assert self.url, "the API did not come up"
        self.port = int(self.url.rsplit(":", 1)[1])

    def __enter__(self) -> ApiProcess:
        return self

    def __exit__(self, *error: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        assert self.process.stderr is not None
        self.process.stderr.close()

    def get(self, path: str, **options: Any) -> httpx.Response:
        """Return the answer to a GET."""
        return httpx.get(self.url + path, timeout=20, **options)

    def ready(self, *, status: int = 200, within_s: float = 30) -> httpx.Response:
        """Return the readiness once it has the status."""
        until = time.monotonic() + within_s
        while True:
            response = self.get("/readyz?verbose")
            if response.status_code == status or time.monotonic() > until:
                assert response.status_code == status, response.text
                return response
            time.sleep(0.1)

    def fresh(self, within_s: float = 30) -> None:
        """Return once the age of every topic is known."""
        until = time.monotonic() + within_s
        while None in self.get(NBA).json()["staleness_s"].values():
            assert time.monotonic() < until
            time.sleep(0.2)


async def _read(bootstrap: str, topic: str) -> list[Received]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, lane) for lane in range(LANES)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        found = []
        while any([await consumer.position(p) < ends[p] for p in partitions]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    received = decode(record)
                    assert isinstance(received, Received), received
                    assert record.partition == lane_of(received.customer_id, LANES)
                    found.append(received)
        return found
    finally:
        await consumer.stop()


async def _keep_customer(url: str) -> None:
    store = open_store(url, LANES)
    try:
        change = save("token1", values={f"c:{CUSTOMER}": encode_customer(typical_customer())})
        await saved(store, lane_of(CUSTOMER, LANES), change)
    finally:
        await store.close()


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A Kafka and a Redis of these tests' own: the topics' names are fixed."""
    with KafkaServer() as kafka, RedisServer() as redis:
        kafka.create_topics(*LANE_TOPICS, ALERTS, partitions=LANES)
        asyncio.run(_keep_customer(redis.url))
        yield System(kafka, redis, tmp_path_factory.mktemp("api"))


def test_a_decision_is_in_the_log_before_it_is_answered_and_replays_from_there(system: System) -> None:
    """Byte for byte, in the customer's lane; an outcome follows it there, once."""
    with system.api() as api:
        api.ready()
        api.fresh()
        response = api.get(NBA, params={"reason": "network", "rep_id": "r1"})
        answer = response.json()
        assert answer["tier"] == "full"
        assert answer["logged"] is True
        outcome = {"state": "offered", "rep_id": "r1"}
        for _ in range(2):
            posted = httpx.post(
                f"{api.url}/v1/decisions/{answer['decision_id']}/outcomes",
                json=outcome,
                headers={"Idempotency-Key": "k1"},
                timeout=20,
            )
            assert posted.status_code == 202, posted.text
        assert posted.headers["idempotent-replayed"] == "true"
    made = [r for r in system.records("cem.decisions") if r.id == answer["decision_id"]]
    assert len(made) == 1
    record = made[0].event
    assert isinstance(record, DecisionMade)
    policy = load_policy(shipped_texts(), currency="EUR")
    assert msgspec.json.encode(replay(record, policy)) == response.content
    outcomes = [r.event for r in system.records("cem.outcomes")]
    assert [o.decision_id for o in outcomes if isinstance(o, OutcomeRecorded)] == [answer["decision_id"]]


def test_while_redis_stands_still_the_answer_is_service_only(system: System) -> None:
    """Never empty, marked by its tier; whole again by itself; alive all the time, not ready meanwhile."""
    with system.api(CEM_DECISION_DEADLINE_MS="300") as api:
        api.ready()
        system.redis.pause()
        try:
            answer = api.get(NBA).json()
            assert answer["tier"] == "service_only"
            assert answer["actions"][0]["action"] == "just_help"
            assert api.get(f"/v1/customers/{CUSTOMER}").status_code == 503
            api.ready(status=503)
            assert api.get("/livez").status_code == 200
        finally:
            system.redis.resume()
        api.ready()
        until = time.monotonic() + 20
        while api.get(NBA).json()["tier"] != "full":
            assert time.monotonic() < until


def test_it_stops_when_told_to(system: System) -> None:
    """SIGTERM ends it with code 0, an idle connection open or not."""
    with system.api() as api:
        api.ready()
        with socket.create_connection(("127.0.0.1", api.port)) as idle:
            idle.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
            assert idle.recv(100).startswith(b"HTTP/1.1 200")
            api.process.send_signal(signal.SIGTERM)
            assert api.process.wait(timeout=30) == 0


def test_trap_25_it_stops_while_somebody_listens_to_a_stream_that_never_ends(system: System) -> None:
    """SIGTERM ends the stream of alerts, whose connection is closed in good order, and the process, within ten seconds."""
    with system.api() as api, httpx.Client(timeout=30) as client:
        api.ready()
        with client.stream("GET", f"{api.url}/v1/alerts/stream") as listening:
            assert listening.status_code == 200
            chunks = listening.iter_raw()
            assert next(chunks)
            api.process.send_signal(signal.SIGTERM)
            for _ in chunks:
                pass
        assert api.process.wait(timeout=10) == 0


def test_whoever_sends_a_request_too_slowly_is_hung_up_on(system: System) -> None:
    """A silent connection, and one that sends a byte now and then; a healthy one beside them is served."""
    with system.api() as api:
        api.ready()
        silent = socket.create_connection(("127.0.0.1", api.port), timeout=30)
        slow = socket.create_connection(("127.0.0.1", api.port), timeout=30)
        with silent, slow:
            slow.sendall(b"GET /livez HT")
            began = time.monotonic()
            while time.monotonic() - began < 30:
                try:
                    slow.sendall(b"x")
                except OSError:
                    break
                time.sleep(0.5)
                assert api.get("/livez").status_code == 200
            else:
                pytest.fail("the slow sender was not hung up on")
            assert silent.recv(1) == b""


def test_with_a_key_only_its_holder_is_answered(system: System) -> None:
    """Also by the command line."""
    with system.api(CEM_API_KEY_HASH=hash_key(KEY)) as api:
        assert api.get(NBA).status_code == 401
        assert api.get(NBA, headers={"Authorization": f"Bearer {KEY}"}).status_code == 200
        environ = {**os.environ, "CEM_API_URL": api.url, "CEM_STATE_DIR": str(system.folder)}
        command = [sys.executable, "-m", "cem", "nba", CUSTOMER, "--json"]
        refused = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        assert refused.returncode == 4
        assert "CEM_API_KEY" in refused.stderr
        asked = subprocess.run(
            command, env={**environ, "CEM_API_KEY": KEY}, capture_output=True, text=True, check=False
        )
        assert asked.returncode == 0, asked.stderr
        assert json.loads(asked.stdout)["customer_id"] == CUSTOMER
        command.pop()
        shown = subprocess.run(
            command, env={**environ, "CEM_API_KEY": KEY}, capture_output=True, text=True, check=False
        )
        assert "ranked" in shown.stdout


def test_a_policy_with_a_mistake_or_a_taken_port_is_one_sentence(system: System, tmp_path: Path) -> None:
    """And an exit code, before anything is served."""
    (tmp_path / "decision.yaml").write_text(
        shipped_texts()["decision.yaml"].replace("open_faults", "open_fault")
    )
    command = [sys.executable, "-m", "cem", "api", "--port", "0"]
    environ = {**os.environ, **system.environ, "CEM_POLICIES": str(tmp_path)}
    wrong = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
    assert "did you mean 'open_faults'?" in wrong.stderr
    assert "decision.yaml:" in wrong.stderr
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command[-1] = str(taken.getsockname()[1])
        busy = subprocess.run(
            command, env={**os.environ, **system.environ}, capture_output=True, text=True, check=False
        )
    assert busy.returncode == 1
    assert "cannot listen on 127.0.0.1" in busy.stderr
