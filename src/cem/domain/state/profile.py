"""Who the customer is: what profiles, plans, contracts and consents say."""

from __future__ import annotations

import msgspec

__all__ = ["PROFILE_FIELDS", "ConsentSaid", "Contract", "Named", "Plan", "Profile", "Supply", "User"]


class User(msgspec.Struct, array_like=True, gc=False):
    """A line of the account and who uses it."""

    line: str
    user: str = ""
    role: str = ""
    birth_year: int = 0


class Plan(msgspec.Struct, array_like=True, gc=False):
    """A plan from an instant on. -1 = not said."""

    from_ms: int
    name: str = ""
    price_minor: int = -1
    sms_allowance: int = -1
    #: How much later than `from_ms` it was said; of two for the same instant the later said one holds.
    said_after_ms: int = 0


class Contract(msgspec.Struct, array_like=True, gc=False):
    """A contract's term and its cancellation. The later said of renewal and cancellation holds."""

    #: Last day of the term (days since the epoch), and when it was said; 0 = not said.
    end_day: int = 0
    end_said_ms: int = 0
    #: When the last renewal was said; 0 = never.
    said_ms: int = 0
    #: When the cancellation was said (0 = never), and the instant at which it takes effect.
    cancel_said_ms: int = 0
    cancel_from_ms: int = 0
    reason: str = ""
    by_operator: bool = False


class Supply(msgspec.Struct, array_like=True, gc=False):
    """What is agreed for one line, or for the whole account (line "")."""

    line: str
    #: At most four, ordered by `from_ms`; also those that begin later.
    plans: list[Plan] = []
    agreed: Contract | None = None

    @property
    def contract(self) -> Contract:
        """Term and cancellation; nothing is said of what was never agreed."""
        return self.agreed or Contract()


class ConsentSaid(msgspec.Struct, array_like=True, gc=False):
    """A yes or no to one purpose, over one channel or all ("")."""

    purpose: str
    channel: str
    granted: bool
    at_ms: int


#: The fields of which each keeps the newest value said, in the order of `Profile.ages_ms`. Append only.
PROFILE_FIELDS = (
    "status",
    "language",
    "area",
    "timezone",
    "channel_said",
    "cycle_day",
    "hardship",
    "credit_minor",
    "since_day",
    "users",
    "segments",
    "identifiers",
)


class Named(msgspec.Struct, array_like=True, gc=False):
    """An identifier, `kind:value` in normal form, that finds the customer, and when it was said."""

    name: str
    at_ms: int


class Profile(msgspec.Struct, array_like=True, gc=False):
    """The customer's own data."""

    status: str = ""
    language: str = ""
    area: str = ""
    timezone: str = ""
    channel_said: str = ""
    #: Day of the month on which cycles begin; 0 = not said (then the 1st).
    cycle_day: int = 0
    hardship: bool = False
    credit_minor: int = 0
    #: First day as a customer (days since the epoch); 0 = not said.
    since_day: int = 0
    users: list[User] = []
    segments: dict[str, str] = {}
    #: The newest event that said any of PROFILE_FIELDS, and how much older what each field says is (-1 = never said).
    at_ms: int = 0
    ages_ms: list[int] = []
    #: Ordered by line, the account first.
    supplies: list[Supply] = []
    #: Ordered by purpose and channel.
    consents: list[ConsentSaid] = []
    #: Beside his lines; ordered by name.
    identifiers: list[Named] = []
