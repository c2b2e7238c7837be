"""Yes or no from a table: an encoder, a few learners of log-odds, a stack that weighs them, a calibration.

All learn each example once, in the order given. The prediction of every member precedes the label, so the stack and
the calibration learn from what would have been said.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from cem.learning.tabular.adagrad import FadingAdaGrad
from cem.learning.tabular.bayes import BayesianLogistic
from cem.learning.tabular.calibration import Calibrator
from cem.learning.tabular.encoder import Encoder, Value
from cem.learning.tabular.gaussian import Belief
from cem.learning.tabular.numbers import sigmoid
from cem.learning.tabular.rates import BaseRates
from cem.learning.tabular.stack import LogitStack
from cem.learning.tabular.trees import BackfittedTrees, TreeOptions

__all__ = ["BinaryLearner", "BinaryOptions", "Judgement"]

Vector = npt.NDArray[np.float64]
Features = Mapping[str, Value]

#: Places of the base rates in front of the vector of the member that follows them.
_RATES: Final = 32
#: The trees' weight in the stack while there is no evidence; the others share the rest.
_TREES_PRIOR: Final = 0.3
_STACK_VARIANCE: Final = 0.05
_TRACKING_VARIANCE: Final = 0.01
_TRACKING_FORGETTING: Final = 0.998


class BinaryOptions(msgspec.Struct, frozen=True):
    """Which learners work together."""

    #: Variance of each weight before there is evidence.
    prior_variance: float = 0.1
    #: None: none.
    trees: TreeOptions | None = None
    #: For worlds that move: follow the base rate, and add a Bayesian learner that forgets and one of fading steps.
    tracking: bool = False


class Judgement(msgspec.Struct, frozen=True, gc=False):
    """What is thought of one case."""

    #: Calibrated.
    probability: float
    #: The log-odds before calibration: what cases are ranked by.
    score: float
    #: Variance of the log-odds: how little is known of cases like this.
    variance: float


class BinaryLearner:
    """Learns log-odds from tables."""

    def __init__(self, options: BinaryOptions) -> None:
        self.options = options
        self.encoder = Encoder()
        self.bayes = BayesianLogistic(options.prior_variance)
        self.trees = None if options.trees is None else BackfittedTrees(options.trees)
        self.forgetful: BayesianLogistic | None = None
        self.fading: FadingAdaGrad | None = None
        self.rates: BaseRates | None = None
        self._rate_encoder: Encoder | None = None
        others = 1
        if options.tracking:
            self.forgetful = BayesianLogistic(
                options.prior_variance, drift=0.0, forgetting=_TRACKING_FORGETTING
            )
            self.fading = FadingAdaGrad()
            self.rates = BaseRates()
            self._rate_encoder = Encoder()
            others = 3
        trees = 0.0 if self.trees is None else _TREES_PRIOR
        prior = [(1.0 - trees) / others] * others + ([trees] if self.trees is not None else [])
        self.stack = LogitStack(prior, _TRACKING_VARIANCE if options.tracking else _STACK_VARIANCE)
        self.calibrator = Calibrator()
        self._grow()

    def judge(self, x: Features, more_variance: float = 0.0) -> Judgement:
        """Return what is thought of `x`. more_variance: of the log-odds, for what the learners do not know of yet."""
        v = self.encoder.encode(x, self._width)
        belief = self.bayes.believe(self._with_rates(v))
        logits = [
            Belief(belief.mean, belief.variance + more_variance).logit if more_variance else belief.logit
        ]
        if self.forgetful is not None and self.fading is not None:
            logits += (self.forgetful.believe(v).logit, self.fading.predict(v))
        if self.trees is not None:
            logits.append(self.trees.predict(v))
        score = self.stack.combine(logits)
        return Judgement(self.calibrator.calibrate(sigmoid(score)), score, belief.variance + more_variance)

    def learn(self, x: Features, positive: bool, weight: float = 1.0) -> None:
        """Learn that `x` was positive or not, as `weight` examples."""
        encoder = self.encoder
        encoder.observe(x)
        if encoder.size > self._width:
            self._grow()
        v = encoder.encode(x, self._width)
        if self._rate_encoder is not None and self.rates is not None:
            self._rate_encoder.observe(self.rates.features())
        logits = [self.bayes.learn(self._with_rates(v), positive, weight).logit]
        if self.forgetful is not None and self.fading is not None:
            logits.append(self.forgetful.learn(v, positive, weight).logit)
            logits.append(self.fading.learn(v, positive, weight))
        if self.trees is not None:
            splits = encoder.splits() if self.trees.wants_splits else None
            logits.append(self.trees.learn(v, float(positive), splits))
        self.calibrator.learn(sigmoid(self.stack.combine(logits)), positive, weight)
        self.stack.learn(logits, positive, weight)
        if self.rates is not None:
            self.rates.learn(positive)

    def state(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Return all of it as plain data and arrays."""
        state: dict[str, Any] = {
            "options": msgspec.to_builtins(self.options),
            "encoder": self.encoder.state(),
            "stack": self.stack.state(),
            "calibrator": self.calibrator.state(),
        }
        arrays: dict[str, npt.NDArray[Any]] = {}
        if self.rates is not None and self._rate_encoder is not None:
            state["rates"] = self.rates.state()
            state["rate_encoder"] = self._rate_encoder.state()
        for name, member in self._members().items():
            state[name], found = member.state()
            arrays |= {f"{name}.{key}": array for key, array in found.items()}
        return state, arrays

    @classmethod
    def from_state(cls, state: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> BinaryLearner:
        """Return the learner whose `state` it is. Raises ValueError (also msgspec's) or KeyError for anything else."""
        made = cls(msgspec.convert(state["options"], BinaryOptions))
        made.encoder = Encoder.from_state(state["encoder"])
        made.stack = LogitStack.from_state(state["stack"])
        made.calibrator = Calibrator.from_state(state["calibrator"])
        if made.rates is not None:
            made.rates = BaseRates.from_state(state["rates"])
            made._rate_encoder = Encoder.from_state(state["rate_encoder"])
        parts: dict[str, dict[str, npt.NDArray[Any]]] = {}
        for key, array in arrays.items():
            name, _, part = key.partition(".")
            parts.setdefault(name, {})[part] = array
        made.bayes = BayesianLogistic.from_state(state["bayes"], parts["bayes"])
        if made.trees is not None:
            made.trees = BackfittedTrees.from_state(state["trees"], parts["trees"])
        if made.forgetful is not None:
            made.forgetful = BayesianLogistic.from_state(state["forgetful"], parts["forgetful"])
            made.fading = FadingAdaGrad.from_state(state["fading"], parts["fading"])
        made._width = made.bayes.width - (_RATES if made.rates is not None else 0)
        if made._width < made.encoder.size:
            raise ValueError("the weights are fewer than the encoder's places")
        return made

    def _members(self) -> dict[str, BayesianLogistic | BackfittedTrees | FadingAdaGrad]:
        members: dict[str, BayesianLogistic | BackfittedTrees | FadingAdaGrad | None] = {
            "bayes": self.bayes,
            "forgetful": self.forgetful,
            "fading": self.fading,
            "trees": self.trees,
        }
        return {name: member for name, member in members.items() if member is not None}

    def _grow(self) -> None:
        size = self.encoder.size
        self.bayes.grow(size + (_RATES if self.rates is not None else 0))
        self._width = self.bayes.width - (_RATES if self.rates is not None else 0)
        for member in (self.forgetful, self.fading, self.trees):
            if member is not None:
                member.grow(size)

    def _with_rates(self, v: Vector) -> Vector:
        if self._rate_encoder is None or self.rates is None:
            return v
        rates = self._rate_encoder.encode(self.rates.features(), _RATES)
        rates[0] = 0.0
        return np.concatenate((rates, v))
