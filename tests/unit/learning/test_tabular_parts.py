"""The parts of the learners of tables: Bayes, trees, stack, calibration, interval."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import numpy as np
import pytest

from cem.learning.tabular.adagrad import FadingAdaGrad
from cem.learning.tabular.bayes import BayesianLogistic
from cem.learning.tabular.calibration import Calibrator
from cem.learning.tabular.interval import AdaptiveInterval
from cem.learning.tabular.linear import BayesianLinear
from cem.learning.tabular.numbers import draw_below, logit, normal_quantile, sigmoid
from cem.learning.tabular.stack import LogitStack
from cem.learning.tabular.trees import BackfittedTrees, TreeOptions


def _vector(*values: float) -> np.ndarray:
    v = np.zeros(32)
    v[: len(values)] = values
    return v


def test_bayes_takes_the_exact_step() -> None:
    """After one example w = S v d with d = y - sigmoid(q d), and the covariance shrinks along v only."""
    learner = BayesianLogistic(0.5, drift=0.0)
    before = learner.learn(_vector(1.0, 2.0), True)
    assert (before.mean, before.variance) == (0.0, 2.5)
    step = learner.weights[0] / 0.5
    assert step == pytest.approx(1.0 - sigmoid(2.5 * step), abs=1e-6)
    assert learner.weights[1] == pytest.approx(2 * learner.weights[0])
    assert learner.believe(_vector(1.0, 2.0)).variance < 2.5
    assert learner.believe(_vector(2.0, -1.0)).variance == pytest.approx(2.5)


def test_bayes_finds_the_weights() -> None:
    """Labels drawn from weights (-1, 1.5, -0.5) lead there, within what the posterior says it does not know."""
    dice = random.Random(1)
    learner = BayesianLogistic(1.0)
    truth = (-1.0, 1.5, -0.5)
    for _ in range(4000):
        v = (1.0, dice.gauss(0, 1), dice.gauss(0, 1))
        learner.learn(_vector(*v), dice.random() < sigmoid(sum(w * x for w, x in zip(truth, v, strict=True))))
    for place, weight in enumerate(truth):
        deviation = learner.covariance[place, place] ** 0.5
        assert abs(learner.weights[place] - weight) < 4 * deviation < 0.4


def test_an_example_of_weight_two_is_two_examples() -> None:
    """Nearly: the mode is that of both labels at once."""
    once, twice = BayesianLogistic(0.1, drift=0.0), BayesianLogistic(0.1, drift=0.0)
    once.learn(_vector(1.0), True, 2.0)
    for _ in range(2):
        twice.learn(_vector(1.0), True)
    assert once.weights[0] == pytest.approx(twice.weights[0], rel=0.02)


def test_forgetting_keeps_learning_and_stays_within_the_prior() -> None:
    """A hundred thousand examples, forgetting fast: no variance beyond the prior's, and a turned world is followed."""
    dice = random.Random(2)
    learner = BayesianLogistic(0.1, drift=0.0, forgetting=0.99)
    for at in range(6000):
        v = _vector(1.0, *(dice.gauss(0, 1) for _ in range(20)))
        learner.learn(v, dice.random() < sigmoid((2.0 if at < 3000 else -2.0) * v[1]))
    assert np.diagonal(learner.covariance).max() <= 0.1 * 1.01 / 0.99**20
    assert np.linalg.eigvalsh(learner.covariance, UPLO="L").min() > 0
    assert learner.weights[1] < -0.8


def test_linear_regression_is_least_squares() -> None:
    """With many examples it is what least squares finds, and the noise is that of the data."""
    dice = random.Random(3)
    learner = BayesianLinear(1.0)
    for _ in range(3000):
        x = dice.gauss(0, 1)
        learner.learn(_vector(1.0, x), 0.2 + 0.5 * x + dice.gauss(0, 0.3))
    assert learner.weights[:2] == pytest.approx([0.2, 0.5], abs=0.03)
    assert learner.noise == pytest.approx(0.09, rel=0.15)


def test_fading_adagrad_never_stops() -> None:
    """After 3,000 noisy examples of one way 800 of the other turn its weight; without fading they do less."""
    found = {}
    for fading in (0.99, 1.0):
        dice = random.Random(9)
        learner = FadingAdaGrad(0.05, fading)
        for at in range(3800):
            x = dice.gauss(0, 1)
            learner.learn(_vector(1.0, x), dice.random() < sigmoid(x if at < 3000 else -x))
        found[fading] = learner.weights[1]
    assert found[0.99] < -0.3 < found[0.99] + 0.3 < found[1.0]


def test_fading_adagrad_does_not_run_away() -> None:
    """Ten thousand examples that are always right leave a finite log-odds."""
    learner = FadingAdaGrad()
    for _ in range(10_000):
        learner.learn(_vector(1.0, 1.0), True)
    assert 3.0 < learner.predict(_vector(1.0, 1.0)) < 20.0


def test_trees_learn_a_square() -> None:
    """On squared loss they learn y = x^2, which is no sum of what is linear."""
    dice = random.Random(4)
    trees = BackfittedTrees(TreeOptions(loss="squared", every=8, shrinkage=2.0))
    for _ in range(1500):
        x = dice.uniform(-2, 2)
        trees.learn(_vector(1.0, x), x * x, [(True, [1])] if trees.wants_splits else None)
    for x in (-1.8, -1.0, 0.0, 1.0, 1.8):
        assert trees.predict(_vector(1.0, x)) == pytest.approx(x * x, abs=0.35)


def test_trees_forget_a_world_that_is_gone() -> None:
    """When the label turns round, trees that were fitted before are replaced, and the ranking turns too."""
    dice = random.Random(5)
    trees = BackfittedTrees(TreeOptions(buffer=600, every=8))
    for at in range(3000):
        x = dice.gauss(0, 1)
        trees.learn(
            _vector(1.0, x), float((x > 0) == (at < 1500)), [(True, [1])] if trees.wants_splits else None
        )
    assert trees.predict(_vector(1.0, 1.0)) < -1.0 < 1.0 < trees.predict(_vector(1.0, -1.0))


def test_the_buffer_of_trees_is_bounded() -> None:
    """Three times its size of examples leave it at its size."""
    trees = BackfittedTrees(TreeOptions(buffer=100))
    for at in range(300):
        trees.learn(_vector(1.0, float(at % 5)), float(at % 2), [(True, [1])] if trees.wants_splits else None)
    assert trees.state()[1]["labels"].shape == (100,)


def test_trees_keep_the_rarer_kind_and_know_how_rare_it_is() -> None:
    """Of one yes in fifty a quarter of a full buffer is yes, also after a restart; what is predicted is as rare as it is."""
    dice = random.Random(7)
    trees = BackfittedTrees(TreeOptions(buffer=400, every=8))
    said = []
    for at in range(16_000):
        x = dice.gauss(0, 1)
        v, label = _vector(1.0, x), dice.random() < (0.032 if x > 0 else 0.008)
        if at == 9_000:
            trees = BackfittedTrees.from_state(*trees.state())
        if at >= 12_000:
            said.append((x > 0, sigmoid(trees.predict(v))))
        trees.learn(v, float(label), [(True, [1])] if trees.wants_splits else None)
    assert 4 * trees.state()[1]["labels"].sum() == pytest.approx(400, abs=20)
    high, low = ([p for up, p in said if up is side] for side in (True, False))
    assert sum(high) / len(high) == pytest.approx(0.032, rel=0.35)
    assert sum(low) / len(low) == pytest.approx(0.008, rel=0.6)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_who_gives_way_is_whom_a_look_at_all_labels_finds(share: float) -> None:
    """A random row of the full buffer gives way; of a kind that has no more than a quarter of it, none; also after a restart."""
    dice = random.Random(8)
    trees = BackfittedTrees(TreeOptions(buffer=80, every=1000))
    for at in range(600):
        if at == 300:
            trees = BackfittedTrees.from_state(*trees.state())
        labels = trees.state()[1]["labels"].copy()
        v, label = _vector(1.0, float(at)), dice.random() < share
        trees.learn(v, float(label), None)
        if at >= 80:
            rows = list(range(80))
            for kind in (1.0, 0.0):
                if 4 * (labels == kind).sum() <= 80:
                    rows = [row for row in rows if labels[row] != kind]
                    break
            labels[rows[draw_below(len(rows), trees.options.seed + 1, at)]] = label
            assert np.array_equal(trees.state()[1]["labels"], labels)


def test_trees_of_an_older_state_go_on() -> None:
    """A state that does not say how rare a yes is takes it from its rows."""
    trees = BackfittedTrees(TreeOptions(buffer=100))
    for at in range(50):
        trees.learn(_vector(1.0, float(at % 5)), float(at % 2), [(True, [1])] if trees.wants_splits else None)
    state, arrays = trees.state()
    del state["positives"]
    again, arrays_again = BackfittedTrees.from_state(state, arrays).state()
    assert again["positives"] == 0.5 and np.array_equal(arrays["rows"], arrays_again["rows"])


def test_a_stack_finds_who_is_right() -> None:
    """Of two members one says the truth and the other noise: the weights say so."""
    dice = random.Random(6)
    stack = LogitStack([0.5, 0.5])
    for _ in range(3000):
        truth = dice.gauss(0, 2)
        stack.learn([truth, dice.gauss(0, 2)], dice.random() < sigmoid(truth))
    assert stack.weights[0] == pytest.approx(1.0, abs=0.2)
    assert stack.weights[1] == pytest.approx(0.0, abs=0.1)


def test_calibration_mends_and_keeps_the_order() -> None:
    """Probabilities that are twice too high come true after mending, and the map rises everywhere."""
    dice = random.Random(7)
    calibrator = Calibrator()
    for _ in range(5000):
        p = dice.random()
        calibrator.learn(p, dice.random() < p / 2)
    for p in (0.1, 0.3, 0.5, 0.7, 0.9):
        assert calibrator.calibrate(p) == pytest.approx(p / 2, abs=0.06)
    mended = [calibrator.calibrate(number / 1000) for number in range(1001)]
    assert mended == sorted(mended)
    assert mended[0] > 0.0
    assert mended[-1] < 1.0


def test_calibration_rises_whatever_it_is_told() -> None:
    """Labels of pure malice, high for low and low for high, leave a rising map within 0 and 1."""
    calibrator = Calibrator()
    for number in range(3000):
        calibrator.learn((number % 15 + 0.5) / 15, number % 15 % 2 == 0)
        calibrator.learn(0.97, False)
        calibrator.learn(0.03, True)
    mended = [calibrator.calibrate(number / 2000) for number in range(2001)]
    assert all(a <= b for a, b in pairwise(mended))
    assert mended[0] > 0.0
    assert mended[-1] < 1.0


def test_an_interval_covers_whatever_the_noise() -> None:
    """Skewed noise three times what was assumed, then a third of it: each time nine in ten are inside."""
    dice = random.Random(8)
    interval = AdaptiveInterval()
    for scale in (3.0, 0.3):
        inside = 0
        for at in range(3000):
            value = (dice.expovariate(1.0) - 1.0) * scale
            low, high = -interval.below, interval.above
            interval.learn(low, high, value)
            inside += at >= 1000 and low <= value <= high
        assert inside / 2000 == pytest.approx(0.9, abs=0.025)


def test_draws_are_even_and_repeatable() -> None:
    """Draws of one seed and count are always the same, and spread evenly."""
    draws = [draw_below(10, 3, count) for count in range(10_000)]
    assert draws == [draw_below(10, 3, count) for count in range(10_000)]
    assert all(900 < draws.count(number) < 1100 for number in range(10))


def test_small_functions() -> None:
    """Sigmoid and logit undo each other, extremes stay finite, quantiles are the normal's."""
    assert logit(sigmoid(1.7)) == pytest.approx(1.7)
    assert math.isfinite(logit(0.0)) and 0 < sigmoid(-1e308) < sigmoid(1e308) < 1
    assert [normal_quantile(p) for p in (0.05, 0.5, 0.975)] == pytest.approx([-1.645, 0.0, 1.96], abs=1e-3)
