"""How good a model is at this moment: each example is predicted before it is learnt, and the last ones are kept.

Window: the last 2,000 examples (Gama, Sebastiao and Rodrigues, Machine Learning 2013, on prequential windows). What is
kept are numbers, never what an example was about.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from cem.learning.evaluation.measures import accuracy, auc, calibration_error, log_loss, macro_f1
from cem.learning.surveys import QUESTIONS, answers_of

__all__ = ["Quality"]

_WINDOW: Final = 2_000


class Quality:
    """The last predictions of one model and what came of them."""

    def __init__(self, kind: str) -> None:
        """kind: the model's name; it says what a prediction is."""
        self.kind = kind
        self._rows: deque[tuple[Any, ...]] = deque(maxlen=_WINDOW)

    def note(self, prediction: Any, truth: Any) -> None:
        """Take note of a prediction that was made before its truth was learnt."""
        if self.kind == "satisfaction":
            for question, answer in answers_of(truth).items():
                said = prediction if question == "csat" else prediction.others.get(question)
                if said is not None:
                    figures = (said.point, said.low, said.high, float(answer))
                    self._rows.append((*[round(each, 4) for each in figures], question))
        elif self.kind in ("churn", "propensity"):
            self._rows.append((round(prediction.probability, 6), round(prediction.score, 5), int(truth)))
        else:
            likely = max(prediction.probabilities.values(), default=0.0)
            of_truth = prediction.probabilities.get(truth, 0.0)
            row = (prediction.label, truth, round(likely, 5), round(of_truth, 6))
            self._rows.append(row)

    def figures(self) -> dict[str, float]:
        """Return the figures of the window by name; what cannot be said yet is left out."""
        rows = list(self._rows)
        if not rows:
            return {}
        found: Mapping[str, float | None]
        if self.kind == "satisfaction":
            found = _of_questions(rows)
        elif self.kind in ("churn", "propensity"):
            found = _of_chances(rows)
        else:
            found = _of_labels(rows)
        return {"window": float(len(rows)), **{name: v for name, v in found.items() if v is not None}}

    def state(self) -> list[list[Any]]:
        """Return what is kept, as plain data."""
        return [list(row) for row in self._rows]

    def become(self, state: Any) -> None:
        """Be as `state` says. Raises ValueError (msgspec's) for anything else."""
        rows = msgspec.convert(state, list[tuple[int | float | str | None, ...]])
        self._rows = deque(rows, maxlen=_WINDOW)


def _of_chances(rows: list[tuple[Any, ...]]) -> dict[str, float | None]:
    chances = [row[0] for row in rows]
    positive = [bool(row[2]) for row in rows]
    of_truth = [chance if yes else 1 - chance for chance, yes in zip(chances, positive, strict=True)]
    return {
        "positives": sum(positive) / len(rows),
        "auc": auc([row[1] for row in rows], positive),
        "log_loss": log_loss(of_truth),
        "calibration_error": calibration_error(chances, positive),
    }


def _of_labels(rows: list[tuple[Any, ...]]) -> dict[str, float | None]:
    answered = [row for row in rows if row[0] is not None]
    return {
        "accuracy": accuracy([row[1] for row in rows], [row[0] for row in rows]),
        "macro_f1": macro_f1([row[1] for row in rows], [row[0] for row in rows]),
        "answered": len(answered) / len(rows),
        "log_loss": log_loss([row[3] for row in rows]),
        "calibration_error": calibration_error(
            [row[2] for row in answered], [row[0] == row[1] for row in answered]
        ),
    }


def _of_questions(rows: list[tuple[Any, ...]]) -> dict[str, float | None]:
    """Return the figures of each question of a survey; those of CSAT go by plain names."""
    found: dict[str, float | None] = {}
    for question in QUESTIONS:
        # Rows of before other questions were learnt do not say which.
        of = [row for row in rows if (row[4] if len(row) > 4 else "csat") == question]
        if of:
            prefix = "" if question == "csat" else f"{question}_"
            found |= {prefix + name: value for name, value in _of_intervals(of).items()}
    return found


def _of_intervals(rows: list[tuple[Any, ...]]) -> dict[str, float | None]:
    mean = sum(row[3] for row in rows) / len(rows)
    error = sum(abs(row[0] - row[3]) for row in rows) / len(rows)
    usual = sum(abs(mean - row[3]) for row in rows) / len(rows)
    return {
        "mean_absolute_error": error,
        "against_mean": error / usual if usual else None,
        "coverage": sum(row[1] <= row[3] <= row[2] for row in rows) / len(rows),
    }
