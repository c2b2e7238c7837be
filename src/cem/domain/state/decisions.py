"""The last decisions made for the customer and what became of them."""

from __future__ import annotations

import msgspec

__all__ = ["Decision", "Decisions"]


class Decision(msgspec.Struct, array_like=True, gc=False):
    """One decision. `at_ms` 0 = only its outcome has been seen so far."""

    decision_id: str
    at_ms: int = 0
    action: str = ""
    treatment: str = ""
    channel: str = ""
    #: The furthest outcome: "" = none yet.
    state: str = ""
    state_ms: int = 0
    #: Why it was declined, and what was done instead.
    reason: str = ""
    instead: str = ""


class Decisions(msgspec.Struct, array_like=True, gc=False):
    """The last decisions, oldest first, and totals over all time."""

    made: list[Decision] = []
    total: int = 0
    accepted: int = 0
    declined: int = 0
