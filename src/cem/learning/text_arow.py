"""One expert of the reason of a contact: adaptive regularisation of weight vectors, one against the rest.

A weight that has been seen often moves little, one that is new moves far; an example moves only the classes whose
margin it violates. Crammer, Kulesza & Dredze, Adaptive Regularization of Weight Vectors, NeurIPS 2009, with a
diagonal covariance.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from cem.learning.text_features import Ids, Values

__all__ = ["Arow"]

_REGULARISED: Final = np.float32(0.1)
#: From margins to logits.
_SHARPNESS: Final = 6.0

Floats = npt.NDArray[np.float64]


class Arow:
    """Weights and their variances, shape (features, columns). Columns of classes not seen yet learn as all others do."""

    def __init__(self, features: int, columns: int) -> None:
        self.weights = np.zeros((features, columns), np.float32)
        self.variances = np.ones((features, columns), np.float32)

    def logits(self, ids: Ids, values: Values, classes: int) -> Floats:
        """Return the logits of the first `classes` columns."""
        margins: Floats = values.dot(self.weights.take(ids, 0)[:, :classes]).astype(np.float64)
        return _SHARPNESS * margins

    def learn(self, ids: Ids, values: Values, label: int) -> None:
        """Move each column whose margin is below 1 just as far as its variances allow."""
        weights = self.weights.take(ids, 0)
        variances = self.variances.take(ids, 0)
        margins = values.dot(weights)
        sides = np.full(len(margins), np.float32(-1.0))
        sides[label] = 1.0
        loss = np.maximum(np.float32(0.0), 1 - sides * margins)
        moved = variances * values[:, None]
        step = 1 / (values.dot(moved) + _REGULARISED)
        weights += moved * (loss * step * sides)
        moved *= moved
        variances -= moved * (step * (loss > 0))
        self.weights[ids] = weights
        self.variances[ids] = variances

    def grow(self, columns: int) -> None:
        """Have more columns; each new one has learnt what the last one has, which no example was of."""
        self.weights = _grown(self.weights, columns)
        self.variances = _grown(self.variances, columns)


def _grown(table: npt.NDArray[np.float32], columns: int) -> npt.NDArray[np.float32]:
    old = table.shape[1]
    wider = np.empty((len(table), columns), np.float32)
    wider[:, :old] = table
    wider[:, old:] = table[:, -1:]
    return wider
