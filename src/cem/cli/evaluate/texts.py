"""Evaluation of the models of text: sentiment and the reason of a contact."""

from __future__ import annotations

import msgspec

from cem.cli.evaluate.request import Answer, Request
from cem.cli.evaluate.text_rows import example, examples, new_model, warm
from cem.cli.mapped_file import read_map
from cem.importing.arrangement import arranged
from cem.importing.document import MapError
from cem.importing.label_map import read_text_map
from cem.importing.labelled_texts import read_texts
from cem.learning.evaluation.prequential import evaluate
from cem.learning.evaluation.reason import reason_evaluation, unknown_share
from cem.learning.evaluation.sentiment import sentiment_evaluation
from cem.learning.text_reason import ReasonModel
from cem.learning.text_sentiment import SentimentModel

__all__ = ["run"]


def run(request: Request) -> Answer:
    """Return what `cem evaluate sentiment` or `reason` prints."""
    rule = read_map(request.map_file, read_text_map)
    if request.order.by_time and rule.time is None:
        raise MapError(f"{request.map_file}: --order time needs a 'time' entry")
    model = new_model(request.model, request.recipe)
    warm(model, request.warm, request.on_rows)
    rows, rejected = examples(request.file, rule, model, request.limit, request.on_rows)
    learnt, held_out = arranged(rows, request.order, request.holdout)
    evaluation = (
        sentiment_evaluation(model) if isinstance(model, SentimentModel) else reason_evaluation(model)
    )
    report = evaluate(
        evaluation,
        [example(row) for row in learnt],
        [example(row) for row in held_out],
        clock_ns=request.clock_ns,
        on_rows=lambda done, total: request.on_rows("learnt", done, total),
    )
    if request.foreign is not None and isinstance(model, ReasonModel):
        report = msgspec.structs.replace(report, foreign_unknown_share=_foreign(model, request))
    request.on_rejected(rejected)
    return report.document(rejected.total)


def _foreign(model: ReasonModel, request: Request) -> float | None:
    """Return on what share of the texts of --foreign the model abstains, by the same map's text column."""
    assert request.foreign is not None
    rule = read_map(request.map_file, lambda text, name: read_text_map(text, name, labelled=False))
    only_texts = msgspec.structs.replace(rule, label=None, time=None, holdout=None, where=None)
    texts = [example(row).x for row in read_texts(request.foreign, only_texts) if not row.fault]
    share = unknown_share(model.predict_many(texts))
    return None if share is None else round(share, 6)
