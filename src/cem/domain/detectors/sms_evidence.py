"""What a day's messages say for a rise, as a log-likelihood ratio read from rows that are computed once.

A usual day is a negative binomial count of mean m with little shape (k .2 or .3): most days are quiet and some are wild, as
people write in conversations. A day of a rise has a mean of max(r m, m + (r - 1) c) and more shape (k 2 or 3), as what sends
for days sends on each of them: for several r at once. So an even week of few messages says more than two wild days of
many, and a day without any speaks against a rise. A day's evidence lies between `LEAST` and a cap, and does not fall with
more messages. Unit: log-likelihood. Source: Page's cumulative sum (1954) needs it per day. m is taken in steps of 2 %.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from math import exp, log, log1p

import msgspec

from cem.domain.state.habits import NEVER

__all__ = ["LEAST", "Evidence", "Shape", "evidence_for", "messages_for"]

#: What a day can take from the score.
LEAST = -3.0
#: Of the logarithm of the mean.
_STEPS = 50
#: A usual day has at least so many messages in the mean.
_FLOOR = 0.1


class Shape(msgspec.Struct, frozen=True, gc=False):
    """How days are distributed: shapes of usual and risen counts, times of a rise, its least messages (per time)."""

    usual_k: float
    risen_k: float
    times: tuple[float, float]
    least: float


class Evidence:
    """Rows by the mean of a usual day: for each rise the evidence of 0, 1, 2, ... messages; more are as the last."""

    __slots__ = ("_cap", "_rows", "_shape")

    def __init__(self, shape: Shape, cap: float) -> None:
        self._shape = shape
        self._cap = cap
        self._rows: dict[int, tuple[list[float], list[float]]] = {}

    def of(self, mean: float) -> tuple[list[float], list[float]]:
        """Return the rows of both rises where `mean` messages a day are usual."""
        step = round(_STEPS * log(mean)) if mean > _FLOOR else _LOWEST
        rows = self._rows.get(step)
        if rows is None:
            usual = exp(step / _STEPS)
            low, high = self._shape.times
            rows = self._rows[step] = (self._row(usual, low), self._row(usual, high))
        return rows

    def _row(self, usual: float, times: float) -> list[float]:
        shape, cap = self._shape, self._cap
        risen = max(times * usual, usual + (times - 1) * shape.least)
        usual_k, risen_k = shape.usual_k, shape.risen_k
        value = usual_k * log1p(usual / usual_k) - risen_k * log1p(risen / risen_k)
        slope = log(risen / (risen_k + risen)) - log(usual / (usual_k + usual))
        row: list[float] = []
        for n in range(_MOST):
            row.append(max(LEAST, min(cap, value)))
            # The gamma functions of one message more.
            more = slope + log((n + risen_k) / (n + usual_k))
            if more <= 0 or value >= cap:
                break
            value += more
        return row


#: More messages than rows need: by then the evidence is at its cap, or does not grow.
_MOST = 4096
_LOWEST = round(_STEPS * log(_FLOOR))


@lru_cache(maxsize=16)
def evidence_for(shape: Shape, cap: float) -> Evidence:
    """Return the rows of that shape and cap, which all lines share."""
    return Evidence(shape, cap)


def messages_for(row: list[float], missing: float) -> int:
    """Return the messages from which a day's evidence is what is missing; NEVER: it never is."""
    found = bisect_left(row, missing)
    return found if found < len(row) else NEVER
