"""One expert of the reason of a contact: multinomial naive Bayes on the presence of features.

Its log-posterior is divided by the root of the text's weight: features repeat each other, and the longer the text the
surer the formula is of what it heard once. Rennie et al., Tackling the Poor Assumptions of Naive Bayes Text
Classifiers, ICML 2003, say what is wrong with it; an early lead is what is right.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from cem.learning.text_features import Ids, Values

__all__ = ["NaiveBayes"]

_SMOOTHING: Final = 0.1
_MOST: Final = 65_535
#: ln(n + smoothing) for every count there can be: a look-up costs a fifth of a logarithm.
_LOG: Final = np.log(np.arange(_MOST + 1) + _SMOOTHING).astype(np.float32)

Floats = npt.NDArray[np.float64]


class NaiveBayes:
    """Counts of features by class, shape (features, columns), and sums over them."""

    def __init__(self, features: int, columns: int) -> None:
        self.counts = np.zeros((features, columns), np.uint16)
        #: Features counted in each class, and examples.
        self.totals = np.zeros(columns)
        self.examples = np.zeros(columns)
        #: Different features seen in any class.
        self.vocabulary = 0

    def logits(self, ids: Ids, weights: Values, classes: int) -> Floats:
        """Return the logits of the first `classes` columns; `weights` say how much each feature counts."""
        size = float(weights.sum())
        found: Floats = weights.dot(_LOG.take(self.counts.take(ids, 0)[:, :classes])).astype(np.float64)
        found -= size * np.log(self.totals[:classes] + _SMOOTHING * max(1, self.vocabulary))
        found += np.log(self.examples[:classes] + 1)
        return found / math.sqrt(size)

    def learn(self, ids: Ids, label: int) -> None:
        """Count the features for the class."""
        rows = self.counts.take(ids, 0)
        self.vocabulary += int(np.count_nonzero(~rows.any(axis=1)))
        column = rows[:, label]
        self.counts[ids, label] = np.minimum(column, _MOST - 1) + 1
        self.totals[label] += len(ids)
        self.examples[label] += 1

    def grow(self, columns: int) -> None:
        """Have more columns, of nothing."""
        more = columns - len(self.totals)
        self.counts = np.pad(self.counts, ((0, 0), (0, more)))
        self.totals = np.pad(self.totals, (0, more))
        self.examples = np.pad(self.examples, (0, more))
