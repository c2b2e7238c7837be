"""A household hit hard by faults: so many hours without good service in so many days that he deserves a word first.

A tier is reached at the very instant at which `notice_h` or `alert_h` hours were lost in the last `window_days`, also
while a fault goes on (by tick). Faults that overlap count once; those of less are kept as facts and told to nobody.
It ends, by tick, when less than `notice_h` hours of the window were lost.
"""

from __future__ import annotations

from datetime import UTC, datetime

from cem.domain.alerting import Finding, close_alert, find_open, keep_alert, review_later
from cem.domain.context import FoldContext
from cem.domain.customer import Customer
from cem.domain.detectors.lost_time import Span, lost_ms, next_above, next_below, reached_ms, spans_of
from cem.domain.events.enums import AlertState, AlertTier, Tell
from cem.domain.localtime import DAY_MS, HOUR_MS
from cem.domain.state.alerts import Evidence, StoredAlert
from cem.domain.thresholds import ServiceLossPolicy

__all__ = ["TYPE", "check_loss", "review_loss"]

TYPE = "service_loss"


def check_loss(customer: Customer, now_ms: int, ctx: FoldContext) -> int:
    """Tell if too much service was lost by now. Returns when to look again if nothing happens; 0 = never."""
    policy = ctx.alerts.service_loss
    faults = customer.service.faults
    if not faults or not policy.enabled:
        return 0
    window_ms = policy.window_days * DAY_MS
    spans = spans_of(customer)
    notice_ms, alert_ms = policy.notice_h * HOUR_MS, policy.alert_h * HOUR_MS
    lost = lost_ms(spans, now_ms, window_ms)
    if lost < notice_ms:
        current = find_open(customer, TYPE, "")
        if current is not None:
            close_alert(customer, current, AlertState.RESOLVED, "back to usual", now_ms, ctx)
        return next_above(spans, now_ms, window_ms, notice_ms)
    limit_ms = alert_ms if lost >= alert_ms else notice_ms
    keep_alert(customer, _finding(customer, spans, limit_ms, now_ms, policy), "more hours lost", ctx)
    return next_above(spans, now_ms, window_ms, alert_ms) if lost < alert_ms else 0


def review_loss(customer: Customer, alert: StoredAlert, now_ms: int, ctx: FoldContext) -> None:
    """End the alert if less than its limit was lost in the window, else look again when that will be."""
    policy = ctx.alerts.service_loss
    window_ms, limit_ms = policy.window_days * DAY_MS, policy.notice_h * HOUR_MS
    spans = spans_of(customer)
    due_ms = next_below(spans, now_ms, window_ms, limit_ms)
    if due_ms and lost_ms(spans, now_ms, window_ms) >= limit_ms:
        review_later(customer, alert, due_ms)
    else:
        close_alert(customer, alert, AlertState.RESOLVED, "back to usual", alert.due_ms, ctx)


def _finding(
    customer: Customer, spans: list[Span], limit_ms: int, now_ms: int, policy: ServiceLossPolicy
) -> Finding:
    window_ms = policy.window_days * DAY_MS
    at_ms = reached_ms(spans, now_ms, window_ms, limit_ms) or now_ms
    faults = [f for f in customer.service.faults if f.began_ms and f.began_ms <= now_ms]
    felt = [f for f in faults if not f.ended_ms or f.ended_ms > now_ms - window_ms]
    evidence: Evidence = {
        "hours_lost": round(lost_ms(spans, now_ms, window_ms) / HOUR_MS, 1),
        "threshold_h": limit_ms // HOUR_MS,
        "window_days": policy.window_days,
        "faults": len(felt),
        "going_on": sum(not f.ended_ms for f in felt),
        "service": felt[-1].kind,
    }
    return Finding(
        TYPE,
        "",
        datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y%m%dT%H%M%S"),
        AlertTier.ALERT if limit_ms == policy.alert_h * HOUR_MS else AlertTier.NOTICE,
        at_ms,
        at_ms + policy.deliver_within_h * HOUR_MS,
        next_below(spans, now_ms, window_ms, policy.notice_h * HOUR_MS),
        evidence,
        Tell.PAYER,
        policy.remedy,
    )
