"""Evaluation as the stream would have it: predicted before learnt, held out never learnt."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from cem.learning.contract import ClassScores, TextInput
from cem.learning.evaluation.prequential import Evaluation, Labelled, curve_rows, evaluate, learn_all
from cem.learning.examples import Example, ExampleError, decode_example, encode_example


class Parrot:
    """Predicts the last label that it learnt, "a" before the first; refuses "x"."""

    name = "parrot"
    recipe = "echo"
    version = -1

    def __init__(self) -> None:
        self.learnt: list[int] = []
        self.last = "a"
        self.refusals: dict[str, int] = {}

    def predict_one(self, x: int) -> ClassScores:
        assert x not in self.learnt
        return ClassScores({self.last: 1.0}, self.last)

    def predict_many(self, xs: Sequence[int]) -> list[ClassScores]:
        return [self.predict_one(x) for x in xs]

    def learn_one(self, x: int, y: str) -> bool:
        if y == "x":
            return False
        self.learnt.append(x)
        self.last = y
        return True

    def snapshot(self) -> bytes:
        return b""

    def restore(self, data: bytes) -> None:
        self.learnt = []


def measure(truths: Sequence[str], predictions: Sequence[ClassScores]) -> dict[str, float | None]:
    hits = sum(truth == each.label for truth, each in zip(truths, predictions, strict=True))
    return {"accuracy": hits / len(truths) if truths else None}


def rows(labels: str, start: int = 0) -> list[Labelled[int, str]]:
    return [Labelled(start + at, label) for at, label in enumerate(labels)]


def test_each_row_is_predicted_before_it_is_learnt() -> None:
    """A model that only repeats is wrong at each change; held-out rows are predicted at the end and never learnt."""
    model = Parrot()
    ticks = iter(range(0, 10**9, 1000))
    report = evaluate(
        Evaluation(model, measure, lambda x: x), rows("aabb"), rows("bbba", 100), clock_ns=lambda: next(ticks)
    )
    assert report.metrics == {"accuracy": 0.75}
    assert report.holdout == {"rows": 4, "accuracy": 0.75}
    assert report.zero_shot == {"accuracy": 0.375}
    assert model.learnt == [0, 1, 2, 3]
    assert report.rows == 8
    assert report.cost_us == {"predict": 1.0, "learn": 1.0, "features": 0.2}
    assert [point.rows for point in report.curve] == [4]


def test_first_500_and_the_curve() -> None:
    """The curve has its points at 100, 500, 1,000, 2,000 and at the end; the first 500 are measured apart."""
    report = evaluate(Evaluation(Parrot(), measure), rows("a" * 500 + "ab" * 1000), [], clock_ns=lambda: 0)
    assert [point.rows for point in report.curve] == [100, 500, 1000, 2000, 2500]
    assert report.first_500 == {"accuracy": 1.0}
    assert report.metrics["accuracy"] < 0.3
    assert report.curve[0].holdout == {}


def test_a_model_with_nothing_to_say_has_no_zero_shot() -> None:
    """Where nothing is known before the first row, the report does not pretend."""
    evaluation = Evaluation(Parrot(), measure, says_something=lambda: False)
    report = evaluate(evaluation, rows("ab"), [], clock_ns=lambda: 0)
    assert report.zero_shot == {}
    assert "zero_shot" not in report.document(rejected=3)
    assert list(report.document(rejected=3))[:4] == ["model", "recipe", "rows", "rejected"]


def test_nothing_to_learn_is_measured_all_the_same() -> None:
    """Only held-out rows, or no rows at all, give a report without a curve of learning."""
    assert evaluate(Evaluation(Parrot(), measure), [], rows("ab"), clock_ns=lambda: 0).holdout == {
        "rows": 2,
        "accuracy": 0.5,
    }
    assert evaluate(Evaluation(Parrot(), measure), [], [], clock_ns=lambda: 0).rows == 0


def test_learning_counts_what_was_learnt() -> None:
    """What the model refuses is not counted."""
    assert learn_all(Parrot(), rows("abxb")) == 3


@pytest.mark.parametrize(
    ("total", "expected"),
    [(0, {0}), (100, {100}), (101, {100, 101}), (6000, {100, 500, 1000, 2000, 5000, 6000})],
)
def test_where_the_curve_has_points(total: int, expected: set[int]) -> None:
    """One, two and five times powers of ten from 1,000 on, 100 and 500 before, and the end."""
    assert curve_rows(total) == expected


def test_an_example_goes_through_the_log() -> None:
    """What was known, the label and where it came from come back as plain data; anything else is refused."""
    sent = Example(TextInput("slow line", "call"), "negative", 1_700_000_000_000, "tweets.csv#1")
    assert decode_example(encode_example(sent)) == Example(
        {"text": "slow line", "channel": "call"}, "negative", 1_700_000_000_000, "tweets.csv#1"
    )
    for value in (b"", b"[]", b"{}", b"\xff", b"[" * 100_000):
        with pytest.raises(ExampleError, match="no example"):
            decode_example(value)
