"""A number from a table: an encoder, a Bayesian linear regression, boosted trees, their blend, and an interval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from cem.learning.tabular.encoder import Encoder, Value
from cem.learning.tabular.interval import AdaptiveInterval
from cem.learning.tabular.linear import BayesianLinear
from cem.learning.tabular.trees import BackfittedTrees, TreeOptions

__all__ = ["Estimate", "NumericLearner", "NumericOptions"]

Features = Mapping[str, Value]

#: The trees' weight in the blend while there is no evidence.
_TREES_PRIOR: Final = 0.3
_BLEND_VARIANCE: Final = 0.02


class NumericOptions(msgspec.Struct, frozen=True):
    """Which learners work together."""

    prior_variance: float = 0.05
    #: None: none.
    trees: TreeOptions | None = None


class Estimate(msgspec.Struct, frozen=True, gc=False):
    """What is thought of one case, in units of the target."""

    point: float
    low: float
    high: float
    #: Standard deviation of a case like this around the point.
    deviation: float


class NumericLearner:
    """Learns targets within about -1 to 1 from tables."""

    def __init__(self, options: NumericOptions) -> None:
        self.options = options
        self.encoder = Encoder()
        self.linear = BayesianLinear(options.prior_variance)
        self.trees = None if options.trees is None else BackfittedTrees(options.trees)
        self.interval = AdaptiveInterval()
        #: How far to go from the linear part to the trees'; learnt by recursive least squares.
        self._share = 0.0 if self.trees is None else _TREES_PRIOR
        self._share_variance = _BLEND_VARIANCE

    def estimate(self, x: Features) -> Estimate:
        """Return what is thought of `x`."""
        v = self.encoder.encode(x, self.linear.width)
        belief = self.linear.believe(v)
        trees = belief.mean if self.trees is None else self.trees.predict(v)
        return self._estimate(belief.mean, trees, belief.variance)

    def learn(self, x: Features, value: float, weight: float = 1.0) -> None:
        """Learn the value of `x`, as `weight` examples."""
        encoder = self.encoder
        encoder.observe(x)
        self.linear.grow(encoder.size)
        v = encoder.encode(x, self.linear.width)
        belief = self.linear.learn(v, value, weight)
        trees = belief.mean
        if self.trees is not None:
            self.trees.grow(encoder.size)
            trees = self.trees.learn(v, value, encoder.splits() if self.trees.wants_splits else None)
        said = self._estimate(belief.mean, trees, belief.variance)
        self.interval.learn(said.low, said.high, value, weight)
        apart = trees - belief.mean
        spread = apart * apart * self._share_variance + self.linear.noise / weight
        self._share += self._share_variance * apart * (value - said.point) / spread
        self._share_variance -= (self._share_variance * apart) ** 2 / spread

    def state(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Return all of it as plain data and arrays."""
        linear, linear_arrays = self.linear.state()
        state: dict[str, Any] = {
            "options": msgspec.to_builtins(self.options),
            "encoder": self.encoder.state(),
            "linear": linear,
            "interval": self.interval.state(),
            "share": [self._share, self._share_variance],
        }
        arrays = {f"linear.{key}": array for key, array in linear_arrays.items()}
        if self.trees is not None:
            state["trees"], tree_arrays = self.trees.state()
            arrays |= {f"trees.{key}": array for key, array in tree_arrays.items()}
        return state, arrays

    @classmethod
    def from_state(cls, state: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> NumericLearner:
        """Return the learner whose `state` it is. Raises ValueError (also msgspec's) or KeyError for anything else."""

        def part(name: str) -> dict[str, npt.NDArray[Any]]:
            begin = f"{name}."
            return {key.removeprefix(begin): array for key, array in arrays.items() if key.startswith(begin)}

        made = cls(msgspec.convert(state["options"], NumericOptions))
        made.encoder = Encoder.from_state(state["encoder"])
        made.linear = BayesianLinear.from_state(state["linear"], part("linear"))
        made.interval = AdaptiveInterval.from_state(state["interval"])
        made._share, made._share_variance = msgspec.convert(state["share"], tuple[float, float])
        if made.trees is not None:
            made.trees = BackfittedTrees.from_state(state["trees"], part("trees"))
        if made.linear.width < made.encoder.size:
            raise ValueError("the weights are fewer than the encoder's places")
        return made

    def _estimate(self, linear: float, trees: float, variance: float) -> Estimate:
        point = linear + self._share * (trees - linear)
        deviation = float(np.sqrt(self.linear.noise + variance))
        return Estimate(
            point,
            point - self.interval.below * deviation,
            point + self.interval.above * deviation,
            deviation,
        )
