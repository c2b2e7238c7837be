"""Rated use of text messages (`cem.sms-usage`). Never content, never a recipient's number."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar

from msgspec import Meta

from cem.domain.events.base import Charge, Event
from cem.domain.events.enums import SmsDestination

__all__ = ["SmsRated"]

_LINE = r"^[+0-9A-Za-z_.-]{1,32}\Z"
_HASH = r"^[A-Za-z0-9_-]{1,64}\Z"
# `Line` and `Hash` of `base` with their patterns checked by hand: by far the most frequent event, and msgspec's
# two pattern checks were most of the cost of reading one (1.2 us with them, 0.7 us so).
_Line = Annotated[str, Meta(min_length=1, max_length=32, extra_json_schema={"pattern": _LINE})]
_Hash = Annotated[str, Meta(min_length=1, max_length=64, extra_json_schema={"pattern": _HASH})]
_is_line = re.compile(_LINE).match
_is_hash = re.compile(_HASH).match


class SmsRated(Event, frozen=True, kw_only=True):
    """One message that a line sent has been rated."""

    TYPE: ClassVar[str] = "sms.rated"
    TOPIC: ClassVar[str] = "cem.sms-usage"

    line: Annotated[
        _Line, Meta(description="Line that sent it. Used for: allowance and abuse, which are per line.")
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
        _Hash | None, Meta(description="Keyed hash of the recipient. Used for: distinct recipients in 24 h.")
    ] = None
    in_allowance: Annotated[
        bool | None,
        Meta(description="Covered by the plan; absent: unknown. Used for: thresholds of the allowance."),
    ] = None
    charge_minor: Annotated[
        Charge, Meta(description="What it cost. Used for: money at stake, bill shock.")
    ] = 0

    def __post_init__(self) -> None:
        line = self.line
        if not (line.replace("+", "").isalnum() and line.isascii()) and _is_line(line) is None:
            raise ValueError("`line` must be 1 to 32 characters of +0-9A-Za-z_.-")
        recipient = self.recipient
        if (
            recipient is not None
            and not (recipient.isalnum() and recipient.isascii())
            and _is_hash(recipient) is None
        ):
            raise ValueError("`recipient` must be a hash: 1 to 64 characters of A-Za-z0-9_-")
