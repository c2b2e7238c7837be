"""Bayesian logistic regression in one pass, with the full covariance of its weights.

Each example moves a Gaussian over the weights to the Laplace approximation of its posterior (Spiegelhalter and
Lauritzen, "Sequential updating of conditional probabilities on directed graphical structures", Networks 1990). The
mode is found exactly: it lies on the line S v, so that it is the root of one increasing function, which an explicit
(extended Kalman) step overshoots and this does not. Predictions average over what the weights may be (MacKay, "The
evidence framework applied to classification networks", Neural Computation 1992): the less is known in the direction
of v, the nearer to one half. That variance is what Thompson sampling draws from.

Drift: `Adwin` watches the log loss; when it changes, the covariance goes back half-way to the prior's. Or it is
forgotten all the time: the covariance grows by a factor per example, and no variance beyond its prior's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
from scipy.linalg.blas import dsymv, dsyr

from cem.learning.tabular.adwin import Adwin
from cem.learning.tabular.gaussian import Belief, GaussianWeights, Vector
from cem.learning.tabular.numbers import sigmoid

__all__ = ["BayesianLogistic"]

_NEWTON_STEPS: Final = 8
_NEAR: Final = 1e-7
_FORGET_EVERY: Final = 20
_KEPT: Final = 0.5


class BayesianLogistic(GaussianWeights):
    """What is believed of log-odds."""

    def __init__(self, prior_variance: float = 0.1, *, drift: float = 0.002, forgetting: float = 1.0) -> None:
        """prior_variance: of each weight. drift: the chance of a false alarm of `Adwin`; 0: it is not watched for.

        forgetting: the factor by which an example counts less after the next one.
        """
        super().__init__(prior_variance)
        self.forgetting = forgetting
        self.window = Adwin(drift) if drift else None

    def learn(self, v: Vector, positive: bool, weight: float = 1.0) -> Belief:
        """Learn the label of `v`, as `weight` examples; return what was believed before."""
        sv = dsymv(1.0, self.covariance, v, lower=1)
        a, q = float(v @ self.weights), max(0.0, float(v @ sv))
        before = Belief(a, q)
        if self.window is not None:
            p = sigmoid(before.logit)
            if self.window.update(-math.log(max(1e-6, p if positive else 1.0 - p))):
                self._doubt()
                sv = dsymv(1.0, self.covariance, v, lower=1)
                q = max(0.0, float(v @ sv))
        step = _mode(a, q, positive, weight)
        p = sigmoid(a + q * step)
        curvature = weight * p * (1.0 - p)
        self.weights += sv * step
        self.covariance = dsyr(
            -curvature / (1.0 + curvature * q), sv, a=self.covariance, lower=1, overwrite_a=1
        )
        self.learnt += 1
        if self.forgetting < 1.0 and self.learnt % _FORGET_EVERY == 0:
            self._forget()
        return before

    def state(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Return all of it as plain data and arrays."""
        return (
            {
                "prior_variance": self.prior_variance,
                "forgetting": self.forgetting,
                "learnt": self.learnt,
                "window": None if self.window is None else self.window.state(),
            },
            self.arrays(),
        )

    @classmethod
    def from_state(cls, state: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> BayesianLogistic:
        """Return the model whose `state` it is. Raises ValueError (also msgspec's) or KeyError for anything else."""
        made = cls(
            msgspec.convert(state["prior_variance"], float),
            drift=0.0,
            forgetting=msgspec.convert(state["forgetting"], float),
        )
        made.learnt = msgspec.convert(state["learnt"], int)
        made.window = None if state["window"] is None else Adwin.from_state(state["window"])
        made.take_arrays(arrays)
        return made

    def _forget(self) -> None:
        """Let the covariance grow, and no variance beyond its prior's."""
        self.covariance /= self.forgetting**_FORGET_EVERY
        variances = np.diagonal(self.covariance)
        if variances.max() > self.prior_variance:
            scale = np.sqrt(np.minimum(1.0, self.prior_variance / np.maximum(variances, 1e-12)))
            self.covariance *= scale
            self.covariance *= scale[:, None]

    def _doubt(self) -> None:
        """Take the covariance half-way back to the prior's."""
        self.covariance *= _KEPT
        diagonal = np.arange(self.width)
        self.covariance[diagonal, diagonal] += (1.0 - _KEPT) * self.prior_variance


def _mode(a: float, q: float, positive: bool, weight: float) -> float:
    """Return d with d = weight (y - sigmoid(a + q d)): by Newton's steps, kept within the bracket that holds the root."""
    low, high = (0.0, weight) if positive else (-weight, 0.0)
    y = 1.0 if positive else 0.0
    d = 0.0
    for _ in range(_NEWTON_STEPS):
        p = sigmoid(a + q * d)
        off = d - weight * (y - p)
        if off > 0.0:
            high = d
        else:
            low = d
        following = d - off / (1.0 + weight * q * p * (1.0 - p))
        if not low <= following <= high:
            following = 0.5 * (low + high)
        if abs(following - d) < _NEAR:
            return following
        d = following
    return d
