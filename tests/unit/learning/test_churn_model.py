"""The churn model: what it learns, what it refuses, and that it stays itself through anything."""

from __future__ import annotations

import math
import random

import pytest
from river import compose, evaluate, metrics

from cem.learning.churn import RECIPES, ChurnModel
from cem.learning.contract import Model
from cem.learning.evaluation.measures import auc
from cem.learning.snapshot import SnapshotError, digest
from cem.learning.tabular.river_face import AsBinaryClassifier
from tests.builders.tables import leaving, staircase


def _taught(recipe: str = "bayes-trees", rows: int = 600, seed: int = 1) -> ChurnModel:
    model = ChurnModel(recipe)
    for x, left, _ in leaving(rows, seed):
        model.learn_one(x, left)
    return model


@pytest.mark.parametrize("recipe", RECIPES)
def test_it_keeps_the_contract(recipe: str) -> None:
    """It is a model of the contract, and predict_many says what predict_one says."""
    model = _taught(recipe, 100)
    xs = [x for x, _, _ in leaving(5, 2)]
    assert isinstance(model, Model)
    assert model.predict_many(xs) == [model.predict_one(x) for x in xs]


@pytest.mark.parametrize("recipe", RECIPES)
def test_it_learns_who_leaves(recipe: str) -> None:
    """After 1,500 customers it ranks others nearly as well as the true chances do."""
    model = _taught(recipe, 1500)
    rows = list(leaving(1500, 9))
    truths = [left for _, left, _ in rows]
    reached = auc([model.predict_one(x).score for x, _, _ in rows], truths)
    best = auc([chance for _, _, chance in rows], truths)
    assert reached is not None and best is not None
    assert reached - 0.5 > 0.9 * (best - 0.5)


def test_trees_learn_what_no_sum_says() -> None:
    """Where only two numbers together say who leaves, trees learn it and the linear recipe cannot."""
    found = {}
    for recipe in RECIPES:
        model = ChurnModel(recipe)
        for x, left in staircase(2500):
            model.learn_one(x, left)
        rows = list(staircase(800, 5))
        found[recipe] = auc([model.predict_one(x).score for x, _ in rows], [left for _, left in rows]) or 0.0
    assert found["bayes-trees"] > 0.8
    assert found["bayes"] < 0.65


def test_probabilities_come_true() -> None:
    """The mean of the probabilities is the share that leaves, and they are ranked as the scores are."""
    model = _taught(rows=1500)
    rows = list(leaving(1000, 4))
    predictions = [model.predict_one(x) for x, _, _ in rows]
    said = sum(each.probability for each in predictions) / len(rows)
    happened = sum(left for _, left, _ in rows) / len(rows)
    assert abs(said - happened) < 0.04
    by_score = sorted(predictions, key=lambda each: each.score)
    assert [each.probability for each in by_score] == sorted(each.probability for each in by_score)


def test_it_knows_that_it_knows_nothing() -> None:
    """Before any label it says one half, with a doubt that shrinks as labels come."""
    x = next(leaving(1))[0]
    empty = ChurnModel().predict_one(x)
    assert empty.probability == pytest.approx(0.5)
    assert _taught(rows=400).predict_one(x).deviation < _taught(rows=50).predict_one(x).deviation


@pytest.mark.parametrize("label", [2, -1, 0.5, math.nan, "yes", None, [1]])
def test_a_label_that_is_none_is_refused(label: object) -> None:
    """Nothing changes but the count."""
    model = _taught(rows=50)
    before = model.predict_one({"tenure": 3.0})
    assert model.learn_one({"tenure": 3.0}, label) is False  # type: ignore[arg-type]
    assert model.refusals["label"] == 1
    assert model.predict_one({"tenure": 3.0}) == before


def test_any_features_leave_it_finite() -> None:
    """Empty rows, NaN, infinity, giants, types that change, ids as categories: every answer and its snapshot are finite."""
    dice = random.Random(5)
    model = ChurnModel()
    values = [
        math.nan,
        math.inf,
        -math.inf,
        1e308,
        -1e308,
        5e-324,
        0,
        10**500,
        True,
        None,
        "",
        "x" * 5000,
        "ü\ud800",
    ]
    for number in range(1200):
        x = {
            name: dice.choice([*values, float(number), f"id {number}"])
            for name in "abcdefgh"
            if dice.random() < 0.8
        }
        model.learn_one(x, dice.random() < 0.3)
        judged = model.predict_one(x)
        assert 0.0 < judged.probability < 1.0
        assert math.isfinite(judged.score) and math.isfinite(judged.deviation)
    assert model.limits["categories"] > 0
    ChurnModel().restore(model.snapshot())


def test_memory_is_bounded() -> None:
    """A thousand columns of ever new categories and numbers: the snapshot stays below 16 MB."""
    model = ChurnModel()
    for number in range(300):
        x = {f"c{i}": f"v{number}" if i % 2 else float(number) for i in range(number % 7, 1000, 5)}
        model.learn_one(x, number % 3 == 0)
    assert len(model.snapshot()) < 16_000_000
    assert model.limits["columns"] > 0


@pytest.mark.parametrize("recipe", RECIPES)
def test_it_recovers_from_poison(recipe: str) -> None:
    """After a burst of contradicting labels, 1,500 honest ones bring its ranking back."""
    model = _taught(recipe, 1500)
    for x, left, _ in leaving(400, 77):
        model.learn_one(x, not left)
    for x, left, _ in leaving(1500, 3):
        model.learn_one(x, left)
    rows = list(leaving(1000, 9))
    truths = [left for _, left, _ in rows]
    reached = auc([model.predict_one(x).score for x, _, _ in rows], truths) or 0.0
    best = auc([chance for _, _, chance in rows], truths) or 0.0
    assert reached - 0.5 > 0.85 * (best - 0.5)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_restored_model_goes_on_bit_for_bit(recipe: str) -> None:
    """Snapshot, restore and go on equals going on without: the same bytes, and the same answers on the way."""
    rows = list(leaving(900, 6))
    whole = ChurnModel(recipe)
    for number, (x, left, _) in enumerate(rows):
        if number == 437:
            whole.version = 436
            half = ChurnModel(recipe)
            half.restore(whole.snapshot())
            assert half.version == 436
        if number >= 437:
            assert half.predict_one(x) == whole.predict_one(x)
            half.learn_one(x, left)
        whole.learn_one(x, left)
    assert digest(half.snapshot()) == digest(whole.snapshot())


def test_predicting_changes_nothing() -> None:
    """A model that was asked a thousand times is the model that was not."""
    model = _taught(rows=120)
    before = model.snapshot()
    for x, _, _ in leaving(200, 8):
        model.predict_one({**x, "new": 1.0, "other": "text"})
        model.drivers(x)
    assert model.snapshot() == before


def test_foreign_snapshots_are_refused() -> None:
    """A snapshot of another recipe, a cut one and a changed one are refused with a sentence; the model stays."""
    model = _taught(rows=80)
    data = _taught("bayes", 80).snapshot()
    before = model.snapshot()
    for bad in (data, before[:-9], before[:100] + b"x" + before[101:], b""):
        with pytest.raises(SnapshotError):
            model.restore(bad)
    assert model.snapshot() == before


def test_drivers_say_why() -> None:
    """A customer with five calls on a monthly contract is told apart by just these, in words, with their direction."""
    model = _taught(rows=1500)
    x = {"contract": "monthly", "tenure": 36.0, "calls": 5.0, "spent": 22.0, "area": "area 1"}
    found = model.drivers(x, 2)
    assert "calls" in {each.feature for each in found}
    calls = next(each for each in found if each.feature == "calls")
    assert calls.effect > 0
    assert calls.words.startswith("calls is 5, far above the mean of 1") and calls.words.endswith("raises it")
    long = {"contract": "two years", "tenure": 70.0, "calls": 0.0, "spent": 22.0, "area": "area 1"}
    assert all(each.effect < 0 for each in model.drivers(long, 2))


def test_it_composes_with_river() -> None:
    """As an estimator of River it stands in a pipeline behind a selector and is judged by River's evaluation."""
    pipeline = compose.Discard("area") | AsBinaryClassifier(ChurnModel("bayes"))
    rows = [(x, left) for x, left, _ in leaving(600, 2)]
    assert evaluate.progressive_val_score(rows, pipeline, metrics.ROCAUC()).get() > 0.7
