"""Bayesian linear regression in one pass: recursive least squares with a prior, and the noise learnt beside it.

Each example moves a Gaussian over the weights to its posterior (the Kalman filter of weights that stand still;
Bishop, "Pattern Recognition and Machine Learning", 3.3). The noise is the running mean of what the squared errors
leave beside the uncertainty of the weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import numpy.typing as npt
from scipy.linalg.blas import dsymv, dsyr

from cem.learning.tabular.gaussian import Belief, GaussianWeights, Vector

__all__ = ["BayesianLinear"]

_FIRST_NOISE: Final = 0.3
_LEAST_NOISE: Final = 1e-4
#: The noise's first guess weighs so many examples, and it never forgets faster than this many.
_GUESS: Final = 20.0
_MEMORY: Final = 2000.0


class BayesianLinear(GaussianWeights):
    """What is believed of targets within about -1 to 1."""

    def __init__(self, prior_variance: float = 0.05) -> None:
        """prior_variance: of each weight, for targets within about -1 to 1."""
        super().__init__(prior_variance)
        self.noise = _FIRST_NOISE

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
            self.arrays(),
        )

    @classmethod
    def from_state(cls, state: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> BayesianLinear:
        """Return the model whose `state` it is. Raises ValueError (also msgspec's) or KeyError for anything else."""
        made = cls(msgspec.convert(state["prior_variance"], float))
        made.noise = msgspec.convert(state["noise"], float)
        made.learnt = msgspec.convert(state["learnt"], int)
        made.take_arrays(arrays)
        return made
