"""The calls that are going on."""

from __future__ import annotations

import msgspec

__all__ = ["OpenCall", "Talk", "Turn"]


class Turn(msgspec.Struct, array_like=True, gc=False):
    """What was said, shortened."""

    turn: int
    speaker: str
    text: str
    at_ms: int


class OpenCall(msgspec.Struct, array_like=True, gc=False):
    """A call that has begun and whose end has not been seen (`started_ms` 0: nor its beginning, only turns)."""

    call_id: str
    started_ms: int
    direction: str = ""
    line: str = ""
    queue: str = ""
    rep_id: str = ""
    reason: str = ""
    intent: str = ""
    language: str = ""
    #: The last few, in order.
    turns: list[Turn] = []

    @property
    def said(self) -> str:
        """What the customer said in them."""
        return " ".join([turn.text for turn in self.turns if turn.speaker == "customer"])


class Talk(msgspec.Struct, array_like=True, gc=False):
    """The open calls, oldest first."""

    calls: list[OpenCall] = []
