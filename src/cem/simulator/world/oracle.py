"""How well leaving could be foreseen by one who knows each customer's hidden hazard: the ceiling for every model."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from cem.simulator.draws import Floats, Ints
from cem.simulator.world.columns import Packed, pack_array, unpack_array
from cem.simulator.world.people import NEVER

__all__ = ["HORIZON_DAYS", "Oracle", "area_under_curve"]

HORIZON_DAYS: Final = 30
_KEPT: Final = 60


class Sample(msgspec.Struct, frozen=True):
    """What the oracle said on one day: a probability per household; NaN where there was nothing to say."""

    day: int
    probability: Packed


class Oracle:
    """Keeps a sample a week and compares it with what came."""

    def __init__(self, samples: list[Sample] | None = None) -> None:
        self.samples: list[Sample] = samples or []

    def note(self, day: int, probability: Floats, eligible: NDArray[np.bool_]) -> None:
        """Keep what the hidden hazard says on `day`."""
        kept = np.where(eligible, probability, np.nan).astype(np.float32)
        self.samples = [*self.samples[-(_KEPT - 1) :], Sample(day, pack_array(kept))]

    def area(self, left: Ints, dismissed: Ints, day: int) -> tuple[float, int, int] | None:
        """Return the area under the ROC curve over all samples whose horizon has closed, with examples and positives.

        left, dismissed: per household the day on which it left, or was put out (left out of the comparison).
        """
        scores: list[Floats] = []
        labels: list[NDArray[np.bool_]] = []
        for sample in self.samples:
            if sample.day + HORIZON_DAYS > day:
                continue
            p = unpack_array(sample.probability).astype(np.float64)
            when, out = left[: len(p)], dismissed[: len(p)]
            horizon = sample.day + HORIZON_DAYS
            use = ~np.isnan(p) & ~((out > sample.day) & (out <= horizon))
            scores.append(p[use])
            labels.append(((when > sample.day) & (when <= horizon))[use])
        if not scores:
            return None
        score, label = np.concatenate(scores), np.concatenate(labels)
        if not label.any() or label.all():
            return None
        return area_under_curve(score, label), len(label), int(label.sum())


def area_under_curve(score: Floats, label: NDArray[np.bool_]) -> float:
    """Return the area under the ROC curve; ties count half."""
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    positives = int(label.sum())
    negatives = len(label) - positives
    return float((ranks[label].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def never(rows: int) -> Ints:
    """Return `rows` days that do not come."""
    return np.full(rows, NEVER, dtype=np.int64)
