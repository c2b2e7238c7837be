"""What is wrong with whom, and what to do about it (`cem.alerts`). The API answers with the same object."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

import msgspec
from msgspec import Meta, Struct, field

from cem.domain.events.base import AlertId, Amount, Charge, CustomerId, Event, Fact, Label, Moment, Name, Text
from cem.domain.events.enums import AlertState, AlertTier, Channel, Severity, Tell

__all__ = ["Alert", "AlertOpened", "AlertResolved", "AlertUpdated", "Remedy", "TellWhom"]


class TellWhom(Struct, frozen=True, kw_only=True, gc=False):
    """Who is told, and how."""

    who: Annotated[Tell, Meta(description="Who. Used for: outreach, screens.")]
    channel: Annotated[Channel | None, Meta(description="Over which channel. Used for: outreach.")] = None
    after: Annotated[
        Moment | None, Meta(description="Not before that (quiet hours). Used for: outreach.")
    ] = None


class Remedy(Struct, frozen=True, kw_only=True, gc=False):
    """What is proposed, and at what price."""

    action: Annotated[Name, Meta(description="Action of the catalogue. Used for: screen pop, decision.")]
    price_minor: Annotated[
        Amount, Meta(description="What it costs the customer; negative: he gets it. Used for: screen pop.")
    ] = 0


class Alert(Event, frozen=True, kw_only=True, omit_defaults=False):
    """An alert as it stands. The three event types of `cem.alerts` carry it whole."""

    TOPIC: ClassVar[str] = "cem.alerts"
    NAMES_KEY: ClassVar[bool] = True

    alert_id: Annotated[
        AlertId, Meta(description="Same as long as the cause is. Used for: one alert, its end.")
    ]
    type: Annotated[
        Name, Meta(description="What kind, as in sms_allowance. Used for: filters, silences, ledger.")
    ]
    tier: Annotated[AlertTier, Meta(description="Notice or alert. Used for: whom it reaches.")] = (
        AlertTier.ALERT
    )
    severity: Annotated[Severity, Meta(description="How urgent. Used for: order, paging.")]
    customer_id: Annotated[CustomerId, Meta(description="Whose. Used for: key, screen pop.")]
    subject: Annotated[Label, Meta(description="Line, bill, order or area concerned. Used for: attribution.")]
    opened_at: Annotated[Moment, Meta(description="Since when. Used for: order, delay.")]
    deliver_before: Annotated[
        Moment | None, Meta(description="Noise after that. Used for: ending delivery.")
    ] = None
    state: Annotated[AlertState, Meta(description="Where it stands. Used for: lists, delivery.")] = (
        AlertState.OPEN
    )
    evidence: Annotated[
        dict[Annotated[str, Meta(min_length=1, max_length=64)], Fact],
        Meta(
            max_length=32,
            description="Counts, window, threshold; never content. Used for: the reader's trust.",
        ),
    ] = field(default_factory=dict)
    tell: Annotated[TellWhom, Meta(description="Who is told over which channel. Used for: outreach.")]
    remedy: Annotated[
        Remedy | None, Meta(description="What is proposed. Used for: screen pop, decision.")
    ] = None
    cost_minor: Annotated[
        Charge, Meta(description="What it has cost the customer so far. Used for: urgency.")
    ] = 0
    updated_at: Annotated[
        Moment | None, Meta(description="Last change. Used for: what a consumer has seen.")
    ] = None
    resolved_at: Annotated[Moment | None, Meta(description="Its end. Used for: length.")] = None
    reason: Annotated[
        Label | None, Meta(description="Why it changed or ended. Used for: why a message came again.")
    ] = None
    by: Annotated[
        Label | None, Meta(description="Who acknowledged, silenced or ended it. Used for: whom to ask.")
    ] = None
    note: Annotated[Text | None, Meta(description="What he wrote. Used for: the next one who looks.")] = None
    silenced_until: Annotated[
        Moment | None, Meta(description="End of the silence. Used for: telling again after it.")
    ] = None
    told_at: Annotated[
        Moment | None,
        Meta(description="When a message about it arrived. Used for: not telling it twice, delay."),
    ] = None
    escalations: Annotated[
        int,
        Meta(
            ge=0,
            le=100,
            description="How often nobody had taken it on in time. Used for: paging who is above.",
        ),
    ] = 0
    holdout: Annotated[
        bool, Meta(description="Held back on purpose, told to nobody. Used for: the ledger.")
    ] = False

    def key(self) -> str:
        return self.customer_id

    @classmethod
    def of(cls, alert: Alert) -> Self:
        """Return `alert` as an event of this class."""
        return cls(**msgspec.structs.asdict(alert))


class AlertOpened(Alert, frozen=True, kw_only=True):
    """Something is wrong that was not before."""

    TYPE: ClassVar[str] = "alert.opened"


class AlertUpdated(Alert, frozen=True, kw_only=True):
    """A known problem has changed: worse, acknowledged, silenced."""

    TYPE: ClassVar[str] = "alert.updated"


class AlertResolved(Alert, frozen=True, kw_only=True):
    """A known problem is over, or nobody will hear of it in time (expired)."""

    TYPE: ClassVar[str] = "alert.resolved"
