"""What people and the clock do to an open alert: acknowledged, silenced, silence over, quiet hours over, told, escalated."""

from __future__ import annotations

from typing import Final

from cem.domain.alert_contact import ask_to_tell
from cem.domain.alert_escalation import set_escalation
from cem.domain.alert_telling import told_of
from cem.domain.alerting import alert_id, tell_update
from cem.domain.context import FoldContext
from cem.domain.customer import Customer
from cem.domain.events.enums import AlertState
from cem.domain.state.alerts import StoredAlert

__all__ = [
    "TOLD",
    "UNANSWERED",
    "acknowledge",
    "due_alerts",
    "end_quiet",
    "escalate_unanswered",
    "find_by_id",
    "note_told",
    "silence",
]

#: Why an alert changed when the first message about it has arrived.
TOLD: Final = "told"
#: Why an alert changed when it was escalated.
UNANSWERED: Final = "nobody has acknowledged it"


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


def note_told(customer: Customer, contact: str, at_ms: int, ctx: FoldContext) -> None:
    """Note that a message about an alert has arrived: from now on he has been told; the first one counts."""
    alert = told_of(customer, contact)
    if alert is None or alert.told_ms:
        return
    alert.told_ms = at_ms
    if not alert.closed_ms:
        alert.tell_due_ms = 0
        alert.updated_ms, alert.reason = max(alert.updated_ms, at_ms), TOLD
        tell_update(customer, alert, ctx)


def due_alerts(customer: Customer, now_ms: int, ctx: FoldContext) -> list[StoredAlert]:
    """Return the open alerts that are to be looked at now; ends the silences that are over."""
    for alert in list(customer.alerts.open):
        until_ms = alert.silenced_until_ms
        if 0 < until_ms <= now_ms:
            _change(customer, alert, AlertState.OPEN, "silence ended", alert.by, alert.note, 0, until_ms, ctx)
    return [alert for alert in customer.alerts.open if 0 < alert.due_ms <= now_ms]


def end_quiet(customer: Customer, now_ms: int, ctx: FoldContext) -> None:
    """Tell of the alerts that waited for the end of the quiet hours, and are open still."""
    for alert in customer.alerts.open:
        tell_ms = alert.tell_due_ms
        if 0 < tell_ms <= now_ms:
            alert.tell_due_ms = 0
            alert.updated_ms, alert.reason = max(alert.updated_ms, tell_ms), "quiet hours over"
            tell_update(customer, alert, ctx)
            ask_to_tell(customer, alert, ctx)


def escalate_unanswered(customer: Customer, now_ms: int, ctx: FoldContext) -> None:
    """Tell once more, one step more severe, of the alerts that nobody has taken on in time."""
    for alert in customer.alerts.open:
        while 0 < (due_ms := alert.escalate_due_ms) <= now_ms:
            alert.escalations += 1
            alert.make_more_severe()
            alert.updated_ms, alert.reason = max(alert.updated_ms, due_ms), UNANSWERED
            set_escalation(alert, due_ms, ctx)
            tell_update(customer, alert, ctx)


def find_by_id(customer: Customer, identity: str) -> StoredAlert | None:
    """Return the open alert with that id, or None."""
    for alert in customer.alerts.open:
        if alert_id(customer.customer_id, alert) == identity:
            return alert
    return None


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
    """Move an open alert to another open state and tell it, a silence too."""
    alert.state, alert.reason, alert.by, alert.note = str(state), reason, by, note
    alert.silenced_until_ms = silenced_until_ms
    alert.updated_ms = max(alert.updated_ms, at_ms)
    set_escalation(alert, at_ms, ctx)
    tell_update(customer, alert, ctx, even_silenced=True)
