"""One real Apache Kafka node (KRaft: broker and controller in one process) on loopback.

The jars come from Maven: `make kafka-jars` puts them into `.cache/kafka/libs`. In the foreground, for development:

    python -m tests.servers.kafka --port 9092
"""

from __future__ import annotations

import argparse
import base64
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from tests.servers.child import Child, ServerFailed, Started, die_with_parent, free_port

__all__ = ["KafkaServer", "missing"]

ROOT = Path(__file__).resolve().parents[2]
LIBS = ROOT / ".cache" / "kafka" / "libs"

#: Short start-up matters more than peak speed: the quick compiler alone saves 40 % of the CPU that a start takes.
#: A benchmark passes `-XX:TieredStopAtLevel=4`, and a heap, as `java_options`: the last one counts.
JAVA_OPTIONS = (
    "-XX:TieredStopAtLevel=1",
    "-Xmx512m",
    "-Xms128m",
    "-XX:+UseSerialGC",
    "-XX:-UsePerfData",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
    "-Dorg.slf4j.simpleLogger.showThreadName=false",
)

DEFAULTS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    # A typo in a topic's name must fail instead of making a topic.
    "auto.create.topics.enable": "false",
    "num.partitions": "4",
    "offsets.topic.num.partitions": "8",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # Groups form at once, and a test may use a session time-out below the usual 6 s.
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    # After a SIGKILL the node is refused until its earlier self's session has run out (usually 9 s).
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    # The default de-duplication buffer would take a quarter of this heap.
    "log.cleaner.dedupe.buffer.size": "16777216",
    "num.network.threads": "2",
    "num.io.threads": "4",
}


def missing() -> str | None:
    """Return why no Kafka can be started here, in words that say what to do; None if it can."""
    if shutil.which("java") is None:
        return "no java on PATH (Java 17 or newer runs Kafka 4)"
    if not any(LIBS.glob("kafka_*.jar")):
        return f"no Kafka jars in {LIBS.relative_to(ROOT)}: run `make kafka-jars` (needs Maven)"
    return None


class KafkaServer(Started):
    """A Kafka node that keeps its port, its data and its cluster id over stop, kill and start.

    As a context manager it starts on entry, and on exit ends at once and removes its data if it made the folder.
    """

    def __init__(
        self,
        *,
        port: int | None = None,
        data_dir: Path | None = None,
        properties: Mapping[str, str | int | bool] | None = None,
        java_options: Sequence[str] = (),
        fronts: Sequence[int] = (),
    ) -> None:
        """Prepare a node; nothing is started yet. `properties` override `DEFAULTS` (broker settings by name).

        fronts: ports of 127.0.0.1 at which proxies will stand. Whoever comes by one of them is told to go on by
        it; `behind` says where the proxy finds the node.
        """
        self.port = port or free_port()
        self._fronts = {front: free_port() for front in fronts}
        self.controller_port = free_port()
        self.properties = {k: _text(v) for k, v in (properties or {}).items()}
        self.java_options = (*JAVA_OPTIONS, *java_options)
        self._temporary = data_dir is None
        self.data_dir = data_dir or Path(tempfile.mkdtemp(prefix="cem-kafka-"))
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.log = self.data_dir / "server.log"
        self.child: Child | None = None

    @property
    def bootstrap(self) -> str:
        """`host:port` for clients."""
        return f"127.0.0.1:{self.port}"

    @property
    def fronts(self) -> list[int]:
        """The ports at which proxies may stand."""
        return list(self._fronts)

    def behind(self, front: int) -> tuple[str, int]:
        """Return the address to which the proxy at the port `front` forwards."""
        return "127.0.0.1", self._fronts[front]

    @property
    def cluster_id(self) -> str:
        """The id under which the data folder was formatted; drawn at the first start."""
        kept = self.data_dir / "cluster.id"
        if not kept.exists():
            # As Kafka's own: without a dash in front, which its tools would take for an option.
            kept.write_text(
                base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "_")
            )
        return kept.read_text()

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.child is not None and self.child.alive

    def start(self, *, timeout_s: float = 90.0) -> Self:
        """Start, and return once clients are served. Raises ServerFailed with the end of the server's log."""
        if reason := missing():
            raise ServerFailed(reason)
        if self.alive:
            return self
        config = self._write_config()
        if not (self.data_dir / "data" / "meta.properties").exists():
            self._format(config)
        self.child = Child([*self._java(), "kafka.Kafka", str(config)], log=self.log, env=_environment())
        self.child.wait_ready(self._serves, timeout_s=timeout_s)
        return self

    def stop(self, *, timeout_s: float = 30.0) -> None:
        """End it in good order; data stay."""
        if self.child is not None:
            self.child.stop(timeout_s=timeout_s)

    def kill(self) -> None:
        """End it at once (SIGKILL); data stay as they are."""
        if self.child is not None:
            self.child.kill()

    def pause(self) -> None:
        """Freeze it: connections stay open and are not answered."""
        assert self.child is not None
        self.child.pause()

    def resume(self) -> None:
        """Go on after `pause`."""
        assert self.child is not None
        self.child.resume()

    def restart(self) -> Self:
        """Stop in good order and start again: same port, data and cluster id."""
        self.stop()
        return self.start()

    def create_topics(self, *names: str, partitions: int = 4, **config: str | int | bool) -> None:
        """Make the topics; `config` are topic settings with `_` for `.` (`max_message_bytes=100`)."""
        from confluent_kafka.admin import AdminClient, NewTopic

        settings = {k.replace("_", "."): _text(v) for k, v in config.items()}
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        topics = [
            NewTopic(n, num_partitions=partitions, replication_factor=1, config=settings) for n in names
        ]
        for created in admin.create_topics(topics, operation_timeout=30).values():
            created.result(timeout=30)

    def delete_records(self, before: Mapping[tuple[str, int], int]) -> None:
        """Delete what the (topic, partition)s have before the offsets, as retention would."""
        from confluent_kafka import TopicPartition
        from confluent_kafka.admin import AdminClient

        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        wanted = [TopicPartition(topic, partition, offset) for (topic, partition), offset in before.items()]
        for deleted in admin.delete_records(wanted).values():
            deleted.result(timeout=30)

    def configure_topic(self, name: str, **config: str | int | bool) -> None:
        """Set settings of a topic that is there; names with `_` for `.`."""
        from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

        entries = [
            ConfigEntry(k.replace("_", "."), _text(v), incremental_operation=AlterConfigOpType.SET)
            for k, v in config.items()
        ]
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        resource = ConfigResource(ConfigResource.Type.TOPIC, name, incremental_configs=entries)
        for altered in admin.incremental_alter_configs([resource]).values():
            altered.result(timeout=30)

    def close(self) -> None:
        """End it at once and remove the data if the folder was made here."""
        self.kill()
        if self._temporary:
            shutil.rmtree(self.data_dir, ignore_errors=True)

    def _java(self) -> list[str]:
        return ["java", *self.java_options, "-cp", f"{LIBS}/*"]

    def _write_config(self) -> Path:
        clients = {"PLAINTEXT": (self.port, self.port)}
        clients |= {f"FRONT{front}": (port, front) for front, port in self._fronts.items()}
        listeners = {name: port for name, (port, _) in clients.items()} | {"CONTROLLER": self.controller_port}
        settings = {
            **DEFAULTS,
            "controller.quorum.voters": f"1@127.0.0.1:{self.controller_port}",
            "listeners": _listeners(listeners),
            "advertised.listeners": _listeners({name: shown for name, (_, shown) in clients.items()}),
            "listener.security.protocol.map": ",".join(f"{name}:PLAINTEXT" for name in listeners),
            "log.dirs": str(self.data_dir / "data"),
            **self.properties,
        }
        config = self.data_dir / "server.properties"
        config.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        return config

    def _format(self, config: Path) -> None:
        command = [
            *self._java(),
            "kafka.tools.StorageTool",
            "format",
            "-t",
            self.cluster_id,
            "-c",
            str(config),
        ]
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=90,
            preexec_fn=die_with_parent,
            env=_environment(),
        )
        if done.returncode:
            raise ServerFailed(f"formatting the Kafka data folder failed:\n{done.stdout}{done.stderr}")

    def _serves(self) -> bool:
        # The plain connection first: librdkafka complains aloud about a port where nobody listens.
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                pass
        except OSError:
            return False
        return self._has_broker()

    def _has_broker(self) -> bool:
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient

        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        try:
            return bool(admin.list_topics(timeout=2).brokers)
        except KafkaException:
            return False


def _listeners(ports: Mapping[str, int]) -> str:
    return ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())


def _text(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _environment() -> dict[str, str]:
    # A debugger or heap setting in the caller's environment is meant for another Java.
    return {k: v for k, v in os.environ.items() if k not in {"JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS"}}


def main() -> None:
    """Run one node in the foreground until it is interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tests.servers.kafka", description=main.__doc__)
    parser.add_argument("--port", type=int, help="port for clients; default: a free one")
    parser.add_argument("--data", type=Path, help="folder that keeps the data; default: a temporary one")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a broker setting")
    arguments = parser.parse_args()
    properties = dict(entry.split("=", 1) for entry in arguments.set)
    server = KafkaServer(port=arguments.port, data_dir=arguments.data, properties=properties)
    stopped = signal.SIGINT, signal.SIGTERM
    signal.pthread_sigmask(signal.SIG_BLOCK, stopped)
    try:
        server.start()
        print(f"Kafka {server.cluster_id} serves {server.bootstrap}; data in {server.data_dir}", flush=True)
        signal.sigwait(stopped)
        server.stop()
    finally:
        server.close()


if __name__ == "__main__":
    main()
