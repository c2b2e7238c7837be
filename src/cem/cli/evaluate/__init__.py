"""`cem evaluate`: how good a model is on a file, each row predicted before it is learnt."""

from __future__ import annotations

import importlib
import time
from pathlib import Path
from typing import Final

import click

from cem.cli.errors import DONE, REJECTS, USAGE, Failure
from cem.cli.evaluate.rejected import Rejected
from cem.cli.evaluate.request import Answer, Request
from cem.cli.mapped_file import mapped_file
from cem.cli.output import json_option, print_json, print_table
from cem.cli.progress_line import ProgressLine
from cem.importing.arrangement import Order, parse_order
from cem.importing.document import nearest
from cem.learning.snapshot import MAGIC

__all__ = ["EVALUATIONS", "command"]

#: Model -> module of this package whose `run` evaluates it, and the options that it takes beside those of all.
EVALUATIONS: Final[dict[str, tuple[str, frozenset[str]]]] = {
    "sentiment": ("texts", frozenset({"holdout", "warm", "recipe"})),
    "reason": ("texts", frozenset({"holdout", "warm", "recipe", "foreign"})),
    "churn": ("tables", frozenset({"holdout", "warm", "recipe"})),
    "propensity": ("tables", frozenset({"holdout", "warm", "recipe"})),
    "satisfaction": ("tables", frozenset({"holdout", "warm", "recipe"})),
    "usage": ("usage", frozenset({"labels"})),
}


class _OrderType(click.ParamType):
    name = "file|time|shuffle:SEED"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Order:
        if isinstance(value, Order):
            return value
        try:
            return parse_order(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command("evaluate", short_help="Say how good a model is on a file.")
@click.argument("model")
@mapped_file("which column is what")
@click.option("--order", type=_OrderType(), default="file", help="In which order rows are learnt.")
@click.option(
    "--holdout",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Never learn this share of the rows, the last in the order; else the map says which.",
)
@click.option(
    "--warm",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Learn this file first, or start from this snapshot of cem learn --out.",
)
@click.option(
    "--warm-map",
    "warm_maps",
    multiple=True,
    type=click.Path(path_type=Path),
    help="The map of each --warm file.",
)
@click.option("--recipe", help="How the model is made, where there are several ways.")
@click.option("--labels", type=click.Path(path_type=Path), help="What was abuse and what was not (usage).")
@click.option(
    "--assignments", type=click.Path(path_type=Path), help="Write each row's action there (policy)."
)
@click.option("--foreign", type=click.Path(path_type=Path), help="Texts of another domain (reason).")
@json_option
def command(
    model: str,
    file: Path,
    map_file: Path,
    order: Order,
    limit: int | None,
    holdout: float | None,
    warm: tuple[Path, ...],
    warm_maps: tuple[Path, ...],
    recipe: str | None,
    labels: Path | None,
    assignments: Path | None,
    foreign: Path | None,
    as_json: bool,
) -> int:
    """Learn the rows of FILE one by one, predict each before that, and say how good the predictions were.

    MODEL is one of those in docs/models.md: sentiment, reason, ... The exit code is 3 if rows could not be used; the
    figures are of the others.
    """
    module, options = _evaluation(model)
    given = {
        "holdout": holdout,
        "warm": warm or warm_maps,
        "recipe": recipe,
        "labels": labels,
        "assignments": assignments,
        "foreign": foreign,
    }
    for name, value in given.items():
        if value and name not in options:
            raise Failure(f"--{name} says nothing to {model}", USAGE)
    line = ProgressLine("rows")
    rejected: list[Rejected] = []
    request = Request(
        model=model,
        file=file,
        map_file=map_file,
        order=order,
        limit=limit,
        holdout=holdout,
        warm=_paired(warm, warm_maps),
        recipe=recipe,
        labels=labels,
        assignments=assignments,
        foreign=foreign,
        on_rows=lambda what, done, total: line.show(done, done / total if total else None, f"  {what}"),
        on_rejected=rejected.append,
        clock_ns=time.thread_time_ns,
    )
    try:
        answer: Answer = importlib.import_module(f"cem.cli.evaluate.{module}").run(request)
    finally:
        line.end()
    if as_json:
        print_json(answer)
    elif model == "usage":
        importlib.import_module("cem.cli.evaluate.usage").show(answer)
    else:
        _show(answer)
    for each in rejected:
        each.say()
    return REJECTS if answer["rejected"] else DONE


def _evaluation(model: str) -> tuple[str, frozenset[str]]:
    found = EVALUATIONS.get(model)
    if found is None:
        raise Failure(f"there is no model {model!r}.{nearest(model, EVALUATIONS)}", USAGE)
    return found


def _paired(warm: tuple[Path, ...], maps: tuple[Path, ...]) -> tuple[tuple[Path, Path | None], ...]:
    """Return each --warm with its --warm-map, in order; a snapshot has none."""
    unused = list(maps)
    pairs: list[tuple[Path, Path | None]] = []
    for path in warm:
        snapshot = _is_snapshot(path)
        if not snapshot and not unused:
            raise Failure(f"--warm {path} is no snapshot of cem learn --out, so it needs a --warm-map", USAGE)
        pairs.append((path, None if snapshot else unused.pop(0)))
    if unused:
        raise Failure(f"--warm-map {unused[0]} belongs to no --warm", USAGE)
    return tuple(pairs)


def _is_snapshot(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}", USAGE) from None


def _show(answer: Answer) -> None:
    """Print the measures side by side: prequential, of the first 500 rows, of the held-out ones, before learning."""
    if not answer["rows"]:
        click.echo(f"{answer['model']}: no row that can be used, {answer['rejected']:,} rejected")
        return
    columns = [name for name in ("metrics", "first_500", "holdout", "zero_shot") if answer.get(name)]
    measures = list(dict.fromkeys(measure for name in columns for measure in answer[name]))
    print_table(
        ("measure", *columns),
        [(measure, *(_shown(answer[name].get(measure)) for name in columns)) for measure in measures],
        title=f"{answer['model']} ({answer.get('recipe', '')}): {answer['rows']:,} rows, {answer['rejected']:,} rejected",
    )
    for name, value in answer.items():
        if isinstance(value, float):
            click.echo(f"{name}: {value:.4f}")
    if answer.get("cost_us"):
        costs = ", ".join(f"{name} {value:,.0f} us" for name, value in answer["cost_us"].items())
        click.echo(f"CPU time a row: {costs}")


def _shown(value: float | int | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"
