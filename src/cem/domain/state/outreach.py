"""What the company said to the customer, and what he did with it."""

from __future__ import annotations

import msgspec

from cem.domain.state.contacts import CHANNELS, channel_code

__all__ = ["TOUCHES", "Outreach", "Touch"]


#: Kinds of `Touch`, by code; "" = only what became of it has been seen, at `at_ms`. Append only.
TOUCHES = ("", "campaign", "message", "call", "reply")


class Touch(msgspec.Struct, array_like=True, gc=False):
    """One time that the company turned to the customer: a campaign, a message, a call, a reply to what he wrote."""

    at_ms: int
    #: Contact, call or interaction id; the campaign's name where a contact has none.
    id: str
    #: Index in TOUCHES, and 8 times the channel's in CHANNELS: see `kind` and `channel`.
    code: int = 0
    #: The channel's name where an older version wrote it.
    over: str = ""
    action: str = ""
    #: It did not reach him.
    failed: bool = False
    #: What he did; "" = nothing yet.
    response: str = ""
    response_ms: int = 0
    #: Channel of the response, where it is another one than the touch's: index in CHANNELS; 0 = it is not.
    response_code: int = 0

    @property
    def kind(self) -> str:
        """One of TOUCHES."""
        return TOUCHES[self.code & 7]

    @kind.setter
    def kind(self, name: str) -> None:
        self.code = self.code & ~7 | TOUCHES.index(name)

    @property
    def channel(self) -> str:
        """One of CHANNELS; "" = not said."""
        return self.over or CHANNELS[self.code >> 3]

    @channel.setter
    def channel(self, name: str) -> None:
        self.code, self.over = self.code & 7 | channel_code(name) << 3, ""

    @property
    def response_channel(self) -> str:
        """Channel of the response, where it is another one than the touch's; else ""."""
        return CHANNELS[self.response_code]

    @classmethod
    def new(cls, at_ms: int, touch_id: str, kind: str = "", channel: str = "", action: str = "") -> Touch:
        """Return a touch that nothing has become of yet."""
        return cls(at_ms, touch_id, TOUCHES.index(kind) | channel_code(channel) << 3, "", action)


class Outreach(msgspec.Struct, array_like=True, gc=False):
    """The last touches, oldest first, and how many there were."""

    touches: list[Touch] = []
    total: int = 0
    responded: int = 0
    #: Touches that fell out while a window of 30 days could still see them.
    dropped: int = 0
    #: What touches taught that are not kept any more: see `cem.domain.state.reach`.
    past: bytes | None = None
