"""How good a model of yes or no is: churn and propensity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from cem.learning.churn import ChurnModel, ChurnScore, Features
from cem.learning.evaluation.measures import accuracy, auc, auc_blocks, calibration_error, log_loss
from cem.learning.evaluation.prequential import Evaluation
from cem.learning.propensity import Offer, Propensity, PropensityModel

__all__ = ["churn_evaluation", "measure", "propensity_evaluation"]


class Chance(Protocol):
    """A prediction that is ranked by its score and means its probability."""

    @property
    def probability(self) -> float: ...
    @property
    def score(self) -> float: ...


def churn_evaluation(model: ChurnModel) -> Evaluation[Features, bool, ChurnScore]:
    """Return how the model is evaluated."""
    return Evaluation(model, measure, model.encode, says_something=lambda: model.learnt > 0)


def propensity_evaluation(model: PropensityModel) -> Evaluation[Offer, bool, Propensity]:
    """Return how the model is evaluated."""
    return Evaluation(model, measure, model.encode, says_something=lambda: model.learnt > 0)


def measure(truths: Sequence[Any], predictions: Sequence[Chance]) -> Mapping[str, float | None]:
    """Return the measures: areas under the curve by score, the others by calibrated probability."""
    scores = [each.score for each in predictions]
    yes = [bool(truth) for truth in truths]
    half = len(yes) // 2
    said = [each.probability >= 0.5 for each in predictions]
    return {
        "auc": auc(scores, yes),
        "auc_last_half": auc(scores[half:], yes[half:]),
        "auc_blocks": auc_blocks(scores, yes),
        "log_loss": log_loss(
            [
                each.probability if truth else 1.0 - each.probability
                for each, truth in zip(predictions, yes, strict=True)
            ]
        ),
        "ece": calibration_error(
            [max(each.probability, 1.0 - each.probability) for each in predictions],
            [truth == label for truth, label in zip(yes, said, strict=True)],
        ),
        "accuracy": accuracy(yes, said),
    }
