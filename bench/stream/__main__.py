"""Run the contestants in turns on one Kafka, print the table, write bench/results/stream.json.

python -m bench.stream [--records N] [--customers N] [--runs N] [--only NAME ...]
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from confluent_kafka.admin import AdminClient, NewTopic

from bench.common import ROOT, say
from bench.stream.peers import PEERS, missing_peers
from bench.stream.product import Product, plain_environment
from bench.stream.race import Peer, Result, RunFailed, last_values, verdict
from bench.stream.records import ALERT_ABOVE_MINOR, TOPIC, Expected, expected, produce
from bench.stream.report import report
from tests.servers.kafka import KafkaServer

__all__: list[str] = []

PARTITIONS = 4
PRODUCTS = (Product("cem", "cem"), Product("cem-2", "cem, two workers", workers=2))
#: As a broker is run in service: the better compiler, and room.
JAVA = ("-XX:TieredStopAtLevel=4", "-Xmx1g", "-Xms1g")
#: Several workers that start together share the lanes at once (Kafka's default is 3 s).
BROKER = {"group.initial.rebalance.delay.ms": "3000", "log.cleaner.enable": "false"}


class Bench:
    """One Kafka with the records in it, and the contestants' runs on it."""

    def __init__(self, kafka: KafkaServer, folder: Path, records: int, customers: int) -> None:
        assert kafka.child is not None
        self.kafka = kafka
        self.broker_pid = kafka.child.pid
        self.folder = folder
        self.records = records
        self.customers = customers
        self.mean_bytes = 0
        self._admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
        self._topics: dict[int, str] = {}
        self._expected: dict[int, Expected] = {}
        self._number = 0

    def source(self, records: int) -> str:
        """Return the topic that holds the first `records` messages."""
        topic = self._topics.get(records)
        if topic is None:
            topic = self._topics[records] = TOPIC if records == self.records else f"bench.messages-{records}"
            self._create(topic)
            say(f"{records:,} records into {topic} ...")
            self.mean_bytes = produce(self.kafka.bootstrap, topic, records, self.customers)
            self._expected[records] = expected(records, self.customers)
        return topic

    def run(self, contestant: Peer | Product) -> Result:
        """Return one run's figures. Raises RunFailed."""
        self._number += 1
        name = f"{contestant.name}-{self._number}"
        records = self.records
        if isinstance(contestant, Peer) and contestant.at_most:
            records = min(records, contestant.at_most)
        topic = self.source(records)
        alerts = f"bench.alerts.{name}"
        self._create(alerts)
        out = self.folder / name
        env = {
            **plain_environment(),
            "BENCH_BOOTSTRAP": self.kafka.bootstrap,
            "BENCH_TOPIC": topic,
            "BENCH_ALERTS": alerts,
            "BENCH_GROUP": f"bench-{name}",
            "BENCH_RECORDS": str(records),
            "BENCH_PARTITIONS": str(PARTITIONS),
            "BENCH_ALERT_ABOVE_MINOR": str(ALERT_ABOVE_MINOR),
            "BENCH_STATE": str(out / "state"),
            "BENCH_OUT": str(out),
        }
        if isinstance(contestant, Product):
            result, counts = contestant.run(
                env, broker_pid=self.broker_pid, records=records, customers=self.customers,
                partitions=PARTITIONS, out=out,
            )  # fmt: skip
        else:
            result = contestant.run(env, broker_pid=self.broker_pid, records=records, out=out)
            counts = contestant.counts(out, self.kafka.bootstrap, f"bench-{name}")
        told = last_values(self.kafka.bootstrap, alerts)
        result.wrong = verdict(self._expected[records], counts, told)
        shutil.rmtree(out, ignore_errors=True)
        return result

    def _create(self, topic: str) -> None:
        for done in self._admin.create_topics([NewTopic(topic, PARTITIONS, 1)]).values():
            done.result(30)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for; return 0 when every target that was run is reached."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.stream", description="The stream job, side by side."
    )
    parser.add_argument("--records", type=int, default=int(os.environ.get("BENCH_RECORDS", "1000000")))
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=int(os.environ.get("BENCH_RUNS", "3")))
    parser.add_argument("--port", type=int, help="Kafka's port; default: a free one")
    names = [c.name for c in (*PRODUCTS, *PEERS)]
    parser.add_argument("--only", nargs="+", choices=names, help="run these alone")
    parser.add_argument("--profile", type=Path, metavar="FILE", help="write a py-spy profile of cem's worker")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="CEM_NAME=VALUE",
        help="run cem a second time, with this setting",
    )
    options = parser.parse_args(arguments)
    wanted = options.only or names
    if missing := missing_peers(wanted):
        say(f"not installed: {', '.join(missing)}: run `make bench-stream`")
        return 2
    contestants = [c for c in (*PRODUCTS, *PEERS) if c.name in wanted]
    if options.profile:
        contestants = [Product("cem", "cem under py-spy", profile=options.profile)]
    if options.set:
        contestants.append(
            Product(
                "cem-set",
                " ".join(["cem,", *options.set]),
                settings=dict(s.split("=", 1) for s in options.set),
            )
        )
    folder = Path(tempfile.mkdtemp(prefix="cem-bench-"))
    results: dict[str, list[Result]] = {c.name: [] for c in contestants}
    failures: dict[str, str] = {}
    try:
        kafka = KafkaServer(
            port=options.port, data_dir=folder / "kafka", properties=BROKER, java_options=JAVA
        )
        with kafka:
            bench = Bench(kafka, folder, options.records, options.customers)
            bench.source(options.records)
            for number in range(options.runs):
                for contestant in contestants:
                    say(f"run {number + 1}: {contestant.title} ...")
                    try:
                        result = bench.run(contestant)
                    except RunFailed as failure:
                        say(f"  failed: {failure}")
                        failures[contestant.name] = str(failure)
                        continue
                    say(
                        f"  {result.rate:,.0f} records/s, {result.cpu_us():.2f} us CPU a record"
                        f" ({', '.join(f'{n} {1e6 * s / result.records:.2f}' for n, s in result.cpu.items())}),"
                        f" second half {result.late_rate:,.0f}/s {result.cpu_us(late=True):.2f} us"
                        f" {result.notes or ''} {'WRONG: ' + result.wrong if result.wrong else ''}"
                    )
                    results[contestant.name].append(result)
            mean_bytes = bench.mean_bytes
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    reached = report(
        contestants,
        results,
        failures,
        records=options.records,
        customers=options.customers,
        mean_bytes=mean_bytes,
    )
    return 0 if reached else 1


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
