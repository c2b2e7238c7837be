"""Whom to tell what over which channel by when (`cem.outreach`); the receipt is a `contact.*` event."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from cem.domain.events.base import AlertId, Event, Id, Label, Language, Line, Moment, Name, Text
from cem.domain.events.enums import Channel, Consent, Tell

__all__ = ["OutreachRequested"]


class OutreachRequested(Event, frozen=True, kw_only=True):
    """A message should go to the customer; he counts as told only when `contact.delivered` says so."""

    TYPE: ClassVar[str] = "outreach.requested"
    TOPIC: ClassVar[str] = "cem.outreach"

    contact_id: Annotated[Id, Meta(description="This contact. Used for: its receipts, sending it once.")]
    channel: Annotated[Channel, Meta(description="Over which channel. Used for: choice of the sender.")]
    text: Annotated[Text, Meta(description="The rendered message. Used for: sending it.")]
    expires: Annotated[Moment, Meta(description="Not to be sent after that. Used for: the sender.")]
    send_after: Annotated[
        Moment | None,
        Meta(description="Not before that (quiet hours); absent: now. Used for: the sender."),
    ] = None
    who: Annotated[Tell, Meta(description="Who of the household. Used for: limits per person.")] = Tell.PAYER
    to: Annotated[
        Line | None,
        Meta(
            description="Line to reach; absent: the account's address of the channel. Used for: the sender."
        ),
    ] = None
    subject: Annotated[Label | None, Meta(description="Subject of a mail. Used for: the sender.")] = None
    language: Annotated[Language | None, Meta(description="Language of the text. Used for: the sender.")] = (
        None
    )
    purpose: Annotated[
        Consent, Meta(description="Consent that it needs. Used for: the sender's own check.")
    ] = Consent.SERVICE
    alert_id: Annotated[AlertId | None, Meta(description="Alert behind it. Used for: the ledger.")] = None
    decision_id: Annotated[Id | None, Meta(description="Decision behind it. Used for: its outcome.")] = None
    action: Annotated[
        Name | None, Meta(description="Action that it carries. Used for: propensity, cool-down.")
    ] = None
    treatment: Annotated[
        Name | None, Meta(description="Wording used. Used for: propensity by treatment.")
    ] = None
