"""`cem import` as a user runs it, on a real Kafka."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from cem.domain.events.envelope import Received, decode
from cem.streams.partition import lane_of
from tests.servers.child import wait_until
from tests.servers.kafka import KafkaServer

pytestmark = pytest.mark.kafka

LANES = 3
TOPIC = "cem.sms-usage"
MAP = """
event: sms.rated
fields:
  line: {column: sender}
  recipient: {column: recipient}
time: {column: t, format: unix}
key: {column: sender, null: ["0"]}
where: {column: kind, equals: [sms]}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[KafkaServer]:
    """A Kafka of this module's own: imports go to topics with fixed names."""
    with KafkaServer() as started:
        yield started


@pytest.fixture
def cem(server: KafkaServer, tmp_path: Path) -> Cem:
    """The command, with a state directory of the test's own and an empty topic."""
    command = Cem(server, tmp_path)
    command.run("topics", "create")
    return command


class Cem:
    def __init__(self, server: KafkaServer, folder: Path) -> None:
        self.server = server
        self.folder = folder
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CEM_")}
        self.environ = kept | {
            "CEM_KAFKA_BOOTSTRAP": server.bootstrap,
            "CEM_PARTITIONS": str(LANES),
            "CEM_STATE_DIR": str(folder / "state"),
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "cem", *arguments],
            env=self.environ,
            cwd=self.folder,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *arguments: str) -> tuple[int, Any, str]:
        """Exit code, what JSON is on standard output (None: none), and standard error."""
        with self.start(*arguments) as process:
            out, err = process.communicate(timeout=120)
        return process.returncode, json.loads(out) if out.startswith("{") else None, err

    def records(self, topic: str = TOPIC) -> list[ConsumerRecord]:
        return asyncio.run(_records(self.server.bootstrap, topic))


async def _records(bootstrap: str, topic: str) -> list[ConsumerRecord]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in range(LANES)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        left = {tp: end for tp, end in (await consumer.end_offsets(partitions)).items() if end}
        found: list[ConsumerRecord] = []
        while left:
            for tp, records in (await consumer.getmany(timeout_ms=500)).items():
                found += records
                if records and records[-1].offset + 1 >= left[tp]:
                    del left[tp]
        return found
    finally:
        await consumer.stop()


def written(cem: Cem, rows: int, *, seed: int) -> tuple[Path, Path, list[int]]:
    """A file whose content no other test has, the map, and the numbers of the rows that are events."""
    draw = random.Random(seed)
    events = []
    path = cem.folder / f"usage-{seed}.csv"
    with path.open("w") as file:
        file.write("sender,recipient,t,kind\n")
        for number in range(1, rows + 1):
            sender, kind = draw.randrange(200), "mms" if draw.random() < 0.1 else "sms"
            file.write(f"{sender},{draw.randrange(200)},{1_700_000_000 + number},{kind}\n")
            if sender and kind == "sms":
                events.append(number)
    (cem.folder / "map.yaml").write_text(MAP)
    return path, cem.folder / "map.yaml", events


def sequences(records: list[ConsumerRecord], source: str) -> dict[str, list[int]]:
    """By customer, the sequences of the source in the order of the log."""
    found: dict[str, list[int]] = {}
    for record in records:
        received = decode(record)
        assert isinstance(received, Received), received
        assert lane_of(received.customer_id, LANES) == record.partition
        if received.source == source:
            assert received.sequence is not None
            found.setdefault(received.customer_id, []).append(received.sequence)
    return found


def notes(cem: Cem) -> list[str]:
    """What the imports of this state directory have noted of their progress."""
    return [path.read_text() for path in (cem.folder / "state").rglob("imports/*/*.json")]


def source_of(cem: Cem, file: Path) -> str:
    for path in (cem.folder / "state" / "imports").rglob("*.json"):
        progress = json.loads(path.read_text())
        if progress["file"] == str(file):
            return str(progress["source"])
    raise AssertionError("no progress")


def test_a_file_becomes_events_once(cem: Cem) -> None:
    """Every row is accounted for, every event is in its lane in order, and a second run sends nothing."""
    file, rule, events = written(cem, 3000, seed=1)
    code, summary, _ = cem.run("import", str(file), "--map", str(rule), "--no-wait", "--json")
    assert code == 3
    assert set(summary) == {"file", "rows", "events", "rejects", "skipped", "reasons", "rejects_file"}
    assert summary["rows"] == 3000 == summary["events"] + summary["rejects"] + summary["skipped"]
    assert summary["events"] == len(events)
    assert summary["reasons"] == {"unidentified": summary["rejects"]}
    rejects = [json.loads(line) for line in Path(summary["rejects_file"]).read_text().splitlines()]
    assert len(rejects) == summary["rejects"]
    assert {reject["reason"] for reject in rejects} == {"unidentified"}
    before = cem.records()
    found = sequences(before, source_of(cem, file))
    assert sorted(number for numbers in found.values() for number in numbers) == events
    assert all(numbers == sorted(numbers) for numbers in found.values())
    code, again, said = cem.run("import", str(file), "--map", str(rule), "--no-wait", "--json")
    assert (code, again) == (3, summary)
    assert "in already" in said
    assert "of the earlier run" in said
    assert len(cem.records()) == len(before)


def test_killed_in_the_middle_it_goes_on(cem: Cem) -> None:
    """After kill -9 at random moments the same command goes on; what a watermark lets through is each event once."""
    file, rule, events = written(cem, 150_000, seed=2)
    arguments = ("import", str(file), "--map", str(rule), "--no-wait", "--json")
    draw = random.Random(2)
    for _ in range(3):
        before = notes(cem)
        process = cem.start(*arguments)
        wait_until(
            lambda: notes(cem) != before or process.poll() is not None,  # noqa: B023 (called at once)
            timeout_s=60,
            what="the next note of progress",
        )
        time.sleep(draw.random())
        process.kill()
        process.communicate()
    with cem.start(*arguments) as process:
        out, _ = process.communicate(timeout=120)
    summary = json.loads(out)
    assert summary["rows"] == 150_000 == summary["events"] + summary["rejects"] + summary["skipped"]
    assert summary["events"] == len(events)
    assert summary["reasons"] == {"unidentified": summary["rejects"]}
    counted = []
    for numbers in sequences(cem.records(), source_of(cem, file)).values():
        reached = 0
        for number in numbers:
            if number > reached:
                counted.append(number)
                reached = number
    assert sorted(counted) == events
    rejected = [json.loads(line)["row"] for line in Path(summary["rejects_file"]).read_text().splitlines()]
    assert rejected == sorted(set(rejected))
    assert len(rejected) == summary["rejects"]


def test_stopped_from_the_terminal_it_goes_on(cem: Cem) -> None:
    """Ctrl-C ends it with the code for that; the command repeated goes on."""
    file, rule, events = written(cem, 200_000, seed=3)
    arguments = ("import", str(file), "--map", str(rule), "--no-wait", "--json")
    process = cem.start(*arguments)
    wait_until(lambda: bool(notes(cem)), timeout_s=60, what="the first note of progress")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    # A fast machine may have been done by then.
    assert process.returncode in (130, 3)
    code, summary, _ = cem.run(*arguments)
    assert (code, summary["events"]) == (3, len(events))


def test_what_is_wrong_is_one_sentence(cem: Cem) -> None:
    """An unknown column, no Kafka, a wrong number of partitions: a sentence, the right exit code, nothing sent."""
    file, rule, _ = written(cem, 10, seed=4)
    before = len(cem.records())
    rule.write_text(MAP.replace("sender, null", "sendr, null"))
    code, _, said = cem.run("import", str(file), "--map", str(rule))
    assert code == 2
    assert "map.yaml:7" in said
    assert "Did you mean 'sender'" in said
    assert len(said.splitlines()) == 1
    rule.write_text(MAP)
    cem.environ["CEM_PARTITIONS"] = "7"
    code, _, said = cem.run("import", str(file), "--map", str(rule), "--no-wait")
    assert code == 1
    assert f"has {LANES} partitions, not 7" in said
    cem.environ["CEM_KAFKA_BOOTSTRAP"] = "127.0.0.1:1"
    code, _, said = cem.run("import", str(file), "--map", str(rule), "--no-wait")
    assert code == 4
    assert "127.0.0.1:1" in said
    assert len(cem.records()) == before
