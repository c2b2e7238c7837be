"""Logits, probabilities, and numbers drawn from a count: small functions that every learner here uses. Pure."""

from __future__ import annotations

import math
from typing import Final

__all__ = ["LARGEST_LOGIT", "draw_below", "logit", "normal_quantile", "sigmoid"]

#: Logits are kept within this; e^-20 is a chance in five hundred million.
LARGEST_LOGIT: Final = 20.0
_LEAST: Final = 1e-6
_MASK: Final = (1 << 64) - 1


def sigmoid(x: float) -> float:
    """Return 1 / (1 + e^-x), in [2e-9, 1 - 2e-9]."""
    if x > LARGEST_LOGIT:
        x = LARGEST_LOGIT
    elif x < -LARGEST_LOGIT:
        x = -LARGEST_LOGIT
    return 1.0 / (1.0 + math.exp(-x))


def logit(p: float) -> float:
    """Return ln(p / (1 - p)) of a probability, which is taken as at least 1e-6 away from 0 and 1."""
    p = min(1.0 - _LEAST, max(_LEAST, p))
    return math.log(p / (1.0 - p))


def draw_below(limit: int, seed: int, count: int) -> int:
    """Return the `count`-th draw from 0 ... limit - 1 of the sequence called `seed`: a state of one number.

    SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
    """
    z = (seed * 0xD1342543DE82EF95 + count * 0x9E3779B97F4A7C15) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return ((z ^ (z >> 31)) * limit) >> 64


def normal_quantile(p: float) -> float:
    """Return the standard normal's quantile, |error| < 4.5e-4 (Abramowitz and Stegun 26.2.23). Raises ValueError for a p outside (0, 1)."""
    if not 0.0 < p < 1.0:
        raise ValueError("p must lie between 0 and 1")
    tail = min(p, 1.0 - p)
    t = math.sqrt(-2.0 * math.log(tail))
    z = t - (2.515517 + 0.802853 * t + 0.010328 * t * t) / (
        1.0 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t * t * t
    )
    return z if p > 0.5 else -z
