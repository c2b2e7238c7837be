"""What the company said to the customer, and what he did with it."""

from __future__ import annotations

import msgspec

__all__ = ["Outreach", "Touch"]


class Touch(msgspec.Struct, array_like=True, gc=False):
    """One time that the company turned to the customer: a campaign, a message, a call."""

    at_ms: int
    #: Campaign, contact or call id.
    id: str
    channel: str = ""
    #: campaign, message or call.
    kind: str = ""
    #: What he did; "" = nothing yet.
    response: str = ""
    response_ms: int = 0


class Outreach(msgspec.Struct, array_like=True, gc=False):
    """The last touches, oldest first, and how many there were."""

    touches: list[Touch] = []
    total: int = 0
    responded: int = 0
