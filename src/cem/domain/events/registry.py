"""Which event types there are, and which topic carries each."""

from __future__ import annotations

from cem.domain.events import (
    alerts,
    areas,
    audit,
    billing,
    calls,
    control,
    control_objects,
    decisions,
    identifiers,
    interactions,
    moves,
    outcomes,
    outreach,
    profiles,
    service,
    sms,
)
from cem.domain.events.base import Event

__all__ = ["EVENT_TYPES", "ONLY_KEPT", "TOPIC_OF", "type_of"]

_ROOMS = (
    calls,
    sms,
    billing,
    interactions,
    service,
    profiles,
    identifiers,
    areas,
    moves,
    outcomes,
    control,
    control_objects,
    decisions,
    alerts,
    outreach,
    audit,
)


def _classes() -> list[type[Event]]:
    found = [getattr(room, name) for room in _ROOMS for name in room.__all__]
    return [c for c in found if isinstance(c, type) and issubclass(c, Event) and c.TYPE]


#: CloudEvents type to class, in the order of the topics.
EVENT_TYPES: dict[str, type[Event]] = {c.TYPE: c for c in _classes()}

#: CloudEvents type to the topic that carries it (what knows no customer yet may come over `cem.inbox` instead).
TOPIC_OF: dict[str, str] = {name: c.TOPIC for name, c in EVENT_TYPES.items()}

#: Types that are taken, and change nothing: other systems may read them on the log, `cem` does not.
ONLY_KEPT: frozenset[str] = frozenset(
    {
        "control.budget.reserved",
        "control.budget.returned",
        "control.budget.spent",
        "control.policy.approved",
        "control.policy.proposed",
        "control.price.set",
    }
)


def type_of(event: Event) -> str:
    """Return the CloudEvents type of `event`."""
    return event.TYPE
