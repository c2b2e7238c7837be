"""What became of a decision (`cem.outcomes`)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from cem.domain.events.base import Event, Id, Label, Name
from cem.domain.events.enums import Channel, OutcomeState

__all__ = ["OutcomeRecorded"]


class OutcomeRecorded(Event, frozen=True, kw_only=True):
    """A decision has gone one state further."""

    TYPE: ClassVar[str] = "outcome.recorded"
    TOPIC: ClassVar[str] = "cem.outcomes"

    decision_id: Annotated[
        Id, Meta(description="The decision. Used for: joining the label to frozen features.")
    ]
    state: Annotated[
        OutcomeState, Meta(description="What became of it. Used for: label of propensity, cool-down.")
    ]
    action: Annotated[
        Name | None,
        Meta(description="Action concerned; absent: the first. Used for: label of the right action."),
    ] = None
    reason: Annotated[
        Label | None, Meta(description="Why declined or ignored. Used for: cool-down, reports.")
    ] = None
    instead: Annotated[
        Label | None,
        Meta(description="What was done instead. Used for: seeing where representatives know better."),
    ] = None
    rep_id: Annotated[Id | None, Meta(description="Who says so. Used for: acceptance by representative.")] = (
        None
    )
    channel: Annotated[
        Channel | None, Meta(description="Where it was presented. Used for: propensity by channel.")
    ] = None
