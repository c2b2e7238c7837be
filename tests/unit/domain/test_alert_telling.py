"""When the one whom an alert concerns is told, and when he has been."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cem.domain.alert_telling import contact_id, quiet_until_ms
from cem.domain.customer import Customer, new_customer
from cem.domain.events import Alert, BillIssued, ContactDelivered, Event, PaymentMade, ProfileChanged
from cem.domain.localtime import date_of
from cem.domain.thresholds import AlertPolicy, BillShockPolicy, QuietPolicy, TellPolicy
from tests.builders.customers import DAY, HOUR, T0, Context, advance, go_on, household

NIGHTLY = AlertPolicy(bill_shock=BillShockPolicy(deliver_within_h=6))


def bill(number: int, total_minor: int, at_ms: int) -> tuple[int, Event]:
    due = date_of(at_ms // DAY + 14)
    return at_ms, BillIssued(bill_id=f"b{number}", total_minor=total_minor, due=due)


def shocked(at_ms: int, total_minor: int = 5_000, timezone: str = "UTC") -> tuple[Customer, Context]:
    """Return a customer with a bill of 20.00, and then a high one at `at_ms`."""
    events = [(T0, ProfileChanged(timezone=timezone)), bill(1, 2_000, T0), bill(2, total_minor, at_ms)]
    return household(events, ctx=Context(0, alerts=NIGHTLY))


def told(ctx: Context) -> list[tuple[str, str, int]]:
    """Return kind, reason, and when he may be told in hours from midnight, 0 = at once, of each alert."""
    return [
        (e.TYPE.removeprefix("alert."), str(e.reason or ""), hours(e.tell.after))
        for e in ctx.emitted
        if isinstance(e, Alert)
    ]


def hours(at: datetime | None) -> int:
    return 0 if at is None else round((at.timestamp() * 1000 - T0 - 30 * DAY) / HOUR)


EVENING, NIGHT, NOON = (T0 + 30 * DAY + h * HOUR for h in (22, 3, 12))


def test_at_night_it_waits_for_the_morning() -> None:
    """Published at once, told from eight o'clock on, exactly then; the time it waits is added to its use."""
    customer, ctx = shocked(EVENING)
    assert told(ctx) == [("opened", "", 32)]
    opened = ctx.emitted[0]
    assert isinstance(opened, Alert)
    assert opened.deliver_before == datetime.fromtimestamp((EVENING + 16 * HOUR) / 1000, UTC)
    advance(customer, ctx, EVENING + 10 * HOUR - 1)
    assert len(ctx.emitted) == 1
    advance(customer, ctx, EVENING + 10 * HOUR)
    assert told(ctx)[1:] == [("updated", "quiet hours over", 0)]
    advance(customer, ctx, EVENING + DAY)
    assert len(ctx.emitted) == 2


def test_what_is_over_by_morning_is_never_told() -> None:
    """A bill paid in the night ends the alert, and the morning says nothing."""
    customer, ctx = shocked(EVENING)
    go_on(customer, ctx, [(EVENING + HOUR, PaymentMade(bill_id="b2", amount_minor=5_000))])
    advance(customer, ctx, EVENING + DAY)
    assert [reason for _, reason, _ in told(ctx)] == ["", "paid"]


def test_what_is_critical_is_told_at_night() -> None:
    """A hundred beyond the usual: at once, whatever the hour."""
    assert told(shocked(NIGHT, 2_000 + 10_000)[1]) == [("opened", "", 0)]


def test_a_correction_in_the_night_that_makes_it_critical_is_told_then() -> None:
    """It waits no longer when it rises to critical."""
    customer, ctx = shocked(EVENING)
    go_on(customer, ctx, [bill(2, 90_000, EVENING + HOUR)])
    assert told(ctx)[-1] == ("updated", "corrected bill", 0)
    advance(customer, ctx, EVENING + DAY)
    assert len(ctx.emitted) == 2


def test_it_is_his_own_night() -> None:
    """Three in the morning UTC is ten in the morning in Ha Noi, and noon in Europe is night in Honolulu."""
    assert told(shocked(NIGHT, timezone="Asia/Ho_Chi_Minh")[1]) == [("opened", "", 0)]
    assert told(shocked(NOON, timezone="Pacific/Honolulu")[1]) == [("opened", "", 18)]


@pytest.mark.parametrize(
    ("quiet", "hour", "until"),
    [
        ((21, 8), 20, None),
        ((21, 8), 21, 32),
        ((21, 8), 7, 8),
        ((21, 8), 8, None),
        ((13, 15), 12, None),
        ((13, 15), 13, 15),
        ((13, 15), 15, None),
        ((6, 6), 6, None),
    ],
)
def test_quiet_hours_over_midnight_by_day_and_none(
    quiet: tuple[int, int], hour: int, until: int | None
) -> None:
    """From the first hour on, up to the second; equal ones are no hour at all."""
    ctx = Context(0, alerts=AlertPolicy(tell=TellPolicy(quiet=QuietPolicy(*quiet))))
    found = quiet_until_ms(new_customer("C1"), T0 + hour * HOUR, ctx)
    assert found == (0 if until is None else T0 + until * HOUR)


def test_quiet_hours_end_by_the_wall_clock_when_summer_time_begins() -> None:
    """On the last Sunday of March the night is an hour shorter in Berlin."""
    ctx = Context(0, alerts=AlertPolicy(), timezone="Europe/Berlin")
    eve = round(datetime(2025, 3, 29, 22, tzinfo=UTC).timestamp() * 1000)
    assert quiet_until_ms(new_customer("C1"), eve, ctx) == eve + 8 * HOUR


def test_told_is_what_has_arrived() -> None:
    """The delivery of a message about the alert, of any attempt, tells it once; other messages do not."""
    customer, ctx = shocked(NOON)
    (alert,) = customer.alerts.open
    message, again = contact_id("C1", alert), contact_id("C1", alert, 2)
    go_on(customer, ctx, [(NOON + HOUR, ContactDelivered(contact_id="news-1"))])
    go_on(customer, ctx, [(NOON + HOUR, ContactDelivered(contact_id="alert-0"))])
    assert alert.told_ms == 0
    go_on(customer, ctx, [(NOON + 2 * HOUR, ContactDelivered(contact_id=again))])
    go_on(customer, ctx, [(NOON + 3 * HOUR, ContactDelivered(contact_id=message))])
    assert alert.told_ms == NOON + 2 * HOUR
    assert [reason for _, reason, _ in told(ctx)] == ["", "told"]
    last = ctx.emitted[-1]
    assert isinstance(last, Alert)
    assert last.told_at == datetime.fromtimestamp((NOON + 2 * HOUR) / 1000, UTC)


def test_a_message_that_arrives_after_the_end_is_noted() -> None:
    """Of a closed alert it is known that he was told, and nothing is published."""
    customer, ctx = shocked(NOON)
    message = contact_id("C1", customer.alerts.open[0])
    go_on(customer, ctx, [(NOON + HOUR, PaymentMade(bill_id="b2", amount_minor=5_000))])
    go_on(customer, ctx, [(NOON + 2 * HOUR, ContactDelivered(contact_id=message))])
    assert customer.alerts.closed[0].told_ms == NOON + 2 * HOUR
    assert len(ctx.emitted) == 2
