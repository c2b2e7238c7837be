"""Story 1 on the stream: use of messages that has changed is told once, of counts only, to whom it concerns, and ends."""

from __future__ import annotations

import random

import msgspec
import pytest

from cem.domain.alerting import update_alert
from cem.domain.customer import Customer, decode_customer, encode_customer, new_customer
from cem.domain.detectors.sms_use import RHYTHM
from cem.domain.events import (
    Alert,
    ConsentChanged,
    ControlAlertResolved,
    Event,
    ProfileChanged,
    ProfileLine,
    Role,
    SmsDestination,
    SmsRated,
)
from cem.domain.events.enums import AlertTier, Channel, Consent, Tell
from cem.domain.finding import Finding
from cem.domain.fold import fold
from cem.domain.state.lane import LaneState
from cem.domain.thresholds import (
    AlertPolicy,
    AllowancePolicy,
    LedgerPolicy,
    RemedyPolicy,
    RisePolicy,
    VelocityPolicy,
    WatchPolicy,
)
from tests.builders.customers import DAY, HOUR, MINUTE, T0, Context, advance, household, received

FATHER, DAUGHTER = "+4915100000001", "+4915100000002"
PROFILE = ProfileChanged(
    lines=(ProfileLine(line=FATHER, role=Role.PAYER), ProfileLine(line=DAUGHTER, role=Role.CHILD, user="p2")),
    timezone="UTC",
)
ONLY_USE = AlertPolicy(sms_allowance=AllowancePolicy(enabled=False))
Timed = tuple[int, Event]


def text(at_ms: int, to: str, line: str = DAUGHTER) -> Timed:
    return at_ms, SmsRated(line=line, destination=SmsDestination.ONNET, recipient=to)


def a_month(line: str = DAUGHTER) -> list[Timed]:
    """Return about four messages a day to few friends in waking hours, for 30 days."""
    rng = random.Random(3)
    return sorted(
        (
            text(T0 + day * DAY + rng.randrange(8 * HOUR, 22 * HOUR), f"friend{rng.randrange(5)}", line)
            for day in range(30)
            for _ in range(rng.randint(2, 6))
        ),
        key=lambda event: event[0],
    )


def a_rise(days: int = 7, first: int = 30) -> list[Timed]:
    """Return thirty messages a day to more people than usual."""
    rng = random.Random(4)
    return sorted(
        (
            text(T0 + day * DAY + rng.randrange(8 * HOUR, 22 * HOUR), f"friend{rng.randrange(12)}")
            for day in range(first, first + days)
            for _ in range(30)
        ),
        key=lambda event: event[0],
    )


def told(ctx: Context) -> list[tuple[str, str, str, str]]:
    """Return (event, type, tier, who) of what was told."""
    return [
        (e.TYPE.removeprefix("alert."), e.type, str(e.tier), str(e.tell.who))
        for e in ctx.emitted
        if isinstance(e, Alert)
    ]


def of_use(events: list[Timed]) -> tuple[Customer, Context]:
    return household([(T0, PROFILE), *events], ctx=Context(0, alerts=ONLY_USE))


def test_a_rise_is_for_the_user_first_then_for_the_payer_and_ends_by_itself() -> None:
    """The daughter hears of the notice, the father of the alert; days after the last of it the alert is over."""
    customer, ctx = of_use([*a_month(), *a_rise()])
    assert told(ctx)[:2] == [
        ("opened", "sms_rise", "notice", "user"),
        ("updated", "sms_rise", "alert", "payer"),
    ]
    advance(customer, ctx, T0 + 60 * DAY)
    assert told(ctx)[-1][0] == "resolved"
    assert customer.alerts.open == []


def test_each_is_told_over_a_channel_that_is_his() -> None:
    """The daughter on her line; her father where he asked for it, also when what is found later concerns her alone."""
    said = ProfileChanged(channel_said=Channel.EMAIL)
    customer, ctx = of_use([(T0, said), *a_month(), *a_rise()])
    channels = [(str(e.tell.who), e.tell.channel) for e in ctx.emitted if isinstance(e, Alert)]
    assert channels[:2] == [("user", Channel.SMS), ("payer", Channel.EMAIL)]
    assert [(str(c.who), c.channel) for c in ctx.contacts][:2] == channels[:2]
    (alert,) = customer.alerts.open
    rise = Finding(
        "sms_rise", DAUGHTER, alert.cause, AlertTier.NOTICE, ctx.lane_time_ms, ctx.lane_time_ms + DAY, 0,
        dict(alert.evidence), Tell.USER, RemedyPolicy("usage_control"),
    )  # fmt: skip
    update_alert(customer, alert, rise, "twice as many", ctx)
    assert (alert.tell_who, alert.tell_channel) == ("payer", "email")


def test_who_has_forbidden_messages_is_not_told_on_his_line() -> None:
    """There is no other way to the user of a line: the notice stands without a channel, and asks for no message."""
    forbidden = ConsentChanged(purpose=Consent.SERVICE, granted=False, channel=Channel.SMS)
    _, ctx = of_use([(T0, forbidden), *a_month(), *a_rise()])
    first = next(e for e in ctx.emitted if isinstance(e, Alert))
    assert (str(first.tell.who), first.tell.channel) == ("user", None)
    assert [str(c.who) for c in ctx.contacts] == ["payer"]


def test_who_is_held_out_of_a_notice_is_not_told_when_it_rises() -> None:
    """The coin was thrown when it opened; the other arm of the comparison stays untold."""
    nobody = msgspec.structs.replace(ONLY_USE, ledger=LedgerPolicy(holdout_share=1.0))
    _, ctx = household([(T0, PROFILE), *a_month(), *a_rise()], ctx=Context(0, alerts=nobody))
    assert told(ctx)[:2] == [
        ("opened", "sms_rise", "notice", "nobody"),
        ("updated", "sms_rise", "alert", "nobody"),
    ]
    assert ctx.contacts == []


def test_what_is_told_is_counts() -> None:
    """Neither the alert nor the state knows to whom the line wrote."""
    customer, ctx = of_use([*a_month(), *a_rise()])
    assert b"friend" not in encode_customer(customer)
    alerts = [e for e in ctx.emitted if isinstance(e, Alert)]
    assert all(b"friend" not in msgspec.json.encode(alert) for alert in alerts)
    assert alerts[0].subject == DAUGHTER
    assert alerts[0].evidence["messages_3d"] > 2 * alerts[0].evidence["usual_3d"]  # type: ignore[operator]
    assert all(isinstance(value, int | float) for value in alerts[0].evidence.values())


def test_a_payers_own_line_is_told_to_the_payer() -> None:
    """There is no other user to be told."""
    burst = [text(T0 + 30 * DAY + n * MINUTE, f"s{n}", FATHER) for n in range(50)]
    early = msgspec.structs.replace(
        ONLY_USE, sms_velocity=VelocityPolicy(notice_factor=4.25, alert_factor=50)
    )
    _, ctx = household([(T0, PROFILE), *a_month(FATHER), *burst], ctx=Context(0, alerts=early))
    assert told(ctx) == [("opened", "sms_velocity", "notice", "payer")]


def test_a_burst_within_a_rise_takes_its_place_and_is_no_second_alert() -> None:
    """One open alert of use a line: the notice of the rise is superseded by the alert of the burst."""
    notices = msgspec.structs.replace(ONLY_USE, sms_watch=WatchPolicy(rise=RisePolicy(alert=100)))
    customer, ctx = household([(T0, PROFILE)], ctx=Context(0, alerts=notices))
    now_ms = T0
    for now_ms, event in [*a_month(), *a_rise()]:
        advance(customer, ctx, now_ms)
        fold(customer, received(event, now_ms), ctx)
        if customer.alerts.open:
            break
    for n in range(1, 90):
        at_ms, event = text(now_ms + n * MINUTE, f"s{n}")
        advance(customer, ctx, at_ms)
        fold(customer, received(event, at_ms), ctx)
    assert told(ctx)[:3] == [
        ("opened", "sms_rise", "notice", "user"),
        ("resolved", "sms_rise", "notice", "user"),
        ("opened", "sms_velocity", "alert", "payer"),
    ]
    assert [(alert.type, alert.tier) for alert in customer.alerts.open] == [("sms_velocity", "alert")]


def test_nights_are_told() -> None:
    """A line that begins to write at three in the morning is told after three nights."""
    nights = [
        text(T0 + day * DAY + 3 * HOUR + n * MINUTE, f"friend{n % 5}")
        for day in range(30, 36)
        for n in range(9)
    ]
    _, ctx = of_use([*a_month(), *nights])
    assert ("opened", "sms_night", "alert", "payer") in told(ctx) or (
        "opened",
        "sms_night",
        "notice",
        "user",
    ) in told(ctx)


def test_charges_beyond_the_tariff_are_told_with_their_cost() -> None:
    """Four premium messages in two days are an alert for the payer that names line and cost."""
    dear = [
        (
            T0 + 30 * DAY + n * HOUR,
            SmsRated(line=DAUGHTER, destination=SmsDestination.PREMIUM, recipient="9", charge_minor=199),
        )
        for n in range(5)
    ]
    customer, ctx = of_use([*a_month(), *dear])
    assert told(ctx) == [("opened", "sms_money", "alert", "payer")]
    (alert,) = customer.alerts.open
    assert (alert.subject, alert.evidence["messages_2d"], alert.cost_minor) == (DAUGHTER, 4, 4 * 199)
    advance(customer, ctx, T0 + 40 * DAY)
    assert told(ctx)[-1] == ("resolved", "sms_money", "alert", "payer")


def test_resolved_by_hand_it_stays_quiet() -> None:
    """Somebody has dealt with the rise: it is not told again while it lasts."""
    customer, ctx = of_use([*a_month(), *a_rise(6)])
    (alert,) = customer.alerts.open
    assert alert.tier == "alert"
    done = ControlAlertResolved(
        alert_id=next(e.alert_id for e in ctx.emitted if isinstance(e, Alert)), by="anna"
    )
    for at_ms, event in [(T0 + 36 * DAY, done), *a_rise(5, first=36)]:
        advance(customer, ctx, at_ms)
        fold(customer, received(event, at_ms), ctx)
    assert [event for event, *_ in told(ctx)].count("opened") == 1


@pytest.mark.parametrize("seed", range(5))
def test_arrival_order_and_event_order_tell_the_same(seed: int) -> None:
    """Some messages arrive hours late: the same alerts, each once."""
    rng = random.Random(seed)
    events = [*a_month(), *a_rise()]
    late = sorted(events, key=lambda e: e[0] + (rng.randrange(6 * HOUR) if rng.random() < 0.1 else 0))
    assert late != events
    in_time, in_arrival = of_use(events), of_use(late)
    assert told(in_time[1]) == told(in_arrival[1])
    mine, other = (each[0].lines[DAUGHTER].habits for each in (in_time, in_arrival))
    assert mine is not None
    assert other is not None
    assert (mine.day, mine.count, mine.days, mine.nights) == (
        other.day,
        other.count,
        other.days,
        other.nights,
    )


def test_a_restart_between_any_two_messages_changes_nothing() -> None:
    """States and the lane's rhythm that were saved and read again fold on to the same bytes and alerts."""
    events = [*a_month(), *a_rise(4)]
    customer, ctx = of_use(events)
    again, second = new_customer("C1"), Context(0, alerts=ONLY_USE)
    fold(again, received(PROFILE, T0), second)
    for at_ms, event in events:
        advance(again, second, at_ms)
        fold(again, received(event, at_ms), second)
        again = decode_customer(encode_customer(again))
        if data := second.lane.encode():
            second.lane = LaneState.decode(data)
    assert told(second) == told(ctx)
    assert encode_customer(again) == encode_customer(customer)
    assert second.lane.look(RHYTHM) == ctx.lane.look(RHYTHM)


def test_a_clock_that_runs_ahead_closes_no_days() -> None:
    """A message that claims to be of next year is counted, and teaches neither line nor lane."""
    customer, ctx = of_use(a_month())
    before = msgspec.to_builtins(ctx.lane.look(RHYTHM))
    fold(customer, received(text(0, "a")[1], T0 + 400 * DAY, ingested_ms=T0 + 30 * DAY), ctx)
    assert msgspec.to_builtins(ctx.lane.look(RHYTHM)) == before


def test_history_is_learnt_from_and_told_to_nobody() -> None:
    """An imported rise of last year leaves an expired alert; nothing is emitted."""
    customer, ctx = household(
        [(T0, PROFILE), *a_month(), *a_rise()], ctx=Context(T0 + 300 * DAY, alerts=ONLY_USE)
    )
    assert ctx.emitted == []
    assert {alert.type for alert in customer.alerts.closed} == {"sms_rise"}
    assert {alert.state for alert in customer.alerts.closed} == {"expired"}
