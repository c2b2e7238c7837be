"""One expert of the reason of a contact: the class whose mean text points the same way.

Rocchio's classifier on texts weighed by how rare their features are (tf-idf), kept up as texts come. It is the best of
the experts while there are few examples of a class, and its highest cosine says how familiar a text is at all.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from cem.learning.text_features import Ids, Values

__all__ = ["Centroids"]

#: From cosines to logits.
SHARPNESS: Final = 15.0

Floats = npt.NDArray[np.float64]


class Centroids:
    """Sums of texts by class, shape (features, columns), and the squares of the sums' lengths."""

    def __init__(self, features: int, columns: int) -> None:
        self.sums = np.zeros((features, columns), np.float32)
        self.squares = np.zeros(columns)

    def cosines(self, ids: Ids, values: Values, classes: int) -> Floats:
        """Return the cosine with each of the first `classes` columns; `values` have length 1."""
        along: Floats = values.dot(self.sums.take(ids, 0)[:, :classes]).astype(np.float64)
        return along / np.sqrt(self.squares[:classes] + 1e-9)

    def learn(self, ids: Ids, values: Values, label: int) -> None:
        """Add the text to its class."""
        column = self.sums[ids, label]
        self.squares[label] += 2 * float(values.dot(column)) + 1
        self.sums[ids, label] = column + values

    def grow(self, columns: int) -> None:
        """Have more columns, of nothing."""
        more = columns - len(self.squares)
        self.sums = np.pad(self.sums, ((0, 0), (0, more)))
        self.squares = np.pad(self.squares, (0, more))
