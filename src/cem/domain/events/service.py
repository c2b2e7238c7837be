"""Faults of network and service, by line or area, and tickets (`cem.service`)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from cem.domain.events.base import Event, Id, Label, Language, Line, Moment, Seconds, Text
from cem.domain.events.enums import Resolution, ServiceKind, TicketSeverity

__all__ = ["ServiceDegraded", "ServiceRestored", "TicketClosed", "TicketOpened", "TicketUpdated"]

TOPIC = "cem.service"
NO_PLACE = "line or area must say what is concerned"


class ServiceDegraded(Event, frozen=True, kw_only=True):
    """A service works badly or not at all for a line or in an area."""

    TYPE: ClassVar[str] = "service.degraded"
    TOPIC: ClassVar[str] = TOPIC

    kind: Annotated[ServiceKind, Meta(description="Which service. Used for: kind of apology and repair.")]
    line: Annotated[Line | None, Meta(description="Line hit. Used for: households hit hard.")] = None
    area: Annotated[
        Label | None, Meta(description="Area hit. Used for: one alert per area, whom it hits.")
    ] = None
    incident_id: Annotated[
        Id | None, Meta(description="The fault. Used for: joining its end, one alert a fault.")
    ] = None
    duration_s: Annotated[
        Seconds | None, Meta(description="Expected or measured length. Used for: how hard it hits.")
    ] = None

    def __post_init__(self) -> None:
        if self.line is None and self.area is None:
            raise ValueError(NO_PLACE)


class ServiceRestored(Event, frozen=True, kw_only=True):
    """A service works again."""

    TYPE: ClassVar[str] = "service.restored"
    TOPIC: ClassVar[str] = TOPIC

    kind: Annotated[ServiceKind, Meta(description="Which service. Used for: joining the beginning.")]
    line: Annotated[
        Line | None, Meta(description="Line concerned. Used for: closing the household's fault.")
    ] = None
    area: Annotated[Label | None, Meta(description="Area concerned. Used for: closing the area's fault.")] = (
        None
    )
    incident_id: Annotated[Id | None, Meta(description="The fault. Used for: joining its beginning.")] = None
    duration_s: Annotated[
        Seconds | None, Meta(description="How long it lasted. Used for: hours without service.")
    ] = None

    def __post_init__(self) -> None:
        if self.line is None and self.area is None:
            raise ValueError(NO_PLACE)


class TicketOpened(Event, frozen=True, kw_only=True):
    """A problem of the customer has been taken down."""

    TYPE: ClassVar[str] = "ticket.opened"
    TOPIC: ClassVar[str] = TOPIC

    ticket_id: Annotated[Id, Meta(description="The ticket. Used for: open problems, unresolved ones.")]
    category: Annotated[
        Label | None, Meta(description="What it is about. Used for: repeats for the same reason.")
    ] = None
    severity: Annotated[
        TicketSeverity, Meta(description="How badly it hurts. Used for: service before selling.")
    ] = TicketSeverity.NORMAL
    line: Annotated[Line | None, Meta(description="Line concerned. Used for: attributing it.")] = None
    text: Annotated[
        Text | None, Meta(description="The problem in words. Used for: mood, reason of contact.")
    ] = None
    language: Annotated[
        Language | None, Meta(description="Language of the text. Used for: choice of text features.")
    ] = None
    due: Annotated[
        Moment | None,
        Meta(description="Repair promised by. Used for: promises about to be broken."),
    ] = None
    about: Annotated[Id | None, Meta(description="Call or order behind it. Used for: joining it there.")] = (
        None
    )


class TicketUpdated(Event, frozen=True, kw_only=True):
    """Something about a ticket has changed; what is absent is as it was."""

    TYPE: ClassVar[str] = "ticket.updated"
    TOPIC: ClassVar[str] = TOPIC

    ticket_id: Annotated[Id, Meta(description="The ticket. Used for: joining it.")]
    category: Annotated[
        Label | None, Meta(description="New category. Used for: repeats for the same reason.")
    ] = None
    severity: Annotated[
        TicketSeverity | None, Meta(description="New severity. Used for: service before selling.")
    ] = None
    resolution: Annotated[
        Resolution | None, Meta(description="State of the repair. Used for: unresolved ones.")
    ] = None
    text: Annotated[Text | None, Meta(description="What was done or said. Used for: the rep's context.")] = (
        None
    )
    due: Annotated[
        Moment | None, Meta(description="Repair now promised by. Used for: promises, dates moved.")
    ] = None


class TicketClosed(Event, frozen=True, kw_only=True):
    """A ticket is over."""

    TYPE: ClassVar[str] = "ticket.closed"
    TOPIC: ClassVar[str] = TOPIC

    ticket_id: Annotated[Id, Meta(description="The ticket. Used for: taking it off the open ones.")]
    resolution: Annotated[
        Resolution, Meta(description="How it ended. Used for: first-contact resolution, repeats.")
    ] = Resolution.RESOLVED
    category: Annotated[
        Label | None, Meta(description="Final category. Used for: failures by area and group.")
    ] = None
    severity: Annotated[
        TicketSeverity | None, Meta(description="Final severity. Used for: failures by group.")
    ] = None
    text: Annotated[Text | None, Meta(description="What was done. Used for: the rep's context.")] = None
