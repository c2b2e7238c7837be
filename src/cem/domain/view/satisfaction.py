"""How satisfied he has said to be. Windows as in `cem.domain.view`."""

from __future__ import annotations

from cem.domain.customer import Customer
from cem.domain.localtime import DAY_MS

__all__ = [
    "CSAT_PRIOR",
    "csat_level",
    "last_answer",
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
        if answer.csat:
            level = float(answer.csat)
        elif answer.nps >= 0:
            level = 1 + answer.nps * 0.4
        else:
            level = 5 - (answer.ces - 1) * 4 / 6
        weight = 2.0 ** (-max(0, now_ms - answer.at_ms) / _CSAT_HALF_LIFE_MS)
        weight_sum += weight
        total += weight * level
    return total / weight_sum


def last_answer(customer: Customer, kind: str) -> int | None:
    """Return the newest answer to `kind` ("csat", "nps" or "ces"), or None."""
    for answer in reversed(customer.satisfaction.answers):
        value: int = getattr(answer, kind)
        if value > (-1 if kind == "nps" else 0):
            return value
    return None
