"""What was not done, and why (`cem.audit`): kept for those who have to answer for it."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from cem.domain.events.base import AlertId, Event, Id, Label, Moment, Name, Text
from cem.domain.events.enums import Channel, Tell, WithheldBecause

__all__ = ["OutreachWithheld", "WebhookExpired"]

TOPIC = "cem.audit"


class WebhookExpired(Event, frozen=True, kw_only=True):
    """An end point has not taken an alert before telling it became noise; it will not be told."""

    TYPE: ClassVar[str] = "webhook.expired"
    TOPIC: ClassVar[str] = TOPIC

    webhook_id: Annotated[Name, Meta(description="The end point. Used for: whose alerts are missing.")]
    message_id: Annotated[Id, Meta(description="The message. Used for: counting it once.")]
    alert_id: Annotated[AlertId, Meta(description="The alert. Used for: telling it by another way.")]
    place: Annotated[Id, Meta(description="Partition and offset on cem.alerts. Used for: sending it again.")]
    expired_at: Annotated[Moment, Meta(description="Since when it is noise. Used for: reports.")]
    attempts: Annotated[
        int, Meta(ge=0, le=1_000_000, description="How often it was tried. Used for: finding the cause.")
    ] = 0
    status: Annotated[
        int, Meta(ge=0, le=999, description="Last HTTP status; 0: no answer. Used for: finding the cause.")
    ] = 0
    error: Annotated[Label | None, Meta(description="Last error. Used for: finding the cause.")] = None


class OutreachWithheld(Event, frozen=True, kw_only=True):
    """The customer would have been told, and was not; where no other reader sends it by mistake."""

    TYPE: ClassVar[str] = "outreach.withheld"
    TOPIC: ClassVar[str] = TOPIC

    contact_id: Annotated[Id, Meta(description="The contact that did not come about. Used for: counting it.")]
    because: Annotated[WithheldBecause, Meta(description="What held it back. Used for: reports.")]
    channel: Annotated[Channel, Meta(description="Over which channel it would have gone. Used for: reports.")]
    text: Annotated[Text, Meta(description="What would have been said. Used for: judging a shadow run.")]
    who: Annotated[Tell, Meta(description="Who would have been told. Used for: reports.")] = Tell.PAYER
    alert_id: Annotated[AlertId | None, Meta(description="Alert behind it. Used for: reports.")] = None
    action: Annotated[Name | None, Meta(description="Action that it carried. Used for: reports.")] = None
