"""A softmax regression on hashed text: three classes, one gradient step an example, a step size of each weight's own.

- AdaGrad: a weight that has moved much moves less from then on (Duchi, Hazan & Singer, Adaptive Subgradient Methods,
  JMLR 12, 2011). A feature's three weights share one sum of squares, half that of the three: as good, and a third of
  the memory less. The sums of squares begin above zero, so that the first example of a rare word is not believed whole.
- What the lists of words find in a text (its score s) is two more features, s and |s|, whose weights begin where the
  lists say and are then learnt like the others, for all and for each channel.
- A rarer class weighs more, with the square root of how rare it is within its channel, at most fivefold.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from cem.learning.text_features import EncodedText

__all__ = ["CLASSES", "ClassCounts", "PriorWeights", "TextSoftmax"]

CLASSES: Final = 3

_STEP: Final = 0.2
_FIRST_SQUARE: Final = 1e-4
_PRIOR_STEP: Final = 0.05
_HEAVIEST: Final = 5.0
#: Logits per unit of score, and what a score of either sign takes from the middle class.
_LEAN: Final = 1.5
_MIDDLE: Final = 1.0

#: After a warm start: what is kept of a word's lean to either side and to the middle, and the size of a step.
_KEPT: Final = 0.6
_KEPT_MIDDLE: Final = 0.3
_WARMED_STEP: Final = 0.18

Table = npt.NDArray[np.float32]


class ClassCounts:
    """How often each class was seen in one channel, and what an example of it weighs."""

    def __init__(self, counts: list[int] | None = None) -> None:
        self.counts = counts or [0] * CLASSES

    def weight(self, label: int) -> float:
        """Count an example of the class and return its weight, 1 for a class of the average size."""
        counts = self.counts
        counts[label] += 1
        seen = CLASSES - counts.count(0)
        return min(_HEAVIEST, math.sqrt(sum(counts) / (seen * counts[label])))


class PriorWeights:
    """Weights of the score s (first row) and of |s| (second row) for each class, and their sums of squares."""

    def __init__(self, lean: float, middle: float) -> None:
        self.weights = [[-lean, 0.0, lean], [0.0, -middle, 0.0]]
        self.squares = [[1.0] * CLASSES, [1.0] * CLASSES]

    def step(self, score: float, gradient: list[float]) -> None:
        """Move against the gradient of the three logits."""
        for feature, weights, squares in zip((score, abs(score)), self.weights, self.squares, strict=True):
            for at in range(CLASSES):
                move = feature * gradient[at]
                squares[at] += move * move
                weights[at] -= _PRIOR_STEP * move / math.sqrt(squares[at])


class TextSoftmax:
    """The weights of all features, and those of the prior for all and for each channel."""

    def __init__(self, bits: int) -> None:
        #: A row a feature: three weights, then the sum of squares that their steps share.
        self.table: Table = np.zeros((1 << bits, CLASSES + 1), np.float32)
        self.table[:, CLASSES:] = _FIRST_SQUARE
        self.step = _STEP
        self.shared_prior = PriorWeights(_LEAN, _MIDDLE)
        self.own_prior: dict[str, PriorWeights] = {}

    @staticmethod
    def untouched() -> Table:
        """Return the row of a feature that no example had."""
        return np.array([0.0] * CLASSES + [_FIRST_SQUARE], np.float32)

    def probabilities(self, encoded: EncodedText, channel: str) -> list[float]:
        """Return the probability of each class."""
        return self._probabilities(encoded, channel, self.table.take(encoded.ids, 0))

    def learn(self, encoded: EncodedText, channel: str, label: int, weight: float) -> None:
        """Step once towards the class, `weight` times as far as an average example would."""
        rows = self.table.take(encoded.ids, 0)
        gradient = self._probabilities(encoded, channel, rows)
        gradient[label] -= 1.0
        gradient = [weight * each for each in gradient]
        self.shared_prior.step(encoded.score, gradient)
        if channel:
            own = self.own_prior.get(channel)
            if own is None:
                own = self.own_prior[channel] = PriorWeights(0.0, 0.0)
            own.step(encoded.score, gradient)
        squares = rows[:, CLASSES]
        squares += np.float32(sum(each * each for each in gradient) / 2) * encoded.values * encoded.values
        steps = encoded.values / np.sqrt(squares)
        rows[:, :CLASSES] -= np.multiply.outer(
            steps, np.array([self.step * each for each in gradient], np.float32)
        )
        self.table[encoded.ids] = rows

    def soften(self) -> None:
        """Keep a part of what was learnt as a hint for another source, and make every step large again.

        What carries over is which words praise and which complain; less so what is neutral, which is a habit of its
        source; and nothing so firmly that a few examples could not overrule it. Steps that have shrunk would hold on to
        the old source: a plain warm start is worse than none.
        """
        lean = (self.table[:, 2] - self.table[:, 0]) * np.float32(0.5 * _KEPT)
        middle = (self.table[:, 1] - self.table[:, :CLASSES].mean(axis=1)) * np.float32(_KEPT_MIDDLE)
        self.table[:, 0] = -lean - middle / 2
        self.table[:, 1] = middle
        self.table[:, 2] = lean - middle / 2
        self.table[:, CLASSES:] = _FIRST_SQUARE
        self.shared_prior.squares = PriorWeights(0.0, 0.0).squares
        self.own_prior = {}
        self.step = _WARMED_STEP

    def _probabilities(self, encoded: EncodedText, channel: str, rows: Table) -> list[float]:
        a, b, c = encoded.values.dot(rows[:, :CLASSES]).tolist()
        score = encoded.score
        if score:
            size = abs(score)
            for prior in (self.shared_prior, self.own_prior.get(channel)):
                if prior is not None:
                    signed, unsigned = prior.weights
                    a += score * signed[0] + size * unsigned[0]
                    b += score * signed[1] + size * unsigned[1]
                    c += score * signed[2] + size * unsigned[2]
        top = max(a, b, c)
        a, b, c = math.exp(a - top), math.exp(b - top), math.exp(c - top)
        total = a + b + c
        return [a / total, b / total, c / total]
