"""Figures of the models of text: sentiment in two languages, and the reason of a contact. One pass each, seeded."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from bench.common import Row, Target, say
from cem.importing.arrangement import Order, arranged
from cem.importing.label_map import read_text_map
from cem.importing.labelled_texts import TextRow, read_texts
from cem.learning.contract import Model, TextInput
from cem.learning.evaluation import reason, sentiment
from cem.learning.evaluation.prequential import Labelled, evaluate
from cem.learning.evaluation.reason import reason_evaluation
from cem.learning.evaluation.sentiment import sentiment_evaluation
from cem.learning.text_reason import ReasonModel
from cem.learning.text_sentiment import SentimentModel

__all__ = ["TARGETS", "measured"]

#: Set -> file, map, share held out where the map does not say, order.
_SETS: Final = {
    "airline": (
        "sentiment_airline/airline_tweets.csv.gz",
        "{text: {column: text}, label: {column: airline_sentiment}}",
        0.2,
        Order(),
    ),
    "vsfc": (
        "sentiment_vi_vsfc/uit_vsfc.csv.gz",
        "{text: {column: text}, label: {column: label}, holdout: {column: split, equals: [test]},"
        " where: {column: split, equals: [train, test]}}",
        None,
        Order(seed=42),
    ),
    "aivivn": (
        "sentiment_vi_aivivn/aivivn2019_train.csv.gz",
        "{text: {column: text}, label: {column: label}}",
        0.2,
        Order(seed=42),
    ),
    "vlsp": (
        "sentiment_vi_vlsp2016/vlsp2016_sa.csv.gz",
        "{text: {column: text}, label: {column: label}, holdout: {column: split, equals: [test]}}",
        None,
        Order(seed=42),
    ),
    "banking77": (
        "reason_banking77/banking77.csv.gz",
        "{text: {column: text}, label: {column: category}, holdout: {column: split, equals: [test]}}",
        None,
        Order(seed=42),
    ),
}
_SENTIMENT: Final = ("airline", "vsfc", "aivivn", "vlsp")
_VIETNAMESE: Final = ("vsfc", "aivivn", "vlsp")
#: Orders in which the four sources are mixed for the one model.
_MIXED: Final = (1, 2)

Example = Labelled[TextInput, str]

TARGETS: Final = (
    Target("sentiment, one model: airline macro-F1", least=0.752, of="value"),
    Target("sentiment, one model: vsfc macro-F1", least=0.760, of="value"),
    Target("sentiment, one model: aivivn macro-F1", least=0.905, of="value"),
    Target("sentiment, one model: vlsp macro-F1", least=0.713, of="value"),
    Target("sentiment: prior alone, airline AUC", least=0.86, of="value"),
    Target("sentiment: airline macro-F1 after 500", least=0.69, of="value"),
    Target("sentiment: airline first 500, prequential", least=0.66, of="value"),
    Target("sentiment: predict, features included", most=110, of="value"),
    Target("sentiment: learn, features included", most=150, of="value"),
    Target("sentiment, light: predict, features included", most=60, of="value"),
    Target("sentiment, light: learn, features included", most=90, of="value"),
    Target("sentiment: memory", most=16, of="value"),
    Target("sentiment: snapshot written and read", most=300, of="value"),
    *(
        Target(f"sentiment, warm: {source} to {target}, after 500", least=0.0, of="value")
        for source in _VIETNAMESE
        for target in _VIETNAMESE
        if source != target
    ),
    *(
        Target(f"sentiment, warm: {source} to {target}, at the end", least=-0.005, of="value")
        for source in _VIETNAMESE
        for target in _VIETNAMESE
        if source != target
    ),
    Target("reason: banking77 accuracy after 500", least=0.64, of="value"),
    Target("reason: banking77 accuracy after 2,000", least=0.81, of="value"),
    Target("reason: banking77 accuracy after all", least=0.918, of="value"),
    Target("reason: banking77 among the first three", least=0.977, of="value"),
    Target("reason: foreign texts called unknown", least=0.80, of="value"),
    Target("reason: known texts answered", least=0.95, of="value"),
    Target("reason: memory", most=96, of="value"),
    Target("reason: snapshot written and read", most=300, of="value"),
)


def measured(data: Path) -> Iterator[Row]:
    """Yield the figures; `data` is the folder with the data sets. CPU time of this thread, not of the wall."""
    sets = {name: _read(data, name) for name in _SENTIMENT}
    say("one sentiment model for all four sources")
    yield from _one_model(sets)
    say("the same without n-grams of letters")
    yield from _one_model(sets, recipe="hashed-light", prefix="sentiment, light")
    say("sentiment from nothing, tweets in order of time")
    yield from _cold(sets["airline"])
    say("warm starts")
    yield from _warm({name: sets[name] for name in _VIETNAMESE})
    say("the reason of a contact")
    yield from _reason(_read(data, "banking77"), [row.x for row in sets["airline"][0]])


def _read(data: Path, name: str) -> tuple[list[Example], list[Example]]:
    """Return the examples to learn, in order, and those held out."""
    file, rule, share, order = _SETS[name]
    rows: list[TextRow] = list(read_texts(data / file, read_text_map(rule, name)))
    learnt, held_out = arranged(rows, order, share)
    return _examples(learnt), _examples(held_out)


def _examples(rows: Sequence[TextRow], channel: str = "") -> list[Example]:
    return [Labelled(TextInput(row.text, channel), row.label or "") for row in rows]


def _at(name: str, rows: Sequence[Example]) -> list[Example]:
    return [Labelled(TextInput(row.x.text, name), row.y) for row in rows]


def _one_model(
    sets: dict[str, tuple[list[Example], list[Example]]], recipe: str = "hashed", prefix: str = "sentiment"
) -> Iterator[Row]:
    """All sources come mixed, each as a channel; means over two orders. Memory and snapshot are of the last model."""
    found: dict[str, list[float]] = {name: [] for name in sets}
    model = SentimentModel(recipe)
    costs: list[dict[str, float]] = []
    for seed in _MIXED:
        model = SentimentModel(recipe)
        stream = _mixed({name: _at(name, learnt) for name, (learnt, _) in sets.items()}, seed)
        report = evaluate(sentiment_evaluation(model), stream, [], clock_ns=time.thread_time_ns)
        costs.append(report.cost_us)
        for name, (_, held_out) in sets.items():
            found[name].append(_macro_f1(model, _at(name, held_out)))
    for name, values in found.items():
        yield Row(f"{prefix}, one model: {name} macro-F1", sum(values) / len(values), "macro-F1")
    for step in ("predict", "learn"):
        yield Row(f"{prefix}: {step}, features included", min(each[step] for each in costs), "us CPU")
    yield from _size(model, prefix, SentimentModel(recipe))


def _mixed(streams: dict[str, list[Example]], seed: int) -> list[Example]:
    turns = [name for name, rows in streams.items() for _ in rows]
    random.Random(seed).shuffle(turns)
    rows = {name: iter(each) for name, each in streams.items()}
    return [next(rows[name]) for name in turns]


def _cold(airline: tuple[list[Example], list[Example]]) -> Iterator[Row]:
    report = evaluate(sentiment_evaluation(SentimentModel()), *airline, clock_ns=time.thread_time_ns)
    yield Row("sentiment: prior alone, airline AUC", report.zero_shot["auc"], "AUC")
    after_500 = next(point.holdout["macro_f1"] for point in report.curve if point.rows == 500)
    yield Row("sentiment: airline macro-F1 after 500", after_500, "macro-F1")
    yield Row("sentiment: airline first 500, prequential", report.first_500["macro_f1"], "macro-F1")
    yield Row("sentiment: airline alone, macro-F1 after all", report.holdout["macro_f1"], "macro-F1")


def _warm(sets: dict[str, tuple[list[Example], list[Example]]]) -> Iterator[Row]:
    """What a start from another source changes, against the start from nothing: macro-F1 warm less cold."""
    cold = {name: _after(SentimentModel(), *each) for name, each in sets.items()}
    for source, (rows, _) in sets.items():
        taught = SentimentModel()
        for x, y in rows:
            taught.learn_one(x, y)
        snapshot = taught.snapshot()
        for target, each in sets.items():
            if target != source:
                model = SentimentModel()
                model.restore(snapshot)
                model.warmed()
                early, late = _after(model, *each)
                name = f"sentiment, warm: {source} to {target}"
                yield Row(f"{name}, after 500", early - cold[target][0], "macro-F1 more")
                yield Row(f"{name}, at the end", late - cold[target][1], "macro-F1 more")


def _after(model: SentimentModel, rows: list[Example], held_out: list[Example]) -> tuple[float, float]:
    """Return macro-F1 on the held-out rows after 500 rows and after all."""
    for x, y in rows[:500]:
        model.learn_one(x, y)
    early = _macro_f1(model, held_out)
    for x, y in rows[500:]:
        model.learn_one(x, y)
    return early, _macro_f1(model, held_out)


def _macro_f1(model: SentimentModel, rows: list[Example]) -> float:
    found = sentiment.measure([row.y for row in rows], model.predict_many([row.x for row in rows]))[
        "macro_f1"
    ]
    assert found is not None
    return found


def _reason(banking: tuple[list[Example], list[Example]], foreign: list[TextInput]) -> Iterator[Row]:
    model = ReasonModel()
    learnt, held_out = banking
    report = evaluate(reason_evaluation(model), learnt, held_out, clock_ns=time.thread_time_ns)
    for point in report.curve:
        if point.rows in (500, 2000):
            yield Row(
                f"reason: banking77 accuracy after {point.rows:,}", point.holdout["accuracy"], "accuracy"
            )
    yield Row("reason: banking77 accuracy after all", report.holdout["accuracy"], "accuracy")
    yield Row("reason: banking77 among the first three", report.holdout["top3"], "share")
    yield Row("reason: known texts answered", 1 - report.holdout["unknown_share"], "share")
    unknown = reason.unknown_share(model.predict_many(foreign))
    yield Row("reason: foreign texts called unknown", unknown or 0.0, "share")
    for step in ("predict", "learn"):
        yield Row(f"reason: {step}, features included", report.cost_us[step], "us CPU")
    yield from _size(model, "reason", ReasonModel())


def _size(
    model: SentimentModel | ReasonModel, prefix: str, fresh: Model[TextInput, str, object]
) -> Iterator[Row]:
    """Memory, and what a snapshot takes: written and read back."""
    data, written_ms = _timed(model.snapshot)
    _, read_ms = _timed(lambda: fresh.restore(data))
    yield Row(f"{prefix}: memory", model.memory_bytes() / 1e6, "MB")
    yield Row(f"{prefix}: snapshot", len(data) / 1e6, "MB")
    yield Row(f"{prefix}: snapshot written and read", written_ms + read_ms, "ms CPU")


def _timed(work: Callable[[], bytes | None]) -> tuple[bytes, float]:
    before = time.thread_time()
    done = work()
    return done or b"", (time.thread_time() - before) * 1000
