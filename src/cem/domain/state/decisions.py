"""The last decisions made for the customer and what became of them."""

from __future__ import annotations

import msgspec

__all__ = ["Decision", "Decisions"]


class Decision(msgspec.Struct, array_like=True, gc=False):
    """One action of one decision. `made` is false while only an outcome of it has been seen."""

    decision_id: str
    at_ms: int
    action: str = ""
    treatment: str = ""
    channel: str = ""
    #: The furthest outcome: "" = none yet.
    state: str = ""
    state_ms: int = 0
    #: Why it was declined, and what was done instead.
    reason: str = ""
    instead: str = ""
    made: bool = True
    #: Decided for an outreach, not for a call; and decided only to compare, shown to nobody.
    proactive: bool = False
    shadow: bool = False


class Decisions(msgspec.Struct, array_like=True, gc=False):
    """The last decisions, oldest first, and totals over all time."""

    made: list[Decision] = []
    total: int = 0
    #: Actions that were accepted (done counts too) and declined.
    accepted: int = 0
    declined: int = 0
