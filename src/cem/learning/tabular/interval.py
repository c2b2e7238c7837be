"""Intervals that cover what they promise, whatever the model: their ends move with every miss.

Adaptive conformal inference (Gibbs and Candès, "Adaptive conformal inference under distribution shift", NeurIPS
2021), for each end by itself: a miss moves it out by 1 - a of a step, a hit moves it in by a of a step, so that in the
long run it is missed by a share of a - also when the world changes, and when answers are whole numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

__all__ = ["AdaptiveInterval"]

_START: Final = 1.8
_LARGEST: Final = 6.0
_FIRST_STEP, _LAST_STEP = 0.4, 0.1


class AdaptiveInterval:
    """How many standard deviations each end is away from the point."""

    def __init__(self, miss: float = 0.05) -> None:
        """miss: share of cases beyond each end."""
        self.miss = miss
        self.below = _START
        self.above = _START
        self.learnt = 0

    def learn(self, low: float, high: float, value: float, weight: float = 1.0) -> None:
        """Learn whether the interval that was said held the value."""
        step = weight * max(_LAST_STEP, _FIRST_STEP / (1.0 + self.learnt / 50.0))
        self.learnt += 1
        self.below = _kept(self.below + step * ((value < low) - self.miss))
        self.above = _kept(self.above + step * ((value > high) - self.miss))

    def state(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        return {"miss": self.miss, "below": self.below, "above": self.above, "learnt": self.learnt}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> AdaptiveInterval:
        """Return the interval whose `state` it is. Raises ValueError (also msgspec's) or KeyError for anything else."""
        made = cls(msgspec.convert(state["miss"], float))
        made.below = msgspec.convert(state["below"], float)
        made.above = msgspec.convert(state["above"], float)
        made.learnt = msgspec.convert(state["learnt"], int)
        return made


def _kept(end: float) -> float:
    return min(_LARGEST, max(-_LARGEST, end))
