"""A line's message allowance: told at each threshold once a cycle, and as the charges beyond it grow.

Thresholds crossed within 48 h of the first are one alert, told at its highest; a later one is an alert of its own.
A message that the operator charges as beyond the allowance, to a destination that the line's allowance covers, is told
like 100 % but says so: its evidence has the reason `charged`, and a threshold only if use has reached one. Charges for
what no allowance covers (international, premium, roaming), or on a line without a known allowance, prove nothing.
Before any threshold, once a cycle: a notice that the allowance will not last (reason `projected`), when the chance of
that (`cem.domain.detectors.sms_projection`) is high enough at the line's first message of a day. It is one with
thresholds crossed within 48 h. The alert resolves when the cycle ends (by tick), and when a plan with a larger
allowance begins (by its event, or by tick) of which use is below what was told: that may then be told again.
"""

from __future__ import annotations

import msgspec

from cem.domain.alerting import Finding, close_alert, find_open, raise_alert, review_later, update_alert
from cem.domain.context import FoldContext
from cem.domain.customer import Customer
from cem.domain.detectors.sms_projection import projected
from cem.domain.events.enums import AlertState, AlertTier, Tell
from cem.domain.events.sms import SmsRated
from cem.domain.facts.supplies import allowance_of, next_plan_ms
from cem.domain.facts.usage import COVERED, cycle_at
from cem.domain.localtime import DAY_MS, HOUR_MS, date_of, local_day, zone
from cem.domain.state.alerts import Evidence, StoredAlert
from cem.domain.state.lines import Cycle, Line
from cem.domain.thresholds import AllowancePolicy
from cem.domain.view import charged_by_destination

__all__ = [
    "CHARGED",
    "PROJECTED",
    "TYPE",
    "USED",
    "check_allowance",
    "check_plans",
    "check_projection",
    "review_allowance",
]

TYPE = "sms_allowance"
#: Reasons in the evidence: use has reached the threshold; a charge came although use has not reached 100 %; it will
#: not last.
USED, CHARGED, PROJECTED = "used", "charged", "projected"
#: The threshold as which a charge beyond the allowance counts.
_FULL = 100
#: `Cycle.told_percent` of a cycle in which only the projection was told.
_AHEAD = 1
#: What each alert that a larger allowance has ended adds to `Cycle.told_steps`.
_RAISED = 1_000


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
    cause = _cause(customer, cycle, PROJECTED, ctx)
    raise_alert(customer, msgspec.structs.replace(plain, cause=cause, evidence=evidence), ctx)


def check_plans(customer: Customer, at_ms: int, ctx: FoldContext) -> None:
    """Look at the open alerts once what is said of plans has been taken over into the lines' allowances."""
    for alert in list(customer.alerts.open):
        line = customer.lines.get(alert.subject) if alert.type == TYPE else None
        if line is None or line.cycle is None or not line.cycle.start_ms <= alert.opened_ms:
            continue
        if not _ended_by_plan(customer, alert, line, line.cycle, max(at_ms, alert.updated_ms), ctx):
            due_ms = next_plan_ms(customer.profile, alert.subject, customer.last_ms, line.cycle.end_ms)
            if due_ms != alert.due_ms:
                review_later(customer, alert, due_ms)


def review_allowance(customer: Customer, alert: StoredAlert, now_ms: int, ctx: FoldContext) -> None:
    """End the alert if its cycle has ended; if a plan begins in it, take that over, and look what it gives."""
    line = customer.lines.get(alert.subject)
    cycle = None if line is None else cycle_at(line, alert.opened_ms)
    if line is None or cycle is None or now_ms >= cycle.end_ms:
        ended_ms = alert.due_ms if cycle is None else max(alert.due_ms, cycle.end_ms)
        close_alert(customer, alert, AlertState.RESOLVED, "over", ended_ms, ctx)
        return
    began_ms = max(alert.due_ms, alert.updated_ms)
    if cycle is line.cycle:
        line.allowance = allowance_of(customer, alert.subject, now_ms, ctx.alerts.plan_allowances)
        if _ended_by_plan(customer, alert, line, cycle, began_ms, ctx):
            return
    review_later(customer, alert, next_plan_ms(customer.profile, alert.subject, now_ms, cycle.end_ms))


def _ended_by_plan(
    customer: Customer, alert: StoredAlert, line: Line, cycle: Cycle, at_ms: int, ctx: FoldContext
) -> bool:
    """End the alert if the line's allowance is larger than the one it told of, and use is below what was told."""
    policy, evidence = ctx.alerts.sms_allowance, alert.evidence
    if at_ms >= cycle.end_ms or line.allowance <= int(evidence.get("allowance_segments", line.allowance)):
        return False
    reached = _reached(line, cycle, policy)
    if evidence.get("reason") == PROJECTED:
        found = projected(line, at_ms, policy)
        if reached or (found is not None and 100 * found.probability >= policy.project_percent):
            return False
    else:
        told = _FULL if evidence.get("reason") == CHARGED else int(evidence.get("threshold_percent", _FULL))
        if 100 * cycle.counted >= told * line.allowance:
            return False
    # What use has reached of the larger allowance, too, has been told.
    cycle.told_percent = reached
    cycle.told_steps += _RAISED
    close_alert(customer, alert, AlertState.RESOLVED, "larger allowance", at_ms, ctx)
    return True


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
    """Return how many steps the charges have reached, counted on from those before a larger allowance."""
    charged = sum(cycle.charged_minor)
    return _raised(cycle) * _RAISED + sum(1 for limit in policy.charge_steps_minor if charged >= limit)


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
        _cause(customer, cycle, CHARGED if reason == CHARGED else cycle.told_percent, ctx),
        AlertTier.ALERT if cycle.told_percent >= _FULL else AlertTier.NOTICE,
        at_ms,
        min(at_ms + policy.deliver_within_h * HOUR_MS, cycle.end_ms),
        next_plan_ms(customer.profile, subject, at_ms, cycle.end_ms),
        evidence,
        Tell.PAYER,
        policy.remedy,
        sum(cycle.charged_minor),
        collapse_ms=policy.collapse_h * HOUR_MS,
    )


def _cycle_name(customer: Customer, cycle: Cycle, ctx: FoldContext) -> str:
    tz = zone(customer.profile.timezone, ctx.timezone)
    return date_of(local_day(cycle.start_ms, tz)).strftime("%Y%m%d")


def _cause(customer: Customer, cycle: Cycle, told: int | str, ctx: FoldContext) -> str:
    """Return the cause: the cycle, what is told, and how many alerts of the cycle a larger allowance has ended."""
    cause = f"{_cycle_name(customer, cycle, ctx)}-{told}"
    raised = _raised(cycle)
    return f"{cause}-raised{raised}" if raised else cause


def _raised(cycle: Cycle) -> int:
    return cycle.told_steps // _RAISED
