"""What the company said to the customer, and what he did with it."""

from __future__ import annotations

import msgspec

__all__ = ["TOUCHES", "Outreach", "Touch"]


#: Kinds of `Touch`, by code; "" = only what became of it has been seen, at `at_ms`. Append only.
TOUCHES = ("", "campaign", "message", "call")


class Touch(msgspec.Struct, array_like=True, gc=False):
    """One time that the company turned to the customer: a campaign, a message, a call."""

    at_ms: int
    #: Contact, call or interaction id; the campaign's name where a contact has none.
    id: str
    #: Index in TOUCHES.
    code: int = 0
    channel: str = ""
    action: str = ""
    #: It did not reach him.
    failed: bool = False
    #: What he did; "" = nothing yet.
    response: str = ""
    response_ms: int = 0

    @property
    def kind(self) -> str:
        """One of TOUCHES."""
        return TOUCHES[self.code]


class Outreach(msgspec.Struct, array_like=True, gc=False):
    """The last touches, oldest first, and how many there were."""

    touches: list[Touch] = []
    total: int = 0
    responded: int = 0
    #: Touches that fell out while a window of 30 days could still see them.
    dropped: int = 0
