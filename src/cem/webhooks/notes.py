"""What is written down of a message: each answer and its expiry in the store, for people; its expiry on `cem.audit`, too."""

from __future__ import annotations

from typing import Final

from cem.alerts.delivery.plan import Answer, Pending
from cem.domain.events import Event, WebhookExpired, encode
from cem.domain.events.rfc3339 import moment
from cem.ports import Emission
from cem.stores.webhook_states import Attempt

__all__ = ["expiry_record", "note_of_answer", "note_of_expiry"]

_SOURCE: Final = "cem/webhooks"


def note_of_answer(pending: Pending, answer: Answer, at_ms: int) -> Attempt:
    """Return the note of what came of a request; `at_ms` is wall time."""
    message, verdict = pending.message, answer.verdict
    return Attempt(
        at_ms,
        message.place,
        message.id,
        message.alert_id,
        verdict,
        pending.attempts,
        answer.status,
        answer.took_ms,
        answer.error,
        "" if verdict == "delivered" else answer.body,
    )


def note_of_expiry(pending: Pending, at_ms: int) -> Attempt:
    """Return the note of a message that is of no more use; `at_ms` is wall time."""
    message, last = pending.message, pending.last
    return Attempt(
        at_ms,
        message.place,
        message.id,
        message.alert_id,
        "expired",
        pending.attempts,
        last.status,
        0,
        last.error,
    )


def expiry_record(name: str, pending: Pending, now_ms: int) -> Emission:
    """Return the record that the end point `name` did not take a message in time; `now_ms` is the service's time."""
    message, last = pending.message, pending.last
    event: Event = WebhookExpired(
        webhook_id=name,
        message_id=message.id,
        alert_id=message.alert_id,
        place=message.place,
        expired_at=moment(message.expires_ms),
        attempts=pending.attempts,
        status=last.status,
        error=last.error[:128] or None,
    )
    headers, value = encode(
        event,
        id=f"{name}/{message.id}/expired",
        source=_SOURCE,
        time_ms=now_ms,
        customer_id=message.customer_id,
    )
    return Emission(WebhookExpired.TOPIC, message.customer_id.encode(), value, headers)
