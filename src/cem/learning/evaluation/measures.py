"""What a run of predictions was worth: the measures that evaluation and monitoring print. Pure, on whole columns.

Each returns None where it says nothing: an AUC needs both classes, a share needs rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["accuracy", "auc", "auc_blocks", "calibration_error", "log_loss", "macro_f1", "top_share"]

#: Bins of equal width of the expected calibration error.
BINS: Final = 15
#: A probability of zero for what then happened costs this much surprise and no more: -ln(1e-6).
_LEAST: Final = 1e-6
_BLOCK: Final = 2000

Numbers = Sequence[float] | npt.NDArray[np.float64]


def auc(scores: Numbers, positive: Sequence[bool] | npt.NDArray[np.bool_]) -> float | None:
    """Return the share of pairs (positive, negative) in the right order; ties count half."""
    values = np.asarray(scores, float)
    is_positive = np.asarray(positive, bool)
    many = int(is_positive.sum())
    others = len(values) - many
    if not many or not others:
        return None
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    rank = np.cumsum(counts) - (counts - 1) / 2
    return float((rank[place][is_positive].sum() - many * (many + 1) / 2) / (many * others))


def auc_blocks(scores: Numbers, positive: Sequence[bool], block: int = _BLOCK) -> float | None:
    """Return the mean AUC within blocks of rows one after another: what is left when the times' base rate is not."""
    found = [
        each
        for at in range(0, len(scores), block)
        if (each := auc(scores[at : at + block], positive[at : at + block])) is not None
    ]
    return float(np.mean(found)) if found else None


def accuracy(truths: Sequence[object], labels: Sequence[object]) -> float | None:
    """Return the share of labels that are the truth."""
    if not truths:
        return None
    return sum(truth == label for truth, label in zip(truths, labels, strict=True)) / len(truths)


def macro_f1(truths: Sequence[str], labels: Sequence[str | None]) -> float | None:
    """Return the mean over the classes in the truth of each class's F1."""
    if not truths:
        return None
    said, meant = Counter(labels), Counter(truths)
    hits = Counter(truth for truth, label in zip(truths, labels, strict=True) if truth == label)
    found = [2 * hits[name] / (said[name] + count) for name, count in sorted(meant.items())]
    return float(np.mean(found))


def log_loss(of_truth: Numbers) -> float | None:
    """Return the mean surprise, in nats, at probabilities that were given to what then happened."""
    if not len(of_truth):
        return None
    return float(-np.log(np.clip(np.asarray(of_truth, float), _LEAST, 1.0)).mean())


def calibration_error(confidences: Numbers, right: Sequence[bool]) -> float | None:
    """Return the expected calibration error of the top label: Guo et al., ICML 2017; 15 bins of equal width."""
    if not len(confidences):
        return None
    values = np.clip(np.asarray(confidences, float), 0.0, 1.0)
    hit = np.asarray(right, float)
    at = np.minimum((values * BINS).astype(int), BINS - 1)
    size = np.bincount(at, minlength=BINS)
    gap = np.bincount(at, hit, BINS) - np.bincount(at, values, BINS)
    return float(np.abs(gap[size > 0]).sum() / len(values))


def top_share(truths: Sequence[str], rankings: Sequence[Sequence[str]], first: int = 3) -> float | None:
    """Return how often the truth is among the first few of the ranking."""
    if not truths:
        return None
    return sum(truth in ranking[:first] for truth, ranking in zip(truths, rankings, strict=True)) / len(
        truths
    )
