"""Who the customer is: what profiles, plans, contracts and consents say."""

from __future__ import annotations

import msgspec

__all__ = ["Consent", "Contract", "Plan", "Profile", "Supply", "User"]


class User(msgspec.Struct, array_like=True, gc=False):
    """Who uses a line."""

    line: str
    user: str = ""
    role: str = ""
    birth_year: int = 0


class Plan(msgspec.Struct, array_like=True, gc=False):
    """A plan and since when it holds."""

    name: str = ""
    price_minor: int = 0
    #: The change's effective instant; a later one wins, ties by what was said last.
    from_ms: int = 0
    said_ms: int = 0


class Contract(msgspec.Struct, array_like=True, gc=False):
    """A contract's end and, if cancelled, since when and why."""

    end_ms: int = 0
    said_ms: int = 0
    #: 0 = not cancelled.
    cancelled_ms: int = 0
    reason: str = ""


class Supply(msgspec.Struct, array_like=True, gc=False):
    """Plan and contract of one line, or of the whole account (line "")."""

    line: str = ""
    plan: Plan | None = None
    #: A plan that was said to begin later.
    next_plan: Plan | None = None
    contract: Contract | None = None


class Consent(msgspec.Struct, array_like=True, gc=False):
    """A yes or no to one purpose, over one channel or all ("")."""

    purpose: str
    granted: bool
    at_ms: int
    channel: str = ""


class Profile(msgspec.Struct, array_like=True, gc=False):
    """The customer's own data. Each field was said by the newest event that carried it."""

    status: str = ""
    language: str = ""
    area: str = ""
    timezone: str = ""
    channel_said: str = ""
    #: Day of the month on which billing cycles begin; 0 = unknown (1).
    cycle_day: int = 0
    users: list[User] = []
    supplies: list[Supply] = []
    consents: list[Consent] = []
    #: Attributes for segments.
    attributes: dict[str, str] = {}
    #: Newest event that said anything; fields set by an older one have their own time in `said_ms`.
    at_ms: int = 0
    said_ms: dict[str, int] = {}
    #: Since when he is a customer; 0 = unknown.
    since_ms: int = 0
