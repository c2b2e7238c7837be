"""How good a sentiment model is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cem.learning.contract import ClassScores, TextInput
from cem.learning.evaluation.measures import accuracy, auc, calibration_error, log_loss, macro_f1
from cem.learning.evaluation.prequential import Evaluation
from cem.learning.text_sentiment import SentimentModel

__all__ = ["measure", "sentiment_evaluation"]


def sentiment_evaluation(model: SentimentModel) -> Evaluation[TextInput, str, ClassScores]:
    """Return how the model is evaluated."""
    return Evaluation(model, measure, model.encode)


def measure(truths: Sequence[str], predictions: Sequence[ClassScores]) -> Mapping[str, float | None]:
    """Return the measures; `auc` is of negative against positive where the truth is one of the two."""
    labels = [each.label for each in predictions]
    clear = [
        (each.probabilities["positive"] - each.probabilities["negative"], truth == "positive")
        for truth, each in zip(truths, predictions, strict=True)
        if truth != "neutral"
    ]
    return {
        "auc": auc([score for score, _ in clear], [positive for _, positive in clear]),
        "log_loss": log_loss(
            [each.probabilities[truth] for truth, each in zip(truths, predictions, strict=True)]
        ),
        "ece": calibration_error(
            [max(each.probabilities.values()) for each in predictions],
            [truth == label for truth, label in zip(truths, labels, strict=True)],
        ),
        "accuracy": accuracy(truths, labels),
        "macro_f1": macro_f1(truths, labels),
    }
