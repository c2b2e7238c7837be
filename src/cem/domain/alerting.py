r"""The life of an alert: opened, updated, acknowledged, silenced, resolved, expired. Changes the state, emits the events.

There is at most one open alert per type and subject. Its id is made of type, customer, subject and cause, so a cause
is told once, whatever is replayed. A finding about what happened too long ago (older than the late limit, or past its
`deliver_before`) is recorded as expired and told to nobody: imported history can be read, not heard.

    open -> acknowledged -> resolved        silenced -> open (when the silence ends, by tick)
      |  \-> silenced                       any -> resolved | expired
"""

from __future__ import annotations

import msgspec

from cem.domain.alert_object import alert_id, published
from cem.domain.context import FoldContext
from cem.domain.customer import Customer
from cem.domain.events.alerts import AlertOpened, AlertResolved, AlertUpdated
from cem.domain.events.enums import AlertState, AlertTier, Severity, Tell
from cem.domain.state.alerts import Evidence, StoredAlert
from cem.domain.thresholds import RemedyPolicy
from cem.domain.view import best_channel, csat_level

__all__ = [
    "Finding",
    "acknowledge",
    "alert_id",
    "close_alert",
    "due_alerts",
    "find_by_id",
    "find_open",
    "is_too_late",
    "published",
    "raise_alert",
    "review_later",
    "silence",
    "tell_channel",
    "unindex",
    "update_alert",
]

_SEVERITIES = (Severity.INFO, Severity.WARNING, Severity.ERROR, Severity.CRITICAL)
#: CSAT level below which an alert is one step more severe.
_UNHAPPY = 2.5


class Finding(msgspec.Struct, frozen=True, gc=False):
    """What a detector found: everything of an alert but its life."""

    type: str
    #: Line, reason, order, ... concerned.
    subject: str
    #: What makes this occurrence different from another one of the same subject.
    cause: str
    tier: AlertTier
    #: When it happened.
    at_ms: int
    #: Telling it later is noise.
    deliver_before_ms: int
    #: When to look at it again (0 = never).
    due_ms: int
    evidence: Evidence
    who: Tell
    remedy: RemedyPolicy
    #: What it has cost the customer so far.
    cost_minor: int = 0
    #: Steps of severity above the tier's (notice: info; alert: warning).
    steps: int = 0
    #: Recorded too late, it is one with an earlier record of its type and subject that is not older than this.
    collapse_ms: int = 0


def raise_alert(customer: Customer, finding: Finding, ctx: FoldContext) -> None:
    """Open an alert for the finding, unless its cause has been told; an open one of another cause is over with it."""
    alert = _stored(customer, finding, ctx)
    identity = alert_id(customer.customer_id, alert)
    alerts = customer.alerts
    for other in (*alerts.open, *alerts.closed):
        if alert_id(customer.customer_id, other) == identity:
            return
    if is_too_late(finding, ctx):
        _record(customer, alert, finding, ctx)
        return
    current = find_open(customer, finding.type, finding.subject)
    if current is not None:
        close_alert(customer, current, AlertState.RESOLVED, "superseded", finding.at_ms, ctx)
    alerts.open.append(alert)
    alerts.open.sort(key=_opened)
    ctx.index("alerts", _member(customer, alert), alert.opened_ms)
    ctx.emit(AlertOpened.of(published(customer.customer_id, alert)), kind=f"{alert.type}.opened")
    _set_due(customer)


def update_alert(
    customer: Customer, alert: StoredAlert, finding: Finding, reason: str, ctx: FoldContext
) -> None:
    """Take over what the finding knows more into the open alert; tells it unless it is too late or silenced."""
    new = _stored(customer, finding, ctx)
    alert.tier = new.tier if alert.tier == str(AlertTier.NOTICE) else alert.tier
    alert.severity = max(alert.severity, new.severity, key=_rank)
    alert.evidence, alert.cost_minor = new.evidence, max(alert.cost_minor, new.cost_minor)
    alert.deliver_before_ms = max(alert.deliver_before_ms, new.deliver_before_ms)
    alert.due_ms = new.due_ms
    alert.tell_channel, alert.action, alert.price_minor = new.tell_channel, new.action, new.price_minor
    alert.updated_ms, alert.reason = max(alert.updated_ms, finding.at_ms), reason
    _set_due(customer)
    if alert.state != str(AlertState.SILENCED) and not is_too_late(finding, ctx):
        ctx.emit(AlertUpdated.of(published(customer.customer_id, alert)), kind=f"{alert.type}.updated")


def close_alert(
    customer: Customer,
    alert: StoredAlert,
    state: AlertState,
    reason: str,
    at_ms: int,
    ctx: FoldContext,
    *,
    by: str = "",
    note: str = "",
) -> None:
    """End the open alert, by itself (the fact has gone), by hand, or because nobody would hear of it in time."""
    customer.alerts.open.remove(alert)
    alert.state, alert.reason, alert.due_ms = str(state), reason, 0
    alert.closed_ms = alert.updated_ms = at_ms
    alert.silenced_until_ms = 0
    alert.by, alert.note = by or alert.by, note or alert.note
    ctx.emit(AlertResolved.of(published(customer.customer_id, alert)), kind=f"{alert.type}.resolved")
    _keep_closed(customer, alert, ctx)
    _set_due(customer)


def acknowledge(customer: Customer, identity: str, by: str, note: str, at_ms: int, ctx: FoldContext) -> None:
    """Note that somebody has taken on the alert; an unknown or closed one stays as it is."""
    alert = find_by_id(customer, identity)
    if alert is not None:
        _change(customer, alert, AlertState.ACKNOWLEDGED, "acknowledged", by, note, 0, at_ms, ctx)


def silence(
    customer: Customer, identity: str, by: str, reason: str, until_ms: int, at_ms: int, ctx: FoldContext
) -> None:
    """Tell no more of the alert until an instant; a silence that is over already changes nothing."""
    alert = find_by_id(customer, identity)
    if alert is not None and until_ms > ctx.lane_time_ms:
        _change(customer, alert, AlertState.SILENCED, reason, by, alert.note, until_ms, at_ms, ctx)


def review_later(customer: Customer, alert: StoredAlert, due_ms: int) -> None:
    """Look at the open alert again at `due_ms`."""
    alert.due_ms = due_ms
    _set_due(customer)


def due_alerts(customer: Customer, now_ms: int, ctx: FoldContext) -> list[StoredAlert]:
    """Return the open alerts that are to be looked at now; ends the silences that are over."""
    for alert in list(customer.alerts.open):
        until_ms = alert.silenced_until_ms
        if 0 < until_ms <= now_ms:
            _change(customer, alert, AlertState.OPEN, "silence ended", alert.by, alert.note, 0, until_ms, ctx)
    return [alert for alert in customer.alerts.open if 0 < alert.due_ms <= now_ms]


def find_open(customer: Customer, type_: str, subject: str) -> StoredAlert | None:
    """Return the open alert of that type and subject, or None."""
    for alert in customer.alerts.open:
        if alert.type == type_ and alert.subject == subject:
            return alert
    return None


def unindex(customer: Customer, alert: StoredAlert, ctx: FoldContext) -> None:
    """Take the alert out of the lane's list of alerts."""
    ctx.index("alerts", _member(customer, alert), None)


def tell_channel(customer: Customer, ctx: FoldContext) -> str:
    """Return the channel over which the payer is told: the one that he said, or the policy's that he answers better.

    None that he has forbidden; "" if he has forbidden all of them: then he is told when he is next in contact. While he
    has answered nothing, it is the one that he said, else the policy's first.
    """
    return best_channel(customer, "service", ctx.lane_time_ms, ctx.alerts.tell.channels).channel


def _stored(customer: Customer, finding: Finding, ctx: FoldContext) -> StoredAlert:
    rank = finding.steps + (finding.tier is AlertTier.ALERT)
    for step, limit_minor in enumerate(ctx.alerts.severity_minor, start=1):
        if finding.cost_minor >= limit_minor:
            rank = max(rank, step)
    if csat_level(customer, finding.at_ms) < _UNHAPPY:
        rank += 1
    return StoredAlert.new(
        finding.type,
        finding.subject,
        finding.cause,
        finding.at_ms,
        tier=str(finding.tier),
        severity=str(_SEVERITIES[min(rank, len(_SEVERITIES) - 1)]),
        deliver_before_ms=finding.deliver_before_ms,
        due_ms=finding.due_ms,
        evidence=finding.evidence,
        tell_who=str(finding.who),
        tell_channel=tell_channel(customer, ctx) if finding.who is Tell.PAYER else "",
        action=finding.remedy.action,
        price_minor=finding.remedy.price_minor,
        cost_minor=finding.cost_minor,
    )


def is_too_late(finding: Finding, ctx: FoldContext) -> bool:
    """Return whether nobody is told: the event is late, or its news has gone stale."""
    now_ms = ctx.lane_time_ms
    return now_ms - finding.at_ms > ctx.late_limit_ms or now_ms >= finding.deliver_before_ms


def _record(customer: Customer, alert: StoredAlert, finding: Finding, ctx: FoldContext) -> None:
    """Keep an alert that nobody is told, so that it can be read."""
    alert.state = str(AlertState.EXPIRED)
    alert.tell_who, alert.tell_channel = str(Tell.NOBODY), ""
    alert.reason, alert.closed_ms, alert.due_ms = "too late to tell", finding.at_ms, 0
    for other in customer.alerts.closed:
        if (other.type, other.subject, other.state) == (
            alert.type,
            alert.subject,
            alert.state,
        ) and 0 <= finding.at_ms - other.opened_ms < finding.collapse_ms:
            later_ms = alert.opened_ms - other.opened_ms
            alert.cause, alert.opened_ms = other.cause, other.opened_ms
            alert.updated_after_ms, alert.closed_after_ms = later_ms, later_ms
            alert.deliver_within_ms += later_ms
            customer.alerts.closed.remove(other)
            break
    else:
        ctx.index("alerts", _member(customer, alert), alert.opened_ms)
    _keep_closed(customer, alert, ctx)


def _change(
    customer: Customer,
    alert: StoredAlert,
    state: AlertState,
    reason: str,
    by: str,
    note: str,
    silenced_until_ms: int,
    at_ms: int,
    ctx: FoldContext,
) -> None:
    """Move an open alert to another open state and tell it."""
    alert.state, alert.reason, alert.by, alert.note = str(state), reason, by, note
    alert.silenced_until_ms = silenced_until_ms
    alert.updated_ms = max(alert.updated_ms, at_ms)
    _set_due(customer)
    ctx.emit(AlertUpdated.of(published(customer.customer_id, alert)), kind=f"{alert.type}.updated")


def _keep_closed(customer: Customer, alert: StoredAlert, ctx: FoldContext) -> None:
    """Put the alert among the closed ones and drop those beyond what is kept, also from the index."""
    closed = customer.alerts.closed
    closed.append(alert)
    closed.sort(key=_opened)
    while len(closed) > ctx.alerts.closed_kept:
        unindex(customer, closed.pop(0), ctx)


def find_by_id(customer: Customer, identity: str) -> StoredAlert | None:
    """Return the open alert with that id, or None."""
    for alert in customer.alerts.open:
        if alert_id(customer.customer_id, alert) == identity:
            return alert
    return None


def _set_due(customer: Customer) -> None:
    dues = [due for a in customer.alerts.open for due in (a.due_ms, a.silenced_until_ms) if due]
    customer.alerts_due_ms = min(dues, default=0)


def _member(customer: Customer, alert: StoredAlert) -> str:
    return f"{customer.customer_id}|{alert_id(customer.customer_id, alert)}"


def _opened(alert: StoredAlert) -> tuple[int, str, str]:
    return alert.opened_ms, alert.type, alert.subject


def _rank(severity: str) -> int:
    return _SEVERITIES.index(Severity(severity))
