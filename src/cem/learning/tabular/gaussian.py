"""Weights that are believed to be normally distributed, with their full covariance; vectors may grow."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
from scipy.linalg.blas import dsymv

__all__ = ["Belief", "GaussianWeights", "Vector"]

Vector = npt.NDArray[np.float64]

_BLOCK: Final = 32
_MACKAY: Final = math.pi / 8.0


class Belief(msgspec.Struct, frozen=True, gc=False):
    """What is believed of a value (a log-odds, a target) at a vector: a normal distribution."""

    mean: float
    variance: float

    @property
    def logit(self) -> float:
        """Log-odds of the probability that averages over the belief, where the value is a log-odds."""
        return self.mean / math.sqrt(1.0 + _MACKAY * self.variance)


class GaussianWeights:
    """Weights of vectors whose length may grow; vectors passed in are as long as `width`."""

    def __init__(self, prior_variance: float) -> None:
        """prior_variance: of each weight."""
        self.prior_variance = prior_variance
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

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return weights and covariance as they are kept: of the latter the lower triangle, row by row."""
        return {"weights": self.weights, "covariance": self.covariance[np.tril_indices(self.width)]}

    def take_arrays(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over what `arrays` returned. Raises ValueError or KeyError for anything else."""
        weights = np.array(arrays["weights"], dtype=np.float64)
        width = len(weights)
        if width % _BLOCK or arrays["covariance"].shape != (width * (width + 1) // 2,):
            raise ValueError("weights and covariance are of different sizes")
        self.width, self.weights = width, weights
        self.covariance = np.zeros((width, width), order="F")
        self.covariance[np.tril_indices(width)] = arrays["covariance"]
