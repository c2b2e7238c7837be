"""Probabilities that come true: what each range of them has turned out to be, corrected as labels come.

Histogram binning (Zadrozny and Elkan, ICML 2001), online: fifteen ranges of the raw probability count how far labels
were from it, shrunk to no correction while counts are small and forgetting slowly. Between the ranges' middles the
correction is a straight line whose slope is bounded, so that the calibrated probability rises with the raw one and
the ranking stays exactly what it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

__all__ = ["Calibrator"]

_BINS: Final = 15
#: A correction may fall by at most so much of a bin's width from one middle to the next.
_STEEPEST: Final = 0.95
_LEAST: Final = 1e-6
#: Examples after which corrections are made anew.
_EVERY: Final = 8


class Calibrator:
    """A rising function of probabilities that is learnt."""

    def __init__(self, shrinkage: float = 20.0, keeping: float = 0.9998) -> None:
        """shrinkage: examples that speak for no correction. keeping: what an example still counts after the next."""
        self.shrinkage = shrinkage
        self.keeping = keeping
        self._counts = [0.0] * _BINS
        self._off = [0.0] * _BINS
        self._corrections = [0.0] * _BINS
        self._learnt = 0

    def calibrate(self, p: float) -> float:
        """Return the calibrated probability of the raw one."""
        at = p * _BINS - 0.5
        low = min(_BINS - 1, max(0, int(at)))
        high = min(_BINS - 1, low + 1)
        share = min(1.0, max(0.0, at - low))
        if at < 0.0:
            # Below the first middle the correction fades, so that 0 stays 0; so it does above the last, to 1.
            correction = self._corrections[0] * p * 2.0 * _BINS
        elif at > _BINS - 1:
            correction = self._corrections[-1] * (1.0 - p) * 2.0 * _BINS
        else:
            correction = self._corrections[low] * (1.0 - share) + self._corrections[high] * share
        return min(1.0 - _LEAST, max(_LEAST, p + correction))

    def learn(self, p: float, positive: bool, weight: float = 1.0) -> None:
        """Learn what the raw probability `p` turned out to be, as `weight` examples."""
        at = min(_BINS - 1, int(p * _BINS))
        self._counts[at] = self._counts[at] * self.keeping + weight
        self._off[at] = self._off[at] * self.keeping + weight * ((1.0 if positive else 0.0) - p)
        self._learnt += 1
        if self._learnt % _EVERY == 0:
            self._settle()

    def state(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        return {
            "shrinkage": self.shrinkage,
            "keeping": self.keeping,
            "counts": list(self._counts),
            "off": list(self._off),
            "learnt": self._learnt,
            "corrections": list(self._corrections),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Calibrator:
        """Return the calibrator whose `state` it is. Raises ValueError (also msgspec's) or KeyError for anything else."""
        made = cls(msgspec.convert(state["shrinkage"], float), msgspec.convert(state["keeping"], float))
        made._counts = msgspec.convert(state["counts"], list[float])
        made._learnt = msgspec.convert(state["learnt"], int)
        made._off = msgspec.convert(state["off"], list[float])
        made._corrections = msgspec.convert(state["corrections"], list[float])
        if {len(made._counts), len(made._off), len(made._corrections)} != {_BINS}:
            raise ValueError("the calibrator's bins are not fifteen")
        return made

    def _settle(self) -> None:
        """Make the corrections from the counts."""
        most = _STEEPEST / _BINS
        half = most / 2.0
        previous = 0.0
        for i in range(_BINS):
            wanted = self._off[i] / (self._counts[i] + self.shrinkage)
            fall = half if i == 0 else most
            previous = max(wanted, previous - fall)
            self._corrections[i] = previous
        # 1 stays 1: towards the end corrections may not exceed what can still fall.
        self._corrections[-1] = min(self._corrections[-1], half)
        for i in range(_BINS - 2, -1, -1):
            self._corrections[i] = min(self._corrections[i], self._corrections[i + 1] + most)
