"""How satisfied he has said to be. Windows as in `cem.domain.view`."""

from __future__ import annotations

from cem.domain.customer import Customer
from cem.domain.localtime import DAY_MS
from cem.domain.state.satisfaction import Answer

__all__ = [
    "CSAT_PRIOR",
    "csat_level",
    "csat_level_then",
]


#: CSAT taken for granted before anybody answered, and how many answers that prior weighs.
CSAT_PRIOR = 3.6
_CSAT_PRIOR_WEIGHT = 1.0
_CSAT_HALF_LIFE_MS = 60 * DAY_MS


def csat_level(customer: Customer, now_ms: int) -> float:
    """Return the CSAT (1 to 5) of his answers, each weighing half as much every 60 days, shrunk to `CSAT_PRIOR`.

    An answer without CSAT counts by its NPS (0 to 10) or else its CES (1 to 7, easy to hard) on the same scale.
    """
    weight_sum, total = _CSAT_PRIOR_WEIGHT, _CSAT_PRIOR_WEIGHT * CSAT_PRIOR
    for answer in customer.satisfaction.answers:
        weight = 2.0 ** (-max(0, now_ms - answer.at_ms) / _CSAT_HALF_LIFE_MS)
        weight_sum += weight
        total += weight * _csat_of(answer)
    return total / weight_sum


def csat_level_then(customer: Customer, then_ms: int) -> float:
    """Return `csat_level` as it stood at an earlier instant, of the answers given by then that are still kept."""
    weight_sum, total = _CSAT_PRIOR_WEIGHT, _CSAT_PRIOR_WEIGHT * CSAT_PRIOR
    for answer in customer.satisfaction.answers:
        if answer.at_ms <= then_ms:
            weight = 2.0 ** (-(then_ms - answer.at_ms) / _CSAT_HALF_LIFE_MS)
            weight_sum += weight
            total += weight * _csat_of(answer)
    return total / weight_sum


def _csat_of(answer: Answer) -> float:
    if answer.csat:
        return float(answer.csat)
    if answer.nps >= 0:
        return 1 + answer.nps * 0.4
    return 5 - (answer.ces - 1) * 4 / 6
