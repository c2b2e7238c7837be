"""The operator's tariff: plans with their SMS allowances, and what a message beyond them costs. Euro cents."""

from __future__ import annotations

from typing import Final

import msgspec

__all__ = [
    "BUNDLE_CENTS",
    "BUNDLE_SEGMENTS",
    "DESTINATIONS",
    "INTERNATIONAL",
    "OFFNET",
    "ONNET",
    "PLANS",
    "PREMIUM",
    "ROAMING",
    "Plan",
    "plan_for",
]

#: Tariff classes by index, as the bulk arrays hold them.
DESTINATIONS: Final = ("onnet", "offnet", "international", "premium", "roaming")
ONNET, OFFNET, INTERNATIONAL, PREMIUM, ROAMING = range(5)

#: What one segment costs that no plan covers.
INTERNATIONAL_CENTS: Final = 20
ROAMING_CENTS: Final = 45
TAX_PERCENT: Final = 20
#: A texting bundle: what it costs a month unless the offer says otherwise, and the domestic segments a cycle it adds.
BUNDLE_CENTS: Final = 300
BUNDLE_SEGMENTS: Final = 1000


class Plan(msgspec.Struct, frozen=True):
    """One tariff of a line; the price is monthly and includes tax."""

    name: str
    price_cents: int
    #: Domestic segments a cycle included; None: all of them.
    sms_allowance: int | None
    #: A domestic segment beyond the allowance.
    overage_cents: int


PLANS: Final[tuple[Plan, ...]] = (
    Plan("talk-50", 700, 50, 12),
    Plan("talk-100", 900, 100, 12),
    Plan("talk-200", 1200, 200, 10),
    Plan("talk-500", 1700, 500, 10),
    Plan("talk-1000", 2300, 1000, 8),
    Plan("talk-free", 3200, None, 0),
)


def plan_for(segments_a_month: float) -> int:
    """Return the index of the smallest plan that covers so many segments a month."""
    for index, plan in enumerate(PLANS):
        if plan.sms_allowance is None or plan.sms_allowance >= segments_a_month:
            return index
    return len(PLANS) - 1
