"""How much each member of an ensemble is worth, learnt online: a Bayesian logistic regression on their log-odds.

Wolpert, "Stacked generalization", Neural Networks 1992; in one pass each member's prediction precedes its label, so
no folds are needed. The weights begin at a stated prior and move as evidence comes; a constant corrects what the
members share. Five numbers wide at most, so plain floats are faster than arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from cem.learning.tabular.numbers import sigmoid

__all__ = ["LogitStack"]


class LogitStack:
    """Weights of a few log-odds, and a constant."""

    def __init__(self, prior: Sequence[float], variance: float = 0.05, forgetting: float = 1.0) -> None:
        """prior: the members' weights at the start. forgetting: factor of the covariance per example, up to the prior's."""
        size = len(prior) + 1
        self.weights = [*prior, 0.0]
        self.covariance = [[variance if i == j else 0.0 for j in range(size)] for i in range(size)]
        self.variance = variance
        self.forgetting = forgetting

    def combine(self, logits: Sequence[float]) -> float:
        """Return the log-odds of the ensemble."""
        total = self.weights[-1]
        for weight, value in zip(self.weights, logits, strict=False):
            total += weight * value
        return total

    def learn(self, logits: Sequence[float], positive: bool, weight: float = 1.0) -> None:
        """Learn what the members' log-odds turned out to be, as `weight` examples."""
        v = [*logits, 1.0]
        p = sigmoid(self.combine(logits))
        sv = [sum(s * x for s, x in zip(row, v, strict=True)) for row in self.covariance]
        q = sum(s * x for s, x in zip(sv, v, strict=True))
        curvature = weight * max(p * (1.0 - p), 1e-4)
        gain = 1.0 / (1.0 + curvature * q)
        step = weight * ((1.0 if positive else 0.0) - p) * gain
        for i, s in enumerate(sv):
            self.weights[i] += s * step
            row = self.covariance[i]
            for j, t in enumerate(sv):
                row[j] -= s * t * curvature * gain
        if self.forgetting > 1.0 and max(row[i] for i, row in enumerate(self.covariance)) < self.variance:
            self.covariance = [[each * self.forgetting for each in row] for row in self.covariance]

    def state(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        return {
            "weights": list(self.weights),
            "covariance": [list(row) for row in self.covariance],
            "variance": self.variance,
            "forgetting": self.forgetting,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> LogitStack:
        """Return the stack whose `state` it is. Raises ValueError (also msgspec's) or KeyError for anything else."""
        weights = msgspec.convert(state["weights"], list[float])
        made = cls(
            weights[:-1],
            msgspec.convert(state["variance"], float),
            msgspec.convert(state["forgetting"], float),
        )
        made.weights = weights
        made.covariance = msgspec.convert(state["covariance"], list[list[float]])
        sizes = {len(made.covariance), *(len(row) for row in made.covariance)}
        if sizes != {len(weights)}:
            raise ValueError("the stack's weights and covariance are of different sizes")
        return made
