"""The public object of an alert in the state, and its stable id."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zlib import crc32

from cem.domain.events.alerts import Alert, Remedy, TellWhom
from cem.domain.events.enums import AlertState, AlertTier, Channel, Severity, Tell
from cem.domain.state.alerts import StoredAlert

__all__ = ["alert_id", "published"]

_PLAIN = re.compile(r"[A-Za-z0-9_.+-]{1,64}\Z")


def alert_id(customer_id: str, alert: StoredAlert) -> str:
    """Return the alert's id: type, customer, subject and cause; a subject of other characters by its checksum."""
    subject = alert.subject
    if not _PLAIN.match(subject):
        subject = f"{crc32(subject.encode()):08x}"
    return f"{alert.type}:{customer_id}:{subject}:{alert.cause}"


def published(customer_id: str, alert: StoredAlert) -> Alert:
    """Return the alert as consumers and the API see it."""
    return Alert(
        alert_id=alert_id(customer_id, alert),
        type=alert.type,
        tier=AlertTier(alert.tier),
        severity=Severity(alert.severity),
        customer_id=customer_id,
        subject=alert.subject or customer_id,
        opened_at=_instant(alert.opened_ms),
        deliver_before=_instant(alert.deliver_before_ms) if alert.deliver_before_ms else None,
        state=AlertState(alert.state),
        evidence=alert.evidence,
        tell=TellWhom(
            who=Tell(alert.tell_who),
            channel=Channel(alert.tell_channel) if alert.tell_channel else None,
            after=_instant(alert.tell_due_ms) if alert.tell_due_ms else None,
        ),
        remedy=Remedy(action=alert.action, price_minor=alert.price_minor) if alert.action else None,
        cost_minor=alert.cost_minor,
        updated_at=_instant(alert.updated_ms) if alert.updated_ms > alert.opened_ms else None,
        resolved_at=_instant(alert.closed_ms) if alert.closed_ms else None,
        reason=alert.reason or None,
        by=alert.by or None,
        note=alert.note or None,
        holdout=alert.held_out,
        told_at=_instant(alert.told_ms) if alert.told_ms else None,
        silenced_until=_instant(alert.silenced_until_ms) if alert.silenced_until_ms else None,
        escalations=alert.escalations,
    )


def _instant(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
