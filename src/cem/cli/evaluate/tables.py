"""Evaluation of the models of tables: churn, propensity, satisfaction."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from cem.cli.errors import USAGE, Failure
from cem.cli.evaluate.rejected import Rejected
from cem.cli.evaluate.request import Answer, Request
from cem.cli.evaluate.warming import learn_sources
from cem.cli.mapped_file import read_map
from cem.importing.arrangement import arranged
from cem.importing.document import MapError, nearest
from cem.importing.labelled_tables import TableRow, read_labelled_table
from cem.importing.table_map import TableMap, read_table_map
from cem.learning import churn, propensity, satisfaction
from cem.learning.evaluation.chances import churn_evaluation, propensity_evaluation
from cem.learning.evaluation.prequential import Evaluation, Labelled, evaluate
from cem.learning.evaluation.satisfaction import satisfaction_evaluation

__all__ = ["learnable", "run"]


def run(request: Request) -> Answer:
    """Return what `cem evaluate churn`, `propensity` or `satisfaction` prints."""
    rule = read_rule(request.model, request.map_file)
    if request.order.by_time and rule.time is None:
        raise MapError(f"{request.map_file}: --order time needs a 'time' entry")
    model = tabular_model(request.model, request.recipe, rule)

    def examples_of(file: Path, map_file: Path) -> list[Labelled[Any, Any]]:
        rule = read_rule(request.model, map_file)
        rows = labelled_rows(file, rule, None, request.on_rows)[0]
        return [example(request.model, row) for row in rows]

    learn_sources(model, request.warm, examples_of, request.on_rows)
    rows, rejected = labelled_rows(request.file, rule, request.limit, request.on_rows)
    learnt, held_out = arranged(rows, request.order, request.holdout)
    report = evaluate(
        _evaluation(model),
        [example(model.name, row) for row in learnt],
        [example(model.name, row) for row in held_out],
        clock_ns=request.clock_ns,
        on_rows=lambda done, total: request.on_rows("learnt", done, total),
    )
    request.on_rejected(rejected)
    return report.document(rejected.total)


def learnable(
    name: str,
    recipe: str | None,
    file: Path,
    map_file: Path,
    limit: int | None,
    on_rows: Callable[[str, int, int | None], None],
) -> tuple[Any, list[Labelled[Any, Any]], Rejected]:
    """Return a model that has learnt nothing, what it may learn of the file, and which rows cannot be used."""
    rule = read_rule(name, map_file)
    model = tabular_model(name, recipe, rule)
    rows, rejected = labelled_rows(file, rule, limit, on_rows)
    return model, [example(name, row) for row in rows if not row.held_out], rejected


def read_rule(model: str, map_file: Path) -> TableMap:
    """Return the map. Raises Failure or MapError."""
    return read_map(map_file, lambda text, name: read_table_map(text, name, model=model))


def tabular_model(name: str, recipe: str | None, rule: TableMap) -> Any:
    """Return a model that has learnt nothing. Raises Failure for a recipe that is not known."""
    recipes = {"churn": churn, "propensity": propensity, "satisfaction": satisfaction}[name].RECIPES
    if recipe is not None and recipe not in recipes:
        raise Failure(f"{name} has no recipe {recipe!r}.{nearest(recipe, recipes)}", USAGE)
    chosen = recipe or next(iter(recipes))
    if name == "churn":
        return churn.ChurnModel(chosen)
    if name == "propensity":
        return propensity.PropensityModel(chosen)
    return satisfaction.SatisfactionModel(chosen, rule.scale or satisfaction.CSAT)


def labelled_rows(
    file: Path, rule: TableMap, limit: int | None, on_rows: Callable[[str, int, int | None], None]
) -> tuple[list[TableRow], Rejected]:
    """Return the rows that can be learnt, and which others there were."""
    rows: list[TableRow] = []
    rejected = Rejected()
    for row in read_labelled_table(file, rule, limit=limit):
        if row.fault:
            rejected.add(row.fault, row.row)
        elif row.extras.get("probability") and _probability(row) is None:
            rejected.add("bad_probability", row.row)
        else:
            rows.append(row)
        on_rows("read", len(rows), None)
    return rows, rejected


def example(name: str, row: TableRow) -> Labelled[Any, Any]:
    """Return the row as the model of that name learns it."""
    if name == "churn":
        return Labelled(row.features, bool(row.label))
    said = row.extras
    if name == "propensity":
        offer = propensity.Offer(
            row.features,
            said.get("action", ""),
            said.get("channel", ""),
            said.get("group", ""),
            _probability(row) or 0.0,
        )
        return Labelled(offer, bool(row.label))
    return Labelled(
        satisfaction.SurveyInput(row.features, said.get("text", ""), said.get("channel", "")), row.label
    )


def _probability(row: TableRow) -> float | None:
    try:
        found = float(row.extras.get("probability", "0"))
    except ValueError:
        return None
    return found if 0.0 <= found <= 1.0 else None


def _evaluation(model: Any) -> Evaluation[Any, Any, Any]:
    if isinstance(model, churn.ChurnModel):
        return churn_evaluation(model)
    if isinstance(model, propensity.PropensityModel):
        return propensity_evaluation(model)
    return satisfaction_evaluation(model)
