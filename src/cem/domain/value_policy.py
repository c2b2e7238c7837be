"""What the operator says of money and time: what `policies/value.yaml` sets. `cem.nba.value_policy` reads and checks it."""

from __future__ import annotations

import msgspec

__all__ = ["ValuePolicy"]


class ValuePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a customer's lifetime value is reckoned (`cem.domain.view.lifetime_value`)."""

    #: Interest a year at which later money counts less.
    discount_rate_a_year: float = 0.10
    #: Share of what is billed, taxes included, that is left after what serving the customer costs.
    margin_share: float = 0.35
    #: Months beyond which nothing is counted.
    horizon_months: int = 60
    #: Chance that the interval holds the value.
    confidence: float = 0.9
    #: Customers who leave in a month while not bound and while bound by a term, before any was seen, and how many
    #: customer months that guess weighs.
    leave_a_month: float = 0.018
    leave_a_month_bound: float = 0.006
    guess_weighs_months: float = 200.0
