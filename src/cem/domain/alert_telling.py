"""Whom an alert concerns is told at a fit time, over a channel that he has not forbidden; he is told when it arrived.

At night (`tell.quiet` of the policy, in the customer's own zone) nobody outside the company is told but of what is
critical: such an alert waits, and the hours that it waits do not count against its `deliver_before`. It is published
when it opens all the same, with `tell.after`: those who work at night may read it.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from cem.domain.alert_object import alert_id
from cem.domain.context import FoldContext
from cem.domain.customer import Customer
from cem.domain.events.enums import Channel, Severity, Tell
from cem.domain.localtime import zone
from cem.domain.state.alerts import StoredAlert
from cem.domain.view import best_channel, consent

__all__ = [
    "channel_to",
    "contact_id",
    "is_about_alert",
    "is_to_user",
    "quiet_until_ms",
    "set_telling",
    "tell_channel",
    "told_of",
]

_PREFIX = "alert-"
_TO_USER = ".user"
_ON_HIS_LINE = str(Channel.SMS)
#: Those who are not at work when they are told.
_OUTSIDE = (str(Tell.PAYER), str(Tell.USER))


def channel_to(customer: Customer, who: Tell, ctx: FoldContext) -> str:
    """Return the channel over which `who` is told: the payer by `tell_channel`, the user of a line on his line.

    A user has no other address that is known, and what he answers is not kept. "" where that is forbidden, and for whom
    is no member of the household: those inside read alerts where they work.
    """
    if who is Tell.PAYER:
        return tell_channel(customer, ctx)
    if who is Tell.USER and consent(customer, "service", _ON_HIS_LINE) is not False:
        return _ON_HIS_LINE
    return ""


def tell_channel(customer: Customer, ctx: FoldContext) -> str:
    """Return the channel over which the payer is told: the one that he said, or the policy's that he answers better.

    None that he has forbidden; "" if he has forbidden all of them: then he is told when he is next in contact. While he
    has answered nothing, it is the one that he said, else the policy's first.
    """
    return best_channel(customer, "service", ctx.lane_time_ms, ctx.alerts.tell.channels).channel


def quiet_until_ms(customer: Customer, now_ms: int, ctx: FoldContext) -> int:
    """Return when the customer's quiet hours end, 0 if he is not in any."""
    quiet = ctx.alerts.tell.quiet
    if quiet.from_h == quiet.to_h:
        return 0
    tz = zone(customer.profile.timezone, ctx.timezone)
    local = datetime.fromtimestamp(now_ms / 1000, tz)
    if quiet.from_h < quiet.to_h:
        is_quiet = quiet.from_h <= local.hour < quiet.to_h
    else:
        is_quiet = local.hour >= quiet.from_h or local.hour < quiet.to_h
    if not is_quiet:
        return 0
    day = local.date() + timedelta(days=local.hour >= quiet.to_h)
    end = datetime(day.year, day.month, day.day, quiet.to_h, tzinfo=tz)
    return round(end.astimezone(UTC).timestamp() * 1000)


def set_telling(customer: Customer, alert: StoredAlert, ctx: FoldContext) -> None:
    """Let the alert wait for the end of the quiet hours if somebody outside is to be told and it is not critical."""
    if alert.tell_who not in _OUTSIDE or alert.severity == str(Severity.CRITICAL):
        alert.tell_due_ms = 0
        return
    since_ms = max(ctx.lane_time_ms, alert.tell_due_ms)
    alert.tell_due_ms = quiet_until_ms(customer, ctx.lane_time_ms, ctx)
    if alert.deliver_before_ms:
        alert.deliver_before_ms += max(0, alert.tell_due_ms - since_ms)


def contact_id(customer_id: str, alert: StoredAlert, attempt: int = 0, *, to_user: bool = False) -> str:
    """Return the id of the message about the alert: the same for the same alert and attempt, so it is sent once.

    to_user: it goes to the user of a line, whose answer says nothing of where the payer answers.
    """
    digest = hashlib.blake2b(alert_id(customer_id, alert).encode(), digest_size=9).hexdigest()
    numbered = f"{_PREFIX}{digest}.{attempt}" if attempt else f"{_PREFIX}{digest}"
    return numbered + _TO_USER if to_user else numbered


def is_about_alert(contact: str) -> bool:
    """Return whether a message with that id is about an alert."""
    return contact.startswith(_PREFIX)


def is_to_user(contact: str) -> bool:
    """Return whether a message with that id went to the user of a line about an alert."""
    return contact.startswith(_PREFIX) and contact.endswith(_TO_USER)


def told_of(customer: Customer, contact: str) -> StoredAlert | None:
    """Return the alert, open or closed, that the message with that id is about; None if it is not known any more."""
    first = contact.partition(".")[0]
    for alert in (*customer.alerts.open, *customer.alerts.closed):
        if contact_id(customer.customer_id, alert) == first:
            return alert
    return None
