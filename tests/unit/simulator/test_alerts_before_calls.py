"""The simulator's hidden truth as judge of alerts: silent sufferers are those whose reception is bad, and a shocking bill
is told when it is issued, by the line that made it."""

from __future__ import annotations

from functools import cache

from cem.domain.customer import Customer, new_customer
from cem.domain.events import AlertOpened, BillIssued, CallStarted
from cem.domain.fold import fold
from cem.domain.thresholds import AlertPolicy
from tests.builders.customers import Context, advance, received
from tests.builders.simulation import Lived, lived


@cache
def told() -> tuple[Lived, dict[str, list[AlertOpened]]]:
    """Return a world after 75 days and the alerts that its customers' states opened; messages are left out."""
    life = lived(75, 80, story1_per_1000_weeks=40.0)
    states: dict[str, tuple[Customer, Context]] = {}
    for event in life.events:
        if event.topic == "cem.sms-usage" or not event.event.OF_CUSTOMER:
            continue
        new = (new_customer(event.key), Context(0, alerts=AlertPolicy()))
        customer, ctx = states.setdefault(event.key, new)
        advance(customer, ctx, event.recorded_ms)
        record = received(
            event.event,
            event.time_ms,
            customer_id=event.key,
            id=event.id,
            source=event.source,
            ingested_ms=event.recorded_ms,
        )
        fold(customer, record, ctx)
    opened = {key: [e for e in ctx.emitted if isinstance(e, AlertOpened)] for key, (_, ctx) in states.items()}
    return life, opened


def test_silent_sufferers_are_those_whose_reception_is_bad() -> None:
    """At least half of them are found, and nobody else."""
    life, opened = told()
    bad = {row["customer"] for row in life.truths if row["truth"] == "bad_reception"}
    found = {key for key, alerts in opened.items() if any(a.type == "silent_sufferer" for a in alerts)}
    assert len(found) >= 5
    assert found <= bad
    assert len(found) >= len(bad) / 2


def test_no_call_came_between_the_failures_and_the_alert() -> None:
    """Who was found silent had not called since the first of the failures that are told."""
    life, opened = told()
    calls = [(e.key, e.time_ms) for e in life.events if isinstance(e.event, CallStarted)]
    for key, alerts in opened.items():
        for alert in alerts:
            if alert.type == "silent_sufferer":
                at_ms = alert.opened_at.timestamp() * 1000
                failures = [
                    e.time_ms
                    for e in life.events
                    if e.key == key
                    and e.event.TYPE in ("service.degraded", "payment.failed")
                    and e.time_ms <= at_ms
                ]
                assert not any(k == key and failures[-1] < t < at_ms for k, t in calls)


def test_a_shocking_bill_is_told_as_it_is_issued_and_by_its_line() -> None:
    """Each is opened at the bill's own instant, and the named line's amount is on the bill."""
    life, opened = told()
    bills = {e.event.bill_id: e for e in life.events if isinstance(e.event, BillIssued)}
    shocks = [alert for alerts in opened.values() for alert in alerts if alert.type == "bill_shock"]
    assert len(shocks) >= 5
    by_use = 0
    for alert in shocks:
        issued = bills[alert.subject]
        assert round(alert.opened_at.timestamp()) == issued.time_ms // 1000
        assert isinstance(issued.event, BillIssued)
        assert alert.deliver_before is not None
        if alert.evidence.get("main_cause") == "usage":
            by_use += 1
            lines = {item.line for item in issued.event.items}
            assert alert.evidence["line_1"] in lines
    assert by_use >= len(shocks) / 2
