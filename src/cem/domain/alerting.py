r"""The life of an alert: opened, updated, resolved, expired. Changes the state, emits the events.

There is at most one open alert per type and subject. Its id is made of type, customer, subject and cause, so a cause
is told once, whatever is replayed. A finding about what happened too long ago (older than the late limit, or past its
`deliver_before`) is recorded as expired and told to nobody: imported history can be read, not heard.

    open -> acknowledged -> resolved        silenced -> open (when the silence ends, by tick)
      |  \-> silenced                       any -> resolved | expired
      \-> open, escalated (by tick)         resolved -> open (it goes on, within `collapse_h` of its opening)

What people do to it is in `cem.domain.alert_changes`, when and over which channel it is told in
`cem.domain.alert_telling`.
"""

from __future__ import annotations

from cem.domain.alert_contact import ask_to_tell
from cem.domain.alert_escalation import set_escalation
from cem.domain.alert_object import alert_id, published
from cem.domain.alert_telling import channel_to, set_telling
from cem.domain.context import FoldContext
from cem.domain.customer import Customer
from cem.domain.events.alerts import AlertOpened, AlertResolved, AlertUpdated
from cem.domain.events.enums import AlertState, AlertTier, Severity, Tell
from cem.domain.facts.journey import note_dropped
from cem.domain.facts.ledger import is_held_out, watch_alert
from cem.domain.finding import Finding
from cem.domain.localtime import HOUR_MS
from cem.domain.state.alerts import StoredAlert
from cem.domain.view import csat_level

__all__ = [
    "Finding",
    "alert_id",
    "close_alert",
    "find_open",
    "is_too_late",
    "keep_alert",
    "published",
    "raise_alert",
    "review_later",
    "set_due",
    "tell_update",
    "unindex",
    "update_alert",
]

_SEVERITIES = (Severity.INFO, Severity.WARNING, Severity.ERROR, Severity.CRITICAL)
#: CSAT level below which an alert is one step more severe.
_UNHAPPY = 2.5


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
    set_telling(customer, alert, ctx)
    set_escalation(alert, max(alert.opened_ms, ctx.lane_time_ms), ctx)
    watch_alert(customer, alert, ctx)
    alerts.open.append(alert)
    alerts.open.sort(key=_opened)
    _decide_remedy(customer, alert, finding, ctx)
    ctx.index("alerts", _member(customer, alert), alert.opened_ms)
    ctx.emit(AlertOpened.of(published(customer.customer_id, alert)), kind=f"{alert.type}.opened")
    ask_to_tell(customer, alert, ctx)
    set_due(customer)


def keep_alert(customer: Customer, finding: Finding, reason: str, ctx: FoldContext) -> None:
    """Let one alert of the finding's type and subject stand for a trouble that lasts, comes and goes.

    An open one is updated if the finding is more severe; one that ended by itself, within `collapse_h` of its opening,
    goes on under its id; otherwise a new one opens. One that somebody ended by hand stays ended for as long.
    """
    current = find_open(customer, finding.type, finding.subject)
    if current is not None:
        if _rises(customer, current, finding, ctx):
            update_alert(customer, current, finding, reason, ctx)
        else:
            review_later(customer, current, finding.due_ms)
        return
    collapse_ms = ctx.alerts.collapse_h * HOUR_MS
    for other in reversed(customer.alerts.closed):
        same = other.type == finding.type and other.subject == finding.subject
        if not same or other.state != str(AlertState.RESOLVED):
            continue
        if abs(finding.at_ms - other.opened_ms) >= collapse_ms:
            continue
        if not other.by and not is_too_late(finding, ctx):
            customer.alerts.closed.remove(other)
            other.state, other.closed_ms = str(AlertState.OPEN), 0
            customer.alerts.open.append(other)
            customer.alerts.open.sort(key=_opened)
            update_alert(customer, other, finding, "back again", ctx)
        return
    raise_alert(customer, finding, ctx)


def update_alert(
    customer: Customer, alert: StoredAlert, finding: Finding, reason: str, ctx: FoldContext
) -> None:
    """Take over what the finding knows more into the open alert; tells it unless it is too late or silenced."""
    rises = _rises(customer, alert, finding, ctx)
    new = _stored(customer, finding, ctx)
    alert.tier = new.tier if alert.tier == str(AlertTier.NOTICE) else alert.tier
    alert.severity = max(alert.severity, new.severity, key=_rank)
    alert.evidence, alert.cost_minor = new.evidence, max(alert.cost_minor, new.cost_minor)
    alert.deliver_before_ms = max(alert.deliver_before_ms, new.deliver_before_ms)
    alert.due_ms = new.due_ms
    # Who is told is whom it reached last: a change that would be told a line's user does not take it from the payer.
    alert.tell_channel = "" if new.held_out else channel_to(customer, Tell(alert.tell_who), ctx)
    alert.updated_ms, alert.reason = max(alert.updated_ms, finding.at_ms), reason
    if rises:
        set_telling(customer, alert, ctx)
        _decide_remedy(customer, alert, finding, ctx)
    if not alert.escalate_due_ms:
        # It may have been a notice until now, or it was over and is back.
        set_escalation(alert, max(finding.at_ms, ctx.lane_time_ms), ctx)
    if is_too_late(finding, ctx):
        set_due(customer)
    else:
        tell_update(customer, alert, ctx)
        if rises:
            # More urgent than what he was told: told again, under an id that no earlier message has.
            ask_to_tell(customer, alert, ctx, attempt=_urgency(alert))


def tell_update(
    customer: Customer, alert: StoredAlert, ctx: FoldContext, *, even_silenced: bool = False
) -> None:
    """Publish the open alert as it is now, unless it is silenced."""
    set_due(customer)
    if even_silenced or alert.state != str(AlertState.SILENCED):
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
    alert.silenced_until_ms = alert.tell_due_ms = alert.escalate_due_ms = 0
    alert.by, alert.note = by or alert.by, note or alert.note
    ctx.emit(AlertResolved.of(published(customer.customer_id, alert)), kind=f"{alert.type}.resolved")
    _keep_closed(customer, alert, ctx)
    set_due(customer)


def review_later(customer: Customer, alert: StoredAlert, due_ms: int) -> None:
    """Look at the open alert again at `due_ms`."""
    alert.due_ms = due_ms
    set_due(customer)


def find_open(customer: Customer, type_: str, subject: str) -> StoredAlert | None:
    """Return the open alert of that type and subject, or None."""
    for alert in customer.alerts.open:
        if alert.type == type_ and alert.subject == subject:
            return alert
    return None


def unindex(customer: Customer, alert: StoredAlert, ctx: FoldContext) -> None:
    """Take the alert out of the lane's list of alerts."""
    ctx.index("alerts", _member(customer, alert), None)


def _decide_remedy(customer: Customer, alert: StoredAlert, finding: Finding, ctx: FoldContext) -> None:
    """Let the decision propose what is done about it, the alert itself being known to it; else the policy's remedy."""
    decided = ctx.propose(customer, finding, alert.tell_channel, alert_id(customer.customer_id, alert))
    remedy = decided or finding.remedy
    alert.action, alert.price_minor = remedy.action, remedy.price_minor


def _urgency(alert: StoredAlert) -> int:
    """Return a number that grows with tier and severity, which only rise while an alert is open."""
    return _rank(alert.severity) + 1 + 10 * (alert.tier == str(AlertTier.ALERT))


def _rises(customer: Customer, alert: StoredAlert, finding: Finding, ctx: FoldContext) -> bool:
    """Return whether the finding makes the alert more urgent than it is."""
    is_higher = finding.tier is AlertTier.ALERT and alert.tier == str(AlertTier.NOTICE)
    return is_higher or _rank(_severity(customer, finding, ctx)) > _rank(alert.severity)


def _severity(customer: Customer, finding: Finding, ctx: FoldContext) -> str:
    """Return how urgent it is, by tier, money at stake and mood."""
    rank = finding.steps + (finding.tier is AlertTier.ALERT)
    money_minor = max(finding.cost_minor, finding.stake_minor)
    for step, limit_minor in enumerate(ctx.alerts.severity_minor, start=1):
        if money_minor >= limit_minor:
            rank = max(rank, step)
    if csat_level(customer, finding.at_ms) < _UNHAPPY:
        rank += 1
    return str(_SEVERITIES[min(rank, len(_SEVERITIES) - 1)])


def _stored(customer: Customer, finding: Finding, ctx: FoldContext) -> StoredAlert:
    paused = ctx.restraint.pauses(finding.type)
    held_out = is_held_out(customer.customer_id, finding.type, ctx.alerts.ledger, paused=paused)
    who = Tell.NOBODY if held_out else finding.who
    return StoredAlert.new(
        finding.type,
        finding.subject,
        finding.cause,
        finding.at_ms,
        tier=str(finding.tier),
        severity=_severity(customer, finding, ctx),
        deliver_before_ms=finding.deliver_before_ms,
        due_ms=finding.due_ms,
        evidence=finding.evidence,
        held_out=held_out,
        tell_who=str(who),
        tell_channel=channel_to(customer, who, ctx),
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


def _keep_closed(customer: Customer, alert: StoredAlert, ctx: FoldContext) -> None:
    """Put the alert among the closed ones and drop those beyond what is kept, also from the index."""
    closed = customer.alerts.closed
    closed.append(alert)
    closed.sort(key=_opened)
    while len(closed) > ctx.alerts.closed_kept:
        unindex(customer, closed.pop(0), ctx)
        note_dropped(customer, "alert")


def set_due(customer: Customer) -> None:
    """Set when the customer's alerts must next be looked at."""
    opened = customer.alerts.open
    dues = [due for a in opened for due in _dues(a) if due]
    customer.alerts_due_ms = min(dues, default=0)


def _dues(alert: StoredAlert) -> tuple[int, int, int, int]:
    return alert.due_ms, alert.silenced_until_ms, alert.tell_due_ms, alert.escalate_due_ms


def _member(customer: Customer, alert: StoredAlert) -> str:
    return f"{customer.customer_id}|{alert_id(customer.customer_id, alert)}"


def _opened(alert: StoredAlert) -> tuple[int, str, str]:
    return alert.opened_ms, alert.type, alert.subject


def _rank(severity: str) -> int:
    return _SEVERITIES.index(Severity(severity))
