"""An alert that nobody takes on is told again, one step more severe, at its instant and not for ever."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from cem.domain.alerting import alert_id
from cem.domain.customer import Customer
from cem.domain.events import (
    Alert,
    BillIssued,
    CallEnded,
    CallStarted,
    ControlAlertAcknowledged,
    ControlAlertResolved,
    ControlAlertSilenced,
    Event,
)
from cem.domain.events.enums import Resolution
from cem.domain.fold import fold, next_due_ms
from cem.domain.thresholds import AlertPolicy, EscalatePolicy, RepeatPolicy
from tests.builders.customers import DAY, HOUR, MINUTE, T0, Context, advance, household, received

OPENED = T0 + DAY
REPEAT: list[tuple[int, Event]] = [
    (T0, CallStarted(call_id="c1", reason="billing")),
    (OPENED, CallStarted(call_id="c2", reason="billing")),
]
UNANSWERED = "nobody has acknowledged it"


def policy(*, after_min: int = 120, times: int = 2, deliver_within_h: int = 8) -> AlertPolicy:
    return AlertPolicy(
        escalate=EscalatePolicy(after_min=after_min, times=times),
        repeat_call=RepeatPolicy(deliver_within_h=deliver_within_h),
    )


def repeated(events: Sequence[tuple[int, Event]] = REPEAT, **asked: int) -> tuple[Customer, Context]:
    return household(events, ctx=Context(0, alerts=policy(**asked)))


def said(ctx: Context) -> list[tuple[str, str, int]]:
    """Return of all alerts told since the first: reason, severity, how often escalated."""
    alerts = [event for event in ctx.emitted if isinstance(event, Alert)]
    return [(str(a.reason or ""), str(a.severity), a.escalations) for a in alerts[1:]]


def by_hand(customer: Customer, ctx: Context, event: Event, at_ms: int) -> None:
    advance(customer, ctx, at_ms)
    fold(customer, received(event, at_ms), ctx)


def at(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def test_it_is_told_again_at_its_instant_and_so_often_as_the_policy_says() -> None:
    """After two hours an error, after four critical, and then no more."""
    customer, ctx = repeated()
    assert next_due_ms(customer) == OPENED + 2 * HOUR
    advance(customer, ctx, OPENED + 2 * HOUR - 1)
    assert said(ctx) == []
    advance(customer, ctx, OPENED + 2 * HOUR)
    assert said(ctx) == [(UNANSWERED, "error", 1)]
    (alert,) = customer.alerts.open
    assert (alert.state, alert.updated_ms) == ("open", OPENED + 2 * HOUR)
    advance(customer, ctx, OPENED + 6 * DAY)
    assert said(ctx) == [(UNANSWERED, "error", 1), (UNANSWERED, "critical", 2)]


def test_a_tick_that_comes_late_tells_each_at_the_instant_at_which_it_was_due() -> None:
    """What a worker catches up with is as if it had been there."""
    customer, ctx = repeated()
    advance(customer, ctx, OPENED + 5 * HOUR)
    told_at = [event.updated_at for event in ctx.emitted if isinstance(event, Alert)]
    assert told_at == [None, at(OPENED + 2 * HOUR), at(OPENED + 4 * HOUR)]


@pytest.mark.parametrize("event", [ControlAlertAcknowledged, ControlAlertResolved])
def test_who_takes_it_on_or_ends_it_stops_the_clock(event: type[Event]) -> None:
    """It is somebody's, so nobody else is called."""
    customer, ctx = repeated()
    identity = alert_id("C1", customer.alerts.open[0])
    by_hand(customer, ctx, event(alert_id=identity, by="anna"), OPENED + HOUR)
    advance(customer, ctx, OPENED + 6 * DAY)
    assert [reason for reason, _, _ in said(ctx)].count(UNANSWERED) == 0


def test_a_silence_stops_the_clock_and_its_end_begins_it_anew() -> None:
    """Silenced until the third hour, it is escalated in the fifth; the seventh is past two times."""
    customer, ctx = repeated()
    identity = alert_id("C1", customer.alerts.open[0])
    until = at(OPENED + 3 * HOUR)
    by_hand(
        customer,
        ctx,
        ControlAlertSilenced(alert_id=identity, by="a", reason="known", until=until),
        OPENED + HOUR,
    )
    advance(customer, ctx, OPENED + 5 * HOUR - 1)
    assert [reason for reason, _, _ in said(ctx)] == ["known", "silence ended"]
    advance(customer, ctx, OPENED + 5 * HOUR)
    assert said(ctx)[2:] == [(UNANSWERED, "error", 1)]


@pytest.mark.parametrize(
    ("asked", "often"),
    [
        ({"times": 0}, 0),
        ({"times": 3}, 3),
        ({"after_min": 300}, 1),  # ten hours are past its eight
        ({"after_min": 480}, 0),  # what nobody hears in time helps nobody
        ({"after_min": 300, "deliver_within_h": 24}, 2),
    ],
)
def test_the_policy_bounds_it(asked: dict[str, int], often: int) -> None:
    """By how often, by the pause, and by the instant after which the alert is noise."""
    customer, ctx = repeated(**asked)
    advance(customer, ctx, OPENED + 2 * DAY)
    assert [reason for reason, _, _ in said(ctx)].count(UNANSWERED) == often


def test_a_notice_is_not_escalated_until_it_is_an_alert() -> None:
    """A repeat of what was recorded as resolved can wait; a third contact, unresolved, cannot."""
    solved = CallEnded(call_id="c1", resolution=Resolution.RESOLVED)
    customer, ctx = repeated([REPEAT[0], (T0 + MINUTE, solved), REPEAT[1]])
    (alert,) = customer.alerts.open
    assert (alert.tier, alert.escalate_due_ms) == ("notice", 0)
    by_hand(customer, ctx, CallStarted(call_id="c3", reason="billing"), OPENED + HOUR)
    assert (alert.tier, alert.escalate_due_ms) == ("alert", OPENED + 3 * HOUR)


def test_what_a_customer_is_told_is_not_escalated() -> None:
    """A household has no duty to acknowledge."""
    bills = [
        (
            T0 + number * 30 * DAY,
            BillIssued(bill_id=f"b{number}", total_minor=9_000 if number == 4 else 3_000),
        )
        for number in range(5)
    ]
    customer, _ = repeated(bills)
    (alert,) = customer.alerts.open
    assert (alert.type, alert.tier, alert.tell_who) == ("bill_shock", "alert", "payer")
    assert alert.escalate_due_ms == 0
