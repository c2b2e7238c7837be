"""A line's message allowance: told at each threshold once a cycle, and as the charges beyond it grow.

Thresholds crossed within 48 h of the first are one alert, told at its highest; a later one is an alert of its own.
A message that the operator charges as beyond the allowance, to a destination that the line's allowance covers, is told
like 100 % but says so: its evidence has the reason `charged`, and a threshold only if use has reached one. Charges for
what no allowance covers (international, premium, roaming), or on a line without a known allowance, prove nothing.
Before any threshold, once a cycle: a notice that the allowance will not last (reason `projected`), when the chance of
that (`cem.domain.detectors.sms_projection`) is high enough at the line's first message of a day. It is one with
thresholds crossed within 48 h. The alert resolves when the cycle ends (by tick).
"""

from __future__ import annotations

import msgspec

from cem.domain.alerting import Finding, find_open, raise_alert, update_alert
from cem.domain.context import FoldContext
from cem.domain.customer import Customer
from cem.domain.detectors.sms_projection import projected
from cem.domain.events.enums import AlertTier, Tell
from cem.domain.events.sms import SmsRated
from cem.domain.facts.usage import COVERED
from cem.domain.localtime import DAY_MS, HOUR_MS, date_of, local_day, zone
from cem.domain.state.alerts import Evidence
from cem.domain.state.lines import Cycle, Line
from cem.domain.thresholds import AllowancePolicy
from cem.domain.view import charged_by_destination

__all__ = ["CHARGED", "PROJECTED", "TYPE", "USED", "check_allowance", "check_projection"]

TYPE = "sms_allowance"
#: Reasons in the evidence: use has reached the threshold; a charge came although use has not reached 100 %; it will
#: not last.
USED, CHARGED, PROJECTED = "used", "charged", "projected"
#: The threshold as which a charge beyond the allowance counts.
_FULL = 100
#: `Cycle.told_percent` of a cycle in which only the projection was told.
_AHEAD = 1


def check_allowance(
    customer: Customer, line: Line, cycle: Cycle, event: SmsRated, at_ms: int, ctx: FoldContext
) -> None:
    """Tell if this message, already counted in its cycle, has crossed a threshold that was not told in it."""
    policy = ctx.alerts.sms_allowance
    if not policy.enabled:
        return
    percent = reached = _reached(line, cycle, policy)
    step = 0
    if event.charge_minor:
        if _is_beyond(line, event, policy):
            percent = max(reached, _FULL)
        if cycle.told_percent:
            step = _step(cycle, policy)
    if percent <= cycle.told_percent and step <= cycle.told_steps:
        return
    grown = percent > cycle.told_percent
    cycle.told_percent = max(cycle.told_percent, percent)
    cycle.told_steps = max(cycle.told_steps, _step(cycle, policy))
    finding = _finding(customer, line, cycle, reached, event.line, at_ms, ctx)
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


def check_projection(customer: Customer, line: Line, subject: str, at_ms: int, ctx: FoldContext) -> None:
    """Tell, once a cycle and before any threshold, that the allowance will not last; to be asked once a day."""
    policy, cycle = ctx.alerts.sms_allowance, line.cycle
    if cycle is None or cycle.told_percent or not policy.enabled or not policy.project_percent:
        return
    found = projected(line, at_ms, policy)
    if found is None or 100 * found.probability < policy.project_percent:
        return
    cycle.told_percent = _AHEAD
    plain = _finding(customer, line, cycle, 0, subject, at_ms, ctx)
    tz = zone(customer.profile.timezone, ctx.timezone)
    ends_ms = min(at_ms + round(found.days_left * DAY_MS), cycle.end_ms)
    evidence: Evidence = {
        **plain.evidence,
        "reason": PROJECTED,
        "projected_segments": round(found.segments),
        "chance_percent": round(100 * found.probability),
        "lasts_until": date_of(local_day(ends_ms, tz)).isoformat(),
    }
    cause = f"{_cycle_name(customer, cycle, ctx)}-{PROJECTED}"
    raise_alert(customer, msgspec.structs.replace(plain, cause=cause, evidence=evidence), ctx)


def _reached(line: Line, cycle: Cycle, policy: AllowancePolicy) -> int:
    """Return the highest threshold that the cycle's use has reached, 0 if none."""
    reached = 0
    if line.allowance:
        allowance, counted = line.allowance, cycle.counted * 100
        for percent in policy.percents:
            if counted >= percent * allowance:
                reached = percent
    return reached


def _is_beyond(line: Line, event: SmsRated, policy: AllowancePolicy) -> bool:
    """Return whether the operator charges the message as beyond an allowance that covers it, and that is told."""
    return (
        event.in_allowance is False
        and event.charge_minor > 0
        and line.allowance > 0
        and event.destination in COVERED
        and _FULL in policy.percents
    )


def _step(cycle: Cycle, policy: AllowancePolicy) -> int:
    charged = sum(cycle.charged_minor)
    return sum(1 for limit in policy.charge_steps_minor if charged >= limit)


def _finding(
    customer: Customer, line: Line, cycle: Cycle, reached: int, subject: str, at_ms: int, ctx: FoldContext
) -> Finding:
    """Return what is told; `reached` is the threshold that use has reached, whatever was charged."""
    policy = ctx.alerts.sms_allowance
    tz = zone(customer.profile.timezone, ctx.timezone)
    # Told as full while use is below: a charge does that, or an allowance that has grown since.
    is_charged = any(name in COVERED for name in charged_by_destination(cycle))
    reason = CHARGED if reached < _FULL <= cycle.told_percent and is_charged else USED
    evidence: Evidence = {"reason": reason}
    if reached:
        evidence["threshold_percent"] = reached
    evidence["used_segments"] = cycle.counted
    if line.allowance:
        evidence["allowance_segments"] = line.allowance
        evidence["used_percent"] = cycle.counted * 100 // line.allowance
    evidence["messages"] = cycle.messages
    evidence["charged_messages"] = cycle.charged
    evidence["cycle_start"] = date_of(local_day(cycle.start_ms, tz)).isoformat()
    evidence["cycle_end"] = date_of(local_day(cycle.end_ms, tz)).isoformat()
    for destination, minor in charged_by_destination(cycle).items():
        evidence[f"charged_{destination}_minor"] = minor
    return Finding(
        TYPE,
        subject,
        f"{_cycle_name(customer, cycle, ctx)}-{CHARGED if reason == CHARGED else cycle.told_percent}",
        AlertTier.ALERT if cycle.told_percent >= _FULL else AlertTier.NOTICE,
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
