"""How good a satisfaction model is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cem.learning.evaluation.prequential import Evaluation
from cem.learning.satisfaction import Satisfaction, SatisfactionModel, SurveyInput

__all__ = ["measure", "satisfaction_evaluation"]


def satisfaction_evaluation(model: SatisfactionModel) -> Evaluation[SurveyInput, float, Satisfaction]:
    """Return how the model is evaluated."""
    return Evaluation(model, measure, model.encode, says_something=lambda: model.learnt > 0)


def measure(truths: Sequence[float], predictions: Sequence[Satisfaction]) -> Mapping[str, float | None]:
    """Return the measures, in points of the scale; `coverage` and `width` are of the 90 % interval."""
    if not truths:
        return {}
    off = np.array([each.point for each in predictions]) - np.array(truths, float)
    inside = [each.low <= truth <= each.high for truth, each in zip(truths, predictions, strict=True)]
    return {
        "mae": float(np.abs(off).mean()),
        "rmse": float(np.sqrt((off**2).mean())),
        "coverage": float(np.mean(inside)),
        "width": float(np.mean([each.high - each.low for each in predictions])),
    }
