"""The life of an alert, by hand and by the clock."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cem.domain.alerting import alert_id, published
from cem.domain.customer import Customer
from cem.domain.events import (
    Alert,
    AlertOpened,
    AlertResolved,
    AlertUpdated,
    CallStarted,
    Channel,
    ConsentChanged,
    ControlAlertAcknowledged,
    ControlAlertResolved,
    ControlAlertSilenced,
    Event,
    ProfileChanged,
    SmsDestination,
    SmsRated,
    SurveyAnswered,
)
from cem.domain.events.enums import Consent
from cem.domain.fold import fold, next_due_ms
from tests.builders.customers import DAY, HOUR, MINUTE, T0, Context, advance, household, received

REPEAT = [
    (T0, CallStarted(call_id="c1", reason="billing")),
    (T0 + DAY, CallStarted(call_id="c2", reason="billing", rep_id="r7")),
]


def told(ctx: Context) -> list[tuple[str, str, str]]:
    return [(e.TYPE, str(e.state), str(e.reason or "")) for e in ctx.emitted if isinstance(e, Alert)]


def by_hand(customer: Customer, ctx: Context, event: Event, at_ms: int) -> None:
    advance(customer, ctx, at_ms)
    fold(customer, received(event, at_ms), ctx)


def open_id(customer: Customer) -> str:
    (alert,) = customer.alerts.open
    return alert_id(customer.customer_id, alert)


def test_an_alert_says_everything_that_a_consumer_needs() -> None:
    """The event on the topic is the whole alert: id, evidence, whom to tell, remedy, dates."""
    customer, ctx = household(REPEAT)
    (event,) = ctx.emitted
    assert isinstance(event, AlertOpened)
    assert event.alert_id == open_id(customer)
    assert event.alert_id.startswith("repeat_call:C1:billing:")
    assert (event.customer_id, event.type, event.subject) == ("C1", "repeat_call", "billing")
    assert (event.tier, event.severity, event.state) == ("alert", "warning", "open")
    assert (event.tell.who, event.tell.channel) == ("supervisor", None)
    assert event.remedy is not None
    assert event.remedy.action == "escalate_case"
    assert event.opened_at == datetime.fromtimestamp((T0 + DAY) / 1000, UTC)
    assert event.deliver_before == datetime.fromtimestamp((T0 + DAY + 8 * HOUR) / 1000, UTC)
    assert event.evidence == {
        "contacts": 2,
        "window_days": 7,
        "hours_since_last": 24.0,
        "last_resolution": "unknown",
        "channel": "call",
        "contact_id": "c2",
        "rep_id": "r7",
    }
    assert ctx.indexed == {f"C1|{event.alert_id}": T0 + DAY}
    assert ctx.kinds == ["repeat_call.opened"]
    assert AlertOpened.of(published("C1", customer.alerts.open[0])) == event


def test_acknowledged_then_resolved_by_hand() -> None:
    """Who took it on and who ended it, and why, are on the alert; the closed one can still be read."""
    customer, ctx = household(REPEAT)
    identity = open_id(customer)
    acknowledge = ControlAlertAcknowledged(alert_id=identity, by="anna", note="on it")
    by_hand(customer, ctx, acknowledge, T0 + DAY + HOUR)
    assert customer.alerts.open[0].state == "acknowledged"
    by_hand(customer, ctx, ControlAlertResolved(alert_id=identity, by="ben"), T0 + DAY + 2 * HOUR)
    assert customer.alerts.open == []
    assert told(ctx) == [
        ("alert.opened", "open", ""),
        ("alert.updated", "acknowledged", "acknowledged"),
        ("alert.resolved", "resolved", "resolved by hand"),
    ]
    last = ctx.emitted[-1]
    assert isinstance(last, AlertResolved)
    assert (last.by, last.note) == ("ben", "on it")
    assert last.resolved_at == datetime.fromtimestamp((T0 + DAY + 2 * HOUR) / 1000, UTC)
    assert ctx.indexed == {f"C1|{identity}": T0 + DAY}


def test_a_silence_ends_by_the_clock() -> None:
    """While silenced, changes are kept and not told; when it ends the alert is open again and told, exactly then."""
    customer, ctx = household(REPEAT)
    until = datetime.fromtimestamp((T0 + 3 * DAY) / 1000, UTC)
    quiet = ControlAlertSilenced(alert_id=open_id(customer), by="anna", reason="known", until=until)
    by_hand(customer, ctx, quiet, T0 + DAY + HOUR)
    by_hand(customer, ctx, CallStarted(call_id="c3", reason="billing"), T0 + 2 * DAY)
    assert [state for _, state, _ in told(ctx)] == ["open", "silenced"]
    assert next_due_ms(customer) == T0 + 3 * DAY
    advance(customer, ctx, T0 + 3 * DAY - 1)
    assert len(ctx.emitted) == 2
    advance(customer, ctx, T0 + 3 * DAY)
    last = ctx.emitted[-1]
    assert isinstance(last, AlertUpdated)
    assert (last.state, last.reason, last.evidence["contacts"]) == ("open", "silence ended", 3)


def test_a_silence_that_is_over_already_changes_nothing() -> None:
    """A record that comes after its own end is without effect."""
    customer, ctx = household(REPEAT)
    until = datetime.fromtimestamp(T0 / 1000, UTC)
    quiet = ControlAlertSilenced(alert_id=open_id(customer), by="anna", reason="late", until=until)
    by_hand(customer, ctx, quiet, T0 + DAY + HOUR)
    assert customer.alerts.open[0].state == "open"
    assert len(ctx.emitted) == 1


@pytest.mark.parametrize("cls", [ControlAlertAcknowledged, ControlAlertResolved])
def test_an_unknown_alert_is_left_alone(cls: type[Event]) -> None:
    """A control record about an alert that is closed or was never there changes nothing."""
    customer, ctx = household(REPEAT)
    by_hand(customer, ctx, cls(alert_id="repeat_call:C1:other:0", by="anna"), T0 + DAY + HOUR)
    assert len(ctx.emitted) == 1


def test_it_resolves_by_itself_when_the_fact_has_gone() -> None:
    """Seven days after the last contact about the reason, to the millisecond, the alert is resolved."""
    customer, ctx = household(REPEAT)
    advance(customer, ctx, T0 + 8 * DAY - 1)
    assert len(customer.alerts.open) == 1
    advance(customer, ctx, T0 + 8 * DAY)
    assert customer.alerts.open == []
    assert told(ctx)[-1] == ("alert.resolved", "resolved", "no further contact")
    last = ctx.emitted[-1]
    assert isinstance(last, AlertResolved)
    assert last.resolved_at == datetime.fromtimestamp((T0 + 8 * DAY) / 1000, UTC)


def test_late_history_is_recorded_and_told_to_nobody() -> None:
    """Events older than the late limit leave an expired alert to read, and emit nothing."""
    customer, ctx = household(REPEAT, ctx=Context(T0 + 100 * DAY))
    assert ctx.emitted == []
    (alert,) = customer.alerts.closed
    assert (alert.state, alert.tell_who, alert.tell_channel) == ("expired", "nobody", "")
    assert ctx.indexed == {f"C1|{alert_id('C1', alert)}": T0 + DAY}
    assert published("C1", alert).state == "expired"


def test_news_that_has_gone_stale_is_told_to_nobody() -> None:
    """Within the late limit, but past its `deliver_before`, an alert is recorded as expired."""
    on_time, stale = Context(T0 + DAY + 8 * HOUR - 1), Context(T0 + DAY + 8 * HOUR)
    assert len(household(REPEAT, ctx=on_time)[1].emitted) == 1
    customer, ctx = household(REPEAT, ctx=stale)
    assert ctx.emitted == []
    assert customer.alerts.closed[0].state == "expired"


def test_closed_alerts_are_few_and_leave_the_index() -> None:
    """The state keeps the last three closed alerts; those dropped leave the list of alerts too."""
    events: list[tuple[int, Event]] = []
    for n in range(6):
        for m in range(2):
            events.append((T0 + (n * 20 + m) * DAY, CallStarted(call_id=f"c{n}{m}", reason="billing")))
    customer, ctx = household(events)
    advance(customer, ctx, T0 + 200 * DAY)
    assert len(customer.alerts.closed) == 3
    assert sorted(ctx.indexed) == sorted(f"C1|{alert_id('C1', a)}" for a in customer.alerts.closed)


def test_an_unhappy_customer_makes_it_more_severe() -> None:
    """Severity comes from tier, money at stake and mood."""
    calm, _ = household(REPEAT)
    unhappy, _ = household([(T0 - n * DAY, SurveyAnswered(csat=1)) for n in (3, 2, 1)] + REPEAT)
    assert calm.alerts.open[0].severity == "warning"
    assert unhappy.alerts.open[0].severity == "error"


ALLOWANCE: list[tuple[int, Event]] = [
    (T0, ProfileChanged(sms_allowance=10, channel_said=Channel.EMAIL)),
    *((T0 + n * MINUTE, SmsRated(line="+1", destination=SmsDestination.ONNET)) for n in range(1, 9)),
]


@pytest.mark.parametrize(
    ("refused", "channel"),
    [
        ([], "email"),
        ([Channel.EMAIL], "sms"),
        ([Channel.EMAIL, Channel.SMS], "app"),
        ([Channel.EMAIL, Channel.SMS, Channel.APP], None),
        ([None], None),
    ],
)
def test_the_payer_is_told_over_the_channel_he_said_unless_he_forbids_it(
    refused: list[Channel | None], channel: str | None
) -> None:
    """The channel said comes first, then the policy's; one that he has forbidden for service is not used."""
    consents = [(T0, ConsentChanged(purpose=Consent.SERVICE, granted=False, channel=c)) for c in refused]
    _, ctx = household([*consents, *ALLOWANCE])
    (event,) = ctx.emitted
    assert isinstance(event, AlertOpened)
    assert (event.tell.who, event.tell.channel) == ("payer", channel)


def test_a_subject_of_any_characters_gives_a_plain_id() -> None:
    """A reason with spaces or letters of any language is named by its checksum in the id."""
    events = [(T0 + n * DAY, CallStarted(call_id=f"c{n}", reason="Hóa đơn cao?")) for n in range(2)]
    customer, ctx = household(events)
    (event,) = ctx.emitted
    assert isinstance(event, AlertOpened)
    assert event.subject == "Hóa đơn cao?"
    assert event.alert_id.isascii()
    assert " " not in event.alert_id
    assert event.alert_id == open_id(customer)
