"""How well his contract's running term has gone for him so far. Windows as in `cem.domain.view`."""

from __future__ import annotations

import msgspec

from cem.domain.customer import Customer
from cem.domain.facts.journey import before_term, totals

__all__ = ["JourneyQuality", "journey_quality"]


class JourneyQuality(msgspec.Struct, frozen=True, gc=False):
    """What dealing with the company has cost him since the term began."""

    #: When the term began; 0 = with the customer, no renewal is known.
    began_ms: int
    #: Contacts, and how many of them were followed by one about the same reason within 7 days.
    contacts: int
    repeated: int
    #: Promises (deliveries, repairs, tasks) that were kept and missed.
    promises_kept: int
    promises_missed: int
    wait_s: int
    hold_s: int
    transfers: int
    abandoned: int

    @property
    def kept_share(self) -> float | None:
        """The share of the promises that was kept; None = none was judged yet."""
        judged = self.promises_kept + self.promises_missed
        return self.promises_kept / judged if judged else None


def journey_quality(customer: Customer, now_ms: int) -> JourneyQuality:
    """Return the quality of the term that runs at `now_ms`, with everything folded so far.

    At an instant before the running term began, it is that of all the time with the customer.
    """
    began_s, before = before_term(customer, now_ms)
    return JourneyQuality(
        began_s * 1000, *[whole - part for whole, part in zip(totals(customer), before, strict=True)]
    )
