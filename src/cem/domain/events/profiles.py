"""The account: plan, lines, people, consents, merges, erasure (`cem.profiles`)."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from cem.domain.events.base import (
    Allowance,
    Amount,
    Charge,
    CustomerId,
    Event,
    Id,
    Label,
    Language,
    Line,
    Moment,
    Zone,
)
from cem.domain.events.enums import Channel, Consent, CustomerStatus, Role
from cem.domain.events.interactions import Identifier

__all__ = [
    "ConsentChanged",
    "CustomerErased",
    "CustomerMerged",
    "CustomerSplit",
    "ProfileChanged",
    "ProfileLine",
]

TOPIC = "cem.profiles"

#: Attributes that rules of segments name, name to value.
Segments = Annotated[
    dict[Annotated[str, Meta(min_length=1, max_length=64)], Annotated[str, Meta(max_length=128)]],
    Meta(max_length=64),
]


class ProfileLine(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One line of the account and the person who uses it."""

    line: Annotated[Line, Meta(description="The line. Used for: facts, allowance and alerts per line.")]
    user: Annotated[
        Label | None, Meta(description="Reference of the person, no name. Used for: limits per person.")
    ] = None
    role: Annotated[Role, Meta(description="What he is to the account. Used for: whom an alert is told.")] = (
        Role.OTHER
    )
    birth_year: Annotated[
        Annotated[int, Meta(ge=1880, le=2100)] | None,
        Meta(description="Year of birth. Used for: protecting children, youth plans."),
    ] = None
    plan: Annotated[
        Label | None,
        Meta(description="Plan of this line; absent: the account's. Used for: eligibility, segments."),
    ] = None
    price_minor: Annotated[
        Charge | None, Meta(description="Price a month of this line. Used for: value.")
    ] = None
    sms_allowance: Annotated[
        Allowance | None,
        Meta(description="Segments a cycle included. Used for: thresholds of the allowance."),
    ] = None


class ProfileChanged(Event, frozen=True, kw_only=True):
    """The account's master data are now as stated; what is absent is as it was. `lines`, where given, are all lines."""

    TYPE: ClassVar[str] = "profile.changed"
    TOPIC: ClassVar[str] = TOPIC

    status: Annotated[
        CustomerStatus | None,
        Meta(description="Prospect, active or closed. Used for: eligibility, churn examples."),
    ] = None
    plan: Annotated[
        Label | None, Meta(description="Plan of the account. Used for: eligibility, segments.")
    ] = None
    price_minor: Annotated[
        Charge | None, Meta(description="Its price a month. Used for: value, bill shock.")
    ] = None
    sms_allowance: Annotated[
        Allowance | None,
        Meta(description="Segments a cycle and line included. Used for: thresholds of the allowance."),
    ] = None
    cycle_day: Annotated[
        Annotated[int, Meta(ge=1, le=31)] | None,
        Meta(
            description="Day of the month on which allowances start again. Used for: allowance of the cycle."
        ),
    ] = None
    lines: Annotated[
        Annotated[tuple[ProfileLine, ...], Meta(max_length=50)] | None,
        Meta(description="All lines of the account. Used for: facts per line, family."),
    ] = None
    contract_start: Annotated[
        date | None, Meta(description="First day as a customer. Used for: tenure, contract quality.")
    ] = None
    contract_end: Annotated[
        date | None, Meta(description="Last day of the term. Used for: renewal, churn, value.")
    ] = None
    language: Annotated[
        Language | None, Meta(description="Language he wants. Used for: language of texts.")
    ] = None
    area: Annotated[
        Label | None, Meta(description="Where he lives. Used for: faults by area, segments by place.")
    ] = None
    timezone: Annotated[
        Zone | None, Meta(description="His time zone. Used for: quiet hours, facts of day and hour.")
    ] = None
    channel_said: Annotated[
        Channel | None,
        Meta(description="Channel he says he wants. Used for: prior of the channel he answers."),
    ] = None
    credit_minor: Annotated[
        Amount | None,
        Meta(description="Balance in his favour; negative: owed. Used for: hardship, remedies."),
    ] = None
    hardship: Annotated[
        bool | None, Meta(description="In a hardship arrangement. Used for: hardship before everything else.")
    ] = None
    segments: Annotated[
        Segments | None,
        Meta(
            description="Attributes for segments, name to value. Used for: rules of segments, churn features."
        ),
    ] = None
    identifiers: Annotated[
        Annotated[tuple[Identifier, ...], Meta(max_length=50)] | None,
        Meta(description="Other names that find him. Used for: linking channels."),
    ] = None


class ConsentChanged(Event, frozen=True, kw_only=True):
    """The customer has given or withdrawn a consent."""

    TYPE: ClassVar[str] = "consent.changed"
    TOPIC: ClassVar[str] = TOPIC

    purpose: Annotated[Consent, Meta(description="What it is about. Used for: contact policy.")]
    granted: Annotated[bool, Meta(description="True: given. False: withdrawn. Used for: contact policy.")]
    channel: Annotated[
        Channel | None, Meta(description="Channel; absent: all. Used for: contact policy.")
    ] = None


class CustomerMerged(Event, frozen=True, kw_only=True):
    """The customer is the same as another one, and goes on as that one."""

    TYPE: ClassVar[str] = "customer.merged"
    TOPIC: ClassVar[str] = TOPIC

    into: Annotated[
        CustomerId, Meta(description="Customer who goes on. Used for: moving state and later events.")
    ]


class CustomerSplit(Event, frozen=True, kw_only=True):
    """A line belongs to another customer, from a time on."""

    TYPE: ClassVar[str] = "customer.split"
    TOPIC: ClassVar[str] = TOPIC

    into: Annotated[CustomerId, Meta(description="Customer of the line. Used for: moving its events.")]
    line: Annotated[Line, Meta(description="Line that leaves. Used for: naming the events that move.")]
    since: Annotated[
        Moment | None,
        Meta(description="From when; absent: the event's time. Used for: events that move."),
    ] = None


class CustomerErased(Event, frozen=True, kw_only=True):
    """Everything about the customer must go, and later events of his are refused."""

    TYPE: ClassVar[str] = "customer.erased"
    TOPIC: ClassVar[str] = TOPIC

    request_id: Annotated[
        Id | None, Meta(description="The person's request. Used for: proof of the erasure.")
    ] = None
