"""A line's message allowance: told at each threshold once a cycle, and as the charges beyond it grow.

Thresholds crossed within 48 h of the first are one alert, told at its highest; a later one is an alert of its own.
A message that the operator charges although an allowance covers its destination counts as 100 %, also where the size
of the allowance is not known. The alert resolves when the cycle ends (by tick).
"""

from __future__ import annotations

from cem.domain.alerting import Finding, find_open, raise_alert, update_alert
from cem.domain.context import FoldContext
from cem.domain.customer import Customer
from cem.domain.events.enums import AlertTier, Tell
from cem.domain.events.sms import SmsRated
from cem.domain.facts.usage import COVERED
from cem.domain.localtime import HOUR_MS, date_of, local_day, zone
from cem.domain.state.alerts import Evidence
from cem.domain.state.lines import Cycle, Line
from cem.domain.thresholds import AllowancePolicy
from cem.domain.view import charged_by_destination

__all__ = ["TYPE", "check_allowance"]

TYPE = "sms_allowance"


def check_allowance(
    customer: Customer, line: Line, cycle: Cycle, event: SmsRated, at_ms: int, ctx: FoldContext
) -> None:
    """Tell if this message, already counted in its cycle, has crossed a threshold that was not told in it."""
    policy = ctx.alerts.sms_allowance
    if not policy.enabled:
        return
    percent = _crossed(line, cycle, event, policy)
    step = _step(cycle, policy) if event.charge_minor and cycle.told_percent else 0
    if percent <= cycle.told_percent and step <= cycle.told_steps:
        return
    grown = percent > cycle.told_percent
    cycle.told_percent = max(cycle.told_percent, percent)
    cycle.told_steps = max(cycle.told_steps, _step(cycle, policy))
    finding = _finding(customer, line, cycle, event.line, at_ms, ctx)
    current = find_open(customer, TYPE, event.line)
    if current is not None and current.cause.startswith(_cycle_name(customer, cycle, ctx)):
        if not grown:
            update_alert(customer, current, finding, "charges have grown", ctx)
            return
        if at_ms - current.opened_ms < policy.collapse_h * HOUR_MS:
            update_alert(customer, current, finding, "higher threshold", ctx)
            return
    elif not grown:
        return
    raise_alert(customer, finding, ctx)


def _crossed(line: Line, cycle: Cycle, event: SmsRated, policy: AllowancePolicy) -> int:
    """Return the highest threshold that the cycle's use has reached, 0 if none."""
    reached = 0
    if line.allowance:
        for percent in policy.percents:
            if cycle.counted * 100 >= percent * line.allowance:
                reached = percent
    is_charged = event.in_allowance is False and event.charge_minor and event.destination in COVERED
    if is_charged and reached < 100 in policy.percents:
        reached = 100
    return reached


def _step(cycle: Cycle, policy: AllowancePolicy) -> int:
    charged = sum(cycle.charged_minor)
    return sum(1 for limit in policy.charge_steps_minor if charged >= limit)


def _finding(
    customer: Customer, line: Line, cycle: Cycle, subject: str, at_ms: int, ctx: FoldContext
) -> Finding:
    policy = ctx.alerts.sms_allowance
    tz = zone(customer.profile.timezone, ctx.timezone)
    evidence: Evidence = {
        "threshold_percent": cycle.told_percent,
        "used_segments": cycle.counted,
        "messages": cycle.messages,
        "charged_messages": cycle.charged,
        "cycle_start": date_of(local_day(cycle.start_ms, tz)).isoformat(),
        "cycle_end": date_of(local_day(cycle.end_ms, tz)).isoformat(),
    }
    if line.allowance:
        evidence["allowance_segments"] = line.allowance
        evidence["used_percent"] = cycle.counted * 100 // line.allowance
    for destination, minor in charged_by_destination(cycle).items():
        evidence[f"charged_{destination}_minor"] = minor
    return Finding(
        TYPE,
        subject,
        f"{_cycle_name(customer, cycle, ctx)}-{cycle.told_percent}",
        AlertTier.ALERT if cycle.told_percent >= 100 else AlertTier.NOTICE,
        at_ms,
        min(at_ms + policy.deliver_within_h * HOUR_MS, cycle.end_ms),
        cycle.end_ms,
        evidence,
        Tell.PAYER,
        policy.remedy,
        sum(cycle.charged_minor),
        collapse_ms=policy.collapse_h * HOUR_MS,
    )


def _cycle_name(customer: Customer, cycle: Cycle, ctx: FoldContext) -> str:
    tz = zone(customer.profile.timezone, ctx.timezone)
    return date_of(local_day(cycle.start_ms, tz)).strftime("%Y%m%d")
