"""The measures of an evaluation, against cases worked out by hand."""

from __future__ import annotations

import math

import pytest

from cem.learning.evaluation.measures import (
    accuracy,
    auc,
    auc_blocks,
    calibration_error,
    log_loss,
    macro_f1,
    top_share,
)
from cem.learning.evaluation.report import metrics


def test_auc_is_the_share_of_pairs_in_order() -> None:
    """Ties count half; one class alone has none."""
    assert auc([0.1, 0.4, 0.35, 0.8], [False, False, True, True]) == 0.75
    assert auc([0.5, 0.5], [False, True]) == 0.5
    assert auc([0.1, 0.9], [True, True]) is None
    assert auc([], []) is None


def test_auc_in_blocks_forgets_what_changes_between_them() -> None:
    """A score that only follows the base rate of the time is worth nothing within a block."""
    scores = [0.1] * 4 + [0.9] * 4
    positive = [False, False, False, True, True, True, True, False]
    assert auc(scores, positive) == pytest.approx(0.75)
    assert auc_blocks(scores, positive, block=4) == 0.5
    assert auc_blocks([0.1], [True]) is None


def test_macro_f1_is_over_the_classes_in_the_truth() -> None:
    """A class that is only predicted has no F1 of its own, and costs the others precision."""
    truths = ["a", "a", "b", "b"]
    labels = ["a", "c", "b", "a"]
    assert macro_f1(truths, labels) == pytest.approx((0.5 + 2 / 3) / 2)
    assert macro_f1(truths, [None] * 4) == 0.0
    assert macro_f1([], []) is None


def test_log_loss_is_bounded() -> None:
    """Certainty of what did not happen costs much, and not infinitely much."""
    assert log_loss([0.5, 0.5]) == pytest.approx(math.log(2))
    assert log_loss([0.0]) == pytest.approx(-math.log(1e-6))
    assert log_loss([]) is None


def test_calibration_error_weighs_bins_by_their_rows() -> None:
    """Fifteen bins of equal width; the gap between confidence and hits, weighed by size. 1.0 falls into the last."""
    assert calibration_error([1.0, 1.0], [True, True]) == 0.0
    assert calibration_error([0.9, 0.9, 0.1, 0.1], [True, False, False, False]) == pytest.approx(0.25)
    assert calibration_error([], []) is None


def test_accuracy_and_the_first_three() -> None:
    """The label is the truth, or is among the first three of the ranking."""
    assert accuracy(["a", "b"], ["a", None]) == 0.5
    assert top_share(["a", "d"], [["c", "b", "a", "d"], ["a", "b", "c", "d"]]) == 0.5
    assert accuracy([], []) is None
    assert top_share([], []) is None


def test_what_says_nothing_is_left_out() -> None:
    """A measure without a value, or without a finite one, does not appear."""
    assert metrics({"a": 0.12345678, "b": None, "c": float("nan")}) == {"a": 0.123457}
