"""`cem dead-letters` as an operator uses it, on a real Kafka."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from cem.cli import main
from cem.domain.events import SmsRated
from cem.domain.events.envelope import Received, decode, encode
from cem.domain.events.rejects import Reject
from cem.streams.dead_letters import dead_letter
from cem.streams.partition import lane_of
from cem.streams.producer import EventProducer
from tests.servers.kafka import KafkaServer

pytestmark = pytest.mark.kafka

LANES = 2
HEADERS, VALUE = encode(
    SmsRated(line="+4917012345"),
    id="7",
    source="crm",
    time_ms=1_700_000_000_000,
    customer_id="C1234567",
    sequence=5,
)


class LogRecord(NamedTuple):
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = HEADERS
    key: bytes | None = b"C1234567"
    topic: str = "cem.sms-usage"
    partition: int = 0
    offset: int = 41
    timestamp: int = 1_700_000_000_500


#: What went wrong: an absurd charge, bytes that are no text, nothing at all, and a type that an older worker did not know.
LETTERS = [
    (LogRecord(VALUE.replace(b"}", b',"charge_minor":-5}')), None),
    (LogRecord(b"\xff\xfe\x00\x1b[31mbad"), None),
    (LogRecord(None), None),
    (LogRecord(VALUE), Reject("unknown_type", "There is no event type sms.rated.", "ce_type")),
    (LogRecord(VALUE, topic="cem.elsewhere"), Reject("wrong_topic", "It belongs elsewhere.", "ce_type")),
]


@pytest.fixture(scope="module")
def server() -> Iterator[KafkaServer]:
    """A Kafka of this module's own: dead letters have one topic for all."""
    with KafkaServer() as started:
        started.create_topics("cem.dead-letters", "cem.sms-usage", partitions=LANES)
        asyncio.run(_bury(started.bootstrap))
        yield started


async def _bury(bootstrap: str) -> None:
    async with EventProducer({"bootstrap_servers": bootstrap}) as producer:
        for record, reject in LETTERS:
            why = reject or decode(record)
            assert isinstance(why, Reject)
            await producer.publish([dead_letter(record, why)])


@pytest.fixture(autouse=True)
def environment(server: KafkaServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CEM_KAFKA_BOOTSTRAP", server.bootstrap)
    monkeypatch.setenv("CEM_PARTITIONS", str(LANES))
    monkeypatch.setenv("CEM_STATE_DIR", str(tmp_path / "state"))


def run(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["dead-letters", *arguments])
    out, err = capfd.readouterr()
    return int(ended.value.code or 0), out, err


def usage(server: KafkaServer) -> list[ConsumerRecord]:
    async def read() -> list[ConsumerRecord]:
        consumer = AIOKafkaConsumer(bootstrap_servers=server.bootstrap, enable_auto_commit=False)
        await consumer.start()
        try:
            at = TopicPartition("cem.sms-usage", lane_of("C1234567", LANES))
            consumer.assign([at])
            await consumer.seek_to_beginning(at)
            (end,) = (await consumer.end_offsets([at])).values()
            found: list[ConsumerRecord] = []
            while len(found) < end:
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    found += records
            return found
        finally:
            await consumer.stop()

    return asyncio.run(read())


def test_list_counts_by_reason_and_masks_customers(capfd: pytest.CaptureFixture[str]) -> None:
    """How many of which reason from where; customers cannot be read off the screen unless asked for."""
    code, out, _ = run(capfd, "list", "--json")
    listed = json.loads(out)
    assert (code, listed["total"]) == (0, 5)
    assert {each["reason"]: each["letters"] for each in listed["reasons"]} == {
        "invalid_field": 1, "bad_text": 1, "no_value": 1, "unknown_type": 1, "wrong_topic": 1,
    }  # fmt: skip
    absurd = next(each for each in listed["letters"] if each["reason"] == "invalid_field")
    assert (absurd["letter"], absurd["topic"], absurd["partition"], absurd["offset"]) == (
        "0/0", "cem.sms-usage", 0, 41,
    )  # fmt: skip
    assert absurd["path"] == "$.charge_minor"
    assert "C1234567" not in out
    assert "C1234567" in run(capfd, "list", "--unmasked")[1]
    only = json.loads(run(capfd, "list", "--reason", "no_value", "--customer", "C1234567", "--json")[1])
    assert only["total"] == 1
    assert json.loads(run(capfd, "list", "--topic", "cem.calls", "--json")[1])["total"] == 0


def test_show_has_bytes_and_place_and_steers_no_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    """One letter in full: text as text, anything else in hexadecimal, control characters spelled out."""
    _, out, _ = run(capfd, "show", "0/0")
    assert "cem.sms-usage[0] at offset 41" in out
    assert '"charge_minor":-5' in out
    assert "ce_source: crm" in out
    _, out, _ = run(capfd, "show", "0/1")
    assert "ff fe 00 1b" in out
    assert "\x1b" not in out
    whole = json.loads(run(capfd, "show", "0/1", "--json")[1])
    assert (whole["value"], whole["value_hex"]) == (None, b"\xff\xfe\x00\x1b[31mbad".hex())
    assert "none (null)" in run(capfd, "show", "0/2")[1]
    assert run(capfd, "show", "0/99")[0] == 1
    assert run(capfd, "show", "ninety")[0] == 2
    code, _, err = run(capfd, "show", "99/0")
    assert (code, "partitions are 0-1" in err) == (2, True)


def test_nothing_is_sent_by_default(server: KafkaServer, capfd: pytest.CaptureFixture[str]) -> None:
    """Without names, --all, or with a mend for many, nothing is sent and the code says usage; a dry run sends nothing."""
    before = len(usage(server))
    assert run(capfd, "resend")[0] == 2
    assert run(capfd, "resend", "--reason", "no_value")[0] == 2
    assert run(capfd, "resend", "0/0", "--all")[0] == 2
    assert run(capfd, "resend", "--all", "--key", "C1")[0] == 2
    code, out, err = run(capfd, "resend", "--all", "--dry-run")
    assert code == 3
    assert "1 would be sent, 4 held back" in out
    assert "would be rejected again: invalid_field" in err
    assert "which no worker reads" in err
    assert len(usage(server)) == before


def test_mended_and_sent_again_it_is_used_once(
    server: KafkaServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """show --value, mend, resend: the record goes back under its own id, is usable, and has a receipt."""
    before = len(usage(server))
    _, out, _ = run(capfd, "show", "0/0", "--value")
    mended = tmp_path / "mended.json"
    mended.write_text(out.replace("-5", "5"))
    code, out, _ = run(capfd, "resend", "0/0", "--file", str(mended), "--json")
    (receipt,) = json.loads(out)["sent"]
    assert code == 0
    assert (receipt["letter"], receipt["source"], receipt["id"], receipt["redrives"]) == (
        "0/0",
        "crm",
        "7",
        1,
    )
    record = usage(server)[before]
    assert (record.partition, record.offset) == (receipt["partition"], receipt["offset"])
    received = decode(record)
    assert isinstance(received, Received)
    assert received.event == SmsRated(line="+4917012345", charge_minor=5)
    assert (received.id, received.source, received.sequence) == ("7", "crm", None)
    assert dict(record.headers)["cem-redrive-count"] == b"1"
    code, out, err = run(capfd, "resend", "0/0", "--file", str(mended))
    assert code == 3
    assert "sent again before" in err
    assert len(usage(server)) == before + 1
    shown = json.loads(run(capfd, "show", "0/0", "--json")[1])
    assert (shown["redrives"], shown["sent_again"]) == (0, 1)
    assert f"sent again  {shown['sent_again_last']}" in run(capfd, "show", "0/0")[1]
    listed = json.loads(run(capfd, "list", "--json")[1])["letters"]
    assert {each["letter"]: each["sent_again"] for each in listed if each["sent_again"]} == {"0/0": 1}


def test_after_an_upgrade_all_of_a_reason_go(server: KafkaServer, capfd: pytest.CaptureFixture[str]) -> None:
    """--all --reason sends what can be used now; the rest is held back, unless --anyway insists."""
    before = len(usage(server))
    code, out, _ = run(capfd, "resend", "--all", "--reason", "unknown_type")
    assert code == 0
    assert "1 sent, 0 held back" in out
    code, out, _ = run(capfd, "resend", "--all", "--reason", "bad_text", "--anyway")
    assert code == 0
    assert [record.value for record in usage(server)[before:]] == [VALUE, b"\xff\xfe\x00\x1b[31mbad"]


def test_the_key_can_be_mended(server: KafkaServer, capfd: pytest.CaptureFixture[str]) -> None:
    """A wrong key is replaced, and its CloudEvents subject with it."""
    code, out, _ = run(
        capfd, "resend", "0/3", "--key", "C2", "--header", "ce_subject=C2", "--dry-run", "--json"
    )
    assert (code, json.loads(out)["held"]) == (0, [])
    code, out, _ = run(capfd, "resend", "0/3", "--key", "C2", "--dry-run", "--json")
    assert code == 3
    assert "key_mismatch" in json.loads(out)["held"][0]["why"]
