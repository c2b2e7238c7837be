"""Contacts on any channel but the call: visits, mails, campaigns, receipts, purchases, orders (`cem.interactions`)."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from cem.domain.events.base import Charge, Event, Id, Label, Language, Line, Name, Text, check_identifier
from cem.domain.events.enums import CallDirection, Channel, IdentifierKind, Resolution, Response

__all__ = [
    "CampaignContacted",
    "CampaignResponded",
    "ContactAnswered",
    "ContactDelivered",
    "ContactFailed",
    "Identifier",
    "InteractionRecorded",
    "OrderDelivered",
    "OrderPlaced",
    "OrderPromised",
    "PurchaseMade",
    "RegistrationMade",
]

TOPIC = "cem.interactions"


class Identifier(Struct, frozen=True, kw_only=True, gc=False):
    """A name by which the customer may be found again."""

    kind: Annotated[IdentifierKind, Meta(description="What kind of name. Used for: linking channels.")]
    value: Annotated[
        str, Meta(min_length=1, max_length=254, description="The name itself. Used for: linking channels.")
    ]

    def __post_init__(self) -> None:
        check_identifier(self.value)


class InteractionRecorded(Event, frozen=True, kw_only=True):
    """The customer and the operator were in contact on a channel other than the call."""

    TYPE: ClassVar[str] = "interaction.recorded"
    TOPIC: ClassVar[str] = TOPIC

    interaction_id: Annotated[Id, Meta(description="The contact. Used for: joining its survey.")]
    channel: Annotated[
        Channel, Meta(description="Where. Used for: the channel he uses, repeats over channels.")
    ]
    direction: Annotated[
        CallDirection, Meta(description="Who began it. Used for: repeats, which count inbound contacts only.")
    ] = CallDirection.INBOUND
    reason: Annotated[
        Label | None,
        Meta(description="What it was about. Used for: repeats for the same reason, label of reason."),
    ] = None
    text: Annotated[Text | None, Meta(description="What was written. Used for: mood, reason of contact.")] = (
        None
    )
    language: Annotated[
        Language | None, Meta(description="Language of the text. Used for: choice of text features.")
    ] = None
    line: Annotated[
        Line | None, Meta(description="Line concerned. Used for: attributing it to its user.")
    ] = None
    rep_id: Annotated[Id | None, Meta(description="Who served. Used for: load, contract quality.")] = None
    shop_id: Annotated[Id | None, Meta(description="Shop or site. Used for: contract quality of a shop.")] = (
        None
    )
    resolution: Annotated[
        Resolution | None, Meta(description="How it ended, as recorded. Used for: first-contact resolution.")
    ] = None


class CampaignContacted(Event, frozen=True, kw_only=True):
    """A campaign has addressed the customer."""

    TYPE: ClassVar[str] = "campaign.contacted"
    TOPIC: ClassVar[str] = TOPIC

    campaign: Annotated[
        Label, Meta(description="The campaign. Used for: its effect and quality, contact policy.")
    ]
    channel: Annotated[
        Channel, Meta(description="Over which channel. Used for: caps, the channel he answers.")
    ]
    contact_id: Annotated[
        Id | None, Meta(description="This one contact. Used for: joining its response.")
    ] = None
    action: Annotated[
        Name | None, Meta(description="Action that it carried. Used for: cool-down, propensity.")
    ] = None
    treatment: Annotated[
        Name | None, Meta(description="Wording used. Used for: propensity per treatment.")
    ] = None


class CampaignResponded(Event, frozen=True, kw_only=True):
    """The customer has answered a campaign."""

    TYPE: ClassVar[str] = "campaign.responded"
    TOPIC: ClassVar[str] = TOPIC

    campaign: Annotated[Label, Meta(description="The campaign. Used for: its effect and quality.")]
    response: Annotated[
        Response, Meta(description="What he did. Used for: label of propensity, the channel he answers.")
    ]
    channel: Annotated[
        Channel | None, Meta(description="Channel of the answer. Used for: the channel he answers.")
    ] = None
    contact_id: Annotated[Id | None, Meta(description="Contact that he answers. Used for: joining it.")] = (
        None
    )
    text: Annotated[Text | None, Meta(description="What he wrote. Used for: mood.")] = None


class ContactDelivered(Event, frozen=True, kw_only=True):
    """A message of ours has reached the customer: only now has he been told."""

    TYPE: ClassVar[str] = "contact.delivered"
    TOPIC: ClassVar[str] = TOPIC

    contact_id: Annotated[Id, Meta(description="The outreach's contact. Used for: its receipt.")]
    channel: Annotated[
        Channel | None, Meta(description="Over which channel. Used for: caps per channel.")
    ] = None


class ContactFailed(Event, frozen=True, kw_only=True):
    """A message of ours could not be delivered."""

    TYPE: ClassVar[str] = "contact.failed"
    TOPIC: ClassVar[str] = TOPIC

    contact_id: Annotated[
        Id, Meta(description="The outreach's contact. Used for: giving its reservation back.")
    ]
    channel: Annotated[
        Channel | None, Meta(description="Over which channel. Used for: trying another one.")
    ] = None
    reason: Annotated[
        Label | None, Meta(description="Why. Used for: telling a dead address from a full one.")
    ] = None


class ContactAnswered(Event, frozen=True, kw_only=True):
    """The customer has reacted to a message of ours."""

    TYPE: ClassVar[str] = "contact.answered"
    TOPIC: ClassVar[str] = TOPIC

    contact_id: Annotated[Id, Meta(description="The outreach's contact. Used for: joining the answer to it.")]
    response: Annotated[
        Response, Meta(description="What he did. Used for: label of propensity, the channel he answers.")
    ]
    channel: Annotated[
        Channel | None, Meta(description="Channel of the answer. Used for: the channel he answers.")
    ] = None
    text: Annotated[Text | None, Meta(description="What he wrote. Used for: mood.")] = None
    language: Annotated[
        Language | None, Meta(description="Language of the text. Used for: choice of text features.")
    ] = None


class PurchaseMade(Event, frozen=True, kw_only=True):
    """The customer has bought something and has it."""

    TYPE: ClassVar[str] = "purchase.made"
    TOPIC: ClassVar[str] = TOPIC

    product: Annotated[Label, Meta(description="What was bought. Used for: needs, eligibility, cool-down.")]
    amount_minor: Annotated[Charge, Meta(description="Price paid. Used for: money of RFM, value.")]
    order_id: Annotated[Id | None, Meta(description="Order behind it. Used for: counting it once.")] = None
    line: Annotated[Line | None, Meta(description="Line that it is for. Used for: needs per line.")] = None
    channel: Annotated[Channel | None, Meta(description="Where. Used for: the channel he buys on.")] = None
    rep_id: Annotated[Id | None, Meta(description="Who sold it. Used for: quality of what he sells.")] = None
    shop_id: Annotated[
        Id | None, Meta(description="Shop that sold it. Used for: quality of what it sells.")
    ] = None
    campaign: Annotated[Label | None, Meta(description="Campaign behind it. Used for: its quality.")] = None


class OrderPlaced(Event, frozen=True, kw_only=True):
    """The customer has ordered something that is to come."""

    TYPE: ClassVar[str] = "order.placed"
    TOPIC: ClassVar[str] = TOPIC

    order_id: Annotated[Id, Meta(description="The order. Used for: joining promise and delivery.")]
    product: Annotated[Label | None, Meta(description="What was ordered. Used for: needs, eligibility.")] = (
        None
    )
    amount_minor: Annotated[Charge, Meta(description="Its price. Used for: value, money at stake.")] = 0
    promised: Annotated[
        date | None, Meta(description="Day promised. Used for: promises about to be broken.")
    ] = None
    line: Annotated[Line | None, Meta(description="Line that it is for. Used for: needs per line.")] = None
    channel: Annotated[Channel | None, Meta(description="Where. Used for: the channel he buys on.")] = None
    rep_id: Annotated[Id | None, Meta(description="Who sold it. Used for: quality of what he sells.")] = None
    shop_id: Annotated[
        Id | None, Meta(description="Shop that sold it. Used for: quality of what it sells.")
    ] = None
    campaign: Annotated[Label | None, Meta(description="Campaign behind it. Used for: its quality.")] = None


class OrderPromised(Event, frozen=True, kw_only=True):
    """A day of delivery has been promised, or another one than before."""

    TYPE: ClassVar[str] = "order.promised"
    TOPIC: ClassVar[str] = TOPIC

    order_id: Annotated[Id, Meta(description="The order. Used for: joining it.")]
    promised: Annotated[
        date, Meta(description="Day promised. Used for: promises about to be broken, dates moved.")
    ]
    product: Annotated[
        Label | None, Meta(description="What was ordered. Used for: the sentence for the rep.")
    ] = None
    amount_minor: Annotated[Charge, Meta(description="Its price. Used for: money at stake.")] = 0
    reason: Annotated[
        Label | None, Meta(description="Why the day moved. Used for: the sentence for the rep.")
    ] = None


class OrderDelivered(Event, frozen=True, kw_only=True):
    """What was ordered has arrived."""

    TYPE: ClassVar[str] = "order.delivered"
    TOPIC: ClassVar[str] = TOPIC

    order_id: Annotated[Id, Meta(description="The order. Used for: joining it.")]
    delivered: Annotated[
        date | None, Meta(description="Day of arrival; absent: the event's. Used for: promises kept.")
    ] = None
    promised: Annotated[
        date | None, Meta(description="Day promised, if the source knows it. Used for: promises kept.")
    ] = None
    product: Annotated[Label | None, Meta(description="What was ordered. Used for: needs, eligibility.")] = (
        None
    )
    amount_minor: Annotated[Charge, Meta(description="Its price. Used for: money of RFM.")] = 0


class RegistrationMade(Event, frozen=True, kw_only=True):
    """Somebody has registered with the operator: a prospect, or an account on another channel."""

    TYPE: ClassVar[str] = "registration.made"
    TOPIC: ClassVar[str] = TOPIC

    channel: Annotated[
        Channel, Meta(description="Where. Used for: the channel he uses, quality of sign-ups.")
    ]
    identifiers: Annotated[
        tuple[Identifier, ...],
        Meta(max_length=20, description="Names he gave. Used for: linking channels, merge."),
    ] = ()
    campaign: Annotated[
        Label | None, Meta(description="Campaign behind it. Used for: quality of sign-ups.")
    ] = None
    rep_id: Annotated[Id | None, Meta(description="Who signed him up. Used for: quality of sign-ups.")] = None
    shop_id: Annotated[Id | None, Meta(description="Shop of the sign-up. Used for: quality of sign-ups.")] = (
        None
    )
