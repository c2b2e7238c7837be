"""Thresholds of the detectors of bills, promises, faults and moods. Hours and days are of the clock."""

from __future__ import annotations

import msgspec

__all__ = [
    "BillShockPolicy",
    "OutagePolicy",
    "PromisePolicy",
    "QuietPolicy",
    "RemedyPolicy",
    "ServiceLossPolicy",
    "SilentPolicy",
    "SinkingPolicy",
]


class RemedyPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to propose when the decision proposes nothing: an action of the catalogue and its price a month (minor)."""

    action: str
    price_minor: int = 0


class BillShockPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a bill is so far above the customer's usual one that he is told before it is due."""

    enabled: bool = True
    #: Growth over the usual bill in minor units; both this and the percentage must be reached.
    least_minor: int = 1_000
    notice_percent: int = 30
    alert_percent: int = 60
    #: Telling it later than so many hours after the bill, or after the day it is due, is noise.
    deliver_within_h: int = 120
    #: A bill without a day on which it is due stays an alert for so long.
    ends_days: int = 14
    remedy: RemedyPolicy = RemedyPolicy("explain_bill")
    #: The same if use beyond the allowance raised it most.
    usage_remedy: RemedyPolicy = RemedyPolicy("sms_bundle", 300)


class PromisePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a promise is about to be broken: a delivery, a repair, a call back."""

    enabled: bool = True
    #: So many hours before it falls due, but at the earliest when three quarters of its time have passed.
    hours: int = 24
    #: Telling a broken one later than so many hours after it fell due is noise.
    deliver_within_h: int = 24
    #: A broken one that nobody makes good stays an alert for so long.
    ends_days: int = 7
    remedy: RemedyPolicy = RemedyPolicy("take_over_order")


class QuietPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Hours of the customer's local day in which he is not told; equal ones: none. What is critical is told anyway."""

    from_h: int = 21
    to_h: int = 8


class ServiceLossPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When faults have hit a household hard: hours without good service within days."""

    enabled: bool = True
    window_days: int = 7
    notice_h: int = 8
    alert_h: int = 24
    deliver_within_h: int = 24
    remedy: RemedyPolicy = RemedyPolicy("solve_reception_fault")


class SilentPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a customer suffers many small failures and does not call."""

    enabled: bool = True
    days: int = 14
    failures: int = 4
    alert_failures: int = 7
    deliver_within_h: int = 72
    remedy: RemedyPolicy = RemedyPolicy("escalate_case")


class SinkingPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a valuable customer's satisfaction sinks, or the chance rises that he leaves."""

    enabled: bool = True
    #: Twelve of his usual bills, in minor units, from which a customer is valuable.
    value_minor: int = 30_000
    #: Satisfaction (CSAT points) at or below which he sinks, and a fall within `trend_days` that says it too.
    level: float = 2.5
    drop: float = 1.0
    trend_days: int = 60
    #: Chance that he leaves within the model's horizon from which it is told.
    churn_percent: int = 30
    deliver_within_h: int = 72
    remedy: RemedyPolicy = RemedyPolicy("escalate_case")


class OutagePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When faults of an area's households are one outage."""

    enabled: bool = True
    window_min: int = 60
    #: So many households that lost a service within the window; so many without one at once are an alert.
    households: int = 10
    alert_households: int = 50
    #: A household that nobody reports restored is forgotten after so long.
    forget_h: int = 24
    deliver_within_h: int = 4
