"""Labelled texts for a model: what `cem evaluate` and `cem learn` read of a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cem.cli.errors import USAGE, Failure
from cem.cli.evaluate.rejected import Rejected
from cem.cli.evaluate.warming import OnRows, learn_sources
from cem.cli.mapped_file import read_map
from cem.importing.document import nearest
from cem.importing.label_map import TextMap, read_text_map
from cem.importing.labelled_texts import TextRow, read_texts
from cem.learning import text_reason, text_sentiment
from cem.learning.contract import TextInput
from cem.learning.evaluation.prequential import Labelled
from cem.learning.text_reason import ReasonModel
from cem.learning.text_sentiment import LABELS, SentimentModel

__all__ = ["TextModel", "example", "examples", "learnable", "new_model", "warm"]

TextModel = SentimentModel | ReasonModel


def new_model(name: str, recipe: str | None) -> TextModel:
    """Return a model that has learnt nothing. Raises Failure for a recipe that is not known."""
    known = text_sentiment.RECIPES if name == "sentiment" else text_reason.RECIPES
    chosen = next(iter(known)) if recipe is None else recipe
    if chosen not in known:
        raise Failure(f"{name} has no recipe {recipe!r}.{nearest(chosen, known)}", USAGE)
    return SentimentModel(chosen) if name == "sentiment" else ReasonModel(chosen)


def examples(
    file: Path, rule: TextMap, model: TextModel, limit: int | None, on_rows: OnRows
) -> tuple[list[TextRow], Rejected]:
    """Return the rows whose label the model can learn, and which others there were."""
    rows: list[TextRow] = []
    rejected = Rejected()
    for row in read_texts(file, rule, limit=limit):
        if row.fault:
            rejected.add(row.fault, row.row)
        elif isinstance(model, SentimentModel) and row.label not in LABELS:
            rejected.add("unknown_label", row.row)
        else:
            rows.append(row)
        on_rows("read", len(rows), None)
    return rows, rejected


def learnable(
    name: str, recipe: str | None, file: Path, map_file: Path, limit: int | None, on_rows: OnRows
) -> tuple[TextModel, list[Labelled[TextInput, str]], Rejected]:
    """Return a fresh model, the examples of the file that are not held out, and which rows cannot be used."""
    model = new_model(name, recipe)
    rows, rejected = examples(file, read_map(map_file, read_text_map), model, limit, on_rows)
    return model, [example(row) for row in rows if not row.held_out], rejected


def example(row: TextRow) -> Labelled[TextInput, str]:
    """Return the row as a model takes it."""
    return Labelled(TextInput(row.text, row.channel, row.fields), row.label or "")


def warm(model: TextModel, sources: Sequence[tuple[Path, Path | None]], on_rows: OnRows) -> None:
    """Let the model learn the sources, as `learn_sources` does; then get ready for another one."""

    def examples_of(file: Path, map_file: Path) -> list[Labelled[TextInput, str]]:
        rows = examples(file, read_map(map_file, read_text_map), model, None, on_rows)[0]
        return [example(row) for row in rows]

    learn_sources(model, sources, examples_of, on_rows)
    if sources:
        model.warmed()
