"""The reason of a contact: learnt from a handful on, unknown where it is not known, bounded, bytes and back."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cem.learning.contract import Model, TextInput
from cem.learning.snapshot import SnapshotError, digest
from cem.learning.text_reason import MAX_CLASSES, ReasonModel
from tests.builders.texts import contacts, hostile_texts, messages


def learnt(count: int = 200, *, seed: int = 1) -> ReasonModel:
    model = ReasonModel()
    for x, y in contacts(count, seed):
        model.learn_one(x, y)
    return model


def top(model: ReasonModel, x: TextInput) -> str:
    probabilities = model.predict_one(x).probabilities
    return max(probabilities, key=probabilities.__getitem__)


@pytest.fixture(scope="module")
def of_two_hundred() -> ReasonModel:
    return learnt()


def test_it_keeps_the_contract() -> None:
    """It is a model of the one contract; one that has learnt nothing knows no reason."""
    model = ReasonModel()
    assert isinstance(model, Model)
    assert model.predict_one(TextInput("my invoice")).label is None
    assert model.predict_one(TextInput("my invoice")).probabilities == {}


def test_it_learns_reasons_as_they_come(of_two_hundred: ReasonModel) -> None:
    """After two hundred contacts nearly all others are told right, and nearly none of them is called unknown."""
    others = list(contacts(100, seed=2))
    assert sum(top(of_two_hundred, x) == y for x, y in others) > 95
    assert sum(of_two_hundred.predict_one(x).label is not None for x, _ in others) > 85
    probabilities = of_two_hundred.predict_one(others[0][0]).probabilities
    assert set(probabilities) == {"billing", "network", "sim", "roaming"}
    assert math.isclose(sum(probabilities.values()), 1.0)


def test_it_says_unknown_to_another_domain(of_two_hundred: ReasonModel) -> None:
    """Texts about something else get probabilities, but no label; so do texts that say nothing."""
    foreign = [
        "the pastry chef folded cinnamon into caramel before lunch",
        "goalkeeper saves penalty and the stadium erupts",
        "photosynthesis converts sunlight inside chloroplasts",
        "",
    ]
    assert [of_two_hundred.predict_one(TextInput(text)).label for text in foreign] == [None] * 4
    assert of_two_hundred.predict_one(TextInput(foreign[0])).probabilities


def test_structured_fields_tell_the_reason() -> None:
    """The queue that the customer chose decides where the words do not."""
    model = ReasonModel()
    for _ in range(60):
        model.learn_one(TextInput("hello I need help", fields={"queue": "2"}), "billing")
        model.learn_one(TextInput("hello I need help", fields={"queue": "3"}), "network")
    assert top(model, TextInput("hello I need help", fields={"queue": "2"})) == "billing"
    assert top(model, TextInput("hello I need help", fields={"queue": "3"})) == "network"


def test_a_taxonomy_allows_no_other_reason() -> None:
    """A label that the operator's taxonomy lacks is counted and not learnt; one that is no text neither."""
    model = ReasonModel(taxonomy=["billing", "network"])
    for x, y in contacts(40):
        model.learn_one(x, y)
    assert set(model.classes) <= {"billing", "network"}
    assert model.refusals["label"] > 10
    for label in ("", None, 3, float("nan"), "x" * 300):
        assert model.learn_one(TextInput("a"), label) is False  # type: ignore[arg-type]


def test_classes_are_limited_and_counted() -> None:
    """The hundred-and-first reason is refused; those before it are still known, however late they came."""
    model = ReasonModel()
    for number in range(MAX_CLASSES + 5):
        for _ in range(2):
            model.learn_one(TextInput(f"about {_word(number)} please"), f"reason {number}")
    assert len(model.classes) == MAX_CLASSES
    assert model.refusals == {"classes": 10}
    assert top(model, TextInput(f"about {_word(97)} please")) == "reason 97"
    assert top(model, TextInput(f"about {_word(3)} please")) == "reason 3"


def test_a_reason_never_seen_is_learnt_late() -> None:
    """A reason that appears after the others is told apart after a few examples."""
    model = learnt(120)
    for _ in range(5):
        model.learn_one(TextInput("please port my number to another operator"), "porting")
    assert top(model, TextInput("port the number to an operator")) == "porting"
    assert sum(top(model, x) == y for x, y in contacts(50, seed=4)) > 45


def test_a_snapshot_goes_on_where_the_model_was() -> None:
    """A restored model predicts and learns on as the other does, and equals it by hash."""
    model = learnt(80)
    model.version = 79
    other = ReasonModel()
    other.restore(model.snapshot())
    assert other.version == 79
    for x, y in [*contacts(20, seed=5), (TextInput("port my number"), "porting")]:
        assert model.predict_one(x) == other.predict_one(x)
        model.learn_one(x, y)
        other.learn_one(x, y)
    assert digest(model.snapshot()) == digest(other.snapshot())


def test_a_wrong_snapshot_changes_nothing() -> None:
    """Another recipe's snapshot is refused with a sentence and the model stays what it was."""
    model = learnt(20)
    before = digest(model.snapshot())
    with pytest.raises(SnapshotError, match="'pooled-light', not 'pooled'"):
        model.restore(ReasonModel("pooled-light").snapshot())
    assert digest(model.snapshot()) == before


def test_no_text_breaks_it() -> None:
    """Hostile texts are predicted and learnt: probabilities and weights stay finite, the rest is still known."""
    model = learnt(150)
    for text in hostile_texts():
        model.learn_one(TextInput(text, fields={text[:20]: text[:20]}), "network")
        assert all(math.isfinite(p) for p in model.predict_one(TextInput(text)).probabilities.values())
    for table in (model._arow.weights, model._arow.variances, model._centroids.sums, model._pool):
        assert np.isfinite(table).all()
    assert (model._arow.variances > 0).all()
    assert sum(top(model, x) == y for x, y in contacts(50, seed=4)) > 45


def test_quality_recovers_from_a_poisoned_burst() -> None:
    """A hundred contradicting labels are outweighed by right ones that follow."""
    model = learnt(200)
    wrong = {"billing": "sim", "sim": "roaming", "roaming": "network", "network": "billing"}
    for x, y in contacts(100, seed=6):
        model.learn_one(x, wrong[y])
    for x, y in contacts(300, seed=7):
        model.learn_one(x, y)
    assert sum(top(model, x) == y for x, y in contacts(50, seed=4)) > 45


def test_predicting_changes_nothing(of_two_hundred: ReasonModel) -> None:
    """Predictions leave the model equal by hash, and agree one by one and many at once."""
    before = digest(of_two_hundred.snapshot())
    xs = [x for x, _ in messages(20)]
    assert of_two_hundred.predict_many(xs) == [of_two_hundred.predict_one(x) for x in xs]
    assert digest(of_two_hundred.snapshot()) == before


def _word(number: int) -> str:
    return "".join("bdfgklmnprst"[int(each) % 12] + "aeiou"[int(each) % 5] for each in f"{number:03}")
