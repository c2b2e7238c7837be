"""A valuable customer whose satisfaction sinks, or who is likely to leave: the supervisor hears while he can be kept.

Valuable is one whose bills come to `value_minor` in a year (`cem.domain.view.usual_bill.yearly_minor`). He sinks if
his satisfaction is at most `level`, or has fallen by `drop` since `trend_days` ago, or if the chance that he leaves,
where a model says it, is at least `churn_percent`. Satisfaction is what the model estimates if it has done so since his
last answer, in the last 30 days, else the level of his own answers (`cem.domain.view.csat_level`). It is looked at when
he answers, after each contact and when a model speaks, and once a day while the alert is open: it ends when nothing of
that holds any more.
"""

from __future__ import annotations

from datetime import UTC, datetime

from cem.domain.alerting import Finding, close_alert, find_open, keep_alert, review_later
from cem.domain.context import FoldContext
from cem.domain.customer import Customer
from cem.domain.events.enums import AlertState, AlertTier, Tell
from cem.domain.localtime import DAY_MS, HOUR_MS
from cem.domain.state.alerts import Evidence, StoredAlert
from cem.domain.view import csat_level
from cem.domain.view.satisfaction import csat_level_then
from cem.domain.view.usual_bill import yearly_minor

__all__ = ["TYPE", "check_sinking", "review_sinking"]

TYPE = "sinking"
#: What a model said counts for so long.
_LEARNT_S = 30 * 86_400


def check_sinking(customer: Customer, at_ms: int, ctx: FoldContext) -> None:
    """Tell if a valuable customer sinks, as of an event at `at_ms` that is already folded."""
    policy = ctx.alerts.sinking
    if not policy.enabled:
        return
    finding = _finding(customer, at_ms, ctx)
    if finding is not None:
        keep_alert(customer, finding, "sinks further", ctx)
        return
    current = find_open(customer, TYPE, "")
    if current is not None and at_ms >= current.opened_ms:
        close_alert(customer, current, AlertState.RESOLVED, "back to usual", at_ms, ctx)


def review_sinking(customer: Customer, alert: StoredAlert, now_ms: int, ctx: FoldContext) -> None:
    """End the alert if he does not sink any more, else look again in a day."""
    if _finding(customer, now_ms, ctx) is None:
        close_alert(customer, alert, AlertState.RESOLVED, "back to usual", alert.due_ms, ctx)
    else:
        review_later(customer, alert, now_ms + DAY_MS)


def _finding(customer: Customer, at_ms: int, ctx: FoldContext) -> Finding | None:
    policy = ctx.alerts.sinking
    predicted, churn_percent = _learnt(customer, at_ms)
    level = csat_level(customer, at_ms) if predicted is None else predicted
    before = csat_level_then(customer, at_ms - policy.trend_days * DAY_MS)
    leaves = churn_percent is not None and churn_percent >= policy.churn_percent
    if level > policy.level and before - level < policy.drop and not leaves:
        return None
    value_minor = yearly_minor(customer)
    if value_minor < policy.value_minor:
        return None
    evidence: Evidence = {
        "satisfaction": round(level, 2),
        "before": round(before, 2),
        "trend_days": policy.trend_days,
        "yearly_minor": value_minor,
    }
    if churn_percent is not None:
        evidence["churn_percent"] = churn_percent
    if predicted is not None:
        evidence["predicted"] = True
    return Finding(
        TYPE,
        "",
        datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y%m%dT%H%M%S"),
        AlertTier.ALERT if leaves or level <= policy.level else AlertTier.NOTICE,
        at_ms,
        at_ms + policy.deliver_within_h * HOUR_MS,
        at_ms + DAY_MS,
        evidence,
        Tell.SUPERVISOR,
        policy.remedy,
        # A month of him: what is at stake at once.
        stake_minor=value_minor // 12,
    )


def _learnt(customer: Customer, at_ms: int) -> tuple[float | None, int | None]:
    """Return the satisfaction (CSAT) and the chance to leave (percent) that models see, each None if none holds now."""
    estimates = customer.estimates
    satisfied, churn = estimates.satisfied, estimates.churn
    since_s = at_ms // 1000 - _LEARNT_S
    answers = customer.satisfaction.answers
    answered_s = answers[-1].at_ms // 1000 if answers else 0
    predicted, percent = None, None
    if satisfied is not None and satisfied.at_s > max(since_s, answered_s):
        predicted = satisfied.point / 50
    if churn is not None:
        percent = churn.chance // 100
    return predicted, percent
