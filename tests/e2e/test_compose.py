"""The compose file's commands, environment and health checks, run as plain processes on a real Kafka and Redis.

No container engine is needed: what is a host name or a path inside a container becomes a loopback port or a folder of
the test. What only an engine does (networks, volumes, users) is held by tests/unit/house/test_deploy.py.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cem.api import hash_key
from cem.domain.events import SmsRated
from tests.builders.compose import compose, moved
from tests.builders.source_code import ROOT
from tests.e2e.system import System, outgoing
from tests.servers.child import Child, free_port, wait_until
from tests.servers.kafka import KafkaServer

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]

KEY = "a-key-for-the-compose-test"
NOT_SETTINGS = {"KAFKA_HEAP_OPTS"}
#: What the images themselves begin a command with.
ENTRY_POINTS = {"cem": ["cem"], "prom/prometheus": ["prometheus"]}


class Host:
    """One host on which services of the file run as processes."""

    def __init__(self, folder: Path) -> None:
        variables = {"CEM_API_KEY": KEY, "CEM_API_KEY_HASH": hash_key(KEY), "CEM_PARTITIONS": "4"}
        self.services: dict[str, Any] = compose(variables)["services"]
        self.folder = folder
        self.ports = {name: free_port() for name in ("9092", "9093", "6379", "8080", "9090")}
        at = {name: f"127.0.0.1:{port}" for name, port in self.ports.items()}
        self.places = {
            "kafka:9092": at["9092"],
            "kafka:9093": at["9093"],
            "://:9092": f"://{at['9092']}",
            "://:9093": f"://{at['9093']}",
            "redis:6379": at["6379"],
            "api:8080": at["8080"],
            "0.0.0.0": "127.0.0.1",
            "/var/lib/cem": str(folder / "cem"),
            "/var/lib/kafka/data": str(folder / "kafka" / "data"),
            "/data": str(folder / "redis"),
            "/etc/prometheus": str(folder / "etc"),
            "/run/secrets": str(folder / "secrets"),
            "path=/prometheus": f"path={folder / 'prometheus'}",
            **{name: str(port) for name, port in self.ports.items()},
        }
        for name in ("cem", "redis", "etc", "secrets", "prometheus"):
            (folder / name).mkdir()
        self.children: dict[str, Child] = {}

    def service(self, name: str, **places: str) -> dict[str, Any]:
        """Return the service as it is on this machine; `places` moves more."""
        found: dict[str, Any] = moved(self.services[name], {**self.places, **places})
        return found

    def environ(self, name: str, **places: str) -> dict[str, str]:
        """Return what the service's process finds in its environment, and nothing of ours but the program's place."""
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return {"PATH": path, **self.service(name, **places).get("environment", {})}

    def command(self, name: str, **places: str) -> list[str]:
        """Return the whole command line."""
        service = self.service(name, **places)
        begin = ENTRY_POINTS.get(service["image"].rpartition(":")[0], [])
        return [*service.get("entrypoint", begin), *service.get("command", [])]

    def run(self, name: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a service to its end, like `docker compose run NAME COMMAND`."""
        line = [*self.service(name).get("entrypoint", ["cem"]), *command] if command else self.command(name)
        return subprocess.run(line, env=self.environ(name), capture_output=True, text=True, timeout=120)

    def start(self, name: str, *, replica: str = "", **places: str) -> Child:
        """Start a service; `replica` is the container's host name."""
        environ = {**self.environ(name, **places), "HOSTNAME": replica or name}
        command = self.command(name, **places)
        command[0] = shutil.which(command[0], path=environ["PATH"]) or command[0]
        if name == "redis":
            command += ["--bind", "127.0.0.1"]  # where an engine's network would shut it off
        child = Child(command, log=self.folder / f"{replica or name}.log", env=environ)
        self.children[replica or name] = child
        return child

    def healthy(self, name: str, **places: str) -> bool:
        """Run the service's health check once, as the engine would."""
        kind, *test = self.service(name, **places)["healthcheck"]["test"]
        command = ["/bin/sh", "-c", *test] if kind == "CMD-SHELL" else test
        done = subprocess.run(command, env=self.environ(name, **places), capture_output=True, timeout=30)
        return done.returncode == 0

    def close(self) -> None:
        """End everything at once."""
        for child in self.children.values():
            child.kill()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """A host of the test's own."""
    made = Host(tmp_path)
    yield made
    made.close()


@pytest.fixture
def kafka(host: Host, start_kafka: Callable[..., KafkaServer]) -> KafkaServer:
    """A real Kafka with the settings that the image makes of the service's environment."""
    environment = host.service("kafka")["environment"]
    properties = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value
        for name, value in environment.items()
        if name.startswith("KAFKA_") and name not in NOT_SETTINGS
    }
    assert not host.healthy("kafka")
    server: KafkaServer = start_kafka(
        port=host.ports["9092"], data_dir=host.folder / "kafka", properties=properties
    )
    return server


def get(url: str, key: str = "") -> tuple[int, bytes]:
    """Return status and body of a request, with the API key if one is given."""
    request = urllib.request.Request(url, headers={"X-API-Key": key} if key else {})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_the_services_of_the_file_work_together(host: Host, kafka: KafkaServer, tmp_path: Path) -> None:
    """Each service comes up with its own command and environment, its health check tells, and records go through."""
    assert host.healthy("kafka")
    assert not host.healthy("redis")
    host.start("redis")
    wait_until(lambda: host.healthy("redis"), timeout_s=20, what="Redis is healthy")

    for _ in range(2):  # every `up` runs it again
        made = host.run("topics")
        assert made.returncode == 0, made.stderr

    metrics = {"worker-1": free_port(), "worker-2": free_port()}
    for name, port in metrics.items():
        host.start("worker", replica=name, **{"9464": str(port)})
    host.start("api")
    for name, port in metrics.items():
        host.children[name].wait_ready(partial(host.healthy, "worker", **{"9464": str(port)}), timeout_s=60)
    host.children["api"].wait_ready(lambda: host.healthy("api"), timeout_s=60)

    environment = host.environ("worker")
    with System(
        kafka=environment["CEM_KAFKA_BOOTSTRAP"],
        redis=environment["CEM_REDIS_URL"],
        state_dir=tmp_path / "outside",
    ) as system:
        event = SmsRated(line="+84901", segments=1, destination="offnet", recipient="h1", in_allowance=False, charge_minor=9)  # fmt: skip
        now_ms = int(time.time() * 1000)
        system.produce(outgoing(event, f"c{n}", event_id=f"e{n}", time_ms=now_ms) for n in range(200))
        system.wait_read()

    lag = json.loads(host.run("cem", "lag", "--json").stdout)
    assert (lag["total_records"], lag["max_seconds"]) == (0, 0.0)
    api = f"http://127.0.0.1:{host.ports['8080']}"
    assert get(f"{api}/v1/customers/c1/next-best-action")[0] == 401
    status, body = get(f"{api}/v1/customers/c1/next-best-action", KEY)
    assert (status, json.loads(body)["customer_id"]) == (200, "c1")
    assert get(f"{api}/metrics")[0] == 401
    assert b"kafka_consumergroup_group_lag" in get(f"{api}/metrics", KEY)[1]
    applied = [
        float(line.split()[-1])
        for port in metrics.values()
        for line in get(f"http://127.0.0.1:{port}/metrics")[1].decode().splitlines()
        if line.startswith('cem_records_applied_total{topic="cem.sms-usage"}')
    ]
    assert sum(applied) == 200

    for name in ("worker-1", "worker-2", "api", "redis"):
        child = host.children[name]
        assert child.stop(timeout_s=15) == 0, child.tail()
    assert not host.healthy("api")
    assert not host.healthy("redis")


@pytest.mark.prometheus
def test_prometheus_finds_the_processes(host: Host, kafka: KafkaServer) -> None:
    """Prometheus comes up with its command and configuration, and scrapes worker, learner and API with their credentials."""
    host.start("redis")
    wait_until(lambda: host.healthy("redis"), timeout_s=20, what="Redis is healthy")
    assert host.run("topics").returncode == 0
    ports = {"worker": str(free_port()), "learner": str(free_port()), "webhooks": str(free_port())}
    for name, port in ports.items():
        host.start(name, **{"9464": port})
    host.start("api").wait_ready(lambda: host.healthy("api"), timeout_s=60)

    for mount in host.services["prometheus"]["volumes"]:
        source, target, *_ = mount.split(":")
        if source.startswith("./"):
            text = (ROOT / source).read_text()
            # Only an engine's network has a name server that knows the replicas.
            text = text.replace("dns_sd_configs:", "static_configs:")
            for name, port in ports.items():
                text = text.replace(f"- names: [{name}]", f'- targets: ["127.0.0.1:{port}"]')
            kept = [
                line
                for line in text.splitlines()
                if line.strip() not in {"type: A", "port: 9464", "refresh_interval: 15s"}
            ]
            Path(moved(target, host.places)).write_text(moved("\n".join(kept), host.places))
    (host.folder / "secrets" / "api-key").write_text(KEY)
    host.start("prometheus")
    wait_until(lambda: host.healthy("prometheus"), timeout_s=30, what="Prometheus is healthy")

    def targets() -> dict[str, str]:
        _, body = get(f"http://127.0.0.1:{host.ports['9090']}/api/v1/targets?state=active")
        return {t["labels"]["job"]: t["health"] for t in json.loads(body)["data"]["activeTargets"]}

    up = dict.fromkeys(("cem-worker", "cem-learner", "cem-webhooks", "cem-api"), "up")
    wait_until(lambda: targets() == up, timeout_s=60, what="all jobs are up")
    _, body = get(f"http://127.0.0.1:{host.ports['9090']}/api/v1/rules")
    rules = [rule for group in json.loads(body)["data"]["groups"] for rule in group["rules"]]
    assert [rule["name"] for rule in rules if rule["health"] not in {"ok", "unknown"}] == []
