"""Satisfaction between surveys: what a customer would answer now, with an interval and what drives it.

CSAT, NPS and CES by the same machine, each on its scale. The recipe blends a Bayesian linear regression with boosted
trees, online; texts enter by what they say of themselves and by what such texts were rated. The interval's ends move
with every answer, so that nine in ten lie inside it.

Who answers a survey is no random draw: the angry and the delighted do. So the model also learns who of those asked
answers (`learn_asked`) - by the features and by the satisfaction that it expects itself - and lets each answer weigh
the mean chance of an answer divided by this one's (inverse propensity weighting, within bounds: Horvitz and Thompson,
JASA 1952; Seaman and White, Statistical Methods in Medical Research 2013). What it says then holds for all customers,
not for those who like to answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

import msgspec
import numpy.typing as npt

from cem.learning.tabular.binary import BinaryLearner, BinaryOptions
from cem.learning.tabular.drivers import Driver, drivers
from cem.learning.tabular.encoder import Value
from cem.learning.tabular.model import State, TabularModel
from cem.learning.tabular.numeric import NumericLearner, NumericOptions
from cem.learning.tabular.trees import TreeOptions
from cem.learning.text_rating import TextRating

__all__ = ["CES", "CSAT", "NPS", "RECIPES", "Satisfaction", "SatisfactionModel", "SurveyInput"]

Scale = tuple[float, float]

#: Lowest and highest answer.
CSAT: Final[Scale] = (1.0, 5.0)
NPS: Final[Scale] = (0.0, 10.0)
CES: Final[Scale] = (1.0, 7.0)

_TREES: Final = TreeOptions(loss="squared", depth=3, shrinkage=20.0)
RECIPES: Final[dict[str, NumericOptions]] = {
    "bayes-trees": NumericOptions(trees=_TREES),
    "bayes": NumericOptions(),
}

#: Bounds of an answer's weight.
_LIGHTEST, _HEAVIEST = 0.25, 4.0
#: Nothing is known of who answers before so many were asked.
_LEAST_ASKED: Final = 100
_EXPECTED: Final = "(expected satisfaction)"
_MOOD, _RATING = "(mood of the words)", "(rating of such words)"
_ANSWERS: Final = BinaryOptions()


class SurveyInput(msgspec.Struct, frozen=True):
    """What was known of the customer when he was asked, or now."""

    features: Mapping[str, Value] = {}
    #: What he wrote or said.
    text: str = ""
    channel: str = ""


class Satisfaction(msgspec.Struct, frozen=True):
    """What a customer would answer. All on the scale."""

    point: float
    #: Nine answers in ten lie between these, one in twenty below, one in twenty above.
    low: float
    high: float
    deviation: float


class SatisfactionModel(TabularModel):
    """The model of the contract for `SurveyInput`s and answers on a scale."""

    name: ClassVar[str] = "satisfaction"

    def __init__(self, recipe: str = "bayes-trees", scale: Scale = CSAT) -> None:
        """recipe: one of RECIPES. scale: lowest and highest answer. Raises KeyError or ValueError."""
        super().__init__(recipe)
        if not scale[0] < scale[1]:
            raise ValueError("the lowest answer comes first")
        self.scale = scale
        self._learner = NumericLearner(RECIPES[recipe])
        self._answers = BinaryLearner(_ANSWERS)
        self._asked = 0
        self._answered = 0
        self._words = TextRating()

    def predict_one(self, x: SurveyInput) -> Satisfaction:
        """Return what he would answer."""
        said = self._learner.estimate(self._features(x))
        half = self._half
        return Satisfaction(
            self._on_scale(said.point),
            self._on_scale(said.low),
            self._on_scale(said.high),
            said.deviation * half,
        )

    def predict_many(self, xs: Sequence[SurveyInput]) -> list[Satisfaction]:
        """Return one prediction for each."""
        return [self.predict_one(x) for x in xs]

    def learn_one(self, x: SurveyInput, y: float, *, weight: float | None = None) -> bool:
        """Learn what he answered; refuse what is not on the scale. weight: None: as `weight` has it."""
        if not isinstance(y, int | float) or isinstance(y, bool) or not self.scale[0] <= y <= self.scale[1]:
            return self._refuse("label")
        value = (y - self._middle) / self._half
        weight = self.weight(x) if weight is None else weight
        self._learner.learn(self._features(x), value, weight)
        if x.text:
            self._words.learn(self._words.encode(x.text, x.channel), value, weight)
        self.learnt += 1
        return True

    def learn_asked(self, x: SurveyInput, answered: bool) -> None:
        """Learn whether a customer who was asked has answered at all."""
        self._asked += 1
        self._answered += answered
        self._answers.learn(self._asked_features(x), answered)

    def weight(self, x: SurveyInput) -> float:
        """Return how many customers this one's answer speaks for, 1 on average."""
        if self._asked < _LEAST_ASKED or not self._answered:
            return 1.0
        chance = self._answers.judge(self._asked_features(x)).probability
        mean = self._answered / self._asked
        return min(_HEAVIEST, max(_LIGHTEST, mean / chance))

    def encode(self, x: SurveyInput) -> object:
        """Return the features as the model sees them."""
        return self._learner.encoder.encode(self._features(x), 0)

    def drivers(self, x: SurveyInput, most: int = 3) -> list[Driver]:
        """Return what raises or lowers this customer's satisfaction, in points, the strongest first."""

        def points(features: Mapping[str, Value]) -> float:
            return self._learner.estimate(features).point * self._half

        return drivers(self._features(x), self._learner.encoder, points, most)

    @property
    def _half(self) -> float:
        return (self.scale[1] - self.scale[0]) / 2.0

    @property
    def _middle(self) -> float:
        return (self.scale[0] + self.scale[1]) / 2.0

    def _on_scale(self, value: float) -> float:
        return min(self.scale[1], max(self.scale[0], self._middle + value * self._half))

    def _features(self, x: SurveyInput) -> Mapping[str, Value]:
        if not x.text and not x.channel:
            return x.features
        features = dict(x.features)
        if x.channel:
            features.setdefault("(channel)", x.channel)
        if x.text:
            encoded = self._words.encode(x.text, x.channel)
            features[_MOOD] = encoded.score
            features[_RATING] = self._words.rate(encoded)
        return features

    def _asked_features(self, x: SurveyInput) -> Mapping[str, Value]:
        """Return what may say whether he answers; a text would give it away."""
        features = dict(x.features)
        if x.channel:
            features["(channel)"] = x.channel
        features[_EXPECTED] = self._learner.estimate(features).point
        return features

    @property
    def limits(self) -> Mapping[str, int]:
        """How often a feature was not learnt, by the limit that it hit."""
        return self._learner.encoder.limits

    def _state(self) -> State:
        state, arrays = self._learner.state()
        answers, answer_arrays = self._answers.state()
        return (
            {
                **state,
                "scale": list(self.scale),
                "asked": [self._asked, self._answered],
                "answers": answers,
            },
            arrays | {f"answers.{key}": array for key, array in answer_arrays.items()} | self._words.arrays(),
        )

    def _become(self, state: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        scale = msgspec.convert(state["scale"], tuple[float, float])
        if scale != self.scale:
            raise ValueError(
                f"its scale is {scale[0]:g} to {scale[1]:g}, not {self.scale[0]:g} to {self.scale[1]:g}"
            )
        learner = NumericLearner.from_state(state, arrays)
        if learner.options != RECIPES[self.recipe]:
            raise ValueError("its options are not those of the recipe")
        begin = "answers."
        answers = BinaryLearner.from_state(
            state["answers"],
            {key.removeprefix(begin): array for key, array in arrays.items() if key.startswith(begin)},
        )
        asked, answered = msgspec.convert(state["asked"], tuple[int, int])
        words = TextRating.from_arrays(arrays)
        self._learner, self._answers, self._words = learner, answers, words
        self._asked, self._answered = asked, answered
