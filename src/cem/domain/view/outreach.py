"""What was said and suggested to him. Windows as in `cem.domain.view`."""

from __future__ import annotations

from cem.domain.customer import Customer
from cem.domain.localtime import DAY_MS
from cem.domain.state.decisions import Decision
from cem.domain.state.outreach import Touch

__all__ = [
    "decisions_about",
    "decisions_in",
    "touches_in",
]


def touches_in(
    customer: Customer, now_ms: int, days: int, *, channel: str | None = None, action: str | None = None
) -> list[Touch]:
    """Return the times that the company turned to him in the last `days` (up to 30), oldest first."""
    since_ms = now_ms - days * DAY_MS
    return [
        t
        for t in customer.outreach.touches
        if t.kind
        and not t.failed
        and since_ms < t.at_ms <= now_ms
        and (channel is None or t.channel == channel)
        and (action is None or t.action == action)
    ]


def decisions_in(
    customer: Customer, now_ms: int, days: int, *, action: str | None = None, state: str | None = None
) -> list[Decision]:
    """Return the decisions of the last `days` (up to 30) in order, of one action or now in one state if given.

    Those made only to compare (shadow) are left out.
    """
    since_ms = now_ms - days * DAY_MS
    return [
        d
        for d in customer.decisions.made
        if not d.shadow
        and since_ms < d.at_ms <= now_ms
        and (action is None or d.action == action)
        and (state is None or d.state == state)
    ]


def decisions_about(customer: Customer, action: str) -> list[Decision]:
    """Return the kept decisions for one action, oldest first, shadow left out."""
    return [d for d in customer.decisions.made if d.action == action and not d.shadow]
