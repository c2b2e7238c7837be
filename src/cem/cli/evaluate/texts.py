"""Evaluation of the models of text: sentiment and the reason of a contact."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from cem.cli.errors import USAGE, Failure
from cem.cli.evaluate.maps import read_map
from cem.cli.evaluate.request import Answer, Request
from cem.importing.arrangement import arranged
from cem.importing.document import MapError, nearest
from cem.importing.label_map import TextMap, read_text_map
from cem.importing.labelled_texts import TextRow, read_texts
from cem.learning.contract import TextInput
from cem.learning.evaluation.prequential import Evaluation, Labelled, evaluate, learn_all
from cem.learning.evaluation.sentiment import sentiment_evaluation
from cem.learning.snapshot import SnapshotError
from cem.learning.text_sentiment import LABELS, RECIPES, SentimentModel

__all__ = ["labelled_rows", "run", "text_model"]

#: Files that a model is warmed with are learnt as one, in an order of their own.
_WARM_SEED: Final = 1


def run(request: Request) -> Answer:
    """Return what `cem evaluate sentiment` or `reason` prints."""
    rule = read_map(request.map_file, read_text_map)
    if request.order.by_time and rule.time is None:
        raise MapError(f"{request.map_file}: --order time needs a 'time' entry")
    model = text_model(request.model, request.recipe)
    _warm(model, request)
    rows, rejected = labelled_rows(request.file, rule, model, request.limit, request.on_rows)
    learnt, held_out = arranged(rows, request.order, request.holdout)
    report = evaluate(
        _evaluation(model),
        [_example(row) for row in learnt],
        [_example(row) for row in held_out],
        clock_ns=request.clock_ns,
        on_rows=lambda done, total: request.on_rows("learnt", done, total),
    )
    return report.document(rejected)


def text_model(name: str, recipe: str | None) -> Any:
    """Return a model that has learnt nothing. Raises Failure for a recipe that is not known."""
    if recipe is not None and recipe not in RECIPES:
        raise Failure(f"{name} has no recipe {recipe!r}.{nearest(recipe, RECIPES)}", USAGE)
    return SentimentModel(recipe or "hashed")


def labelled_rows(
    file: Path,
    rule: TextMap,
    model: Any,
    limit: int | None,
    on_rows: Callable[[str, int, int | None], None],
) -> tuple[list[TextRow], int]:
    """Return the rows whose label the model can learn, and how many others there were."""
    rows: list[TextRow] = []
    rejected = 0
    for row in read_texts(file, rule, limit=limit):
        if row.fault or (model.name == "sentiment" and row.label not in LABELS):
            rejected += 1
        else:
            rows.append(row)
        on_rows("read", len(rows), None)
    return rows, rejected


def _evaluation(model: Any) -> Evaluation[TextInput, str, Any]:
    return sentiment_evaluation(model)


def _example(row: TextRow) -> Labelled[TextInput, str]:
    return Labelled(TextInput(row.text, row.channel, row.fields), row.label or "")


def _warm(model: Any, request: Request) -> None:
    """Let the model learn what --warm names."""
    rows: list[TextRow] = []
    for file, map_file in request.warm:
        if map_file is None:
            try:
                model.restore(file.read_bytes())
            except OSError as error:
                raise Failure(f"{file}: {error.strerror}", USAGE) from None
            except SnapshotError as error:
                raise Failure(f"{file}: {error}", USAGE) from None
        else:
            rule = read_map(map_file, read_text_map)
            rows += labelled_rows(file, rule, model, None, request.on_rows)[0]
    random.Random(_WARM_SEED).shuffle(rows)  # noqa: S311 (an order to be repeated, no secret)
    learn_all(
        model,
        [_example(row) for row in rows],
        lambda done, total: request.on_rows("warmed", done, total),
    )
    if request.warm:
        model.warmed()
