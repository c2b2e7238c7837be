"""The five models as the stream teaches them: recipes, loss, and what an example's plain data becomes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from cem.learning.champion import Champion
from cem.learning.churn import ChurnModel
from cem.learning.contract import Model, TextInput
from cem.learning.propensity import Offer, PropensityModel
from cem.learning.satisfaction import SurveyInput
from cem.learning.surveys import SurveyModel, survey_loss
from cem.learning.text_reason import ReasonModel
from cem.learning.text_sentiment import SentimentModel

__all__ = ["MODELS", "StreamModel", "contest_of", "model_of"]

#: A probability of zero for what then happened costs this much surprise and no more.
_LEAST: Final = 1e-6


class StreamModel(msgspec.Struct, frozen=True):
    """What is particular to one model on the stream."""

    #: Recipe -> the model; the first is champion until another is better.
    make: Callable[[str], Model[Any, Any, Any]]
    recipes: tuple[str, ...]
    #: Plain data -> what the model takes. Raises ValueError (msgspec's is one) for anything else.
    read: Callable[[Any], Any]
    #: Of a prediction and the truth; the smaller the better.
    loss: Callable[[Any, Any], float]


def contest_of(name: str) -> Champion:
    """Return the contest of the model's recipes, which has learnt nothing. Raises KeyError."""
    entry = MODELS[name]
    return Champion([entry.make(recipe) for recipe in entry.recipes], entry.loss)


def model_of(name: str, recipe: str) -> Model[Any, Any, Any]:
    """Return a model of this recipe that has learnt nothing. Raises KeyError."""
    return MODELS[name].make(recipe)


def _reader(cls: type[Any]) -> Callable[[Any], Any]:
    return lambda x: msgspec.convert(x, cls)


def _features(x: Any) -> dict[str, Any]:
    if not isinstance(x, Mapping):
        raise ValueError("features are a mapping")
    return {str(name): value for name, value in x.items()}


def _surprise_of_label(prediction: Any, truth: Any) -> float:
    return -math.log(max(_LEAST, prediction.probabilities.get(truth, 0.0)))


def _surprise(prediction: Any, truth: Any) -> float:
    chance = prediction.probability if truth else 1.0 - prediction.probability
    return -math.log(max(_LEAST, chance))


MODELS: Final[dict[str, StreamModel]] = {
    "sentiment": StreamModel(
        SentimentModel, ("hashed", "hashed-light"), _reader(TextInput), _surprise_of_label
    ),
    # A second recipe would cost another 96 MB of weights with many reasons.
    "reason": StreamModel(ReasonModel, ("pooled",), _reader(TextInput), _surprise_of_label),
    "satisfaction": StreamModel(SurveyModel, ("bayes-trees", "bayes"), _reader(SurveyInput), survey_loss),
    "churn": StreamModel(ChurnModel, ("bayes-trees", "bayes"), _features, _surprise),
    "propensity": StreamModel(PropensityModel, ("tracking", "bayes"), _reader(Offer), _surprise),
}
