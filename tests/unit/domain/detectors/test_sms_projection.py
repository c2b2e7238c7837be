"""An allowance that will not last is told once a cycle, while there is time."""

from __future__ import annotations

import random

import pytest

from cem.domain.detectors.sms_projection import _above
from cem.domain.events import (
    Alert,
    Event,
    PlanChanged,
    ProfileChanged,
    ProfileLine,
    Role,
    SmsDestination,
    SmsRated,
)
from cem.domain.thresholds import AlertPolicy, AllowancePolicy, VelocityPolicy
from tests.builders.customers import DAY, HOUR, T0, Context, go_on, household

LINE = "+4915100000002"
#: 2025-04-01 00:00 UTC: T0 is the 3rd of March.
APRIL = T0 + 29 * DAY
PROFILE = ProfileChanged(lines=(ProfileLine(line=LINE, role=Role.CHILD, sms_allowance=100),), cycle_day=1)


def days(first_ms: int, count: int, a_day: int) -> list[tuple[int, Event]]:
    """Return `a_day` messages on each of the days."""
    return [
        (
            first_ms + day * DAY + 9 * HOUR + n * HOUR // 2,
            SmsRated(line=LINE, destination=SmsDestination.ONNET, recipient=f"r{n % 3}", in_allowance=True),
        )
        for day in range(count)
        for n in range(a_day)
    ]


def told(
    events: list[tuple[int, Event]], percent: int = 90
) -> list[tuple[str, str, int | float | str | bool, int]]:
    """Return (event, tier, reason, day of April) of what was told of the allowance."""
    policy = AlertPolicy(
        sms_allowance=AllowancePolicy(project_percent=percent), sms_velocity=VelocityPolicy(enabled=False)
    )
    _, ctx = household([(T0, PROFILE), *events], ctx=Context(0, alerts=policy))
    return [
        (
            e.TYPE.removeprefix("alert."),
            str(e.tier),
            e.evidence["reason"],
            (e.updated_at or e.opened_at).day if e.opened_at.month == 4 else -1,
        )
        for e in ctx.emitted
        if isinstance(e, Alert) and e.type == "sms_allowance"
    ]


def test_twice_the_usual_pace_is_told_days_before_the_allowance_is_used_up() -> None:
    """At nine messages a day a hundred last eleven days: that is told days before 80 %."""
    found = told([*days(T0, 29, 2), *days(APRIL, 13, 9)])
    assert found[0][:3] == ("opened", "notice", "projected")
    assert [reason for event, _, reason, _ in found if event == "opened"].count("projected") == 1
    assert found[-1][1:3] == ("alert", "used")
    assert 3 <= found[0][3] <= 8


def test_the_evidence_says_when_it_will_be_used_up() -> None:
    """Expected segments, the chance, and the day until which the allowance lasts."""
    _, ctx = household([(T0, PROFILE), *days(T0, 29, 2), *days(APRIL, 8, 9)])
    alert = next(e for e in ctx.emitted if isinstance(e, Alert) and e.type == "sms_allowance")
    assert alert.alert_id == f"sms_allowance:C1:{LINE}:20250401-projected"
    assert alert.evidence["chance_percent"] >= 90
    assert alert.evidence["projected_segments"] > 100
    assert "2025-04-08" <= str(alert.evidence["lasts_until"]) <= "2025-04-20"
    assert "threshold_percent" not in alert.evidence
    assert (alert.tell.who, alert.subject) == ("payer", LINE)


def test_a_threshold_within_two_days_is_the_same_alert() -> None:
    """What was projected and comes true at once is one alert, told higher."""
    found = told([*days(T0, 29, 2), *days(APRIL, 2, 1), *days(APRIL + 2 * DAY, 3, 40)])
    assert [event for event, *_ in found].count("opened") <= 1


@pytest.mark.parametrize(("allowance", "ends"), [(1_000, True), (110, False)])
def test_a_larger_allowance_ends_it_only_if_it_will_last(allowance: int, ends: bool) -> None:
    """What was projected of the old allowance is projected of the new one at once."""
    customer, ctx = household([(T0, PROFILE), *days(T0, 29, 2), *days(APRIL, 8, 9)])
    assert [a.cause for a in customer.alerts.open if a.type == "sms_allowance"] == ["20250401-projected"]
    go_on(customer, ctx, [(APRIL + 8 * DAY, PlanChanged(line=LINE, plan="L", sms_allowance=allowance))])
    ended = [a.reason for a in customer.alerts.closed if a.type == "sms_allowance"]
    assert ended == (["larger allowance"] if ends else [])


def test_the_usual_pace_is_not_told() -> None:
    """Two messages a day are sixty a month."""
    assert told([*days(T0, 29, 2), *days(APRIL, 30, 2)]) == []


def test_without_a_cycle_before_nothing_is_projected() -> None:
    """Nobody knows yet what is usual of the line: thresholds only."""
    assert {reason for _, _, reason, _ in told(days(APRIL, 13, 9))} == {"used"}


def test_it_can_be_switched_off() -> None:
    """At 0 % there is no projection; the thresholds, which are a duty, stay."""
    assert {reason for _, _, reason, _ in told([*days(T0, 29, 2), *days(APRIL, 13, 9)], percent=0)} == {
        "used"
    }


@pytest.mark.parametrize(
    ("value", "mean", "variance"), [(80, 50, 900), (30, 50, 400), (20, 8, 100), (200, 120, 2500)]
)
def test_the_chance_is_that_of_the_gamma_distribution(value: float, mean: float, variance: float) -> None:
    """Against drawn numbers of that distribution, to two points of a hundred."""
    rng = random.Random(1)
    drawn = [rng.gammavariate(mean * mean / variance, variance / mean) for _ in range(20_000)]
    assert _above(value, mean, variance) == pytest.approx(sum(x > value for x in drawn) / 20_000, abs=0.02)
