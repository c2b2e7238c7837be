"""Our models of tables as estimators of River, for its pipelines, metrics, evaluation and drift detectors."""

from __future__ import annotations

from typing import Any, Protocol

from river import base

__all__ = ["AsBinaryClassifier", "AsRegressor"]


class Chance(Protocol):
    """A prediction of yes or no."""

    @property
    def probability(self) -> float: ...


class Level(Protocol):
    """A prediction of a number."""

    @property
    def point(self) -> float: ...


class AsBinaryClassifier(base.Classifier):  # type: ignore[misc]
    """A model whose predictions have a `probability`, as River's binary classifiers are: labels False and True."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def learn_one(self, x: Any, y: bool) -> None:
        """Let the model learn the example."""
        self.model.learn_one(x, y)

    def predict_proba_one(self, x: Any, **_: Any) -> dict[bool, float]:
        """Return the probability of False and of True."""
        prediction: Chance = self.model.predict_one(x)
        return {False: 1.0 - prediction.probability, True: prediction.probability}


class AsRegressor(base.Regressor):  # type: ignore[misc]
    """A model whose predictions have a `point`, as a regressor of River."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def learn_one(self, x: Any, y: float) -> None:
        """Let the model learn the example."""
        self.model.learn_one(x, y)

    def predict_one(self, x: Any, **_: Any) -> float:
        """Return the point."""
        prediction: Level = self.model.predict_one(x)
        return prediction.point
