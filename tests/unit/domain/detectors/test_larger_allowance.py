"""A plan that includes more ends the alert of the allowance before it; what it ended may be told again."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from cem.domain.events import (
    Alert,
    ControlAlertResolved,
    Event,
    PlanChanged,
    ProfileChanged,
    ProfileLine,
    Role,
    SmsDestination,
    SmsRated,
)
from cem.domain.thresholds import (
    AlertPolicy,
    EscalatePolicy,
    MoneyPolicy,
    QuietPolicy,
    TellPolicy,
    VelocityPolicy,
    WatchPolicy,
)
from tests.builders.customers import DAY, MINUTE, T0, Context, advance, household

LINE = "+4915100000002"
#: Only what is told of the allowance, at once, and once.
ALLOWANCE_ONLY = AlertPolicy(
    sms_velocity=VelocityPolicy(enabled=False),
    sms_watch=WatchPolicy(money=MoneyPolicy(enabled=False)),
    tell=TellPolicy(quiet=QuietPolicy(0, 0)),
    escalate=EscalatePolicy(times=0),
)


def profile(allowance: int) -> ProfileChanged:
    """Return what is said of the line."""
    return ProfileChanged(
        lines=(ProfileLine(line=LINE, role=Role.CHILD, sms_allowance=allowance),), cycle_day=1
    )


def plan(allowance: int, effective: date | None = None, line: str | None = LINE) -> PlanChanged:
    """Return the change to a plan that includes so much."""
    return PlanChanged(line=line, plan=f"P{allowance}", sms_allowance=allowance, effective=effective)


def texts(count: int, day: int, *, inside: bool = True) -> list[tuple[int, Event]]:
    """Return so many messages of one segment, a minute apart, on that day after T0."""
    sent = SmsRated(
        line=LINE,
        destination=SmsDestination.ONNET,
        recipient="r",
        in_allowance=inside,
        charge_minor=0 if inside else 9,
    )
    return [(T0 + day * DAY + n * MINUTE, sent) for n in range(count)]


def told(events: list[tuple[int, Event]]) -> list[tuple[str, str, str]]:
    """Return (event, cause, reason of the end) of what was told of the allowance until the cycle was over."""
    customer, ctx = household([(T0, profile(100)), *events], ctx=Context(0, alerts=ALLOWANCE_ONLY))
    advance(customer, ctx, T0 + 40 * DAY)
    return [
        (
            e.TYPE.removeprefix("alert."),
            e.alert_id.rpartition(":")[2],
            e.reason if e.TYPE == "alert.resolved" else "",
        )
        for e in ctx.emitted
        if isinstance(e, Alert) and e.type == "sms_allowance"
    ]


@pytest.mark.parametrize("change", [plan(250), profile(250), plan(250, date(2025, 3, 4))])
def test_a_larger_allowance_ends_the_alert_at_once(change: Event) -> None:
    """115 of 100 are 46 % of 250: whoever says so, the alert is over when that is known."""
    assert told([*texts(115, 2), (T0 + 3 * DAY, change)]) == [
        ("opened", "20250301-80", ""),
        ("updated", "20250301-80", ""),
        ("resolved", "20250301-80", "larger allowance"),
    ]


@pytest.mark.parametrize("allowance", [50, 100, 104])
def test_an_allowance_that_is_no_larger_or_used_as_much_ends_nothing(allowance: int) -> None:
    """Use of 84 is above 80 % of each of them: the notice stays until the cycle ends."""
    found = told([*texts(84, 2), (T0 + 3 * DAY, plan(allowance))])
    assert found == [("opened", "20250301-80", ""), ("resolved", "20250301-80", "over")]


def test_what_was_told_is_told_again_when_use_crosses_it_under_each_larger_allowance() -> None:
    """Every one is an alert of its own, with an id that none before had, also when profiles came in between."""
    said: list[tuple[int, Event]] = [(T0 + 5 * DAY + n, profile(200)) for n in range(6)]
    events = [*texts(85, 2), (T0 + 4 * DAY, plan(200)), *said, *texts(80, 6), (T0 + 8 * DAY, plan(300))]
    found = told([*events, *texts(80, 10)])
    assert [(event, cause) for event, cause, _ in found] == [
        ("opened", "20250301-80"),
        ("resolved", "20250301-80"),
        ("opened", "20250301-80-raised1"),
        ("resolved", "20250301-80-raised1"),
        ("opened", "20250301-80-raised2"),
        ("resolved", "20250301-80-raised2"),
    ]
    assert [reason for _, _, reason in found[1::2]] == ["larger allowance", "larger allowance", "over"]


def test_what_use_has_reached_of_the_larger_allowance_is_not_told_again() -> None:
    """100 of 100 are 83 % of 120: the alert is over, no notice of 80 % follows, and 100 % is told again."""
    found = told([*texts(100, 2), (T0 + 4 * DAY, plan(120)), *texts(10, 5), *texts(10, 6)])
    assert [(event, cause) for event, cause, _ in found[2:]] == [
        ("resolved", "20250301-80"),
        ("opened", "20250301-100-raised1"),
        ("resolved", "20250301-100-raised1"),
    ]


def test_a_plan_that_begins_later_ends_the_alert_when_it_begins() -> None:
    """Said before or after the alert opened, for the line or the account, no message is needed for it to count."""
    later = plan(250, date(2025, 3, 11))
    for events in (
        [(T0 + DAY, later), *texts(85, 2)],
        [*texts(85, 2), (T0 + 3 * DAY, later)],
    ):
        customer, ctx = household([(T0, profile(100)), *events], ctx=Context(0, alerts=ALLOWANCE_ONLY))
        advance(customer, ctx, T0 + 8 * DAY - 1)
        assert len(customer.alerts.open) == 1
        advance(customer, ctx, T0 + 8 * DAY)
        (alert,) = [e for e in ctx.emitted if isinstance(e, Alert) and e.TYPE == "alert.resolved"]
        assert alert.reason == "larger allowance"
        assert alert.resolved_at == datetime(2025, 3, 11, tzinfo=UTC)
        assert customer.lines[LINE].allowance == 250


def test_a_smaller_plan_that_begins_later_leaves_the_alert_until_the_cycle_ends() -> None:
    """It is looked at when the plan begins, and again when the cycle ends."""
    events = [(T0, profile(100)), *texts(85, 2), (T0 + 3 * DAY, plan(90, date(2025, 3, 11)))]
    customer, ctx = household(events, ctx=Context(0, alerts=ALLOWANCE_ONLY))
    advance(customer, ctx, T0 + 9 * DAY)
    assert customer.lines[LINE].allowance == 90
    assert [alert.state for alert in customer.alerts.open] == ["open"]
    advance(customer, ctx, T0 + 40 * DAY)
    (alert,) = customer.alerts.closed
    assert (alert.reason, alert.closed_ms) == ("over", T0 + 29 * DAY)


def test_a_charge_beyond_the_allowance_is_over_with_a_larger_one_and_told_again_under_it() -> None:
    """A charge counts as 100 %: below that of the larger allowance it is over, steps of charges go on counting."""
    found = told([*texts(3, 1, inside=False), (T0 + 2 * DAY, plan(200)), *texts(2, 3, inside=False)])
    assert [(event, cause) for event, cause, _ in found] == [
        ("opened", "20250301-charged"),
        ("resolved", "20250301-charged"),
        ("opened", "20250301-charged-raised1"),
        ("resolved", "20250301-charged-raised1"),
    ]


def test_resolved_by_hand_it_stays_quiet_under_a_larger_allowance_too() -> None:
    """Somebody has dealt with it; a plan that includes more is no reason to begin anew."""
    done = ControlAlertResolved(alert_id=f"sms_allowance:C1:{LINE}:20250301-80", by="anna")
    found = told([*texts(85, 2), (T0 + 3 * DAY, done), (T0 + 4 * DAY, plan(200)), *texts(80, 5)])
    assert [event for event, _, _ in found] == ["opened", "resolved"]
