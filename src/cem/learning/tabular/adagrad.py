"""Logistic regression by stochastic gradient, each weight at a step of its own that never dries up.

AdaGrad (Duchi, Hazan and Singer, JMLR 2011) whose sums of squared gradients fade, so that steps stay as large as
what has changed lately asks for. It knows no variances; beside the Bayesian members it is the one that runs ahead.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from cem.learning.tabular.numbers import sigmoid

__all__ = ["FadingAdaGrad"]

Vector = npt.NDArray[np.float64]

_BLOCK: Final = 32
#: The least sum of squares: without it a weight that is always right would take full steps for ever.
_FIRST: Final = 1e-2


class FadingAdaGrad:
    """Weights of vectors whose length may grow."""

    def __init__(self, rate: float = 0.05, fading: float = 0.998) -> None:
        """rate: size of a step. fading: what a squared gradient still counts after the next."""
        self.rate = rate
        self.fading = fading
        self.width = 0
        self.weights: Vector = np.zeros(0)
        self._squares: Vector = np.zeros(0)
        self.grow(_BLOCK)

    def grow(self, size: int) -> None:
        """Make room for vectors of `size`."""
        if size > self.width:
            more = -(-size // _BLOCK) * _BLOCK - self.width
            self.weights = np.concatenate((self.weights, np.zeros(more)))
            self._squares = np.concatenate((self._squares, np.full(more, _FIRST)))
            self.width += more

    def predict(self, v: Vector) -> float:
        """Return the log-odds at `v`."""
        return float(v @ self.weights)

    def learn(self, v: Vector, positive: bool, weight: float = 1.0) -> float:
        """Learn the label of `v`; return the log-odds before."""
        before = self.predict(v)
        gradient = v * (weight * (sigmoid(before) - (1.0 if positive else 0.0)))
        self._squares *= self.fading
        self._squares += gradient * gradient
        # A weight whose feature has been away for long has forgotten its step; it begins again at the smallest.
        np.maximum(self._squares, _FIRST, out=self._squares)
        self.weights -= self.rate * gradient / np.sqrt(self._squares)
        return before if math.isfinite(before) else 0.0

    def state(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Return all of it as plain data and arrays."""
        return {"rate": self.rate, "fading": self.fading}, {"weights": self.weights, "squares": self._squares}

    @classmethod
    def from_state(cls, state: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> FadingAdaGrad:
        """Return the learner whose `state` it is. Raises ValueError (also msgspec's) or KeyError for anything else."""
        made = cls(msgspec.convert(state["rate"], float), msgspec.convert(state["fading"], float))
        made.weights = np.array(arrays["weights"], dtype=np.float64)
        made._squares = np.array(arrays["squares"], dtype=np.float64)
        made.width = len(made.weights)
        if made.weights.shape != made._squares.shape or made.width % _BLOCK:
            raise ValueError("weights and squared gradients are of different sizes")
        return made
