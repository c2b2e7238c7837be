"""Bayesian linear regression in one pass: recursive least squares with a prior, and the noise learnt beside it.

Each example moves a Gaussian over the weights to its posterior (the Kalman filter of weights that stand still;
Bishop, "Pattern Recognition and Machine Learning", 3.3). The noise is the running mean of what the squared errors
leave beside the uncertainty of the weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
from scipy.linalg.blas import dsymv, dsyr

from cem.learning.tabular.bayes import Belief

__all__ = ["BayesianLinear"]

Vector = npt.NDArray[np.float64]

_BLOCK: Final = 32
_FIRST_NOISE: Final = 0.3
_LEAST_NOISE: Final = 1e-4
#: The noise's first guess weighs so many examples, and it never forgets faster than this many.
_GUESS: Final = 20.0
_MEMORY: Final = 2000.0


class BayesianLinear:
    """Weights of vectors whose length may grow; vectors passed in are as long as `width`."""

    def __init__(self, prior_variance: float = 0.05) -> None:
        """prior_variance: of each weight, for targets within about -1 to 1."""
        self.prior_variance = prior_variance
        self.noise = _FIRST_NOISE
        self.learnt = 0
        self.width = 0
        self.weights: Vector = np.zeros(0)
        #: Only its lower triangle is meant.
        self.covariance: npt.NDArray[np.float64] = np.zeros((0, 0), order="F")
        self.grow(_BLOCK)

    def grow(self, size: int) -> None:
        """Make room for vectors of `size`; new weights have their prior."""
        if size <= self.width:
            return
        width = -(-size // _BLOCK) * _BLOCK
        covariance = np.zeros((width, width), order="F")
        covariance[: self.width, : self.width] = self.covariance
        new = np.arange(self.width, width)
        covariance[new, new] = self.prior_variance
        weights = np.zeros(width)
        weights[: self.width] = self.weights
        self.weights, self.covariance, self.width = weights, covariance, width

    def believe(self, v: Vector) -> Belief:
        """Return what is believed of the value at `v`, without its noise."""
        return Belief(float(v @ self.weights), max(0.0, float(v @ dsymv(1.0, self.covariance, v, lower=1))))

    def learn(self, v: Vector, value: float, weight: float = 1.0) -> Belief:
        """Learn the value at `v`, as `weight` examples; return what was believed before."""
        sv = dsymv(1.0, self.covariance, v, lower=1)
        a, q = float(v @ self.weights), max(0.0, float(v @ sv))
        noise = self.noise / weight
        spread = noise + q
        off = value - a
        self.weights += sv * (off / spread)
        self.covariance = dsyr(-1.0 / spread, sv, a=self.covariance, lower=1, overwrite_a=1)
        self.learnt += 1
        share = min(1.0, weight) / min(_MEMORY, self.learnt + _GUESS)
        self.noise = max(_LEAST_NOISE, self.noise + share * (off * off * noise / spread - self.noise))
        return Belief(a, q)

    def state(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Return all of it as plain data and arrays."""
        return (
            {"prior_variance": self.prior_variance, "noise": self.noise, "learnt": self.learnt},
            {"weights": self.weights, "covariance": self.covariance[np.tril_indices(self.width)]},
        )

    @classmethod
    def from_state(cls, state: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> BayesianLinear:
        """Return the model whose `state` it is. Raises ValueError (also msgspec's) or KeyError for anything else."""
        made = cls(msgspec.convert(state["prior_variance"], float))
        made.noise = msgspec.convert(state["noise"], float)
        made.learnt = msgspec.convert(state["learnt"], int)
        weights = np.array(arrays["weights"], dtype=np.float64)
        width = len(weights)
        if width % _BLOCK or arrays["covariance"].shape != (width * (width + 1) // 2,):
            raise ValueError("weights and covariance are of different sizes")
        made.width, made.weights = width, weights
        made.covariance = np.zeros((width, width), order="F")
        made.covariance[np.tril_indices(width)] = arrays["covariance"]
        return made
