"""Asking for a message to whom an alert concerns: `outreach.requested`, or, when it is withheld, why it was not.

He counts as told only when `contact.delivered` says that the message arrived (`cem.domain.alert_changes.note_told`).
What a brake withholds is not made up for when it is released: hours later it would be noise. A change that makes the
alert more urgent asks anew.
"""

from __future__ import annotations

from typing import Final

from cem.domain.alert_object import alert_id
from cem.domain.alert_telling import channel_to, contact_id
from cem.domain.context import FoldContext
from cem.domain.customer import Customer
from cem.domain.events import OutreachRequested, OutreachWithheld
from cem.domain.events.enums import AlertState, Channel, Tell
from cem.domain.events.rfc3339 import moment
from cem.domain.localtime import DAY_MS
from cem.domain.state.alerts import StoredAlert
from cem.domain.wording import language_of, wording

__all__ = ["ask_to_tell"]

_OUTSIDE: Final = (str(Tell.PAYER), str(Tell.USER))


def ask_to_tell(customer: Customer, alert: StoredAlert, ctx: FoldContext, *, attempt: int = 0) -> None:
    """Ask for the message, if somebody outside the company is to be told and may be told now.

    attempt: 0 at first; later what tells this message from those before it.
    """
    if alert.tell_who not in _OUTSIDE or alert.tell_due_ms or alert.state == str(AlertState.SILENCED):
        return
    to_user = alert.tell_who == str(Tell.USER)
    # Who waited for the morning may have forbidden it meanwhile.
    channel = channel_to(customer, Tell.USER, ctx) if to_user else alert.tell_channel
    if not channel:
        return
    language = language_of(customer.profile.language)
    text = wording(alert, language, ctx.currency)
    contact = contact_id(customer.customer_id, alert, attempt, to_user=to_user)
    identity = alert_id(customer.customer_id, alert)
    because = ctx.restraint.withholds(alert.type, alert.action)
    if because is not None:
        withheld = OutreachWithheld(
            contact_id=contact,
            because=because,
            channel=Channel(channel),
            text=text,
            who=Tell(alert.tell_who),
            alert_id=identity,
            action=alert.action or None,
        )
        ctx.emit(withheld, kind=f"{alert.type}.withheld")
        return
    request = OutreachRequested(
        contact_id=contact,
        channel=Channel(channel),
        text=text,
        expires=moment(alert.deliver_before_ms or ctx.lane_time_ms + DAY_MS),
        who=Tell(alert.tell_who),
        to=alert.subject if to_user else None,
        language=language,
        alert_id=identity,
        action=alert.action or None,
    )
    ctx.emit(request, kind=f"{alert.type}.outreach")
