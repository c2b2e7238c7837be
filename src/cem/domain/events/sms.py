"""Rated use of text messages (`cem.sms-usage`). Never content, never a recipient's number."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from cem.domain.events.base import Charge, Event, Hash, Line
from cem.domain.events.enums import SmsDestination

__all__ = ["SmsRated"]


class SmsRated(Event, frozen=True, kw_only=True):
    """One message that a line sent has been rated."""

    TYPE: ClassVar[str] = "sms.rated"
    TOPIC: ClassVar[str] = "cem.sms-usage"

    line: Annotated[
        Line, Meta(description="Line that sent it. Used for: allowance and abuse, which are per line.")
    ]
    segments: Annotated[
        int,
        Meta(
            ge=1, le=255, description="Parts that the network charges. Used for: the allowance of the cycle."
        ),
    ] = 1
    destination: Annotated[
        SmsDestination,
        Meta(description="Tariff class of the recipient. Used for: premium and roaming alerts."),
    ] = SmsDestination.OTHER
    recipient: Annotated[
        Hash | None, Meta(description="Keyed hash of the recipient. Used for: distinct recipients in 24 h.")
    ] = None
    in_allowance: Annotated[
        bool | None,
        Meta(description="Covered by the plan; absent: unknown. Used for: thresholds of the allowance."),
    ] = None
    charge_minor: Annotated[
        Charge, Meta(description="What it cost. Used for: money at stake, bill shock.")
    ] = 0
