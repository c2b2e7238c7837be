"""The models in force in a process that asks them: each answers questions of the fold in plain data.

`cem.domain.scores` says what questions and answers look like. A model that was never published answers nothing, but for
sentiment, which has something to say before its first label; so do others until they have learnt a few examples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from cem.domain.view.portrait import FEATURES, features_of
from cem.learning.churn import ChurnModel
from cem.learning.contract import NOTHING_LEARNT, Model, TextInput
from cem.learning.propensity import Offer, PropensityModel
from cem.learning.published import Card, champion_in
from cem.learning.satisfaction import SurveyInput
from cem.learning.surveys import SurveyModel
from cem.learning.tabular.drivers import Driver
from cem.learning.text_mood import mood_of, telling_words
from cem.learning.text_reason import ReasonModel
from cem.learning.text_sentiment import SentimentModel

__all__ = ["LEAST_EXAMPLES", "Loaded", "ModelShelf"]

#: A model that has learnt fewer examples is not asked: what it would say is no better than its prior.
LEAST_EXAMPLES: Final = {"sentiment": 0, "reason": 50, "satisfaction": 50, "churn": 200, "propensity": 50}
#: Drivers cost a prediction a feature: they are given where somebody will look at them.
_WORTH_EXPLAINING_CHANCE: Final = 0.05
_WORTH_EXPLAINING_CSAT: Final = 3.0
#: A reason less certain than this is not said.
_LEAST_SURE: Final = 0.3
_WORDS: Final = 25


class Loaded(msgspec.Struct, frozen=True):
    """A model in force."""

    version: int
    model: Model[Any, Any, Any]
    #: Examples that it has learnt.
    examples: int


class ModelShelf:
    """The models in force, by name. `ask` is `cem.domain.scores.Answers`."""

    def __init__(self) -> None:
        self._loaded: dict[str, Loaded] = {"sentiment": Loaded(NOTHING_LEARNT, SentimentModel(), 0)}
        self._answer: dict[str, tuple[str, Callable[[Any, Any], Any]]] = {
            "sentiment": ("sentiment", _sentiment),
            "about": ("sentiment", _about),
            "reason": ("reason", _reason),
            "satisfaction": ("satisfaction", _satisfaction),
            "churn": ("churn", _churn),
        }

    def load(self, name: str, value: bytes) -> Card:
        """Put a published model in force; another thread may do so. Raises SnapshotError and changes nothing."""
        model, card = champion_in(name, value)
        self._loaded[name] = Loaded(card.version, model, int(card.figures.get("examples", 0)))
        return card

    @property
    def versions(self) -> dict[str, int]:
        """The versions in force."""
        return {name: loaded.version for name, loaded in self._loaded.items()}

    def ask(self, question: str, x: Any) -> tuple[int, Any] | None:
        """Return the version and the answer; None if there is no model that could say anything."""
        name, answer = self._answer[question]
        loaded = self._ready(name)
        if loaded is None:
            return None
        return loaded.version, answer(loaded.model, x)

    def propensities(
        self, packed: bytes, actions: Sequence[tuple[str, str]], channel: str
    ) -> tuple[str, dict[str, tuple[float, int]]]:
        """Return the model's version, and what it says of each action, given with its group, of which it has learnt.

        That is the mean chance, and how many outcomes it counts like: the action's own, and what its group lends.
        """
        loaded = self._ready("propensity")
        if loaded is None:
            return "", {}
        assert isinstance(loaded.model, PropensityModel)
        features = features_of(packed)
        found: dict[str, tuple[float, int]] = {}
        for action, group in actions:
            offer = Offer(features, action, channel, group)
            if outcomes := loaded.model.evidence(offer):
                said = loaded.model.predict_one(offer)
                found[action] = (round(said.probability, 4), outcomes)
        return str(loaded.version), found

    def is_ready(self, name: str) -> bool:
        """Return whether the model is there and has learnt enough to be asked."""
        return self._ready(name) is not None

    def _ready(self, name: str) -> Loaded | None:
        loaded = self._loaded.get(name)
        return None if loaded is None or loaded.examples < LEAST_EXAMPLES[name] else loaded


def _sentiment(model: SentimentModel, x: Sequence[str]) -> list[int]:
    return [round(mood_of(model.predict_one(TextInput(x[0], x[1]))) * 100)]


def _about(model: SentimentModel, x: Sequence[str]) -> list[str]:
    # Each word costs a prediction: a long text is judged by its beginning.
    text = " ".join(x[0].split()[:_WORDS])
    return list(telling_words(text, lambda said: model.predict_one(TextInput(said.text, x[1]))))


def _reason(model: ReasonModel, x: Sequence[str]) -> list[Any]:
    said = model.predict_one(TextInput(x[0], x[1]))
    if said.label is None or said.probabilities[said.label] < _LEAST_SURE:
        return []
    return [said.label, round(said.probabilities[said.label] * 100), model.version]


def _satisfaction(model: SurveyModel, x: Sequence[Any]) -> list[Any]:
    asked = SurveyInput(features_of(x[0]), x[1], x[2])
    said = model.predict_one(asked)
    explain = said.point <= _WORTH_EXPLAINING_CSAT
    drivers = _codes(model.drivers(asked)) if explain else []
    others = {
        question: [
            *[round(each * 10) for each in (other.point, other.low, other.high)],
            *(_codes(model.drivers(asked, question=question)) if explain else []),
        ]
        for question, other in said.others.items()
    }
    return [*[round(each * 50) for each in (said.point, said.low, said.high)], model.version, drivers, others]


def _churn(model: ChurnModel, x: bytes) -> list[Any]:
    features = features_of(x)
    said = model.predict_one(features)
    drivers = _codes(model.drivers(features)) if said.probability >= _WORTH_EXPLAINING_CHANCE else []
    return [round(said.probability * 10_000), model.version, drivers]


def _codes(drivers: Sequence[Driver]) -> list[int]:
    """Return the drivers by the numbers of the portrait's features."""
    found = []
    for driver in drivers:
        if driver.feature in FEATURES:
            number = FEATURES.index(driver.feature) + 1
            found.append(number if driver.effect > 0 else -number)
    return found
