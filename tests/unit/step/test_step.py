"""The stream job of one batch: what becomes of good, bad and misplaced records, and how emissions are named."""

from __future__ import annotations

from cem.domain.events import CallEnded, SmsRated, encode
from cem.domain.events.base import Event
from cem.domain.events.rfc3339 import format_ms
from cem.domain.localtime import DAY_MS
from cem.domain.thresholds import AlertPolicy
from cem.ports import Record
from cem.step import CemStepper
from cem.step_rules import Rules
from cem.stepper import Moment, Outcome
from cem.streams.dead_letters import dead_letter, read_dead_letter
from cem.streams.partition import lane_of
from tests.faults.models import ModelRecord

NOW_MS = 1_790_000_000_000
PARTITIONS = 4


def stepper() -> CemStepper:
    rules = Rules("test", alerts=AlertPolicy(), late_limit_ms=7 * 86_400_000, timezone="UTC")
    return CemStepper(rules, dead_letter=dead_letter, lane_of=lambda c: lane_of(c, PARTITIONS))


def record(event: Event, customer: str, *, offset: int = 0, partition: int | None = None) -> ModelRecord:
    headers, value = encode(event, id=f"e{offset}", source="test", time_ms=NOW_MS, customer_id=customer)
    where = lane_of(customer, PARTITIONS) if partition is None else partition
    return ModelRecord(event.TOPIC, where, offset, NOW_MS, customer.encode(), value, headers)


def run(records: list[Record]) -> tuple[CemStepper, dict[str, object], Outcome]:
    job = stepper()
    items = job.read(records)
    states = {c: job.new_state(c) for c in job.customers(items)}
    lane = records[0].partition
    standing = {name: job.new_state(name) for name in job.standing(lane)}
    outcome = job.step({**states, **standing}, items, Moment(lane, records[0].topic, NOW_MS))
    return job, dict(states), outcome


def call(number: int) -> CallEnded:
    return CallEnded(call_id=f"call-{number}", reason="bill", duration_s=60, resolution="unresolved")


def test_a_record_in_the_wrong_partition_is_a_dead_letter() -> None:
    """Folded where it lies it would make a customer that nobody finds; it says which partition is his."""
    home = lane_of("4711", PARTITIONS)
    _, states, outcome = run([record(call(1), "4711", partition=(home + 1) % PARTITIONS)])
    assert not states
    assert outcome.rejected == [0]
    (letter,) = outcome.emissions
    found = read_dead_letter(
        ModelRecord(letter.topic, 0, 0, NOW_MS, letter.key, letter.value, letter.headers)
    )
    assert found.code == "wrong_partition"
    assert f"partition {home}" in found.detail


def test_bad_records_do_not_stop_the_good_ones_around_them() -> None:
    """A batch goes on around a record that cannot be read, which is counted by its place."""
    home = lane_of("4711", PARTITIONS)
    bad = ModelRecord("cem.calls", home, 1, NOW_MS, b"4711", b"{", ())
    _, states, outcome = run([record(call(1), "4711"), bad, record(call(2), "4711", offset=2)])
    assert outcome.rejected == [1]
    assert outcome.changed == ["4711", f"lane:{home}"]
    assert states["4711"].counts[0] == 2  # type: ignore[attr-defined]


def test_emissions_are_named_by_what_caused_them() -> None:
    """The same batch says the same things in the same bytes; a source numbers its emissions upwards."""
    burst = [SmsRated(line="+84901", recipient=f"h{n}") for n in range(200)]
    records = [record(event, "4711", offset=offset) for offset, event in enumerate(burst, start=5)]
    first, again = run(records)[2], run(records)[2]
    assert first.emissions
    assert first.emissions == again.emissions
    headers = [dict(e.headers) for e in first.emissions]
    assert all(h["ce_id"].startswith(b"cem.sms-usage/") for h in headers)
    sequences = [int(h["ce_sequence"]) for h in headers]
    assert sequences == sorted(set(sequences))


def test_nothing_is_said_before_what_it_is_about_has_arrived() -> None:
    """A lane's time is its oldest unread record's: an alert about the last record of a batch is said when that arrived.

    By no more than a day: a source may say any time of ingestion.
    """

    def said(*arrived_after_ms: int) -> list[tuple[str, bytes]]:
        records = [
            record(call(n), "4711", offset=n)._replace(timestamp=NOW_MS + after_ms)
            for n, after_ms in enumerate(arrived_after_ms)
        ]
        headers = [dict(e.headers) for e in run(records)[2].emissions if e.topic == "cem.alerts"]
        return [(h["ce_type"].decode(), h["ce_time"]) for h in headers]

    assert said(0, 1_500) == [("alert.opened", format_ms(NOW_MS + 1_500))]
    assert said(-2_000, -1_000) == [("alert.opened", format_ms(NOW_MS))]
    assert said(0, 40 * DAY_MS) == [("alert.opened", format_ms(NOW_MS + DAY_MS))]
