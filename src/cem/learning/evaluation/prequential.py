"""Evaluation as the stream would have it: each row is predicted before it is learnt, once (Dawid, Prequential, 1984).

Pure but for what is passed in: the clock that measures cost, and who is told of progress.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Generic, NamedTuple, TypeVar

import msgspec

from cem.learning.contract import Model
from cem.learning.evaluation.report import CurvePoint, Metrics, Report, metrics

__all__ = ["Evaluation", "Labelled", "curve_rows", "evaluate", "learn_all"]

_FIRST: Final = 500
#: Rows on which the features alone are timed.
_TIMED: Final = 2000

X = TypeVar("X")
Y = TypeVar("Y")
P = TypeVar("P")


class Labelled(NamedTuple, Generic[X, Y]):
    """An example: what was known, and what it turned out to be."""

    x: X
    y: Y


class Evaluation(msgspec.Struct, Generic[X, Y, P], frozen=True):
    """What is particular to one model's evaluation."""

    model: Model[X, Y, P]
    #: Truths and predictions, row by row -> measure's name to value; None and what is not finite is left out.
    measure: Callable[[Sequence[Y], Sequence[P]], Mapping[str, float | None]]
    #: What the model does first with any x, to be timed alone; None: nothing worth timing.
    features: Callable[[X], object] | None = None
    #: Whether the model has something to say before it has learnt any of these rows.
    says_something: Callable[[], bool] = lambda: True


def evaluate(
    evaluation: Evaluation[X, Y, P],
    learnt: Sequence[Labelled[X, Y]],
    held_out: Sequence[Labelled[X, Y]],
    *,
    clock_ns: Callable[[], int],
    on_rows: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Return the report on the rows in their order; the model has learnt all of `learnt` and none of `held_out`.

    clock_ns: any clock of nanoseconds; costs are its differences. on_rows: told rows done, and of how many.
    """
    model, measure = evaluation.model, evaluation.measure
    zero_shot: Metrics = {}
    if evaluation.says_something():
        everything = [*learnt, *held_out]
        zero_shot = metrics(
            measure([row.y for row in everything], model.predict_many([row.x for row in everything]))
        )
    truths: list[Y] = []
    predictions: list[P] = []
    curve: list[CurvePoint] = []
    held_metrics: Metrics = {}
    points = curve_rows(len(learnt))
    predict_ns = learn_ns = 0
    for done, (x, y) in enumerate(learnt, 1):
        before = clock_ns()
        prediction = model.predict_one(x)
        between = clock_ns()
        model.learn_one(x, y)
        after = clock_ns()
        predict_ns += between - before
        learn_ns += after - between
        truths.append(y)
        predictions.append(prediction)
        if done in points:
            held_metrics = _held_out(evaluation, held_out)
            curve.append(CurvePoint(done, metrics(measure(truths, predictions)), held_metrics))
        on_rows(done, len(learnt))
    cost: dict[str, float] = {}
    if learnt:
        cost = {"predict": predict_ns / len(learnt) / 1000, "learn": learn_ns / len(learnt) / 1000}
        if evaluation.features is not None:
            cost["features"] = _features_us(evaluation.features, [row.x for row in learnt[:_TIMED]], clock_ns)
    elif held_out:
        held_metrics = _held_out(evaluation, held_out)
    return Report(
        model=model.name,
        recipe=model.recipe,
        rows=len(learnt) + len(held_out),
        metrics=metrics(measure(truths, predictions)) if truths else {},
        first_500=metrics(measure(truths[:_FIRST], predictions[:_FIRST])) if truths else {},
        holdout={"rows": len(held_out), **held_metrics} if held_out else {},
        zero_shot=zero_shot,
        curve=curve,
        cost_us={name: round(value, 1) for name, value in cost.items()},
    )


def learn_all(
    model: Model[X, Y, Any],
    rows: Sequence[Labelled[X, Y]],
    on_rows: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Return how many of the rows the model learnt; it has seen all of them."""
    learnt = 0
    for done, (x, y) in enumerate(rows, 1):
        learnt += model.learn_one(x, y)
        on_rows(done, len(rows))
    return learnt


def curve_rows(total: int) -> frozenset[int]:
    """Return where the curve has its points: 100, 500, 1,000, 2,000, 5,000, 10,000 ... below `total`, and there."""
    return frozenset(each for each in _steps(total) if each < total) | {total}


def _steps(total: int) -> Iterator[int]:
    yield from (100, 500)
    size = 1000
    while size <= total:
        yield from (size, 2 * size, 5 * size)
        size *= 10


def _held_out(evaluation: Evaluation[X, Y, P], held_out: Sequence[Labelled[X, Y]]) -> Metrics:
    if not held_out:
        return {}
    predictions = evaluation.model.predict_many([row.x for row in held_out])
    return metrics(evaluation.measure([row.y for row in held_out], predictions))


def _features_us(features: Callable[[X], object], xs: Sequence[X], clock_ns: Callable[[], int]) -> float:
    before = clock_ns()
    for x in xs:
        features(x)
    return (clock_ns() - before) / len(xs) / 1000
