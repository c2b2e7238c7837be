"""Churn: how likely a customer is to leave within the horizon, why, and how sure that is.

Two recipes. "bayes-trees", the default: a Bayesian logistic regression on steps and categories, and boosted trees
that are refitted in turn, weighed online. "bayes": the first alone, at a quarter of the cost. Both are calibrated as
labels come. docs/models.md says what each is worth and what was tried.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

import msgspec
import numpy.typing as npt

from cem.learning.tabular.binary import BinaryLearner, BinaryOptions
from cem.learning.tabular.drivers import Driver, drivers
from cem.learning.tabular.encoder import Value
from cem.learning.tabular.model import State, TabularModel, truth_of
from cem.learning.tabular.trees import TreeOptions

__all__ = ["RECIPES", "ChurnModel", "ChurnScore", "Features"]

#: What was known of a customer when the prediction was made. Texts are categories; None is not known.
Features = Mapping[str, Value]

RECIPES: Final[dict[str, BinaryOptions]] = {
    "bayes-trees": BinaryOptions(trees=TreeOptions()),
    "bayes": BinaryOptions(),
}


class ChurnScore(msgspec.Struct, frozen=True):
    """What is thought of one customer."""

    #: Calibrated probability that he leaves within the horizon.
    probability: float
    #: Log-odds before calibration; customers are ranked by it.
    score: float
    #: Standard deviation of the log-odds: how little is known of customers like him.
    deviation: float

    @property
    def probabilities(self) -> dict[str, float]:
        """Probability of each class."""
        return {"stays": 1.0 - self.probability, "leaves": self.probability}

    @property
    def label(self) -> str:
        """The more probable class."""
        return "leaves" if self.probability >= 0.5 else "stays"


class ChurnModel(TabularModel):
    """The model of the contract for mappings of features and labels 1 (has left within the horizon) or 0."""

    name: ClassVar[str] = "churn"

    def __init__(self, recipe: str = "bayes-trees") -> None:
        """recipe: one of RECIPES. Raises KeyError for another."""
        super().__init__(recipe)
        self._learner = BinaryLearner(RECIPES[recipe])

    def predict_one(self, x: Features) -> ChurnScore:
        """Return the chance that the customer leaves."""
        judged = self._learner.judge(x)
        return ChurnScore(judged.probability, judged.score, judged.variance**0.5)

    def predict_many(self, xs: Sequence[Features]) -> list[ChurnScore]:
        """Return one prediction for each."""
        return [self.predict_one(x) for x in xs]

    def learn_one(self, x: Features, y: bool | int) -> bool:
        """Learn whether the customer has left within the horizon; refuse any other label."""
        truth = truth_of(y)
        if truth is None:
            return self._refuse("label")
        self._learner.learn(x, truth)
        self.learnt += 1
        return True

    def encode(self, x: Features) -> object:
        """Return the features as the model sees them."""
        return self._learner.encoder.encode(x, 0)

    def drivers(self, x: Features, most: int = 3) -> list[Driver]:
        """Return what raises or lowers the chance that this customer leaves, the strongest first."""
        return drivers(x, self._learner.encoder, lambda other: self._learner.judge(other).score, most)

    @property
    def limits(self) -> Mapping[str, int]:
        """How often a feature was not learnt, by the limit that it hit."""
        return self._learner.encoder.limits

    def _state(self) -> State:
        return self._learner.state()

    def _become(self, state: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        learner = BinaryLearner.from_state(state, arrays)
        if learner.options != RECIPES[self.recipe]:
            raise ValueError("its options are not those of the recipe")
        self._learner = learner
