"""Any model of ours as an estimator of River, for its pipelines, metrics, evaluation and drift detectors.

>>> from river import metrics
>>> estimator = AsClassifier(model)                                    # doctest: +SKIP
>>> evaluate.progressive_val_score(dataset, estimator, metrics.MacroF1())  # doctest: +SKIP
"""

from __future__ import annotations

from typing import Any

from river import base

from cem.learning.contract import ClassScores, Model

__all__ = ["AsClassifier"]


class AsClassifier(base.Classifier):  # type: ignore[misc]
    """A model with `ClassScores` for predictions, as a River classifier. Learning here is learning there."""

    def __init__(self, model: Model[Any, Any, ClassScores]) -> None:
        self.model = model

    @property
    def _multiclass(self) -> bool:
        return True

    def learn_one(self, x: Any, y: Any) -> None:
        """Let the model learn the example."""
        self.model.learn_one(x, y)

    def predict_proba_one(self, x: Any, **_: Any) -> dict[str, float]:
        """Return class to probability."""
        return self.model.predict_one(x).probabilities

    def predict_one(self, x: Any, **_: Any) -> str | None:
        """Return the most probable class, None where the model abstains."""
        return self.model.predict_one(x).label
