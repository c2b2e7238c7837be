"""Story 1: the daughter's texting. Allowance, charges, distinct recipients; attributed to the line, told to the payer."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cem.domain import view
from cem.domain.events import (
    Alert,
    Channel,
    ControlAlertResolved,
    Event,
    ProfileChanged,
    ProfileLine,
    Role,
    SmsDestination,
    SmsRated,
)
from cem.domain.fold import fold
from cem.domain.thresholds import AlertPolicy, AllowancePolicy, MoneyPolicy, VelocityPolicy, WatchPolicy
from tests.builders.customers import DAY, HOUR, MINUTE, T0, Context, advance, household, received

FATHER, DAUGHTER = "+4915100000001", "+4915100000002"
#: Only what is told of the allowance.
NO_WATCH = WatchPolicy(money=MoneyPolicy(enabled=False))
NO_VELOCITY = AlertPolicy(sms_velocity=VelocityPolicy(enabled=False), sms_watch=NO_WATCH)
#: A message long ago: the line is not new.
LONG_AGO = T0 - 20 * DAY
PROFILE = ProfileChanged(
    lines=(
        ProfileLine(line=FATHER, role=Role.PAYER, birth_year=1975, sms_allowance=200),
        ProfileLine(line=DAUGHTER, role=Role.CHILD, birth_year=2010, sms_allowance=100),
    ),
    channel_said=Channel.EMAIL,
    cycle_day=1,
)


def texts(
    count: int,
    start_ms: int,
    *,
    line: str = DAUGHTER,
    every_ms: int = MINUTE,
    inside: bool = True,
    charge: int = 0,
    to: int = 5,
    name: str = "r",
) -> list[tuple[int, Event]]:
    """Return `count` messages to `to` recipients."""
    return [
        (
            start_ms + n * every_ms,
            SmsRated(
                line=line,
                destination=SmsDestination.ONNET,
                recipient=f"{name}{n % to}",
                in_allowance=inside,
                charge_minor=charge,
            ),
        )
        for n in range(count)
    ]


def seen(ctx: Context) -> list[tuple[str, str, str, int | float | str | bool | None]]:
    """Return (event, alert type, tier, threshold) of what was told."""
    return [
        (e.TYPE.removeprefix("alert."), e.type, str(e.tier), e.evidence.get("threshold_percent"))
        for e in ctx.emitted
        if isinstance(e, Alert)
    ]


def test_thresholds_are_told_once_a_cycle_to_the_payer_and_name_the_line() -> None:
    """80 % is a notice, 100 % within 48 h the same alert told higher; the next cycle starts anew."""
    march = texts(130, T0 + 2 * DAY, inside=True)
    april = texts(90, T0 + 35 * DAY)
    customer, ctx = household([(T0, PROFILE), *march, *april])
    advance(customer, ctx, T0 + 90 * DAY)
    assert seen(ctx) == [
        ("opened", "sms_allowance", "notice", 80),
        ("updated", "sms_allowance", "alert", 100),
        ("resolved", "sms_allowance", "alert", 100),
        ("opened", "sms_allowance", "notice", 80),
        ("resolved", "sms_allowance", "notice", 80),
    ]
    first = ctx.emitted[0]
    assert isinstance(first, Alert)
    assert first.subject == DAUGHTER
    assert (first.tell.who, first.tell.channel) == ("payer", "email")
    assert first.evidence["used_segments"] == 80
    assert first.evidence["allowance_segments"] == 100
    assert (first.evidence["cycle_start"], first.evidence["cycle_end"]) == ("2025-03-01", "2025-04-01")
    assert first.remedy is not None
    assert (first.remedy.action, first.remedy.price_minor) == ("sms_bundle", 300)
    assert first.alert_id == f"sms_allowance:C1:{DAUGHTER}:20250301-80"
    resolved = ctx.emitted[2]
    assert isinstance(resolved, Alert)
    assert resolved.resolved_at is not None
    assert resolved.resolved_at.isoformat() == "2025-04-01T00:00:00+00:00"


def test_a_threshold_after_two_days_is_an_alert_of_its_own() -> None:
    """Collapsing ends after 48 h: the higher threshold is a new alert, and the old one is over."""
    slow = texts(100, T0 + 2 * DAY, every_ms=4 * HOUR)
    _, ctx = household([(T0, PROFILE), *slow])
    assert seen(ctx) == [
        ("opened", "sms_allowance", "notice", 80),
        ("resolved", "sms_allowance", "notice", 80),
        ("opened", "sms_allowance", "alert", 100),
    ]


def test_charges_beyond_the_tariff_update_the_open_alert() -> None:
    """As the bill grows, each step of charges updates the alert with what it has cost, and its severity rises."""
    beyond = texts(230, T0 + 3 * DAY, inside=False, charge=9)
    customer, ctx = household([(T0, PROFILE), *texts(100, T0 + 2 * DAY), *beyond])
    costs = [(e.cost_minor, str(e.severity), e.reason) for e in ctx.emitted if isinstance(e, Alert)][2:]
    assert costs == [(504, "warning", "charges have grown"), (2_007, "error", "charges have grown")]
    alert = customer.alerts.open[0]
    assert alert.evidence["charged_onnet_minor"] == 2_007
    assert view.charged_minor(customer, T0 + 4 * DAY) == 230 * 9


def test_a_charge_beyond_the_allowance_is_told_as_such_and_claims_no_threshold() -> None:
    """The operator charges although little was used: that is said, once, and no threshold that use has not reached."""
    events = [*texts(3, T0 + DAY), *texts(2, T0 + 2 * DAY, inside=False, charge=9)]
    _, ctx = household([(T0, PROFILE), *events, *texts(85, T0 + 4 * DAY)])
    assert seen(ctx) == [("opened", "sms_allowance", "alert", None)]
    (alert,) = ctx.emitted
    assert isinstance(alert, Alert)
    assert alert.alert_id == f"sms_allowance:C1:{DAUGHTER}:20250301-charged"
    assert alert.evidence["reason"] == "charged"
    assert (alert.evidence["used_segments"], alert.evidence["used_percent"]) == (4, 4)
    assert (alert.evidence["charged_messages"], alert.cost_minor) == (1, 9)


def test_a_charge_after_the_notice_keeps_the_threshold_that_was_reached() -> None:
    """At 80 % of use and charged: the alert says both."""
    _, ctx = household(
        [(T0, PROFILE), *texts(80, T0 + DAY), *texts(1, T0 + DAY + 2 * HOUR, inside=False, charge=9)]
    )
    assert seen(ctx) == [("opened", "sms_allowance", "notice", 80), ("updated", "sms_allowance", "alert", 80)]
    assert [e.evidence["reason"] for e in ctx.emitted if isinstance(e, Alert)] == ["used", "charged"]


def test_a_charge_without_a_known_allowance_proves_nothing() -> None:
    """There is no allowance that could be used up."""
    _, ctx = household([*texts(3, T0 + DAY), *texts(1, T0 + 2 * DAY, inside=False, charge=9)])
    assert seen(ctx) == []


MESSAGE = st.builds(
    SmsRated,
    line=st.just(DAUGHTER),
    segments=st.integers(1, 30),
    destination=st.sampled_from(SmsDestination),
    in_allowance=st.sampled_from([True, False, None]),
    charge_minor=st.sampled_from([0, 0, 9, 400]),
)


@settings(max_examples=200, deadline=None)
@given(messages=st.lists(MESSAGE, max_size=25), allowance=st.sampled_from([None, 0, 40, 100, 500]))
def test_no_alert_contradicts_its_evidence(messages: list[SmsRated], allowance: int | None) -> None:
    """Whatever is rated: thresholds are reached by use, `charged` names a charge beyond an allowance, tiers fit."""
    profile = ProfileChanged(lines=(ProfileLine(line=DAUGHTER, role=Role.CHILD, sms_allowance=allowance),))
    covered = {SmsDestination.ONNET, SmsDestination.OFFNET, SmsDestination.OTHER}
    events = [(T0 + n * MINUTE, m) for n, m in enumerate(messages, start=1)]
    _, ctx = household([(T0, profile), *events], ctx=Context(0, alerts=NO_VELOCITY))
    for alert in ctx.emitted:
        assert isinstance(alert, Alert)
        said = alert.evidence
        past = [m for at, m in events if at <= (alert.updated_at or alert.opened_at).timestamp() * 1000]
        used = sum(m.segments for m in past if m.in_allowance or m.destination in covered)
        beyond = [m for m in past if m.in_allowance is False and m.charge_minor and m.destination in covered]
        assert allowance
        reached = max((p for p in (80, 100) if used * 100 >= p * allowance), default=None)
        assert (said["used_segments"], said["used_percent"]) == (used, used * 100 // allowance)
        assert said.get("threshold_percent") == reached
        assert said["reason"] == ("used" if reached == 100 or not beyond else "charged")
        assert (alert.tier == "alert") == (reached == 100 or bool(beyond))
        assert alert.cost_minor == sum(m.charge_minor for m in past)
    crossing = [
        m for m in messages if m.in_allowance is False and m.charge_minor and m.destination in covered
    ]
    total = sum(m.segments for m in messages if m.in_allowance or m.destination in covered)
    assert bool(ctx.emitted) == bool(allowance and (crossing or total * 100 >= 80 * allowance))


def test_a_premium_message_says_nothing_about_the_allowance() -> None:
    """What no allowance covers neither uses it nor is told by this detector."""
    premium = SmsRated(
        line=DAUGHTER, destination=SmsDestination.PREMIUM, in_allowance=False, charge_minor=299
    )
    ctx = Context(0, alerts=NO_VELOCITY)
    customer, _ = household([(T0, PROFILE), *((T0 + n * MINUTE, premium) for n in range(1, 200))], ctx=ctx)
    assert ctx.emitted == []
    cycle = view.usage_cycle(customer, DAUGHTER, T0 + DAY)
    assert cycle is not None and cycle.counted == 0


def test_resolved_by_hand_it_stays_quiet_for_the_same_threshold() -> None:
    """A threshold that somebody has dealt with is not told again in the cycle, the next one is."""
    events = texts(85, T0 + 2 * DAY)
    customer, ctx = household([(T0, PROFILE), *events])
    (alert,) = ctx.emitted
    assert isinstance(alert, Alert)
    done = ControlAlertResolved(alert_id=alert.alert_id, by="anna")
    for at_ms, event in [(T0 + 3 * DAY, done), *texts(20, T0 + 4 * DAY)]:
        advance(customer, ctx, at_ms)
        fold(customer, received(event, at_ms), ctx)
    assert seen(ctx)[1:] == [
        ("resolved", "sms_allowance", "notice", 80),
        ("opened", "sms_allowance", "alert", 100),
    ]


def test_imported_history_can_be_read_and_is_told_to_nobody() -> None:
    """A year-old cycle leaves one expired alert at its highest threshold of two days, and no emission."""
    customer, ctx = household([(T0, PROFILE), *texts(130, T0 + 2 * DAY)], ctx=Context(T0 + 365 * DAY))
    assert ctx.emitted == []
    (alert,) = customer.alerts.closed
    assert (alert.state, alert.tell_who, alert.evidence["threshold_percent"]) == ("expired", "nobody", 100)
    assert list(ctx.indexed) == [f"C1|sms_allowance:C1:{DAUGHTER}:20250301-80"]


def test_arrival_order_and_event_order_give_the_same_causes() -> None:
    """Messages that arrive late are told by the same thresholds, once each."""
    events = texts(130, T0 + 2 * DAY)
    in_order = household([(T0, PROFILE), *events], ctx=Context(T0 + 3 * DAY))[0]
    shuffled = household([(T0, PROFILE), *events[::-1]], ctx=Context(T0 + 3 * DAY))[0]
    for customer in (in_order, shuffled):
        cycle = customer.lines[DAUGHTER].cycle
        assert cycle is not None
        assert (cycle.told_percent, cycle.counted) == (100, 130)
        assert len(customer.alerts.open) == 1


def test_policy_switches_a_detector_off() -> None:
    """A detector that is not enabled counts and tells nothing."""
    quiet = AlertPolicy(
        sms_allowance=AllowancePolicy(enabled=False), sms_velocity=VelocityPolicy(enabled=False)
    )
    events = texts(130, T0 + 2 * DAY, to=130)
    customer, ctx = household([(T0, PROFILE), *events], ctx=Context(0, alerts=quiet))
    assert ctx.emitted == []
    cycle = customer.lines[DAUGHTER].cycle
    assert cycle is not None
    assert cycle.messages == 130


# Distinct recipients

NO_ALLOWANCE = AlertPolicy(sms_allowance=AllowancePolicy(enabled=False))


def test_a_burst_to_strangers_is_alerted_and_again_when_it_has_doubled() -> None:
    """A line that writes to hardly anybody is alerted at about 25 recipients in 6 h: for a worm no notice comes first."""
    burst = [*texts(1, LONG_AGO), *texts(80, T0, to=80)]
    _, ctx = household(burst, ctx=Context(0, alerts=NO_ALLOWANCE))
    told = [(e.TYPE, str(e.tier), e.evidence["recipients_6h"]) for e in ctx.emitted if isinstance(e, Alert)]
    assert [(kind, tier) for kind, tier, _ in told] == [("alert.opened", "alert"), ("alert.updated", "alert")]
    assert 25 <= told[0][2] <= 27


def test_a_burst_can_be_noticed_before_it_is_alerted() -> None:
    """The two tiers are the policy's: with 4.25 and 5 times level and offset the notice comes at 22 recipients."""
    burst = [*texts(1, LONG_AGO), *texts(80, T0, to=80)]
    early = msgspec.structs.replace(NO_ALLOWANCE, sms_velocity=VelocityPolicy(notice_factor=4.25))
    customer, ctx = household(burst, ctx=Context(0, alerts=early))
    told = [(e.TYPE, str(e.tier), e.evidence["recipients_24h"]) for e in ctx.emitted if isinstance(e, Alert)]
    # The third says that it has doubled.
    assert [(kind, tier) for kind, tier, _ in told] == [
        ("alert.opened", "notice"),
        ("alert.updated", "alert"),
        ("alert.updated", "alert"),
    ]
    assert 22 <= told[0][2] <= 24
    assert 25 <= told[1][2] <= 28
    opened, updated, _ = (e.updated_at or e.opened_at for e in ctx.emitted if isinstance(e, Alert))
    assert 17 <= (opened.timestamp() * 1000 - T0) / MINUTE <= 26
    assert 20 <= (updated.timestamp() * 1000 - T0) / MINUTE <= 32
    assert view.recipients_24h(customer.lines[DAUGHTER], T0 + 2 * HOUR) == pytest.approx(80, rel=0.15)


def test_a_long_day_of_many_recipients_is_no_burst() -> None:
    """As many recipients spread over a whole day are told of a line that writes to few only if six hours hold them."""
    spread = [*texts(1, LONG_AGO), *texts(48, T0, to=48, every_ms=HOUR // 2)]
    _, ctx = household(spread, ctx=Context(0, alerts=NO_ALLOWANCE))
    assert ctx.emitted == []


def test_evidence_holds_counts_and_no_recipient() -> None:
    """Nothing of whom was written to is in the alert or in the customer's state."""
    burst = texts(60, T0, to=60, name="secret")
    customer, ctx = household(burst, ctx=Context(0, alerts=NO_ALLOWANCE))
    from cem.domain.customer import encode_customer

    assert b"secret" not in encode_customer(customer)
    for event in ctx.emitted:
        assert b"secret" not in msgspec.json.encode(event)


def test_it_resolves_in_the_hour_in_which_the_recipients_leave() -> None:
    """The alert ends by tick, in the first hour in which fewer than the notice threshold are left."""
    burst = [*texts(1, LONG_AGO), *texts(80, T0, to=80)]
    customer, ctx = household(burst, ctx=Context(0, alerts=NO_ALLOWANCE))
    advance(customer, ctx, T0 + 24 * HOUR - 1)
    assert len(customer.alerts.open) == 1
    advance(customer, ctx, T0 + 25 * HOUR)
    assert customer.alerts.open == []
    last = ctx.emitted[-1]
    assert isinstance(last, Alert)
    assert last.reason == "back to usual"
    assert last.resolved_at is not None
    # 60 of the 80 were written to in the first hour.
    assert last.resolved_at.timestamp() * 1000 == T0 + 24 * HOUR


def test_a_tier_is_silent_for_a_week() -> None:
    """The same line is not told again for seven days, then it is."""
    again = [
        *texts(1, LONG_AGO),
        *texts(26, T0, to=26),
        *texts(26, T0 + 3 * DAY, to=26),
        *texts(70, T0 + 8 * DAY, to=70),
    ]
    _, ctx = household(again, ctx=Context(0, alerts=NO_ALLOWANCE))
    assert [k for k, _, tier, _ in seen(ctx) if k == "opened"] == ["opened", "opened"]


def test_who_writes_to_many_every_day_has_a_higher_threshold() -> None:
    """The line's own level raises its thresholds: what is a burst for one is usual for another."""
    usual = [event for day in range(60) for event in texts(30, T0 + day * DAY, to=30, name=f"d{day}-")]
    customer, ctx = household(usual, ctx=Context(0, alerts=NO_ALLOWANCE))
    level = customer.lines[DAUGHTER].velocity
    assert level is not None
    assert 2_500 < level.level_centi < 3_500
    before = len(ctx.emitted)
    for at_ms, event in texts(90, T0 + 60 * DAY, to=90):
        advance(customer, ctx, at_ms)
        fold(customer, received(event, at_ms), ctx)
    assert len(ctx.emitted) == before


def test_arrival_order_and_event_order_notice_the_same_lines() -> None:
    """A burst whose messages arrive up to six hours late is told all the same."""
    events = texts(80, T0, to=80)
    for order in (events, events[::-1], events[::2] + events[1::2]):
        _, ctx = household([*texts(1, LONG_AGO), *order], ctx=Context(T0 + HOUR, alerts=NO_ALLOWANCE))
        assert {tier for kind, _, tier, _ in seen(ctx)} == {"alert"}


def test_messages_without_a_recipient_are_only_counted() -> None:
    """A source that does not tell recipients has no such alert."""
    customer, ctx = household([(T0 + n, SmsRated(line="+1")) for n in range(200)])
    assert customer.lines["+1"].velocity is None
    assert all(not isinstance(e, Alert) or e.type != "sms_velocity" for e in ctx.emitted)
