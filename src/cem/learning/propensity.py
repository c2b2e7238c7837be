"""Propensity: how likely a customer is to say yes to an action over a channel - a distribution, not a number.

One model for all actions, so that each lends the others what they have in common: an action's log-odds is the sum of
what holds for the customer, for its group, for the channel, for the action itself and for the action on the channel,
each with a normal prior of its own. An action that was never tried therefore starts at its group's level, and what it
may have of its own shows as variance, which shrinks as outcomes come. A decision that explores draws from it
(Thompson, Biometrika 1933): `quantile` of a uniform number is such a draw.

Outcomes come from decisions that chose with known probabilities. Each example weighs the average of the probability
logged for its action divided by its own (a stabilised inverse propensity, within bounds: Robins, Hernan and Brumback,
Epidemiology 2000), so that those to whom the action is seldom shown count for all who are like them.

Worlds move: the recipe follows the base rate, and adds a learner that forgets and one of fading steps.
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
from cem.learning.tabular.numbers import LARGEST_LOGIT, normal_quantile, sigmoid
from cem.learning.tabular.trees import TreeOptions

__all__ = ["RECIPES", "Offer", "Propensity", "PropensityModel"]

RECIPES: Final[dict[str, BinaryOptions]] = {
    "tracking": BinaryOptions(tracking=True),
    "bayes": BinaryOptions(),
    "bayes-trees": BinaryOptions(trees=TreeOptions()),
}

#: Bounds of an example's weight.
_LIGHTEST, _HEAVIEST = 0.2, 5.0
_LEAST_PROBABILITY: Final = 1e-3
#: Actions and channels whose outcomes are counted; further ones are learnt all the same.
_MAX_COUNTED: Final = 512
#: Outcomes after which an action is half-way out of its ramp.
_RAMP: Final = 50.0
#: Most outcomes that its group lends to an action that was never tried.
_LENT: Final = 30


class Offer(msgspec.Struct, frozen=True):
    """An action for a customer over a channel. Empty texts: there is only one, or it is not known."""

    features: Mapping[str, Value]
    action: str = ""
    channel: str = ""
    #: Actions of a group are taken to be alike until they show otherwise.
    group: str = ""
    #: With which the decision chose this action here; 0 = not logged.
    probability: float = 0.0


class Propensity(msgspec.Struct, frozen=True):
    """A distribution of the chance that the customer accepts."""

    #: Calibrated mean chance.
    probability: float
    #: Log-odds by which offers are ranked before calibration.
    score: float
    #: The log-odds of the chance are normal with this mean ...
    mean: float
    #: ... and standard deviation.
    deviation: float
    #: Outcomes of this action on this channel that were learnt.
    evidence: int
    #: How far the action is out of its ramp: 0 = never tried, towards 1 with evidence.
    ramp: float

    def quantile(self, p: float) -> float:
        """Return the chance that is not exceeded with probability `p`, 0 < p < 1. Raises ValueError."""
        return sigmoid(self.mean + self.deviation * normal_quantile(p))

    @property
    def probabilities(self) -> dict[str, float]:
        """Probability of each class."""
        return {"declines": 1.0 - self.probability, "accepts": self.probability}

    @property
    def label(self) -> str:
        """The more probable class."""
        return "accepts" if self.probability >= 0.5 else "declines"


class PropensityModel(TabularModel):
    """The model of the contract for `Offer`s and labels 1 (accepted) or 0."""

    name: ClassVar[str] = "propensity"

    def __init__(self, recipe: str = "tracking") -> None:
        """recipe: one of RECIPES. Raises KeyError for another."""
        super().__init__(recipe)
        self._learner = BinaryLearner(RECIPES[recipe])
        #: "action\tchannel" to outcomes, sum of logged probabilities, how many were logged.
        self._counts: dict[str, tuple[int, float, int]] = {}
        #: Group to outcomes of its actions.
        self._groups: dict[str, int] = {}

    def predict_one(self, x: Offer) -> Propensity:
        """Return the distribution of the chance that the offer is accepted."""
        features = _features(x)
        judged = self._learner.judge(features, self._unknown(x, features))
        evidence = self._counts.get(_key(x), (0, 0.0, 0))[0]
        mean = max(-LARGEST_LOGIT, min(LARGEST_LOGIT, judged.score))
        return Propensity(
            judged.probability,
            judged.score,
            mean,
            judged.variance**0.5,
            evidence,
            evidence / (evidence + _RAMP),
        )

    def predict_many(self, xs: Sequence[Offer]) -> list[Propensity]:
        """Return one prediction for each."""
        return [self.predict_one(x) for x in xs]

    def learn_one(self, x: Offer, y: bool | int) -> bool:
        """Learn whether the offer was accepted; refuse any other label, or a probability that is none."""
        truth = truth_of(y)
        if truth is None:
            return self._refuse("label")
        if not 0.0 <= x.probability <= 1.0:
            return self._refuse("probability")
        self._learner.learn(_features(x), truth, self._weight(x))
        self.learnt += 1
        return True

    def evidence(self, x: Offer) -> int:
        """Return how many outcomes the model's word on this offer counts like.

        Those of the action over the channel, and some that its group lends: all of the group's, _LENT at most, for an
        action that was never tried, half as many after _RAMP outcomes of its own, and so on.
        """
        own = self._counts.get(_key(x), (0, 0.0, 0))[0]
        lent = min(_LENT, self._groups.get(x.group, 0)) if x.group else 0
        return own + round(lent * _RAMP / (own + _RAMP))

    def encode(self, x: Offer) -> object:
        """Return the features as the model sees them."""
        return self._learner.encoder.encode(_features(x), 0)

    def drivers(self, x: Offer, most: int = 3) -> list[Driver]:
        """Return what raises or lowers the chance that this offer is accepted, the strongest first."""
        return drivers(
            _features(x), self._learner.encoder, lambda other: self._learner.judge(other).score, most
        )

    def _weight(self, x: Offer) -> float:
        """Count the example, and return what it weighs."""
        key = _key(x)
        seen, total, logged = self._counts.get(key, (0, 0.0, 0))
        if x.probability:
            total, logged = total + x.probability, logged + 1
        if key in self._counts or len(self._counts) < _MAX_COUNTED:
            self._counts[key] = (seen + 1, total, logged)
        if x.group and (x.group in self._groups or len(self._groups) < _MAX_COUNTED):
            self._groups[x.group] = self._groups.get(x.group, 0) + 1
        if not x.probability:
            return 1.0
        mean = total / logged if logged else x.probability
        return min(_HEAVIEST, max(_LIGHTEST, mean / max(_LEAST_PROBABILITY, x.probability)))

    def _unknown(self, x: Offer, features: Mapping[str, Value]) -> float:
        """Return the variance of what the action, channel and group may have of their own and nobody has seen yet."""
        columns = self._learner.encoder.columns
        unseen = 0
        for name in _OWN:
            value = features.get(name)
            column = columns.get(name)
            unseen += value is not None and (column is None or value not in column.levels)
        return unseen * self._learner.options.prior_variance

    @property
    def limits(self) -> Mapping[str, int]:
        """How often a feature was not learnt, by the limit that it hit."""
        return self._learner.encoder.limits

    def _state(self) -> State:
        state, arrays = self._learner.state()
        counts = {key: list(count) for key, count in self._counts.items()}
        return {**state, "counts": counts, "groups": dict(self._groups)}, arrays

    def _become(self, state: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        counts = msgspec.convert(state["counts"], dict[str, tuple[int, float, int]])
        # Snapshots of before groups were counted have none.
        groups = msgspec.convert(state.get("groups", {}), dict[str, int])
        learner = BinaryLearner.from_state(state, arrays)
        if learner.options != RECIPES[self.recipe]:
            raise ValueError("its options are not those of the recipe")
        self._learner, self._counts, self._groups = learner, counts, groups


#: Features that an offer adds to the customer's.
_OWN: Final = ("(group)", "(action)", "(channel)", "(action, channel)")


def _features(x: Offer) -> dict[str, Value]:
    """Return the customer's features with the offer's own."""
    features = dict(x.features)
    if x.group:
        features["(group)"] = x.group
    if x.action:
        features["(action)"] = x.action
    if x.channel:
        features["(channel)"] = x.channel
        if x.action:
            features["(action, channel)"] = f"{x.action}\t{x.channel}"
    return features


def _key(x: Offer) -> str:
    return f"{x.action}\t{x.channel}"
