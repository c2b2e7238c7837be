"""`cem import`: the rows of a file become events, by a map."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from cem.cli.connection import settings_from
from cem.cli.errors import DONE, REJECTS, UNREACHABLE, Failure
from cem.cli.mapped_file import mapped_file, read_map
from cem.cli.output import json_option, note, print_json
from cem.cli.progress_line import ProgressLine
from cem.importing.event_map import read_import_map
from cem.importing.into_log import ImportJob, import_into_log, opened
from cem.importing.progress import Progress
from cem.importing.rejects import RejectsFile
from cem.importing.run import JsonLinesSink, run_import
from cem.importing.translation import RejectedRow, Translated
from cem.ports import Unavailable

__all__ = ["command"]

#: Rows that --dry-run looks at, and how many events and rejects it shows.
_DRY_ROWS: Final = 1000
_DRY_SHOWN: Final = 5
_GO_ON: Final = "; the same command goes on from what Kafka has acknowledged"


@click.command("import", short_help="Send the rows of a file as events.")
@mapped_file("which column becomes which field of which event")
@click.option("--dry-run", is_flag=True, help="Show the first events and rejects; send nothing.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write events as JSON lines there, not to Kafka."
)
@click.option("--rejects", type=click.Path(path_type=Path), help="Where rows go that do not fit.")
@click.option(
    "--wait/--no-wait", default=True, help="Return when the workers have read it all, or when Kafka has it."
)
@click.option("--again", is_flag=True, help="Send all rows, also those that are in already.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    file: Path,
    map_file: Path,
    limit: int | None,
    dry_run: bool,
    out: Path | None,
    rejects: Path | None,
    wait: bool,
    again: bool,
    as_json: bool,
) -> int:
    """Send the rows of FILE (.csv, .tsv, .jsonl, .json, .parquet, each also .gz) as events, by a map.

    Rows that do not fit go to a rejects file with line and reason; the rest goes on, and the exit code is 3. An
    import that was stopped goes on where it was when the command is repeated; what is sent twice counts once.

    How maps are written: docs/importing.md. Examples: examples/maps/.
    """
    settings = settings_from(ctx)
    if settings.log_level != "debug":
        # What the client says while it tries again is no news; what came of it is said in a sentence.
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    line = ProgressLine("rows")

    begun = False

    def on_rows(progress: Progress, share: float) -> None:
        nonlocal begun
        begun = True
        line.show(progress.rows, share, f"  {progress.rejects:,} rejects" if progress.rejects else "")

    try:
        job = ImportJob(
            path=file,
            rule=read_map(map_file, read_import_map),
            settings=settings,
            limit=limit,
            rejects=rejects,
            again=again,
            wait=wait,
            on_rows=on_rows,
            note=line.note,
        )
        if dry_run:
            return _dry_run(job, as_json)
        progress = asyncio.run(import_into_log(job) if out is None else _import_into_file(job, out))
    except Unavailable as error:
        raise Failure(f"{error}{_GO_ON if begun else ''}", UNREACHABLE) from None
    finally:
        line.end()
    _report(file, progress, as_json)
    return REJECTS if progress.rejects else DONE


async def _import_into_file(job: ImportJob, out: Path) -> Progress:
    """Write the events of the whole file to `out`; there is nothing to go on from."""
    file, translator, source = opened(job)
    path = job.rejects or out.with_name(f"{out.name}.rejects.jsonl")
    rejects = RejectsFile(path)
    progress = Progress(source, str(job.path), rejects_file=str(path))
    try:
        with out.open("wb") as events:
            return await run_import(
                translator.table,
                translator,
                JsonLinesSink(events, source),
                rejects,
                progress,
                save=lambda reached: None,
                save_due=lambda: False,
                limit=job.limit,
                on_rows=lambda reached: job.on_rows(reached, file.share()),
            )
    finally:
        rejects.close()
        file.close()


def _dry_run(job: ImportJob, as_json: bool) -> int:
    """Translate the first rows and show some of what comes out. Exit code 3 when there are rejects among them."""
    file, translator, source = opened(job)
    events: list[dict[str, Any]] = []
    rejects: list[RejectedRow] = []
    reasons: Counter[str] = Counter()
    counts = {"rows": 0, "events": 0, "rejects": 0, "skipped": 0}
    for row in itertools.islice(translator.table, job.limit or _DRY_ROWS):
        counts["rows"] += 1
        result = translator.translate(row)
        if isinstance(result, Translated):
            counts["events"] += 1
            if len(events) < _DRY_SHOWN:
                events.append(msgspec.json.decode(result.structured(source)))
        elif isinstance(result, RejectedRow):
            counts["rejects"] += 1
            reasons[result.reason] += 1
            if len(rejects) < _DRY_SHOWN:
                rejects.append(result)
        else:
            counts["skipped"] += 1
    file.close()
    if as_json:
        print_json(
            {
                "file": str(job.path),
                **counts,
                "reasons": _most_first(reasons),
                "first_events": events,
                "first_rejects": rejects,
            }
        )
    else:
        for event in events:
            click.echo(msgspec.json.format(msgspec.json.encode(event), indent=2))
        for reject in rejects:
            note(f"line {reject.line}: {reject.reason}: {reject.detail}")
        note(
            _sentence(counts["rows"], counts["events"], counts["rejects"], counts["skipped"])
            + "; nothing sent"
        )
        for line in _reason_lines(reasons):
            note(line)
    return REJECTS if rejects else DONE


def _report(file: Path, progress: Progress, as_json: bool) -> None:
    rejects_file = progress.rejects_file if progress.rejects else None
    if as_json:
        print_json(
            {
                "file": str(file),
                "rows": progress.rows,
                "events": progress.events,
                "rejects": progress.rejects,
                "skipped": progress.skipped,
                "reasons": _most_first(progress.reasons),
                "rejects_file": rejects_file,
            }
        )
        return
    where = f" (in {rejects_file})" if rejects_file else ""
    click.echo(
        f"{file}: {_sentence(progress.rows, progress.events, progress.rejects, progress.skipped)}{where}"
    )
    for line in _reason_lines(progress.reasons):
        click.echo(line)


def _most_first(reasons: Mapping[str, int]) -> dict[str, int]:
    """Return the counts, the most frequent reason first."""
    return dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0])))


def _reason_lines(reasons: Mapping[str, int]) -> list[str]:
    return [f"  {count:,} {reason}" for reason, count in _most_first(reasons).items()]


def _sentence(rows: int, events: int, rejects: int, skipped: int) -> str:
    return f"{rows:,} rows: {events:,} events, {rejects:,} rejects, {skipped:,} skipped"
