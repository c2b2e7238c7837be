"""What people change about one customer's alerts and budgets (`cem.control`)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from cem.domain.events.base import AlertId, Charge, Event, Id, Label, Moment, Name, Text

__all__ = [
    "ControlAlertAcknowledged",
    "ControlAlertResolved",
    "ControlAlertSilenced",
    "ControlBudgetReserved",
    "ControlBudgetReturned",
    "ControlBudgetSpent",
]

TOPIC = "cem.control"


class ControlAlertAcknowledged(Event, frozen=True, kw_only=True):
    """Somebody has taken on an alert."""

    TYPE: ClassVar[str] = "control.alert.acknowledged"
    TOPIC: ClassVar[str] = TOPIC

    alert_id: Annotated[AlertId, Meta(description="The alert. Used for: its state.")]
    by: Annotated[Label, Meta(description="Who took it on. Used for: whom to ask.")]
    note: Annotated[Text | None, Meta(description="What he wrote. Used for: the next one who looks.")] = None


class ControlAlertSilenced(Event, frozen=True, kw_only=True):
    """Somebody wants to hear no more of an alert, until a stated time."""

    TYPE: ClassVar[str] = "control.alert.silenced"
    TOPIC: ClassVar[str] = TOPIC

    alert_id: Annotated[AlertId, Meta(description="The alert. Used for: its state.")]
    by: Annotated[Label, Meta(description="Who silenced it. Used for: whom to ask.")]
    reason: Annotated[Label, Meta(description="Why. Used for: the list of silences.")]
    until: Annotated[Moment, Meta(description="End of the silence. Used for: telling again after it.")]


class ControlAlertResolved(Event, frozen=True, kw_only=True):
    """Somebody has ended an alert by hand."""

    TYPE: ClassVar[str] = "control.alert.resolved"
    TOPIC: ClassVar[str] = TOPIC

    alert_id: Annotated[AlertId, Meta(description="The alert. Used for: its state.")]
    by: Annotated[Label, Meta(description="Who ended it. Used for: whom to ask.")]
    note: Annotated[Text | None, Meta(description="How. Used for: the next one who looks.")] = None


class ControlBudgetReserved(Event, frozen=True, kw_only=True):
    """Part of a customer's budget is held for an offer."""

    TYPE: ClassVar[str] = "control.budget.reserved"
    TOPIC: ClassVar[str] = TOPIC

    reservation_id: Annotated[
        Id, Meta(description="The reservation. Used for: spending or returning it once.")
    ]
    budget: Annotated[Name, Meta(description="Which budget. Used for: what is left of it.")]
    amount_minor: Annotated[Charge, Meta(description="Held. Used for: what is left.")]
    expires: Annotated[Moment, Meta(description="Given back after that. Used for: what is left.")]
    decision_id: Annotated[
        Id | None, Meta(description="Decision behind it. Used for: joining the offer.")
    ] = None


class ControlBudgetSpent(Event, frozen=True, kw_only=True):
    """A reserved amount has been spent."""

    TYPE: ClassVar[str] = "control.budget.spent"
    TOPIC: ClassVar[str] = TOPIC

    reservation_id: Annotated[Id, Meta(description="The reservation. Used for: spending it once.")]
    budget: Annotated[Name, Meta(description="Which budget. Used for: what is left of it.")]
    amount_minor: Annotated[Charge, Meta(description="Spent. Used for: what is left.")]
    decision_id: Annotated[
        Id | None, Meta(description="Decision behind it. Used for: cost of the action.")
    ] = None


class ControlBudgetReturned(Event, frozen=True, kw_only=True):
    """A reserved amount is free again."""

    TYPE: ClassVar[str] = "control.budget.returned"
    TOPIC: ClassVar[str] = TOPIC

    reservation_id: Annotated[Id, Meta(description="The reservation. Used for: returning it once.")]
    budget: Annotated[Name, Meta(description="Which budget. Used for: what is left of it.")]
    amount_minor: Annotated[Charge, Meta(description="Returned. Used for: what is left.")]
    reason: Annotated[Label | None, Meta(description="Why. Used for: reports by cause.")] = None
