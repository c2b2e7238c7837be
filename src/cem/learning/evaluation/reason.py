"""How good a model of the reason of a contact is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cem.learning.contract import ClassScores, TextInput
from cem.learning.evaluation.measures import accuracy, calibration_error, log_loss, macro_f1, top_share
from cem.learning.evaluation.prequential import Evaluation
from cem.learning.text_reason import ReasonModel

__all__ = ["measure", "reason_evaluation", "unknown_share"]


def reason_evaluation(model: ReasonModel) -> Evaluation[TextInput, str, ClassScores]:
    """Return how the model is evaluated."""
    return Evaluation(model, measure, model.encode, lambda: bool(model.classes))


def measure(truths: Sequence[str], predictions: Sequence[ClassScores]) -> Mapping[str, float | None]:
    """Return the measures; all but `unknown_share` are of the ranking, whether the model abstained or not."""
    rankings = [_ranking(each)[:3] for each in predictions]
    labels = [ranking[0] if ranking else None for ranking in rankings]
    right = [truth == label for truth, label in zip(truths, labels, strict=True)]
    return {
        "log_loss": log_loss(
            [each.probabilities.get(truth, 0.0) for truth, each in zip(truths, predictions, strict=True)]
        ),
        "ece": calibration_error(
            [max(each.probabilities.values(), default=0.0) for each in predictions], right
        ),
        "accuracy": accuracy(truths, labels),
        "macro_f1": macro_f1(truths, labels),
        "top3": top_share(truths, rankings),
        "unknown_share": unknown_share(predictions),
    }


def unknown_share(predictions: Sequence[ClassScores]) -> float | None:
    """Return the share of predictions that name no reason."""
    if not predictions:
        return None
    return sum(each.label is None for each in predictions) / len(predictions)


def _ranking(scores: ClassScores) -> list[str]:
    return sorted(scores.probabilities, key=scores.probabilities.__getitem__, reverse=True)
