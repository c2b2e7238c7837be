"""Plain counts of what a customer's state keeps, to compare with counts of what happened."""

from __future__ import annotations

from cem.domain.customer import Customer
from cem.domain.facts.contacts import all_contacts
from cem.domain.state.outreach import Touch
from tests.builders.customers import DAY

__all__ = ["contacts_in", "touches_in"]


def contacts_in(customer: Customer, now_ms: int, days: int, *, reason: str | None = None) -> int:
    """Return how many contacts he began in the last `days` (up to 30), of one reason if given."""
    return sum(
        now_ms - days * DAY < c.at_ms <= now_ms and reason in (None, c.reason) for c in all_contacts(customer)
    )


def touches_in(customer: Customer, now_ms: int, days: int, *, channel: str | None = None) -> list[Touch]:
    """Return the times that the company turned to him in the last `days` (up to 30), oldest first."""
    return [
        t
        for t in customer.outreach.touches
        if t.kind
        and not t.failed
        and now_ms - days * DAY < t.at_ms <= now_ms
        and channel in (None, t.channel)
    ]
