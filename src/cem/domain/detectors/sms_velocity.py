"""A line that writes to abnormally many distinct recipients in 24 hours, against its own usual level.

Two tiers. `notice`: d >= minimum and d >= notice_factor x (level + offset); `alert` the same with alert_factor. d is
the estimate of `recipients`; the level moves by a tenth, once per active day (UTC), towards the day's last d, which
counts as at most 3 x level + 5, so that an episode teaches little. A late message of a closed day does not teach.
After a tier was told the line is silent for it for 7 days; while the alert is open, it is updated when d has doubled.
It resolves, by tick, in the first hour in which d is below the notice threshold. Constants from the study of
real and simulated lines that the defaults in `policies/alerts.yaml` name.
"""

from __future__ import annotations

from datetime import UTC, datetime

from cem.domain.alerting import Finding, close_alert, find_open, raise_alert, review_later, update_alert
from cem.domain.context import FoldContext
from cem.domain.customer import Customer
from cem.domain.detectors.recipients import aged, distinct_centi, hour_below
from cem.domain.events.enums import AlertState, AlertTier, Tell
from cem.domain.events.sms import SmsRated
from cem.domain.facts.usage import cycle_at
from cem.domain.localtime import DAY_MS, HOUR_MS
from cem.domain.state.alerts import Evidence, StoredAlert
from cem.domain.state.lines import Line, Velocity
from cem.domain.thresholds import VelocityPolicy

__all__ = ["TYPE", "check_velocity", "review_velocity"]

TYPE = "sms_velocity"


def check_velocity(
    customer: Customer, line: Line, velocity: Velocity, event: SmsRated, at_ms: int, ctx: FoldContext
) -> None:
    """Tell if the line, this message included, writes to too many."""
    policy = ctx.alerts.sms_velocity
    found_centi = distinct_centi(velocity.cells)
    if found_centi < policy.minimum * 100 or not policy.enabled:
        return
    if found_centi < _limit_centi(velocity, policy, policy.notice_factor):
        return
    is_alert = found_centi >= _limit_centi(velocity, policy, policy.alert_factor)
    silence_ms = policy.silence_days * DAY_MS
    told_ms = velocity.alerted_ms if is_alert else velocity.noticed_ms
    current = find_open(customer, TYPE, event.line)
    if told_ms and abs(at_ms - told_ms) < silence_ms:
        if current is not None and found_centi >= 200 * int(current.evidence["recipients_24h"]):
            finding = _finding(line, velocity, event.line, found_centi, is_alert, at_ms, ctx)
            update_alert(customer, current, finding, "twice as many", ctx)
        return
    velocity.noticed_ms = at_ms
    if is_alert:
        velocity.alerted_ms = at_ms
    finding = _finding(line, velocity, event.line, found_centi, is_alert, at_ms, ctx)
    if current is not None:
        update_alert(customer, current, finding, "higher tier", ctx)
    else:
        raise_alert(customer, finding, ctx)


def review_velocity(customer: Customer, alert: StoredAlert, now_ms: int, ctx: FoldContext) -> None:
    """End the alert once the recipients have left the window, else look again when they will have."""
    policy = ctx.alerts.sms_velocity
    line = customer.lines.get(alert.subject)
    velocity = line.velocity if line else None
    if velocity is not None:
        limit_centi = _limit_centi(velocity, policy, policy.notice_factor)
        if distinct_centi(aged(velocity.cells, now_ms // HOUR_MS - velocity.hour)) >= limit_centi:
            review_later(customer, alert, hour_below(velocity, limit_centi) * HOUR_MS)
            return
    close_alert(customer, alert, AlertState.RESOLVED, "back to usual", alert.due_ms, ctx)


def _limit_centi(velocity: Velocity, policy: VelocityPolicy, factor: float) -> int:
    """Return the number of distinct recipients, in hundredths, from which a tier is reached."""
    return max(policy.minimum * 100, round(factor * (velocity.level_centi + policy.offset * 100)))


def _finding(
    line: Line,
    velocity: Velocity,
    subject: str,
    found_centi: int,
    is_alert: bool,
    at_ms: int,
    ctx: FoldContext,
) -> Finding:
    policy = ctx.alerts.sms_velocity
    factor = policy.alert_factor if is_alert else policy.notice_factor
    cycle = cycle_at(line, at_ms)
    notice_centi = _limit_centi(velocity, policy, policy.notice_factor)
    evidence: Evidence = {
        "recipients_24h": round(found_centi / 100),
        "threshold": round(_limit_centi(velocity, policy, factor) / 100),
        "usual_a_day": round(velocity.level_centi / 100, 1),
        "window_h": 24,
    }
    if cycle is not None:
        evidence["messages_this_cycle"] = cycle.messages
    return Finding(
        TYPE,
        subject,
        datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y%m%dT%H%M%S"),
        AlertTier.ALERT if is_alert else AlertTier.NOTICE,
        at_ms,
        at_ms + policy.deliver_within_h * HOUR_MS,
        hour_below(velocity, notice_centi) * HOUR_MS,
        evidence,
        Tell.PAYER,
        policy.remedy,
        sum(cycle.charged_minor) if cycle else 0,
    )
