"""How much less often something happens to those who were told: an interval that holds however often one looks.

The difference of two shares, over customers that a coin told or held out, with the asymptotic confidence sequence of
Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas ("Time-uniform central limit theory and asymptotic confidence
sequences", Annals of Statistics 52, 2024; theorem 2.2): at every sample size t at once

    |difference - estimate| <= sd x sqrt( 2 (t r + 1) / (t r) x ln( sqrt(t r + 1) / alpha ) )

holds with probability 1 - alpha, where sd is the estimate's standard deviation and r sets the sample size at which
the interval is narrowest in relation to one that may be looked at only once (1.57 times as wide there).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log, sqrt

import msgspec

__all__ = ["LEAST_PER_ARM", "Arm", "Difference", "difference", "difference_of"]

#: The sequence is asymptotic: below so many observations in an arm nothing is said.
LEAST_PER_ARM = 50


class Arm(msgspec.Struct, frozen=True):
    """What became of those who were told, or of those who were held out."""

    #: Observations, and how many of them ended with the event.
    of: int
    events: int

    @property
    def share(self) -> float:
        """Share with the event; 0 when there is nobody."""
        return self.events / self.of if self.of else 0.0


class Difference(msgspec.Struct, frozen=True):
    """Share of those held out less share of those told: what telling has avoided, as a share of those told."""

    estimate: float
    low: float
    high: float

    @property
    def helps(self) -> bool:
        """Whether telling is known to avoid something."""
        return self.low > 0

    @property
    def useless(self) -> bool:
        """Whether telling is known to avoid nothing."""
        return self.high <= 0


def difference(
    told: Arm, held_out: Arm, *, alpha: float = 0.05, narrow_at: int = 10_000
) -> Difference | None:
    """Return what telling avoids, at level 1 - alpha at all sample sizes together; None while that is too early.

    As `difference_of` one pair.
    """
    return difference_of([(told, held_out)], alpha=alpha, narrow_at=narrow_at)


def difference_of(
    pairs: Sequence[tuple[Arm, Arm]], *, alpha: float = 0.05, narrow_at: int = 10_000
) -> Difference | None:
    """Return what telling avoids over pairs (told, held out) in which different shares of the customers were told.

    Each pair is compared within itself and counts by its size: a time in which few were told and many called does not
    pass for an effect. That is the mean of scores weighted by the inverse of the chance to be told, whose deviations
    are a martingale's when the chance rests on what was seen before only. A pair with too few in an arm is left out.

    narrow_at: observations in both arms together at which the interval is narrowest. Raises ValueError for a share
    of events above one or levels that are none.
    """
    if not 0 < alpha < 1 or narrow_at < 1:
        raise ValueError("alpha must be between 0 and 1, narrow_at at least 1")
    for arm in (arm for pair in pairs for arm in pair):
        if not 0 <= arm.events <= arm.of:
            raise ValueError(f"{arm.events} events among {arm.of}")
    enough = [pair for pair in pairs if min(pair[0].of, pair[1].of) >= LEAST_PER_ARM]
    if not enough:
        return None
    sizes = [told.of + held_out.of for told, held_out in enough]
    whole = sum(sizes)
    estimate = variance = 0.0
    for size, (told, held_out) in zip(sizes, enough, strict=True):
        estimate += size / whole * (held_out.share - told.share)
        variance += (size / whole) ** 2 * (_variance(told) + _variance(held_out))
    half = _width(whole, alpha, narrow_at) * sqrt(variance)
    return Difference(estimate, max(-1.0, estimate - half), min(1.0, estimate + half))


def _variance(arm: Arm) -> float:
    """Return the variance of the arm's share; half an event more and less keeps an arm without events from none."""
    share = (arm.events + 0.5) / (arm.of + 1)
    return share * (1 - share) / arm.of


def _width(observations: int, alpha: float, narrow_at: int) -> float:
    """Return how many standard deviations the interval reaches to each side."""
    twice = -2 * log(alpha)
    grown = observations * (twice + log(twice) + 1) / narrow_at + 1
    return sqrt(2 * grown / (grown - 1) * log(sqrt(grown) / alpha))
