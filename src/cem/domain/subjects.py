"""What a lane keeps states of: customers, identifiers, areas, and itself; each has a name that no other kind can have.

A customer's name is his id, which never holds a colon. Every other name is `kind:value`:

- an identifier's `kind:value`, as `line:+4915112345678`: the key of its records on `cem.inbox`;
- an area's `area:NAME`, the key of its records there;
- the lane's own `lane:NUMBER`, which no record can be keyed by: what spans the customers of one lane.

In the store a customer's state stands under `c:` and its name, any other under `s:` and its name.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "AREA",
    "LANE",
    "is_customer",
    "kind_of",
    "lane_subject",
    "state_suffix",
    "subject_of",
    "value_of",
]

#: Kinds that are no identifiers.
AREA: Final = "area"
LANE: Final = "lane"

_CUSTOMERS: Final = "c:"
_OTHERS: Final = "s:"


def is_customer(subject: str) -> bool:
    """Return whether this is a customer's name."""
    return ":" not in subject


def kind_of(subject: str) -> str:
    """Return the subject's kind: "" for a customer, "area", "lane", or an identifier's kind."""
    return subject.partition(":")[0] if ":" in subject else ""


def value_of(subject: str) -> str:
    """Return what stands behind the kind."""
    return subject.partition(":")[2]


def lane_subject(lane: int) -> str:
    """Return the name of the lane's own state."""
    return f"{LANE}:{lane}"


def state_suffix(subject: str) -> str:
    """Return the suffix of the subject's key in its lane."""
    return (_OTHERS if ":" in subject else _CUSTOMERS) + subject


def subject_of(suffix: str) -> str | None:
    """Return whose state has this suffix; None for what is no state."""
    return suffix[2:] if suffix.startswith((_CUSTOMERS, _OTHERS)) else None
