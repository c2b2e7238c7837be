"""`cem learn`: a model learns the rows of a file, in the running system or into a snapshot."""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from cem.cli.connection import settings_from
from cem.cli.errors import DONE, FAILED, REJECTS, USAGE, Failure
from cem.cli.evaluate.rejected import Rejected
from cem.cli.mapped_file import mapped_file
from cem.cli.output import json_option, print_json, require_folder
from cem.cli.progress_line import ProgressLine
from cem.importing.document import nearest
from cem.learning.contract import Model
from cem.learning.evaluation.prequential import Labelled
from cem.learning.examples import Example, encode_example
from cem.settings import Settings
from cem.streams.connection import client_options
from cem.streams.outgoing import Outgoing
from cem.streams.producer import EventProducer
from cem.streams.topics import examples_topic

__all__ = ["LEARNERS", "command"]

#: Model -> module of `cem.cli.evaluate` whose `learnable` reads its files.
LEARNERS: Final[dict[str, str]] = {
    "sentiment": "text_rows",
    "reason": "text_rows",
    "churn": "tables",
    "propensity": "tables",
    "satisfaction": "tables",
}

#: Examples handed to the producer at once.
_AT_ONCE: Final = 1000


@click.command("learn", short_help="Let a model learn the rows of a file.")
@click.argument("model")
@mapped_file("which column is what")
@click.option("--recipe", help="How the model is made, where there are several ways (with --out).")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a snapshot there, which cem evaluate --warm takes; the running system learns nothing.",
)
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    model: str,
    file: Path,
    map_file: Path,
    limit: int | None,
    recipe: str | None,
    out: Path | None,
    as_json: bool,
) -> int:
    """Let MODEL learn the rows of FILE as if they had come over the stream, in the file's order.

    They are written to the model's topic of examples, from which the running system learns. Rows that the map holds out
    are not learnt. The exit code is 3 if rows could not be used. Maps: docs/models.md.
    """
    module = LEARNERS.get(model)
    if module is None:
        raise Failure(f"there is no model {model!r}.{nearest(model, LEARNERS)}", USAGE)
    if recipe is not None and out is None:
        raise Failure("--recipe is for --out: the running system has a recipe of its own", USAGE)
    if out is not None:
        require_folder(out)
    line = ProgressLine("rows")

    def on_rows(what: str, done: int, total: int | None) -> None:
        line.show(done, done / total if total else None, f"  {what}")

    try:
        found: tuple[Model[Any, Any, Any], Sequence[Labelled[Any, Any]], Rejected] = importlib.import_module(
            f"cem.cli.evaluate.{module}"
        ).learnable(model, recipe, file, map_file, limit, on_rows)
        learner, rows, rejected = found
        if out is not None:
            refused = _into_snapshot(learner, rows, out, on_rows)
        else:
            refused = {}
            asyncio.run(_into_log(settings_from(ctx), model, file, rows, on_rows))
    finally:
        line.end()
    learnt = len(rows) - sum(refused.values())
    topic = None if out is not None else examples_topic(model)
    if as_json:
        where = {"out": str(out)} if out is not None else {"topic": topic}
        print_json(
            {
                "model": model,
                "file": str(file),
                "rows": learnt,
                "rejected": rejected.total,
                "refused": refused,
                **where,
            }
        )
    else:
        refusals = "".join(f", {count:,} refused ({reason})" for reason, count in refused.items())
        click.echo(
            f"{file}: {learnt:,} rows {'learnt, ' + str(out) if out is not None else 'sent to ' + str(topic)}; "
            f"{rejected.total:,} rejected{refusals}"
        )
    rejected.say()
    return REJECTS if rejected.total or refused else DONE


def _into_snapshot(
    learner: Model[Any, Any, Any], rows: Sequence[Labelled[Any, Any]], out: Path, on_rows: Any
) -> dict[str, int]:
    """Learn the rows, write the snapshot, and return what the model refused."""
    for done, (x, y) in enumerate(rows, 1):
        learner.learn_one(x, y)
        on_rows("learnt", done, len(rows))
    # Offsets of a log that there was not: the rows, counted.
    learner.version = len(rows) - 1
    try:
        out.write_bytes(learner.snapshot())
    except OSError as error:
        raise Failure(f"{out}: {error.strerror}", FAILED) from None
    return dict(learner.refusals)


async def _into_log(
    settings: Settings, model: str, file: Path, rows: Sequence[Labelled[Any, Any]], on_rows: Any
) -> None:
    """Write the rows to the model's topic of examples; all in-sync replicas have them on return."""
    if settings.log_level != "debug":
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    topic = examples_topic(model)
    async with EventProducer(client_options(settings)) as producer:
        for at in range(0, len(rows), _AT_ONCE):
            await producer.send_many(
                Outgoing(topic, None, (), encode_example(Example(x, y, None, f"{file.name}#{number}")))
                for number, (x, y) in enumerate(rows[at : at + _AT_ONCE], at + 1)
            )
            on_rows("sent", min(at + _AT_ONCE, len(rows)), len(rows))
        await producer.flush()
