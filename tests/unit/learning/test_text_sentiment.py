"""Sentiment: knows something before the first label, learns one at a time, survives anything, becomes bytes and back."""

from __future__ import annotations

import math

import numpy as np
import pytest
from river import compose, drift, linear_model, metrics, multiclass

from cem.learning.contract import NOTHING_LEARNT, Model, TextInput
from cem.learning.river_face import AsClassifier
from cem.learning.snapshot import SnapshotError, digest
from cem.learning.text_features import TextFeatures
from cem.learning.text_sentiment import LABELS, SentimentModel
from tests.builders.texts import hostile_texts, messages


def learnt(count: int = 400, *, channel: str = "", seed: int = 1) -> SentimentModel:
    model = SentimentModel()
    for x, y in messages(count, seed):
        model.learn_one(TextInput(x.text, channel), y)
    return model


def share_right(model: SentimentModel, count: int = 200, seed: int = 9) -> float:
    return sum(model.predict_one(x).label == y for x, y in messages(count, seed)) / count


def all_finite(model: SentimentModel) -> bool:
    return bool(np.isfinite(model._softmax.table).all())


def test_it_keeps_the_contract() -> None:
    """It is a model of the one contract, at version -1 until it is told otherwise."""
    model = SentimentModel()
    assert isinstance(model, Model)
    assert (model.name, model.recipe, model.version) == ("sentiment", "hashed", NOTHING_LEARNT)


def test_the_prior_speaks_before_the_first_label() -> None:
    """A model that has learnt nothing tells praise from complaint in both languages, and is unsure of the rest."""
    model = SentimentModel()
    for text, label in (("excellent, thank you", "positive"), ("quá tệ, thất vọng", "negative")):
        assert model.predict_one(TextInput(text)).label == label
    unsure = model.predict_one(TextInput("the shop on monday")).probabilities
    assert max(unsure.values()) == pytest.approx(1 / 3)


def test_it_learns_words_that_no_list_has() -> None:
    """After some hundred labels, words of no list decide; probabilities sum to 1 in the order of the labels."""
    assert share_right(SentimentModel()) < 0.6
    model = learnt()
    assert share_right(model) > 0.9
    found = model.predict_one(TextInput("zalfa")).probabilities
    assert tuple(found) == LABELS
    assert math.isclose(sum(found.values()), 1.0)


def test_predicting_changes_nothing() -> None:
    """Predictions of any text, one by one or many at once, leave the model equal by hash, and agree."""
    model = learnt(50)
    before = digest(model.snapshot())
    texts = [TextInput(text, "never seen") for text in hostile_texts()]
    assert model.predict_many(texts) == [model.predict_one(x) for x in texts]
    assert digest(model.snapshot()) == before


def test_the_same_examples_give_the_same_model() -> None:
    """Equal examples in equal order: equal by hash; another order: another model."""
    assert digest(learnt(100).snapshot()) == digest(learnt(100).snapshot())
    assert digest(learnt(100).snapshot()) != digest(learnt(100, seed=2).snapshot())


def test_a_snapshot_goes_on_where_the_model_was() -> None:
    """A restored model predicts and learns on as the other does, version and refusals included."""
    model = learnt(150, channel="email")
    model.learn_one(TextInput("x"), "furious")
    model.version = 149
    other = SentimentModel()
    other.restore(model.snapshot())
    assert (other.version, other.refusals) == (149, {"label": 1})
    for x, y in messages(50, seed=5):
        assert model.predict_one(x) == other.predict_one(x)
        model.learn_one(x, y)
        other.learn_one(x, y)
    assert digest(model.snapshot()) == digest(other.snapshot())


def test_a_snapshot_of_another_recipe_is_refused_and_changes_nothing() -> None:
    """Features of another recipe mean something else; the model stays what it was."""
    model = learnt(20)
    before = digest(model.snapshot())
    with pytest.raises(SnapshotError, match="'hashed-light', not 'hashed'"):
        model.restore(SentimentModel("hashed-light").snapshot())
    with pytest.raises(SnapshotError):
        model.restore(b"nothing")
    assert digest(model.snapshot()) == before


@pytest.mark.parametrize("label", ["furious", "", "Positive", "1", None, 1, float("nan")])
def test_a_label_that_is_none_of_the_three_is_counted_and_not_learnt(label: object) -> None:
    """Nothing changes but the count."""
    model = learnt(20)
    table = model._softmax.table.copy()
    assert model.learn_one(TextInput("zalfa"), label) is False  # type: ignore[arg-type]
    assert model.refusals == {"label": 1}
    assert (model._softmax.table == table).all()


def test_no_text_breaks_it() -> None:
    """Hostile texts are learnt and predicted: finite probabilities, finite weights, and the rest is still known."""
    model = learnt(300)
    for label in LABELS:
        for text in hostile_texts():
            model.learn_one(TextInput(text, text[:50]), label)
            assert all(math.isfinite(p) for p in model.predict_one(TextInput(text)).probabilities.values())
    assert all_finite(model)
    assert share_right(model) > 0.8


def test_quality_recovers_from_a_poisoned_burst() -> None:
    """Two hundred contradicting labels hurt; as many right ones mend it."""
    model = learnt(300)
    turned = {"positive": "negative", "negative": "positive", "neutral": "positive"}
    for x, y in messages(200, seed=3):
        model.learn_one(x, turned[y])
    assert share_right(model) < 0.6
    for x, y in messages(500, seed=4):
        model.learn_one(x, y)
    assert share_right(model) > 0.9
    assert all_finite(model)


def test_channels_are_limited_and_counted() -> None:
    """A channel beyond the limit is learnt as none in particular."""
    model = SentimentModel()
    for number in range(100):
        assert model.learn_one(TextInput("zalfa", f"channel {number}"), "positive")
    assert model.refusals == {"channels": 36}


def test_sources_that_contradict_each_other_live_in_one_model() -> None:
    """A word that one channel praises with and another complains with is understood in both."""
    model = SentimentModel()
    for _ in range(60):
        model.learn_one(TextInput("that is sick", "street"), "positive")
        model.learn_one(TextInput("that is sick", "clinic"), "negative")
    assert model.predict_one(TextInput("that is sick", "street")).label == "positive"
    assert model.predict_one(TextInput("that is sick", "clinic")).label == "negative"


def test_a_rare_class_is_not_drowned() -> None:
    """One neutral text among twenty is still found."""
    model = SentimentModel()
    rest = [(x, y) for x, y in messages(1200) if y != "neutral"]
    neutral = [(x, y) for x, y in messages(200, seed=8) if y == "neutral"][:40]
    for at, (x, y) in enumerate(rest):
        model.learn_one(x, y)
        if at % 20 == 0 and neutral:
            model.learn_one(*neutral.pop())
    found = [model.predict_one(x).label for x, y in messages(300, seed=11) if y == "neutral"]
    assert found.count("neutral") / len(found) > 0.8


def test_a_warm_start_keeps_the_mood_and_learns_the_new_source_at_once() -> None:
    """Warmed, it still knows the words; and it unlearns what the new source means otherwise within a few dozen."""
    model = learnt(300)
    model.warmed()
    assert share_right(model) > 0.6
    for _ in range(30):
        model.learn_one(TextInput("zalfa works"), "negative")
    assert model.predict_one(TextInput("zalfa works")).label == "negative"
    other = SentimentModel()
    other.restore(model.snapshot())
    assert other.predict_one(TextInput("zalfa works")) == model.predict_one(TextInput("zalfa works"))


def test_the_light_recipe_learns_too() -> None:
    """Without n-grams of letters it is cheaper and knows the words all the same."""
    model = SentimentModel("hashed-light")
    for x, y in messages(400):
        model.learn_one(x, y)
    assert share_right(model) > 0.9


def test_it_is_a_classifier_for_river() -> None:
    """River's metrics and drift detectors take the model; drift is found when the labels turn round."""
    estimator = AsClassifier(SentimentModel())
    metric, detector = metrics.MacroF1(), drift.ADWIN(0.002)
    turned = {"positive": "negative", "negative": "neutral", "neutral": "positive"}
    drifted = []
    for at, (x, y) in enumerate([*messages(600), *((x, turned[y]) for x, y in messages(300, seed=2))]):
        label = estimator.predict_one(x)
        if at < 600:
            metric.update(y, label)
        detector.update(float(label != y))
        if detector.drift_detected:
            drifted.append(at)
        estimator.learn_one(x, y)
    assert metric.get() > 0.85
    assert any(600 < at < 800 for at in drifted)


def test_the_features_serve_rivers_own_models() -> None:
    """The transformer composes with River's learners in a pipeline."""
    pipeline = compose.Pipeline(
        TextFeatures(14), multiclass.OneVsRestClassifier(linear_model.LogisticRegression())
    )
    for x, y in messages(400):
        pipeline.learn_one(x, y)
    assert sum(pipeline.predict_one(x) == y for x, y in messages(100, seed=9)) > 80
