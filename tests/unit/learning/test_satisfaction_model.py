"""The satisfaction model: points, intervals that cover, who answers, texts."""

from __future__ import annotations

import math
import random

import pytest
from river import dummy, evaluate, metrics, stats

from cem.learning.contract import Model
from cem.learning.evaluation.satisfaction import measure
from cem.learning.satisfaction import CES, CSAT, NPS, RECIPES, SatisfactionModel, SurveyInput
from cem.learning.snapshot import SnapshotError, digest
from cem.learning.tabular.river_face import AsRegressor


def _rows(rows: int, seed: int = 1, scale: tuple[float, float] = CSAT) -> list[tuple[SurveyInput, float]]:
    """Waiting and unsolved problems make unhappy, within the scale, in whole numbers."""
    dice = random.Random(seed)
    low, high = scale
    found = []
    for _ in range(rows):
        wait, solved = dice.expovariate(1 / 100), dice.random() < 0.6
        share = 0.75 - wait / 500 - (0.0 if solved else 0.35) + dice.gauss(0, 0.15)
        answer = float(round(low + (high - low) * min(1.0, max(0.0, share))))
        found.append((SurveyInput({"wait_s": wait, "resolution": "solved" if solved else "open"}), answer))
    return found


@pytest.mark.parametrize("scale", [CSAT, NPS, CES])
@pytest.mark.parametrize("recipe", RECIPES)
def test_it_beats_the_mean_on_any_scale(recipe: str, scale: tuple[float, float]) -> None:
    """Predicted before it is learnt, its error is well below the running mean's, and nine in ten lie inside."""
    model = SatisfactionModel(recipe, scale)
    assert isinstance(model, Model)
    rows = _rows(700, scale=scale)
    predictions, errors, total = [], [], sum(scale) / 2
    for number, (x, answer) in enumerate(rows):
        predictions.append(model.predict_one(x))
        errors.append(abs(total / (number + 1) - answer))
        model.learn_one(x, answer)
        total += answer
    found = measure([answer for _, answer in rows], predictions)
    assert (found["mae"] or 9) < 0.75 * sum(errors) / len(errors)
    assert 0.87 < (found["coverage"] or 0) < 0.93
    assert all(scale[0] <= each.low <= each.point <= each.high <= scale[1] for each in predictions)


@pytest.mark.parametrize("answer", [0, 6, -1, math.nan, math.inf, "5", None, True])
def test_an_answer_off_the_scale_is_refused(answer: object) -> None:
    """Nothing changes but the count."""
    model = SatisfactionModel()
    assert model.learn_one(SurveyInput({"wait_s": 1.0}), answer) is False  # type: ignore[arg-type]
    assert model.refusals["label"] == 1
    assert model.learnt == 0


def test_before_any_answer_it_says_the_middle_and_a_wide_interval() -> None:
    """What it does not know is its prior: the middle of the scale, give or take most of it."""
    said = SatisfactionModel().predict_one(SurveyInput({"wait_s": 10.0}))
    assert said.point == 3.0
    assert said.high - said.low > 2.0


def test_answers_of_those_who_seldom_answer_weigh_more() -> None:
    """The young answer one time in ten and are unhappy: weighed, the mean of the answers is that of all."""
    dice = random.Random(2)
    model = SatisfactionModel("bayes")
    answers = []
    for _ in range(2500):
        young = dice.random() < 0.5
        x = SurveyInput({"age": dice.gauss(20 if young else 60, 3)})
        answered = dice.random() < (0.1 if young else 0.6)
        model.learn_asked(x, answered)
        if answered:
            answers.append((x, 2.0 if young else 4.0))
    weights = [model.weight(x) for x, _ in answers]
    weighed = sum(w * answer for w, (_, answer) in zip(weights, answers, strict=True)) / sum(weights)
    assert weighed == pytest.approx(3.0, abs=0.15)
    assert sum(answer for _, answer in answers) / len(answers) > 3.5


def test_nobody_knows_who_answers_before_many_were_asked() -> None:
    """Until a hundred were asked every answer weighs the same."""
    model = SatisfactionModel("bayes")
    for number in range(99):
        model.learn_asked(SurveyInput({"age": 20.0 + number}), number % 2 == 0)
    assert model.weight(SurveyInput({"age": 20.0})) == 1.0


def test_words_tell() -> None:
    """A text alone separates the content from the angry; before any answer the lists of words do nothing yet."""
    model = SatisfactionModel()
    good, bad = "great service, thank you so much", "terrible, still broken and nobody answers"
    for number in range(120):
        model.learn_one(
            SurveyInput(text=good if number % 2 else bad, channel="sms"), 5.0 if number % 2 else 1.0
        )
    happy = model.predict_one(SurveyInput(text=good, channel="sms"))
    angry = model.predict_one(SurveyInput(text=bad, channel="sms"))
    assert happy.point > 4.0 > 2.0 > angry.point


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_restored_model_goes_on_bit_for_bit(recipe: str) -> None:
    """Snapshot, restore and go on equals going on without; with texts and with who was asked."""
    whole = SatisfactionModel(recipe)
    for number, (plain, answer) in enumerate(_rows(320, 7)):
        x = SurveyInput(plain.features, "thanks" if answer > 3 else "bad", "call")
        if number == 180:
            half = SatisfactionModel(recipe)
            half.restore(whole.snapshot())
        for model in (whole, half) if number >= 180 else (whole,):
            model.learn_asked(x, number % 3 == 0)
            model.learn_one(x, answer)
    assert digest(half.snapshot()) == digest(whole.snapshot())


def test_a_snapshot_of_another_scale_is_refused() -> None:
    """NPS is no CSAT."""
    with pytest.raises(SnapshotError, match="scale"):
        SatisfactionModel(scale=CSAT).restore(SatisfactionModel(scale=NPS).snapshot())


def test_hostile_features_leave_it_finite() -> None:
    """NaN, infinity, giants, empty and enormous texts: answers stay on the scale, and the snapshot is finite."""
    dice = random.Random(8)
    model = SatisfactionModel()
    values = [math.nan, math.inf, 1e300, None, "", "x", 3.0, -1e14]
    texts = ["", "x" * 20_000, "\x00\ud800", "ok", "👍" * 50]
    for _ in range(150):
        x = SurveyInput(
            {name: dice.choice(values) for name in "abc"}, dice.choice(texts), dice.choice(("", "sms"))
        )
        model.learn_one(x, dice.choice((1, 3, 5)))
        model.learn_asked(x, dice.random() < 0.5)
        said = model.predict_one(x)
        assert 1.0 <= said.low <= said.point <= said.high <= 5.0
    SatisfactionModel().restore(model.snapshot())


def test_drivers_are_in_points() -> None:
    """A long wait and an open problem lower it, and the words say so."""
    model = SatisfactionModel()
    for x, answer in _rows(600):
        model.learn_one(x, answer)
    found = model.drivers(SurveyInput({"wait_s": 350.0, "resolution": "open"}), 2)
    assert {each.feature for each in found} == {"wait_s", "resolution"}
    assert all(-4 < each.effect < 0 and each.words.endswith("lowers it") for each in found)


def test_it_is_judged_by_river() -> None:
    """As an estimator of River it is scored by River's own evaluation, and beats River's running mean there."""
    rows = _rows(700)
    ours = evaluate.progressive_val_score(rows, AsRegressor(SatisfactionModel()), metrics.MAE()).get()
    mean = evaluate.progressive_val_score(
        [({}, answer) for _, answer in rows], dummy.StatisticRegressor(stats.Mean()), metrics.MAE()
    ).get()
    assert ours < 0.75 * mean
